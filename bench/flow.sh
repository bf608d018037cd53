#!/usr/bin/env bash
# Memory of training in continuous time: it does not grow with the steps.
#
#   bench/flow.sh        one row for each solver: a graph of 204 nodes, batch 256, one thread, two steps of training
set -euo pipefail
cd "$(dirname "$0")/.."
dnw=$PWD/${BUILD:-build}/dnw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/flow.dnw" <<'DNW'
option solver = rk4(10) "how the states move from 0 to 10"

fn Leaky(z) {
  weight leak in 0.1 .. 5 ~ uniform(0.3, 2)
  state v = 0.1
  v' = leak * (tanh(3 * z) - v)
  v
}

graph Flow {
  time = flow(0, 10, solver)
  input  x[2]
  nodes  h[200] : Leaky
  output y[2]
  edges { x[_] -> h[_]; h[i] -> h[j] where i != j; h[_] -> y[_] } keep 10%
}

model Net(point) = point |> Flow

train Net { data = spirals(512); batch = 256; epochs = 1; optim = adam }
DNW
cd "$work"
echo "| solver | evaluations forwards | seconds | peak MiB |"
echo "|---|---|---|---|"
for solver in "rk4(10)" "rk4(100)" "rk4(1000)" "dopri5(rtol = 0.01)" "dopri5(rtol = 0.001)" "dopri5(rtol = 0.0001)" \
  "dopri5(rtol = 0.00001)" "dopri5(rtol = 0.000001)"; do
  "$dnw" build flow.dnw -D solver="$solver" -o flow >/dev/null
  /usr/bin/python3 - "$solver" <<'PY'
import json, resource, subprocess, sys
subprocess.run(["./flow", "train", "--threads", "1", "--out", "run", "--force", "--quiet"], check=True)
epoch = [json.loads(line) for line in open("run/log.jsonl")][1]
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"| {sys.argv[1]} | {epoch['nfe']:.0f} | {epoch['seconds']:.2f} | {peak:.1f} |")
PY
done
