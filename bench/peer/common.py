"""What the programs in PyTorch beside dnw have in common: the strongest weights, their flags, the time of a step."""
import argparse, statistics, time
import torch


class Strongest(torch.autograd.Function):
    """The k weights of largest magnitude; the gradient reaches all."""
    @staticmethod
    def forward(ctx, w, k):
        flat = w.detach().abs().flatten()
        least = flat.kthvalue(flat.numel() - k + 1).values
        return torch.where(w.abs() >= least, w, torch.zeros_like(w))

    @staticmethod
    def backward(ctx, g):
        return g, None


def flags(models, batch, steps):
    """A parser of MODEL [--batch B] [--steps N] [--threads T] [--infer]."""
    p = argparse.ArgumentParser()
    p.add_argument("model", choices=models)
    p.add_argument("--batch", type=int, default=batch)
    p.add_argument("--steps", type=int, default=steps)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--infer", action="store_true")
    return p


def median_ms(step, count, warm):
    """The median over `count` calls, in milliseconds, behind `warm` that do not count."""
    seconds = []
    for _ in range(warm + count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[warm:]) * 1e3
