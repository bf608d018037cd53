"""Random programs: trees of plain lists and dictionaries, whose text text.py writes and which model.py calculates."""
from arrays import Arrays, each_item
from functions import BENT, SMOOTH, call, name, num, op
from generated import Generated
from graphs import Graphs
from draws import Draws
from keys import Keys
from listed import Listed
from sizes import LearnedSizes


class Generator(Graphs, Keys, Draws, Listed, Generated, Arrays, LearnedSizes):
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
            border = self.r.choice([0, 0, 1])
            if border:
                args['padding'] = border
            return {'op': 'layer', 'name': title, 'args': args}, [c, *((n + 2 * border - size) // stride + 1 for n in (h, w))]
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
                title = self.timed_graph([c], out, maps=True)
                self.graphs[-1]['numbers'] = False
            else:
                title = self.map_graph(c, out, h * w > 1)
            return {'op': 'graph', 'name': title, 'args': {}}, [out, h, w]
        if kind == 8:
            return {'op': 'function', 'name': self.gain(), 'args': {}}, shape
        return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, shape

    def truncate(self, title):
        """Positions after which the gradient of states stops: refused for states that start at weights."""
        stops, g = self.r.choice([0, 0, 2]), next((g for g in self.graphs if g['name'] == title), None)
        fns = [f for f in self.fns if f['name'] == title or g and any(s['fn'] and s['fn']['fn'] == f['name'] for s in g['sets'])]
        return 0 if any(isinstance(st['start'], str) for f in fns for st in f['states']) else stops

    def sequence_step(self, shape):
        n, rest = shape[0], shape[1:]
        kind = self.r.randrange(8)
        if kind < 2 and len(rest) == 1:
            out = self.r.randint(1, 3)
            body = {'op': 'graph', 'name': self.timed_graph(rest, out, scanned=True), 'args': {}}
            return {'op': 'scan', 'body': body, 'args': {}, 'truncate': self.truncate(body['name'])}, [n, out]
        if kind == 2 and len(rest) == 1:
            body = {'op': 'function', 'name': self.state_function('steps')['fn'], 'args': {}}
            return {'op': 'scan', 'body': body, 'args': {}, 'truncate': self.truncate(body['name'])}, shape
        if kind == 3:
            ops, out = self.operations(rest, self.r.randint(1, 2))
            block = {'name': self.fresh('Block'), 'ops': ops}
            self.blocks.append(block)
            return {'op': 'scan', 'body': {'op': 'block', 'name': block['name'], 'args': {}}, 'args': {}}, [n] + out
        if kind == 4:
            return {'op': 'pointwise', 'name': self.r.choice(SMOOTH + BENT), 'args': {}}, shape
        body, out = self.step(rest)
        body, out = self.chained(body, rest, out)
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
            if self.chance(0.5):
                return {'op': 'layer', 'name': 'Noisy', 'args': {}}, [n]
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
            item, out = self.chained(item, shapes[current], out)
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

    def loss(self, outputs):
        """(call, whether targets are classes, whether they are 0 and 1)"""
        kind = self.r.randrange(7)
        if kind == 0 and outputs > 1:
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
        outputs = out[-1]  # at each position, where the targets are
        loss, classes, binary = self.loss(outputs)
        one_hot = not classes and outputs > 1 and self.d.random() < 0.3
        if one_hot:
            classes, binary = True, False
            if loss and loss['name'] == 'mae':  # outputs without edges are 0, as targets are: its derivative jumps there
                loss = None
        samples = max(batch, outputs) if classes else batch
        batch = samples
        if not self.normed and self.chance(0.2):
            samples, batch = self.r.choice([(3, 2), (5, 3), (4, 2)])
            if classes and samples < outputs:
                samples, batch = outputs, outputs
        return {'drawn': self.drawn, 'loose': self.loose, 'batch': batch, 'samples': samples, 'epochs': 3, 'seed': self.r.randrange(100),
                'optim': self.optimiser(), 'loss': loss, 'classes': classes, 'binary': binary, 'one_hot': one_hot, 'costs': []}

    def cost_terms(self, ops):
        """What the loss adds to the loss of predictions: costs of functions that the model uses."""
        model = repr([ops, self.blocks])
        model += repr([g for g in self.graphs if f"'{g['name']}'" in model])
        used = {n for fn in self.fns for n, _ in fn.get('costs', []) if f"'{fn['name']}'" in model}
        schedule = {'name': 'cosine', 'args': {'peak': 0.7}}
        return [{'name': n, 'factor': self.c.choice([0.1, 0.5]), 'sign': self.c.choice('++-'), 'samples': self.c.random() < 0.4,
                 'schedule': schedule if self.c.random() < 0.4 else None} for n in sorted(used)]

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
        each = kind == 5 and len(inputs) == len(out) == 2 and inputs[0] > 1 and self.d.random() < 0.5  # targets at positions
        for title in [] if each else self.to_list(out):
            item = {'op': 'layer', 'name': title, 'args': {}, 'in': [ops[-1]['id']], 'id': self.fresh('v')}
            ops.append(item)
            out = {'last': out[1:], 'mean_time': out[1:], 'mean_map': out[:1]}.get(title) or [out[0] * out[1] * out[2]]
        if kind > 2 and not each and self.chance(0.6):
            item, out = self.linear(out[0])
            ops.append({**item, 'in': [ops[-1]['id']], 'id': self.fresh('v')})
        batch = self.r.choice([2, 3, 5, 8])
        imports = [f['name'] for f in self.fns if self.chance(0.5) or f['name'].startswith('helper')] if self.chance(0.2) else []
        train = self.training(out, batch)
        train['costs'] = self.cost_terms(ops)
        if self.rules:
            train['epochs'] = 5
        train['seed'] = self.draw_seed or train['seed']
        if "'momentum'" in repr(self.rules) and train['optim']['name'] in ('sgd', 'rmsprop'):
            train['optim']['args']['momentum'] = 0.9
        model = {'input': inputs, 'ops': ops, 'output': out}
        if kind != 5 and self.one_budget(model):
            model['keep'] = self.d.choice([{'kind': 'share', 'value': self.d.choice([30, 50, 70, 90])}, {'kind': 'count', 'value': 3},
                                           {'kind': 'anneal', 'start': {'kind': 'share', 'value': 90}, 'end': {'kind': 'share', 'value': 40}, 'epochs': 2}])
        self.list_edges()
        self.generate_edges()
        if not model.get('keep'):
            self.share_keys(self.graphs)
        self.learned_sizes(model, train)
        whole = repr([ops, self.blocks, self.graphs, self.fns])
        if kind == 5 and len(inputs) == 2 and self.d.random() < 0.3:
            self.embedded(model)
        model['padded'] = len(model['input']) > 1 and kind == 5 and inputs[0] > 1 and 'batch_norm' not in whole and self.d.random() < 0.4
        return {'options': self.options(), 'imports': imports,
                'fns': self.fns, 'rules': self.rules, 'graphs': self.graphs, 'blocks': self.blocks, 'model': model, 'train': train}

    def embedded(self, model):
        """The sequence is made of whole numbers instead."""
        values, out = self.d.randint(2, 5), model['input'][1]
        args = {'values': values, 'out': out}
        if self.d.random() < 0.4 and values * out > 1:
            args['keep'] = self.amount(values * out)
        for item in model['ops']:
            item['in'] = ['tokens' if name == 'x' else name for name in item['in']]
        model['ops'].insert(0, {'op': 'layer', 'name': 'embed', 'args': args, 'in': ['x'], 'id': 'tokens'})
        model['input'], model['whole'] = model['input'][:1], values

    def one_budget(self, model):
        """Sometimes all edges and layers lose their budgets to one of the model."""
        groups = [group for g in self.graphs for group in g['lists']]
        plain = all(not group['via'] and not group.get('of') and not group.get('tied') and group['rule'] == 'keep' and not any(line['via'] or line.get('drawn') for line in group['lines'])
                    for group in groups)
        items = [item for ops in [model['ops']] + [b['ops'] for b in self.blocks] for item in each_item(ops)]
        layers = [item for item in items if item['op'] == 'layer' and item['name'] in ('linear', 'conv2d')]
        if self.rules or not plain or not groups + layers or 'scan' in repr(items) or not self.odds(0.5):
            return False
        for group in groups:
            group['budget'] = group['by'] = None
        for item in layers:
            item['args'].pop('keep', None)
        return True


def generate(seed):
    return Generator(seed).program()
