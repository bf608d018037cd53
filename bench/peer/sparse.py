#!/usr/bin/python3
"""Peer measurement: sparse training of a perceptron with SET or RigL, in PyTorch with masks and in SciPy without.

Written for this project from the papers' formulas; used only to measure the distance.
  sparse.py KIND [--sizes 784-4000-1000-4000-10] [--density D] [--batch B] [--steps N] [--threads T] [--data DIR] [--epochs E]
KIND: torch-set, torch-rigl: dense weights, masks, dense gradients, as their authors' code has them;
      scipy-set: weights, gradients and momentum of the edges in use only, one thread.
Times steps of training between two events: the last event comes before the first timed step. --data has MNIST as idx files,
otherwise the samples are random. --epochs trains with events, and prints the accuracy. ReLU, biases, SGD with momentum.
Prints one line: kind batch threads median_ms_per_step loss.
SET: Mocanu et al. 2018, section 2: after each epoch a part of the smallest positive and of the largest negative weights goes,
as many random edges come. RigL: Evci et al. 2020, Algorithm 1: every so many steps the smallest magnitudes go, and the
largest gradients come, along a cosine; that step does not move the weights, and new edges start at 0.
"""
import argparse, gzip, math, os, statistics, sys, time

PART, INTERVAL, UNTIL = 0.3, 100, 0.75  # edges that an event drops; steps between events of RigL; its last event


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument('kind', choices=['torch-set', 'torch-rigl', 'scipy-set'])
    p.add_argument('--sizes', default='784-4000-1000-4000-10'); p.add_argument('--density', type=float, default=0.03)
    p.add_argument('--batch', type=int, default=100); p.add_argument('--steps', type=int, default=20)
    p.add_argument('--threads', type=int, default=1); p.add_argument('--data'); p.add_argument('--epochs', type=int, default=0)
    p.add_argument('--rate', type=float, default=0.05)
    a = p.parse_args()
    if a.kind == 'scipy-set' and a.threads != 1:
        p.error('SciPy multiplies sparse matrices with one thread')
    a.sizes = [int(n) for n in a.sizes.split('-')]
    return a


def idx(folder, name, head):
    for end, opener in (('', open), ('.gz', gzip.open)):
        path = os.path.join(folder, name + end)
        if os.path.exists(path):
            with opener(path, 'rb') as f:
                return np.frombuffer(f.read()[head:], np.uint8)
    sys.exit(f'no {name} in {folder}')


def samples(a, split, random):
    if not a.data:
        return (random.standard_normal((10 * a.batch, a.sizes[0]), np.float32),
                random.integers(0, a.sizes[-1], 10 * a.batch))
    pixels, labels = idx(a.data, split + '-images-idx3-ubyte', 16), idx(a.data, split + '-labels-idx1-ubyte', 8)
    return pixels.reshape(len(labels), -1).astype(np.float32) / 255, labels.astype(np.int64)


def smallest_of_each_sign(w):
    """Indices of the part of w that SET drops: the smallest positive and the largest negative ones."""
    signs = [np.flatnonzero(w > 0), np.flatnonzero(w <= 0)]
    return np.concatenate([i[np.argsort(np.abs(w[i]))[:int(PART * len(i))]] for i in signs])


def free_places(taken, count, places, random):
    """So many different places, each with the same chance, that are not in the sorted array `taken`."""
    found = np.empty(0, np.int64)
    while len(found) < count:
        more = np.union1d(found, random.integers(0, places, 2 * count))
        at = np.searchsorted(taken, more)
        found = more[taken[np.minimum(at, len(taken) - 1)] != more]
    return random.permutation(found)[:count]


