#!/usr/bin/python3
"""Writes the data of bench/set_tutorial.dnw: 2,000 training and 1,000 test images of Fashion-MNIST, as the authors draw them.

    bench/set_tutorial.py DIR [FASHION_MNIST]
"""
import gzip
import os
import sys
import numpy as np


def read(name, offset, *shape):
    with gzip.open(os.path.join(SOURCE, name)) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset).reshape(-1, *shape)


def write(images, labels, part, names):
    np.save(os.path.join(sys.argv[1], names[0]), read(images, 16, 1, 28, 28)[part])
    np.save(os.path.join(sys.argv[1], names[1]), read(labels, 8)[part].astype(np.int64))


SOURCE = sys.argv[2] if len(sys.argv) > 2 else "/usr/share/datasets/fashion-mnist"
os.makedirs(sys.argv[1], exist_ok=True)
np.random.seed(0)
train, test = np.arange(60000), np.arange(10000)
np.random.shuffle(train)
np.random.shuffle(test)
write("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", train[:2000], ("x.npy", "y.npy"))
write("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", test[:1000], ("test_x.npy", "test_y.npy"))
