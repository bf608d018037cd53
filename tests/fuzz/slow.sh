#!/usr/bin/env bash
# Fuzzes every target of a build with preset fuzz, FUZZ_SECONDS each (default 300), from its corpus. New inputs stay
# in the build directory; a finding is printed with its file and fails the test. Other builds have no targets: skipped.
set -euo pipefail
cd "$(dirname "$0")"
build=${DNW_BUILD:-$(cd ../.. && pwd)/build-fuzz}
seconds=${FUZZ_SECONDS:-300}
passed=0 failed=0
if ! ls "$build"/tests/fuzz_* >/dev/null 2>&1; then
  echo "skipped: $build has no fuzz targets; cmake --preset fuzz && cmake --build build-fuzz && ctest --test-dir build-fuzz -R fuzz.slow"
  exit 0
fi
for target in fuzz_*.c; do
  name=$(basename "$target" .c)
  mkdir -p "$build/corpus/$name"
  if "$build/tests/$name" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$build/" \
       -print_final_stats=1 "$build/corpus/$name" "corpus/${name#fuzz_}" >"$build/$name.log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs, no finding"
    passed=$((passed + 1))
  else
    echo "FAILED $name: see $build/$name.log"
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$build/$name.log" | head -n 5 || true
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
