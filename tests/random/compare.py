"""Compares dnw with the plain model, program by program."""
import argparse
import copy
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
import constructs
import expression
import generated
import listed
import optim
import program as programs
import text
from model import Model, Missing

DNW = os.environ.get('DNW') or str(pathlib.Path(__file__).resolve().parents[2] / 'build' / 'dnw')


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
        kind = {'F32': np.float32, 'U8': np.uint8, 'I32': np.int32, 'I64': np.int64}[entry['dtype']]
        values = np.frombuffer(data[8 + n + first:8 + n + last], kind).reshape(entry['shape'])
        found[title] = torch.from_numpy(values.copy())
    return found


ROUNDING = 2e-5
LOOSE = [1]  # where a solver chooses its steps with a tolerance of 1e-5


def close(what, got, wanted, single, start=None):
    """Numbers are float, 6e-8 each; sums of some ten terms through a few layers lose two digits: ROUNDING of the largest.
    With start, what was added to it is compared: 2e-4 of the largest change, and the rounding of the sum. Beyond that,
    single(), the plain model in float, tells how much rounding does here: up to 30 times that is accepted, because the
    order of sums differs, and functions are exact to a few units in the last place."""
    got, wanted = got.double().reshape(-1), wanted.detach().double().reshape(-1)
    if got.numel() != wanted.numel():
        raise Differs(f'{what}: {got.numel()} numbers, {wanted.numel()} wanted')
    if not wanted.numel() or not torch.isfinite(wanted).all():
        return
    off = float((got - wanted).abs().max())
    bound = ROUNDING * max(1.0, float(wanted.abs().max()))
    if start is not None:
        change = float((wanted - start.double().reshape(-1)).abs().max())
        bound = 2e-4 * change + 1e-6 * max(1.0, float(wanted.abs().max()))
    bound *= LOOSE[0]
    if off <= bound:
        return
    rounding = float((single().detach().double().reshape(-1) - wanted).abs().max())
    if off <= bound + 30 * rounding:
        return
    worst = int((got - wanted).abs().argmax())
    raise Differs(f'{what}: number {worst} is {float(got[worst])!r}, {float(wanted[worst])!r} wanted')


class Unsure(Exception):
    """A rule compares candidates whose values differ by no more than rounding."""


