#!/usr/bin/env bash
# How a program grows with its candidate edges: build time, size of the object, and memory in training.
#
#   bench/scale.sh       one row each for 1e3 .. 1e7 candidates of a free DAG (h[i] -> h[j] where i < j), budget 5 %
# Bytes a candidate: resident memory of a training step, less that of the smallest program, by candidate; it holds
# weights, momentum, marks, lists of edges in use and activations.
set -euo pipefail
cd "$(dirname "$0")/.."
dnw=$PWD/${BUILD:-build}/dnw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/dag.dnw" <<'DNW'
option n = 45 in 2 .. 100000 "nodes"

fn Unit(z) = tanh(z)

graph Dag {
  input  x[2]
  nodes  h[n] : Unit
  output y[2]
  edges x[_] -> h[_]
  edges h[i] -> h[j] where i < j keep 5%
  edges h[_] -> y[_]
}

model Net(point) = point |> Dag

train Net {
  data  = spirals(2000)
  batch = 64
  optim = sgd(0.01, momentum = 0.9)
}
DNW
cd "$work"
peak() { # KiB of the largest process of a command
  /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}
seconds() { /usr/bin/python3 -c 'import subprocess, sys, time
best = 1e9
for _ in range(3):
    t = time.perf_counter(); subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); best = min(best, time.perf_counter() - t)
print(f"{best:.2f}")' "$@"; }
echo "| nodes | candidates | build s | object bytes | training step ms | peak MiB | bytes a candidate |"
echo "|---|---|---|---|---|---|---|"
base=
for n in 45 142 447 1414 4472; do
  candidates=$((n * (n - 1) / 2))
  build=$(seconds "$dnw" build dag.dnw -D n=$n -o dag)
  "$dnw" build dag.dnw -D n=$n --emit=obj -o dag.o
  memory=$(peak ./dag bench --threads 1 --steps 3 --batch 64)
  base=${base:-$memory}
  step=$(./dag bench --threads 1 --steps 5 --batch 64 --json | sed 's/.*"ms_per_step": *\([0-9.]*\).*/\1/')
  printf '| %d | %d | %s | %d | %.2f | %.0f | %.1f |\n' $n $candidates "$build" "$(stat -c %s dag.o)" "$step" "$((memory / 1024))" \
    "$(awk -v m="$memory" -v b="$base" -v c=$candidates 'BEGIN { print (m - b) * 1024 / c }')"
done
