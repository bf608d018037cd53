"""Random programs: trees of plain lists and dictionaries, whose text text.py writes and which model.py calculates."""
import random
from wiring import candidates, node_numbers

SMOOTH = ['tanh', 'sigmoid', 'sin', 'softplus', 'gelu', 'silu', 'cos']
BENT = ['relu', 'leaky_relu', 'abs']


def num(x):
    return ['num', x]


def name(x):
    return ['name', x]


def op(symbol, a, b):
    return ['op', symbol, a, b]


def call(function, *args, **named):
    return ['call', function, list(args), named]


class Generator:
    def __init__(self, seed, features=None):
        self.r = random.Random(seed)
        self.features = features
        self.count = {}
        self.normed = self.sequence = self.inside = self.drawn = self.loose = False
        self.fns, self.graphs, self.blocks = [], [], []

    def chance(self, p):
        return self.r.random() < p

    def fresh(self, base):
        self.count[base] = self.count.get(base, 0) + 1
        return f'{base}{self.count[base]}'

    def constant(self, low=-2, high=2):
        return round(self.r.uniform(low, high), 2)

    # expressions and functions

    def bounded(self, inner):
        """A pointwise function that does not blow up."""
        kind = self.r.randrange(9)
        if kind < 4:
            return call(self.r.choice(SMOOTH), inner)
        if kind < 6:
            return call(self.r.choice(BENT), inner)
        if kind == 6:
            return call('clamp', inner, num(-1.5), num(1.25))
        if kind == 7:
            return call('leaky_relu', inner, slope=num(0.2))
        return ['if', op(self.r.choice(['<', '>', '<=', '>=']), inner, num(self.constant(-0.5, 0.5))),
                call('tanh', inner), op('*', num(0.5), inner)]

    def expression(self, names, depth=2):
        if depth == 0 or self.chance(0.2):
            return name(self.r.choice(names)) if self.chance(0.8) else num(self.constant())
        kind = self.r.randrange(10)
        left = self.expression(names, depth - 1)
        if kind < 4:
            return op(self.r.choice(['+', '-', '*']), left, self.expression(names, depth - 1))
        if kind < 7:
            return self.bounded(left)
        if kind == 7:
            return call(self.r.choice(['min', 'max']), left, self.expression(names, depth - 1))
        if kind == 8:
            return self.r.choice([['neg', left], op('/', left, num(self.r.choice([2, 0.7, -3]))),
                                  op('^', call('tanh', left), num(self.r.choice([2, 3]))),
                                  call('exp', ['neg', call('abs', left)]),
                                  call('log', op('+', op('*', left, left), num(1))),
                                  call('sqrt', op('+', op('^', left, num(2)), num(0.5)))])
        return op('mod', left, num(self.r.choice([2, 1.5, -1])))

    def weights(self, shared=True):
        found = []
        for k in range(self.r.randrange(3)):
            sizes = self.r.choice([[], [], [2], [2, 2]])
            w = {'name': f'w{k}', 'sizes': sizes, 'shared': shared and self.chance(0.25),
                 'init': self.r.choice(['~ normal(0, 0.5)', '~ uniform(-1, 1)', '~ kaiming', '~ choice(-1, 0.5)']),
                 'range': None}
            if not sizes and self.chance(0.3):
                w['init'] = self.r.choice(['= 0', '= 0.7'])
            if self.chance(0.2):
                w['range'] = [-0.6, 0.75]
                w['init'] = self.r.choice(['~ uniform(-0.5, 0.5)', '~ choice(-0.5, 0.5)'])
            found.append(w)
        return found

    def weight_uses(self, weights):
        uses = []
        for w in weights:
            index = [self.r.randrange(n) for n in w['sizes']]
            uses.append(['element', w['name'], index] if index else name(w['name']))
        return uses

    def node_function(self, norm=False):
        """fn Unit(z, k = 1): a function of a sum with weights and a default."""
        fn = {'name': self.fresh('Unit'), 'params': [['z', None]], 'weights': self.weights(), 'states': [],
              'lets': [], 'moves': [], 'clock': None, 'shown': None}
        value = name('z')
        for use in self.weight_uses(fn['weights']):
            value = self.r.choice([op('+', value, use), op('*', value, use), op('*', use, call('sin', value)),
                                   op('-', use, value)])
        args = {}
        if self.chance(0.3):
            fn['params'].append(['k', 0.5])
            value = op('*', name('k'), value)
            if self.chance(0.5):
                args = {'k': self.constant()}
        if self.chance(0.3):
            fn['lets'].append(['u', value])
            value = self.expression(['u', 'z'])
        if not any(f"['name', '{title}']" in repr(value) for title in 'zu'):
            value = op('+', value, name('z'))
        fn['value'] = self.bounded(value)
        if self.chance(0.2):
            fn['value'] = self.helper(fn['value'])
        if norm and self.chance(0.15) and not self.inside:
            fn['value'] = op('+', fn['value'], call('batch_norm', name('z')))
            self.normed = True
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': args}

    def helper(self, value):
        """A call of a function without weights, with a default that is left or given."""
        fn = {'name': self.fresh('helper'), 'params': [['p', None], ['q', self.constant()]], 'weights': [], 'states': [],
              'lets': [['r', op('*', name('p'), name('q'))]], 'moves': [], 'clock': None, 'shown': None,
              'value': call('tanh', op('-', name('r'), call('sin', name('p'))))}
        self.fns.append(fn)
        return call(fn['name'], value, **({'q': num(self.constant())} if self.chance(0.5) else {}))

    def set_function(self):
        kind = self.r.randrange(4)
        if kind == 0:
            return None
        if kind == 1:
            return {'fn': self.r.choice(SMOOTH + BENT), 'args': {}}
        return self.node_function(norm=True)

    # graphs

    def node_set(self, kind, title, sizes):
        s = {'kind': kind, 'name': title, 'sizes': sizes, 'fn': None, 'at': None, 'indices': None}
        if kind != 'input' or self.chance(0.15):
            s['fn'] = self.set_function()
        return s

    def place(self, g):
        """Coordinates in the plane for all sets."""
        for s in g['sets']:
            if s['sizes']:
                s['indices'] = ['p', 'q'][:len(s['sizes'])]
                second = name('q') if len(s['sizes']) == 2 else num(self.r.choice([0, 1]))
                s['at'] = [op('/', name('p'), num(self.r.choice([1, 2, 3]))), op('*', second, num(0.5))]

    def near(self, source, target, a, b):
        return op('<=', call('dist', ['point', source['name'], a], ['point', target['name'], b]), num(self.r.choice([0.37, 0.81, 1.3])))

    def condition(self, a, b, within):
        """A condition with the names of indices a of the source and b of the target."""
        both = a + b
        parts = []
        if within:
            parts.append(op('<', name(a[0]), name(b[0])))
        while not parts or (self.chance(0.3) and len(parts) < 3):
            kind = self.r.randrange(5)
            i, j = self.r.choice(both), self.r.choice(both)
            if kind == 0:
                parts.append(op('==', op('mod', op('+', name(i), name(j)), num(2)), num(self.r.randrange(2))))
            elif kind == 1:
                parts.append(op(self.r.choice(['!=', '<=', '>=']), name(i), name(j) if i != j else num(1)))
            elif kind == 2:
                parts.append(['not', op('==', name(i), num(self.r.randrange(3)))])
            elif kind == 3:
                parts.append(op('<=', call('abs', op('-', name(i), name(j))), num(1)))
            else:
                parts.append(op('or', op('<', name(i), num(2)), op('>', name(j), num(0))))
        tree = parts[0]
        for part in parts[1:]:
            tree = op('and', tree, part)
        return tree

    def line(self, source, target, timed=False):
        within = source['name'] == target['name'] and not timed
        line = {'from': source['name'], 'to': target['name'], 'via': None, 'where': None,
                'from_index': ['_' for _ in source['sizes']], 'to_index': ['_' for _ in target['sizes']]}
        if source['sizes'] and target['sizes'] and (within or self.chance(0.4)):
            a = ['i', 'k'][:len(source['sizes'])]
            b = ['j', 'l'][:len(target['sizes'])]
            line['from_index'], line['to_index'] = a, b
            line['where'] = self.condition(a, b, within)
            if source.get('at') and target.get('at'):
                line['where'] = op('and', line['where'], self.near(source, target, a, b))
            if not within and self.chance(0.15):
                line['to_index'], line['where'] = ['i'] + b[1:], None
        return line

    def lines(self, g, static=True):
        sets = {s['name']: s for s in g['sets']}
        order = [s['name'] for s in g['sets']]
        pairs = [(order[k], order[k + 1]) for k in range(len(order) - 1)]
        for a in range(len(order)):
            for b in range(a, len(order)):
                if a == b and (a == 0 or not sets[order[a]]['sizes']):
                    continue
                if self.chance(0.2 if b != a + 1 else 0.1):
                    pairs.append((order[a], order[b]))
        found = []
        for source, target in pairs:
            for _ in range(20):
                line = self.line(sets[source], sets[target])
                if candidates(g, line, sets):
                    found.append(line)
                    break
        return found

    def amount(self, total, least=1):
        if self.chance(0.6):
            share = self.r.choice([20, 25, 40, 50, 60, 75, 90, 100])
            if share * total / 100 >= max(least, 1):
                return {'kind': 'share', 'value': share}
        return {'kind': 'count', 'value': self.r.randint(least, max(total, least))}

    def budget(self, total, plain=False):
        kind = self.r.randrange(7)
        if kind == 6 and plain:
            return {'kind': 'macs', 'value': self.r.randint(1, total)}
        if kind == 0:
            return None
        if kind == 1:
            return {'kind': self.r.choice(['fan_in', 'fan_out']), 'value': self.r.randint(1, 3)}
        if kind == 2:
            return {'kind': 'all'}
        if kind == 3:
            return {'kind': 'anneal', 'start': self.r.choice([{'kind': 'all'}, self.amount(total)]),
                    'end': self.amount(total), 'epochs': self.r.choice([1, 2, 4])}
        return self.amount(total)

    def lists(self, g, lines, plain=False):
        sets = {s['name']: s for s in g['sets']}
        self.r.shuffle(lines)
        groups = []
        while lines:
            size = self.r.randint(1, len(lines))
            mine, lines = lines[:size], lines[size:]
            total = sum(len(candidates(g, line, sets)) for line in mine)
            b = self.budget(total, plain)
            rule = 'sample' if b and b['kind'] != 'anneal' and self.chance(0.2) else 'keep'
            groups.append({'lines': mine, 'via': None, 'budget': b, 'rule': rule, 'by': None})
        return groups

    def static_graph(self, inputs, outputs):
        g = {'name': self.fresh('Wiring'), 'time': None}
        g['sets'] = [self.node_set('input', 'x', inputs)]
        for k in range(self.r.randrange(3)):
            sizes = self.r.choice([[self.r.randint(1, 5)], [2, self.r.randint(2, 3)], []])
            g['sets'].append(self.node_set('nodes', 'hg'[k], sizes))
        g['sets'].append(self.node_set('output', 'y', [outputs]))
        if self.chance(0.3):
            self.place(g)
        g['lists'] = self.lists(g, self.lines(g))
        g['sized'] = self.chance(0.3)
        if self.chance(0.25):
            self.draw_edges(g)
        self.add_via(g)
        if len(g['lists']) == 1 and self.chance(0.2) and not self.vias(g) and 'chance' not in repr(g['lists']):
            self.count_numbers(g)
        g['numbers'] = True
        self.graphs.append(g)
        return g['name']

    # graphs in time

    def state_function(self, clock, affine=False):
        """A function with one or two states."""
        fn = {'name': self.fresh('Cell'), 'params': [['z', None]], 'weights': self.weights(), 'states': [],
              'lets': [], 'moves': [], 'clock': clock, 'shown': None}
        uses = self.weight_uses(fn['weights'])
        titles = ['s', 'c'][:1 if affine else self.r.choice([1, 1, 2])]
        for title in titles:
            fn['states'].append({'name': title, 'start': self.r.choice([0, 0, 0.5])})
        arriving = self.bounded(name('z')) if not affine else name('z')
        if self.chance(0.3):
            fn['lets'].append(['u', arriving])
            arriving = name('u')
        for title in titles:
            other = self.r.choice(titles)
            target = arriving if title == 's' else call('tanh', op('+', name(other), arriving))
            if uses and self.chance(0.7):
                target = op('*', self.r.choice(uses), target)
            if title == 's' and len(titles) == 2:
                target = op('+', target, op('*', num(0.3), name('c')))
            speed = num(self.r.choice([0.3, 0.8]))
            pull = op('*', speed, op('-', target, name(title)))
            fn['moves'].append([title, op('+', name(title), pull) if clock == 'steps' else pull])
        fn['value'] = name('s') if affine or self.chance(0.5) else call('tanh', name(self.r.choice(titles)))
        if uses and not affine and self.chance(0.3):
            fn['value'] = op('*', self.r.choice(uses), fn['value'])
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': {}}

    def via_function(self, own, affine=False, norm=False):
        """A function of an edge: of its source's value, and of its target's where it has one."""
        fn = {'name': self.fresh('Synapse'), 'params': [['a', None]], 'weights': [], 'states': [],
              'lets': [], 'moves': [], 'clock': None, 'shown': None}
        fn['weights'] = [{'name': 'g', 'sizes': [], 'shared': False, 'init': '~ kaiming', 'range': None}]
        if self.chance(0.3):
            fn['weights'][0].update(range=[-0.8, 0.9], init='~ uniform(-0.5, 0.5)')
        for w in self.weights():
            fn['weights'].append(dict(w))
        value = self.bounded(name('a'))
        uses = self.weight_uses(fn['weights'][1:])
        for use in uses:
            value = self.r.choice([op('*', value, use), op('+', value, use), call('tanh', op('+', value, use))])
        ref = {'fn': fn['name'], 'args': {}, 'given': 1}
        if own and self.chance(0.6):
            fn['params'].append(['b', None])
            value = op('*', call('sigmoid', value), op('-', num(0.5), name('b')))
            if not affine and self.chance(0.5):
                value = call('tanh', value)
            ref['given'] = 2
        if self.chance(0.2):
            fn['params'].append(['k', 0.5])
            ref['args'] = {'k': self.constant()} if self.chance(0.5) else {}
            value = op('*', value, name('k'))
        if norm:
            value = op('+', value, call('batch_norm', name('a')))
            self.normed = True
        fn['value'] = op('*', name('g'), value)
        self.fns.append(fn)
        return ref

    def add_via(self, g):
        """Functions for some lines, or for a whole list."""
        sets = {s['name']: s for s in g['sets']}
        affine = bool(g['time']) and g['time'].get('solver') == 'semi_implicit'
        for group in g['lists']:
            if not self.chance(0.3):
                continue
            own = bool(g['time']) and all(sets[line['to']]['kind'] != 'output' or sets[line['to']]['fn']
                                          for line in group['lines'])
            if self.chance(0.5):
                group['via'] = self.via_function(own, affine, not g['time'] and not self.inside and self.chance(0.15))
                if group['budget'] and group['rule'] == 'keep' and group['budget']['kind'] != 'all':
                    group['by'] = 'g'
            else:
                for line in group['lines']:
                    if self.chance(0.6):
                        line['via'] = self.via_function(own, affine)
                        for w in self.find(line['via']['fn'])['weights'][1:]:
                            w['shared'] = True

    def draw_edges(self, g):
        """chance() in one line, whose sets have one index and no other line between them."""
        sets = {s['name']: s for s in g['sets']}
        every = [(line, group) for group in g['lists'] for line in group['lines']]
        for line, group in every:
            same = [o for o, _ in every if (o['from'], o['to']) == (line['from'], line['to'])]
            few = len(sets[line['from']]['sizes']) != 1 or len(sets[line['to']]['sizes']) != 1
            if len(same) > 1 or few or len(candidates(g, line, sets)) < 8:
                continue
            if line['where'] is None:
                line['from_index'], line['to_index'] = ['i'], ['j']
            drawn = call('chance', num(self.r.choice([0.6, 0.75, 0.9])))
            line['where'] = drawn if line['where'] is None else op('and', line['where'], drawn)
            line['drawn'] = True
            if group['budget'] and group['budget']['kind'] in ('count', 'anneal', 'macs', 'params'):
                group['budget'] = {'kind': 'share', 'value': 60}
            return

    def vias(self, g):
        return [x for group in g['lists'] for x in [group] + group['lines'] if x['via']]

    def count_numbers(self, g):
        """A budget params(n) or macs(n) for the only list of a static graph of numbers."""
        sets = {s['name']: s for s in g['sets']}
        total = sum(len(candidates(g, line, sets)) for line in g['lists'][0]['lines'])
        fns = {f['name']: f for f in self.fns}
        used, kind = self.r.randint(1, total), self.r.choice(['params', 'macs'])
        if kind == 'params':
            used += node_numbers(g, fns)
        g['lists'][0].update(budget={'kind': kind, 'value': used}, rule='keep')

    def find(self, title):
        return next(f for f in self.fns if f['name'] == title)

    def time(self, scanned):
        if self.chance(0.45):
            return {'kind': 'steps', 'n': self.r.randint(1, 4)}
        solver = self.r.choice(['euler', 'midpoint', 'heun', 'rk4', 'semi_implicit'])
        n = self.r.randint(1, 3)
        if not scanned and self.chance(0.07):
            self.loose = True
            return {'kind': 'flow', 't0': 0, 't1': 1, 'solver': 'rk4', 'n': 12, 'settings': '12, gradient = adjoint'}
        if self.chance(0.15):
            self.loose = True
            return {'kind': 'flow', 't0': 0, 't1': 1, 'solver': self.r.choice(['bosh3', 'dopri5', 'tsit5']), 'n': 30,
                    'settings': 'rtol = 0.00001, atol = 0.000001'}
        return {'kind': 'flow', 't0': self.r.choice([0, 0, 0.5]), 't1': self.r.choice([1, 2]), 'solver': solver, 'n': n,
                'settings': str(n)}

    def timed_graph(self, inputs, outputs, scanned=False):
        g = {'name': self.fresh('Net_in_time'), 'time': self.time(scanned)}
        clock = 'steps' if g['time']['kind'] == 'steps' else 'flow'
        affine = g['time'].get('solver') == 'semi_implicit'
        g['sets'] = [{'kind': 'input', 'name': 'x', 'sizes': inputs, 'fn': None, 'at': None, 'indices': None}]
        if not scanned and not affine and self.chance(0.2):
            g['sets'][0]['fn'] = self.state_function(clock)
        for k in range(self.r.randint(1, 2)):
            s = {'kind': 'nodes', 'name': 'hg'[k], 'sizes': [self.r.randint(1, 5)], 'fn': None, 'at': None, 'indices': None}
            if affine or self.chance(0.6):
                s['fn'] = self.state_function(clock, affine)
            elif self.chance(0.8):
                s['fn'] = self.node_function() if self.chance(0.5) else {'fn': self.r.choice(['tanh', 'sigmoid', 'relu']), 'args': {}}
            g['sets'].append(s)
        out = {'kind': 'output', 'name': 'y', 'sizes': [outputs], 'fn': None, 'at': None, 'indices': None}
        if self.chance(0.3):
            out['fn'] = self.state_function(clock, affine)
            if not affine and self.chance(0.4):
                fn = self.find(out['fn']['fn'])
                fn['shown'] = name('s')
        g['sets'].append(out)
        g['lists'] = self.lists(g, self.timed_lines(g))
        self.add_via(g)
        g['numbers'] = not scanned
        self.graphs.append(g)
        return g['name']

    def timed_lines(self, g):
        order = g['sets']
        pairs = [(order[k], order[k + 1]) for k in range(len(order) - 1)]
        for a in order:
            for b in order:
                ends = (a['kind'] == 'output' and not a['fn']) or (b['kind'] == 'input' and not b['fn'])
                if not ends and self.chance(0.35):
                    pairs.append((a, b))
        found = []
        for a, b in pairs:
            for _ in range(20):
                line = self.line(a, b, timed=True)
                if candidates(g, line, {s['name']: s for s in order}):
                    found.append(line)
                    break
        return found

    # maps

    def map_function(self, size, large=True):
        """A node function on maps; gives it and whether it keeps the size."""
        fn = {'name': self.fresh('Channel'), 'params': [['z', None]], 'weights': [], 'states': [],
              'lets': [], 'moves': [], 'clock': None, 'shown': None}
        fn['weights'].append({'name': 'k', 'sizes': [size, size], 'shared': self.chance(0.2), 'init': '~ kaiming', 'range': None})
        fn['weights'].append({'name': 'b', 'sizes': [], 'shared': False, 'init': '= 0.1', 'range': None})
        value = name('z')
        if self.chance(0.3) and large:
            value = call('instance_norm', value)
        elif self.chance(0.3):
            value = call('batch_norm', value)
            self.normed = True
        if self.chance(0.5):
            value = call(self.r.choice(['relu', 'tanh']), value)
        extra = {'dilation': num(2)} if self.chance(0.2) else {}
        value = op('+', call('conv', value, name('k'), **extra), name('b'))
        if self.chance(0.3):
            value = call('tanh', value)
        fn['value'] = value
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': {}}

    def map_via(self):
        fn = {'name': self.fresh('Filtered'), 'params': [['a', None]], 'weights': [], 'states': [],
              'lets': [], 'moves': [], 'clock': None, 'shown': None}
        fn['weights'] = [{'name': 'w', 'sizes': [], 'shared': False, 'init': '~ kaiming', 'range': None},
                         {'name': 'k', 'sizes': [3, 3], 'shared': False, 'init': '~ normal(0, 0.3)', 'range': None}]
        fn['value'] = op('*', name('w'), call('conv', call('tanh', name('a')), name('k')))
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': {}, 'given': 1}

    def map_graph(self, channels, outputs, large):
        g = {'name': self.fresh('Maps'), 'time': None}
        g['sets'] = [{'kind': 'input', 'name': 'x', 'sizes': [channels], 'fn': None, 'at': None, 'indices': None}]
        for k in range(self.r.randint(1, 2)):
            s = {'kind': 'nodes', 'name': 'hg'[k], 'sizes': [self.r.randint(1, 3)], 'fn': None, 'at': None, 'indices': None}
            if self.chance(0.7):
                s['fn'] = self.map_function(self.r.choice([1, 2, 3]), large)
            g['sets'].append(s)
        g['sets'].append({'kind': 'output', 'name': 'y', 'sizes': [outputs], 'fn': None, 'at': None, 'indices': None})
        g['lists'] = self.lists(g, self.lines(g))
        for group in g['lists']:
            if self.chance(0.25):
                group['via'] = self.map_via()
                if group['budget'] and group['rule'] == 'keep' and group['budget']['kind'] != 'all':
                    group['by'] = 'w'
        g['numbers'] = False
        self.graphs.append(g)
        return g['name']

    def map_step(self, shape):
        c, h, w = shape
        kind = self.r.randrange(10)
        if kind < 2:
            stride = self.r.choice([1, 1, 2])
            out = self.r.randint(1, 4)
            groups = 2 if c % 2 == 0 and self.chance(0.2) else 1
            out = out * groups
            args = {'out': out, 'size': self.r.choice([1, 2, 3])}
            if stride > 1:
                args['stride'] = stride
            if groups > 1:
                args['groups'] = groups
            if self.chance(0.3):
                args['bias'] = False
            if self.chance(0.5):
                args['keep'] = self.amount(out * c // groups * args['size'] ** 2)
            return {'op': 'layer', 'name': 'conv2d', 'args': args}, [out, (h - 1) // stride + 1, (w - 1) // stride + 1]
        if kind == 2:
            args = {'size': self.r.choice([2, 3])}
            stride = self.r.choice([1, 2])
            if stride > 1:
                args['stride'] = stride
            if self.chance(0.3):
                args['bias'] = False
            return {'op': 'layer', 'name': 'depthwise', 'args': args}, [c, (h - 1) // stride + 1, (w - 1) // stride + 1]
        if kind == 3 and min(h, w) >= 2:
            title, size, stride = self.r.choice(['avg_pool', 'max_pool']), 2, self.r.choice([1, 2])
            args = {'size': size} if stride == 2 else {'size': size, 'stride': stride}
            return {'op': 'layer', 'name': title, 'args': args}, [c, (h - size) // stride + 1, (w - size) // stride + 1]
        if kind == 4:
            title = self.r.choice(['batch_norm', 'instance_norm', 'layer_norm'] if h * w > 1 else ['batch_norm'])
            self.normed |= title == 'batch_norm'
            return {'op': 'layer', 'name': title, 'args': {}}, shape
        if kind == 5 and min(h, w) >= 3:
            args = {'top': self.r.randint(0, 1), 'left': self.r.randint(0, 1), 'height': 2, 'width': w - 1}
            return {'op': 'layer', 'name': 'crop', 'args': args}, [c, 2, w - 1]
        if kind < 8:
            out = self.r.randint(1, 3)
            if not self.inside and self.chance(0.4):
                title = self.timed_graph([c], out)
                self.graphs[-1]['numbers'] = False
            else:
                title = self.map_graph(c, out, h * w > 1)
            return {'op': 'graph', 'name': title, 'args': {}}, [out, h, w]
        if kind == 8:
            return {'op': 'function', 'name': self.gain(), 'args': {}}, shape
        return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, shape

    # sequences

    def gain(self):
        return self.node_function_of('Gain')

    def node_function_of(self, base):
        ref = self.node_function()
        fn = self.find(ref['fn'])
        if not fn['weights']:
            fn['weights'].append({'name': 'w0', 'sizes': [], 'shared': False, 'init': '= 0.5', 'range': None})
            fn['value'] = op('*', name('w0'), fn['value'])
        fn['name'] = self.fresh(base)
        return fn['name']

    def sequence_step(self, shape):
        n, rest = shape[0], shape[1:]
        kind = self.r.randrange(8)
        if kind < 2 and len(rest) == 1:
            out = self.r.randint(1, 3)
            body = {'op': 'graph', 'name': self.timed_graph(rest, out, scanned=True), 'args': {}}
            return {'op': 'scan', 'body': body, 'args': {}, 'truncate': self.r.choice([0, 0, 2])}, [n, out]
        if kind == 2 and len(rest) == 1:
            body = {'op': 'function', 'name': self.state_function('steps')['fn'], 'args': {}}
            return {'op': 'scan', 'body': body, 'args': {}, 'truncate': self.r.choice([0, 0, 2])}, shape
        if kind == 3:
            ops, out = self.operations(rest, self.r.randint(1, 2))
            block = {'name': self.fresh('Block'), 'ops': ops}
            self.blocks.append(block)
            return {'op': 'scan', 'body': {'op': 'block', 'name': block['name'], 'args': {}}, 'args': {}}, [n] + out
        if kind == 4:
            return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, shape
        body, out = self.step(rest)
        return {'op': 'scan', 'body': body, 'args': {}}, [n] + out

    def step(self, shape):
        if self.sequence and len(shape) in (2, 4):
            return self.sequence_step(shape)
        return self.map_step(shape) if len(shape) == 3 else self.flat_step(shape)

    def to_list(self, shape):
        """Operations that make a list of numbers of a shape."""
        if len(shape) in (2, 4):
            title = self.r.choice(['last', 'mean_time'])
            return [title] + self.to_list(shape[1:])
        if len(shape) == 3:
            return [self.r.choice(['mean_map', 'flatten'])]
        return []

    # models

    def linear(self, n):
        out = self.r.randint(1, 6)
        args = {'out': out}
        if self.chance(0.3):
            args['bias'] = self.chance(0.3)
        if self.chance(0.5):
            args['keep'] = self.amount(n * out)
            if self.chance(0.25):
                args['keep'] = self.budget(n * out) or {'kind': 'all'}
        return {'op': 'layer', 'name': 'linear', 'args': args}, [out]

    def flat_step(self, shape):
        n = shape[0]
        kind = self.r.randrange(10)
        again = [g for g in self.graphs if g['sets'][0]['sizes'] == [n] and g['numbers']]
        if again and not self.inside and self.chance(0.2):
            g = self.r.choice(again)
            return {'op': 'graph', 'name': g['name'], 'args': {}}, g['sets'][-1]['sizes']
        if kind < 3:
            return self.linear(n)
        if kind < 5:
            out = self.r.randint(1, 4)
            return {'op': 'graph', 'name': self.static_graph([n], out), 'args': {}}, [out]
        if kind == 5:
            title = self.r.choice(['layer_norm', 'softmax', 'batch_norm'])
            self.normed |= title == 'batch_norm'
            return {'op': 'layer', 'name': title, 'args': {}}, [n]
        if kind == 6:
            return {'op': 'function', 'name': self.gain(), 'args': {}}, [n]
        if kind == 9 and self.chance(0.2):
            self.drawn = True
            return {'op': 'layer', 'name': 'dropout', 'args': {'p': 0.3}}, [n]
        if kind < 9 and not self.inside:
            out = self.r.randint(1, 3)
            return {'op': 'graph', 'name': self.timed_graph([n], out), 'args': {}}, [out]
        return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, [n]

    def operations(self, shape, length):
        ops, current = [], 'x'
        shapes = {'x': shape}
        for _ in range(length):
            item, out = self.step(shapes[current])
            item['in'] = [current]
            if self.chance(0.25) and len(shapes) > 1:
                item, out = self.join(shapes, current) or (item, out)
            current = self.append(ops, shapes, item, out)
        return ops, shapes[current]

    def append(self, ops, shapes, item, out):
        item['id'] = self.fresh('v')
        ops.append(item)
        shapes[item['id']] = out
        return item['id']

    def join(self, shapes, current):
        other = self.r.choice([n for n in shapes if n != current])
        if shapes[other] == shapes[current]:
            return {'op': 'binary', 'sym': self.r.choice(['+', '-', '*']), 'in': [current, other]}, shapes[current]
        if len(shapes[other]) == 1 == len(shapes[current]):
            return {'op': 'concat', 'in': [current, other]}, [shapes[current][0] + shapes[other][0]]
        return None

    def schedule(self, low, high):
        peak = round(self.r.uniform(low, high), 3)
        kind = self.r.randrange(6)
        if kind == 0:
            args = {'peak': peak}
            if self.chance(0.5):
                args['warmup'] = self.r.choice([1, 0.5, 2])
            if self.chance(0.5):
                args['floor'] = round(peak / 7, 4)
            return {'name': 'cosine', 'args': args}
        if kind == 1:
            return {'name': 'drops', 'args': {'start': peak, 'factor': 0.5, 'epochs': self.r.choice(['[1]', '[1, 2]', '[0.5, 2]'])}}
        if kind == 2:
            return {'name': 'ramp', 'args': {'start': peak, 'end': round(peak / 5, 4)}}
        if kind == 3:
            return {'name': 'exponential', 'args': {'start': peak, 'factor': 0.6}}
        return peak

    def optimiser(self):
        name = self.r.choice(['sgd', 'sgd', 'adam', 'adamw', 'rmsprop'])
        args = {'lr': self.schedule(0.05, 0.4) if name == 'sgd' else self.schedule(0.01, 0.1)}
        if name == 'sgd' and self.chance(0.6):
            args['momentum'] = 0.9
            if self.chance(0.5):
                args['nesterov'] = True
        if name in ('adam', 'adamw'):
            args['eps'] = self.r.choice([0.01, 0.001])
            if self.chance(0.4):
                args['beta1'], args['beta2'] = 0.8, 0.95
        if name == 'rmsprop':
            args['eps'] = 0.01
            if self.chance(0.5):
                args['rho'], args['momentum'] = 0.9, 0.5
        if self.chance(0.4):
            args['decay'] = self.r.choice([0.1, 0.01])
        if self.chance(0.3):
            args['clip'] = self.r.choice([0.1, 1, 5])
        return {'name': name, 'args': args}

    def loss(self, out):
        """(call, whether targets are classes, whether they are 0 and 1)"""
        kind = self.r.randrange(7)
        if kind == 0 and out[0] > 1:
            smoothing = {'smoothing': 0.1} if self.chance(0.5) else {}
            return ({'name': 'cross_entropy', 'args': smoothing} if smoothing or self.chance(0.5) else None), True, False
        if kind == 1:
            return {'name': 'binary_cross_entropy', 'args': {}}, False, True
        if kind == 2:
            return {'name': 'mae', 'args': {}}, False, False
        if kind == 3:
            fn = {'name': self.fresh('Loss'), 'params': [['p', None], ['t', None]], 'weights': [], 'states': [],
                  'lets': [['d', op('-', name('p'), name('t'))]], 'moves': [], 'clock': None, 'shown': None,
                  'value': ['if', op('<', call('abs', name('d')), num(1)), op('*', op('*', num(0.5), name('d')), name('d')),
                            op('-', call('abs', name('d')), num(0.5))]}
            self.fns.append(fn)
            return {'name': fn['name'], 'args': {}}, False, False
        return (None if self.chance(0.5) else {'name': 'mse', 'args': {}}), False, False

    def options(self):
        """Numbers that the file takes from options: whether -D gives the value, or the default does."""
        if not self.chance(0.3):
            return []
        values = self.r.sample([2, 3, 4, 0.5, 0.3, 0.8, 0.1, 0.2, 1.5], 3)
        return [{'name': f'setting{k}', 'value': v, 'given': self.chance(0.5)} for k, v in enumerate(values)]

    def training(self, out, batch):
        loss, classes, binary = self.loss(out)
        samples = max(batch, out[0]) if classes else batch
        batch = samples
        if not self.normed and self.chance(0.2):
            samples, batch = self.r.choice([(3, 2), (5, 3), (4, 2)])
            if classes and samples < out[0]:
                samples, batch = out[0], out[0]
        return {'drawn': self.drawn, 'loose': self.loose, 'batch': batch, 'samples': samples, 'epochs': 3, 'seed': self.r.randrange(100),
                'optim': self.optimiser(), 'loss': loss, 'classes': classes, 'binary': binary}

    def program(self):
        kind = self.r.randrange(6)
        inputs = [self.r.randint(1, 5)]
        if kind in (3, 4):
            inputs = [self.r.randint(1, 3), self.r.randint(3, 5), self.r.randint(3, 5)]
        if kind == 5:
            self.sequence = self.inside = True
            inputs = [self.r.randint(1, 4), self.r.randint(1, 3)]
            if self.chance(0.25):
                inputs = [self.r.randint(1, 3), 2, 3, 4]
        ops, out = self.operations(inputs, self.r.randint(1, 4))
        self.sequence = self.inside = False
        for title in self.to_list(out):
            item = {'op': 'layer', 'name': title, 'args': {}, 'in': [ops[-1]['id']], 'id': self.fresh('v')}
            ops.append(item)
            out = {'last': out[1:], 'mean_time': out[1:], 'mean_map': out[:1]}.get(title) or [out[0] * out[1] * out[2]]
        if kind > 2 and self.chance(0.6):
            item, out = self.linear(out[0])
            ops.append({**item, 'in': [ops[-1]['id']], 'id': self.fresh('v')})
        batch = self.r.choice([2, 3, 5, 8])
        imports = [f['name'] for f in self.fns if self.chance(0.5) or f['name'].startswith('helper')] if self.chance(0.2) else []
        return {'options': self.options(), 'imports': imports,
                'fns': self.fns, 'graphs': self.graphs, 'blocks': self.blocks,
                'model': {'input': inputs, 'ops': ops, 'output': out},
                'train': self.training(out, batch)}


def generate(seed):
    return Generator(seed).program()


def constructs(p):
    """What a program uses, for the table of slow.sh."""
    found = {'optimiser ' + p['train']['optim']['name'], 'loss ' + ((p['train']['loss'] or {}).get('name') or 'by default').rstrip('0123456789')}
    for key in ('options', 'imports'):
        if p[key]:
            found.add(key)
    if isinstance(p['train']['optim']['args'].get('lr'), dict):
        found.add('schedule ' + p['train']['optim']['args']['lr']['name'])
    found |= {key for key in ('clip', 'decay', 'momentum') if p['train']['optim']['args'].get(key)}
    if p['train']['samples'] > p['train']['batch']:
        found.add('several steps an epoch')
    for ops in [p['model']['ops']] + [b['ops'] for b in p['blocks']]:
        for item in ops:
            found.add('layer ' + item['name'] if item['op'] == 'layer' else 'model ' + item['op'])
            if item['op'] == 'scan':
                found.add('scan of ' + item['body']['op'] + (', truncated' if item.get('truncate') else ''))
    for g in p['graphs']:
        found |= graph_constructs(p, g)
    for fn in p['fns']:
        found |= {'weight ' + w['init'].strip('~ ').split('(')[0].split(' ')[0] for w in fn['weights'] if '~' in w['init']}
        found |= {'shared weight' for w in fn['weights'] if w.get('shared')} | {'range of a weight' for w in fn['weights'] if w.get('range')}
        if len(fn['states']) > 1:
            found.add('two states')
        if 'batch_norm' in repr(fn['value']):
            found.add('batch_norm in a function')
    return found


def graph_constructs(p, g):
    fns = {f['name']: f for f in p['fns']}
    time = g['time']
    found = {'graph static' if not time else 'graph ' + time.get('solver', 'steps')}
    for s in g['sets']:
        found |= {'set ' + ('moving input' if s['kind'] == 'input' else 'function')} if s['fn'] else set()
        found |= {'coordinates'} if s.get('at') else set()
    for group in g['lists']:
        kind = group['budget']['kind'] if group['budget'] else 'none'
        found.add(f"{group['rule']} {kind}" if group['budget'] else 'no budget')
        if len(group['lines']) > 1:
            found.add('several lines in a list')
        for line in group['lines']:
            ref = line.get('via') or group.get('via')
            found |= {f"via of {ref.get('given', 1)}"} if ref and ref['fn'] in fns else set()
            found |= {'chance' if line.get('drawn') else 'where'} if line.get('where') else set()
    return found