class Case:
    def __init__(self, tree, folder):
        self.tree, self.folder = tree, pathlib.Path(folder)
        self.t = tree['train']
        source, cells = text.program(tree)
        (self.folder / 'net.dnw').write_text(source)
        if cells:
            (self.folder / 'cells.dnw').write_text(cells)
        listed.write(tree, self.folder)
        generated.resolve(tree, DNW, self.folder)
        self.given = text.given(tree)
        self.pairs = None
        LOOSE[0] = 100 if self.t['loose'] else 1
        draw = np.random.default_rng(self.t['seed'])
        n, outputs = self.t['samples'], tree['model']['output']
        self.x = draw.standard_normal([n] + tree['model']['input']).astype(np.float32)
        self.y = draw.standard_normal([n] + outputs).astype(np.float32)
        if self.t['classes']:
            rows = [n] + outputs[:-1]
            self.y = (np.arange(np.prod(rows)) % outputs[-1]).astype(np.int64).reshape(rows)
        elif self.t['binary']:
            self.y = (self.y > 0).astype(np.float32)
        if tree['model'].get('whole'):
            self.x = draw.integers(0, tree['model']['whole'], self.x.shape).astype(np.float32)
        if tree['model']['padded']:  # each sample has one position at least
            for sample in self.x:
                sample[draw.integers(1, len(sample), endpoint=True):] = np.nan
        np.save(self.folder / 'x.npy', self.x)
        np.save(self.folder / 'y.npy', self.y)

    def drawn(self):
        """What chance() says of pairs: asked of dnw test, by the number of candidates up to each pair, which the last pair
        joins in any case so that there is one."""
        if self.pairs is None:
            self.pairs = {}
            for g in self.tree['graphs']:
                for group in g['lists']:
                    for line in group['lines']:
                        if line.get('drawn'):
                            self.pairs[g['name'], line['from'], line['to']] = self.ask(g, line)
        return lambda g, line, pair: pair in self.pairs[g['name'], line['from'], line['to']]

    def ask(self, g, line):
        sets = {s['name']: s for s in g['sets']}
        n, total = sets[line['from']]['sizes'][0], sets[line['from']]['sizes'][0] * sets[line['to']]['sizes'][0]
        to, origin = line['to_index'][0], line['from_index'][0]
        found = set()
        for last in (n * (n - 1), n) if line['from'] == line['to'] and not g['time'] else (total - 1, 0):  # no loop
            tree = copy.deepcopy(self.tree)
            other = next(o for o in tree['graphs'] if o['name'] == g['name'])
            other['sized'], other['parameters'] = False, '(up = 0)'
            group = next(group for group in other['lists'] if any(o.get('drawn') for o in group['lines']))
            group.update(budget=None, by=None)  # the candidates alone are asked for
            mine = next(o for o in group['lines'] if o.get('drawn'))
            place = ['op', '+', ['op', '*', ['name', to], ['num', n]], ['name', origin]] if to != origin else ['op', '*', ['name', to], ['num', n + 1]]
            mine['where'] = ['op', 'or', ['op', 'and', mine['where'], ['op', '<=', place, ['name', 'up']]], ['op', '==', place, ['num', last]]]
            asked = [f'edge_count({g["name"]}(up = {k}), "{line["from"]}", "{line["to"]}") == 0.5' for k in range(total)]
            done = self.test(tree, asked)
            if 'no path leads from' in done.stderr:  # without most of its candidates: a path beside the line that is asked about
                ends = [next(s['name'] for s in other['sets'] if s['kind'] == kind) for kind in ('input', 'output')]
                beside = {'from': ends[0], 'to': ends[1], 'from_index': ['_'], 'to_index': ['_']}
                other['lists'].append({'lines': [beside], 'budget': None, 'rule': 'keep'})
                done = self.test(tree, asked)
            said = [int(row.split()[1]) for row in done.stdout.splitlines() if row.startswith('    left:')]
            if len(said) != total:
                raise Refused(f'dnw test: {done.stdout}{done.stderr}')
            for k in range(total):
                pair = divmod(k, n)
                if k != last and said[k] > (said[k - 1] if k else 1):
                    found.add(pair)
        return found

    def test(self, tree, lines):
        (self.folder / 'ask.dnw').write_text(text.program(tree)[0] + 'test "pairs" {\n' + '\n'.join(lines) + '\n}\n')
        return subprocess.run([DNW, 'test', 'ask.dnw', *self.given], cwd=self.folder, capture_output=True, text=True, timeout=60)

    def dnw(self, *args):
        return run(DNW, *args, folder=self.folder)

    def net(self, *args):
        return run('./net', *args, folder=self.folder)

    def build(self):
        self.dnw('build', 'net.dnw', '-o', 'net', '-O0', *self.given)

    def train(self, out, *args, threads=1):
        self.net('train', '--out', out, '--threads', threads, '--quiet', *args)
        return tensors(self.folder / out / 'last.safetensors')

    def start(self):
        """First weights: a rate so small that a step changes nothing but a 0, which it moves by 1e-30 at most."""
        found = self.train('start', '--epochs', 1, '--batch', len(self.x), '--lr', 1e-30)
        return {k: torch.where(v.abs() < 1e-25, torch.zeros_like(v), v) if v.dtype == torch.float32 else v for k, v in found.items()}

    def predict(self, weights):
        self.net('predict', '--weights', weights, '--input', 'x.npy', '--output', 'p.npy', '--threads', 1)
        return torch.from_numpy(np.load(self.folder / 'p.npy'))

    def model(self, found, kind=torch.float64):
        expression.DTYPE[0] = kind
        model = Model(self.tree, found)
        model.chance = self.drawn()
        return model, model.forward(torch.from_numpy(self.x).to(kind)).detach()

    def output(self, found, kind=torch.float64):
        try:
            return self.model(found, kind)[1]
        finally:
            expression.DTYPE[0] = torch.float64

    def parameters(self, found):
        """Names of weights and statistics in the order in which they are declared."""
        return [k for k in found if '.rule.' not in k and k.rsplit('.', 1)[-1] not in ('kept', 'row', 'source')]

    def trained(self, start, epochs, order, kind=torch.float64, nudge=0):
        """The plain model after training, and the loss of the last epoch. nudge: as in optim.train."""
        try:
            fresh = {k: v for k, v in start.items()}
            for k, v in fresh.items():
                if k.endswith('.mean') and k[:-5] + '.variance' in fresh:
                    fresh[k], fresh[k[:-5] + '.variance'] = torch.zeros_like(v), torch.ones_like(v)
            model, _ = self.model(fresh, kind)
            y = torch.from_numpy(self.y)
            x = torch.from_numpy(self.x).to(kind)
            loss = optim.train(model, self.tree, x, y, epochs, order, self.parameters(start), nudge)
            return model, loss
        finally:
            expression.DTYPE[0] = torch.float64


def nearest_groups(instance, group):
    """The smallest difference of two groups of a list."""
    mine = [k for k, (_, other) in enumerate(instance.lines) if other is group]
    sizes = [abs(w) for k in mine for w in instance.deciding(k).detach().tolist()]
    worth = sorted(instance.worth(group, instance.groups(group), sizes))
    return min([b - a for a, b in zip(worth, worth[1:])], default=1)