class Masked:
    """PyTorch: weights and momentum of edges that are not in use are 0; all gradients are computed."""

    def __init__(self, a, random):
        import torch
        self.torch, self.random, self.rigl = torch, random, a.kind == 'torch-rigl'
        torch.set_num_threads(a.threads)
        torch.manual_seed(0)
        self.layers = [torch.nn.Linear(m, n) for m, n in zip(a.sizes, a.sizes[1:])]
        self.masks = []
        for layer in self.layers:
            w = layer.weight.data
            chosen = torch.rand(w.numel()).topk(round(a.density * w.numel())).indices
            self.masks.append(torch.zeros(w.numel()).index_fill_(0, chosen, 1).view_as(w))
            w *= self.masks[-1]
            layer.bias.data.zero_()
        self.optim = torch.optim.SGD([p for l in self.layers for p in l.parameters()], a.rate, momentum=0.9)

    def logits(self, x):
        x = self.torch.from_numpy(x) if isinstance(x, np.ndarray) else x
        for layer in self.layers[:-1]:
            x = layer(x).relu_()
        return self.layers[-1](x)

    def step(self, x, y, moves=True):
        loss = self.torch.nn.functional.cross_entropy(self.logits(x), self.torch.from_numpy(y))
        self.optim.zero_grad()
        loss.backward()
        if moves:
            for layer, mask in zip(self.layers, self.masks):
                layer.weight.grad *= mask
            self.optim.step()
        return loss.item()

    def event(self, x, y, progress):
        if self.rigl:
            self.step(x, y, moves=False)
        for layer, mask in zip(self.layers, self.masks):
            w, used = layer.weight.data.view(-1), mask.view(-1)
            here = used.nonzero()[:, 0]
            if self.rigl:
                count = int(PART / 2 * (1 + math.cos(math.pi * progress / UNTIL)) * len(here))
                gone = here[w[here].abs().topk(count, largest=False).indices]
            else:
                gone = here[self.torch.from_numpy(smallest_of_each_sign(w[here].numpy()))]
            used[gone] = 0
            if self.rigl:
                new = (layer.weight.grad.view(-1).abs() * (1 - used) - used).topk(len(gone)).indices
            else:
                free = (used == 0).nonzero()[:, 0]
                new = free[self.torch.randperm(len(free))[:len(gone)]]
            used[new] = 1
            w *= used
            w[new] = 0 if self.rigl else self.torch.empty(len(new)).uniform_(-1, 1) / layer.in_features ** 0.5
            moved = self.optim.state[layer.weight].get('momentum_buffer')
            if moved is not None:
                moved.view(-1)[self.torch.cat([gone, new])] = 0

    def right(self, x, y):
        with self.torch.no_grad():
            return (self.logits(x).argmax(1).numpy() == y).mean()


