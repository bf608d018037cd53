#!/usr/bin/env bash
# Installs what is missing, builds, runs the quick tests. Last line: "N passed, N failed".
#
#   tools/test.sh            label quick
#   tools/test.sh --all      label slow too (trains the examples)
#   BUILD=DIR tools/test.sh  another build directory than build/
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
select=(-L quick)
[ "${1:-}" = --all ] && select=()

tools/setup.sh
[ -f "$build/build.ninja" ] || cmake --preset default -B "$build"
cmake --build "$build"

report=$(mktemp)
trap 'rm -f "$report"' EXIT
rc=0
ctest --test-dir "$build" "${select[@]}" -j 2 --output-on-failure --no-tests=error 2>&1 </dev/null | tee "$report" || rc=$?

# "87% tests passed, 2 tests failed out of 16"
total=$(sed -n 's/.*tests failed out of \([0-9]*\).*/\1/p' "$report" | tail -n 1)
failed=$(sed -n 's/.* \([0-9]*\) tests failed out of .*/\1/p' "$report" | tail -n 1)
total=${total:-0} failed=${failed:-0}
[ "$total" -gt 0 ] || rc=1
[ "$failed" -eq 0 ] || rc=1
echo "$((total - failed)) passed, $failed failed"
exit "$rc"
