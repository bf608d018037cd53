#!/usr/bin/env bash
# The small examples reach the accuracy that their headers state.
set -uo pipefail
. "$(dirname "$0")/reach.sh"

reach xor "" 100
reach spirals "" 100
reach topologies "" 100 -D wiring=5
for cell in 0 1 2 3; do reach cells "" 100 -D cell=$cell; done

# The measure itself: a network that cannot do it is seen.
reach_fails() {
  local before=$failed
  reach "$@" >/dev/null
  local worse=$((failed - before))
  failed=$before
  [ $worse -eq 1 ]
}
that "no accuracy above 100" reach_fails xor 100.1 200
that "no accuracy at all" reach_fails nothing 0 100

finish
