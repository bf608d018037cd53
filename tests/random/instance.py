"""One use of a graph: how values go through its edges and nodes (sections 6 to 10 of docs/language.md)."""
import torch
import keys
import wiring
from carried import Carried
from expression import DTYPE


class Instance:
    def __init__(self, model, g, title, constant=None):
        self.model, self.g, self.title, self.constant = model, g, title, constant
        self.sets = {s['name']: s for s in g['sets']}
        self.count = {s['name']: len(wiring.nodes_of(s)) for s in g['sets']}
        self.input = next(s['name'] for s in g['sets'] if s['kind'] == 'input')
        self.output = next(s['name'] for s in g['sets'] if s['kind'] == 'output')
        self.lines = [(line, group) for group in g['lists'] for line in group['lines']]
        self.pairs = [wiring.candidates(g, line, self.sets, model.chance) for line, _ in self.lines]
        model.tensors = self.expanded(model.tensors)
        self.marks = [self.marks_of(k) for k in range(len(self.lines))]
        for k in range(len(self.lines)):
            if self.via(k):
                model.pieces(model.fns[self.via(k)['fn']], f'{title}.edges.{k}', len(self.pairs[k]), 0, slice(None))
            elif constant is None:
                self.deciding(k)
        self.rules = {id(group): Carried(model, title, group, number) for number, group in enumerate(g['lists']) if group.get('using')}
        for k in range(len(self.lines)):
            if self.carries(k):
                self.carries(k).tensors(k, len(self.pairs[k]))
        self.states = None
        self.arriving = {}
        for k, (line, _) in enumerate(self.lines):
            for c, (t, _) in enumerate(self.pairs[k]):
                self.arriving.setdefault((line['to'], t), {}).setdefault(k, []).append(c)

    def marks_of(self, k):
        kept = self.model.tensors.get(f'{self.title}.edges.{k}.kept')
        return torch.ones(len(self.pairs[k]), dtype=torch.bool) if kept is None else kept.reshape(-1).bool()

    def expanded(self, tensors):
        """Where a checkpoint has a line as a sparse matrix in compressed rows: a mark and a weight for each candidate, 0 where
        there is no edge."""
        tensors = dict(tensors) if isinstance(tensors, dict) else tensors
        for k in range(len(self.lines)):
            base = f'{self.title}.edges.{k}'
            rows = tensors.get(base + '.row')
            if rows is None or base + '.kept' in tensors:
                continue
            places, rows, sources = {pair: c for c, pair in enumerate(self.pairs[k])}, rows.tolist(), tensors[base + '.source'].tolist()
            at = [places[t, sources[e]] for t in range(len(rows) - 1) for e in range(rows[t], rows[t + 1])]
            kept, w = torch.zeros(len(places), dtype=torch.uint8), torch.zeros(len(places))
            kept[at], w[at] = 1, tensors[base + '.w'].reshape(-1)[:len(at)]
            tensors[base + '.kept'], tensors[base + '.w'] = kept, w
        return tensors

    def via(self, k):
        line, group = self.lines[k]
        return line.get('via') or group.get('via')

    def deciding(self, k):
        """The weights whose magnitude decides which candidates of a line are in use."""
        base, ref = f'{self.title}.edges.{k}', self.via(k)
        if ref is None:
            return self.model.weight(base + '.w', [len(self.pairs[k])])
        own = [w for w in self.model.fns[ref['fn']]['weights'] if not w.get('shared')]
        chosen = self.lines[k][1].get('by') or own[0]['name']
        w = next(w for w in own if w['name'] == chosen)
        return self.model.weight(f'{base}.{chosen}', [len(self.pairs[k])], w.get('range'), w.get('trait'))

    def own_weights(self, k):
        """Names of the weights that each candidate of a line has."""
        base, ref = f'{self.title}.edges.{k}', self.via(k)
        return [f"{base}.{w['name']}" for w in self.model.fns[ref['fn']]['weights'] if not w.get('shared')] if ref else [base + '.w']

    def groups(self, group):
        """Candidates of each group of a list; None: its budget counts edges."""
        key = group.get('of') or group.get('tied')
        return keys.members(keys.keys_of(self.g, group, key)) if key else None

    def leads(self, k):
        """Candidates that count: of those with one weight the first."""
        every = torch.ones(len(self.pairs[k]), dtype=torch.bool)
        for lists in keys.tied_lists(self.model.instances.values()):
            seen = set()
            for instance, mine, names in lists:
                places = [(line, c) for line in mine for c in range(len(instance.pairs[line]))]
                for (line, c), key in zip(places, names):
                    if instance is self and line == k:
                        every[c] = key not in seen
                    seen.add(key)
        return every

    def worth(self, group, groups, sizes):
        """What groups are compared by."""
        return [keys.value_of([sizes[c] for c in one], group['score']) if group.get('of') else sizes[one[0]] for one in groups]

    def carries(self, k):
        """The declared rule of a line, where it says what edges carry or has numbers that stand beside weights."""
        return self.rules.get(id(self.lines[k][1]))

    def shared(self, k, name):
        ref = self.via(k)
        fn = self.model.fns[ref['fn']] if ref else {'weights': []}
        return any(w['name'] == name and w.get('shared') for w in fn['weights'])

    # which edges are in use

    def node_numbers(self):
        return wiring.node_numbers(self.g, self.model.fns)

    def choose(self, position):
        for group in self.g['lists']:
            mine = [k for k, (_, other) in enumerate(self.lines) if other is group]
            if group['rule'] == 'sample' or not group.get('budget') or group.get('using'):
                continue
            ends = [((self.lines[k][0]['to'], t), (self.lines[k][0]['from'], s)) for k in mine for t, s in self.pairs[k]]
            sizes = []
            if group['budget']['kind'] != 'all':
                sizes = [abs(w) for k in mine for w in self.deciding(k).detach().float().tolist()]
            groups = self.groups(group)
            worth = self.worth(group, groups, sizes or [0] * len(ends)) if groups else sizes or [0] * len(ends)
            used = wiring.in_use(group['budget'], ends, worth, position, 1, self.node_numbers(), groups=groups)
            for k in mine:
                self.marks[k] = torch.tensor(used[:len(self.pairs[k])], dtype=torch.bool)
                used = used[len(self.pairs[k]):]

    def kept(self):
        """How many edges are in use: those that are drawn are as many as others of their budget."""
        total = 0
        for group in self.g['lists']:
            mine = [k for k, (_, other) in enumerate(self.lines) if other is group]
            ends = [((self.lines[k][0]['to'], t), (self.lines[k][0]['from'], s)) for k in mine for t, s in self.pairs[k]]
            groups = self.groups(group)
            worth = [len(one) for one in groups] if groups else [0] * len(ends)  # at most
            total += sum(wiring.in_use(group.get('budget'), ends, worth, 1e9, 1, self.node_numbers(), groups=groups))
        return total

    # edges

    def carried(self, k, which, source, own, result='value'):
        """What candidates make of the values of their sources: [samples, candidates, pixels ...]."""
        base, ref = f'{self.title}.edges.{k}', self.via(k)
        count = len(self.pairs[k])
        if ref is not None:
            return self.model.apply(ref, source, base, count, which, own, result)
        if self.constant is not None:
            return source * self.constant
        w = self.model.weight(base + '.w', [count])
        if self.carries(k):
            w = self.carries(k).carried(k, w)
        w = w[which]
        return w.reshape([1, -1] + [1] * (source.dim() - 2)) * source

    def parts(self, k, which, source, own, result='value'):
        """Edges in use carry. The others add nothing and send nothing back, but their weights get the gradient that they
        would have in use."""
        used = self.marks[k][which]
        on, off = torch.nonzero(used).reshape(-1), torch.nonzero(~used).reshape(-1)
        found = []
        if len(on):
            found.append((on, self.carried(k, which[on], source[:, on], None if own is None else own[:, on], result)))
        if len(off) and self.model.training and (self.lines[k][1]['rule'] != 'sample' or self.via(k)):
            still = None if own is None else own[:, off].detach()
            self.model.as_if = True
            value = self.carried(k, which[off], source[:, off].detach(), still, result)
            self.model.as_if = False
            found.append((off, value - value.detach()))
        return found

    def empty(self, like, count):
        return torch.zeros([like.shape[0], count] + list(like.shape[2:]), dtype=DTYPE[0])

    def sums(self, title, values, own=None):
        """What reaches all nodes of a set."""
        total = None
        for k, (line, _) in enumerate(self.lines):
            if line['to'] != title or not self.pairs[k]:
                continue
            targets = torch.tensor([t for t, _ in self.pairs[k]])
            sources = torch.tensor([s for _, s in self.pairs[k]])
            mine = own[:, targets] if own is not None and self.takes_own(k) else None
            for which, value in self.parts(k, torch.arange(len(targets)), values[line['from']][:, sources], mine):
                if total is None:
                    total = self.empty(value, self.count[title])
                total = total.index_add(1, targets[which], value)
        if total is None:
            total = self.empty(values[self.input], self.count[title])
        return total

    def takes_own(self, k):
        ref = self.via(k)
        return ref is not None and ref.get('given', 1) == 2

    # static

    def run(self, x, total=1):
        if self.g.get('time'):
            self.begin(x)
            return self.move(x, 0, total)
        values = {}
        for title, node in self.order():
            s = self.sets[title]
            arriving = x[:, node:node + 1] if title == self.input else self.node_sum(title, node, values, x)
            port = self.port(s)
            other = self.node_sum(title, node, values, x, port) if port else None
            base = self.base(s)
            values[title, node] = self.model.apply(s.get('fn'), arriving, base, self.count[title], torch.tensor([node]), other)
        return torch.cat([values[self.output, n] for n in range(self.count[self.output])], 1)

    def base(self, s):
        return f"{self.title}.{s['name']}.{s['fn']['fn']}" if s.get('fn') else ''

    def port(self, s):
        """The second sum of the nodes of a set, or None."""
        return self.model.fns.get(s['fn']['fn'], {}).get('port') if s.get('fn') else None

    def adds(self, k, port):
        """Which value of a line's edges is added to a port (None: the first); None: none is."""
        ref = self.via(k)
        second = bool(ref) and self.model.fns.get(ref['fn'], {}).get('second') is not None
        mine = self.lines[k][0].get('port')
        return 'value' if mine == port else 'second' if port and second else None

    def node_sum(self, title, node, values, x, port=None):
        total = None
        for k, which in self.arriving.get((title, node), {}).items():
            result = self.adds(k, port)
            if not result:
                continue
            origin = self.lines[k][0]['from']
            source = torch.cat([values[origin, self.pairs[k][c][1]] for c in which], 1)
            for _, value in self.parts(k, torch.tensor(which), source, None, result):
                part = value.sum(1, keepdim=True)
                total = part if total is None else total + part
            if total is None:
                total = 0 * self.carried(k, torch.tensor(which), source, None).sum(1, keepdim=True).detach()
        return self.empty(x, 1) if total is None else total

    def order(self):
        """Nodes, each after all sources of its candidates."""
        waiting = {}
        for k, (line, _) in enumerate(self.lines):
            for t, s in self.pairs[k]:
                waiting.setdefault((line['to'], t), set()).add((line['from'], s))
        todo = [(s['name'], n) for s in self.g['sets'] for n in range(self.count[s['name']])]
        done, order = set(), []
        while todo:
            ready = [n for n in todo if not waiting.get(n, set()) - done]
            assert ready, 'candidates form a cycle'
            order += ready
            done |= set(ready)
            todo = [n for n in todo if n not in done]
        return order

    # time

    def moves(self, s):
        """Whether a set has states: not a held input, not an output that is a plain sum."""
        return bool(s.get('fn')) or s['kind'] == 'nodes'

    def function(self, s):
        return self.model.fns.get(s['fn']['fn']) if s.get('fn') else None

    def begin(self, x):
        """States at the start."""
        self.states = {}
        for s in self.g['sets']:
            if not self.moves(s):
                continue
            fn = self.function(s)
            starts = [st['start'] for st in fn['states']] if fn and fn['states'] else [0]
            shape = self.empty(x, self.count[s['name']])
            learned = any(isinstance(v, str) for v in starts)
            env = self.model.pieces(fn, self.base(s), self.count[s['name']], shape.dim() - 2, slice(None)) if learned else {}
            self.states[s['name']] = [shape + env.get(v, v) for v in starts]
            if s['kind'] == 'input':
                self.states[s['name']][0] = x

    def detach(self):
        self.states = {k: [v.detach() for v in states] for k, states in self.states.items()}

    def sent(self, states, x, shown=False):
        values = {self.input: x}
        for s in self.g['sets']:
            if self.moves(s):
                values[s['name']] = self.model.send(self.function(s), s, states[s['name']], self, shown)
        return values

    def change(self, values, own, states):
        """Next values or rates of all states: values are what sources send, own what targets send."""
        found = {}
        for s in self.g['sets']:
            if self.moves(s):
                arriving = self.sums(s['name'], values, own[s['name']])
                found[s['name']] = self.model.move(self.function(s), s, states[s['name']], arriving, self)
        return found

    def rate(self, states, x, moment):
        self.model.moment = moment
        values = self.sent(states, x)
        found = self.change(values, values, states)
        self.model.moment = None
        return found

    def move(self, x, position, positions):
        """Runs the time of one position and gives the output."""
        t = self.g['time']
        n = t['n']
        stages = {'midpoint': 2, 'heun': 2, 'rk4': 4, 'bosh3': 4, 'dopri5': 4, 'tsit5': 4}.get(t.get('solver'), 1)
        for k in range(n):
            moment = lambda stage, k=k: (position * n * stages + k * stages + stage, positions * n * stages)
            if t['kind'] == 'steps':
                self.states = self.rate(self.states, x, moment(0))
            else:
                self.states = SCHEMES[t['solver']](self, self.states, x, (t['t1'] - t['t0']) / n, moment)
        values = self.sent(self.states, x)
        if self.moves(self.sets[self.output]):
            return self.sent(self.states, x, shown=True)[self.output]
        return self.sums(self.output, values)


