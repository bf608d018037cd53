#!/usr/bin/env bash
# Snapshots of the wiring (wiring.bin), and `dnw report`: the data in the page against the run, what is refused, and, where
# chromium is installed, the page in a browser.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
here=${DNW_SOURCE:?set DNW_SOURCE to the source folder}/tests/report
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
python=${DNW_PYTHON:-/usr/bin/python3}

net() { # NAME SETTINGS
  cat >"$1.dnw" <<DNW
fn Unit(z) { weight b = 0; tanh(z + b) }
fn Filter(z) { weight k[3, 3] ~ normal(0, 1); weight b = 0; conv(z, k) + b }
graph Wiring {
  input  x[2]
  nodes  h[l: 3, i: 6] at (l, cos(2 * pi * i / 6)) : Unit
  output y[2]
  edges { x[_] -> h[_, _]; h[l, _] -> h[m, _] where l < m; h[_, _] -> y[_] } keep 30%
  edges h[l, _] -> h[m, _] where l < m and chance(40%)
}
model Net(point) = point |> Wiring |> linear(3, keep = 50%)
train Net { data = spirals(400, classes = 3); seed = 3; optim = adam(lr = 0.02); $2 }
DNW
  "$dnw" build "$1.dnw" -o "$1" >/dev/null
}

# ---- snapshots ----

tensors() { # FILE: the bytes of a checkpoint without its header, which has names and times
  "$python" -c 'import struct, sys
data = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(data[8 + struct.unpack("<Q", data[:8])[0]:])' "$1"
}
same() { cmp -s <(tensors "$1") <(tensors "$2") && [ -s "$1" ]; }
some="batch = 32; epochs = 6"
net each "$some" && net four "$some; snapshots = 4" && net none "$some; snapshots = 0"
for run in each four none; do expect "snapshots: $run" 0 "epoch 6/6" ./$run train --out $run.run; done
that "snapshots: none are made" test ! -e none.run/wiring.bin
for file in last best; do
  for run in four none; do that "snapshots: the same weights, $file, $run" same each.run/$file.safetensors $run.run/$file.safetensors; done
done
expect "snapshots: three threads" 0 "epoch 6/6" ./four train --out three.run --threads 3
that "snapshots: the same bytes with three threads" cmp four.run/wiring.bin three.run/wiring.bin
expect "snapshots: a part" 0 "epoch 2/2" ./four train --out part.run --epochs 2
cp -r part.run cut.run
expect "snapshots: continued" 0 "epoch 6/6" ./four train --out part.run --epochs 6 --resume
that "snapshots: the same bytes, continued" cmp four.run/wiring.bin part.run/wiring.bin
cp -r cut.run crashed.run
printf 'half of a snapshot' >>crashed.run/wiring.bin
expect "snapshots: after a crash" 0 "epoch 6/6" ./four train --out crashed.run --epochs 6 --resume
that "snapshots: the same bytes, after a crash" cmp four.run/wiring.bin crashed.run/wiring.bin
truncate -s -1 cut.run/wiring.bin
expect "snapshots: the file is cut" 1 "cut.run/wiring.bin: has" ./four train --out cut.run --epochs 6 --resume
expect "snapshots: a run that replaces one" 0 "epoch 6/6" ./none train --out part.run --force
that "snapshots: the old file is gone" test ! -e part.run/wiring.bin
expect "snapshots: off in a run that goes on" 0 "epoch 8/8" ./none train --out each.run --epochs 8 --resume
expect "snapshots: on in a run that goes on" 0 "epoch 8/8" ./four train --out none.run --epochs 8 --resume
net slow "batch = 2; epochs = 400; snapshots = 3"
stops=0
for wait in 0.13 0.21 0.34; do # within an epoch, and between two
  ./slow train --out stopped.run --quiet $([ $stops -eq 0 ] || echo --resume) 2>/dev/null & process=$!
  while [ $stops -eq 0 ] && [ ! -e stopped.run/last.safetensors ]; do sleep 0.02; done
  sleep $wait
  kill -INT $process 2>/dev/null
  wait $process
  [ $? -eq 130 ] && stops=$((stops + 1))
done
that "snapshots: stopped" test $stops -gt 0
[ ! -e stopped.run/last.safetensors ] || ./slow train --out stopped.run --quiet --resume
./slow train --out whole.run --quiet
that "snapshots: the same bytes, stopped $stops times" cmp stopped.run/wiring.bin whole.run/wiring.bin

