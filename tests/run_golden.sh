#!/usr/bin/env bash
# Compares what dnw prints with files: run_golden.sh FOLDER [--update] [CASE...]
#
#   x.dnw + x.err                             dnw check x.dnw, all of stderr
#   x.dnw + x.ast .model .ir .grad .fuse .plan  dnw build --dump=EXTENSION x.dnw, all of stdout
#   x.dnw + x.speed                           dnw check --explain-speed x.dnw, all of stdout
#
# A case runs inside FOLDER, so that paths in messages are short. A .dnw file without any expected file fails
# (a file that others import is named _x.dnw and is no case). --update writes what dnw prints now into the files
# that exist, and an .err for a .dnw that has none and does not pass `check`; review the difference.
set -uo pipefail

folder=${1:?usage: run_golden.sh FOLDER [--update] [CASE...]}
shift
update=no
[ "${1:-}" = --update ] && { update=yes; shift; }
here=$(cd "$(dirname "$0")" && pwd)
dnw=${DNW:-$here/../build/dnw}
dnw=$(cd "$(dirname "$dnw")" && pwd)/$(basename "$dnw")
[ -x "$dnw" ] || { echo "no dnw at $dnw: build first, or set DNW" >&2; exit 1; }
cd "$folder" || exit 1
export NO_COLOR=1
passed=0 failed=0
actual=$(mktemp) other=$(mktemp)
trap 'rm -f "$actual" "$other"' EXIT

# run STAGE FILE: fills $actual with the text to compare; the exit status says whether dnw ended as it should
run() {
  local rc=0
  if [ "$1" = err ]; then
    "$dnw" check "$2" >"$other" 2>"$actual" </dev/null || rc=$?
    [ "$rc" -le 1 ]
  elif [ "$1" = speed ]; then
    "$dnw" check --explain-speed "$2" >"$actual" 2>"$other" </dev/null || rc=$?
    [ "$rc" -eq 0 ]
  else
    "$dnw" build --dump="$1" "$2" >"$actual" 2>"$other" </dev/null || rc=$?
    [ "$rc" -eq 0 ]
  fi
}

one() { # STAGE NAME
  local expected=$2.$1
  if ! run "$1" "$2.dnw"; then
    echo "FAILED $folder/$expected: dnw did not end as it should"
    head -n 20 "$actual" "$other"
    failed=$((failed + 1))
  elif [ "$update" = yes ]; then
    cmp -s "$actual" "$expected" || { cp "$actual" "$expected"; echo "wrote $folder/$expected"; }
    passed=$((passed + 1))
  elif diff -u "$expected" "$actual" >"$other"; then
    passed=$((passed + 1))
  else
    echo "FAILED $folder/$expected"
    sed "1,2d" "$other" | head -n 40
    failed=$((failed + 1))
  fi
}

cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(*.dnw)
for file in "${cases[@]}"; do
  name=${file%.dnw}
  case $name in _*) continue ;; esac
  [ -f "$name.dnw" ] || { echo "FAILED: there is no $folder/$name.dnw"; failed=$((failed + 1)); continue; }
  found=no
  for stage in err ast model ir grad fuse plan speed; do
    [ -f "$name.$stage" ] && { found=yes; one "$stage" "$name"; }
  done
  if [ $found = no ] && [ $update = yes ] && ! "$dnw" check "$name.dnw" >/dev/null 2>&1; then
    found=yes
    one err "$name"
  fi
  [ $found = yes ] || { echo "FAILED $folder/$name.dnw: no expected file"; failed=$((failed + 1)); }
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
