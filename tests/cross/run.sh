#!/usr/bin/env bash
# Processors: what --cpu takes, and objects for aarch64, which run in an emulator where there is one.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
here=$DNW_SOURCE/tests/cross
cat >net.dnw <<'DNW'
model Net(image[2, 8, 8]) = image |> max_pool(2) |> tanh |> avg_pool(2) |> flatten |> softmax
DNW

# names
expect "near name" 1 "did you mean 'x86-64-v3'?" "$dnw" build net.dnw --cpu x86-64-v33 -o net
expect "far name" 1 "it takes native, x86-64-v2, x86-64-v3, x86-64-v4, aarch64" "$dnw" build net.dnw --cpu zzz -o net
for cpu in native x86-64-v2; do
  expect "$cpu" 0 "" "$dnw" build net.dnw --cpu $cpu -o net
  expect "$cpu runs" 0 "compiled by" ./net --version
done
that "what it needs" grep -qF '"needs":["sse3","ssse3","sse4.1","sse4.2","popcnt"]' net

# another architecture
expect "no program for aarch64" 1 "--emit=obj" env -u DNW_CC "$dnw" build net.dnw --cpu aarch64 -o net
expect "object for aarch64" 0 "" "$dnw" build net.dnw --cpu aarch64 --emit=obj -o arm.o
that "it is one" test "$(od -An -tx2 -j18 -N2 arm.o | tr -d ' ')" = 00b7 # e_machine: EM_AARCH64
expect "a whole classifier" 0 "" "$dnw" build "$DNW_SOURCE/examples/xor.dnw" --cpu aarch64 --emit=obj -o xor.o
compiler=$(command -v aarch64-linux-gnu-gcc) emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static)
if [ -z "$compiler" ] || [ -z "$emulator" ]; then
  echo "skipped: code for aarch64 is not run, since aarch64-linux-gnu-gcc or qemu-aarch64 is missing"
  finish
  exit
fi
"$dnw" build net.dnw --cpu x86-64-v2 --emit=obj -o here.o
that "linked here" "${CC:-cc}" -I"$DNW_SOURCE/runtime" "$here/driver.c" here.o -lm -o here
that "linked for aarch64" "$compiler" -static -I"$DNW_SOURCE/runtime" "$here/driver.c" arm.o -lm -o arm
arguments() { # of the driver, from the manifest
  python3 -c 'import json, sys
m = json.load(sys.stdin); f = m["net"]["infer"]; size = lambda s: eval("*".join(map(str, s)))
print(f["levels"][0]["tile"], f["rows"] * m["lanes"] + f["partials"], f["input_row"], size(m["input"]), f["output_row"], size(m["output"]))'
}
read -ra what < <(./here | arguments)
./here "${what[@]}" >expected
"$emulator" ./arm "${what[@]}" >said
that "numbers" test "$(wc -l <expected)" -ge 8
that "the same numbers" python3 -c '
a, b = ([float(x) for x in open(f)] for f in ("expected", "said"))
assert len(a) == len(b) and all(abs(x - y) <= 1e-6 for x, y in zip(a, b)), (a[:4], b[:4])
assert max(a) - min(a) > 0.01, a[:8]'
finish