full() { (ulimit -f 1 && exec ./four train --out full.run); }
expect "snapshots: full disk" 3 "full.run/wiring.bin: cannot write: File too large" full
expect "snapshots: the run after it" 0 "epoch 6/6" ./four train --out full.run --force
that "snapshots: the same bytes, after a full disk" cmp four.run/wiring.bin full.run/wiring.bin

cat >long.dnw <<'DNW'
model Net(point) = point |> linear(2, keep = 50%)
train Net { data = spirals(20); batch = 20; epochs = 600; snapshots = 2 }
DNW
expect "report: over a program" 2 "'four.dnw': a report is written as .html" "$dnw" report four.run -o four.dnw
expect "snapshots: a long run" 0 "epoch 600/600" "$dnw" train long.dnw --out long.run
expect "snapshots: its page" 0 "wrote long.html" "$dnw" report long.run -o long.html

# ---- the page ----

expect "report" 0 "wrote report.html: 1 run" "$dnw" report four.run
expect "report: several runs" 0 "wrote many.html: 3 runs" "$dnw" report four.run three.run/ none.run -o many.html
./four edges --weights four.run/last.safetensors -o edges.csv >/dev/null
that "report: the page against the run" "$python" - <<'END'
import csv, json, math, struct
from read_page import data_of, snapshots
[run] = data_of('report.html')['runs']
log = [json.loads(line) for line in open('four.run/log.jsonl')]
epochs = [e for e in log if e['event'] == 'epoch']
assert run['name'] == 'four.run' and run['total'] == 6 and run['start']['seed'] == 3
for key in ('epoch', 'loss', 'test_loss', 'accuracy', 'train_accuracy', 'kept', 'swapped', 'idle', 'lr', 'seconds'):
    want = [e[key] for e in epochs]
    assert len(want) == 6 and all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(run['epochs'][key], want)), key
best = [e for e in epochs if 'confusion' in e][-1]
assert best['accuracy'] == max(e['accuracy'] for e in epochs) and run['confusion'] == best['confusion']
assert sum(map(sum, best['confusion'])) == 100 and math.isclose(sum(best['confusion'][i][i] for i in range(3)) / 100, best['accuracy'])
assert run['source']['text'] == open('four.dnw').read() and 'note' not in run['source']
head, frames = run['wiring']['head'], snapshots(run['wiring'])
assert [round(p * 13) for p, _ in frames] == [0] + [13 * e + s for e in range(6) for s in (4, 7, 10, 13)], [p * 13 for p, _ in frames]
lines = {l['name']: i for i, l in enumerate(head['lines'])}
table = list(csv.DictReader(open('edges.csv')))
assert set(lines) == {r['line'] for r in table}
for name, i in lines.items():
    kept, edges = frames[-1][1][i]
    want = {(int(r['source']), int(r['target'])): float(r['weight']) for r in table if r['line'] == name}
    have = {(s, t): w for s, t, w in edges}
    largest = max(map(abs, want.values()))
    assert kept == len(edges) == len(want) and set(have) == set(want), name
    assert all(abs(have[k] - want[k]) <= largest / 254 * 1.001 for k in want), name
