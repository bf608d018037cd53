#!/usr/bin/env bash
# Checks that a compiler does not make: format, names of exported symbols, tests of messages, the maps
# of the files, includes between folders.
# Prints each finding; exits non-zero when there is one.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${DNW_BUILD:-build}
findings=0
found() { echo "lint: $*"; findings=$((findings + 1)); }

# Format (.clang-format); skipped if the tool is missing.
check_format() {
  command -v clang-format >/dev/null || { echo "lint: no clang-format, layout not checked"; return; }
  local file
  while IFS= read -r file; do
    found "$file is not formatted: clang-format -i $file"
  done < <(find compiler runtime tests -name '*.[ch]' -print0 |
    xargs -0 -P 2 -n 40 clang-format --dry-run -Werror 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: .*/\1/p' | sort -u)
}

# Exported symbols are declared in a header, and their names lead to it: foo_bar is in foo.c or foo_*.c
# or declared in foo.h, or in a header named like the start of the file's name.
check_names() { # ARCHIVE FOLDER
  [ -f "$1" ] || { echo "lint: no $1, names not checked"; return; }
  local finding
  while IFS= read -r finding; do found "$finding"; done < <(
    {
      grep -oHwE '[A-Za-z_][A-Za-z0-9_]*' "$2"/*/*.h "$2"/*/*.def 2>/dev/null | sed 's/^/word /; s/:/ /' | sort -u
      for file in "$2"/*/*.c; do # others: generated parsers, kernels
        case $file in runtime/kernels/*) ;; *) echo "file $(basename "$file" .c)" ;; esac
      done
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
        sub(/_.*/, "", stem)
        if (symbol == stem || index(symbol, stem "_") == 1) return 1
        count = split(declared[symbol], header, " ")
        for (i = 1; i <= count; i++) {
          if (object == header[i] || index(object, header[i] "_") == 1) return 1
          word = header[i]
          if (symbol == word || index(symbol, word "_") == 1) return 1
        }
        return 0
      }')
}

# Every message has a case in tests/diag.
check_codes() {
  local code
  for code in $(sed -n 's/^ *DIAG(\([0-9]\{4\}\), *[A-Z0-9_]*, *\([EW]\).*/\2\1/p' compiler/base/diag*.def); do
    grep -qs "\[$code\]" tests/diag/*.err tests/*/*.sh || found "no case in tests/diag shows $code"
  done
}

# The map lists every file.
check_map() { # FOLDER
  local file
  [ -f "$1/README.md" ] || { found "$1/README.md is missing"; return; }
  for file in "$1"/*/*.c "$1"/*/*.def; do
    [ -f "$file" ] || continue
    grep -q -- "$(basename "${file%.*}")" "$1/README.md" || found "$1/README.md does not list $(basename "$file")"
  done
}

# No line of C is longer than clang-format makes it; it leaves comments alone.
check_lengths() {
  local finding most
  most=$(sed -n 's/^ColumnLimit: //p' .clang-format)
  while IFS= read -r finding; do found "$finding"; done < <(find compiler runtime tests -name '*.[ch]' -print0 |
    xargs -0 awk -v most="$most" 'length > most { print FILENAME ":" FNR " has " length " characters, more than " most }')
}

# Long files are split by topic. Data, expected texts and the reference are as long as they are.
check_sizes() {
  local file lines
  while read -r lines file; do
    case $file in total | docs/* | *.svg | *.json | *.csv | */corpus/* | tests/stage/* | tests/diag/*) continue ;; esac
    [ "$lines" -gt 600 ] && found "$file has $lines lines, more than 600"
  done < <(git ls-files -z | xargs -0 wc -l)
}

# A folder includes only from itself and from folders below it; compiler/README.md and runtime/README.md have the
# order, from bottom to top. The compiler reads some headers of the runtime, the runtime none of the compiler.
compiler_folders="base front ir model lower check layout eval freeze gen target driver"
runtime_folders="common kernels data net wiring gradient time app"
runtime_for_compiler="data/data.h app/checkpoint.h app/options.h"
# In compiler/check the same holds for groups, the first words of the names of files.
check_groups="val names expr cell graph layer data check"
check_layers() {
  local finding
  while IFS= read -r finding; do found "$finding"; done < <(
    grep -HE '^#include "[a-z]+/' compiler/*/*.[ch] runtime/*/*.[ch] | sed 's/:#include "/ /; s/".*//' |
      awk -v compiler="$compiler_folders" -v runtime="$runtime_folders" -v open="$runtime_for_compiler" -v groups="$check_groups" '
        BEGIN {
          for (i = split(compiler, name, " "); i; i--) level["compiler/" name[i]] = i
          for (i = split(runtime, name, " "); i; i--) level["runtime/" name[i]] = i
          for (i = split(open, name, " "); i; i--) allowed[name[i]] = 1
          for (i = split(groups, name, " "); i; i--) rank[name[i]] = i
        }
        function group(file) { sub(/[_.].*/, "", file); return file }
        $1 ~ /^compiler\/check\// && !(group(substr($1, 16)) in rank) { print $1 " is of no group that tools/lint.sh knows" }
        $1 ~ /^compiler\/check\// && $2 ~ /^check\// && rank[group(substr($2, 7))] > rank[group(substr($1, 16))] {
          print $1 " includes " $2 ", which lies above it"
        }
        {
          split($1, from, "/"); split($2, to, "/")
          own = from[1] "/" from[2]; other = from[1] "/" to[1]
          if (!(own in level)) { print own " is no folder that tools/lint.sh knows"; next }
          if (other in level) { if (level[other] > level[own]) print $1 " includes " $2 ", which lies above it" }
          else if (from[1] == "runtime") print $1 " includes " $2 ", which is not of the runtime"
          else if (to[1] != "common" && to[1] != "kernels" && !($2 in allowed)) print $1 " includes " $2 ", which is not for the compiler"
        }')
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
check_map runtime
check_lengths
check_sizes
check_layers
echo "lint: $findings findings"
[ $findings -eq 0 ]
