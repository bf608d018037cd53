#!/usr/bin/env bash
# The small examples reach the accuracy, or the loss, that their headers state.
set -uo pipefail
. "$(dirname "$0")/reach.sh"

reach xor "" 100
reach spirals "" 100
reach topologies "" 100 -D wiring=5
for cell in 0 1 2 3 4; do reach cells "" 100 -D cell=$cell; done
fall waves ""
fall waves "" -D norm=true

# The measures themselves: a network that cannot do it is seen.
misses() { # reach or fall with its arguments
  local before=$failed
  "$@" >/dev/null
  local worse=$((failed - before))
  failed=$before
  [ $worse -eq 1 ]
}
that "no accuracy above 100" misses reach xor 100.1 200
that "no accuracy at all" misses reach nothing 0 100
that "no loss below 0" misses fall waves -1
that "no loss at all" misses fall nothing 1

finish
