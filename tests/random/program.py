"""Random programs: trees of plain lists and dictionaries, whose text text.py writes and which model.py calculates."""
import random
from wiring import candidates

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
        self.normed = False
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

    def node_function(self):
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
        fn['value'] = self.bounded(value)
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': args}

    def set_function(self):
        kind = self.r.randrange(4)
        if kind == 0:
            return None
        if kind == 1:
            return {'fn': self.r.choice(SMOOTH + BENT), 'args': {}}
        return self.node_function()

    # graphs

    def node_set(self, kind, title, sizes):
        s = {'kind': kind, 'name': title, 'sizes': sizes, 'fn': None, 'at': None, 'indices': None}
        if kind != 'input' or self.chance(0.15):
            s['fn'] = self.set_function()
        return s

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

    def line(self, source, target):
        within = source['name'] == target['name']
        line = {'from': source['name'], 'to': target['name'], 'via': None, 'where': None,
                'from_index': ['_' for _ in source['sizes']], 'to_index': ['_' for _ in target['sizes']]}
        if source['sizes'] and target['sizes'] and (within or self.chance(0.4)):
            a = ['i', 'k'][:len(source['sizes'])]
            b = ['j', 'l'][:len(target['sizes'])]
            line['from_index'], line['to_index'] = a, b
            line['where'] = self.condition(a, b, within)
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

    def budget(self, total):
        kind = self.r.randrange(6)
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

    def lists(self, g, lines):
        sets = {s['name']: s for s in g['sets']}
        self.r.shuffle(lines)
        groups = []
        while lines:
            size = self.r.randint(1, len(lines))
            mine, lines = lines[:size], lines[size:]
            total = sum(len(candidates(g, line, sets)) for line in mine)
            b = self.budget(total)
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
        g['lists'] = self.lists(g, self.lines(g))
        self.graphs.append(g)
        return g['name']

    # models

    def linear(self, n):
        out = self.r.randint(1, 6)
        args = {'out': out}
        if self.chance(0.3):
            args['bias'] = self.chance(0.3)
        if self.chance(0.5):
            args['keep'] = self.amount(n * out)
        return {'op': 'layer', 'name': 'linear', 'args': args}, [out]

    def flat_step(self, shape):
        n = shape[0]
        kind = self.r.randrange(8)
        if kind < 3:
            return self.linear(n)
        if kind < 5:
            out = self.r.randint(1, 4)
            return {'op': 'graph', 'name': self.static_graph([n], out), 'args': {}}, [out]
        if kind == 5:
            title = self.r.choice(['layer_norm', 'softmax', 'batch_norm'])
            self.normed |= title == 'batch_norm'
            return {'op': 'layer', 'name': title, 'args': {}}, [n]
        return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, [n]

    def operations(self, shape, length):
        ops, current = [], 'x'
        shapes = {'x': shape}
        for _ in range(length):
            item, out = self.flat_step(shapes[current])
            item['in'] = [current]
            if self.chance(0.25) and len(shapes) > 1:
                item, out = self.join(shapes, current) or (item, out)
            item['id'] = self.fresh('v')
            ops.append(item)
            current = item['id']
            shapes[current] = out
        return ops, shapes[current]

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

    def training(self, out, batch):
        loss, classes, binary = self.loss(out)
        samples = max(batch, out[0]) if classes else batch
        batch = samples
        if not self.normed and self.chance(0.2):
            samples, batch = self.r.choice([(3, 2), (5, 3), (4, 2)])
            if classes and samples < out[0]:
                samples, batch = out[0], out[0]
        return {'batch': batch, 'samples': samples, 'epochs': 3, 'seed': self.r.randrange(100),
                'optim': self.optimiser(), 'loss': loss, 'classes': classes, 'binary': binary}

    def program(self):
        inputs = [self.r.randint(1, 5)]
        ops, out = self.operations(inputs, self.r.randint(1, 4))
        batch = self.r.choice([2, 3, 5, 8])
        return {'fns': self.fns, 'graphs': self.graphs, 'blocks': self.blocks,
                'model': {'input': inputs, 'ops': ops, 'output': out},
                'train': self.training(out, batch)}


def generate(seed):
    return Generator(seed).program()
