#!/usr/bin/env bash
# The small examples reach the accuracy, or the loss, that their headers state; adaptive solvers choose their steps.
set -uo pipefail
. "$(dirname "$0")/reach.sh"

reach xor "" 100
reach spirals "" 100
reach topologies "" 100 -D wiring=5
for cell in 0 1 2 3 4; do reach cells "" 100 -D cell=$cell; done
reach layered "" 100
reach reservoir "" 100
reach kuramoto "" 100
fall waves ""
fall waves "" -D norm=true

# An adaptive solver: 128 points are two tiles of 64, with separate steps.
cat >flow.dnw <<'END'
option time_of = flow(0, 1, bosh3)
fn Pull(z) { state s = 0.5; s' = z * z * (1 - s); s }
graph Wiring {
  time = time_of
  input  x[2]
  nodes  h[4] : Pull
  output y[2]
  edges { x[_] -> h[_]; h[_] -> y[_] }
}
model Net(v) = v |> Wiring
train Net { data = spirals(64, noise = 0); batch = 64; optim = sgd(lr = 0.01); epochs = 3; seed = 1 }
END
"$dnw" build flow.dnw >/dev/null
expect "flow" 0 "epoch 3/3" ./flow train --out flow.run
counts_are_right() { # RUN CONDITION: nfe (n): the first rate, one more to find a first step, three a step (s)
  sed -n 's/.*"event":"epoch".*"nfe":\([0-9.]*\),"accepted":\([0-9.]*\),"rejected":\([0-9.]*\),.*/\1 \2 \3/p' "$1/log.jsonl" |
    awk "{ n = \$1; s = 2 + 3 * (\$2 + \$3); good += $2 && \$2 > 0 } END { exit !(NR == 3 && good == 3) }"
}
that "every line of the log: evaluations of the slowest of a tile" counts_are_right flow.run "n > s && n % 3 == 2"
expect "flow, sample by sample" 0 "epoch 3/3" ./flow train --batch 1 --out one.run
that "every line of the log: evaluations, accepted and rejected steps" counts_are_right one.run "(n - s) ^ 2 < 1e-9"
points() { # FILE FACTOR...: 64 points for each factor
  python3 - "$@" <<'PY'
import math, struct, sys
points = [(f * math.cos(i), f * math.sin(i)) for f in map(float, sys.argv[2:]) for i in range(64)]
head = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2), }" % len(points)).ljust(117) + '\n'
open(sys.argv[1], 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + b''.join(struct.pack('<2f', *p) for p in points))
PY
}
answers() { ./flow predict --weights flow.run/last.safetensors --input "$1.npy" --output "$1.out.npy" >/dev/null; tail -c +129 "$1.out.npy" | head -c 512; }
points slow.npy 0.5
points fast.npy 20
points both.npy 0.5 20
answers slow >slow.bits
answers both >both.bits
that "a tile of slow points takes the same steps beside a tile of fast ones" cmp -s slow.bits both.bits
that "which are other points" bash -c '! cmp -s <(tail -c 512 both.out.npy) slow.bits'
for i in 0 1; do # in one tile: 32 points and 32 others
  { head -c 128 slow.npy; tail -c +129 slow.npy | head -c 256; [ $i = 0 ] && { tail -c 256 slow.npy; true; } || tail -c 256 fast.npy; } >"mixed$i.npy"
  answers "mixed$i" | head -c 256 >"mixed$i.bits"
done
that "all slow" cmp -s mixed0.bits <(head -c 256 slow.bits)
that "slow beside fast ones in one tile: the same" cmp -s mixed0.bits mixed1.bits
that "which are other points, too" bash -c '! cmp -s mixed0.out.npy mixed1.out.npy'
# Steps are a loop, not code.
for n in 5 5000; do "$dnw" build flow.dnw --emit=obj -D "time_of=flow(0, 1, rk4($n))" -o "rk$n.o" >/dev/null; done
that "code does not grow with steps" test "$(stat -c %s rk5000.o)" -lt $(($(stat -c %s rk5.o) * 101 / 100))

