#!/usr/bin/env bash
# Training with declared rules: the log, a run that is interrupted and goes on, and results with the wiring as it was saved.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
python=${DNW_PYTHON:-python3}

cat >net.dnw <<'DNW'
graph Wiring {
  input  x[2]
  nodes  h[3, 20] : tanh
  output y[2]
  edges { x[_] -> h[_, _]; h[l, _] -> h[m, _] where l < m } keep 20% using evolve
  edges h[_, _] -> y[_] keep 50% using strongest
}
rule evolve {
  on every(steps = 7) { drop 20% by abs(w); grow by random at fresh }
}
rule strongest {
  gradient = all
  on every(steps = 9) { choose by abs(w) }
}
model Net(point) = point |> Wiring
train Net { data = spirals(4000); batch = 32; optim = sgd(0.05, momentum = 0.9); epochs = 12; seed = 3 }
DNW
"$dnw" build net.dnw >/dev/null || exit 1
expect "info: each list has its rule" 0 "Wiring.edges.0 264 of 1320 candidate edges (20%), by evolve" ./net info
expect "info --json" 0 '"rule": "strongest"' ./net info --json
sed 's/using evolve/using dnw(refresh = 4)/; s/using strongest//; s/^  edges h.* keep 50%/  edges h[_, _] -> y[_] sample 50%/' net.dnw >builtin.dnw
"$dnw" build builtin.dnw >/dev/null || exit 1
expect "info: a built-in rule" 0 "by dnw(refresh = 4, positions = 1/1, bf16 = false)" ./builtin info
expect "info: drawn edges" 0 "Wiring.edges.1 60 of 120 candidate edges (50%), by sample" ./builtin info

expect "train" 0 "epoch 12/12" ./net train --out whole --threads 1
events() { # RUN: what does not depend on the clock
  sed 's/,"samples_per_s.*//; s/,"seconds.*//; s/,"threads":[0-9]*//' "$1/log.jsonl"
}
that "each event is told" test "$(grep -c '"event":"rule".*"list":"Wiring.edges.0"' whole/log.jsonl)" -eq $((12 * 125 / 7))
that "as many are dropped as grown" test -z "$(grep '"list":"Wiring.edges.0"' whole/log.jsonl | grep '"rule"' | grep -v '"dropped":53,"grown":53')"
that "each epoch has its lists" test "$(grep -c '"lists":{"Wiring.edges.0":{"age":[0-9.]*,"oldest":[0-9.]*,"explored":[01][0-9.]*},"Wiring.edges.1":{.*}},"dead":[0-9]' whole/log.jsonl)" -eq 12

# A run that was interrupted goes on: with its ages, and with what it has explored.
lines() { [ -e parts/log.jsonl ] && wc -l <parts/log.jsonl || echo 0; }
interrupt() { # LINES COMMAND...: by SIGINT when the log has so many lines
  local pid
  (trap - INT && exec "${@:2}") >stopped 2>&1 &
  pid=$!
  for _ in $(seq 3000); do [ "$(lines)" -ge "$1" ] && break; sleep 0.005; done
  kill -INT $pid
  wait $pid
}
for _ in $(seq 10); do # again where the run was over before a signal came
  rm -rf parts
  interrupt 3 ./net train --out parts --threads 2
  for more in 40 90; do interrupt $more ./net train --out parts --threads 2 --resume; done
  grep -q '"event":"epoch","epoch":12,' parts/log.jsonl || break
done
expect "goes on" 0 "epoch 12/12" ./net train --out parts --threads 2 --resume
that "the same log" cmp -s <(events whole) <(events parts)
that "the same weights" cmp -s whole/best.safetensors parts/best.safetensors

# eval uses the wiring as it was saved.
loss() { sed -n 's/.*"loss": *\([0-9.]*\).*/\1/p'; }
logged=$(sed -n 's/.*"event":"epoch","epoch":12,.*"test_loss":\([0-9.]*\),.*/\1/p' whole/log.jsonl)
expect "eval: as in the log" 0 "\"loss\": $logged," ./net eval --weights whole/last.safetensors --json
"$python" - <<'PY' # as many other edges
import json
data = bytearray(open('whole/last.safetensors', 'rb').read())
n = int.from_bytes(data[:8], 'little')
head = json.loads(data[8:8 + n])
first, last = (8 + n + at for at in head['Wiring.edges.2.kept']['data_offsets'])
data[first:last] = data[first + 1:last] + data[first:first + 1]
open('other.safetensors', 'wb').write(data)
PY
expect "eval: other edges" 0 '"loss": ' ./net eval --weights other.safetensors --json
that "eval: another loss" test "$(loss <<<"$said")" != "$logged"
# A run that is made longer: shares of the training are of the new number of epochs.
cat >longer.dnw <<'DNW'
rule halfway {
  gradient = all
  on once(at = 50%) { drop 50% by abs(w); grow by random }
}
graph Wiring {
  input  x[2]
  output y[2]
  edges x[_] -> y[_] keep 50% using halfway
}
model Net(point) = point |> Wiring
train Net { data = spirals(64); batch = 16; epochs = 4 }
DNW
expect "to be longer" 0 "epoch 4/4" "$dnw" train longer.dnw --out long
expect "longer" 0 "epoch 12/12" "$dnw" train longer.dnw --out long --resume --epochs 12
that "what comes at half of the training comes at the half of both" \
  test "$(grep -o '"event":"rule","step":[0-9]*' long/log.jsonl | tr '\n' ' ')" = '"event":"rule","step":8 "event":"rule","step":24 '


