#!/usr/bin/env bash
# Compares dnw with PyTorch and SciPy: the same work, alternating (A B A B ...), in one table.
#
#   bench/run.sh                                 all rows, 3 pairs each: about a quarter of an hour on an idle machine
#   bench/run.sh --only static,mlp --pairs 5     some rows; also --work, --batch, --threads
#   bench/run.sh --alone                         without the peers
#   bench/run.sh --against OTHER/build/dnw       another dnw in place of the peers
# Installs python3-torch and python3-scipy when they are missing and needed. Needs no data: if a data set is not found, the
# programs use random numbers of the same shape. Absolute times depend on the machine; quote the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case " $* " in
*" --help "* | *" -h "*) exec /usr/bin/python3 bench/compare.py --help ;;
*" --alone "* | *" --against"*) ;;
*)
  for library in torch scipy; do
    /usr/bin/python3 -c "import $library" 2>/dev/null && continue
    echo "installing python3-$library"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get install -y --no-install-recommends "python3-$library" >/dev/null
  done
  ;;
esac
[ -x "$build/dnw" ] || { cmake --preset default -B "$build" && cmake --build "$build"; } >/dev/null
clang-19 -O3 -march=native bench/ceiling.c -o "$work/ceiling"
/usr/bin/python3 bench/compare.py --dnw "$build/dnw" --place "$work" "$@"
