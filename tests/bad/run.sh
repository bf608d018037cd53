#!/usr/bin/env bash
# Bad input to dnw and to the programs it built: a clear error with the right exit code, and nothing lost.
# One section for each kind of input; 1 is an error of program or data, 2 of usage, 3 of the system.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../expect.sh"

source "$DNW_SOURCE/tests/bad/small_net.sh"

# ---- csv

rows() { printf 'a,b,class\n'; for i in 1 2 3 4 5; do printf '0.%d,1,0\n1,0.%d,1\n' $i $i; done; }
rows >points.csv
write table 'csv("points.csv", target = "class")' 'batch = 4' 'optim = adam(lr = 0.01)' 'epochs = 3' 'seed = 1'
build table
mkdir data
table() { # NAME EXIT TEXT: data/points.csv, as it is now, given to the program
  expect "csv: $1" "$2" "$3" ./table train --data data --out out --force
}
expect "csv" 0 "evaluate with: ./table eval --weights out/best.safetensors" ./table train --out out
said="help: $(sed -n 's/^evaluate with: //p' <<<"$said")"
paste_works "the end of training"
table "missing" 1 "data/points.csv: no such file"
: >data/points.csv
table "empty" 1 "data/points.csv, byte 0: the file is empty"
printf 'a,b,class\n' >data/points.csv
table "no rows" 1 "data/points.csv, byte 10: no rows after the header"
printf 'a,b,class\n1,2,0\n3,4' >data/points.csv
table "truncated" 1 "data/points.csv, byte 16: row 3 has 2 cells, the first row has 3"
printf 'a,b,class\n1,2,0\n3,x4,1\n' >data/points.csv
table "not a number" 1 "data/points.csv, byte 18: row 3, column 2 ('b'): 'x4' is not a number"
printf 'a,b,class\n1,2,0\n3,nan,1\n' >data/points.csv
table "nan" 1 "data/points.csv, byte 18: row 3, column 2 ('b'): 'nan' is not finite"
printf 'a,b,class\n1,2,0\n3,4,2\n' >data/points.csv
table "class beyond the outputs" 1 "data/points.csv, byte 20: class 2 of sample 1, but the program has 2 outputs: 0 .. 1"
printf 'a,b,class\n1,2,0\n3,4,1.5\n' >data/points.csv
table "numbers for classes" 1 "data/points.csv: the target is numbers, the loss cross_entropy needs classes"
printf 'a,b,c,class\n1,2,3,0\n3,4,5,1\n3,1,1,0\n' >data/points.csv
table "another width" 1 "data/points.csv: a sample has 3 numbers, the program takes 2"
paste_works "built for that data"
expect "built for that data" 0 "evaluate with" ./table train --data data --out wide
"$dnw" build table.dnw >/dev/null
rows | gzip -c | head -c 40 >data/points.csv
table "truncated gzip" 1 "data/points.csv, byte 40: truncated: the gzip file ends in the middle"
rows | gzip -c >data/points.csv
printf '\xff\xff\xff' | dd of=data/points.csv bs=1 seek=20 conv=notrunc 2>/dev/null
table "damaged gzip" 1 "data/points.csv, byte "
printf 'a,b,class\n1,2,1\n' >data/points.csv
table "one sample" 0 "1 training sample, 0 test samples"
that "one sample: no best" test ! -e out/best.safetensors
expect "no test split" 1 "data 'csv' has no test split" ./table eval --data data --weights out/last.safetensors
expect "--data is a file" 1 "--data points.csv: this is a file; --data takes its directory" ./table train --data points.csv --out o2
expect "--data is missing" 1 "--data nowhere: cannot be opened: No such file or directory" ./table train --data nowhere --out o2
that "nothing was started" test ! -e o2/log.jsonl

# ---- targets of binary_cross_entropy

rows | sed 's/,0$/,-1/' >data/points.csv
outputs=1 write binary 'csv("points.csv", target = "class")' 'loss = binary_cross_entropy' 'optim = adam(lr = 0.1)' 'epochs = 9'
build binary
expect "binary" 0 "best accuracy 100.00% in epoch" ./binary train --out bruns
expect "binary: finished" 0 "best accuracy 100.00% in epoch" ./binary train --out bruns --resume
expect "binary: -1 and 1" 1 "data/points.csv: binary_cross_entropy compares with targets in 0 .. 1; these are -1, 1" \
  ./binary train --data data --out out --force
rows | sed 's/,1$/,1000/' >data/points.csv
expect "binary: 0 and 1000" 1 "these are 0, 1000" ./binary eval --data data --weights bruns/best.safetensors
rows | sed 's/,1$/,2/; s/,0$/,1/' >data/points.csv
expect "binary: 1 and 2" 1 "these are 1, 2" ./binary train --data data --out out --force
table "labels from 1" 1 "help: no label is 0: labels seem to start at 1, where classes count from 0"

# ---- idx

