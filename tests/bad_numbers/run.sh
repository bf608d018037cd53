#!/usr/bin/env bash
# Numbers that are not finite, and graphs in time that cannot continue: a clear error that says where, and nothing lost.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
source "$DNW_SOURCE/tests/bad/small_net.sh"

npy x.npy '<f4' '(4, 2)' && { for i in 1 2 3 4 5 6 7 8; do one; done; } >>x.npy

# ---- a loss that is not finite

unit='log(z + b)' write logs 'spirals(200)' 'optim = sgd(lr = 0.1)' 'epochs = 2'
build logs
expect "not finite at once" 1 "epoch 1, step 1, h[0] in graph 'Wiring' is nan for sample " ./logs train
that "not finite at once: the largest terms" grep -qE "^note: the sum of h\[0\] is -.*, over [12] edges? in use; its terms?: -" <<<"$said"
that "not finite at once: no checkpoint" test ! -e runs/logs/last.safetensors
write jump 'spirals(200)' 'optim = sgd(lr = drops(0.1, factor = 1e9, epochs = [1.95, 1.96, 1.97, 1.98, 1.99]))' 'epochs = 5' 'batch = 50'
build jump
expect "not finite later" 1 "training is no longer finite: epoch 3, step " ./jump train
that "not finite later: says where the good weights are" grep -q 'last good weights are in runs/jump/last.safetensors' <<<"$said"
that "not finite later: they are good" usable ./jump runs/jump/last.safetensors
that "not finite later: epochs in the log" log_has runs/jump '"epoch":2'
expect "spoilt by the last step of an epoch" 1 "epoch 3, step 1, weight 'Wiring" ./jump train --batch 1000 --out out --force
that "spoilt by the last step: the good ones stay" usable ./jump out/last.safetensors

cat >ports.dnw <<'END'
fn Gated(value, gate) = value * sigmoid(gate) + log(value - 1000)
graph Wiring { input x[2]; nodes h[3] : Gated; output y[2]; edges { x[_] -> h[_]; x[_] -> h[_].gate; h[_] -> y[_] } }
model Net(p[2]) = p |> Wiring
train Net { data = spirals(100); epochs = 1 }
END
expect "several sums" 1 "h[0] in graph 'Wiring' is nan for sample 1" "$dnw" train ports.dnw
that "several sums: each by itself" grep -qE "^note: the sum 'value' of h\[0\] is [^;]*, over 2 edges in use; its terms: .* from x\[[01]\]; the sum 'gate' of h\[0\] is [^;]*, over 2 edges in use; its terms: " <<<"$said"

# ---- graphs in time that cannot continue: when, which node, the largest terms of its sum, and help that helps

