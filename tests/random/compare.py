"""Compares dnw with the plain model, program by program."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback
import numpy as np
import torch
import expression
import program as programs
import text
from model import Model, Missing

DNW = os.environ.get('DNW', 'dnw')


class Refused(Exception):
    pass


class Differs(Exception):
    pass


def run(*command, folder):
    done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tensors(path):
    data = pathlib.Path(path).read_bytes()
    n = int.from_bytes(data[:8], 'little')
    found = {}
    for title, entry in json.loads(data[8:8 + n]).items():
        if title == '__metadata__':
            continue
        first, last = entry['data_offsets']
        kind = {'F32': np.float32, 'U8': np.uint8}[entry['dtype']]
        values = np.frombuffer(data[8 + n + first:8 + n + last], kind).reshape(entry['shape'])
        found[title] = torch.from_numpy(values.copy())
    return found


def tolerance(wanted):
    """Numbers are float: 6e-8 each. Sums of some ten terms and a few layers lose two digits."""
    return 2e-5 * max(1.0, float(wanted.abs().max()) if wanted.numel() else 1.0)


def close(what, got, wanted, single=None):
    """single(): the same value by the plain model in float. It tells how much rounding alone may do."""
    got, wanted = got.double().reshape(-1), wanted.detach().double().reshape(-1)
    if got.numel() != wanted.numel():
        raise Differs(f'{what}: {got.numel()} numbers, {wanted.numel()} wanted')
    if not torch.isfinite(wanted).all():
        return
    off = float((got - wanted).abs().max()) if wanted.numel() else 0.0
    if off <= tolerance(wanted):
        return
    if single is not None:
        rounding = float((single().detach().double().reshape(-1) - wanted).abs().max())
        if off <= tolerance(wanted) + 30 * rounding:
            return
    worst = int((got - wanted).abs().argmax())
    raise Differs(f'{what}: number {worst} is {float(got[worst])!r}, {float(wanted[worst])!r} wanted')


class Case:
    def __init__(self, tree, folder):
        self.tree, self.folder = tree, pathlib.Path(folder)
        self.t = tree['train']
        (self.folder / 'net.dnw').write_text(text.program(tree))
        draw = np.random.default_rng(self.t['seed'])
        self.x = draw.standard_normal([self.t['samples']] + tree['model']['input']).astype(np.float32)
        self.y = draw.standard_normal([self.t['samples']] + tree['model']['output']).astype(np.float32)
        np.save(self.folder / 'x.npy', self.x)
        np.save(self.folder / 'y.npy', self.y)

    def dnw(self, *args):
        return run(DNW, *args, folder=self.folder)

    def net(self, *args):
        return run('./net', *args, folder=self.folder)

    def build(self):
        self.dnw('build', 'net.dnw', '-o', 'net', '-O0')

    def train(self, out, *args):
        self.net('train', '--out', out, '--threads', 1, '--quiet', *args)
        return tensors(self.folder / out / 'last.safetensors')

    def start(self):
        """First weights: a rate so small that a step changes nothing."""
        return self.train('start', '--epochs', 1, '--batch', len(self.x), '--lr', 1e-30)

    def predict(self, weights):
        self.net('predict', '--weights', weights, '--input', 'x.npy', '--output', 'p.npy', '--threads', 1)
        return torch.from_numpy(np.load(self.folder / 'p.npy'))

    def output(self, found, kind=torch.float64):
        expression.DTYPE[0] = kind
        try:
            return Model(self.tree, found).forward(torch.from_numpy(self.x).to(kind))
        finally:
            expression.DTYPE[0] = torch.float64


def compare(tree, folder):
    case = Case(tree, folder)
    case.build()
    start = case.start()
    got = case.predict('start/last.safetensors')
    close('predict', got, case.output(start), lambda: case.output(start, torch.float32))


def attempt(tree, keep=None):
    """'agrees', or a pair of what failed and the message."""
    folder = keep or tempfile.mkdtemp(prefix='dnw-random-')
    os.makedirs(folder, exist_ok=True)
    try:
        compare(tree, folder)
        return 'agrees', ''
    except Refused as e:
        return 'refused', str(e)
    except Missing as e:
        return 'name', str(e)
    except Differs as e:
        return 'differs', str(e)
    except subprocess.TimeoutExpired as e:
        return 'slow', str(e)
    except Exception:
        return 'broken', traceback.format_exc()
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('first', type=int)
    parser.add_argument('count', type=int, nargs='?', default=1)
    parser.add_argument('--keep', help='folder for the files of the program')
    args = parser.parse_args()
    torch.set_num_threads(1)
    totals = {}
    for seed in range(args.first, args.first + args.count):
        verdict, message = attempt(programs.generate(seed), args.keep)
        totals[verdict] = totals.get(verdict, 0) + 1
        if verdict != 'agrees':
            print(f'seed {seed}: {verdict}: {message}', flush=True)
    print(totals)
    return set(totals) != {'agrees'}


if __name__ == '__main__':
    sys.exit(main())
