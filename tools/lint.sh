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
    clang-format --dry-run -Werror "$file" 2>/dev/null || found "$file is not formatted: clang-format -i $file"
  done < <(find compiler runtime tests -name '*.[ch]')
}

# What other files see is declared in a header, and its name leads to its file: foo_bar is in foo.c or foo_*.c
# (rt_foo.c for the runtime), or a header named like the file, or like the start of its name, declares it.
check_names() { # ARCHIVE FOLDER
  [ -f "$1" ] || { echo "lint: no $1, names not checked"; return; }
  local object symbol word stem own
  while read -r object symbol; do
    [ -f "$2/$object.c" ] || continue # generated parsers, kernels
    grep -qw -- "$symbol" "$2"/*.h "$2"/*.def 2>/dev/null || found "$2/$object.c exports '$symbol', which no header declares"
    word=${object#rt_}
    word=${word%%_*}
    case $symbol in
      main | dnwrt_* | rt_* | "$word" | "$word"_*) continue ;;
    esac
    own=no
    for stem in "$2"/*.h; do
      stem=$(basename "$stem" .h)
      case $object in "$stem" | "$stem"_*) grep -qw -- "$symbol" "$2/$stem.h" && own=yes ;; esac
    done
    [ $own = yes ] || found "$2/$object.c exports '$symbol': neither its name nor a header of its file leads there"
  done < <(nm -g --defined-only "$1" 2>/dev/null |
    awk '/\.c\.o:$/ { sub(/\.c\.o:$/, ""); object = $1 } NF == 3 && $2 ~ /[TDRB]/ { print object, $3 }')
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

check_format
check_names "$build/libdnwc.a" compiler
check_names "$build/libdnwrt.a" runtime
check_codes
check_map compiler
check_sizes
echo "lint: $findings findings"
[ $findings -eq 0 ]
