# Sourced by the run.sh of a folder: a temporary directory to work in, and cases that are counted.
dnw=${DNW:?set DNW to the dnw binary}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export XDG_CACHE_HOME=$tmp/cache NO_COLOR=1
passed=0 failed=0

# expect NAME EXIT_CODE TEXT COMMAND...: TEXT is part of stdout or stderr; what was read stays in $said
expect() {
  local name=$1 code=$2 text=$3 rc=0
  shift 3
  said=$("$@" 2>&1 </dev/null) || rc=$?
  if [ "$rc" -eq "$code" ] && grep -qF -- "$text" <<<"$said"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s: exit %s (expected %s), expected to read: %s\n%s\n' "$name" "$rc" "$code" "$text" "$said"
  fi
}

that() { # NAME COMMAND...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $name"; fi
}

# The last line of a run.sh.
finish() {
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ] && [ $passed -gt 0 ]
}
