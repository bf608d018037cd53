"""What declared rules do between steps (section 9 of docs/language.md): states, events, actions. Random numbers are those of
Philox4x32-10 (Salmon et al. 2011), with the seed as the key; the purpose and the candidate are the counter."""
import math
import numpy as np
import torch
import wiring
from expression import evaluate

MASK = 0xFFFFFFFF


def philox(seed, stream, index):
    key = [seed & MASK, seed >> 32 & MASK]
    c = [index & MASK, index >> 32 & MASK, stream & MASK, stream >> 32 & MASK]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ key[0], b & MASK, a >> 32 ^ c[3] ^ key[1], a & MASK]
        key = [key[0] + 0x9E3779B9 & MASK, key[1] + 0xBB67AE85 & MASK]
    return c


def uniform(seed, stream, index):
    words = philox(seed, stream, index)
    return (words[0] << 21 ^ words[1] >> 11) * 2.0 ** -53


def normal(seed, stream, index):
    words = philox(seed, stream, index)
    radius = ((words[0] << 21 ^ words[1] >> 11) + 1) * 2.0 ** -53
    return math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * (words[2] << 21 ^ words[3] >> 11) * 2.0 ** -53)


def start(kind, most, *where):
    """A weight of an edge, with at most so many candidates into one node."""
    if kind == 'he':
        return normal(*where) * math.sqrt(2 / most)
    if kind == 'normal(0.1, 0.4)':
        return 0.1 + 0.4 * normal(*where)
    return (2 * uniform(*where) - 1) / math.sqrt(most)


def rounded(x, most):
    """To the nearest whole number, halves up, as a number of candidates."""
    return most if x >= most else int(math.floor(x + 0.5)) if x > 0 else 0


