#!/usr/bin/env bash
# The small examples reach the accuracy, or the loss, that their headers state; solvers choose their steps.
set -uo pipefail
. "$(dirname "$0")/reach.sh"

reach xor "" 100
reach spirals "" 100
reach topologies "" 100 -D wiring=5
for cell in 0 1 2 3 4; do reach cells "" 100 -D cell=$cell; done
reach layered "" 100
fall waves ""
fall waves "" -D norm=true

# A solver that chooses its steps: 128 points are two tiles of 64, which choose for themselves.
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
counts_are_right() { # nfe: the first rate, one more to find a first step, three a step (of one tile, one batch)
  sed -n 's/.*"event":"epoch".*"nfe":\([0-9.]*\),"accepted":\([0-9.]*\),"rejected":\([0-9.]*\),.*/\1 \2 \3/p' flow.run/log.jsonl |
    awk '{ good += $1 == 2 + 3 * ($2 + $3) && $2 > 0 } END { exit !(NR == 3 && good == 3) }'
}
that "every line of the log: evaluations, accepted and rejected steps" counts_are_right
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
for i in 0 1; do # in one tile they share their steps: 32 points and 32 others
  { head -c 128 slow.npy; tail -c +129 slow.npy | head -c 256; [ $i = 0 ] && { tail -c 256 slow.npy; true; } || tail -c 256 fast.npy; } >"mixed$i.npy"
  answers "mixed$i" | head -c 256 >"mixed$i.bits"
done
that "all slow" cmp -s mixed0.bits <(head -c 256 slow.bits)
that "samples of one tile share their steps" bash -c '! cmp -s mixed0.bits mixed1.bits'
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

# The measures themselves: a network that cannot do it is seen.
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
