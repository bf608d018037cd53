#!/usr/bin/env bash
# Cases for which golden files are not enough: options set with -D, suggestions applied to the text they were given for, tests that pass and
# fail, and refusals that must not take time or memory first.
set -uo pipefail
source "$(dirname "$0")/../expect.sh"

cat >options.dnw <<'END'
option width  = 8 in 1 .. 64
option budget = 50%
option mode   = "fast"
option deep   = true
fn Unit(z) { weight b = 0; if mode == "fast" then relu(z + b) else tanh(z + b) }
graph Wiring {
  input  x[2]
  nodes  h[width] : Unit
  output y[2]
  edges x -> h keep budget
  edges h -> y keep if deep then all else share(budget / 2)
}
model Net(point[2]) = point |> Wiring
END
expect "options" 0 "10 parameters" "$dnw" check options.dnw -D budget=50% -D width=4.0 -D deep=false -D 'mode="slow"'
expect "an expression" 0 "Wiring" "$dnw" check options.dnw -D width=2^4+1
expect "a count for a share" 0 "Wiring" "$dnw" check options.dnw -D budget=3
cat >rule_of.dnw <<'END'
option rule_of = set
graph G { input x[4]; output y[2]; edges x[_] -> y[_] keep 50% using rule_of }
model Net(x[4]) = x |> G
END
expect "a rule with arguments" 0 "line 2, rigl" "$dnw" check rule_of.dnw -D 'rule_of=rigl(part = 20%)'
expect "a rule with wrong ones" 1 "-D:1:30" "$dnw" check rule_of.dnw -D 'rule_of=rigl(part = 3)'
expect "unknown" 1 "error[E0207]: the file has no option 'widht'" "$dnw" check options.dnw -D widht=4
expect "its suggestion" 1 "did you mean -D width=4?" "$dnw" check options.dnw -D widht=4
expect "out of range" 1 "option 'width' is 65, which is not in 1 .. 64" "$dnw" check options.dnw -D width=65
expect "the range is shown" 1 "options.dnw:1:22" "$dnw" check options.dnw -D width=65
expect "another kind" 1 "option 'width' is a number; this is a string" "$dnw" check options.dnw -D 'width="8"'
expect "true or false" 1 "option 'deep' is true or false; this is a number" "$dnw" check options.dnw -D deep=1
expect "a text needs no marks" 0 "Wiring" "$dnw" check options.dnw -D mode=slow
expect "unknown name in a value" 1 "did you mean 'width'?" "$dnw" check options.dnw -D budget=widht
expect "no expression" 1 "-D:1:" "$dnw" check options.dnw -D width=
expect "two values" 1 "-D:" "$dnw" check options.dnw -D 'width=1
option x = 2'
expect "not a number" 1 "is not in 1 .. 64" "$dnw" check options.dnw -D width=0/0

# imports: options of a file imported without `as` are set too; two spellings are one file; files import each other
mkdir sub
printf 'import "../main.dnw"\noption nodes_used = 3\nfn twice(x) = 2 * x\nfn both(x) = half(twice(x))\n' >sub/lib.dnw
printf 'import "sub/lib.dnw"\nimport "sub/../sub/lib.dnw" as lib\nfn half(x) = x / 2\nmodel M(x[2]) = x |> both |> lib.twice |> linear(nodes_used)\n' >main.dnw
expect "imports" 0 "[2] -> [3]" "$dnw" check main.dnw
expect "option of an import" 0 "[2] -> [5]" "$dnw" check main.dnw -D nodes_used=5

