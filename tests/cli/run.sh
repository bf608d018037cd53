#!/usr/bin/env bash
# The command line: exit codes, suggestions, what is written and what is refused.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"

# usage
expect "no command" 2 "usage: dnw COMMAND" "$dnw"
expect "help" 0 "gradcheck" "$dnw" --help
expect "version" 0 "LLVM 19" "$dnw" --version
expect "help, as a word" 0 "gradcheck" "$dnw" help
expect "help on a command, as a word" 0 "--cpu CPU" "$dnw" help train
expect "help on nothing" 2 "did you mean 'train'?" "$dnw" help trian
expect "near command" 2 "did you mean 'build'?" "$dnw" biuld x.dnw
expect "far command" 2 "one of: check, build" "$dnw" zzzzzz
expect "no file" 2 "usage: dnw check FILE" "$dnw" check
expect "help of a command" 0 "--cpu CPU" "$dnw" train --help
expect "near flag" 2 "did you mean '--dump'?" "$dnw" build --dmp=ast x.dnw
expect "near stage" 2 "did you mean 'model'?" "$dnw" build --dump=modle x.dnw
expect "flag without value" 2 "write --cpu CPU" "$dnw" build x.dnw --cpu
expect "define without value" 2 "write -D NAME=VALUE" "$dnw" check x.dnw -D width
expect "two files" 2 "one too many" "$dnw" check x.dnw y.dnw
expect "unreadable" 1 "missing.dnw" "$dnw" check missing.dnw
expect "directory" 1 "directory" "$dnw" check .
expect "unknown code" 2 "dnw explain E" "$dnw" explain E9999x
for command in export show doc lsp; do
  expect "$command" 1 "'dnw $command' is not in this release" "$dnw" $command x.dnw
done
expect "full disk" 3 "cannot write to stdout" sh -c '"$0" --help >/dev/full' "$dnw"

# new: the file it writes is right, formatted, and never replaces another
expect "new" 0 "dnw train net.dnw" "$dnw" new net
expect "new does not overwrite" 1 "'net.dnw' exists" "$dnw" new net.dnw
expect "check of new" 0 "Wiring" "$dnw" check net.dnw
expect "test of new" 0 "" "$dnw" test net.dnw
expect "fmt of new" 0 "" "$dnw" fmt --check net.dnw
expect "check --json" 0 '"diagnostics"' "$dnw" check --json net.dnw

# fmt
printf 'option   n=3 # why\n' >odd.dnw
cp odd.dnw before.dnw
expect "fmt --check" 1 "odd.dnw" "$dnw" fmt --check odd.dnw
that "fmt --check writes nothing" cmp -s odd.dnw before.dnw
chmod 640 odd.dnw
ln -s odd.dnw link.dnw
expect "fmt" 0 "" "$dnw" fmt link.dnw
expect "fmt is stable" 0 "" "$dnw" fmt --check odd.dnw
that "fmt keeps links" test -L link.dnw
that "fmt keeps permissions" test "$(stat -c %a odd.dnw)" = 640
that "fmt keeps the text" grep -q 'n = 3 *# why' odd.dnw
that "fmt -" test "$("$dnw" fmt - <before.dnw)" = "$(cat odd.dnw)"
printf 'graph {{{\n' >broken.dnw
cp broken.dnw before.dnw
expect "fmt of errors" 1 "error[" "$dnw" fmt broken.dnw
that "fmt of errors writes nothing" cmp -s broken.dnw before.dnw