def marks(got, model):
    """Edges in use; candidates whose magnitudes are nearly that of another may change places."""
    for instance in model.instances.values():
        for k, used in enumerate(instance.marks):
            title = f'{instance.title}.edges.{k}.kept'
            if title not in got:
                raise Missing(title)
            wrong = torch.nonzero(got[title].reshape(-1).bool() != used).reshape(-1).tolist()
            group = instance.lines[k][1]
            if wrong and (group.get('of') or group.get('tied')):
                if nearest_groups(instance, group) > 1e-5:
                    raise Differs(f'{title}: candidates {wrong}')
            elif wrong and instance.constant is None:
                w = instance.deciding(k).detach().abs()
                gaps = [float((torch.cat([w[:c], w[c + 1:]]) - w[c]).abs().min()) if len(w) > 1 else 1 for c in wrong]
                if min(gaps) > 1e-5:
                    raise Differs(f'{title}: candidates {wrong}')


def same_training(case, start, got, epochs, order, loss):
    model, wanted = case.trained(start, epochs, order)
    twins = []

    def rounded(title):
        """The worst of five: where rounding is divided by a small variance, one of them may round to the right value by chance."""
        if not twins:
            twins.extend(case.trained(start, epochs, order, torch.float32, nudge)[0] for nudge in range(5))
        wanted = {**model.weights, **model.statistics}[title].detach().double()
        return max(({**t.weights, **t.statistics}[title] for t in twins), key=lambda w: float((w.detach().double() - wanted).abs().max()))
    if model.rules.unsure:
        raise Unsure()
    for instance in model.instances.values():
        sparse = {title[:-4] for title in got if title.endswith('.row')}
        got, start = instance.expanded(got), instance.expanded(start)
        for k in range(len(instance.lines)):
            base = f'{instance.title}.edges.{k}'
            if base in sparse:  # has weights of edges in use alone
                with torch.no_grad():
                    model.weights[base + '.w'][~instance.marks[k]] = 0
    marks(got, model)
    for title, w in {**model.weights, **model.statistics}.items():
        before = start[title] if title in model.weights else torch.zeros(w.shape)
        close(f'{title} after {epochs} epochs', got[title], w, lambda title=title: rounded(title), before)
    if abs(loss - wanted) > LOOSE[0] * 1e-4 * max(1.0, abs(wanted)):
        raise Differs(f'loss of epoch {epochs}: {loss}, {wanted} wanted')


def trainings(case, start):
    """One to three epochs from the same start. Which samples share a step is drawn: one of the ways must agree."""
    ways = optim.orders(case.t['samples'], case.t['batch'])
    for epochs in range(1, case.t['epochs'] + 1 if len(ways) == 1 else 2):
        out = f'run{epochs}'
        got = case.train(out, '--epochs', epochs)
        if got.keys() != start.keys() and not epochs:
            raise Differs('names of tensors')
        log = [json.loads(line) for line in (case.folder / out / 'log.jsonl').read_text().splitlines()]
        loss = [e for e in log if e['event'] == 'epoch'][-1]['loss']
        failed = None
        for order in ways:
            try:
                same_training(case, start, got, epochs, order, loss)
                break
            except Unsure:
                return
            except Differs as e:
                failed = failed or e
        else:
            raise failed


def counts(case, model):
    """What dnw check says of each graph: candidates, kept edges at the end of training, multiply-adds."""
    said = json.loads(case.dnw('check', '--json', 'net.dnw', *case.given))['graphs']
    model.choose(1e9)
    for title, instance in model.instances.items():
        if instance.constant is not None:
            continue
        candidates, kept = sum(map(len, instance.pairs)), None if case.tree['model'].get('keep') else instance.kept()
        if (said[title]['candidates'], said[title]['kept']) != (candidates, kept):
            raise Differs(f'counts of {title}: {said[title]}, {candidates} candidates and {kept} kept wanted')


def parameters(case, model):
    """Learned numbers in use, as the log of the first training says: before its first step."""
    model.choose(0)
    rules = optim.Rules(model, [], 1, 1, optim.Optimiser(model, case.t['optim'], 1))
    rules.begin()
    if rules.unsure:
        return
    log = (case.folder / 'start' / 'log.jsonl').read_text().splitlines()
    said, wanted = json.loads(log[0])['parameters'], model.parameters()
    if said != wanted:
        raise Differs(f'parameters in use: {said}, {wanted} wanted')


def first_weights(start, model):
    """Weights that a file gives are those of the first step."""
    for instance in model.instances.values():
        for title, wanted in listed.first_weights(instance):
            if not torch.equal(start[title].reshape(-1), wanted.float()):
                raise Differs(f'{title}: not the weights of the file')