# values by position in `via F(...)` come after those that the edge gives, as the same given by name
cat >by_name.dnw <<'END'
fn Pull(pre, post, k = 1) { weight w = 1; w * k * (pre - post) }
fn Wave(x, n = 1, k = 2) { weight w = 1; w * sin(n * x) * k }
fn Cell(z) { state s = 1; next s = z; s }
graph G { time = steps(1); input x[1]; output y[1] : Cell; edges { x[_] -> y[_] via Pull(k = 3); x[_] -> y[_] via Wave(n = 5) } }
model Net(x[1]) = x |> G
END
sed 's/k = 3/3/; s/n = 5/5/' by_name.dnw >by_position.dnw
for form in by_name by_position; do "$dnw" build --dump=ir $form.dnw | sed '/^#/d; s/by_[a-z]*//g' >$form.ir; done
that "via F(3)" cmp by_name.ir by_position.ir
that "it is 3" grep -q 'const 3' by_name.ir

# suggestions, applied: sed SCRIPT turns the wrong file into one that passes
diag=$DNW_SOURCE/tests/diag
applied() { # CASE SCRIPT
  sed -E "$2" "$diag/check_$1.dnw" >"$1.dnw"
  expect "suggestion for $1" 0 "" "$dnw" check "$1.dnw"
}
applied budget_zero 's/keep 0/keep 1/'
applied budget_fraction 's/keep 0.05/keep 5%/'
applied budget_above 's/keep 500/keep all/'
applied budget_none 's/keep 1%/keep 5%/'
applied budget_share 's/keep 150%/keep 5%/'
applied budget_arithmetic 's/keep (density.*)/keep share(20 * \1)/'
applied budget_fan 's/fan_in\(0\)/fan_in(8)/'
applied budget_layer 's/0.05/5%/'
applied score 's/by v/by w/'
applied edge_position 's/Wave\(2\)/Wave(n = 2)/; s/Pull\(2, 3\)/Pull(2)/; s/via avg_pool/via tanh/'
applied path 's/(edges x -> h)/\1\n  edges h -> y/'
applied cycle 's/where .*/where i < j/'
applied cycle_sets 's/b -> a; //'
applied loss_mse 's/loss = mse/loss = cross_entropy/'
applied loss_numbers 's/cross_entropy/mse/; s/linear\(2\)/linear(1)/'
applied loss_classes 's/linear\(2\)/linear(5)/'
applied shape_data 's/p\[3\]/p/'
applied optim_nesterov 's/nesterov/momentum = 0.9, nesterov/'
applied train_model 's/Nett/Net/'
applied input 's/M\(x\)/M(x[784])/'
applied schedule 's/= 80/= [80, 120]/'
applied scan '/^model [AJKL]/d; s/, truncate = 2//; s/(linear\(2\)) \|> (Smooth \|> tanh|Flow)$/\1/; s/scan\(Layered\)/& |> scan(Smooth) |> scan(tanh)/; s/scan\(Flowing\)/& |> scan(Flow)/
s/x \|> scan\(Smooth\) \|> last/x |> last/; s/scan\(Inner\)/& |> scan(Smooth)/; s/= y$/= x + y/; s/= 3$/= 3 * x/; s/scan\(Cube\)/scan(Flat)/; 1a fn Flat(x) = x |> Cube |> flatten
s/s'"'"' = z - s/next s = z - s/'
applied state_static 's/^graph Plain \{/&\n  time = flow(0, 1, rk4(10))/; s/time = static/time = steps(1)/; /^model N/d'
applied state_flow "s/next s =/s' =/; s/v' =/next v =/"
applied implicit 's/semi_implicit\([04]\)/rk4(4)/; s/y\[_\] -> h\[_\] via Pull/y[_] -> h[_]/'
sed 's/cycle/steps/' "$diag/check_cycle.dnw" | sed 's/^graph G {/&\n  time = steps(5)/' >time.dnw
expect "suggestion of time for a cycle" 0 "" "$dnw" check time.dnw