assert {s: tuple(x['dim']) for s, x in ((x['name'], x) for x in head['graphs'][0]['sets'])} == {'x': (2,), 'h': (3, 6), 'y': (2,)}
points = head['graphs'][0]['sets'][1]['points']
assert all(math.isclose(points[6 * l + i][1], math.cos(2 * math.pi * i / 6), abs_tol=1e-5) and points[6 * l + i][0] == l for l in range(3) for i in range(6))
data = open('four.run/best.safetensors', 'rb').read()
size = struct.unpack('<Q', data[:8])[0]
tensor = json.loads(data[8:8 + size])['Wiring.h.Unit.b']
biases = struct.unpack('<18f', data[8 + size:][slice(*tensor['data_offsets'])])
[shown] = run['weights']['Wiring.h']
assert shown['name'] == 'Unit.b' and shown['size'] == 1 and all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(shown['values'], biases))
END
that "report: several runs, one without all snapshots" "$python" - <<'END'
from read_page import data_of, snapshots
runs = data_of('many.html')['runs']
assert [r['name'] for r in runs] == ['four.run', 'three.run', 'none.run']
assert runs[0]['wiring'] == runs[1]['wiring'] and [round(13 * p) for p, _ in snapshots(runs[2]['wiring'])] == [13 * e + s for e in (6, 7) for s in (4, 7, 10, 13)]
END
that "snapshots: fewer of late epochs" "$python" - <<'END'
from read_page import data_of, snapshots
have = [p for p, _ in snapshots(data_of('long.html')['runs'][0]['wiring'])]
epochs = [*range(1, 129), *range(130, 257, 2), *range(260, 513, 4), *range(520, 601, 8)]
assert have == [0] + epochs, have # an epoch of one step has one
END
that "report: nothing is loaded from elsewhere" test -z "$(grep -oE '(src|href)="[^"]*"|@import|url\([^)]*\)' report.html)"
that "report: the licence of uPlot" grep -q "Permission is hereby granted" report.html
that "report: uPlot as published" test "$(sed -n 's/^\([0-9a-f]\{64\}\)  /\1 /p' "$DNW_SOURCE/report/README.md")" = \
  "$(cd "$DNW_SOURCE/report" && sha256sum uPlot.iife.min.js uPlot.min.css | sed 's/  / /')"

# Edges of a large line are counted: a map of 64 x 64 parts. Many snapshots are thinned out.
cat >large.dnw <<'DNW'
graph Wiring { input x[2]; nodes h[500]; output y[2]; edges x -> h; edges h[_] -> y[_] }
graph Large { input x[500]; output y[500]; edges x[_] -> y[_] keep 40% }
model Net(point) = point |> linear(500) |> relu |> Large |> linear(2)
train Net { data = spirals(64); batch = 64; epochs = 2 }
DNW
expect "report: a large line" 0 "epoch 2/2" "$dnw" train large.dnw --out large.run
expect "report: its page" 0 "wrote large.html" "$dnw" report large.run -o large.html
that "report: its map" "$python" - <<'END'
from read_page import data_of, snapshots
wiring = data_of('large.html')['runs'][0]['wiring']
line = next(i for i, l in enumerate(wiring['head']['lines']) if l['name'] == 'Large.edges.0')
for _, lines in snapshots(wiring):
    kept, cells = lines[line]
    assert kept == 100000 == sum(cells) and len(cells) == 64 * 64 and min(cells) > 0 and max(cells) <= 64
END
that "report: a large line takes few bytes" test "$(stat -c %s large.run/wiring.bin)" -lt 60000

# 81 snapshots of 30,000 edges are more than the page takes.
cat >many.dnw <<'DNW'
graph Large { input x[200]; output y[200]; edges x[_] -> y[_] keep 75% }
model Net(point) = point |> linear(200) |> relu |> Large |> linear(2)
train Net { data = spirals(400); batch = 8; epochs = 2; snapshots = 40 }
DNW
expect "report: many snapshots" 0 "epoch 2/2" "$dnw" train many.dnw --out thick.run
expect "report: its page" 0 "wrote thick.html" "$dnw" report thick.run -o thick.html
that "report: some snapshots are left out" "$python" - <<'END'
import os
from read_page import data_of, snapshots
have = [round(40 * p) for p, _ in snapshots(data_of('thick.html')['runs'][0]['wiring'])]
assert have[0] == 0 and have[-1] == 80 and 20 < len(have) < 81 and len({b - a for a, b in zip(have[:-1], have[1:-1])}) == 1, have
assert os.path.getsize('thick.html') < 3 * 2 ** 20
END

# ---- what cannot be shown ----