class RuleList:
    """A list of edges with a declared rule, in training."""

    def __init__(self, rules, instance, group, number):
        self.rules, self.instance, self.group, self.number = rules, instance, group, number
        self.rule = rules.trees[group['using']['rule']]
        self.mine = [k for k, (_, other) in enumerate(instance.lines) if other is group]
        self.count = sum(len(instance.pairs[k]) for k in self.mine)
        self.constants = {p: self.constant(p, default) for p, default in self.rule['params']}
        self.first = self.weights().clone()
        self.gradient = torch.zeros(self.count, dtype=torch.float64)
        self.changed = torch.zeros(self.count, dtype=torch.float64)
        self.states = {s['name']: torch.full([self.count], float(s['start']), dtype=torch.float64) for s in self.rule['states']}
        self.full, self.draw = False, 0

    def constant(self, parameter, default):
        value = self.group['using']['args'].get(parameter, default)
        return value / 100 if parameter in ('part', 'until') else value

    def reads(self, word):
        return f"'{word}'" in repr(self.rule)

    def tensors(self):
        return [self.instance.deciding(k) for k in self.mine]

    def weights(self):
        return torch.cat([w.detach().reshape(-1) for w in self.tensors()]).double()

    def marks(self):
        return torch.cat([self.instance.marks[k] for k in self.mine])

    def set_marks(self, marks):
        for k in self.mine:
            n = len(self.instance.pairs[k])
            self.instance.marks[k], marks = marks[:n].clone(), marks[n:]

    def split(self, values):
        """Parts of a number for each candidate, by the weight that they belong to."""
        found = []
        for k, w in zip(self.mine, self.tensors()):
            found.append((f'{self.instance.title}.edges.{k}.w', values[:w.numel()].reshape(w.shape)))
            values = values[w.numel():]
        return found

    # what expressions read

    def fans(self, side):
        """Edges in use, of all lists of the graph, at one end of each candidate."""
        total = {}
        for k, (line, _) in enumerate(self.instance.lines):
            for pair, used in zip(self.instance.pairs[k], self.instance.marks[k].tolist()):
                end = (line['from' if side else 'to'], pair[side])
                total[end] = total.get(end, 0) + used
        ends = [(self.instance.lines[k][0]['from' if side else 'to'], pair[side]) for k in self.mine for pair in self.instance.pairs[k]]
        return torch.tensor([total[e] for e in ends], dtype=torch.float64)

    def randoms(self, done):
        stream = 9 + (self.number << 8) + (self.draw << 24) + (done << 32)
        return torch.tensor([(philox(self.rules.seed, stream, c)[0] >> 8) * 2.0 ** -24 for c in range(self.count)], dtype=torch.float64)

    def environment(self, done):
        env = {**self.constants, 'pi': math.pi, 'w': self.weights(), 'gradient': self.gradient, 'first': self.first, 'used': self.marks(),
               'age': done - self.changed, 'step': float(done), 'epoch': done / self.rules.steps, 'progress': self.rules.progress(done),
               **self.states}
        if self.reads('momentum'):
            env['momentum'] = torch.cat([m.reshape(-1) for m in self.moments()]).double()
        if self.reads('random'):
            env['random'] = self.randoms(done)
        if self.reads('fan_in'):
            env['fan_in'] = self.fans(0)
        if self.reads('fan_out'):
            env['fan_out'] = self.fans(1)
        for title, tree in self.rule['lets']:
            env[title] = evaluate(tree, env)
        return env

    def moments(self):
        optimiser, found = self.rules.optimiser, []
        for k, w in zip(self.mine, self.tensors()):
            memory = optimiser.memory.get(f'{self.instance.title}.edges.{k}.w')
            found.append(memory[1 if optimiser.name == 'rmsprop' else 0] if memory else torch.zeros_like(w))
        return found

    def number_of(self, tree, done):
        value = evaluate(tree, self.environment(done))
        if isinstance(value, torch.Tensor):
            return value.double().expand(self.count).clone()
        return torch.full([self.count], float(value), dtype=torch.float64)

    # actions

    def budget(self, done):
        return wiring.wanted(self.group['budget'], self.count, done / self.rules.steps, 1, 0, 1)

    def best(self, score, allowed, count):
        """Indices of so many allowed candidates with the largest score, of equal ones the earlier."""
        score = score.tolist()
        order = sorted([c for c in range(self.count) if allowed[c]], key=lambda c: (-score[c], c))
        if 0 < count < len(order):
            self.rules.look(score[order[count - 1]], score[order[count]])
        return order[:count]

    def amount(self, a, used, most, done):
        """How many edges `drop` or `grow` asks for; amounts are computed in float."""
        kind, value = a['amount']['kind'], a['amount']['value']
        x = value / 100 if kind == 'percent' else evaluate(value, self.environment(done))
        x = float(np.float32(x)) * (1 if kind == 'count' else used)
        if abs(x + 0.5 - round(x + 0.5)) < 1e-4 and kind == 'share':
            self.rules.unsure = True
        return rounded(x, most)

    def drop(self, a, done):
        marks = self.marks()
        used = int(marks.sum())
        count = max(self.amount(a, used, used, done), used - self.budget(done))
        for c in self.best(-self.number_of(a['score'], done), marks, count):
            marks[c], self.changed[c] = False, done
        self.set_marks(marks)

    def grow(self, a, done):
        marks = self.marks()
        used = int(marks.sum())
        count = max(self.budget(done) - used, 0)
        if a['amount']:
            count = min(count, self.amount(a, used, count, done))
        values = torch.zeros(self.count, dtype=torch.float64)
        if a['value']:
            values = self.number_of(a['value'], done)
        elif a['fresh']:
            values = self.fresh(done)
        grown = torch.zeros(self.count, dtype=torch.bool)
        for c in self.best(self.number_of(a['score'], done), ~marks, count):
            grown[c], marks[c], self.changed[c] = True, True, done
        self.set_marks(marks)
        self.put_weights(values, grown)
        for title, new in self.split(grown):
            for memory in self.rules.optimiser.memory.get(title, []):
                memory[new] = 0

    def fresh(self, done):
        """As at the start, by the largest number of candidates into a node that the list leads to."""
        into, found = {}, []
        for k, (line, _) in enumerate(self.instance.lines):
            for t, _ in self.instance.pairs[k]:
                into[line['to'], t] = into.get((line['to'], t), 0) + 1
        most = max(into[self.instance.lines[k][0]['to'], t] for k in self.mine for t, _ in self.instance.pairs[k])
        kind, sparse = self.rule.get('weight'), not any(a['verb'] == 'choose' for e in self.rule['events'] for a in e['actions'])
        most = max(1, most * self.budget(0) / self.count) if sparse else most
        seed = self.rules.seed ^ (done + 1) * 0x9E3779B97F4A7C15 % 2 ** 64
        for k in self.mine:
            stream = 1 + (self.rules.parameters.index(f'{self.instance.title}.edges.{k}.w') << 8)
            found += [start(kind, most, seed, stream, c) for c in range(len(self.instance.pairs[k]))]
        return torch.tensor(found, dtype=torch.float64)

    def put_weights(self, values, where):
        with torch.no_grad():
            parts = dict(self.split(values))
            for (title, here), w in zip(self.split(where), self.tensors()):
                w[here] = parts[title][here].to(w.dtype)

    def reset(self, a, done):
        values = self.number_of(a['value'], done)
        if a['target'] == 'w':
            self.put_weights(values, self.marks())
        else:
            self.states[a['target']] = values

    def choose(self, a, done):
        score = self.number_of(a['score'], done)
        before, b = self.marks(), self.group['budget']
        if b['kind'] in ('fan_in', 'fan_out'):
            ends = [((self.instance.lines[k][0]['to'], t), (self.instance.lines[k][0]['from'], s)) for k in self.mine for t, s in self.instance.pairs[k]]
            side = 0 if b['kind'] == 'fan_in' else 1
            marks = torch.zeros(self.count, dtype=torch.bool)
            for node in {e[side] for e in ends}:
                marks[self.best(score, [e[side] == node for e in ends], int(b['value']))] = True
        else:
            marks = torch.zeros(self.count, dtype=torch.bool)
            marks[self.best(score, [True] * self.count, self.budget(done))] = True
        self.changed[marks != before] = done
        self.set_marks(marks)

    def act(self, a, done):
        self.draw += 1
        getattr(self, a['verb'])(a, done)

    # when

    def come(self, t, done):
        at = evaluate(t['at'], self.constants) if t['at'][0] == 'name' else t['at'][1] / (100 if t['percent'] else 1)
        return self.rules.progress(done) >= at if t['percent'] else done / self.rules.steps >= at

    def due(self, e, done):
        now, before = done / self.rules.steps, (done - 1) / self.rules.steps
        if 'once' in e:
            return now >= e['once'] > before
        if done == 0 or (e['from'] and not self.come(e['from'], done)):
            return False
        if self.come(e['until'] or {'percent': True, 'at': ['num', 100]}, done):
            return False
        if 'steps' in e:
            return done % evaluate(e['steps'], self.constants) == 0
        every = evaluate(e['epochs'], self.constants)
        return math.floor(now / every + 1e-9) > math.floor(before / every + 1e-9)

    def begin(self):
        """An event that comes again and again chooses before the first step."""
        self.draw = 0
        for e in self.rule['events']:
            for a in e['actions']:
                if 'once' not in e and a['verb'] == 'choose' and not (e['from'] and not self.come(e['from'], 0)):
                    self.rules.unsure |= self.reads('gradient')  # that of the first samples through edges that are drawn
                    self.act(a, 0)

    def before(self, done):
        """Is this step the one before an event, so that an event can read all gradients?"""
        self.full = self.reads('gradient') and any(self.due(e, done + 1) for e in self.rule['events'])

    def take(self, slopes):
        """Keeps the gradients that there are, and tells what the optimiser moves."""
        whole = torch.cat([slopes[title].reshape(-1) for title, _ in self.split(self.first)])
        have = torch.ones(self.count, dtype=torch.bool) if self.rule['gradient'] == 'all' or self.full else self.marks()
        self.gradient = torch.where(have, whole.double(), torch.zeros(self.count, dtype=torch.float64))
        moved = have if self.rule['gradient'] == 'all' else self.marks()
        return self.split(torch.where(moved, self.gradient, 0 * self.gradient)), self.split(moved)

    def after(self, done):
        self.draw = 0
        moved = {s['name']: self.number_of(s['next'], done) for s in self.rule['states']}
        self.states.update(moved)
        for e in self.rule['events']:
            if self.due(e, done):
                for a in e['actions']:
                    self.act(a, done)