pixels() { head -c "$1" /dev/zero | tr '\0' '\1'; }
idx images 6 2 2 && pixels 24 >>images
idx labels 6 && bytes 00 01 00 01 00 01 >>labels
write pictures 'idx("images", "labels")' 'optim = adam(lr = 0.01)' 'epochs = 1'
build pictures
pictures() { expect "idx: $1" "$2" "$3" ./pictures train --data data --out out --force; }
cp images labels data
pictures "good" 0 "evaluate with"
head -c 30 images >data/images
pictures "truncated" 1 "data/images, byte 16: truncated in the data of 6 samples: wanted 24 bytes, found 14"
head -c 10 images >data/images
pictures "truncated header" 1 "data/images, byte 8: truncated in the idx header: wanted 4 bytes, found 2"
{ cat images; pixels 3; } >data/images
pictures "too long" 1 "data/images, byte 40: there are bytes left after the data of 6 samples"
printf 'not an idx file' >data/images
pictures "another format" 1 "data/images, byte 0: "
idx data/images 4294967295 65535 65535
pictures "lying header" 1 "data/images, byte "
idx data/images 0 2 2
pictures "no samples" 1 "data/images, byte 4: the file holds no samples"
gzip -c images >data/images && head -c 20 data/images >data/images.gz && rm data/images
pictures "truncated gzip" 1 "data/images.gz, byte 20: truncated: the gzip file ends in the middle"
rm data/images.gz
cp images data/images
idx data/labels 6 && bytes 00 01 00 09 00 01 >>data/labels
pictures "label out of range" 1 "data/labels, byte 11: class 9 of sample 3, but the program has 2 outputs: 0 .. 1"
idx data/labels 5 && bytes 00 01 00 01 00 >>data/labels
pictures "fewer labels" 1 "data/labels, byte 4: the file has 5 labels for 6 images"
rm data/images data/labels
outputs=10 write clothes fashion_mnist 'optim = sgd(lr = 0.1)' 'epochs = 1'
build clothes
expect "no data installed" 1 "apt install dataset-fashion-mnist" ./clothes train --data data --out o2
expect "no data installed: looked there" 1 "note: looked in data" ./clothes train --data data --out o2
outputs=10 write digits mnist 'optim = sgd(lr = 0.1)' 'epochs = 1'
build digits
expect "no data: bench" 0 "data random" ./digits bench --steps 2 --batch 8
expect "no data: gradcheck" 0 "worst relative error" ./digits gradcheck
expect "no data: info" 0 "mnist" ./digits info

# ---- cifar10: five training batches of two records, a test batch of one

