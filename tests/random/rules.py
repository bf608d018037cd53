"""What declared rules do between steps (section 9 of docs/language.md): states, events, actions."""
import math
import numpy as np
import torch
import redistribute
import wiring
from carried import constants, stored
from expression import evaluate
from philox import normal, philox, uniform

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
        self.constants = constants(self.rule, group['using']['args'])
        self.carried = instance.carries(self.mine[0])
        self.start_all, self.moved, self.nodes = self.rule.get('start') == 'all', 0, self.nodes_of()
        self.first = self.weights().clone()
        self.gradient = torch.zeros(self.count, dtype=torch.float64)
        self.changed = torch.zeros(self.count, dtype=torch.float64)
        self.own = {s['name']: torch.full([self.count], float(s['start']), dtype=torch.float64)
                    for s in self.rule['states'] if not stored(self.rule, s)}
        for s in self.rule['states']:
            if stored(self.rule, s) and not s['learned']:
                self.set_state(s, torch.full([1 if s['shared'] else self.count], float(s['start']), dtype=torch.float64))
        self.full, self.draw = False, 0

    def nodes_of(self):
        """Candidates that share a budget: all, or those of each node."""
        side = {'fan_in': 0, 'fan_out': 1}.get(self.group['budget']['kind'])
        if side is None:
            return [list(range(self.count))]
        found = {}
        ends = [(self.instance.lines[k][0]['from' if side else 'to'], pair[side]) for k in self.mine for pair in self.instance.pairs[k]]
        for c, end in enumerate(ends):
            found.setdefault(end, []).append(c)
        return list(found.values())

    def state_tensors(self, s):
        return [self.carried.tensor(s, k, len(self.instance.pairs[k])) for k in (self.mine[:1] if s['shared'] else self.mine)]

    def state(self, s):
        """Its numbers: of each candidate, or one."""
        if s['name'] in self.own:
            return self.own[s['name']]
        return torch.cat([x.detach().reshape(-1) for x in self.state_tensors(s)]).double()

    def set_state(self, s, values):
        if s['name'] in self.own:
            self.own[s['name']] = values
            return
        for x in self.state_tensors(s):
            n = x.numel()
            x.copy_(values[:n].reshape(x.shape).to(x.dtype))
            values = values[n:]

    def own_weights(self):
        """Weights of the rule by candidate: the names of those that stand beside each line's."""
        return [s for s in self.rule['states'] if s['learned'] and not s['shared']]

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

    def environment(self, done, here=None):
        env = {**self.constants, 'pi': math.pi, 'w': self.weights(), 'gradient': self.gradient, 'first': self.first, 'used': self.marks(),
               'age': done - self.changed, 'step': float(done), 'epoch': done / self.rules.steps, 'progress': self.rules.progress(done),
               'kept': int(self.marks().sum()), 'budget': self.budget(done), 'candidates': self.count, 'rate': self.rules.rate, **(here or {}),
               **{s['name']: self.state(s) for s in self.rule['states']}}
        if self.rule.get('forward'):
            env['forward'] = torch.cat([self.carried.carried(k, w.detach()).detach().reshape(-1) for k, w in zip(self.mine, self.tensors())]).double()
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
        b = self.group['budget']
        if b['kind'] in ('fan_in', 'fan_out'):
            return sum(self.budget_of_node(node) for node in self.nodes)
        return wiring.wanted(b, self.count, done / self.rules.steps, 1, 0, 1) + self.moved

    def budget_of_node(self, node):
        return min(int(self.group['budget']['value']), len(node))

    def best(self, score, allowed, count):
        """Indices of so many allowed candidates with the largest score, of equal ones the earlier."""
        score = score.tolist()
        order = sorted([c for c in range(self.count) if allowed[c]], key=lambda c: (-score[c], c))
        if 0 < count < len(order):
            for c in order[count:]:
                self.rules.look(score[order[count - 1]], score[c])
            for c in order[:count]:
                self.rules.look(score[c], score[order[count]])
        return order[:count]

    def amount(self, a, node, used, most, done):
        """How many edges of a node, or of the list, an action asks for; amounts are computed in float."""
        kind, value = a['amount']['kind'], a['amount']['value']
        here = {'kept': used, 'budget': self.allowed(node, done), 'candidates': len(node)}
        x = value / 100 if kind == 'percent' else float(evaluate(value, self.environment(done, here)))
        x = float(np.float32(x)) * (1 if kind == 'count' else used)
        if abs(x + 0.5 - round(x + 0.5)) < 1e-4 and kind != 'percent' and value[0] != 'num':
            self.rules.unsure = True
        return rounded(x, most)

    def allowed(self, node, done):
        """The budget of a node, or of the list."""
        return self.budget_of_node(node) if self.group['budget']['kind'] in ('fan_in', 'fan_out') else self.budget(done)

    def leaves(self, a, node, used, done):
        """How many edges `drop` takes: at least those above the budget, unless the rule starts with all."""
        above = used - self.allowed(node, done)
        if not a['amount']:
            return above
        count = self.amount(a, node, used, used, done)
        return count if self.start_all else max(count, above)

    def drop(self, a, done):
        marks, score = self.marks(), -self.number_of(a['score'], done)
        for node in self.nodes:
            here = torch.zeros(self.count, dtype=torch.bool)
            here[node] = marks[node]
            for c in self.best(score, here, max(self.leaves(a, node, int(here.sum()), done), 0)):
                marks[c], self.changed[c] = False, done
        self.set_marks(marks)

    def comes(self, a, node, used, done):
        """How many candidates `grow` takes: up to the budget; of a rule that starts with all an amount may go beyond."""
        room = (len(node) if self.start_all and a['amount'] else self.allowed(node, done)) - used
        return room if room <= 0 or not a['amount'] else self.amount(a, node, used, room, done)

    def grow(self, a, done):
        marks, score = self.marks(), self.number_of(a['score'], done)
        values = torch.zeros(self.count, dtype=torch.float64)
        if a['value']:
            values = self.number_of(a['value'], done)
        elif a['fresh']:
            values = self.fresh(done)
        before, grown = marks.clone(), torch.zeros(self.count, dtype=torch.bool)
        for node in self.nodes:
            here = torch.zeros(self.count, dtype=torch.bool)
            here[node] = ~before[node]
            for c in self.best(score, here, max(self.comes(a, node, len(node) - int(here.sum()), done), 0)):
                grown[c], marks[c], self.changed[c] = True, True, done
        self.set_marks(marks)
        self.put_weights(values, grown)
        for title, new in self.split(grown):
            for beside in [title] + [title[:-1] + s['name'] for s in self.own_weights()]:
                for memory in self.rules.optimiser.memory.get(beside, []):
                    memory[new.reshape(memory.shape)] = 0

    def redistribute(self, a, done):
        """Of all lists with this rule and these arguments, when the first of them is at it."""
        group = [one for one in self.rules.lists if one.group['using'] == self.group['using']]
        if group[0] is self:
            redistribute.share_out(self.rules, group, a, done)

    def fan(self):
        """n of the weights at the start: the largest number of candidates, of all lists, into one node of the sets that the
        list leads to, times the share that is in use where edges are drawn."""
        into, b = {}, self.group['budget']
        for k, (line, _) in enumerate(self.instance.lines):
            for t, _ in self.instance.pairs[k]:
                into[line['to'], t] = into.get((line['to'], t), 0) + 1
        reached = {self.instance.lines[k][0]['to'] for k in self.mine}
        most, chooses = max(n for (s, _), n in into.items() if s in reached), any(a['verb'] == 'choose' for e in self.rule['events'] for a in e['actions'])
        if chooses or self.start_all or self.rule.get('used') or b['kind'] == 'fan_out':
            return most
        return min(most, b['value']) if b['kind'] == 'fan_in' else max(1, most * wiring.wanted(b, self.count, 0, 1, 0, 1) / self.count)

    def fresh(self, done):
        """As at the start."""
        seed, found = self.rules.seed ^ (done + 1) * 0x9E3779B97F4A7C15 % 2 ** 64, []
        for k in self.mine:
            stream = 1 + (self.rules.parameters.index(f'{self.instance.title}.edges.{k}.w') << 8)
            found += [start(self.rule.get('weight'), self.fan(), seed, stream, c) for c in range(len(self.instance.pairs[k]))]
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
            s = next(s for s in self.rule['states'] if s['name'] == a['target'])
            self.set_state(s, values[:1] if s['shared'] else values)

    def choose(self, a, done):
        score = self.number_of(a['score'], done)
        before, marks = self.marks(), torch.zeros(self.count, dtype=torch.bool)
        for node in self.nodes:
            here = torch.zeros(self.count, dtype=torch.bool)
            here[node] = True
            marks[self.best(score, here, self.allowed(node, done))] = True
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
            if isinstance(e['once'], dict):
                at = self.constants[e['once']['at']] if isinstance(e['once']['at'], str) else e['once']['at'] / 100
                return self.rules.progress(done) >= at and (done == 0 or self.rules.progress(done - 1) < at)
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
        """All candidates, or those that were drawn; an event that comes again and again chooses before the first step."""
        self.draw = 0
        if self.start_all:
            self.set_marks(torch.ones(self.count, dtype=torch.bool))
        for e in self.rule['events']:
            for a in e['actions']:
                if 'once' not in e and a['verb'] == 'choose' and not (e['from'] and not self.come(e['from'], 0)):
                    self.rules.unsure |= self.reads('gradient')  # that of the first samples through edges that are drawn
                    self.act(a, 0)
        self.settle(0)

    def settle(self, done):
        """`used = CONDITION`: before the first step and behind each step."""
        if not self.rule.get('used'):
            return
        marks = torch.cat([self.carried.used(k, w) for k, w in zip(self.mine, self.tensors())])
        near = self.environment(done)
        for margin in self.margins(self.rule['used'], near):
            self.rules.unsure |= bool((margin.abs() < 1e-6).any())
        self.changed[marks != self.marks()] = done
        self.set_marks(marks)

    def margins(self, tree, env):
        """By how much both sides of a comparison differ; of `forward != 0`, how far |w| is from its threshold."""
        if tree[0] == 'op' and tree[1] in ('<', '<=', '>', '>='):
            yield evaluate(tree[2], env) - evaluate(tree[3], env) + torch.zeros(self.count, dtype=torch.float64)
        if tree[0] == 'op' and tree[1] == '!=':
            yield abs(env['w']) - evaluate(['call', 'sigmoid', [['name', self.rule['states'][0]['name']]], {}], env)

    def before(self, done):
        """Is this step the one before an event that reads all gradients?"""
        self.full = any(self.due(e, done + 1) and "'gradient'" in repr(e) for e in self.rule['events'])

    def take(self, slopes):
        """Keeps the gradients that there are, and tells what the optimiser moves."""
        whole = torch.cat([slopes[title].reshape(-1) for title, _ in self.split(self.first)])
        have = torch.ones(self.count, dtype=torch.bool) if self.rule['gradient'] == 'all' or self.full else self.marks()
        self.gradient = torch.where(have, whole.double(), torch.zeros(self.count, dtype=torch.float64))
        moved = have if self.rule['gradient'] == 'all' else self.marks()
        gradients, marks = self.split(torch.where(moved, self.gradient, 0 * self.gradient)), self.split(moved)
        for title, here in list(marks):
            for state in self.own_weights():
                beside = title[:-1] + state['name']
                gradients.append((beside, slopes[beside] * here.reshape(slopes[beside].shape)))
                marks.append((beside, here.reshape(slopes[beside].shape)))
        return gradients, marks

    def move_states(self, done):
        moved = [(s, self.number_of(s['next'], done)) for s in self.rule['states'] if s['next']]
        for s, values in moved:
            self.set_state(s, values[:1] if s['shared'] else values)

    def after(self, done):
        self.draw = 0
        for e in self.rule['events']:
            if self.due(e, done):
                for a in e['actions']:
                    self.act(a, done)
        self.settle(done)


class Rules:
    """All lists of a model that have declared rules."""

    def __init__(self, model, parameters, epochs, steps, optimiser):
        self.trees = {r['name']: r for r in model.program.get('rules', [])}
        self.seed, self.epochs, self.steps = model.program['train']['seed'], epochs, steps
        self.parameters, self.optimiser, self.rate = parameters, optimiser, 0
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
        """A score that is taken, and one that is not."""
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
            one.draw = 0
            one.move_states(done)
        for one in self.lists:
            one.after(done)
