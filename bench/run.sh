#!/usr/bin/env bash
# Side by side with PyTorch, the same work in turn (A B A B ...), one table.
#
#   bench/run.sh [PAIRS]     default 5 pairs a row; takes about two minutes
# Installs python3-torch when it is missing. Absolute times depend on the machine; quote the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
if ! dpkg-query -W -f='${Status}' python3-torch 2>/dev/null | grep -q 'ok installed'; then
  echo "installing python3-torch"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get install -y --no-install-recommends python3-torch >/dev/null
fi
[ -x "$build/dnw" ] || { cmake --preset default -B "$build" && cmake --build "$build"; } >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang-19 -O3 -march=native bench/ceiling.c -o "$work/ceiling"
exec /usr/bin/python3 bench/compare.py "$build/dnw" "$work" "${1:-5}"