record() { bytes "$1" && pixels 3072; }
batches() { for i in 1 2 3 4 5; do { record 00; record 09; } >"data/data_batch_$i.bin"; done; record 03 >data/test_batch.bin; }
outputs=10 write colours cifar10 'augment = [pad_crop(4), flip]' 'optim = sgd(lr = 0.1)' 'epochs = 1'
build colours
colours() { expect "cifar10: $1" "$2" "$3" ./colours train --data data --out out --force; }
colours "missing" 1 "cifar10: no file data_batch_1.bin or data_batch_1.bin.gz"
batches
colours "good" 0 "10 training samples, 1 test sample"
head -c 5000 data/data_batch_4.bin >cut && mv cut data/data_batch_4.bin
colours "truncated" 1 "data/data_batch_4.bin, byte 3073: truncated in record 1: wanted 3073 bytes, found 1927"
{ record 00; record 0a; } >data/data_batch_4.bin
colours "label out of range" 1 "data/data_batch_4.bin, byte 3073: label 10 of record 1 is not in 0 .. 9"
rm data/*.bin
# pictures when it was built, a list of numbers when it is run
write moved 'idx("images", "labels")' 'augment = [flip]' 'optim = adam(lr = 0.01)' 'epochs = 1'
build moved
idx data/images 6 4 && pixels 24 >>data/images
cp labels data
expect "augment: no pictures" 1 "data/images: the program's augment changes pictures, and these samples are none" \
  ./moved train --data data --out out --force
rm data/images data/labels

# ---- image_folder: two classes of pictures, read in one order with any number of threads

python3 "$DNW_SOURCE/tests/bad/pictures.py" shots
write photos 'image_folder("shots", 8, 8)' 'augment = [resized_crop, flip]' 'optim = sgd(lr = 0.01)' 'epochs = 4' 'seed = 1'
build photos
photos() { expect "image_folder: $1" "$2" "$3" ./photos train --threads 3 --out out --force; }
photos "good" 0 "12 training samples, 6 test samples"
expect "image_folder: one thread" 0 "12 training samples" ./photos train --threads 1 --out one
tail_of() { test -s "$1/last.safetensors" && tail -c "$2" "$1/last.safetensors"; }
same_weights() { tail_of "$1" "$3" >/dev/null && same <(tail_of "$1" "$3") <(tail_of "$2" "$3"); } # RUN RUN BYTES: without the times
that "image_folder: threads" same_weights out one 7792
expect "image_folder: stopped" 0 "" ./photos train --threads 2 --out part --epochs 2
expect "image_folder: resumed" 0 "" ./photos train --threads 2 --out part --epochs 4 --resume
that "image_folder: as without the stop" same_weights out part 7792
expect "image_folder: eval" 0 "accuracy" ./photos eval --weights part/last.safetensors
photo() { # NAME EXIT TEXT INPUT
  expect "predict: $1" "$2" "$3" ./photos predict --weights out/last.safetensors --input "$4" --output z.npy
}
photo "a folder" 0 "" shots/val/cat
that "predict a folder: the size" test "$(stat -c %s z.npy)" = $((128 + 3 * 8))
cp z.npy all.npy
photo "a picture" 0 "" shots/val/cat/2.png
that "predict a picture: the last of the folder" same <(tail -c 8 z.npy) <(tail -c 8 all.npy)
# without memory for them, pictures are decoded when they are used, with the same results
sed 's/"shots", 8, 8)/"shots", 64, 64, memory = gib)/; s/^option width/option gib = 0\noption width/; s/train Net {/&\n  batch = 6/' photos.dnw >later.dnw
build later
"$dnw" build later.dnw -D gib=4 -o now >/dev/null
expect "later: in memory" 0 "12 training samples" ./now train --threads 1 --out now.out
for threads in 1 3; do
  expect "later: $threads threads" 0 "12 training samples" ./later train --threads $threads --out later$threads
  that "later: the same, $threads threads" same_weights now.out later$threads 250000
done
expect "later: stopped" 0 "" ./later train --threads 2 --out part --epochs 2 --force
expect "later: resumed" 0 "" ./later train --threads 2 --out part --epochs 4 --resume
that "later: as without the stop" same_weights now.out part 250000
expect "later: eval" 0 "$(./now eval --weights part/last.safetensors)" ./later eval --weights part/last.safetensors
expect "later: gradcheck" 0 "worst relative error" ./later gradcheck
"$dnw" build later.dnw --freeze --weights part/last.safetensors -o frozen_later >/dev/null
expect "later: frozen" 0 "data image_folder" ./frozen_later bench --infer --batch 4 --steps 2
cp shots/val/dog/1.png whole.png && head -c 60 whole.png >shots/val/dog/1.png
expect "later: a damaged test picture" 1 "shots/val/dog/1.png: a damaged PNG picture" ./later train --out later1 --force
expect "later: eval of a damaged picture" 1 "shots/val/dog/1.png: a damaged PNG picture" ./later eval --weights part/last.safetensors
cp whole.png shots/val/dog/1.png
cp shots/train/dog/grey.jpg whole.jpg
head -c 300 whole.jpg >shots/train/dog/grey.jpg
expect "later: a damaged picture" 1 "shots/train/dog/grey.jpg: a damaged JPEG picture" ./later train --batch 12 --out later1 --force
photos "truncated jpeg" 1 "shots/train/dog/grey.jpg: a damaged JPEG picture: Premature end of JPEG file"
photo "a truncated picture" 1 "shots/train/dog/grey.jpg: a damaged JPEG picture: Premature end" shots/train/dog/grey.jpg
cp whole.jpg shots/train/dog/grey.jpg
head -c 60 shots/train/cat/1.png >shots/train/cat/6.png
photos "truncated png" 1 "shots/train/cat/6.png: a damaged PNG picture: the file ends in the middle"
printf 'GIF89a' >shots/train/cat/6.png
photos "another format" 1 "shots/train/cat/6.png: neither a PNG nor a JPEG picture"
mv shots/huge.png shots/train/cat/6.png
photos "a large picture" 1 "shots/train/cat/6.png: a picture of 50000 x 60000 pixels; 1 to 67108864 are read"
rm shots/train/cat/6.png
mkdir shots/val/bird
photos "another class" 1 "shots/val/bird: the training pictures have no class of this name"
mkdir shots/train/bird
photos "an empty class" 1 "shots/train/bird: no picture in this folder"
cp whole.jpg shots/train/bird && cp whole.jpg shots/val/bird
photos "one class more" 1 "class 2 of sample 0, but the program has 2 outputs"
rm -r shots/*/bird
mv shots/train shots/train2
photos "classes of another name" 1 "shots/train2/cat: is a directory, not a file"
rm -r shots
sed 's/Net(v)/Net(v[3, 8, 8])/' photos.dnw >absent.dnw
photos "missing" 1 "shots: no such folder"
expect "image_folder: missing when built" 0 "warning[W0303]" "$dnw" check absent.dnw

# ---- npy

