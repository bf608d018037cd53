#!/usr/bin/env bash
# Checks the documentation: examples of docs/language.md and README.md, the pages of `dnw explain`, the dumps that
# docs/internals.md quotes, that the lists in the reference are complete, and that docs/numbers.md shows its tables.
#
# A block of the reference begins with ``` and one of
#   dnw               `dnw check` has nothing to say; `dnw test` passes when there is a test; formatting keeps the tree
#   dnw run           the same, and one epoch of training works
#   dnw error CODE    `dnw check` fails with this code and no other
#   dnw warning CODE  passes with this warning and no other
#   dnw file NAME     is also written as NAME, for imports in later blocks
#   csv file NAME     is written as NAME, and nothing else
# In docs/internals.md the block `dnw` is a program; each line of a block `ast`, `model`, ... is printed by
# --dump=ast, ... of it, but for lines with "...".
set -uo pipefail
dnw=${DNW:?set DNW to the dnw binary}
source=${DNW_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export XDG_CACHE_HOME=$tmp/cache NO_COLOR=1
passed=0 failed=0

pass() { passed=$((passed + 1)); }
fail() { # WHERE WHY [FILE...]
  failed=$((failed + 1))
  echo "FAILED $1: $2"
  shift 2
  [ $# -eq 0 ] || head -n 20 "$@"
}

# Blocks of FILE into PREFIX_LINE.txt; prints "LINE INFO" of each.
blocks() { # FILE PREFIX
  awk -v prefix="$2" '
    inside && /^```[ \t]*$/ { inside = 0; close(out); next }
    inside { print > out; next }
    /^```/ { inside = 1; out = prefix "_" NR ".txt"; printf "" > out; print NR, substr($0, 4) }
  ' "$1"
}

codes() { sed -n 's/^\(error\|warning\)\[\([EW][0-9]*\)\].*/\2/p' "$1" | sort -u | tr '\n' ' '; }

# The tree is the same after formatting, and formatting again changes nothing.
format_is_stable() { # FILE
  "$dnw" fmt - <"$1" >formatted.dnw 2>said && "$dnw" fmt - <formatted.dnw >again.dnw 2>said &&
    cmp -s formatted.dnw again.dnw && "$dnw" build --dump=ast "$1" >tree 2>said &&
    "$dnw" build --dump=ast formatted.dnw >tree2 2>said && cmp -s tree tree2
}

right_example() { # WHERE FILE KIND
  if ! "$dnw" check "$2" >report 2>said || [ -s said ]; then fail "$1" "dnw check complains" said; return; fi
  if grep -q '^test "' "$2" && ! "$dnw" test "$2" >report 2>&1; then fail "$1" "dnw test fails" report; return; fi
  if ! format_is_stable "$2"; then fail "$1" "dnw fmt changes its meaning" said; return; fi
  if [ "$3" = run ] && ! "$dnw" train "$2" --epochs 1 --threads 1 --out "run_$2" >report 2>&1; then
    fail "$1" "dnw train fails" report
    return
  fi
  pass
}

coded_example() { # WHERE FILE EXIT_CODE CODE
  local rc=0
  "$dnw" check "$2" >report 2>said || rc=$?
  if [ "$rc" -ne "$3" ] || [ "$(codes said)" != "$4 " ]; then
    fail "$1" "exit $rc and codes '$(codes said)', wanted exit $3 and '$4'" said
    return
  fi
  pass
}

# ---- examples of the reference and the introduction
for page in docs/language.md README.md docs/rules.md; do
  prefix=$(basename "$page" .md)
  found=0
  while read -r line language kind argument; do
    [ "$language" != csv ] || cp "${prefix}_$line.txt" "$argument"
    [ "$language" = dnw ] || continue
    found=$((found + 1))
    file=${prefix}_$line.dnw where=$page:$line
    cp "${prefix}_$line.txt" "$file"
    case $kind in
      '' | run) right_example "$where" "$file" "$kind" ;;
      error) coded_example "$where" "$file" 1 "$argument" ;;
      warning) coded_example "$where" "$file" 0 "$argument" ;;
      file) cp "$file" "$argument"; right_example "$where" "$argument" '' ;;
      *) fail "$where" "unknown kind of block '$kind'" ;;
    esac
  done < <(blocks "$source/$page" "$prefix")
  [ $found -gt 0 ] || fail "$page" "no examples"
done

