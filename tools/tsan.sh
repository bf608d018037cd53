#!/usr/bin/env bash
# Builds with clang's thread sanitizer (preset clang-tsan) and trains a small net with two and three threads: any
# report fails. Needs libomp-19-dev (tools/setup.sh --sanitizers): its archer tells the sanitizer how OpenMP
# synchronises. gcc's cannot be told: libgomp has no such interface, and its barriers look like races.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build-tsan}
[ -f "$build/build.ninja" ] || cmake --preset clang-tsan -B "$build"
cmake --build "$build" --target dnw

archer=$(sed -n 's/^OpenMP_omp_LIBRARY:.*=\(.*\)libomp\.so$/\1libarcher.so/p' "$build/CMakeCache.txt")
[ -f "$archer" ] || { echo "tsan: no OpenMP for clang; tools/setup.sh --sanitizers installs it, then remove $build" >&2; exit 1; }
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1 ${TSAN_OPTIONS:-}" OMP_TOOL_LIBRARIES=$archer
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

# The means themselves: a race is reported, and none where there is none.
cat >"$run/race.c" <<'END'
int main(int argc, char **argv)
{
    int sum = 0;
    (void)argv;
#pragma omp parallel for num_threads(2)
    for (int i = 0; i < 1000; i++)
        if (argc > 1) sum += i;
        else
#pragma omp atomic
            sum += i;
    return sum < 0;
}
END
clang-19 -O0 -fopenmp -fsanitize=thread "$run/race.c" -o "$run/race"
"$run/race"
if "$run/race" race >/dev/null 2>&1; then echo "tsan: a race goes unseen" >&2; exit 1; fi

for example in spirals waves; do
  "$build/dnw" build "examples/$example.dnw" -o "$run/$example"
  for threads in 2 3; do
    "$run/$example" train --quiet --epochs 2 --threads $threads --out "$run/$example.$threads"
    "$run/$example" eval --threads $threads --weights "$run/$example.$threads/last.safetensors"
  done
done
echo "tsan: no report"
