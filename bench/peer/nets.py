#!/usr/bin/python3
"""Convolutional networks for pictures of 32 x 32 in PyTorch, sparse ones with masks, for bench/run.sh.

  nets.py NET [--batch B] [--steps N] [--threads T] [--infer]
NET: mobile (bench/mobile.dnw), resnet50 (bench/resnet.dnw), resnet20 (bench/resnet20.dnw). In each step of training the
strongest weights are found anew and all weights have gradients ("Discovering Neural Wirings", Wortsman et al. 2019,
Algorithm 1). Prints one line with the median of a step.
"""
import torch, torch.nn as nn, torch.nn.functional as F
from common import Strongest, flags, median_ms


class SparseConv(nn.Conv2d):
    def __init__(self, n, out, size, stride, keep):
        super().__init__(n, out, size, stride, size // 2, bias=False)
        self.k = round(keep * self.weight.numel())

    def forward(self, x):
        return self._conv_forward(x, Strongest.apply(self.weight, self.k), None)


def conv(n, out, size, stride=1, keep=1):
    c = SparseConv(n, out, size, stride, keep) if keep < 1 else nn.Conv2d(n, out, size, stride, size // 2, bias=False)
    return nn.Sequential(c, nn.BatchNorm2d(out))


class Residual(nn.Module):
    """relu(layers(x) + x), x through a convolution of size 1 where its shape changes."""
    def __init__(self, n, out, stride, layers, keep):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.short = nn.Identity() if n == out and stride == 1 else conv(n, out, 1, stride, keep)

    def forward(self, x):
        return F.relu(self.layers(x) + self.short(x))


def bottleneck(n, w, stride, keep=0.1):
    layers = [conv(n, w, 1, 1, keep), nn.ReLU(), conv(w, w, 3, stride, keep), nn.ReLU(), conv(w, 4 * w, 1, 1, keep)]
    return Residual(n, 4 * w, stride, layers, keep)


def basic(n, w, stride):
    return Residual(n, w, stride, [conv(n, w, 3, stride), nn.ReLU(), conv(w, w, 3)], 1)


def resnet(width, counts, block, grows):
    layers, n = [conv(3, width, 3), nn.ReLU()], width
    for stage, count in enumerate(counts):
        for b in range(count):
            w = width << stage
            layers.append(block(n, w, 2 if stage and not b else 1))
            n = grows * w
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n, 10))


class Channels(nn.Sequential):
    """The function of a node: batch_norm, relu, a convolution of its channel."""
    def __init__(self, n, stride):
        super().__init__(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, n, 3, stride, 1, groups=n, bias=False))


class Stage(nn.Module):
    """A graph of blocks: every block reads all before it, through one sparse matrix of weights."""
    def __init__(self, n, out, blocks, stride, d):
        super().__init__()
        self.out, self.blocks = out, blocks
        self.first = [0] + [n + i * out for i in range(blocks)]
        rows, columns = blocks * out, n + (blocks - 1) * out
        legal = torch.zeros(rows, columns)
        for i in range(blocks):
            legal[i * out:, self.first[i]:self.first[i + 1]] = 1
        self.register_buffer("legal", legal)
        self.weight = nn.Parameter(torch.empty(rows, columns).uniform_(-columns ** -0.5, columns ** -0.5))
        self.k = round(d * d * (n * out + (blocks - 1) * out * out))
        self.node = nn.ModuleList([Channels(n, stride)] + [Channels(out, 1) for _ in range(blocks - 1)])

    def forward(self, x):
        w, sums = Strongest.apply(self.weight * self.legal, self.k), None
        for i in range(self.blocks):
            z = self.node[i](x if i == 0 else sums[:, :self.out])
            more = F.conv2d(z, w[i * self.out:, self.first[i]:self.first[i + 1], None, None])
            sums = more if i == 0 else sums[:, self.out:] + more
        return sums


def mobile(d=0.225):
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1, bias=False), Stage(32, 64, 1, 1, d), Stage(64, 128, 2, 2, d),
                         Stage(128, 256, 2, 2, d), Stage(256, 512, 6, 2, d), Stage(512, 1024, 2, 2, d),
                         nn.BatchNorm2d(1024), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10))


NETS = {"mobile": mobile, "resnet50": lambda: resnet(16, [3, 4, 6, 3], bottleneck, 4),
        "resnet20": lambda: resnet(16, [3, 3, 3], basic, 1)}


def main():
    a = flags(list(NETS), 64, 4).parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(a.threads)
    net = NETS[a.model]().train(not a.infer)
    x, y = torch.randn(a.batch, 3, 32, 32), torch.randint(0, 10, (a.batch,))
    optim = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)

    def step():
        if a.infer:
            with torch.no_grad():
                net(x)
            return
        optim.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optim.step()

    ms = median_ms(step, a.steps, 1)
    print(f"{a.model} batch {a.batch} threads {a.threads} {'infer' if a.infer else 'train'} {ms:.2f} ms/step")


if __name__ == "__main__":
    main()