# tests
cat >tests.dnw <<'END'
fn Unit(z) { weight b = 0; weight a[2] = 0.5; relu(a[0] * z + a[1] + b) }
fn wrong(x) = stop_gradient(x) * x
graph Ring(n, k = 4) {
  input  x[2]
  nodes  h[n] : Unit
  output y[2]
  edges x -> h
  edges h[i] -> h[j] where min((i - j) mod n, (j - i) mod n) <= k / 2 and i != j
  edges h -> y keep 50%
}
graph Chain(n = 5) {
  input  x[2]
  nodes  h[n] : Unit
  output y[3]
  edges { x -> h; h[i] -> h[j] where j == i + 1; h -> y }
}
model Other(x[4]) = x |> linear(3) |> layer_norm |> dropout(0.5)
model Net(x[2]) = x |> Chain
test "what is true" {
  Unit(1) == 1 and Unit(-3) == 0
  edge_count(Ring(n = 64, k = 8), "h", "h") == 64 * 8
  not acyclic(Ring(n = 9)); acyclic(Chain)
  candidates(Ring(n = 6)) == 6 * 2 + 6 * 4 + 6 * 2
  kept(Ring(n = 6)) == 6 * 2 + 6 * 4 + 6
  parameters(Chain(n = 1)) == 2 + 3 + 3
  parameters(Other) == 4 * 3 + 3 + 2 * 3
  shape(Net) == [3] and shape(Other) == [3] and shape(Chain(n = 2)) == [3]
  gradcheck(Unit) < 1e-6
  gradcheck(gelu) < 1e-6
  gradcheck(leaky_relu(slope = 0.3), samples = 100) < 1e-6
  gradcheck(Chain(n = 2)) < 1e-6
  gradcheck(Net) < 1e-6
}
END
expect "test" 0 "what is true: ok" "$dnw" test tests.dnw
printf 'test "what is not" {\n  gradcheck(wrong) < 1e-6\n  acyclic(Chain) and kept(Chain) == 4\n  not acyclic(Chain)\n}\n' >>tests.dnw
expect "check does not run tests" 0 "Chain" "$dnw" check tests.dnw
expect "wrong gradient" 1 "what is not: FAILED" "$dnw" test tests.dnw
expect "others still pass" 1 "what is true: ok" "$dnw" test tests.dnw
expect "the line" 1 "tests.dnw:35:3: gradcheck(wrong) < 1e-6" "$dnw" test tests.dnw
expect "the side of an and" 1 "    false: kept(Chain) == 4" "$dnw" test tests.dnw
expect "the value" 1 "    left:  29" "$dnw" test tests.dnw
expect "no tests" 0 "main.dnw has no tests" "$dnw" test main.dnw
for right in "$DNW_SOURCE"/tests/check/right/*.dnw; do expect "right: $(basename "$right")" 0 ": ok" "$dnw" test "$right"; done
for example in "$DNW_SOURCE"/examples/*.dnw; do expect "test $(basename "$example")" 0 "" "$dnw" test "$example"; done

# one mistake of syntax: what it leaves out is not missed, in this file and in those that import it
printf 'option width = = 4\noption depth = 2\ngraph Part {\n  input x[2]\n  ouput y[2]\n}\nfn Half(z) = z / 2\n' >broken.dnw
printf 'import "broken.dnw" as lib\nimport "broken.dnw"\nfn f(z) = lib.Half(z) + lib.width + nothing(z)\nmodel M(x[2]) = x |> lib.Part |> Part |> f |> linear(width)\n' >beside.dnw
errors() { [ "$(grep -c '^error' <<<"$said")" -eq "$1" ]; }
expect "a mistake beside one of syntax" 1 "'nothing' is not known here" "$dnw" check beside.dnw
that "these three" errors 3
expect "-D of what is not understood" 1 "found '=', expected an expression" "$dnw" check broken.dnw -D width=3
that "these two" errors 2
expect "-D of another option" 1 "option 'depth' is a number; this is a string" "$dnw" check broken.dnw -D 'depth="a"'
that "with these two" errors 3
printf 'import "nowhere.dnw"\nfn f(z) = from_there(z)\nfn g(z) = leaky_relu(z, slop = 1)\nmodel M(x[2]) = x |> g |> f\n' >nowhere.dnw
expect "a file that is not there" 1 "did you mean 'slope'?" "$dnw" check nowhere.dnw
that "no name is missed" errors 2

# each line of one_mistake.txt is a program with one mistake: one message
while IFS= read -r program; do
  printf '%b\n' "$program" >mistake.dnw
  expect "one mistake: $program" 1 "error[" "$dnw" check mistake.dnw
  that "one message: $program" [ "$(grep -cE '^(error|warning)\[' <<<"$said")" = 1 ]
done <"$DNW_SOURCE/tests/check/one_mistake.txt"

# found by build alone
printf 'option n = 1\n' >empty.dnw
expect "no model" 1 "error[E0224]: 'empty' has no model to build" "$dnw" build empty.dnw
expect "its suggestion" 0 "" "$dnw" check <(printf 'option n = 1\nmodel Net(x[2]) = x |> linear(1)\n')
expect "no such processor" 1 "error[E0225]" "$dnw" build main.dnw --cpu z80 -o prog

# refused at once, within 1 GB; seconds are those of the processor, which other programs do not take away
timed() { (ulimit -t "$1"; exec timeout $((20 * $1)) "${@:2}"); } # SECONDS COMMAND
small() { (ulimit -v 1048576 2>/dev/null; timed 10 "$dnw" check "$1"); }
limit=20
if grep -q __asan_init "$dnw"; then # it maps far more than it uses, and is slow
  small() { timed 60 "$dnw" check "$1"; }
  limit=120
fi
refused() { # NAME TEXT: the program on stdin
  cat >"$1.dnw"
  expect "$1" 1 "$2" small "$1.dnw"
}
refused nodes "the most is 20000000" <<<'graph G { input x[2]; nodes h[1e300]; output y[2]; edges { x -> h; h -> y } }'
refused numbers "the most is 1000000000" <<<'model M(x[1000000000, 1000000000, 1000000000, 1000000000]) = x'
refused pairs "one by one" <<<'graph G { input x[2e6]; output y[2e6]; edges x[i] -> y[j] where chance(1e-9) }'
refused hashed "one by one" <<<'graph G { input x[2e6]; output y[2e6]; edges x[i] -> y[j] where sin(i * j) > 0.99 }'
refused blocks "one by one" <<<'graph G { input x[4000000, 2]; output y[4000000, 2]; edges x[_, i] -> y[a, j] where i * a == j }'
refused unfold "expand to more than" <"$diag/check_unfolds.dnw"
refused lists "more than 100000 values" < <(echo 'option l0 = [1, 1, 1, 1]'; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "option l$i = [l$((i - 1)), l$((i - 1)), l$((i - 1)), l$((i - 1))]"; done)
refused deep "deep" < <(echo 'fn f0(x) = x'; for i in $(seq 1 3000); do echo "fn f$i(x) = f$((i - 1))(x)"; done; echo 'model M(x[2]) = x |> f3000')

# a net that papers count: ResNet-50 has 25,557,032 parameters (He et al. 2016, torchvision), 53,120 of them in batch_norm
resnet50() { "$dnw" check "$DNW_SOURCE/examples/resnet.dnw" -D depth=50 -D width=64 -D side=224 -D classes=1000 "$@" 2>/dev/null; }
expect "ResNet-50" 0 "25557032 parameters in use" resnet50 -D density=100%
expect "a tenth of ResNet-50" 0 "4456076 parameters in use" resnet50

# what is written grows, and so does the work, but no faster: each of these took minutes as the square of its size
quick() { # NAME CODE TEXT COMMAND: the program on stdin, in a time that even a slow machine keeps
  cat >"$1.dnw"
  expect "$1" "$2" "$3" timed $limit "$dnw" "${@:4}" "$1.dnw"
}
twice() { # FIRST LEVELS BODY: f1 .. fLEVELS, each of which calls the one before it twice; P stands for that one, N for the level
  echo "fn f0(x) = $1"
  for i in $(seq "$2"); do echo "fn f$i(x) = $3" | sed "s/P/f$((i - 1))/g; s/N/$i/g"; done
}
apply() { echo "model M(x[2]) = x |> f$1"; }
quick equal_calls 0 "[2] -> [2]" check < <(twice x 60 'P(x) + P(x)'; apply 60)
quick equal_arguments 0 "[2] -> [2]" check < <(twice x 60 'P([x + 1, N][0]) * P([x + 1, N][0])'; apply 60)
quick equal_in_nodes 0 "[2] -> [2]" check < <(twice x 60 'P(x) - tanh(P(x))'; echo 'graph G { input x[2]; output y[2] : f60; edges x -> y }'; echo 'model M(x[2]) = x |> G')
quick equal_mistakes 1 "'nowhere' is not known" check < <(twice nowhere 60 'P(x) + P(x)'; apply 60)
quick other_arguments 1 "more than 500000 operations" check < <(twice x 60 'P(x) + P(x + N)'; apply 60)
quick graphs_of_calls 1 "more than 10000 graphs" check < <(twice 'x |> G' 60 'P(P(x))'; echo 'graph G { input x[2]; output y[2]; edges x -> y }'; apply 60)
quick layers_of_calls 1 "more than 10000 graphs" check < <(twice 'x |> linear(2)' 60 'P(P(x))'; apply 60)
quick weights_of_calls 1 "more than 500000 operations" check < <(echo 'fn W(z) { weight w = 1; w * z }'; twice 'W(x)' 60 'P(P(x))'; echo 'graph G { input x[2]; output y[2] : f60; edges x -> y }'; echo 'model M(x[2]) = x |> G')
quick layers 0 "linear_8000 " check < <(echo 'model M(x[2]) {'; yes '  x = x |> linear(2)' | head -8000; printf '  x\n}\n')
quick options 0 "[2] -> [3]" check < <(for i in $(seq 60000); do echo "option o$i = 3"; done; echo 'model M(x[2]) = x |> linear(o60000)')
quick functions 0 "[2] -> [2]" check < <(for i in $(seq 60000); do echo "fn f$i(x) = x"; done; apply 60000)
quick names_in_blocks 0 "[2] -> [2]" check < <(echo 'model M(x[2]) {'; for i in $(seq 60000); do echo "  y$i = x"; done; printf '  y1\n}\n')
quick parameters 0 "[2] -> [2]" check < <(echo "fn f(x$(printf ', p%d = 1' $(seq 40000))) = x"; echo "model M(x[2]) = f(x$(printf ', p%d = 2' $(seq 40000)))")
quick lines_of_edges 0 "[2] -> [2]" check < <(echo 'graph G { input x[2]; output y[2]'; yes 'edges x -> y keep 50%' | head -40000; printf '}\nmodel M(x[2]) = x |> G\n')
quick node_sets 0 "[2] -> [2]" check < <(echo 'graph G { input x[2]; output y[2]'; for i in $(seq 8000); do printf 'nodes h%d\nedges x -> h%d\nedges h%d -> y\n' "$i" "$i" "$i"; done; printf '}\nmodel M(x[2]) = x |> G\n')
quick mistakes 1 "39980 more errors" check < <(for i in $(seq 40000); do echo "option o$i = u$i"; done)
expect "mistakes as JSON" 1 '"line": 40000' timed $limit "$dnw" check --json mistakes.dnw
quick one_line 1 "'u20000' is not known" check --json < <(printf 'option o%d = u%d; ' $(for i in $(seq 20000); do echo "$i $i"; done); echo)
quick questions 0 "ok" test < <(echo 'graph G(n) { input x[2]; nodes h[n]; output y[2]; edges { x -> h; h[i] -> h[j] where i < j and j - i < 5; h -> y } }'; echo 'model M(x[2]) = x |> linear(2)'; echo 'test "t" {'; yes '  acyclic(G(n = 200000))' | head -2000; echo '}')
quick ring 0 "ok" test <<'END'
graph Ring(n, k = 8) {
  input x[2]
  nodes h[n]
  output y[2]
  edges { x -> h; h -> y }
  edges h[i] -> h[j] where min((i - j) mod n, (j - i) mod n) <= k / 2 and i != j
}
model M(x[2]) = x |> linear(2)
test "t" { not acyclic(Ring(n = 2e6)); edge_count(Ring(n = 1e6), "h", "h") == 8e6 }
END
quick grid 0 "ok" test <<'END'
graph Grid(n) {
  input x[2]
  nodes h[n, n]
  output y[2]
  edges { x -> h; h -> y; h[a, b] -> h[c, d] where abs(a - c) <= 1 and abs(b - d) <= 1 and (a < c or a == c and b < d) }
}
model M(x[2]) = x |> linear(2)
test "t" { acyclic(Grid(n = 500)); edge_count(Grid(n = 500), "h", "h") == 2 * 500 * 499 + 2 * 499^2 }
END
quick nodes_in_all 1 "the most is 40000000" check < <(echo 'graph G(n) { input x[2]; nodes h[n]; output y[2]; edges { x -> y; h[i] -> y where i < 3 } }'; echo 'test "t" {'; for i in 1 2 3 4 5; do echo "candidates(G(n = 1e7 + $i)) == 10"; done; echo '}')
printf 'model M(x[3]) = x |> linear(1e7) |> tanh |> linear(4)\ntrain M { data = npy("none.npy", "none.npy"); loss = mse; optim = adam }\n' >wide.dnw
expect "gradcheck of what is large" 1 "the most is 1e+10" timed $limit "$dnw" gradcheck wide.dnw
printf 'graph G {\n input x[1]\n nodes h[100000]\n output y[1]\n edges { x -> h; h[i] -> h[j] where i == j + 1; h[i] -> y where i < 3 } }\nmodel M(x[1]) = x |> G\n' >chain.dnw
expect "a long chain against its order" 0 "200002 parameters" small chain.dnw
# Learned numbers in use: edges of one list may have one number or nine. One count for check, tests and the program.
cat >unlike.dnw <<'END'
fn One(x) { weight w ~ kaiming; w * x }
fn Many(x) { weight w ~ kaiming; weight k[8] ~ kaiming; w * tanh(k[0] * x + k[7]) }
option share_kept = 50%
graph G { input x[2]; output y[20]; edges { x[_] -> y[_] via One; x[_] -> y[_] via Many } keep share_kept by w }
model Net(x[2]) = x |> G |> linear(2)
train Net { data = spirals(200); epochs = 1; seed = 5 }
END
"$dnw" build unlike.dnw -o unlike >/dev/null
in_use=$(./unlike info | awk '$1 == "parameters" { print $2 }')
that "between all of one number and all of nine" test "$in_use" -gt 82 -a "$in_use" -lt 402
expect "check counts as the program does" 0 "$in_use parameters in use" "$dnw" check unlike.dnw
expect "so does the training" 0 "Net: $in_use parameters, 80 of 120" ./unlike train --out unlike_run
printf 'test "in use" { parameters(Net) == %s }\n' "$in_use" >>unlike.dnw
expect "and a test" 0 "in use: ok" "$dnw" test unlike.dnw
expect "all of them" 0 "442 parameters in use" "$dnw" check unlike.dnw -D share_kept=100%
# chance(p) is drawn from the seed of the train block: tests ask about the graph that is built.
cat >drawn.dnw <<'END'
graph G { input x[20]; output y[20]; edges x[_] -> y[_] where chance(50%) }
model Net(x[2]) = x |> linear(20) |> G |> linear(2)
train Net { data = spirals(100); seed = 7 }
END
drawn=$("$dnw" check drawn.dnw | awk '$1 == "G" { print $2 }')
other=$(sed 's/seed = 7/seed = 8/' drawn.dnw >other.dnw; "$dnw" check other.dnw | awk '$1 == "G" { print $2 }')
that "candidates differ with the seed ($drawn, $other)" test "$drawn" != "$other"
printf 'test "drawn" { candidates(G) == %s; edge_count(G, "x", "y") == %s }\n' "$drawn" "$drawn" >>drawn.dnw
expect "a test counts those of the seed" 0 "drawn: ok" "$dnw" test drawn.dnw
finish