# Positions are no code either.
cat >positions.dnw <<'END'
option positions = 5
fn Unit(z) { weight b = 0; tanh(z + b) }
graph Wiring { input x[4]; nodes h[3] : Unit; output y[2]; edges { x[_] -> h[_]; h[_] -> y[_] } keep 50% }
fn Dense(x) = x |> linear(6) |> layer_norm |> softmax |> linear(4) |> Wiring
model Net(wave) = wave |> scan(Dense) |> mean_time |> linear(1)
train Net { data = sines(100, length = positions); loss = mse }
END
for n in 5 500; do "$dnw" build positions.dnw --emit=obj -D "positions=$n" -o "positions$n.o" >/dev/null; done
that "code does not grow with positions" test "$(stat -c %s positions500.o)" -lt $(($(stat -c %s positions5.o) * 102 / 100))

# batch_norm where the last step of an epoch would have one sample, of which there are no statistics
python3 - <<'PY'
import random, struct
def npy(name, sizes, numbers):
    head = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }" % ', '.join(map(str, sizes))).ljust(117) + '\n'
    open(name, 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<%df' % len(numbers), *numbers))
random.seed(1)
x = [random.gauss(3, 2) for i in range(130)]
for n in 64, 65:
    npy('x%d.npy' % n, (n, 2), x[:2 * n])
    npy('z%d.npy' % n, (n, 1, 1, 2), x[:2 * n])
    npy('y%d.npy' % n, (n, 1), [x[2 * i] - 2 * x[2 * i + 1] for i in range(n)])
PY
norm() { # INPUT MODEL [DECLARATION...]: 64 and 65 samples keep nearly the same variances; weights hardly move
  local input=$1 model=$2 n
  shift 2
  for n in 64 65; do
    printf '%s\n' "$@" "model Net(v) = v |> $model" \
      "train Net { data = npy(\"$input$n.npy\", \"y$n.npy\", split = 0%); loss = mse" \
      '  batch = 64; epochs = 60; optim = sgd(0.000001); seed = 1 }' >"norm$n.dnw"
    "$dnw" train "norm$n.dnw" --quiet --force || return 1
  done
  python3 - <<'PY'
import json, struct, sys
def variances(path):
    b = open(path, 'rb').read()
    n = struct.unpack('<Q', b[:8])[0]
    spans = [v['data_offsets'] for k, v in json.loads(b[8:8 + n]).items() if k.endswith('variance')]
    return [x for s, e in spans for x in struct.unpack('<%df' % ((e - s) // 4), b[8 + n + s:8 + n + e])]
a, b = (variances('runs/norm%d/last.safetensors' % n) for n in (64, 65))
sys.exit(not a or any(abs(x - y) > 0.1 * x for x, y in zip(a, b)))
PY
}
alone() { # NAME: what norm left is refused where steps have one sample
  expect "$1: --batch 1" 2 "with batch 1 a step has one of 65" "$dnw" train norm65.dnw --batch 1 --force
  expect "$1: --batch 2" 2 "help: --batch 3" "$dnw" train norm65.dnw --batch 2 --force
  expect "$1: --batch 3" 0 "" "$dnw" train norm65.dnw --batch 3 --epochs 1 --force --quiet
  expect "$1: bench --batch 1" 2 "a step has one of" "$dnw" bench norm65.dnw --batch 1
}
graph='graph G { input x[2]; nodes h[4] : Unit; output y[1]; edges { x[_] -> h[_]; h[_] -> y[_] } }'
that "batch_norm layer: 64 + 1" norm x 'batch_norm |> linear(1)' && alone layer
that "batch_norm of nodes: 64 + 1" norm x G 'fn Unit(z) = batch_norm(z)' "$graph" && alone nodes
that "batch_norm of edges: 64 + 1" norm x G 'fn Unit(z) = z' 'fn Bent(x) { weight w ~ kaiming; w * batch_norm(x) }' \
  "${graph/h\[_\];/h[_] via Bent;}" && alone edges
that "batch_norm in steps: 64 + 1" norm x G 'fn Unit(z) { state s = 0; next s = 0.5 * s + batch_norm(z); s }' \
  "${graph/input/time = steps(3); input}" && alone steps
norm z 'conv2d(2, 1) |> batch_norm |> mean_map |> linear(1)' || true # two pixels a sample
expect "batch_norm of maps: --batch 1" 0 "" "$dnw" train norm65.dnw --batch 1 --epochs 1 --force --quiet

# Nodes that learn nothing: said once, counted in the log.
idle() { # NAME COUNT: in every epoch
  [ "$(grep -c '"event":"epoch".*"idle":'"$2"',' "runs/$1/log.jsonl")" -eq 3 ]
}
learns() { # NAME FUNCTION LINES [LAYERS]
  printf '%s\n' "fn Unit(z) { weight b = 0; $2 }" 'fn Lower(x) = x - 100' \
    "graph G { input x[2]; nodes h[20] : Unit; output y[2]; edges { $3 } }" "model Net(v) = v |> ${4:-G}" \
    'train Net { data = spirals(200); loss = cross_entropy; optim = sgd(0.01); epochs = 3; batch = 64; seed = 1 }' >"$1.dnw"
  "$dnw" train "$1.dnw"
}
expect "dead relu nodes" 0 "no gradient reached 20 of 20 nodes of 'G.h'" learns dead 'relu(z + b - 100)' 'x[_] -> h[_]; h[_] -> y[_]'
that "dead relu nodes: said once" test "$(grep -c warning <<<"$said")" -eq 1
that "dead relu nodes: in the log" idle dead 20
expect "a dead relu layer" 0 "no gradient reached 20 of 20 nodes of 'linear.y'" \
  learns layer z 'x[_] -> h[_]; h[_] -> y[_]' 'linear(20) |> layer_norm |> Lower |> relu |> linear(2)'
that "a dead relu layer: in the log" idle layer 20
expect "no way to the output" 0 "no gradient reached 13 of 20 nodes of 'G.h'" learns lost 'tanh(z + b)' 'x[_] -> h[_]; h[i] -> y[_] where i < 7'
that "no way to the output: in the log" idle lost 13
expect "all nodes learn" 0 "best accuracy" learns live 'tanh(z + b)' 'x[_] -> h[_]; h[_] -> y[_]'
that "all nodes learn: no warning" test -z "$(grep warning <<<"$said")"
that "all nodes learn: in the log" idle live 0

# Checks the check: a network that cannot learn the task fails.
misses() { # reach or fall with its arguments
  local before=$failed
  "$@" >/dev/null
  local worse=$((failed - before))
  failed=$before
  [ $worse -eq 1 ]
}
that "no accuracy above 100" misses reach xor 100.1 200
that "no accuracy at all" misses reach nothing 0 100
that "no loss below 0" misses fall waves -1
that "no loss at all" misses fall nothing 1

finish

# A learned width: as many parameters as the loss aims at, the frozen program with them, and none cut without the aim.
cat >width.dnw <<'END'
option strength = 10
model Net(point) { size n in 4 .. 64 = 48; point |> linear(n) |> tanh |> linear(2) }
train Net {
  data   = spirals(2000)
  loss   = cross_entropy + strength * (params(Net) / 200 - 1)^2
  optim  = adam(lr = cosine(0.02))
  batch  = 32
  epochs = 40
}
END
costs() { sed -n 's/.*"event":"epoch".*"params": *\([0-9]*\).*/\1/p' "$1/log.jsonl" | tail -n 1; }
expect "learned width" 0 "epoch 40/40" "$dnw" train width.dnw --out width.run
that "learned width: accuracy" within "$(final_accuracy width.run/log.jsonl)" 97 100
that "learned width: parameters" within "$(costs width.run)" 190 210
expect "learned width: frozen" 0 "" "$dnw" build width.dnw --freeze --weights width.run/last.safetensors -o width
that "learned width: parameters of the frozen program" test "$(./width info | awk '$1 == "parameters" { print $2 }')" = "$(costs width.run)"
expect "a width without aim" 0 "" "$dnw" train width.dnw -D strength=0 --quiet --out free.run
that "a width without aim: grows" within "$(costs free.run)" 243 323
# Decay would make it five times smaller.
printf '%s\n' 'model Net(point) { size n in 4 .. 64 = 32; cost width = n; point |> linear(n) |> relu |> linear(2) }' \
  'train Net { optim = sgd(lr = 0.01, decay = 1); epochs = 10; loss = mse; data = one_hot(spirals(1000)) }' >kept.dnw
expect "a size under decay" 0 "" "$dnw" train kept.dnw --quiet --out kept.run
that "a size under decay: stays" within "$(sed -n 's/.*"width": *\([0-9.]*\).*/\1/p' kept.run/log.jsonl | tail -n 1)" 28 36