# build
cp net.dnw plain
expect "source kept" 2 "overwrite its own source" "$dnw" build plain
mkdir dir
expect "into a directory" 2 "is a directory" "$dnw" build net.dnw -o dir
mkfifo pipe
expect "into a pipe" 2 "'pipe' is not a file" "$dnw" build net.dnw -o pipe
expect "a file without a command" 2 "dnw check plain" "$dnw" plain
expect "a directory for a file" 1 "is a directory" "$dnw" build .
expect "where nothing can be made" 3 "cannot write 'nowhere/prog'" "$dnw" build net.dnw -o nowhere/prog
expect "build" 0 "./prog --help" "$dnw" build net.dnw -o prog
that "built" test -x prog
that "nothing left behind" test -z "$(ls | grep -E '\.(o|tmp)$')"
expect "linker fails" 1 "error[E0003]: '/bin/false' could not link the program" env DNW_CC=/bin/false "$dnw" build net.dnw -o other
expect "no linker" 1 "cannot start a C compiler" env DNW_CC=/nowhere/cc "$dnw" build net.dnw -o other
expect "no runtime" 1 "set DNW_RUNTIME" env DNW_RUNTIME=/nowhere.a "$dnw" build net.dnw -o other
that "no half program" test ! -e other

# equal blocks share code: six more blocks add less than half of what a program of two has
blocks() { # COUNT: lines of the code of a program with so many blocks
  {
    echo 'fn Block(x) = x |> conv2d(8, 3, bias = false, keep = 50%) |> batch_norm |> relu'
    echo "model Net(image) = image |> conv2d(8, 3)$(printf ' |> Block%.0s' $(seq "$1")) |> mean_map |> linear(10)"
    echo 'train Net { data = cifar10 }'
  } >blocks.dnw
  "$dnw" build --dump=asm blocks.dnw | grep -c "$(printf '^\t[a-z]')"
}
two=$(blocks 2) eight=$(blocks 8)
that "code of equal blocks: $two, then $eight lines" test "$two" -gt 1000 -a "$((2 * eight))" -lt "$((3 * two))"

# cache: the second start does not link, an edit does
expect "info" 0 "" "$dnw" info net.dnw
expect "cached" 0 "" env DNW_CC=/bin/false "$dnw" info net.dnw
printf '# edited\n' >>net.dnw
expect "edited" 1 "could not link" env DNW_CC=/bin/false "$dnw" info net.dnw
expect "other option" 1 "could not link" env DNW_CC=/bin/false "$dnw" info net.dnw -D width=8
expect "same option, in the cache" 0 "" "$dnw" info net.dnw -D width=8
expect "same option, cached" 0 "8" env DNW_CC=/bin/false "$dnw" info net.dnw -D width=8
expect "--data is for the compiler here" 0 "" "$dnw" info net.dnw --data .

# what a program says that dnw has started is about dnw
expect "usage of the program" 0 "Usage: $dnw train net.dnw -D width=8 [FLAG]..." "$dnw" train net.dnw -D width=8 --help
expect "unknown flag of the program" 2 "did you mean '--epochs'?" "$dnw" train net.dnw --epoch 3
expect "option of the file" 2 "$dnw train net.dnw -D budget=50% -D width=9" "$dnw" train net.dnw -D budget=50% --width 9
expect "train" 0 "evaluate with: $dnw eval net.dnw -D width=8 --weights runs/net/best.safetensors" \
  "$dnw" train net.dnw -D width=8 --epochs 1
measured=$(sed -n 's/.*"test_loss":\([^,]*\),.*/\1/p' runs/net/log.jsonl)
expect "eval measures what train did" 0 "\"loss\": $measured," "$dnw" eval net.dnw -D width=8 --weights runs/net/best.safetensors --json

