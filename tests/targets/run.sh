#!/usr/bin/env bash
# Several numbers to predict: mse and mae are means over samples and numbers; classes as vectors (one_hot).
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"
python=${DNW_PYTHON:-python3}

# x (60, 2) and y (60, 3), also as a table with decimals that floats hold exactly.
"$python" - <<'PY'
import struct
rows = [[(7 * i % 32) / 16 - 1, (11 * i % 64) / 32 - 1] for i in range(60)]
targets = [[a + b, a * b, 0.5 - a] for a, b in rows]
def npy(path, rows):
    head = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (len(rows), len(rows[0]))).ljust(117) + '\n'
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode())
        for row in rows:
            f.write(struct.pack('<%df' % len(row), *row))
npy('x.npy', rows), npy('y.npy', targets), npy('test_x.npy', rows[:14]), npy('test_y.npy', targets[:14])
with open('table.csv', 'w') as f:
    f.write('a,b,sum,product,rest\n')
    for row in zip(rows, targets):
        f.write(','.join(repr(v) for part in row for v in part) + '\n')
PY

net() { # NAME LOSS OUTPUTS DATA
  printf '%s\n' "model Net(v[2]) = v |> linear(12) |> tanh |> linear($3)" \
    "train Net { data = $4; loss = $2; optim = adam(0.01); batch = 8; epochs = 6; seed = 1 }" >"$1.dnw"
}
arrays='npy("x.npy", "y.npy", test_x = "test_x.npy", test_y = "test_y.npy")'
columns='target = ["sum", "product", "rest"]'
net mse mse 3 "$arrays"
net mae mae 3 "$arrays"

# told FILE LOSS: the loss that eval tells is the mean over samples and numbers of what predict writes
told() {
  "$python" - "$1" "$2" "$(grep -o '"loss": *[0-9.e-]*' <<<"$said" | grep -o '[0-9.e-]*$')" <<'PY'
import struct, sys
def read(path):
    data = open(path, 'rb').read()
    assert b'(14, 3)' in data[:128], data[:128]
    return struct.unpack('<42f', data[128:])
d = [p - t for p, t in zip(read(sys.argv[1]), read('test_y.npy'))]
wanted = sum(v * v if sys.argv[2] == 'mse' else abs(v) for v in d) / 42
sys.exit(abs(wanted - float(sys.argv[3])) > 1e-5 * wanted)
PY
}
for loss in mse mae; do
  "$dnw" build $loss.dnw -o $loss >/dev/null
  expect "$loss: gradients" 0 "worst relative error" ./$loss gradcheck
  expect "$loss: trains" 0 "epoch 6/6" ./$loss train --out $loss.1 --threads 1
  expect "$loss: with two threads" 0 "epoch 6/6" ./$loss train --out $loss.2 --threads 2
  that "$loss: which changes nothing" cmp -s $loss.1/best.safetensors $loss.2/best.safetensors
  expect "$loss: half of it" 0 "epoch 3/3" ./$loss train --out $loss.3 --epochs 3
  expect "$loss: and the rest" 0 "epoch 6/6" ./$loss train --out $loss.3 --epochs 6 --resume
  that "$loss: is the whole" cmp -s $loss.1/best.safetensors $loss.3/best.safetensors
  expect "$loss: predicts" 0 "" ./$loss predict --weights $loss.1/last.safetensors --input test_x.npy --output $loss.npy
  expect "$loss: evaluates" 0 '"loss"' ./$loss eval --weights $loss.1/last.safetensors --json
  that "$loss: as predicted" told $loss.npy $loss
done

net table mse 3 "csv(\"table.csv\", $columns)"
expect "a table" 0 "epoch 6/6" "$dnw" train table.dnw
net few mse 2 "$arrays"
expect "too few outputs" 1 "the data has 3 numbers to predict and the model 2 outputs" "$dnw" check few.dnw
net many mse 5 "csv(\"table.csv\", $columns)"
expect "too many outputs" 1 "the data has 3 numbers to predict and the model 5 outputs" "$dnw" check many.dnw

# Classes as vectors: the loss of numbers, the accuracy of classes.
net vectors mse 3 'one_hot(spirals(300, classes = 3))'
"$dnw" build vectors.dnw -o vectors >/dev/null
expect "one_hot: gradients" 0 "worst relative error" ./vectors gradcheck
expect "one_hot: trains" 0 "best accuracy" ./vectors train --out vectors.1
expect "one_hot: evaluates" 0 '"accuracy"' ./vectors eval --weights vectors.1/last.safetensors --json
net numbers '(fn)' 3 "one_hot($arrays)"
sed -i 's/loss = (fn); //' numbers.dnw
expect "one_hot of numbers" 1 "one_hot makes vectors of classes; the target of 'npy' is numbers" "$dnw" check numbers.dnw

finish
