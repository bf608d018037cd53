# Sourced by run.sh and slow.sh: trains examples and compares the accuracy or loss they end with, with the one that their header states.
. "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
examples=${DNW_SOURCE:?set DNW_SOURCE to the source tree}/examples

# The last accuracy in a log, in percent.
final_accuracy() { # LOG
  sed -n 's/.*"event": *"end".*"accuracy": *\([0-9.e+-]*\).*/\1/p' "$1" | awk '{ last = 100 * $1 } END { print last }'
}

# stated_accuracy FILE: of the line "Must reach 95 % ..." of its header
stated_accuracy() { sed -n '/^##/s/.*[Mm]ust reach \([0-9.]*\) %.*/\1/p' "$1" | head -1; }

within() { awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(x != "" && x >= low && x <= high) }'; }

# final_loss LOG: on the test split
final_loss() { sed -n 's/.*"event": *"end".*"test_loss": *\([0-9.e+-]*\).*/\1/p' "$1" | tail -1; }

# stated_loss FILE: of the line "Must fall below a mean square error of 0.002 ..." of its header
stated_loss() { sed -n '/^##/s/.*[Mm]ust fall below .* of \([0-9.]*\) in .*/\1/p' "$1" | head -1; }

# fall NAME HIGH [-D NAME=VALUE]...: trains to a test loss of at most HIGH; "" is what the header states
fall() {
  local name=$1 high=${2:-$(stated_loss "$examples/$1.dnw")} out rc=0 loss
  shift 2
  out=$tmp/runs/$name-$((passed + failed))
  "$dnw" train "$examples/$name.dnw" "$@" --quiet --out "$out" >"$tmp/said" 2>&1 </dev/null || rc=$?
  loss=$([ -f "$out/log.jsonl" ] && final_loss "$out/log.jsonl")
  if [ $rc -eq 0 ] && [ -n "$high" ] && within "$loss" 0 "$high"; then
    passed=$((passed + 1))
    echo "$name${*:+ }$*: loss $loss (at most $high)"
  else
    failed=$((failed + 1))
    echo "FAILED $name $*: exit $rc, loss '$loss', wanted at most $high"
    cat "$tmp/said"
  fi
}

# reach NAME LOW HIGH [-D NAME=VALUE]...: LOW "" is what the header states
reach() {
  local name=$1 low=${2:-$(stated_accuracy "$examples/$1.dnw")} high=$3 out rc=0 accuracy
  shift 3
  out=$tmp/runs/$name-$((passed + failed))
  "$dnw" train "$examples/$name.dnw" "$@" --quiet --out "$out" >"$tmp/said" 2>&1 </dev/null || rc=$?
  accuracy=$([ -f "$out/log.jsonl" ] && final_accuracy "$out/log.jsonl")
  if [ $rc -eq 0 ] && [ -n "$low" ] && within "$accuracy" "$low" "$high"; then
    passed=$((passed + 1))
    echo "$name${*:+ }$*: $accuracy % (at least $low)"
  else
    failed=$((failed + 1))
    echo "FAILED $name $*: exit $rc, accuracy '$accuracy', wanted $low .. $high"
    cat "$tmp/said"
  fi
}