# samples held out for the validation choose the best epoch; a continued run is the same run
cat >held.dnw <<'DNW'
model Net(point) = point |> linear(8) |> tanh |> linear(3)
train Net { data = spirals(200); validation = 10%; epochs = 3 }
DNW
expect "validation" 0 "180 training samples, 20 for the validation, 50 test samples" "$dnw" train held.dnw --out whole
expect "validation: its best epoch" 0 "best validation accuracy" "$dnw" train held.dnw --out whole --force
expect "validation: a finished run" 0 "best validation accuracy" "$dnw" train held.dnw --out whole --resume
expect "validation: the first epoch" 0 "; test accuracy" "$dnw" train held.dnw --out parts --epochs 1
expect "validation: the others" 0 "epoch 3/3" "$dnw" train held.dnw --out parts --epochs 3 --resume
# a finished run is made longer, not shorter
longer() { sed "s/epochs = 3/epochs = $1/" held.dnw >longer.dnw; }
longer 2
expect "longer: a run" 0 "epoch 2/2" "$dnw" train longer.dnw --out long
expect "longer: it is finished" 0 "the run in long is finished: 2 epochs; --epochs with more makes it longer" "$dnw" train longer.dnw --out long --resume
longer 5
expect "longer: the program says more" 0 "the run in long is finished: 2 epochs; --epochs 5 makes it as long as the program says" \
  "$dnw" train longer.dnw --out long --resume
expect "longer: fewer" 2 "the run in long has 2 epochs, not 1" "$dnw" train longer.dnw --out long --resume --epochs 1
expect "longer: more" 0 "epoch 4/4" "$dnw" train longer.dnw --out long --resume --epochs 4
that "longer: what else follows is told" grep -q "^4 epochs instead of 2; .*(cosine, ramp), and times in rules" <<<"$said"
that "longer: in the log" grep -q '"event":"continue","epoch":2,"epochs":4' long/log.jsonl
results() { grep -E '"epoch"|"end"' "$1/log.jsonl" | tail -2 | sed 's/,"samples_per_s.*//; s/,"seconds.*//'; }
that "validation: the same results" test "$(results whole)" = "$(results parts)"
that "validation: figures of both" grep -q '"best_accuracy":.*"best_validation_accuracy":' whole/log.jsonl
expect "validation: nobody left to train on" 1 "validation = 0.999 leaves none of the 200 training samples to train on" \
  bash -c 'sed "s/10%/0.999/" held.dnw >most.dnw && "$0" train most.dnw --out most_left' "$dnw"
expect "eval" 0 "accuracy" "$dnw" eval net.dnw -D width=8 --weights runs/net/best.safetensors

# names that begin like flags
cp net.dnw ./-o.dnw && cp net.dnw ./--help.dnw && cp net.dnw ./@net.dnw
for name in -o --help @net; do
  expect "program $name" 0 "wrote ./$name;" "$dnw" build "./$name.dnw"
  that "program $name built" test -x "./$name"
done
expect "-o with a dash" 0 "wrote ./-prog;" "$dnw" build net.dnw -o -prog
expect "-- ends the flags" 0 "./-o.dnw: model" "$dnw" check -- -o.dnw
expect "-- and flags before it" 0 "8" "$dnw" info -D width=8 -- --help.dnw
expect "-- and the program's flags" 0 "eval ./-o.dnw --weights" "$dnw" train -- -o.dnw --epochs 1 --force
expect "new with a dash" 0 "dnw train ./-new.dnw" "$dnw" new -- -new

# a program in the cache that was damaged is built anew, one that others may have written is not run
cached() { # NAME COMMAND...: damages $program, then starts it twice
  local name=$1
  shift
  "$@"
  expect "$name: built anew" 0 "spirals" "$dnw" info cached.dnw
  expect "$name: in the cache" 0 "spirals" env DNW_CC=/bin/false "$dnw" info cached.dnw
}
export XDG_CACHE_HOME=$tmp/damaged
cp net.dnw cached.dnw
"$dnw" info cached.dnw >/dev/null
program=$(echo damaged/dnw/*/cached) list=$(echo damaged/dnw/*/.inputs)
garble() { printf 'garbled' | dd of="$1" bs=1 seek=4096 conv=notrunc status=none; }
directory() { rm -f "$1" && mkdir -p "$1/within"; }
cut_list() { sed -i '$d' "$list"; }
cached "empty" truncate -s 0 "$program"
cached "cut" truncate -s 100000 "$program"
cached "garbled" garble "$program"
cached "a directory" directory "$program"
cached "gone" rm "$program"
cached "list empty" truncate -s 0 "$list"
cached "list cut" cut_list
cached "list a directory" directory "$list"
cached "others may write it" chmod o+w "$program"
[ "$(id -u)" -eq 0 ] && cached "another's" chown 12345 "$program"
chmod g+w damaged/dnw
expect "others may write the cache" 3 "can be written by others" "$dnw" info cached.dnw
chmod g-w damaged/dnw
if [ "$(id -u)" -eq 0 ]; then
  chown 12345 "$(dirname "$program")"
  expect "another's directory" 3 "belongs to another user" "$dnw" info cached.dnw
  chown 0 "$(dirname "$program")"
