#!/usr/bin/env bash
# Random programs, with fixed seeds: dnw agrees with the independent model of model.py (tests/README.md says what is compared).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
python=${DNW_PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
  echo "skipped: $python has no numpy or no torch (Debian: python3-numpy, python3-torch)"
  exit 0
fi
PYTHONDONTWRITEBYTECODE=1 exec "$python" compare.py "${1:-100}" "${2:-16}"
