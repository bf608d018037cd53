#!/usr/bin/env bash
# Checks what no compiler checks: layout, names of exported symbols, tests of messages, the map of the files.
# Prints each finding; exits non-zero when there is one.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${DNW_BUILD:-build}
findings=0
found() { echo "lint: $*"; findings=$((findings + 1)); }

# Layout (.clang-format); skipped where the tool is missing.
check_format() {
  command -v clang-format >/dev/null || { echo "lint: no clang-format, layout not checked"; return; }
  local file
  while IFS= read -r file; do
    found "$file is not formatted: clang-format -i $file"
  done < <(find compiler runtime tests -name '*.[ch]' -print0 |
    xargs -0 -P 2 -n 40 clang-format --dry-run -Werror 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: .*/\1/p' | sort -u)
}

# What other files see is declared in a header, and its name leads there: foo_bar is in foo.c or foo_*.c
# (rt_foo.c for the runtime), or declared in foo.h, or in a header named like the start of the file's name.
check_names() { # ARCHIVE FOLDER
  [ -f "$1" ] || { echo "lint: no $1, names not checked"; return; }
  local finding
  while IFS= read -r finding; do found "$finding"; done < <(
    {
      grep -oHwE '[A-Za-z_][A-Za-z0-9_]*' "$2"/*.h "$2"/*.def 2>/dev/null | sed 's/^/word /; s/:/ /' | sort -u
      for file in "$2"/*.c; do echo "file $(basename "$file" .c)"; done # others: generated parsers, kernels
      nm -g --defined-only "$1" 2>/dev/null
    } | awk -v folder="$2" '
      $1 == "word" { sub(/.*\//, "", $2); sub(/\..*/, "", $2); declared[$3] = declared[$3] " " $2; next }
      $1 == "file" { known[$2] = 1; next }
      /\.c\.o:$/ { sub(/\.c\.o:$/, ""); object = $1; next }
      NF == 3 && $2 ~ /[TDRB]/ && (object in known) && $3 != "main" && $3 !~ /^__/ {
        place = folder "/" object ".c exports \047" $3 "\047"
        if (!($3 in declared)) { print place ", which no header declares"; next }
        if ($3 ~ /^(dnwrt|rt)_/ || leads(object, $3)) next
        print place ": neither its name nor a header of its file leads there"
      }
      # of an object and a symbol: same first word, or a header that one of the two begins with
      function leads(object, symbol,   stem, count, i, header, word) {
        stem = object
        sub(/^rt_/, "", stem)
        sub(/_.*/, "", stem)
        if (symbol == stem || index(symbol, stem "_") == 1) return 1
        count = split(declared[symbol], header, " ")
        for (i = 1; i <= count; i++) {
          if (object == header[i] || index(object, header[i] "_") == 1) return 1
          word = header[i]
          sub(/^rt_/, "", word)
          if (symbol == word || index(symbol, word "_") == 1) return 1
        }
        return 0
      }')
}

# Every message has a case in tests/diag.
check_codes() {
  local code
  for code in $(sed -n 's/^ *DIAG(\([0-9]\{4\}\), *[A-Z0-9_]*, *\([EW]\).*/\2\1/p' compiler/diag.def); do
    grep -qs "\[$code\]" tests/diag/*.err tests/*/*.sh || found "no case in tests/diag shows $code"
  done
}

# The map lists every file.
check_map() { # FOLDER
  local file
  [ -f "$1/README.md" ] || { found "$1/README.md is missing"; return; }
  for file in "$1"/*.c "$1"/*.def; do
    [ -f "$file" ] || continue
    grep -q -- "$(basename "${file%.*}")" "$1/README.md" || found "$1/README.md does not list $(basename "$file")"
  done
}

# Long files are split by topic.
check_sizes() {
  local file
  for file in compiler/*.c runtime/*.c runtime/kernels/*.c; do
    [ -f "$file" ] && [ "$(wc -l <"$file")" -gt 600 ] && found "$file has more than 600 lines"
  done
}

# Examples look as dnw fmt writes them.
check_examples() {
  [ -x "$build/dnw" ] || return
  local file
  while IFS= read -r file; do found "$file is not formatted: dnw fmt $file"; done < <("$build/dnw" fmt --check examples/*.dnw)
}

check_format
check_examples
check_names "$build/libdnwc.a" compiler
check_names "$build/libdnwrt.a" runtime
check_codes
check_map compiler
check_sizes
echo "lint: $findings findings"
[ $findings -eq 0 ]
