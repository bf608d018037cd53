#!/usr/bin/env bash
# Time and memory by the edges in use: examples/huge.dnw, a million neurons and a billion candidates under the rule `set`.
#
#   bench/huge.sh                             a table, 1e5 to 1e7 edges in use
#   bench/huge.sh --plot docs/growth_used.svg the same as a plot (installs gnuplot where it is missing)
# One thread, batch 16, sgd with momentum. The step is the least of three runs. Memory is the peak of two epochs with an
# event between them, beyond that of the same network with a thousand edges: the rest is for nodes and their values.
. "$(dirname "${BASH_SOURCE[0]}")/growth.sh"
cd "$work"

# Runs a command: the peak of its memory in KiB.
cat > peak.py <<'PY'
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss)
sys.exit(status != 0)
PY

build() { "$dnw" build "$root/examples/huge.dnw" -D in_use="$1" -o huge >/dev/null; }
peak() { /usr/bin/python3 peak.py ./huge train --threads 1 --epochs 2 --out out --force; }
step() {
  for _ in 1 2 3; do ./huge bench --threads 1 --steps 10 --json; done | /usr/bin/python3 -c '
import json, sys
print(min(json.loads(line)["ms_per_step"] for line in sys.stdin))'
}

build 1000
base=$(peak)
printf '%s\n|---|---|---|---|---|\n' "| in use | step ms | ns an edge | peak MiB | bytes an edge |"
for n in 100000 300000 1000000 3000000 10000000; do
  build "$n"
  ms=$(step)
  most=$(peak)
  awk -v n="$n" -v s="$ms" -v p="$most" -v b="$base" 'BEGIN {
    printf "| %d | %.3g | %.1f | %d | %.1f |\n", n, s, s * 1e6 / n, p / 1024, (p - b) * 1024 / n }'
  echo "$n $ms $(((most - base) / 1024))" >> points
done
[ -n "$plot" ] || exit 0
gnuplot <<GP
set terminal svg size 900,380 font 'sans-serif,12' background rgb 'white'
set output '$plot'
set multiplot layout 1,2
set logscale xy
set format x '10^{%T}'
set xlabel 'edges in use'
set key top left reverse Left
set grid
set ylabel 'milliseconds a training step'
plot 'points' u 1:2 w lp pt 7 t 'a step', 1.2e-5 * x w l dt 2 lc 'gray' t '12 ns an edge'
set ylabel 'MiB for edges'
plot 'points' u 1:3 w lp pt 7 t 'peak, less that of nodes', 48 * x / 1048576 w l dt 2 lc 'gray' t '48 bytes an edge'
GP
echo
echo "plot: ${plot#"$root"/}"
