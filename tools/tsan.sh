#!/usr/bin/env bash
# Builds with clang's thread sanitizer (preset clang-tsan) and trains small nets with two and three threads: any
# report fails. Code that dnw generates is not instrumented; the runtime, its threads and its kernels are.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build-tsan}
[ -f "$build/build.ninja" ] || cmake --preset clang-tsan -B "$build"
cmake --build "$build" --target dnw
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
echo "called_from_lib:libLLVM" >"$run/suppressions" # not instrumented, so its atomic reads and writes go unseen
export TSAN_OPTIONS="halt_on_error=1 suppressions=$run/suppressions ${TSAN_OPTIONS:-}"

# Checks the check: a race is reported, and correct code is not.
cat >"$run/race.c" <<'END'
#include <pthread.h>
#include <stdatomic.h>
static int plain;
static atomic_int safe;
static void *add(void *racy)
{
    for (int i = 0; i < 1000; i++)
        if (racy) plain++;
        else safe++;
    return racy;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    void *racy = argc > 1 ? argv : 0;
    pthread_create(&thread, 0, add, racy);
    add(racy);
    pthread_join(thread, 0);
    return 0;
}
END
clang-19 -O0 -pthread -fsanitize=thread "$run/race.c" -o "$run/race"
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