# A budget that rises is followed by growth alone.
cat >rise.dnw <<'DNW'
rule more { gradient = used; on every(epochs = 1) { grow by random } }
graph Wiring {
  input  x[2]
  nodes  h[60] : tanh
  output y[2]
  edges { x[_] -> h[_]; h[_] -> y[_] } keep anneal(10%, 60%, epochs = 6) using more
}
model Net(point) = point |> Wiring
train Net { data = spirals(1000); epochs = 8 }
DNW
"$dnw" build rise.dnw >/dev/null
expect "a budget that rises" 0 "epoch 8/8" ./rise train --out rise1 --threads 1
expect "a budget that rises, two threads" 0 "epoch 8/8" ./rise train --out rise2 --threads 2
that "the same weights at two threads" cmp -s rise1/best.safetensors rise2/best.safetensors
that "grown from 10% to 60% of 240" test "$(grep -o '"grown":[0-9]*' rise1/log.jsonl | awk -F: '{ n += $2 } END { print n }')" -eq 120

# Where the rule says how many edges are in use, their number is told behind each epoch.
sed 's/^rule more.*//; s/anneal(.*using more/any using str(start = -2)/' rise.dnw >any.dnw
"$dnw" build any.dnw >/dev/null
expect "keep any" 0 " edges  " ./any train --out any1
kept=$(sed -n 's/.*"event":"epoch".*"kept":\([0-9]*\).*/\1/p' any1/log.jsonl)
that "keep any: the log has as many" test "$(tr '\n' ' ' <<<"$kept")" = "$(sed -n 's/^epoch .*  \([0-9]*\) edges  .*/\1/p' <<<"$said" | tr '\n' ' ')"
best=$(sed -n 's/^best .* in epoch \([0-9]*\), \([0-9]*\) of .* edges in use$/\1 \2/p' <<<"$said")
that "keep any: the best epoch has as many" test "$(sed -n "${best% *}p" <<<"$kept")" = "${best#* }"
expect "keep any: a finished run" 0 "in epoch ${best% *}" ./any train --out any1 --resume

# An event that never comes: the argument of the rule that would make it come is named.
sed 's/^rule more.*//; s/anneal(.*using more/30% using rigl(interval = 100000)/' rise.dnw >seldom.dnw
"$dnw" build seldom.dnw >/dev/null
expect "an event that never comes" 0 "or write interval = 48" ./seldom train --out seldom1

# A training that is shorter than the program says: what comes at its end is told.
sed 's/on every.*}/on once(at = 4) { choose by random } }/; s/anneal(.*using more/30% using more/' rise.dnw >short.dnw
"$dnw" build short.dnw >/dev/null
expect "an event at the end" 0 "comes at the end of 4 epochs, and its edges are not trained" ./short train --out short1 --epochs 4
expect "an event before the end" 0 "epoch 5/5" ./short train --out short2 --epochs 5
that "nothing is told" test -z "$(grep 'not trained' <<<"$said")"

# Scores that are no numbers end a training when an action asks for them: in a step in which it moves an edge.
for gradient in used all; do
  sed "s/^rule more.*/rule late(step_of = 1000) { gradient = $gradient; on every(steps = 1) { drop if step > step_of then 1 else 0 by log(abs(w) - 100); grow by random } }/; s/anneal(.*using more/30% using late/" \
    rise.dnw >late.dnw
  expect "gradient = $gradient, no action" 0 "epoch 8/8" "$dnw" train late.dnw --out late1_$gradient
  sed 's/using late/using late(step_of = 20)/' late.dnw >soon.dnw
  expect "gradient = $gradient, a score" 1 "is not a number after step 21" "$dnw" train soon.dnw --out late2_$gradient
done
finish
