#!/usr/bin/env bash
# Candidates from files of edges: first weights, imports from another folder, the program cache, threads, resuming, frozen
# programs, and a file with a million edges.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"

mkdir lib
printf 'source,target,weight\n0,1,0.5\n3,2,-0.25\n2,0,0.125\n1,2,1\n1,3,-1\n' >lib/ring.csv
cat >lib/ring.dnw <<'END'
graph Ring {
  time = steps(4)
  input  x[2]
  nodes  h[4] : tanh
  output y[2]
  edges x -> h
  edges h[i] -> h[j] in file("ring.csv") where i + j != 5 keep 75%
  edges h -> y
}
END
cat >net.dnw <<'END'
import "lib/ring.dnw" as lib
model Net(x[2]) = x |> lib.Ring
train Net { data = xor(200); optim = adam(lr = 0.02); epochs = 6; seed = 2 }
END
expect "imported" 0 "\"candidates\": 20," "$dnw" check --json net.dnw
sed 's/ring.csv/none.csv/' lib/ring.dnw >lib/none.dnw
expect "relative to the file that names it" 1 "cannot read 'lib/none.csv': No such file or directory" "$dnw" check lib/none.dnw
expect "derivatives" 0 "Net: largest relative error" "$dnw" gradcheck net.dnw
expect "dump" 0 "candidates 4  list  list 1  given with weights" "$dnw" build --dump=model net.dnw
cp lib/ring.dnw same.dnw && "$dnw" fmt same.dnw
expect "formatted" 0 "edges h[i] -> h[j] in file(\"ring.csv\") where i + j != 5 keep 75%" cat same.dnw

# The program cache: the second start does not link; another file of edges is another program.
expect "built" 0 "Ring" "$dnw" info net.dnw
expect "cached" 0 "Ring" env DNW_CC=/bin/false "$dnw" info net.dnw
sed -i 's/^0,1,0.5/0,1,0.75/' lib/ring.csv
expect "changed: built again" 1 "could not link" env DNW_CC=/bin/false "$dnw" info net.dnw
sed -i 's/^0,1,0.75/0,1,0.5/' lib/ring.csv
expect "as before" 0 "Ring" "$dnw" info net.dnw

