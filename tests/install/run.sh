#!/usr/bin/env bash
# Installs into a temporary directory and uses only the installed files, without the build tree and the source tree.
set -euo pipefail
: "${DNW_BUILD:?set DNW_BUILD to the build directory}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset DNW_RUNTIME

"${CMAKE:-cmake}" --install "$DNW_BUILD" --prefix "$tmp/usr" >"$tmp/log" || { cat "$tmp/log"; exit 1; }
for file in bin/dnw lib/dnw/libdnwrt.a include/dnw/dnwrt.h share/man/man1/dnw.1 share/dnw/examples; do
  [ -e "$tmp/usr/$file" ] || { echo "FAILED: $file is not installed"; exit 1; }
done
cd "$tmp"
usr/bin/dnw new net
usr/bin/dnw check net.dnw
usr/bin/dnw build net.dnw -o net
./net info
# the installed runtime is the one in use: a spoilt one spoils the link
: >usr/lib/dnw/libdnwrt.a
if usr/bin/dnw build net.dnw -o other 2>/dev/null; then
  echo "FAILED: the program was not linked with the installed runtime"
  exit 1
fi
echo "1 passed, 0 failed"