npy x.npy '<f4' '(4, 2)' && { for i in 1 2 3 4 5 6 7 8; do one; done; } >>x.npy
npy y.npy '<f4' '(4, 2)' && tail -c 32 x.npy >>y.npy
write numbers 'npy("x.npy", "y.npy", split = 0.25)' 'loss = mse' 'optim = adam(lr = 0.01)' 'epochs = 1' 'batch = 100'
build numbers
numbers() { expect "npy: $1" "$2" "$3" ./numbers train --data data --out out --force; }
cp x.npy y.npy data
numbers "good" 0 "best test loss"
expect "npy: eval has only the loss" 0 "loss " ./numbers eval --weights out/best.safetensors
that "npy: eval without accuracy" test -z "$(grep accuracy <<<"$said")"
head -c 150 x.npy >data/x.npy
numbers "truncated" 1 "data/x.npy, byte 128: truncated in the elements of 4 samples: wanted 32 bytes, found 22"
{ head -c 132 x.npy; bytes 00 00 c0 7f; tail -c 24 x.npy; } >data/x.npy
numbers "nan" 1 "data/x.npy, byte 132: sample 0, element 1: not a number (nan)"
npy data/x.npy '<f4' '(4, 2' && tail -c 32 x.npy >>data/x.npy
numbers "bad header" 1 "data/x.npy, byte "
npy data/x.npy '<f4' '(4000000000000000000, 2)'
numbers "lying header" 1 "data/x.npy, byte "
npy data/x.npy '<c8' '(2, 2)' && tail -c 32 x.npy >>data/x.npy
numbers "another type" 1 "data/x.npy, byte "
cp x.npy data
npy data/y.npy '<f4' '(4, 1)' && tail -c 16 x.npy >>data/y.npy
numbers "another target" 1 "data/y.npy: a sample has 1 target number, the program has 2 outputs"
npy data/y.npy '<f4' '(3, 2)' && tail -c 24 x.npy >>data/y.npy
numbers "fewer targets" 1 "data/y.npy, byte 10: 3 targets for 4 samples of x"
predict() { # NAME EXIT TEXT FILE
  expect "predict: $1" "$2" "$3" ./numbers predict --weights out/last.safetensors --input "$4" --output z.npy
}
predict "good" 0 "" x.npy
that "predict: the size" test "$(stat -c %s z.npy)" = 160
cp z.npy before.npy
head -c 150 x.npy >short.npy
predict "truncated" 1 "short.npy, byte 128: truncated in the elements of 4 samples: wanted 32 bytes, found 22" short.npy
npy wide.npy '<f4' '(1, 3)' && tail -c 12 x.npy >>wide.npy
predict "another shape" 1 "wide.npy: array has shape (1, 3), the network takes" wide.npy
{ head -c 132 x.npy; bytes 00 00 c0 7f; tail -c 24 x.npy; } >nan.npy
predict "missing" 1 "none.npy: no such file" none.npy
predict "a directory" 1 "data: is a directory, not a file" data
that "predict: the output before stays" same z.npy before.npy
predict "nan" 1 "nan.npy: sample 0: number 1 of its input is NaN" nan.npy
that "predict: the others are written" same <(tail -c +141 z.npy) <(tail -c +141 before.npy)
expect "predict: unwritable" 3 "cannot write" ./numbers predict --weights out/last.safetensors --input x.npy --output nowhere/z.npy

# ---- sequences of unequal length, pictures of another size

cat >sequences.dnw <<'END'
option source = csv("walks.csv", target = "class", group = "who")
graph Cell {
  time = steps(1)
  input  x[2]
  nodes  h[4] : tanh
  output y[2]
  edges { x[_] -> h[_]; h[_] -> h[_]; h[_] -> y[_] } keep 50%
}
model Net(walk) = walk |> scan(Cell) |> last
train Net { data = source; optim = adam(lr = 0.01); epochs = 1; seed = 1 }
END
walks() { # ROWS OF p, OF q...: groups of so many rows
  local names=(p q r s) rows k=0 i
  echo 'a,b,who,class'
  for rows in "$@"; do
    for i in $(seq "$rows"); do echo "0.$i,1,${names[k]},$((k % 2))"; done
    k=$((k + 1))
  done
}
walks 3 3 3 3 >walks.csv
build sequences
walks 3 2 3 3 >walks.csv
expect "sequences of unequal length" 0 "epoch 1/1" "$dnw" train sequences.dnw --out out --force
sequence() { # NAME EXIT TEXT: data/walks.csv, as it is now, given to the program
  expect "sequences: $1" "$2" "$3" ./sequences train --data data --out out --force
}
cp walks.csv data
sequence "unequal, where the program knows equal ones" 1 "data/walks.csv: sequences end at different positions, and the program was built for data whose sequences are equally long"
printf 'a,b,who,class\n1,2,p,0\n3,4,p,0\n1,2,q,1\n3,4,q,1\n' >data/walks.csv
sequence "of another length" 1 "data/walks.csv: a sample has 4 numbers, the program takes 6"
printf 'a,b,who,class\n1,2,p,0\n3,4,p,0\n3,4,p,0\n1,2,q,1\n3,here,q,1\n1,2,q,1\n' >data/walks.csv
sequence "not a number" 1 "data/walks.csv, byte 48: row 6, column 2 ('b'): 'here' is not a number"
printf 'a,b,who,class\n1,2,p,0\n3,4,p,0\n3,4,p,0\n1,2,q,1\n3,q,1\n1,2,q,1\n' >data/walks.csv
sequence "a missing cell" 1 "data/walks.csv, byte 46: row 6 has 3 cells, the first row has 4"
printf 'a,b,who,class\n1,2,p,0\n3,,p,0\n3,4,p,0\n' >data/walks.csv
sequence "an empty cell" 1 "data/walks.csv, byte 24: row 3, column 2 ('b'): the cell is empty"
printf 'a,b,name,class\n1,2,p,0\n3,4,p,0\n3,4,p,0\n' >data/walks.csv
sequence "a missing column of groups" 1 "data/walks.csv: no column is named 'who'"
printf 'a,b,who,kind\n1,2,p,0\n3,4,p,0\n3,4,p,0\n' >data/walks.csv
sequence "a missing target" 1 "data/walks.csv: no column is named 'class'"
that "sequences: a missing target: the columns" grep -qF "help: columns are 'a', 'b', 'who', 'kind'" <<<"$said"
printf 'a,who,class\n1,p,0\n3,p,0\n3,p,0\n' >data/walks.csv
sequence "a missing feature" 1 "data/walks.csv: a sample has 3 numbers, the program takes 6"
rm data/walks.csv

