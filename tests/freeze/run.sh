#!/usr/bin/env bash
# dnw build --freeze: what a frozen program does and refuses, weights that do not fit, the C library and the example
# of docs/runtime.md. tests/run/test_freeze.c compares the numbers.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
source=${DNW_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
cc=${DNW_CC:-cc}

# Two floats of 5 samples: a .npy file.
header="{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }"
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header" >x.npy
for number in '\x00\x00\x80\x3f' '\x00\x00\x80\xbf' '\x00\x00\x00\x3f' '\x00\x00\x00\x00' '\x00\x00\x40\x40'; do
  printf "$number$number"
done >>x.npy

cp "$source/examples/xor.dnw" .
expect "build" 0 "wrote plain" "$dnw" build xor.dnw -o plain
expect "train" 0 "" ./plain train --epochs 2 --threads 1 --quiet --out run
weights=run/best.safetensors

# flags
expect "no weights" 2 "--freeze needs the weights" "$dnw" build xor.dnw --freeze -o fast
expect "weights alone" 2 "--weights belongs to --freeze" "$dnw" build xor.dnw --weights $weights -o fast
expect "library alone" 2 "--emit=lib belongs to --freeze" "$dnw" build xor.dnw --emit=lib -o fast
expect "object" 2 "do not go together" "$dnw" build xor.dnw --freeze --weights $weights --emit=obj -o fast
expect "dump" 2 "do not go together" "$dnw" build xor.dnw --freeze --weights $weights --dump=ir

# weights that do not fit
expect "no such file" 1 "error[E0004]: none.safetensors: cannot open" \
  "$dnw" build xor.dnw --freeze --weights none.safetensors -o fast
head -c 100 $weights >short.safetensors
expect "cut short" 1 "goes beyond the end of the file" "$dnw" build xor.dnw --freeze --weights short.safetensors -o fast
expect "not weights" 1 "is this a .safetensors file?" "$dnw" build xor.dnw --freeze --weights xor.dnw -o fast
sed 's/nodes  h\[8\]/nodes  h[9]/' xor.dnw >wider.dnw
that "another shape was made" sh -c '! cmp -s xor.dnw wider.dnw'
expect "another shape" 1 "has shape" "$dnw" build wider.dnw --freeze --weights $weights -o fast
expect "another program" 1 "note: the file was written by program 'xor'" "$dnw" build "$source/examples/spirals.dnw" --freeze --weights $weights -o fast
that "nothing was written" test ! -e fast

# the program
expect "freeze" 0 "removed " "$dnw" build xor.dnw --freeze --weights $weights -o fast
expect "predict" 0 "" ./fast predict --input x.npy --output frozen.npy
expect "predict, as it was" 0 "" ./plain predict --weights $weights --input x.npy --output plain.npy
numbers() { tail -c 40 "$1" | od -An -v -tf4 -w4; }
that "the same outputs" sh -c 'paste "$0" "$1" | awk "{ d = \$1 - \$2; if (d > 1e-5 || d < -1e-5) exit 1 }"' \
  <(numbers frozen.npy) <(numbers plain.npy)
that "outputs are there" test "$(numbers frozen.npy | sort -u | wc -l)" -gt 4
expect "predict, two threads" 0 "" ./fast predict --threads 2 --batch 2 --input x.npy --output two.npy
expect "bench" 0 "infer  batch 7" ./fast bench --infer --batch 7 --steps 3
expect "info" 0 "candidate edges" ./fast info
expect "info --json" 0 '"parameters"' ./fast info --json
expect "help" 0 "predict" ./fast --help
that "help has no training" sh -c '! ./fast --help | grep -q train'
that "help of predict has no weights" sh -c '! ./fast predict --help | grep -q weights'
expect "version" 0 "compiled by dnw" ./fast --version
for command in train eval gradcheck; do
  expect "no $command" 2 "$command: this program is frozen and has predict, bench --infer and info" ./fast $command
done
expect "no bench of training" 2 "bench of training: this program is frozen" ./fast bench
expect "weights are built in" 2 "the weights of a frozen program are part of it" \
  ./fast predict --weights $weights --input x.npy --output y.npy
expect "no profile" 2 "a frozen program is one stage" ./fast bench --infer --profile
expect "input is wanted" 2 "'predict' needs --input" ./fast predict --output y.npy

# more edges in use than the budget of a list: its rule moved budget there, or is not down to it yet
cat >above.dnw <<'DNW'
graph Wiring {
  input  x[2]
  nodes  h[8] : tanh
  output y[2]
  edges x[_] -> h[_] keep 8 using gives
  edges h[_] -> y[_] keep 8 using gives
  edges x[_] -> y[_] keep 2 using melts
}
rule gives {
  gradient = all
  on every(epochs = 1) { redistribute 50% by abs(w); drop 50% by abs(w); grow by random }
}
rule melts {
  start = all
  on once(at = 99%) { drop 1 by abs(w) }
}
model Net(point[2]) = point |> Wiring
train Net { data = spirals(400); epochs = 3; seed = 3 }
DNW
expect "above its budget: train" 0 "" "$dnw" train above.dnw --quiet --threads 1 --out above_run
expect "above its budget: freeze" 0 "of 19 edges in use" "$dnw" build above.dnw --freeze --weights above_run/last.safetensors -o above
expect "above its budget: build" 0 "" "$dnw" build above.dnw -o above_plain
expect "above its budget: predict" 0 "" ./above predict --input x.npy --output frozen.npy
expect "above its budget: as it was" 0 "" ./above_plain predict --weights above_run/last.safetensors --input x.npy --output plain.npy
that "above its budget: the same outputs" sh -c 'paste "$0" "$1" | awk "{ d = \$1 - \$2; if (d > 1e-5 || d < -1e-5) exit 1 }"' \
  <(numbers frozen.npy) <(numbers plain.npy)

# one edge is no way from the input to the output: the program gives a constant
printf 'graph G {\n  input x[2]\n  nodes h[2]\n  output y[1]\n  edges { x[_] -> h[_]; h[_] -> y[_] } keep 1\n}
fn Bias(x) { weight b = 3; x + b }
model Net(x) = x |> G |> Bias\ntrain Net { data = xor(100); epochs = 1; optim = sgd(1e-30); loss = binary_cross_entropy }\n' >nothing.dnw
expect "nothing is left: train" 0 "" "$dnw" train nothing.dnw --quiet --out nothing
expect "nothing is left: freeze" 0 "of 1 edge in use" \
  "$dnw" build nothing.dnw --freeze --weights nothing/best.safetensors -o constant
expect "nothing is left: predict" 0 "" ./constant predict --input x.npy --output constant.npy
that "nothing is left: a constant" test "$(tail -c 20 constant.npy | od -An -v -tf4 -w4 | sort | uniq -c | tr -s ' ')" = " 5 3"

# the library: the example of the page, in C and C++, without a warning
expect "library" 0 "wrote xor.a and xor.h" "$dnw" build xor.dnw --freeze --weights $weights --emit=lib,header -o xor
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source/docs/runtime.md" >example.c
expect "example compiles" 0 "" "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror example.c xor.a -lm -o example
expect "example runs" 0 " " ./example
that "example prints two lines" test "$(./example | wc -l)" = 2
expect "header is C++, too" 0 "" "$cc" -x c++ -Wall -Wextra -Werror -fsyntax-only xor.h
that "only its own names are seen" test "$(nm -g --defined-only xor.a | awk 'NF == 3 { print $3 }' | sort | tr '\n' ' ')" = \
  "xor_forward xor_workspace "
that "no state that can be written" sh -c 'objdump -h xor.a | awk "\$2 == \".data\" || \$2 == \".bss\" { if (\$3 !~ /^0+\$/) exit 1 }"'
expect "header alone" 0 "wrote my-net.h" "$dnw" build xor.dnw --freeze --weights $weights --emit=header -o my-net
that "names that C allows" grep -q "my_net_forward" my-net.h
that "no library then" test ! -e my-net.a
finish