def ahead(states, rate, h):
    return {k: [s + h * r for s, r in zip(states[k], rate[k])] for k in states}


def euler(g, states, x, h, moment):
    return ahead(states, g.rate(states, x, moment(0)), h)


def midpoint(g, states, x, h, moment):
    half = ahead(states, g.rate(states, x, moment(0)), h / 2)
    return ahead(states, g.rate(half, x, moment(1)), h)


def heun(g, states, x, h, moment):
    a = g.rate(states, x, moment(0))
    b = g.rate(ahead(states, a, h), x, moment(1))
    return ahead(ahead(states, a, h / 2), b, h / 2)


def rk4(g, states, x, h, moment):
    a = g.rate(states, x, moment(0))
    b = g.rate(ahead(states, a, h / 2), x, moment(1))
    c = g.rate(ahead(states, b, h / 2), x, moment(2))
    d = g.rate(ahead(states, c, h), x, moment(3))
    for rate, part in ((a, h / 6), (b, h / 3), (c, h / 3), (d, h / 6)):
        states = ahead(states, rate, part)
    return states


def semi_implicit(g, states, x, h, moment):
    """Rates are a * s + b in their own state s: found by two values of it. Sources send what they send at the start."""
    values = g.sent(states, x)
    after = {}
    for title, mine in states.items():
        after[title] = []
        for k, s in enumerate(mine):
            def rate(own):
                trial = dict(states)
                trial[title] = mine[:k] + [own] + mine[k + 1:]
                g.model.moment = moment(0)
                one = g.sets[title]
                arriving = g.sums(title, values, g.sent(trial, x)[title])
                found = g.model.move(g.function(one), one, trial[title], arriving, g)[k]
                g.model.moment = None
                return found
            b = rate(0 * s)
            a = rate(0 * s + 1) - b
            after[title].append((s + h * b) / (1 - h * a))
    return after


# Solvers that choose their steps are compared with many small ones of a good scheme.
SCHEMES = {'bosh3': rk4, 'dopri5': rk4, 'tsit5': rk4, 'euler': euler, 'midpoint': midpoint, 'heun': heun, 'rk4': rk4, 'semi_implicit': semi_implicit}