npy x3.npy '<f4' '(2, 3, 2)' && { cat x.npy x.npy | tail -c 48; } >>x3.npy
npy y3.npy '<f4' '(2, 2)' && tail -c 16 x.npy >>y3.npy
"$dnw" build sequences.dnw -D 'source=npy("x3.npy", "y3.npy")' -o arrays >arrays.out 2>&1
that "npy: sequences are built" test -x arrays
npy data/x3.npy '<f4' '(3, 2, 2)' && { cat x.npy x.npy | tail -c 48; } >>data/x3.npy
npy data/y3.npy '<f4' '(3, 2)' && tail -c 24 x.npy >>data/y3.npy
expect "npy: sequences of another length" 1 "data/x3.npy: a sample has 4 numbers, the program takes 6" ./arrays train --data data --out out --force
npy data/x3.npy '<f4' '(2, 2, 3)' && tail -c 48 x3.npy >>data/x3.npy
npy data/y3.npy '<f4' '(2, 2)' && tail -c 16 x.npy >>data/y3.npy
expect "npy: sequences of another shape" 1 "data/x3.npy: a sample is [2, 3], the program takes [3, 2]" ./arrays train --data data --out out --force
that "npy: sequences of another shape: built for them" grep -q "^help: for this data, build it again: dnw build sequences.dnw --data data -o ./arrays" <<<"$said"
npy data/x3.npy '<f4' '(2, 6)' && tail -c 48 x3.npy >>data/x3.npy
expect "npy: plain lists of as many numbers" 0 "epoch 1/1" ./arrays train --data data --out out --force
npy data/x3.npy '|O' '(2,)' && printf 'pickle' >>data/x3.npy
expect "npy: arrays of unequal length" 1 "data/x3.npy, byte " ./arrays train --data data --out out --force