# First weights: by target, then by source, without 3 -> 2, which the condition leaves out.
"$dnw" build net.dnw -o net >/dev/null
expect "one small step" 0 "" ./net train --out start --epochs 1 --batch 200 --lr 1e-30
that "first weights" python3 - <<'END'
import json, struct, sys
data = open('start/last.safetensors', 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
at = json.loads(data[8:8 + n])['Ring.edges.1.w']['data_offsets']
found = struct.unpack('<4f', data[8 + n + at[0]:8 + n + at[1]])
sys.exit(found != (0.125, 0.5, 1, -1))
END
# Without the header of the file, which has times.
same_weights() { # RUN RUN
  python3 - "$1" "$2" <<'END'
import struct, sys
def tensors(run):
    data = open(run + '/last.safetensors', 'rb').read()
    return data[8 + struct.unpack('<Q', data[:8])[0]:]
a, b = map(tensors, sys.argv[1:])
sys.exit(a != b or len(a) < 80)
END
}
expect "one thread" 0 "accuracy" ./net train --out one --threads 1
expect "three threads" 0 "accuracy" ./net train --out three --threads 3
that "the same with three threads" same_weights one three
expect "stopped" 0 "accuracy" ./net train --out part --epochs 3
expect "goes on" 0 "accuracy" ./net train --out part --epochs 6 --resume
that "as without the stop" same_weights one part
sed -i 's/^1,3,-1/1,3,-2/' lib/ring.csv
"$dnw" build net.dnw -o other >/dev/null
expect "other weights: another program" 1 "" ./other train --out part --epochs 7 --resume
sed -i 's/^1,3,-2/1,3,-1/' lib/ring.csv

# A frozen program has the outputs of predict.
python3 - <<'END'
import struct
x = [(i % 10) / 5 - 1 for i in range(100)]
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (50, 2), }".ljust(117) + '\n'
open('x.npy', 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<100f', *x))
END
expect "predict" 0 "" ./net predict --weights one/last.safetensors --input x.npy --output p.npy
expect "freeze" 0 "" "$dnw" build net.dnw --freeze --weights one/last.safetensors -o fast
expect "frozen predict" 0 "" ./fast predict --input x.npy --output f.npy
that "frozen is predict" python3 - <<'END'
import struct, sys
a, b = (struct.unpack('<100f', open(f, 'rb').read()[128:]) for f in ('p.npy', 'f.npy'))
sys.exit(max(abs(x - y) for x, y in zip(a, b)) > 1e-5 * max(map(abs, a)))
END

# The command edges: a trained wiring as a table, and back. The second program has the wiring of the first from the
# table, without a rule; its nodes have the weights of the first by --init, and no step moves any.
cat >learned.dnw <<'END'
fn Unit(z) { weight b = 0; tanh(z + b) }
fn Gate(x) { weight g ~ kaiming; weight k[2] ~ normal(0, 1); g * sin(k[0] * x + k[1]) }
graph Wiring {
  input  x[2]
  nodes  h[l: 3, i: 5] at (cos(2 * pi * i / 5), l / 2) : Unit
  output y[2]
  edges { x[_] -> h[_, _]; h[l, _] -> h[m, _] where l < m; h[_, _] -> y[_] } keep 30%
  edges h[l, _] -> h[m, _] where l < m and chance(40%)
  edges x[_] -> h[_, i] where i < 2 via Gate keep 50% by g
}
model Net(x[2]) = x |> Wiring |> linear(2, keep = 50%)
train Net { data = xor(200); optim = adam(lr = 0.02); epochs = 3; seed = 2 }
END
"$dnw" build learned.dnw -o learned >/dev/null
expect "edges: a run" 0 "epoch 3/3" ./learned train --out learned.run
best=learned.run/last.safetensors
expect "edges: a table" 0 "wrote edges.csv: $(./learned info --weights $best --json |
  python3 -c 'import json, sys; print(sum(g["kept"] for g in json.load(sys.stdin)["graphs"].values()))') edges" \
  ./learned edges --weights $best -o edges.csv
sed '/^  edges/d; /^train/d' learned.dnw >again.dnw
cat >>again.dnw <<'END'
train Net { data = xor(200); optim = sgd(lr = 1e-30); epochs = 1; seed = 2 }
END
for row in 3:h:h 2:h:y 1:h:h 0:x:h; do # each before those that are there
  IFS=: read -r number from to <<<"$row"
  sed -i "s/^  output y.*/&\n  edges $from -> $to in file(\"edges.csv\", line = \"Wiring.edges.$number\")/" again.dnw