def formatted(case):
    """dnw fmt changes no meaning, and nothing the second time."""
    before = case.dnw('build', '--dump=model', 'net.dnw', *case.given)
    case.dnw('fmt', 'net.dnw')
    once = (case.folder / 'net.dnw').read_text()
    case.dnw('fmt', 'net.dnw')
    if (case.folder / 'net.dnw').read_text() != once:
        raise Differs('fmt: twice is not once')
    if case.dnw('build', '--dump=model', 'net.dnw', *case.given) != before:
        raise Differs('fmt: another model')


DRIVER = """#include "fast.h"
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    static float input[COUNT * FAST_INPUT], output[COUNT * FAST_OUTPUT];
    if (fread(input, 4, COUNT * FAST_INPUT, stdin) != COUNT * FAST_INPUT) return 1;
    if (fast_forward(input, COUNT, output, malloc(fast_workspace()))) return 2;
    return fwrite(output, 4, COUNT * FAST_OUTPUT, stdout) != COUNT * FAST_OUTPUT;
}
"""


def frozen(case, wanted, library):
    """A frozen program, and the C library, give the outputs of predict: to 1e-5 of the largest, as docs/runtime.md says."""
    weights = ['--freeze', '--weights', 'one/last.safetensors', '-O0', *case.given]
    case.dnw('build', 'net.dnw', *weights, '-o', 'fast')
    run('./fast', 'predict', '--input', 'x.npy', '--output', 'f.npy', folder=case.folder)
    results = [('frozen', torch.from_numpy(np.load(case.folder / 'f.npy')))]
    if library:
        case.dnw('build', 'net.dnw', *weights, '--emit=lib,header', '-o', 'fast')
        (case.folder / 'driver.c').write_text(DRIVER.replace('COUNT', str(len(case.x))))
        run('cc', 'driver.c', 'fast.a', '-lm', '-o', 'driver', folder=case.folder)
        raw = subprocess.run(['./driver'], cwd=case.folder, input=case.x.tobytes(), capture_output=True, timeout=60)
        if raw.returncode:
            raise Differs(f'library: ends with {raw.returncode}')
        results.append(('library', torch.from_numpy(np.frombuffer(raw.stdout, np.float32).copy()).reshape(wanted.shape)))
    for what, got in results:
        off = float((got - wanted).abs().max())
        if off > LOOSE[0] * 1e-5 * max(0.1, float(wanted.abs().max())):
            raise Differs(f'{what}: differs from predict by {off}, largest {float(wanted.abs().max())}')


def compare(tree, folder):
    case = Case(tree, folder)
    case.build()
    start = case.start()
    got = case.predict('start/last.safetensors')
    close('predict', got, case.output(start), lambda: case.output(start, torch.float32))
    counts(case, case.model(start)[0])
    parameters(case, case.model(start)[0])
    first_weights(start, case.model(start)[0])
    if not tree['train']['drawn']:
        trainings(case, start)
    one = case.train('one', '--epochs', case.t['epochs'])
    two = case.train('two', '--epochs', case.t['epochs'], threads=2)
    for title in one:
        if not torch.equal(one[title], two[title]):
            raise Differs(f'{title}: one and two threads')
    if FREEZE[0]:
        frozen(case, case.predict('one/last.safetensors'), library=case.t['seed'] % 4 == 0)
    formatted(case)


FREEZE = [True]


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
        return 'broken', ' | '.join(traceback.format_exc().strip().splitlines()[-3:])
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('first', type=int)
    parser.add_argument('count', type=int, nargs='?', default=1)
    parser.add_argument('--keep', help='folder for the files of the program')
    parser.add_argument('--no-freeze', action='store_true', help='leave out frozen programs')
    parser.add_argument('--table', help='file for what each construct came to, as JSON')
    args = parser.parse_args()
    FREEZE[0] = not args.no_freeze
    torch.set_num_threads(1)
    totals, table = {}, {}
    for seed in range(args.first, args.first + args.count):
        tree = programs.generate(seed)
        verdict, message = attempt(tree, args.keep)
        totals[verdict] = totals.get(verdict, 0) + 1
        for what in constructs.constructs(tree):
            row = table.setdefault(what, {})
            row[verdict] = row.get(verdict, 0) + 1
        if verdict != 'agrees':
            print(f'seed {seed}: {verdict}: {message}', flush=True)
    if args.table:
        pathlib.Path(args.table).write_text(json.dumps(table))
    print('programs: ' + ', '.join(f'{n} {v}' for v, n in sorted(totals.items())))
    return set(totals) != {'agrees'}


if __name__ == '__main__':
    sys.exit(main())
