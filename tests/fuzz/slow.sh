#!/usr/bin/env bash
# Fuzzes every target with address and undefined-behaviour checks, FUZZ_SECONDS each (default 300), from its corpus.
# New inputs stay in the build directory; a finding is printed with its file and fails the test.
set -euo pipefail
cd "$(dirname "$0")"
source=$(cd ../.. && pwd)
build=${FUZZ_BUILD:-$source/build-fuzz}
seconds=${FUZZ_SECONDS:-300}
passed=0 failed=0
mkdir -p "$build"
(cd "$source" && cmake --preset fuzz -B "$build" && cmake --build "$build") >"$build/build.log" 2>&1 ||
  { tail -n 20 "$build/build.log"; echo "FAILED: the fuzz build"; exit 1; }
for target in fuzz_*.c; do
  name=$(basename "$target" .c)
  fuzzer=$(find "$build" -name "$name" -type f -perm -u+x | head -n 1)
  mkdir -p "$build/corpus/$name"
  if [ -n "$fuzzer" ] && "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$build/" \
       -print_final_stats=1 "$build/corpus/$name" "corpus/${name#fuzz_}" >"$build/$name.log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs, no finding"
    passed=$((passed + 1))
  else
    echo "FAILED $name: see $build/$name.log"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
