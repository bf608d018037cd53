#!/usr/bin/env bash
# train --init FILE: a run that starts from the weights and the edges in use of another one.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
python=${DNW_PYTHON:-python3}

# Prints tensors of a file; --edit writes a copy: -NAME removes a tensor, OLD=NEW renames one, NAME@V sets its numbers.
cat >tensors.py <<'PY'
import json, struct, sys
def load(path):
    data = open(path, 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    meta = head.pop('__metadata__', None)
    return meta, {k: (v['dtype'], v['shape'], data[8 + n + v['data_offsets'][0]:8 + n + v['data_offsets'][1]]) for k, v in head.items()}
def save(path, meta, tensors):
    head, data = {'__metadata__': meta} if meta else {}, b''
    for k, (dtype, shape, raw) in tensors.items():
        head[k] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b' ' * (-len(text) % 8)
    open(path, 'wb').write(struct.pack('<Q', len(text)) + text + data)
if sys.argv[1] == '--edit':
    meta, t = load(sys.argv[2])
    for edit in sys.argv[4:]:
        if edit[0] == '-': del t[edit[1:]]
        elif '@' in edit:
            name, v = edit.split('@')
            t[name] = (t[name][0], t[name][1], struct.pack('<f', float(v)) * (len(t[name][2]) // 4))
        else:
            old, new = edit.split('=')
            t[new] = t.pop(old)
    save(sys.argv[3], meta, t)
else:
    t = load(sys.argv[1])[1]
    for name in sys.argv[2:]: print(name, *t[name])
PY
edit() { "$python" tensors.py --edit "$@"; }
same() { cmp -s <("$python" tensors.py "$1" "${@:3}") <("$python" tensors.py "$2" "${@:3}"); } # FILE FILE NAME...

net() { # NAME BUDGET_AND_RULE WIDTH EPOCHS [RATE]: a rate that moves no weight shows what a run started from
  cat >"$1.dnw" <<DNW
rule wander { on every(epochs = 1) { drop 20% by abs(w); grow by random } }
rule drift { gradient = all; on every(steps = 30) { drop 20% by abs(w); grow by random } }
rule dense_first { start = all; on once(at = 50%) { choose by abs(w) } }
fn Unit(z) { weight b = 0; tanh(z + b) }
graph Wiring {
  input  x[2]
  nodes  h[30] : Unit
  output y[$3]
  edges { x[_] -> h[_] } $2
  edges h[_] -> y[_]
}
model Net(point) = point |> Wiring
train Net { data = spirals(400, classes = $3); batch = 32; epochs = $4; seed = 1; optim = sgd(${5:-0.1}, momentum = 0.9) }
DNW
  "$dnw" build "$1.dnw" -o "$1" >/dev/null
}
still=1e-30
weights="Wiring.h.Unit.b Wiring.edges.0.w Wiring.edges.1.w"
last() { echo "$1/last.safetensors"; }

# The same program: all weights and edges; the run that it started from stays as it is.
net first "keep 50% using dnw" 3 4
expect "a first run" 0 "epoch 4/4" ./first train --out first.run
net again "keep 50% using dnw" 3 1 $still
expect "from its weights" 0 "3 of 3 tensors of weights start from first.run/last.safetensors" \
  ./again train --out again.run --init "$(last first.run)" --seed 7
that "from its weights: nothing is told of the others" test -z "$(grep -E 'without --init|missing|not one of' <<<"$said")"
that "from its weights: the same weights" same "$(last first.run)" "$(last again.run)" $weights
that "from its weights: the same edges" same "$(last first.run)" "$(last again.run)" Wiring.edges.0.kept
that "from its weights: the log has the file" grep -q '"event":"start".*"init":"first.run/last.safetensors"' again.run/log.jsonl
expect "quiet" 0 "" ./again train --out again.run --init "$(last first.run)" --force --quiet
that "quiet: says nothing" test -z "$said"

# Another output: what has another shape is told and starts as without --init, by the seed.
net other "keep 50% using dnw" 4 1 $still
expect "of another shape" 0 "2 of 3 tensors of weights start from first.run/last.safetensors, the others as without --init" \
  ./other train --out other.run --init "$(last first.run)" --seed 7
that "of another shape: is told" grep -qE "^first.run/last.safetensors: byte [0-9]+: tensor 'Wiring.edges.1.w' has shape \[3, 30\], the program has \[4, 30\]$" <<<"$said"
expect "without --init" 0 "epoch 1/1" ./other train --out plain.run --seed 7
that "of another shape: as without --init" same "$(last plain.run)" "$(last other.run)" Wiring.edges.1.w
that "of another shape: the rest is of the file" same "$(last first.run)" "$(last other.run)" Wiring.h.Unit.b Wiring.edges.0.w
that "without --init: other weights" bash -c '! cmp -s plain.run/last.safetensors other.run/last.safetensors'

# Missing and not used.
edit "$(last first.run)" renamed.safetensors Wiring.h.Unit.b=Wiring.g.Unit.b -Wiring.edges.0.kept
expect "missing" 0 "tensor 'Wiring.h.Unit.b' of shape [30] is missing" ./again train --out some.run --init renamed.safetensors --force
that "not used: is told" grep -q "tensor 'Wiring.g.Unit.b' of shape \[30\] is not one of this program" <<<"$said"
that "not used: the optimiser's memory is no news" test -z "$(grep momentum <<<"$said")"
that "missing edges in use: chosen by the weights" same "$(last first.run)" "$(last some.run)" Wiring.edges.0.kept
edit "$(last first.run)" strange.safetensors Wiring.h.Unit.b=b Wiring.edges.0.w=w Wiring.edges.1.w=v
expect "nothing fits" 1 "strange.safetensors: none of its tensors is one of this program" ./again train --out no.run --init strange.safetensors
that "nothing fits: one of the reasons" grep -q "^note: .*tensor 'Wiring.h.Unit.b' of shape \[30\] is missing" <<<"$said"
that "nothing fits: no run" test ! -e no.run/log.jsonl
edit "$(last first.run)" bad.safetensors Wiring.h.Unit.b@nan
expect "not a number" 1 "tensor 'Wiring.h.Unit.b' has NaN at index 0" ./again train --out no.run --init bad.safetensors
expect "no such file" 1 "cannot open" ./again train --out no.run --init none.safetensors
expect "both" 2 "--resume continues a run with its own weights and --init starts one" ./again train --out again.run --init "$(last first.run)" --resume
expect "another command" 2 "'eval' has no flag --init" ./again eval --weights "$(last first.run)" --init x

# Edges that a rule has found, or a draw: they are those of the file, in both forms of checkpoints.
for rule in "keep 50% using wander" "keep 50% using drift" "sample 50%"; do
  net found "$rule" 3 3
  expect "$rule: a run" 0 "epoch 3/3" ./found train --out found.run --force
  net stay "$rule" 3 2 $still
  expect "$rule: from it" 0 "3 of 3 tensors" ./stay train --epochs 1 --out stay.run --force --seed 9 --init "$(last found.run)"
  edges=Wiring.edges.0.kept
  case $rule in *wander) edges="Wiring.edges.0.row Wiring.edges.0.source" ;; esac
  that "$rule: its edges" same "$(last found.run)" "$(last stay.run)" $edges $weights
  expect "$rule: with two threads" 0 "3 of 3 tensors" ./stay train --epochs 1 --out two.run --force --seed 9 --threads 2 --init "$(last found.run)"
  that "$rule: which changes nothing" cmp -s stay.run/best.safetensors two.run/best.safetensors
done

# A run from a file is a run like others: it may be interrupted.
net parts "keep 50% using wander" 3 2
expect "a run of two epochs" 0 "epoch 2/2" ./parts train --out whole.run --init "$(last first.run)"
expect "its first" 0 "epoch 1/1" ./parts train --out parts.run --init "$(last first.run)" --epochs 1
expect "its second" 0 "epoch 2/2" ./parts train --out parts.run --resume --epochs 2

# Budgets: too many edges in use are not taken; a rule that starts with all takes the weights alone.
net less "sample 20%" 3 1 $still
expect "a smaller budget" 0 "'Wiring.edges.0' has 30 edges in use where its budget allows 12: they are drawn" \
  ./less train --out less.run --init "$(last found.run)"
that "a smaller budget: the weights are taken" same "$(last found.run)" "$(last less.run)" $weights
net all "keep 50% using dense_first" 3 2 $still
expect "a rule that starts with all" 0 "3 of 3 tensors" ./all train --out all.run --init "$(last found.run)" --epochs 2
that "a rule that starts with all: has all" grep -q '"event":"start".*"kept":150' all.run/log.jsonl

# Checkpoints have edges in use as marks of all candidates, or as a sparse matrix with their weights alone. One is read
# for the other; of another number of edges nothing is taken.
cat >edges.py <<'PY'
import struct, sys
sys.argv[1:], files = ['x'], sys.argv[1:]
exec(open('tensors.py').read().split('if sys.argv')[0])
def edges(path, line='Wiring.edges.0', sources=2):
    t = load(path)[1]
    w = [v for v, in struct.iter_unpack('<f', t[line + '.w'][2])]
    if line + '.kept' in t:
        return {(k // sources, k % sources): w[k] for k, used in enumerate(t[line + '.kept'][2]) if used}
    row = [v for v, in struct.iter_unpack('<q', t[line + '.row'][2])]
    source = [v for v, in struct.iter_unpack('<i', t[line + '.source'][2])]
    return {(n, source[k]): w[k] for n in range(len(row) - 1) for k in range(row[n], row[n + 1])}
a, b = map(edges, files)
sys.exit(a != b or len(a) != 30)
PY
alike() { "$python" edges.py "$1" "$2"; }
net sparse "keep 50% using wander" 3 2 $still
expect "marks for a sparse matrix" 0 "3 of 3 tensors" ./sparse train --out sparse.run --epochs 1 --init "$(last first.run)"
that "marks for a sparse matrix: the same edges and weights" alike "$(last first.run)" "$(last sparse.run)"
that "marks for a sparse matrix: nothing is told" test -z "$(grep -E 'without --init|missing|not one of|shape' <<<"$said")"
for rule in "sample 50%" "keep 50% using drift"; do
  net dense "$rule" 3 1 $still
  expect "a sparse matrix for marks, $rule" 0 "3 of 3 tensors" ./dense train --out dense.run --force --init "$(last parts.run)"
  that "a sparse matrix for marks, $rule: the same edges and weights" alike "$(last parts.run)" "$(last dense.run)"
  that "a sparse matrix for marks, $rule: nothing is told" test -z "$(grep -E 'without --init|missing|not one of|shape' <<<"$said")"
done
net fewer "keep 40% using wander" 3 2 $still
expect "fewer edges" 0 "2 of 3 tensors" ./fewer train --out fewer.run --init "$(last first.run)"
that "fewer edges: are drawn" grep -q "no edges in use are there that fit 'Wiring.edges.0': they are drawn" <<<"$said"
edit "$(last parts.run)" row.safetensors -Wiring.edges.0.source
expect "half a matrix" 0 "2 of 3 tensors" ./sparse train --out half.run --init row.safetensors
that "half a matrix: is left out" grep -q "'Wiring.edges.0.row' is left out, as not all tensors of these edges fit" <<<"$said"
finish