class Sparse:
    """SciPy: arrays have a row for each node and a column for each sample, so that the sums over edges run along rows."""
    PIECE = 2048  # edges whose gradients are computed at once: what they read stays in the cache

    def __init__(self, a, random):
        try:
            import scipy.sparse
        except ImportError:
            sys.exit('scipy-set needs SciPy for /usr/bin/python3: apt-get install python3-scipy')
        self.csr, self.random, self.rate = scipy.sparse.csr_matrix, random, np.float32(a.rate)
        self.w, self.moved, self.bias, self.bias_moved = [], [], [], []
        for m, n in zip(a.sizes, a.sizes[1:]):
            places = np.sort(random.permutation(m * n)[:round(a.density * m * n)])
            self.w.append(self.matrix(places, self.fresh(len(places), m), (n, m)))
            self.moved.append(np.zeros(len(places), np.float32))
            self.bias.append(np.zeros((n, 1), np.float32))
            self.bias_moved.append(np.zeros((n, 1), np.float32))
        self.rows = [w.tocoo().row for w in self.w]

    def fresh(self, count, fan_in):
        return (self.random.uniform(-1, 1, count) / fan_in ** 0.5).astype(np.float32)

    def matrix(self, places, values, shape):
        """Of sorted places, target * sources + source."""
        starts = np.searchsorted(places, np.arange(shape[0] + 1) * shape[1])
        return self.csr((values, (places % shape[1]).astype(np.int32), starts.astype(np.int32)), shape)

    def values(self, x):
        z = [np.ascontiguousarray(x.T)]
        for w, bias in zip(self.w, self.bias):
            z.append(w @ z[-1] + bias)
            if w is not self.w[-1]:
                np.maximum(z[-1], 0, out=z[-1])
        return z

    def products(self, back, rows, before, columns):
        """The products of back and before at the edges only."""
        out = np.empty(len(rows), np.float32)
        a, b = np.empty((2, self.PIECE, back.shape[1]), np.float32)
        for at in range(0, len(rows), self.PIECE):
            piece = slice(at, at + self.PIECE)
            count = len(out[piece])
            np.take(back, rows[piece], 0, a[:count], 'clip')
            np.take(before, columns[piece], 0, b[:count], 'clip')
            np.einsum('eb,eb->e', a[:count], b[:count], out=out[piece])
        return out

    def step(self, x, y):
        z = self.values(x)
        p = np.exp(z[-1] - z[-1].max(0))
        p /= p.sum(0)
        columns = np.arange(len(y))
        loss = -np.log(p[y, columns]).mean()
        p[y, columns] -= 1
        back = p / np.float32(len(y))
        for i in reversed(range(len(self.w))):
            w, before = self.w[i], z[i]
            gradient = self.products(back, self.rows[i], before, w.indices)
            bias_gradient = back.sum(1, keepdims=True)
            if i > 0:
                back = (w.T @ back) * (before > 0)
            for value, moved, g in ((w.data, self.moved[i], gradient), (self.bias[i], self.bias_moved[i], bias_gradient)):
                moved *= np.float32(0.9)
                moved += g
                value -= self.rate * moved
        return loss

    def event(self, x, y, progress):
        for i, w in enumerate(self.w):
            gone = smallest_of_each_sign(w.data)
            taken = self.rows[i].astype(np.int64) * w.shape[1] + w.indices
            stay = np.delete(np.arange(w.nnz), gone)
            new = free_places(taken[stay], len(gone), w.shape[0] * w.shape[1], self.random)
            places = np.concatenate([taken[stay], new])
            order = np.argsort(places)
            values = np.concatenate([w.data[stay], self.fresh(len(new), w.shape[1])])[order]
            self.moved[i] = np.concatenate([self.moved[i][stay], np.zeros(len(new), np.float32)])[order]
            self.w[i] = self.matrix(places[order], values, w.shape)
            self.rows[i] = self.w[i].tocoo().row

    def right(self, x, y):
        return (self.values(x)[-1].argmax(0) == y).mean()


def batches(a, x, y, random):
    order = random.permutation(len(y))
    for at in range(0, len(y) - a.batch + 1, a.batch):
        yield x[order[at:at + a.batch]], y[order[at:at + a.batch]]


def train(a, net, random):
    x, y = samples(a, 'train', random)
    test = samples(a, 't10k', random)
    total, step = a.epochs * (len(y) // a.batch), 0
    for epoch in range(a.epochs):
        for batch in batches(a, x, y, random):
            step += 1
            if a.kind == 'torch-rigl' and step % INTERVAL == 0 and step < UNTIL * total:
                net.event(*batch, step / total)
            else:
                net.step(*batch)
        if a.kind != 'torch-rigl' and epoch + 1 < a.epochs:
            net.event(*batch, step / total)
        print(f'epoch {epoch + 1} accuracy {100 * net.right(*test):.2f}%', flush=True)


def measure(a, net, random):
    x, y = samples(a, 'train', random)
    given = [(x[i:i + a.batch], y[i:i + a.batch]) for i in range(0, 10 * a.batch, a.batch)]
    net.step(*given[0])
    net.event(*given[1], 0)
    times = []
    for i in range(a.steps + 2):
        start = time.perf_counter()
        loss = net.step(*given[i % 10])
        times.append(time.perf_counter() - start)
    ms = statistics.median(times[2:]) * 1e3
    print(f'{a.kind} batch={a.batch} threads={a.threads} density={a.density} {ms:.2f} ms/step loss={loss:.4f}')


args = arguments()
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = str(args.threads)
import numpy as np  # after the number of threads is set

chance = np.random.default_rng(0)
network = (Sparse if args.kind == 'scipy-set' else Masked)(args, chance)
(train if args.epochs else measure)(args, network, chance)
