#!/usr/bin/python3
"""Makes the values that test_reference.c compares with: tiny_exact.dnw in PyTorch, in double.

    apt-get install python3-torch
    tests/reference/make.py            writes static.json, steps.json and flow.json beside itself

The nets are small (OPTIONS below are also those of the test). Weights, pictures and labels follow from formulas
that the test has too, so that only results are stored: logits, loss, and the gradient of every tensor by its
name in dnw, of candidates that are not in use as well (the straight-through estimator of "Discovering Neural
Wirings", appendix F).
"""
import json
import os

import torch
import torch.nn.functional as F

BATCH, INPUTS, BLOCK, OUTPUTS, BUDGET = 4, 32, 6, 4, 150
torch.set_default_dtype(torch.float64)


def uniform(name, count):
    """Numbers in -1 .. 1 by splitmix64 (Steele, Lea, Flood 2014), keyed by the FNV-1a hash of the name."""
    mask, key, out = (1 << 64) - 1, 0xCBF29CE484222325, []
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & mask
    for i in range(count):
        z = (key + (i + 1) * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append(((z ^ (z >> 31)) >> 40) / float(1 << 23) - 1)
    return torch.tensor(out)


# what a tensor starts with, by the end of its name: middle, width
SCALES = {'k': (0, 0.4), 'w': (0, 0.3), 'b': (0, 0.1), 'scale': (1, 0.2), 'shift': (0, 0.2)}


class Net:
    def __init__(self):
        self.params = {}

    def param(self, name, *shape):
        middle, width = SCALES[name.rsplit('.', 1)[1]]
        size = torch.Size(shape).numel()
        # as floats: dnw starts from the same numbers
        values = (middle + width * uniform(name, size)).float().double().view(*shape)
        self.params[name] = values.requires_grad_()
        return self.params[name]

    def wiring(self, graph, sizes, lines):
        """Straight through the choice: the largest |w| of all lines together carry signal."""
        all_w = [self.param(f'{graph}.edges.{i}.w', *shape) for i, shape in enumerate(lines)]
        flat = torch.cat([w.detach().abs().flatten() for w in all_w])
        least = flat.sort(descending=True).values[sizes - 1]
        return [w + (torch.where(w.abs() >= least, w, torch.zeros_like(w)) - w).detach() for w in all_w]

    def channel(self, graph, node_set, function, nodes):
        name = f'{graph}.{node_set}.{function}'
        return (self.param(name + '.k', nodes, 1, 3, 3), self.param(name + '.scale', nodes, 1, 1),
                self.param(name + '.shift', nodes, 1, 1))


def norm(x, cell):
    mean = x.mean((2, 3), keepdim=True)
    variance = x.var((2, 3), unbiased=False, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt() * cell[1] + cell[2]


def conv(x, cell):
    return F.conv2d(x, cell[0], padding=1, groups=x.size(1))


def mix(w, x):
    return torch.einsum('ts,bshw->bthw', w, x)


def batch_norm(net, name, x):
    return F.batch_norm(x, None, None, net.param(name + '.scale', x.size(1)), net.param(name + '.shift', x.size(1)),
                        training=True)


def stem(net, x):
    x = F.conv2d(x, net.param('conv2d.edges.0.w', 16, 3, 3, 3), net.param('conv2d.b', 16), 2, 1)
    x = F.relu(batch_norm(net, 'batch_norm', x))
    x = F.conv2d(x, net.param('depthwise.k', 16, 1, 3, 3), net.param('depthwise.b', 16), 2, 1, groups=16)
    x = F.conv2d(x, net.param('conv2d_2.edges.0.w', 32, 16, 1, 1), net.param('conv2d_2.b', 32))
    return batch_norm(net, 'batch_norm_2', x)


def segments(block):
    """The weights h[l, _] -> h[m, _], l < m, of three layers lie target by target: two full matrices."""
    return block * block + block * 2 * block


def static(net, x):
    b, o = BLOCK, OUTPUTS
    shapes = [(3 * b, INPUTS), (segments(b),), (b - o, INPUTS), (b - o, 3 * b), (o, INPUTS), (o, 3 * b), (o, b - o),
              (o, o)]
    w = net.wiring('Blocks', BUDGET, shapes)
    cell = {s: net.channel('Blocks', s, 'Static', n)
            for s, n in (('x', INPUTS), ('h', 3 * b), ('rest', b - o), ('end', o))}
    send = lambda z, c: conv(F.relu(norm(z, c)), c)
    zx = send(x, cell['x'])
    layer = lambda i: tuple(p[i * b:(i + 1) * b] for p in cell['h'])
    into = lambda i: mix(w[0][i * b:(i + 1) * b], zx)
    h = [send(into(0), layer(0))]
    h.append(send(into(1) + mix(w[1][:b * b].view(b, b), h[0]), layer(1)))
    h.append(send(into(2) + mix(w[1][b * b:].view(b, 2 * b), torch.cat(h, 1)), layer(2)))
    zh = torch.cat(h, 1)
    rest = send(mix(w[2], zx) + mix(w[3], zh), cell['rest'])
    total = mix(w[4], zx) + mix(w[5], zh)
    end = send(total, cell['end'])
    return total + mix(w[6], rest) + mix(w[7], end)


def timed(net, x, graph, function, run):
    n = (INPUTS, 4 * BLOCK - OUTPUTS, OUTPUTS)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    w = net.wiring(graph, BUDGET, [(n[to], n[source]) for source, to in pairs])
    matrix = torch.cat([torch.cat([w[pairs.index((source, to))] for source in range(3)], 1) for to in range(3)])
    cells = [net.channel(graph, s, function, n[i]) for i, s in enumerate('xhy')]
    cell = [torch.cat(parts) for parts in zip(*cells)]
    s = torch.cat([x, x.new_zeros(x.size(0), sum(n) - INPUTS, 8, 8)], 1)
    return run(lambda s: norm(mix(matrix, conv(F.relu(s), cell)), cell), s)[:, -OUTPUTS:]


def five_steps(f, s):
    for _ in range(5):
        s = f(s)
    return s


def rk4(f, s, steps=4):
    h = 1 / steps
    for _ in range(steps):
        a = f(s)
        b = f(s + h / 2 * a)
        c = f(s + h / 2 * b)
        d = f(s + h * c)
        s = s + h / 6 * (a + 2 * b + 2 * c + d)
    return s


MODES = {'static': static,
         'steps': lambda net, x: timed(net, x, 'Steps', 'Stepping', five_steps),
         'flow': lambda net, x: timed(net, x, 'Flow', 'Flowing', rk4)}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for mode, wired in MODES.items():
        net = Net()
        pictures = uniform('pictures', BATCH * 3072).float().double().view(BATCH, 3, 32, 32)
        y = wired(net, stem(net, pictures))[:, :, 2:4, 2:4].mean((2, 3))
        logits = F.linear(y, net.param('linear.edges.0.w', 10, OUTPUTS), net.param('linear.b', 10))
        loss = F.cross_entropy(logits, torch.arange(BATCH) * 3 % 10)
        loss.backward()
        results = {'loss': [loss.item()], 'output': logits.flatten().tolist()}
        results.update({'d ' + name: p.grad.flatten().tolist() for name, p in net.params.items()})
        with open(os.path.join(here, mode + '.json'), 'w') as f:
            json.dump({k: [float(f'{v:.7g}') for v in values] for k, values in results.items()}, f, indent=None)
            f.write('\n')
        print(mode, 'loss', loss.item(), 'tensors', len(net.params))


if __name__ == '__main__':
    main()