done
sed -i 's/^model/graph Rest { input x[2]; output y[2]; edges x -> y }\nmodel/' again.dnw
expect "edges: the table has nodes that no edge reaches, too" 0 "" "$dnw" check again.dnw
cat >compare.py <<'END'
"""compare.py TABLE FORMAT: the table of edges against the checkpoint, edge by edge, without dnw."""
import csv, json, math, struct, sys
import numpy as np
def tensors(path):
    data = open(path, 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    kinds = {'F32': '<f4', 'U8': 'u1', 'I64': '<i8', 'I32': '<i4'}
    return {k: np.frombuffer(data[8 + n:][slice(*v['data_offsets'])], kinds[v['dtype']]).reshape(v['shape'])
            for k, v in head.items() if k != '__metadata__'}
t, everything = tensors(sys.argv[1]), sys.argv[3:] == ['candidates']
node = {'x': (2,), 'h': (3, 5), 'y': (2,)}
# target, source and numbers of each candidate of a line, by target, then by source
def candidates(line):
    kept = t[line + '.kept'].ravel()
    layers = lambda a, b: a // 5 < b // 5
    pairs = {'Wiring.edges.0': [(j, i) for j in range(15) for i in range(2)],
             'Wiring.edges.1': [(j, i) for j in range(15) for i in range(15) if layers(i, j)],
             'Wiring.edges.2': [(j, i) for j in range(2) for i in range(15)],
             'Wiring.edges.4': [(j, i) for j in range(15) for i in range(2) if j % 5 < 2],
             'linear.edges.0': [(j, i) for j in range(2) for i in range(2)]}[line]
    assert len(pairs) == len(kept), line
    return pairs, kept
want = {}
for line in ['Wiring.edges.0', 'Wiring.edges.1', 'Wiring.edges.2', 'Wiring.edges.4', 'linear.edges.0']:
    pairs, kept = candidates(line)
    w = t[line + ('.g' if line == 'Wiring.edges.4' else '.w')].ravel()
    want.update({(line, i, j): (w[n], int(kept[n])) for n, (j, i) in enumerate(pairs) if kept[n] or everything})
if sys.argv[2].endswith('.csv'):
    rows = list(csv.DictReader(open(sys.argv[2])))
    number = lambda index, sizes: int(np.ravel_multi_index(tuple(map(int, index.split())), sizes))
    for r in rows:
        if r['line'].startswith('linear'): continue
        assert number(r['source_index'], node[r['source_set']]) == int(r['source']), r
        assert number(r['target_index'], node[r['target_set']]) == int(r['target']), r
        if r['target_set'] == 'h':
            l, i = map(int, r['target_index'].split())
            x, y = map(float, r['target_point'].split())
            assert math.isclose(x, math.cos(2 * math.pi * i / 5), abs_tol=1e-8) and y == l / 2, r
        else: assert r['target_point'] == '', r
    filters = t['Wiring.edges.4.k'].reshape(-1, 2)
    for r in rows:
        if r['line'] != 'Wiring.edges.4': assert r['k'] == '', r; continue
        n = candidates('Wiring.edges.4')[0].index((int(r['target']), int(r['source'])))
        assert np.array_equal(np.array(r['k'].split(), 'f4'), filters[n]), r
    have = {(r['line'], int(r['source']), int(r['target'])): (np.float32(r['weight']), int(r['in_use'])) for r in rows}
    assert len(have) == len(rows)
elif sys.argv[2].endswith('.npy'):
    a = np.load(sys.argv[2])
    have = {(r['line'].decode(), int(r['source']), int(r['target'])): (r['weight'], int(r['in_use'])) for r in a}
    assert len(have) == len(a)
else:
    import xml.etree.ElementTree as X
    name = '{http://graphml.graphdrawing.org/xmlns}'
    root, have = X.parse(sys.argv[2]).getroot(), {}
    assert {n.get('id') for n in root.iter(name + 'node')} >= {'Wiring.h.14', 'Wiring.x.1', 'linear.y.1'}
    for e in root.iter(name + 'edge'):
        d = {x.get('key'): x.text for x in e.iter(name + 'data')}
        key = d['line'], int(e.get('source').split('.')[-1]), int(e.get('target').split('.')[-1])
        have[key] = np.float32(d['weight']), int(d['in_use'] == 'true')
chance = [k for k in have if k[0] == 'Wiring.edges.3']
assert 15 < len(chance) < 45 and all(i // 5 < j // 5 for _, i, j in chance), chance
for k in chance: assert have[k] == (t['Wiring.edges.3.w'][sorted(chance, key=lambda k: (k[2], k[1])).index(k)], 1)
assert {k: v for k, v in have.items() if k not in chance} == want
END
python=${DNW_PYTHON:-/usr/bin/python3}
if "$python" -c 'import numpy' 2>/dev/null; then
  that "edges: csv against the checkpoint" "$python" compare.py $best edges.csv
  for format in csv npy graphml; do
    expect "edges: $format of all candidates" 0 "wrote all.$format" ./learned edges --weights $best --candidates -o all.$format
    that "edges: $format of all candidates against the checkpoint" "$python" compare.py $best all.$format candidates
  done
else
  echo "no numpy: tables of edges are not compared with the checkpoint"
fi
# Read back: without the edge function, whose weights are more than one, and with all of the layer's edges.
sed 's/^  edges x\[_\] -> h\[_, i\].*//; s/ |> linear.*/ |> Rest/' learned.dnw >first.dnw
sed -i 's/^model/graph Rest { input x[2]; output y[2]; edges x -> y }\nmodel/' first.dnw
sed -i 's/ |> linear.*/ |> Rest/' again.dnw
"$dnw" build first.dnw -o first >/dev/null
expect "edges: the first of two" 0 "epoch 3/3" ./first train --out first.run
expect "edges: its table" 0 "wrote edges.csv" ./first edges --weights first.run/last.safetensors -o edges.csv
"$dnw" build again.dnw -o again >/dev/null 2>&1
expect "edges: read back" 0 "" ./again train --init first.run/last.safetensors --out again.run
expect "edges: the same number" 0 "wrote back.csv: $(($(wc -l <edges.csv) - 1)) edges" ./again edges --weights again.run/last.safetensors -o back.csv
for net in first again; do
  expect "edges: outputs of $net" 0 "" ./$net predict --weights $net.run/last.safetensors --input x.npy -o $net.npy
done
that "edges: the same outputs, bit by bit" cmp first.npy again.npy
expect "edges: a summary" 0 "Wiring.edges.1           h -> h" ./learned edges --weights $best
that "edges: as json" "$python" - <(./learned edges --weights $best --json) edges.csv <<'END'
import json, sys
said = json.load(open(sys.argv[1]))
h = next(s for s in said['sets'] if s['set'] == 'h')
lines = [l for l in said['lines'] if l['line'].startswith('Wiring')]
into, out = (sum(int(k) * v for k, v in h[end]['nodes'].items()) for end in ('in', 'out'))
ok = sum(h['in']['nodes'].values()) == 15 and into == sum(l['kept'] for l in lines if l['to'] == 'h')
ok = ok and out == sum(l['kept'] for l in lines if l['from'] == 'h') and abs(h['in']['mean'] * 15 - into) < 1e-6
ok = ok and max(h['in']['none'], h['out']['none']) <= h['dead'] <= h['in']['none'] + h['out']['none']
sys.exit(not ok)
END
expect "edges: no weights: before the first step" 0 "Wiring.edges.3" ./learned edges
expect "edges: another format" 2 "'edges.txt': edges are written as .csv, .npy or .graphml" ./learned edges -o edges.txt
expect "edges: no file" 2 "--output takes a value" ./learned edges -o
expect "edges: candidates of nothing" 2 "give its file with --output FILE" ./learned edges --candidates
expect "edges: no place" 3 "cannot write" ./learned edges -o nowhere/edges.csv
expect "edges: full disk" 3 "cannot write" ./learned edges -o /dev/full/edges.csv
ln -s followed.csv link.csv
touch followed.csv
expect "edges: a link" 0 "" ./learned edges --weights $best -o link.csv
that "edges: the link stays" [ -L link.csv ] && that "edges: where it leads" [ -s followed.csv ]
mkfifo pipe.csv
cat pipe.csv >piped.csv & reader=$!
expect "edges: into a pipe" 0 "" ./learned edges --weights $best -o pipe.csv
wait $reader
that "edges: what went through the pipe" cmp -s piped.csv followed.csv
that "edges: the pipe stays" [ -p pipe.csv ]
expect "edges: weights of another program" 1 "" ./again edges --weights $best -o edges.csv
expect "edges: a frozen program" 2 "this program is frozen" ./fast edges -o edges.csv

# A million edges.
awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "%d,%d,%.3f\n", i % 2000, (i * 7 + int(i / 2000)) % 2000, (i % 199) / 100 - 1 }' >large.csv
cat >large.dnw <<'END'
graph Large {
  input  x[2000]
  output y[2000]
  edges x[_] -> y[_] in file("large.csv") keep 10%
}
model Net(x[2000]) = x |> Large
END
expect "a million edges" 0 "\"candidates\": 1000000," timeout 20 "$dnw" check --json large.dnw

finish
