#!/usr/bin/env bash
# Makes docs/numbers.md from docs/numbers/page.txt, docs/rules.md from docs/numbers/rules.txt and lib/rules.dnw, and the
# tables of both from docs/numbers/*.csv.
#
#   tools/numbers.sh            write the pages
#   tools/numbers.sh --check    say whether the pages are what this script makes; exit code 1 if they are not
#
# "{rules}" becomes the rules of the library, each with the comment above it. A line "{table NAME}" becomes the table NAME.csv. Its first line names the columns; a field with a
# comma is enclosed in double quotes. A section (from "## " to the next) whose tables have no rows is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
made=$(mktemp)
trap 'rm -f "$made"' EXIT

# shellcheck disable=SC2016 # the dollars are awk's
make_page() { # TEMPLATE
  awk -v folder=docs/numbers -v library=lib/rules.dnw '
  function stop(why) { print FILENAME ":" FNR ": " why > "/dev/stderr"; failed = 1; exit 1 }
  # The fields of a line of CSV as a row of the table; sets columns to their number.
  function row(line,   i, c, quoted, out) {
    columns = 1
    out = "| "
    for (i = 1; i <= length(line); i++) {
      c = substr(line, i, 1)
      if (c == "\"" && quoted && substr(line, i + 1, 1) == c) { out = out c; i++ }
      else if (c == "\"") quoted = !quoted
      else if (c == "," && !quoted) { out = out " | "; columns++ }
      else out = out (c == "|" ? "\\|" : c)
    }
    return out " |"
  }
  function table(name,   file, line, text, width, rows, rule, i) {
    file = folder "/" name ".csv"
    if ((getline line < file) <= 0) stop(file " has no line with the names of its columns")
    text = row(line) "\n"
    width = columns
    rule = "|"
    for (i = 1; i <= width; i++) rule = rule "---|"
    text = text rule "\n"
    while ((getline line < file) > 0) {
      text = text row(line) "\n"
      rows++
      if (columns != width) stop(file " has " columns " fields in row " rows ", and " width " columns")
    }
    close(file)
    tables++
    filled += rows > 0
    return rows ? text : ""
  }
  # The comment above a rule as a paragraph, then the rule.
  function rules(   line, text, comment) {
    while ((getline line < library) > 0) {
      if (line ~ /^## /) comment = comment substr(line, 4) "\n"
      else if (line ~ /^rule /) {
        match(line, /^rule [a-z_0-9]+/)
        text = text "### " substr(line, 6, RLENGTH - 5) "\n\n" comment "\n```\n" line "\n"
        comment = ""
      } else if (line == "}") text = text "}\n```\n\n"
      else if (line != "" && line !~ /^#/) text = text line "\n"
    }
    if (text == "") stop(library " has no rules")
    return substr(text, 1, length(text) - 1)
  }
  function end_section() {
    if (!tables || filled) printf "%s", section
    section = ""
    tables = filled = 0
  }
  /^## / { end_section() }
  /^\{rules\}$/ { section = section rules(); next }
  /^\{table .*\}$/ { section = section table(substr($0, 8, length($0) - 8)); next }
  { section = section $0 "\n" }
  END { if (!failed) end_section() }
' "$1" >"$made"
}

for file in docs/numbers/*.csv; do # a table that no page shows is forgotten
  grep -qxF "{table $(basename "$file" .csv)}" docs/numbers/*.txt || { echo "$file is on no page of docs/numbers/" >&2; exit 1; }
done
for page in numbers:page rules:rules; do
  template=docs/numbers/${page#*:}.txt page=docs/${page%:*}.md
  make_page "$template"
  case ${1:-} in
  --check)
    diff -u --label "$page" --label "what tools/numbers.sh makes" "$page" "$made" ||
      { echo "$page is not what tools/numbers.sh makes: change $template, a table or lib/rules.dnw, and run it" >&2; exit 1; }
    ;;
  '') cat "$made" >"$page" ;;
  *) echo "usage: tools/numbers.sh [--check]" >&2; exit 2 ;;
  esac
done