fi
export XDG_CACHE_HOME=$tmp/cache

# what the compiler learned from the data is part of what a program in the cache is checked against
arrays() { # COLUMNS TYPE [DIR]: x.npy, 8 rows; y.npy: f4 one number a row, i4 classes 0 .. 3
  python3 - "$@" <<'END'
import struct, sys
columns, kind, folder = int(sys.argv[1]), sys.argv[2], (sys.argv[3:] or ['.'])[0]
def npy(name, shape, kind, values):
    text = "{'descr': '<%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    text += ' ' * (117 - len(text)) + '\n'
    body = struct.pack('<%d%s' % (len(values), {'f4': 'f', 'i4': 'i'}[kind]), *values)
    open('%s/%s' % (folder, name), 'wb').write(b'\x93NUMPY\1\0' + struct.pack('<H', 118) + text.encode() + body)
npy('x.npy', (8, columns), 'f4', [i % 7 / 7 for i in range(8 * columns)])
npy('y.npy', (8,), kind, [i % 4 for i in range(8)])
END
}
cat >shaped.dnw <<'END'
model Net(x) = x |> linear(4)
train Net { data = npy("x.npy", "y.npy"); epochs = 1 }
END
shaped() { "$dnw" train shaped.dnw --out shaped --force "$@"; }
expect "data: none yet" 1 "x.npy" shaped
arrays 4 i4
expect "data: came" 0 "accuracy" shaped
expect "data: the same" 0 "accuracy" env DNW_CC=/bin/false "$dnw" train shaped.dnw --out shaped --force
touch -d 1999-01-01 x.npy
expect "data: another time" 0 "accuracy" env DNW_CC=/bin/false "$dnw" train shaped.dnw --out shaped --force
arrays 5 i4
expect "data: a column more" 0 "24 parameters" shaped
arrays 5 f4
expect "data: numbers for classes" 1 "the data has 1 number to predict and the model 4 outputs" shaped
mkdir -p elsewhere && arrays 4 i4 elsewhere
expect "data: in a directory" 0 "20 parameters" shaped --data elsewhere
arrays 6 i4 elsewhere
expect "data: a column more in a directory" 0 "28 parameters" shaped --data elsewhere

# no room for the program
expect "link with a full disk" 3 "could not link the program" bash -c 'ulimit -f 200; exec "$0" build net.dnw -o none' "$dnw"
expect "link with a full disk and clang" 3 "could not link the program" env DNW_CC=clang-19 bash -c 'ulimit -f 200; exec "$0" build net.dnw -o none' "$dnw"
that "link with a full disk: no scraps" test -z "$(ls none* 2>/dev/null)"
expect "object with a full disk" 3 "error[E0002]" bash -c 'ulimit -f 1; exec "$0" build net.dnw -o none' "$dnw"
that "object with a full disk: one message" test "$(grep -c '^error' <<<"$said")" -eq 1
that "object with a full disk: no scraps" test -z "$(ls none* 2>/dev/null)"
expect "no cache" 3 "XDG_CACHE_HOME" env -u HOME XDG_CACHE_HOME= "$dnw" info net.dnw

finish