# ---- dnw explain: the wrong example gives the code and no other, the right one does not
section() { # wrong|right
  awk -v want="$1" '/^Wrong:$/ { at = "wrong"; next } /^Right:$/ { at = "right"; next }
                    at == want { sub(/^    /, ""); print }' page
}
for code in $(sed -n 's/^ *DIAG(\([0-9]\{4\}\), *[A-Z0-9_]*, *\([EW]\).*/\2\1/p' \
              "$source"/compiler/base/diag*.def | sort -u); do
  if ! "$dnw" explain "$code" >page 2>said || ! head -n 1 page | grep -q "^$code: "; then
    fail "dnw explain $code" "no page" said
    continue
  fi
  grep -q '^Wrong:$' page || continue
  section wrong >wrong.dnw
  section right >right.dnw
  [ -s right.dnw ] || { fail "dnw explain $code" "no right example"; continue; }
  case $code in W*) rc=0 ;; *) rc=1 ;; esac
  coded_example "dnw explain $code, wrong example" wrong.dnw $rc "$code"
  "$dnw" check right.dnw >report 2>said
  if grep -q "\[$code\]" said; then fail "dnw explain $code" "the right example gives it too" said; else pass; fi
done

# ---- dumps quoted by docs/internals.md
page=$source/docs/internals.md
quoted=0
while read -r line kind rest; do
  case $kind in
    dnw) cp "internals_$line.txt" tiny.dnw ;;
    ast | model | ir | grad | fuse | plan)
      quoted=$((quoted + 1))
      "$dnw" build --dump="$kind" tiny.dnw >dump 2>said || { fail "docs/internals.md:$line" "no dump $kind" said; continue; }
      if missing=$(grep -v '\.\.\.' "internals_$line.txt" | grep -vxFf dump); then
        fail "docs/internals.md:$line" "--dump=$kind does not print: $(head -n 1 <<<"$missing")"
      else
        pass
      fi
      ;;
  esac
done < <(blocks "$page" internals)
[ $quoted -gt 0 ] || fail docs/internals.md "no dumps"

# ---- the reference is complete: built-in names, settings, operators
# shellcheck disable=SC2046 # names have no blanks
lists() { # PAGE WHAT NAMES...
  local page=$1 what=$2 name missing=
  shift 2
  for name in "$@"; do grep -q -- "\`${name}[\`([]\|\`${name} " "$source/$page" || missing="$missing $name"; done
  if [ -n "$missing" ] || [ $# -eq 0 ]; then fail "$page" "does not list $what:$missing"; else pass; fi
}
lists docs/language.md "built-in names" $(sed -n 's/^BUILTIN(\([a-z_0-9]*\),.*/\1/p' "$source/compiler/front/builtin.def")
lists docs/ir.md "operators" $(sed -n 's/^OP([A-Z_0-9]*, "\([a-z_0-9]*\)".*/\1/p' "$source/compiler/ir/op.def")

# Names and shapes of tensors are those of section 17: of all examples and programs of tests/run.
weights() {
  grep -ohE '(shared )?(weight|state) +[A-Za-z_0-9]+|size +[A-Za-z_0-9]+ +in' "$@" |
    sed -E 's/size +([^ ]+) +in/learned:\1/; s/shared weight +/shared:/; s/weight +//; s/shared state +/state:shared:/; s/state +/state:/' | sort -u | tr '\n' ' '
}
fixed() { grep -E 'weight .* fixed' "$1" | sed -E 's/.*weight +([A-Za-z_0-9]+).*/fixed:\1/' | tr '\n' ' '; }
for file in "$source"/examples/*.dnw "$source"/tests/run/*.dnw; do
  echo "source $(basename "$file") $(weights "$file" "$source"/examples/*.dnw) $(fixed "$file")"
  "$dnw" build --dump=model "$file" 2>said || cat said
done >dumps
if awk -f "$source/tests/docs/names.awk" dumps >report; then pass; else fail "docs/language.md, section 17" "other names of tensors" report; fi
# and the test notices what is not
sed -E 's/^(weight depthwise\.)k/\1kernel/; s/^(weight linear\.edges\.0\.w)\[/\1[7,/; s/(Unit)(\.batch_norm)_2/\1\2_second/' dumps >others
if awk -f "$source/tests/docs/names.awk" others | grep -q ', 0 wrong'; then fail "tests/docs/names.awk" "it sees no wrong name"; else pass; fi

# ---- docs/numbers.md is made from docs/numbers/
if "$source/tools/numbers.sh" --check >report 2>&1; then pass; else fail docs/numbers.md "it is out of date" report; fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