idx data/images 6 3 3 && pixels 54 >>data/images
cp labels data
pictures "another size" 1 "data/images: a sample has 9 numbers, the program takes 4"
idx data/images 6 1 4 && pixels 24 >>data/images
pictures "another shape" 1 "data/images: a sample is [1, 1, 4], the program takes [1, 2, 2]"
idx data/images 6 2 2 && pixels 24 >>data/images
pictures "the right size" 0 "evaluate with"
sed 's/source = .*/source = rows(idx("images", "labels"))/' sequences.dnw >lines.dnw
build lines
idx data/images 6 3 2 && pixels 36 >>data/images
expect "rows of pictures of another size" 1 "data/images: a sample has 6 numbers, the program takes 4" ./lines train --data data --out out --force
rm data/images data/labels
for i in 1 2 3 4 5; do head -c 3000 /dev/zero >"data/data_batch_$i.bin"; done
head -c 3000 /dev/zero >data/test_batch.bin
colours "pictures of another size" 1 "data/data_batch_1.bin, byte 0: truncated in record 0: wanted 3073 bytes, found 3000"
batches
head -c 1500 data/test_batch.bin >cut && mv cut data/test_batch.bin
colours "test batch cut short" 1 "data/test_batch.bin, byte 0: truncated in record 0: wanted 3073 bytes, found 1500"
rm data/data_batch_3.bin
colours "a missing batch" 1 "data_batch_3.bin"
rm data/*.bin

# ---- weights

write net 'spirals(200)' 'batch = 32' 'optim = sgd(lr = 0.1)' 'epochs = 4' 'seed = 1'
build net
"$dnw" build net.dnw -D width=9 -o wider >/dev/null
expect "train" 0 "best accuracy" ./net train
expect "no weights" 2 "'eval' needs --weights FILE" ./net eval
paste_works "no weights"
expect "weights are not there" 1 "did you mean 'runs/net/best.safetensors'?" ./net eval --weights runs/best.safetensors
expect "through dnw" 2 "eval net.dnw --weights runs/net/best.safetensors" "$dnw" eval net.dnw
good=runs/net/best.safetensors
weights() { # NAME TEXT FILE
  expect "weights: $1" 1 "$2" ./net eval --weights "$3"
}
expect "weights of another program" 1 "the file was written by program 'net'" ./wider eval --weights "$good"
weights "a directory" "runs" runs
: >w && weights "empty" "w" w
head -c 4 "$good" >w && weights "cut in the length" "w: byte 4: the file ends before the length of its header" w
head -c 100 "$good" >w && weights "cut in the header" "goes beyond the end of the file (100 bytes)" w
head -c -5 "$good" >w && weights "cut in the data" "the file is cut short" w
{ cat "$good"; printf zzz; } >w && weights "too long" "3 bytes after the last tensor" w
{ printf '\xff\xff\xff\xff\xff\xff\xff\x7f'; tail -c +9 "$good"; } >w && weights "lying length" "w: byte 0: header of 9223372036854775807 bytes" w
sed 's/"shape":\[/"shape":[9/' "$good" >w && weights "lying shape" "w: byte " w
sed 's/"dtype":"F32"/"dtype":"I16"/' "$good" >w && weights "another type" "dtype 'I16'; F32, F16, BF16, F64, I32, I64 and U8 are read" w
sed 's/data_offsets":\[/data_offsets":[4/' "$good" >w && weights "lying offsets" "w: byte " w
{ head -c $(($(stat -c %s "$good") - 100)) "$good"; bytes 00 00 c0 7f; tail -c 96 "$good"; } >w
weights "NaN" "has NaN at index" w
expect "resume from damage" 1 "byte" bash -c 'mkdir -p runs/bad && cp runs/net/log.jsonl w runs/bad/ && head -c 500 runs/net/last.safetensors >runs/bad/last.safetensors && ./net train --resume --out runs/bad'

# finite weights, and outputs that overflow
for i in 1 2 3 4 5 6 7 8; do echo "100,200,$((i % 2))"; done >large.csv
printf 'model Line(x) = x |> linear(2)\ntrain Line { data = csv("large.csv", target = 2, header = false); epochs = 1 }\n' >line.dnw
build line
./line train --quiet --out line.run >/dev/null 2>&1
expect "weights: ordinary" 0 "accuracy" ./line eval --weights line.run/last.safetensors
{ head -c -28 line.run/best.safetensors; for i in 1 2 3 4 5 6; do bytes 99 76 96 7e; done; tail -c 4 line.run/best.safetensors; } >w # 1e38; behind the numbers what is kept
expect "weights: too large" 1 "error: the test result is not finite: output 1 is inf for sample 1" ./line eval --weights w
that "weights: too large, one line" test "$(wc -l <<<"$said")" -eq 1
expect "weights: too large, JSON" 1 "error: the test result is not finite: output 1 is inf for sample 1" ./line eval --weights w --json

# ---- flags and options

expect "unknown flag" 2 "did you mean '--epochs'?" ./net train --epoch 3
expect "that flag" 0 "" ./net train --epochs 1 --out out --force
expect "unknown command" 2 "did you mean 'train'?" ./net tarin
expect "out of range" 2 "--batch takes a whole number from 1 to 1000000, not '0'" ./net train --batch 0
expect "least of the range" 0 "" ./net train --batch 1 --epochs 1 --out out --force
expect "batch above the samples" 0 "" ./net train --batch 1000000 --epochs 1 --out out --force
expect "rate" 2 "--lr takes a finite number above 0, not 'nan'" ./net train --lr nan
expect "structural" 2 "option 'width' shapes the program" ./net train --width 5
paste_works "structural"
expect "rebuilt" 0 '"width"' bash -c './net info --json | grep -A1 -e "\"width\"" && ./net info | grep -q "width *5"'
"$dnw" build net.dnw >/dev/null
expect "structural, misspelt" 2 "-D width=5" ./net train --widht 5
paste_works "structural, misspelt"
expect "structural, from elsewhere" 2 "-D width=5" bash -c 'cd data && ../net train --width=5'
that "structural, from elsewhere" bash -c "cd data && dnw() { '$dnw' \"\$@\" >/dev/null; } && $(suggested)"
expect "structural, through dnw" 2 "-D width=5" "$dnw" train net.dnw --width 5 --out out
expect "option of the file, misspelt" 1 "did you mean -D width=5?" "$dnw" check net.dnw -D wdith=5
expect "option of the file" 0 "" "$dnw" check net.dnw -D width=5
expect "option out of range" 1 "is not in 1 .. 64" "$dnw" check net.dnw -D width=65
expect "option at the end of its range" 0 "" "$dnw" check net.dnw -D width=64
"$dnw" build net.dnw >/dev/null

# ---- budgets and wirings, through dnw check

check() { # NAME CODE SED_SCRIPT
  sed "$3" net.dnw >changed.dnw
  expect "check: $1" 1 "error[$2]" "$dnw" check changed.dnw
}
check "budget of 0" E0215 's/= 50%/= 0%/'
expect "check: the budget of the help" 0 "" "$dnw" check net.dnw -D budget=5%
check "0 edges" E0215 's/= 50%/= 0/'
check "above the candidates" E0215 's/= 50%/= 1000/'
expect "check: all candidates" 0 "" "$dnw" check net.dnw -D budget=all
check "no candidates" E0216 's/x\[_\] -> h\[_\]/x[i] -> h[j] where i < 0/; s/h\[_\] -> y\[_\]/h[i] -> y[j] where i < 0/'
check "no path" E0217 '/h\[_\] -> y\[_\]/d'

# ---- directories and disks

expect "a run is there" 2 "runs/net already holds a run" ./net train
cp -r runs/net kept
expect "a run is there: again" 2 "--force" ./net train --epochs 9
that "a run is there: untouched" diff -r runs/net kept
mkdir only_best && cp "$good" only_best
expect "only the best weights are there" 2 "already holds a run" ./net train --out only_best
expect "nothing to resume" 2 "nothing to resume" ./net train --resume --out nothing
expect "a file for a directory" 3 "choose another with --out DIR" ./net train --out points.csv
expect "below a file" 3 "cannot make this directory" ./net train --out points.csv/run
expect "where nothing can be made" 3 "cannot make this directory" ./net train --out /proc/self/dnw
if [ "$(id -u)" -ne 0 ]; then
  mkdir -m 555 locked
  expect "unwritable" 3 "cannot write into this directory" ./net train --out locked
fi
# A run that is stopped after some epochs, whose next checkpoint finds no room.
write big 'spirals(200)' 'batch = 8' 'optim = adam(lr = 0.01)' 'epochs = 100000' 'seed = 1' 'snapshots = 0'
sed -i 's/in 1 .. 64/in 1 .. 6400/' big.dnw
"$dnw" build big.dnw -D width=2000 >/dev/null
stop_after() { # LINES DIR COMMAND...: SIGINT when the log has so many lines more; SIGKILL when it never has
  local dir=$2 lines pid i rc=0
  lines=$(($1 + $(log_lines "$dir")))
  shift 2
  "$@" >stopped.out 2>&1 </dev/null &
  pid=$!
  for i in $(seq 1500); do
    [ "$(log_lines "$dir")" -ge $lines ] && break
    sleep 0.02
  done
  [ "$(log_lines "$dir")" -ge $lines ] && kill -INT $pid || kill -KILL $pid
  wait $pid || rc=$?
  return $rc
}
stop_after 2 disk ./big train --out disk
that "interrupted: exit 130" test $? -eq 130
that "interrupted: how to continue" grep -q '^help: continue with: ./big train --resume --out disk' stopped.out
cp disk/last.safetensors last.before
full() { (ulimit -f 8 && exec ./big train --resume --out disk); }
expect "full disk" 3 "safetensors: cannot write: File too large" full
that "full disk: the checkpoint before stays" same disk/last.safetensors last.before
that "full disk: no scraps" test ! -e disk/last.safetensors.tmp
stop_after 1 disk ./big train --resume --out disk
that "full disk: the run goes on" test $? -eq 130
mkdir small
room=$(($(cat disk/* | wc -c) + $(stat -c %s disk/last.safetensors) / 2))
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=$room none small 2>/dev/null; then
  trap 'umount "$tmp/small"; rm -rf "$tmp"' EXIT
  cp disk/* small
  expect "full file system" 3 "No space left on device" ./big train --out small --resume
  that "full file system: the checkpoint before stays" same disk/last.safetensors small/last.safetensors
  that "full file system: no scraps" test -z "$(ls small/*.tmp 2>/dev/null)"
fi
# Little address space: done, or a message about memory, at every limit; never a crash nor a wait for ever.
little() { # NAME COMMAND...
  local name=$1 limit rc
  shift
  for limit in 5000 30000 80000 150000 200000 230000 260000 300000 350000 420000; do
    said=$(ulimit -c 0; ulimit -v $limit; timeout -s KILL 30 "$@" 2>&1 </dev/null)
    rc=$?
    that "$name within $limit KiB: exit code $rc" test "$rc" -eq 0 -o "$rc" -eq 3
    that "$name within $limit KiB: the cause" test "$rc" -eq 0 -o -n "$(grep -E 'memory' <<<"$said")"
  done
}
if (ulimit -v 4000000; ./net info >/dev/null 2>&1); then # not with sanitizers, which reserve far more
  little "training" ./net train --out little --force --epochs 1 --threads 2
  cat >products.dnw <<'END'
graph Wiring {
  time = steps(32)
  input  x[2]
  nodes  h[400] : tanh
  output y[2]
  edges { x[_] -> h[_]; h[_] -> h[_]; h[_] -> y[_] } keep 5%
}
model Net(p[2]) = p |> Wiring
train Net { data = spirals(256); epochs = 1 }
END
  "$dnw" build products.dnw -o products >/dev/null
  little "products in two threads" ./products train --out little --force --threads 2
  little "eval" ./net eval --weights "$good"
  little "gradcheck" ./net gradcheck --threads 1
  for limit in 260000 280000 300000; do
    said=$(ulimit -c 0; ulimit -v $limit; "$dnw" build net.dnw -o little_net 2>&1)
    rc=$?
    that "building within $limit KiB: exit code $rc" test "$rc" -eq 0 -o "$rc" -eq 3
    that "building within $limit KiB: the cause alone" test "$rc" -eq 0 -o "$said" = "error: out of memory"
  done
fi
expect "log on a full disk" 3 "cannot write" bash -c 'mkdir -p devfull && ln -sf /dev/full devfull/log.jsonl && ./net train --out devfull --force'

# ---- too large to fit

cat >huge.dnw <<'END'
fn Unit(z) = relu(z)
graph Wiring {
  input  x[2]
  nodes  h[200000] : Unit
  nodes  g[200000] : Unit
  output y[2]
  edges x[_] -> h[_]
  edges h[_] -> g[_] keep 0.001%
  edges g[_] -> y[_]
}
model Net(v) = v |> Wiring
train Net {
  data  = spirals(200)
  optim = sgd(lr = 0.1)
}
END
expect "4e10 edges: check" 0 "40000800000" "$dnw" check huge.dnw
build huge
for command in train info bench; do
  expect "4e10 edges: $command" 3 "bytes of memory" ./huge $command
done
that "4e10 edges: no run was started" test ! -e runs/huge/log.jsonl

# maps larger than a stack

cat >big.dnw <<'DNW'
fn Channel(z) { weight k[3, 3] ~ kaiming; conv(relu(instance_norm(z)), k) }
graph Maps { input x[1] : Channel; output y[1] : Channel; edges x[_] -> y[_] }
model Net(x) = x |> Maps |> mean_map |> linear(1)
train Net { data = npy("x.npy", "y.npy"); loss = mse }
DNW
python3 - <<'PY'
import struct
def npy(path, shape):
    count = 1
    for n in shape: count *= n
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (tuple(shape),)
    head += ' ' * (-(len(head) + 11) % 64) + '\n'
    open(path, 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<%df' % count, *[0.5] * count))
npy('x.npy', [4, 1, 400, 400])
npy('y.npy', [4, 1])
PY
expect "large maps: build" 0 "" "$dnw" build big.dnw -o big
expect "large maps: run" 0 "ms/step" ./big bench --batch 1 --steps 1 --threads 1

# ---- files that are no programs, and readers that leave

mkdir dir
expect "a directory" 1 "is a directory" "$dnw" check dir
expect "a directory to build" 1 "is a directory" "$dnw" build dir
expect "a directory to train" 1 "error[E0001]" "$dnw" train dir
: >empty.dnw
expect "no model" 0 "no model" "$dnw" check empty.dnw
expect "no model to train" 1 "error[" "$dnw" train empty.dnw
sed '/^train/,$d' net.dnw | sed 's/Wiring\[n\]/Wiring/; s/x\[n\]/x[2]/; s/(v)/(v[2])/' >bare.dnw
expect "no train block" 1 "has no train block" "$dnw" train bare.dnw
head -c 3000 /dev/urandom >noise.dnw
expect "noise" 1 "error[" "$dnw" check noise.dnw
cp net.dnw $'odd\xff.dnw'
expect "a path that is not text" 1 "is not UTF-8" "$dnw" build $'odd\xff.dnw' -o odd
said="cannot write '/proc"
[ "$(id -u)" -eq 0 ] && said="error[E0002]: cannot write '/proc" # root may write there, but nobody can
expect "where files cannot be made" 3 "$said" "$dnw" build net.dnw -o /proc/dnw
expect "into nowhere" 3 "cannot write 'nowhere/net'" "$dnw" build net.dnw -o nowhere/net
expect "reader leaves" 0 "" bash -c './net train --out out --force | true; exit ${PIPESTATUS[0]}'
that "reader leaves: trained to the end" log_has out '"event":"end"'
expect "stdout closed" 0 "" bash -c './net train --out out --force >&-'
that "stdout closed: the log is a log" bash -c '! grep -v "^{" out/log.jsonl'
expect "stdout closed: info" 3 "" bash -c './net info >&-'
expect "stdout full" 3 "cannot write to standard output" bash -c './net info >/dev/full'
expect "dnw with stdout closed" 3 "cannot write to stdout" bash -c '"$0" check net.dnw >&-' "$dnw"

finish
