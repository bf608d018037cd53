# shellcheck shell=bash
# Sourced by scale.sh and huge.sh, with their arguments: sets root, dnw, plot (the file that --plot names, or empty) and work
# (a folder that is removed at the end).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
dnw=$PWD/${BUILD:-build}/dnw
plot=
if [ "${1:-}" = --plot ]; then plot=$(realpath -m "${2:?--plot wants the name of an .svg file}"); fi
if [ -n "$plot" ] && ! command -v gnuplot >/dev/null; then
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get install -y --no-install-recommends gnuplot-nox >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
