#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds dnw, compiles examples/fashion.dnw,
# trains it and shows the result. About ten seconds once dnw is built.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
run=runs/demo

tools/setup.sh
[ -f "$build/build.ninja" ] || cmake --preset default -B "$build"
cmake --build "$build" --target dnw

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
step() { say "$@"; "$@"; }

step "$build/dnw" check examples/fashion.dnw
step "$build/dnw" build examples/fashion.dnw -o "$build/fashion"
step "$build/fashion" train --out "$run" --force "$@"
step "$build/fashion" eval --weights "$run/best.safetensors"
say "tail -n 1 $run/log.jsonl"
tail -n 1 "$run/log.jsonl"
