#!/usr/bin/env bash
# Candidates from files of edges: first weights, imports from another folder, the program cache, threads, resuming, frozen
# programs, and a file with a million edges.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"

mkdir lib
printf 'source,target,weight\n0,1,0.5\n3,2,-0.25\n2,0,0.125\n1,2,1\n1,3,-1\n' >lib/ring.csv
cat >lib/ring.dnw <<'END'
graph Ring {
  time = steps(4)
  input  x[2]
  nodes  h[4] : tanh
  output y[2]
  edges x -> h
  edges h[i] -> h[j] in file("ring.csv") where i + j != 5 keep 75%
  edges h -> y
}
END
cat >net.dnw <<'END'
import "lib/ring.dnw" as lib
model Net(x[2]) = x |> lib.Ring
train Net { data = xor(200); optim = adam(lr = 0.02); epochs = 6; seed = 2 }
END
expect "imported" 0 "\"candidates\": 20," "$dnw" check --json net.dnw
sed 's/ring.csv/none.csv/' lib/ring.dnw >lib/none.dnw
expect "relative to the file that names it" 1 "cannot read 'lib/none.csv': No such file or directory" "$dnw" check lib/none.dnw
expect "derivatives" 0 "Net: largest relative error" "$dnw" gradcheck net.dnw
expect "dump" 0 "candidates 4  list  list 1  given with weights" "$dnw" build --dump=model net.dnw
cp lib/ring.dnw same.dnw && "$dnw" fmt same.dnw
expect "formatted" 0 "edges h[i] -> h[j] in file(\"ring.csv\") where i + j != 5 keep 75%" cat same.dnw

# The program cache: the second start does not link; another file of edges is another program.
expect "built" 0 "Ring" "$dnw" info net.dnw
expect "cached" 0 "Ring" env DNW_CC=/bin/false "$dnw" info net.dnw
sed -i 's/^0,1,0.5/0,1,0.75/' lib/ring.csv
expect "changed: built again" 1 "could not link" env DNW_CC=/bin/false "$dnw" info net.dnw
sed -i 's/^0,1,0.75/0,1,0.5/' lib/ring.csv
expect "as before" 0 "Ring" "$dnw" info net.dnw

# First weights: by target, then by source, without 3 -> 2, which the condition leaves out.
"$dnw" build net.dnw -o net >/dev/null
expect "one small step" 0 "" ./net train --out start --epochs 1 --batch 200 --lr 1e-30
that "first weights" python3 - <<'END'
import json, struct, sys
data = open('start/last.safetensors', 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
at = json.loads(data[8:8 + n])['Ring.edges.1.w']['data_offsets']
found = struct.unpack('<4f', data[8 + n + at[0]:8 + n + at[1]])
sys.exit(found != (0.125, 0.5, 1, -1))
END
# Without the header of the file, which has times.
same_weights() { # RUN RUN
  python3 - "$1" "$2" <<'END'
import struct, sys
def tensors(run):
    data = open(run + '/last.safetensors', 'rb').read()
    return data[8 + struct.unpack('<Q', data[:8])[0]:]
a, b = map(tensors, sys.argv[1:])
sys.exit(a != b or len(a) < 80)
END
}
expect "one thread" 0 "accuracy" ./net train --out one --threads 1
expect "three threads" 0 "accuracy" ./net train --out three --threads 3
that "the same with three threads" same_weights one three
expect "stopped" 0 "accuracy" ./net train --out part --epochs 3
expect "goes on" 0 "accuracy" ./net train --out part --epochs 6 --resume
that "as without the stop" same_weights one part
sed -i 's/^1,3,-1/1,3,-2/' lib/ring.csv
"$dnw" build net.dnw -o other >/dev/null
expect "other weights: another program" 1 "" ./other train --out part --epochs 7 --resume
sed -i 's/^1,3,-2/1,3,-1/' lib/ring.csv

# A frozen program has the outputs of predict.
python3 - <<'END'
import struct
x = [(i % 10) / 5 - 1 for i in range(100)]
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (50, 2), }".ljust(117) + '\n'
open('x.npy', 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<100f', *x))
END
expect "predict" 0 "" ./net predict --weights one/last.safetensors --input x.npy --output p.npy
expect "freeze" 0 "" "$dnw" build net.dnw --freeze --weights one/last.safetensors -o fast
expect "frozen predict" 0 "" ./fast predict --input x.npy --output f.npy
that "frozen is predict" python3 - <<'END'
import struct, sys
a, b = (struct.unpack('<100f', open(f, 'rb').read()[128:]) for f in ('p.npy', 'f.npy'))
sys.exit(max(abs(x - y) for x, y in zip(a, b)) > 1e-5 * max(map(abs, a)))
END

# A million edges.
awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "%d,%d,%.3f\n", i % 2000, (i * 7 + int(i / 2000)) % 2000, (i % 199) / 100 - 1 }' >large.csv
cat >large.dnw <<'END'
graph Large {
  input  x[2000]
  output y[2000]
  edges x[_] -> y[_] in file("large.csv") keep 10%
}
model Net(x[2000]) = x |> Large
END
expect "a million edges" 0 "\"candidates\": 1000000," timeout 20 "$dnw" check --json large.dnw

finish
