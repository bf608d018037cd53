#!/usr/bin/env bash
# Measuring: the table of bench/run.sh, what is counted as useful arithmetic, and what `bench` says of its data.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
source=${DNW_SOURCE:?}

# the table, without PyTorch
table() { BUILD=$DNW_BUILD "$source/bench/run.sh" "$@"; }
expect "unknown model" 2 "'mpl' is none of mlp, static" table --only mpl
expect "no pairs" 2 "--pairs takes a number" table --pairs 0
expect "table" 0 "| mlp | infer | 1 | 1 |" table --alone --only mlp --work infer --batch 1 --threads 1 --pairs 1
that "one row" test "$(grep -c '^| mlp' <<<"$said")" -eq 1

# Useful arithmetic: an edge is one multiply-add a pixel and evaluation; into an output without a function once.
expect "counted" 0 '"candidates": 322560' "$dnw" check --json "$source/examples/tiny_cifar.dnw"
that "in use" grep -q '"edge_macs": 2048000' <<<"$said"        # 32,000 edges x 64 pixels
that "candidates" grep -q '"candidate_macs": 20643840' <<<"$said" # 322,560 x 64
cat >steps.dnw <<'DNW'
graph G {
  time = steps(5)
  input  x[2] : tanh
  nodes  h[3] : tanh
  output y[4]
  edges x[_] -> h[_]
  edges h[_] -> y[_]
}
model M(a[2]) = a |> G
DNW
expect "once at the end" 0 '"edge_macs": 42,' "$dnw" check --json steps.dnw # 6 edges x 5 steps + 12

# data
cat >digits.dnw <<'DNW'
model Net(image[1, 28, 28]) = image |> flatten |> linear(10)
train Net { data = idx("no-images", "no-labels"); loss = cross_entropy }
DNW
expect "build" 0 "" "$dnw" build digits.dnw
expect "made data" 0 "data random (numbers of the right shape; --data DIR reads the data set)" ./digits bench --steps 1 --batch 8
expect "made data, as JSON" 0 '"data": "random"' ./digits bench --steps 1 --batch 8 --json
finish
