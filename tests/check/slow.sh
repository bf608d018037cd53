#!/usr/bin/env bash
# 20,000 random edits of programs: what messages suggest is right, and one mistake of syntax brings no others (unit/test_fixes.c).
set -euo pipefail
cd "$(dirname "$0")/../unit"
FIXES_EDITS=${FIXES_EDITS:-20000} "$DNW_BUILD/tests/test_fixes"
