#!/usr/bin/env bash
# Measurements: the table of bench/run.sh, the count of useful operations, and what `bench` says about its data.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
source=${DNW_SOURCE:?}

# the table, without the peers
table() { BUILD=$DNW_BUILD "$source/bench/run.sh" "$@"; }
expect "unknown model" 2 "'mpl' is none of mlp, static" table --only mpl
expect "no pairs" 2 "--pairs takes a number" table --pairs 0
expect "table" 0 "| mlp | infer | 1 | 1 |" table --alone --only mlp --work infer --batch 1 --threads 1 --pairs 1
that "one row" test "$(grep -c '^| mlp' <<<"$said")" -eq 1

# peers for sparse training
peer() { /usr/bin/python3 "$source/bench/peer/sparse.py" "$@"; }
peers() { for kind in torch-set torch-rigl scipy-set; do peer "$kind" "$@" || return; done; }
if /usr/bin/python3 -c 'import torch, scipy' 2>/dev/null; then
  expect "peers" 0 "scipy-set batch=10 threads=1 density=0.2" peers --sizes 12-30-4 --density 0.2 --batch 10 --steps 3
  that "each one" test "$(grep -c 'ms/step loss=[0-9]' <<<"$said")" -eq 3
  mkdir -p no/scipy && echo 'raise ImportError' >no/scipy/__init__.py
  expect "without SciPy" 1 "needs SciPy for /usr/bin/python3" env PYTHONPATH=no /usr/bin/python3 "$source/bench/peer/sparse.py" scipy-set
fi

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

# --explain-speed: its text is compared in tests/stage/*.speed
expect "explained" 0 "no slow paths" "$dnw" check --explain-speed "$source/examples/fashion_mlp.dnw"
expect "explained as JSON" 0 '"candidates": 794000.0' "$dnw" check --explain-speed --json "$source/examples/fashion_mlp.dnw"
expect "explained without a model" 1 "has no model to build" "$dnw" check --explain-speed /dev/null

# data
cat >digits.dnw <<'DNW'
option classes = 10
model Net(image[1, 28, 28]) = image |> flatten |> linear(classes)
train Net { data = idx("no-images", "no-labels"); loss = cross_entropy }
DNW
expect "build" 0 "" "$dnw" build digits.dnw -D classes=7
expect "made data" 0 "data random (numbers of the right shape; --data DIR reads the data set)" ./digits bench --steps 1 --batch 8
expect "stages" 0 "for the lines of the file: dnw bench digits.dnw -D classes=7 --profile" ./digits bench --steps 1 --batch 8 --profile
expect "made data, as JSON" 0 '"data": "random"' ./digits bench --steps 1 --batch 8 --json

# lines of the file: of all stages together they are the stage
cat >net.dnw <<'DNW'
fn Leaky(z) {
  weight leak in 0.1 .. 5 ~ uniform(0.3, 2)
  state v = 0
  v' = leak * (tanh(z) - v)
  v
}
graph Flow {
  time = flow(0, 1, rk4(40))
  input  x[2]
  nodes  h[200] : Leaky
  output y[2]
  edges {
    x[_] -> h[_]
    h[i] -> h[j] where i != j
    h[_] -> y[_]
  } keep 10%
}
model Net(point) = point |> Flow
train Net { data = spirals(200); batch = 100; loss = cross_entropy; optim = adam }
DNW
lines_agree() { # a "what" that must be there, with its line
  python3 - "$said" "$@" <<'PY'
import json, sys
result, wanted = json.loads(sys.argv[1]), sys.argv[2:]
found = {}
for stage in result["profile"]:
    if "lines" not in stage: continue
    total = stage["seconds"] * result["threads"]
    parts = [line["seconds"] for line in stage["lines"]]
    assert abs(sum(parts) - total) <= 1e-6 * max(total, 1e-9) + 1e-9, (stage["stage"], sum(parts), total)
    assert min(parts) > -1e-3 - 0.02 * total, stage
    for line in stage["lines"]:
        if "file" in line: found[f'{line["file"]}:{line["first"]} {line["what"]}, {line["when"]}'] = line["calls"]
for line in wanted: assert found.get(line, 0) > 0, (line, found)
PY
}
measured="bench net.dnw --profile --steps 2 --batch 100 --json"
for threads in 1 2; do
  expect "lines, $threads threads" 0 '"lines"' "$dnw" $measured --threads $threads
  that "lines agree, $threads threads" lines_agree "net.dnw:14 Flow: sums over edges h -> h, forward" \
    "net.dnw:14 Flow: sums over edges h -> h, again" "net.dnw:14 Flow: gradients of values, edges h -> h, backward" \
    "net.dnw:15 Flow: candidate gradients h -> y, backward" "net.dnw:4 Flow: node function Leaky of h, forward" \
    "net.dnw:7 Flow: states between evaluations, forward"
done
expect "threads that wait" 0 "threads wait for the end of: " "$dnw" ${measured/ --json/} --threads 2
cat > edges.dnw <<'DNW'
fn Bent(x) { weight w ~ kaiming; weight a = 1; w * tanh(batch_norm(a * x)) }
graph Wiring {
  input  x[2]
  nodes  h[60]
  output y[2]
  edges { x[_] -> h[_]; h[_] -> y[_] } via Bent keep 50% by w
}
model Net(point) = point |> Wiring
train Net { data = spirals(200); batch = 100 }
DNW
expect "lines of edges with functions" 0 '"lines"' "$dnw" ${measured/net/edges} --threads 1
that "lines of edges with functions agree" lines_agree "edges.dnw:6 Wiring: candidate gradients h -> y, backward" \
  "edges.dnw:6 Wiring: statistics, edges h -> y, forward" "edges.dnw:6 Wiring: gradients of statistics, edges h -> y, backward"
expect "lines, to infer" 0 '"lines"' "$dnw" $measured --threads 1 --infer
that "lines agree, to infer" lines_agree "net.dnw:14 Flow: sums over edges h -> h, forward"
expect "lines, cached" 0 '"lines"' env DNW_CC=/bin/false "$dnw" $measured
expect "other programs are not measured" 0 '"ms_per_step"' "$dnw" bench net.dnw --steps 1 --json
that "no profile" test "${said/profile/}" = "$said"
expect "a program that measures itself" 0 "" "$dnw" build net.dnw --profile -o measured
expect "its lines" 0 "net.dnw:14" ./measured bench --profile --steps 1
finish