class Rules:
    """All lists of a model that have declared rules."""

    def __init__(self, model, parameters, epochs, steps, optimiser):
        self.trees = {r['name']: r for r in model.program.get('rules', [])}
        self.seed, self.epochs, self.steps = model.program['train']['seed'], epochs, steps
        self.parameters, self.optimiser = parameters, optimiser
        self.unsure = bool(self.trees) and model.program['train']['loose']  # rounding might decide otherwise, or other steps of a solver
        self.lists, number = [], 0
        for instance in model.instances.values():
            for group in instance.g['lists']:
                if group.get('using'):
                    self.lists.append(RuleList(self, instance, group, number))
                number += 1

    def progress(self, done):
        return min(done / self.steps / self.epochs, 1)

    def look(self, a, b):
        """The last score that is taken, and the first that is not."""
        if a != b and abs(a - b) <= 1e-9 + 1e-5 * max(abs(a), abs(b)):
            self.unsure = True

    def begin(self):
        for one in self.lists:
            one.begin()

    def before(self, done):
        for one in self.lists:
            one.before(done)

    def take(self, slopes):
        """Gradients of candidates that do not move become 0; what the optimiser leaves as it is, by weight."""
        still = {}
        for one in self.lists:
            gradients, moved = one.take(slopes)
            slopes.update({title: g.to(slopes[title].dtype) for title, g in gradients})
            still.update({title: ~m for title, m in moved})
        return still

    def after(self, done):
        for one in self.lists:
            one.after(done)
