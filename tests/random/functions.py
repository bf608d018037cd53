"""Random functions: of nodes, of edges, with states, on maps. All draws of a program come from one generator."""
import random

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


class Functions:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.count = {}
        self.normed = self.sequence = self.inside = self.drawn = self.loose = False
        self.fns, self.graphs, self.blocks, self.costs = [], [], [], []
        self.c = random.Random(seed + 1)  # of costs and ports
        self.begin_rules(seed)
        self.begin_files(seed)
        self.begin_generated(seed)
        self.begin_keys(seed)
        self.begin_draws(seed)
        self.begin_arrays(seed)
        self.begin_sizes(seed)

    def chance(self, p):
        return self.r.random() < p

    def fresh(self, base):
        self.count[base] = self.count.get(base, 0) + 1
        return f'{base}{self.count[base]}'

    def constant(self, low=-2, high=2):
        return round(self.r.uniform(low, high), 2)

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
                 'init': self.r.choice(['~ normal(0, 0.5)', '~ uniform(-1, 1)', '~ kaiming', '~ he', '~ choice(-1, 0.5)']),
                 'range': None}
            if not sizes and self.chance(0.3):
                w['init'] = self.r.choice(['= 0', '= 0.7'])
            if self.chance(0.2):
                w['range'] = [-0.6, 0.75]
                w['init'] = self.r.choice(['~ uniform(-0.5, 0.5)', '~ choice(-0.5, 0.5)'])
            if self.c.random() < 0.25:
                w['trait'] = self.c.choice(['fixed', 'fixed', {'lr': 10}, {'lr': 200, 'decay': 0}, {'decay': 50}])
            found.append(w)
        return found

    def add_cost(self, fn):
        """A line `cost NAME = ...` of a function's weights."""
        if not fn['weights'] or self.c.random() > 0.25:
            return
        w = self.c.choice(fn['weights'])
        index = [self.c.randrange(n) for n in w['sizes']]
        use = ['element', w['name'], index] if index else name(w['name'])
        value = self.c.choice([op('^', use, num(2)), call('softplus', use), op('*', call('sin', use), use), call('abs', use)])
        if len(self.costs) < 2:
            self.costs.append(f'cost{len(self.costs) + 1}')
        fn.setdefault('costs', []).append([self.c.choice(self.costs), value])

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
        fn['value'] = self.bounded(self.with_arrays(fn, value, 'z'))
        if self.chance(0.2):
            fn['value'] = self.helper(fn['value'])
        if norm and self.chance(0.15) and not self.inside:
            fn['value'] = op('+', fn['value'], call('batch_norm', name('z')))
            self.normed = True
        self.add_cost(fn)
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

    def state_function(self, clock, affine=False):
        """A function with one or two states."""
        fn = {'name': self.fresh('Cell'), 'params': [['z', None]], 'weights': self.weights(), 'states': [],
              'lets': [], 'moves': [], 'clock': clock, 'shown': None}
        uses = self.weight_uses(fn['weights'])
        titles = ['s', 'c'][:1 if affine else self.r.choice([1, 1, 2])]
        for title in titles:
            fn['states'].append({'name': title, 'start': self.r.choice([0, 0, 0.5])})
            first = [w for w in fn['weights'] if not w['sizes']]
            if first and self.w.random() < 0.3:
                fn['states'][-1]['start'] = self.w.choice(first)['name']
        arriving = self.bounded(self.with_arrays(fn, name('z'), 'z')) if not affine else name('z')
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
        value = self.with_arrays(fn, value, 'a')
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
        self.add_cost(fn)
        self.fns.append(fn)
        return ref

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
        value = op('+', call('conv', value, self.filter(fn, 'k', size), **extra), name('b'))
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
        fn['value'] = op('*', name('w'), call('conv', call('tanh', name('a')), self.filter(fn, 'k', 3)))
        self.fns.append(fn)
        return {'fn': fn['name'], 'args': {}, 'given': 1}

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

    def find(self, title):
        return next(f for f in self.fns if f['name'] == title)
