#!/usr/bin/env bash
# Builds dnw plainly (no preset, warnings not errors) with each C compiler and each type of build, and trains xor
# with it. A line each: compiler, type, warnings, result. Exits non-zero when one fails.
#
#   tools/compilers.sh                 those of gcc 12 to 14 and clang 14 to 19 that are installed
#   tools/compilers.sh clang-15 gcc    only these
#   TYPES="Release" tools/compilers.sh only this type
set -uo pipefail
cd "$(dirname "$0")/.."
compilers=("$@")
[ $# -gt 0 ] || compilers=(gcc-12 gcc-13 gcc-14 clang-14 clang-15 clang-16 clang-17 clang-18 clang-19)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
built=0 failed=0
export XDG_CACHE_HOME=$folder/cache

try() { # COMPILER TYPE
  local build=$folder/build warnings result=passed
  rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles" "$build/dnw" "$folder/run" # bitcode is from clang 19 each time
  cmake -G Ninja -B "$build" -DCMAKE_C_COMPILER="$1" -DCMAKE_BUILD_TYPE="$2" ${DNW_CMAKE_ARGUMENTS:-} >"$folder/log" 2>&1 &&
    cmake --build "$build" --target dnw >>"$folder/log" 2>&1 || result="does not build"
  warnings=$(grep -c 'warning:' "$folder/log")
  if [ "$result" = passed ]; then
    { "$build/dnw" build examples/xor.dnw -o "$folder/xor" && "$folder/xor" train --force --out "$folder/run" &&
      "$folder/xor" eval --weights "$folder/run/last.safetensors"; } >>"$folder/log" 2>&1 || result="xor fails"
  fi
  grep -q 'accuracy 100' "$folder/log" || [ "$result" != passed ] || result="xor is not learned"
  printf '%-10s %-15s %3d warnings  %s\n' "$1" "$2" "$warnings" "$result"
  built=$((built + 1))
  [ "$result" = passed ] && [ "$warnings" -eq 0 ] || { failed=$((failed + 1)); grep -E 'error|warning|FAILED' "$folder/log" | head -n 5; }
}

for compiler in "${compilers[@]}"; do
  command -v "$compiler" >/dev/null || { echo "$compiler is not installed"; continue; }
  for type in ${TYPES:-Release Debug RelWithDebInfo}; do try "$compiler" "$type"; done
done
echo "$built built, $failed failed or with warnings"
[ "$built" -gt 0 ] && [ "$failed" -eq 0 ]