printf 'a,b,class\n0.5,-2,0\n' >one.csv
flow() { # NAME RATE SOLVER: one sample, x = (0.5, -2); states start at 1
  cat >"$1.dnw" <<END
option solver = $3
fn Cell(z) { state s = 1; s' = $2; s }
graph Wiring {
  time = flow(0, 2, solver)
  input  x[2]
  nodes  h[2] : Cell
  output y[2]
  edges x[_] -> h[_]
  edges h[_] -> y[_]
}
model Net(v) = v |> Wiring
train Net { data = csv("one.csv", target = "class"); optim = sgd(lr = 0.01); epochs = 2; seed = 1 }
END
}
train_anew() { "$dnw" train "$@" --out out --force; }
has() { grep -qF -- "$1" <<<"$said"; }
lacks() { ! has "$1"; }
# Every "A = B * C" of the note is right, and as many as it says; few of them: they add up to what it says.
terms_are_right() { # EDGES
  sed -n 's/^note: the sum of .* is \(.*\), over \([0-9]*\) edges* in use; [a-z ]*: /\1 \2, /p' <<<"$said" |
    awk -v edges="$1" -F', ' '
      function near(a, b) { return (a - b) ^ 2 <= 1e-5 * (a * a + b * b) }
      { split($1, head, " "); good = head[2] == edges
        for (i = 2; i <= NF; i++) { n = split($i, t, " "); sum += t[1]; if (n != 7 || !near(t[1], t[3] * t[5])) good = 0 }
        if (NF - 1 != (edges < 3 ? edges : 3) || (edges <= 3 && !near(sum, head[1]))) good = 0 }
      END { exit NR == 1 && good ? 0 : 1 }'
}

flow grows "s * s + 0 * z" dopri5
expect "step underflow" 1 "error: epoch 1, step 1: graph 'Wiring' cannot continue at time 0.9999" train_anew grows.dnw
that "step underflow: which node" has ": it needs steps below min_step = 2e-08; the worst is h[0] of sample 1 of the batch: value "
that "step underflow: the node's edges" has "over 2 edges in use; its terms: "
that "step underflow: their values" has "* -2 from x[1], "
that "step underflow: all of them" has "* 0.5 from x[0]"
that "step underflow: the terms are right" terms_are_right 2
that "step underflow: what to try" has "tanh around growing values"
that "step underflow: no checkpoint" has "note: no epoch was finished, so there is no checkpoint"
flow bounded "tanh(s * s) + 0 * z" dopri5
expect "step underflow: tanh" 0 "epoch 2/2" train_anew bounded.dnw
flow fast "10 * (z - s)" "dopri5(rtol = 0.000001, min_step = 0.1)"
expect "fast states" 1 "it needs steps below min_step = 0.1" train_anew fast.dnw
that "fast states: what to try" has "help: a larger rtol (now 1e-06) or a smaller min_step where states only change fast"
expect "fast states: a smaller min_step" 0 "epoch 2/2" train_anew fast.dnw -D 'solver=dopri5(rtol = 0.000001, min_step = 0.0001)'
expect "fast states: a larger rtol" 0 "epoch 2/2" train_anew fast.dnw -D 'solver=dopri5(rtol = 0.1, min_step = 0.1)'

flow stiff "1000 * (z - s)" "tsit5(max_steps = 5)"
expect "too many steps" 1 "it has not reached the end after max_steps = 5 steps; the worst is h[" train_anew stiff.dnw
that "too many steps: when" grep -qE "cannot continue at time 0\.00[0-9]+:" <<<"$said"
that "too many steps: the terms are right" terms_are_right 2
that "too many steps: what to try" has "a larger rtol (now 0.001), more max_steps, semi_implicit(n) where states decay fast"
expect "too many steps: more of them" 0 "epoch 2/2" train_anew stiff.dnw -D 'solver=tsit5(max_steps = 5000)'
expect "too many steps: semi_implicit" 0 "epoch 2/2" train_anew stiff.dnw -D 'solver=semi_implicit(10)'
flow waves "sin(z + 10 * s)" "bosh3(max_steps = 40, atol = 0.1)"
expect "too many small steps" 1 "help: a larger rtol (now 0.001)" train_anew waves.dnw -D 'solver=bosh3(max_steps = 10)'
expect "too many small steps: a larger rtol" 0 "epoch 2/2" train_anew waves.dnw -D 'solver=bosh3(max_steps = 10, rtol = 0.1)'

flow root "0 * z - 1 - sqrt(s)" dopri5
expect "not finite in a flow" 1 "it is no longer finite, even with a step of " train_anew root.dnw
that "not finite in a flow: when and where" grep -qE "at time 0\.6137[0-9]*: .* the worst is h\[0\] of sample 1 of the batch" <<<"$said"
that "not finite in a flow: the terms are right" terms_are_right 2
that "not finite in a flow: what to try" has "help: max or clamp around the arguments of log, sqrt and divisions"
flow rooted "0 * z - 1 - sqrt(max(s, 0))" dopri5
expect "not finite in a flow: max" 0 "epoch 2/2" train_anew rooted.dnw
# s[0] = 1 - t runs into sqrt at t = 1, and edges carry it to h[0]: the one that began is named
cat >begins.dnw <<'END'
fn Falls(z) { state s = 1; s' = 0 * z - 1; s }
fn Root(z)  { state s = 1; s' = 0 * z - 1 + 0 * sqrt(s); s }
graph Wiring {
  time = flow(0, 2, bosh3)
  input  x[2]
  nodes  h[2] : Falls
  nodes  g[2] : Root
  output y[2]
  edges x[_] -> g[_]
  edges g[_] -> h[_]
  edges { h[_] -> g[_]; h[_] -> y[_] }
}
model Net(v) = v |> Wiring
train Net { data = csv("one.csv", target = "class"); optim = sgd(lr = 0.01); epochs = 2; seed = 1 }
END
expect "not finite: where it began" 1 "the worst is g[0] of sample 1" train_anew begins.dnw
that "not finite: of four edges the largest three" terms_are_right 4

for steps in 20 4000; do # all in memory, and windows of them
  expect "equal steps: $steps" 1 "training is no longer finite: epoch 1, step 1, h[0] in graph 'Wiring' is inf at time 1" \
    train_anew grows.dnw -D "solver=rk4($steps)"
  that "equal steps: $steps: the terms are right" terms_are_right 2
done
sed 's/flow(0, 2, solver)/steps(solver)/; s/rate/next/; s/s. = s \* s/next s = 2 * s * s/' grows.dnw >squares.dnw
for steps in 12 3000; do
  expect "discrete: $steps" 1 "step 1, h[0] in graph 'Wiring' is inf after 8 of $steps steps for sample 1 of the batch" \
    train_anew squares.dnw -D "solver=$steps"
  that "discrete: $steps: the terms are right" terms_are_right 2
done
expect "discrete: few steps" 0 "epoch 2/2" train_anew squares.dnw -D solver=3
sed 's/\[2\] : Cell/[2, 3] : Cell/; s/h\[_\]/h[_, _]/; s/state s = 1;/state r = 0; state s = 1; r'"'"' = 0 * s;/; s/solver = dopri5/solver = dopri5/' grows.dnw >states.dnw
expect "several indices and states" 1 "the worst is h[0, 0], state 2 of sample 1 of the batch" train_anew states.dnw
sed 's/-> h\[_\]$/-> h[_] via Pull/; 1i fn Pull(x) { weight g = 3; weight a[2] = 0.5; 0 * g * x + a[0] }' grows.dnw >pulled.dnw
expect "edges with functions" 1 "note: 2 edges with a function lead into h[0]; their largest values when that step begins: -2 from x[1] (g = 3, a[0] = 0.5), 0.5 from x[0] (g = 3, a[0] = 0.5)" train_anew pulled.dnw
sed 's/^  edges x.*/  edges x[_] -> h[i] where i == 1/' grows.dnw >alone.dnw
expect "no edges" 1 "note: no edge in use leads into h[0]: its value depends on its function only" train_anew alone.dnw
npy maps.npy '<f4' '(1, 1, 1, 2)' && { one; bytes 00 00 00 40; } >>maps.npy
npy one.npy '<f4' '(1, 1)' && one >>one.npy
cat >maps.dnw <<'END'
fn Cell(z) { state s = 0; s' = s * s + z * z; s }
graph Wiring { time = flow(0, 9, bosh3); input x; nodes h : Cell; output y; edges x -> h via Same; edges h -> y via Same }
fn Same(x) = x
model Net(v) = v |> Wiring |> mean_map
train Net { data = npy("maps.npy", "one.npy"); loss = mse; epochs = 1 }
END
expect "maps" 1 "the worst is h[0] (pixel 2 of 2) of sample 1" train_anew maps.dnw
that "maps: the same pixel" has "the sum of h[0] (pixel 2 of 2) when that step begins is 2, over 1 edge in use; its term: 2 = 1 * 2 from x[0]"
npy sequence.npy '<f4' '(1, 3, 1)' && { one; one; one; } >>sequence.npy
sed 's/flow(0, 9, bosh3)/flow(0, 0.7, bosh3)/; s/|> Wiring |> mean_map/|> scan(Wiring) |> last/; s/maps.npy/sequence.npy/' maps.dnw >sequence.dnw
expect "sequences" 1 "of position 3 of the sequence: it needs steps below" train_anew sequence.dnw

# a static graph at the positions of a sequence
cat >still.dnw <<'END'
fn Unit(z) { weight b = 0; log(z - z + if z > 2 then -1 else 1) + b }
graph Wiring { input x[1]; nodes h[2] : Unit; output y[1]; edges x -> h via Same; edges h -> y }
fn Same(x) = x
model Net(v) = v |> scan(Wiring) |> mean_time
train Net { data = npy("places.npy", "one.npy"); loss = mse; epochs = 1 }
END
npy places.npy '<f4' '(1, 3, 1)' && { one; bytes 00 00 40 40; one; } >>places.npy
expect "positions" 1 "h[0] (position 2 of 3) in graph 'Wiring' is nan for sample 1 of the batch" train_anew still.dnw

# training that fails later
sed 's/csv(.*"class")/spirals(200)/; s/lr = 0.01/lr = drops(0.1, factor = 1e5, epochs = [1.9])/; s/epochs = 2;/epochs = 4; batch = 50;/; s/s. = .*; s }/s'"'"' = z * z * (0.5 - s); tanh(s) }/' grows.dnw >late.dnw
"$dnw" build late.dnw -D 'solver=dopri5(max_steps = 8)' >/dev/null
expect "a flow fails later" 1 "error: epoch 3, step " ./late train
that "a flow fails later: the terms are right" terms_are_right 2
that "a flow fails later: says where the good weights are" has "note: the last good weights are in runs/late/last.safetensors"
that "a flow fails later: they are good" usable ./late runs/late/last.safetensors
that "a flow fails later: so are the best" usable ./late runs/late/best.safetensors
that "a flow fails later: two epochs in the log" test "$(grep -c '"epoch"' runs/late/log.jsonl)" = 2
cp runs/late/last.safetensors late.before
failed_then=$(grep '^error' <<<"$said")
expect "a flow fails later: resumes" 1 "continuing in epoch 3 after step 0" ./late train --resume
that "a flow fails later: the same again" has "$failed_then"
that "a flow fails later: the checkpoint stays" same runs/late/last.safetensors late.before
expect "a flow fails later: a smaller rate" 0 "best accuracy" ./late train --lr 0.000001 --out slower
"$dnw" build late.dnw -D 'solver=dopri5(max_steps = 1)' -o short >/dev/null
expect "a flow fails in eval" 1 "error: graph 'Wiring' cannot continue at time 0.1" ./short eval --weights runs/late/best.safetensors
that "a flow fails in eval: the terms are right" terms_are_right 2
expect "a flow fails in predict" 1 "error: x.npy: sample 0: graph 'Wiring' cannot continue at time 0.1" \
  ./short predict --weights runs/late/best.safetensors --input x.npy --output z2.npy
that "a flow fails in predict: the terms are right" terms_are_right 2
that "a flow fails in predict: the value of the sample" has " 1 from x["
that "a flow fails in predict: how many" has "rows of z2.npy are NaN for 4 of 4 samples"
that "a flow fails in predict: the output has rows of NaN" test "$(od -An -v -tf4 -w4 -j128 z2.npy | sort -u | tr -d ' -')" = nan
expect "a flow fails in bench" 1 "error: graph 'Wiring' cannot continue at time 0." ./short bench --steps 3
that "a flow fails in bench: the terms are right" terms_are_right 2
that "a flow fails in bench: what to try" has "more max_steps"
that "a flow fails in bench: no times" lacks "ms/step"
expect "a flow fails in bench --infer" 1 "error: graph 'Wiring' cannot continue at time 0." ./short bench --infer --json
that "a flow fails in bench --infer: no times" lacks "ms_per_step"
expect "a flow fails in gradcheck" 1 "error: graph 'Wiring' cannot continue at time 0." ./short gradcheck --json
that "a flow fails in gradcheck: what to try" has "more max_steps"
that "a flow fails in gradcheck: no number" lacks '"limit"'

# one sample that cannot be followed to the end, among others: its row alone is lost, also of a frozen program
cat >tangent.dnw <<'END'
fn Same(x)  { shared weight w = 1; w * x }
fn Grows(z) { state s = 0; s' = s * s + z; s }    # of z above 2.5 infinite before time 1
graph Wiring {
  time = flow(0, 1, dopri5)
  input  x[1]
  nodes  h[1] : Grows
  output y[1]
  edges { x -> h; h -> y } via Same
}
model Net(x) = 0.1 * x |> Wiring
train Net { data = sines(100); epochs = 1; optim = sgd(1e-30) }
END
"$dnw" build tangent.dnw -o tangent >/dev/null
expect "one fails in predict: train" 0 "" ./tangent train --quiet
{ npy one.npy '<f4' '(5, 1)'; bytes 00 00 80 3f 00 00 00 40 00 00 40 40 00 00 c8 42 00 00 80 40 >>one.npy; }
expect "one fails in predict" 1 "error: one.npy: sample 3: graph 'Wiring' cannot continue at time 0.49" \
  ./tangent predict --weights runs/tangent/last.safetensors --input one.npy --output tangents.npy --batch 2
that "one fails in predict: no sample of a batch is meant" lacks "of the batch"
that "one fails in predict: how many" has "note: rows of tangents.npy are NaN for 1 of 5 samples"
tangents() { od -An -v -tf4 -w4 -j128 tangents.npy | awk '{ printf "%s ", /nan/ ? "nan" : sprintf("%.2f", $1) }'; }
that "one fails in predict: the others are there" test "$(tangents)" = "0.10 0.21 0.33 nan 0.46 "
"$dnw" build tangent.dnw --freeze --weights runs/tangent/last.safetensors -o tangent_frozen >/dev/null
rm tangents.npy
expect "one fails in a frozen predict" 1 "error: one.npy: sample 3: a graph in time cannot continue" \
  ./tangent_frozen predict --input one.npy --output tangents.npy
that "one fails in a frozen predict: the others are there" test "$(tangents)" = "0.10 0.21 0.33 nan 0.46 "

# ---- numbers of declared rules that are none: which rule, which step, and no word about the learning rate

rule() { # NAME LINES
  cat >"$1.dnw" <<END
rule mine {
$2
}
fn Unit(z) { weight b = 0; tanh(z + b) }
graph Wiring {
  input  x[2]
  nodes  h[6] : Unit
  output y[2]
  edges { x[_] -> h[_]; h[_] -> y[_] } keep 50% using mine
}
model Net(v) = v |> Wiring
train Net { data = spirals(200); optim = sgd(lr = 0.1); epochs = 2; batch = 50; seed = 1 }
END
}
blames() { # NAME WHAT
  expect "$1 of a rule" 1 "training is no longer finite: epoch 1, step 3, rule mine: $2" train_anew "$1.dnw"
  that "$1 of a rule: help" has "it is the rule, not the learning rate"
}
rule start 'on every(steps = 3) { drop 4 by abs(w); grow by abs(gradient) at 1 / (0 * step) }'
blames start "grow gives candidate"
rule fresh_start 'on every(steps = 3) { drop 4 by abs(w); grow by random at 1 / (0 * step) }'
blames fresh_start "grow gives candidate"
rule reset 'on every(steps = 3) { reset w = log(0 - abs(w)) }'
blames reset "reset gives candidate"
rule next 'state s = 0; next s = if step < 2.5 then 1 else sqrt(0 - 1); on every(steps = 7) { choose by s }'
blames next '`next` gives candidate'
rule score 'on every(steps = 3) { drop 4 by sqrt(0 - abs(w)); grow by random }'
blames score "a score of candidate"
rule rare 'on every(steps = 100) { drop 4 by abs(w); grow by random }'
train_anew rare.dnw >said 2>&1
that "an event that never comes: a warning" \
  grep -q 'warning: rare.dnw:[0-9]*:[0-9]*: every(steps = 100) of rule mine never comes in 2 epochs of 4 steps: train for 26 epochs or more, or write steps = 6' said

finish
