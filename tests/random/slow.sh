#!/usr/bin/env bash
# 1,000 random programs (or $2), from seed $1 on, two at a time; a table of the results for each construct.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
python=${DNW_PYTHON:-/usr/bin/python3} first=${1:-10000} count=${2:-1000} status=0
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
  echo "skipped: $python has no numpy or no torch (Debian: python3-numpy, python3-torch)"
  exit 0
fi
tables=$(mktemp -d)
trap 'rm -rf "$tables"' EXIT
half=$((count / 2))
export PYTHONDONTWRITEBYTECODE=1
"$python" compare.py "$first" "$half" --table "$tables/0" ${DNW_RANDOM:-} &
"$python" compare.py $((first + half)) $((count - half)) --table "$tables/1" ${DNW_RANDOM:-} || status=1
wait $! || status=1
"$python" table.py "$tables"/*
exit $status
