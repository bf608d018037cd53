# What bad/ and bad_numbers/ share: a small net on given data, files of data byte by byte, what was said.
# write NAME DATA [LINE OF THE TRAIN BLOCK]...: NAME.dnw, a small net on DATA
write() {
  local name=$1 data=$2
  shift 2
  cat >"$name.dnw" <<END
option width = 8 in 1 .. 64 "hidden nodes"
option budget = 50%
fn Unit(z) {
  weight b = 0.1
  ${unit:-tanh(z + b)}
}
graph Wiring[n] {
  input  x[n]
  nodes  h[width] : Unit
  output y[${outputs:-2}]
  edges {
    x[_] -> h[_]
    h[_] -> y[_]
  } keep budget
}
model Net(v) = v |> flatten |> Wiring
train Net {
  data = $data
  $(printf '%s\n  ' "$@")
}
END
}
build() { # NAME: from NAME.dnw
  "$dnw" build "$1.dnw" >"$1.out" 2>&1 || { failed=$((failed + 1)); echo "FAILED: $1 cannot be built"; cat "$1.out"; }
}
# The command that the last help in $said ends with: "help: COMMAND" or "help: why: COMMAND".
suggested() { sed -n 's/^help: //p' <<<"$said" | tail -n 1 | sed 's/^.*: //'; }
pasted() { bash -c "dnw() { '$dnw' \"\$@\"; }; $(suggested)" >pasted.out 2>&1 </dev/null; }
paste_works() { that "$1: $(suggested)" pasted; } # NAME
bytes() { printf "$(printf '\\x%s' "$@")"; }
word32() { printf '%08x' "$1" | sed 's/../& /g'; } # big-endian
idx() { # FILE SIZE...: the header of an idx file of bytes
  local file=$1 size
  shift
  { bytes 00 00 08 "0$#"; for size in "$@"; do bytes $(word32 "$size"); done; } >"$file"
}
npy() { # FILE TYPE SHAPE: the header of an npy file
  local head="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
  { printf '\x93NUMPY\x01\x00\x76\x00'; printf '%-117s\n' "$head"; } >"$1"
}
same() { cmp -s "$1" "$2"; }
log_has() { grep -qF "$2" "$1/log.jsonl"; }
log_lines() { cat "$1/log.jsonl" 2>/dev/null | wc -l; }
usable() { "$1" eval --weights "$2" >/dev/null 2>&1 </dev/null; }
one() { bytes 00 00 80 3f; }