mkdir empty foreign broken && cp -r four.run/* broken
printf '{"step": 1, "loss": 0.5}\n' >foreign/log.jsonl
expect "bad: no folder" 1 "cannot read 'nowhere/log.jsonl': No such file or directory" "$dnw" report nowhere
expect "bad: no run" 1 "'empty' is not a run: it has no log.jsonl" "$dnw" report empty
expect "bad: a file" 1 "Not a directory" "$dnw" report report.html
expect "bad: a foreign log" 1 "foreign/log.jsonl: line 1: this is no log of dnw" "$dnw" report four.run foreign
printf '{"event": "start", "program": "net"}\n' >foreign/log.jsonl
expect "bad: a start of other software" 1 "foreign/log.jsonl: line 1: this is no log of dnw" "$dnw" report foreign
: >foreign/log.jsonl
expect "bad: an empty log" 1 "foreign/log.jsonl: the log is empty" "$dnw" report foreign
sed 's/"confusion":\[\[/"confusion":[[1],[/' four.run/log.jsonl >broken/log.jsonl
expect "bad: a table that is none" 1 "broken/log.jsonl: line 2: this is no event of a run" "$dnw" report broken
cp four.run/log.jsonl broken
sed -i '3s/.*/{"event": "epo/' broken/log.jsonl
expect "bad: a broken log" 1 "broken/log.jsonl: line 3: this is no event of a run" "$dnw" report broken
cp four.run/log.jsonl broken
damage() { # OFFSET: another byte there
  cp four.run/wiring.bin broken
  "$python" -c 'import sys
f = open("broken/wiring.bin", "r+b"); at = int(sys.argv[1])
f.seek(at); byte = f.read(1)[0]; f.seek(at); f.write(bytes([byte ^ 85]))' "$1"
}
damage 3
expect "bad: another file" 1 "broken/wiring.bin: byte 0: damaged: it does not begin as wiring.bin does" "$dnw" report broken
damage 10
expect "bad: the head is too long" 1 "byte 12: damaged: its head does not describe a network" "$dnw" report broken
damage 12
expect "bad: the head" 1 "byte 12: damaged: its head does not describe a network" "$dnw" report broken
damage $(($(stat -c %s four.run/wiring.bin) - 40))
expect "bad: the last snapshot" 1 "damaged: snapshot 25" "$dnw" report broken
crashes=0
for at in $(seq 8 23 4000); do
  damage "$at"
  "$dnw" report broken -o broken.html >said 2>&1
  [ $? -le 1 ] || crashes=$((crashes + 1))
done
that "bad: no byte crashes it" test $crashes -eq 0
head -c 3000 four.run/wiring.bin >broken/wiring.bin
expect "a snapshot that is being written is left out" 0 "wrote broken.html" "$dnw" report broken -o broken.html
: >broken/wiring.bin
expect "no snapshots yet" 0 "note: 'broken' has no snapshots of its wiring" "$dnw" report broken
rm broken/wiring.bin
expect "no snapshots" 0 "note: 'broken' has no snapshots of its wiring: the page has its curves alone" "$dnw" report broken -o broken.html
sed -i '2,$d' broken/log.jsonl
expect "no epoch yet" 0 "wrote start.html" "$dnw" report broken -o start.html
expect "bad: no place" 3 "cannot write 'nowhere/r.html'" "$dnw" report four.run -o nowhere/r.html
that "bad: no part of a page is left" test -z "$(ls | grep tmp)"
touch four.dnw
expect "report: the source has changed" 0 "" "$dnw" report four.run
that "report: the source has changed: the page says so" grep -q '"note":"changed since this run"' report.html
rm four.dnw
expect "report: no source" 0 "" "$dnw" report four.run
that "report: no source: the page says so" grep -q '"note":"cannot be read from here"' report.html

# ---- in a browser ----

if ! command -v chromium >/dev/null; then
  echo "no chromium: the page is not opened in a browser"
  finish
  exit
fi
# The page with a script behind it that uses it as a person would, and writes what it saw into its title.
browse() { # PAGE SCRIPT
  { sed 's#</body>##; s#</html>##' "$1"; cat "$2"; } >used.html
  timeout 60 chromium --headless --no-sandbox --disable-gpu --window-size=1300,2000 --virtual-time-budget=20000 \
    --enable-logging=stderr --user-data-dir="$tmp/chromium" --dump-dom "file://$tmp/used.html" 2>browser.log | sed -n 's#.*<title>\(.*\)</title>.*#\1#p'
}
for page in report many large start broken; do
  saw=$(browse $page.html "$here/use.html")
  that "browser: $page: no errors on the console" test -z "$(grep -E 'CONSOLE' browser.log | tee /dev/stderr)"
  case $page in
    start | broken) want="ready no-wiring" ;;
    large) want="ready maps slider theme" ;;
    *) want="ready layers slider play keys node filter-or-bias theme" ;;
  esac
  that "browser: $page: saw '$saw', expected '$want'" test "$saw" = "$want"
done
finish
