#!/usr/bin/env bash
# Scaling with the candidates: time to build and to start, time and memory of a training step.
#
#   bench/scale.sh                        two tables: all pairs of nodes, 1e4 to 1e8 candidates; bands, 1,000 to 64,000 nodes
#   bench/scale.sh --plot docs/growth.svg the same as a plot (installs gnuplot where it is missing)
# One thread, batch 64, sgd with momentum. Memory is that of the process at its largest.
. "$(dirname "${BASH_SOURCE[0]}")/growth.sh"
train='train Net { data = spirals(2000); batch = 64; optim = sgd(0.01, momentum = 0.9) }'
cat > "$work/pairs.dnw" <<DNW
## The candidates of a node are all nodes before it.
option n = 142 in 2 .. 100000 "nodes"
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
$train
DNW
cat > "$work/bands.dnw" <<DNW
## Two layers; the candidates of a node are the nodes of the first layer near it.
option n = 500 in 2 .. 1000000 "nodes of a layer"
fn Unit(z) = tanh(z)
graph Band {
  input  x[2]
  nodes  a[n] : Unit
  nodes  b[n] : Unit
  output y[2]
  edges x[_] -> a[_]
  edges a[i] -> b[j] where abs(i - j) <= 16 keep 20%
  edges b[_] -> y[_]
}
model Net(point) = point |> Band
$train
DNW
cd "$work"

# Runs a command: the smallest of three times in seconds, and the memory of its process in MiB.
cat > timed.py <<'PY'
import os, subprocess, sys, time
best, most = 1e9, 0
for _ in range(3):
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    best, most = min(best, time.perf_counter() - start), max(most, used.ru_maxrss)
    if status: sys.exit(1)
print(f"{best:.3f} {most / 1024:.0f}")
PY

# NAME NODES N: one row for the program NAME with option n = N, which has so many nodes.
row() {
  local build start step memory candidates kept
  read -r build _ < <(/usr/bin/python3 timed.py "$dnw" build "$1.dnw" -D n="$3" -o "$1")
  read -r start _ < <(/usr/bin/python3 timed.py "./$1" info)
  read -r _ memory < <(/usr/bin/python3 timed.py "./$1" bench --threads 1 --steps 3)
  read -r candidates kept < <("$dnw" check --json "$1.dnw" -D n="$3" | /usr/bin/python3 -c '
import json, sys
graphs = json.load(sys.stdin)["graphs"].values()
print(sum(g["candidates"] for g in graphs), sum(g["kept"] for g in graphs))')
  step=$(for _ in 1 2 3; do "./$1" bench --threads 1 --steps 20 --json; done | /usr/bin/python3 -c '
import json, sys
print(min(json.loads(line)["ms_per_step"] for line in sys.stdin))')
  awk -v n="$2" -v c="$candidates" -v k="$kept" -v b="$build" -v i="$start" -v s="$step" -v m="$memory" 'BEGIN {
    printf "| %d | %d | %d | %.2f | %.2f | %.3g | %.2f | %d |\n", n, c, k, b, i, s, s * 1e6 / c, m }'
  echo "$candidates $step $memory" >> "$1.points"
}
head="| nodes | candidates | in use | build s | start s | step ms | step ns a candidate | peak MiB |"
printf '%s\n\n%s\n|---|---|---|---|---|---|---|---|\n' "All pairs i < j, 5 % in use:" "$head"
for n in 142 447 1414 4472 14142; do row pairs "$n" "$n"; done
printf '\n%s\n\n%s\n|---|---|---|---|---|---|---|---|\n' "Bands of 33 candidates a node, 20 % in use:" "$head"
for n in 500 1000 2000 4000 8000 16000 32000; do row bands $((2 * n)) "$n"; done
[ -n "$plot" ] || exit 0
gnuplot <<GP
set terminal svg size 900,380 font 'sans-serif,12' background rgb 'white'
set output '$plot'
set multiplot layout 1,2
set logscale xy
set format x '10^{%T}'
set xlabel 'candidate edges'
set key top left reverse Left
set grid
set ylabel 'milliseconds a training step'
plot 'pairs.points' u 1:2 w lp pt 7 t 'all pairs', 'bands.points' u 1:2 w lp pt 5 t 'bands', 4e-6 * x w l dt 2 lc 'gray' t 'linear'
set key bottom right
set yrange [5:*]
set ylabel 'MiB at the peak'
plot 'pairs.points' u 1:3 w lp pt 7 t 'all pairs', 'bands.points' u 1:3 w lp pt 5 t 'bands', 10 + 9 * x / 1048576 w l dt 2 lc 'gray' t '10 MiB + 9 bytes a candidate'
GP
echo
echo "plot: ${plot#"$root"/}"
