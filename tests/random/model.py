"""An independent model of a program in PyTorch, written from docs/language.md alone. Sections are those of that page."""
import itertools
import torch
import torch.nn.functional as F
from expression import DTYPE, POINTWISE, evaluate
import wiring
from instance import Instance
from sizes import Masks, keeps


class Missing(Exception):
    """A tensor that the checkpoint does not have under the name of section 17."""


class Model(Masks):
    """tensors: name -> tensor of the checkpoint. Weights are leaves with gradients; kept statistics are replaced by each
    step; edges in use are chosen by choose()."""

    def __init__(self, program, tensors):
        self.program, self.tensors = program, tensors
        self.fns = {f['name']: f for f in program['fns']}
        self.graphs = {g['name']: g for g in program['graphs']}
        self.blocks = {b['name']: b for b in program['blocks']}
        self.weights, self.statistics, self.instances, self.limits, self.uses = {}, {}, {}, {}, {}
        self.training, self.chance, self.moment, self.as_if = False, None, None, False
        self.fixed = set()  # weights that a rule or their declaration fixes
        self.traits = {}  # factors of learning rate and decay, in percent, by weight
        self.sizes = {s['name']: s for s in program['model'].get('sizes', [])}
        self.costed = {}  # functions with costs that are in use, by the base of their weights

    # weights

    def number(self, base):
        self.uses[base] = self.uses.get(base, 0) + 1
        return base if self.uses[base] == 1 else f'{base}_{self.uses[base]}'

    def tensor(self, title, shape):
        if title not in self.tensors:
            raise Missing(title)
        return self.tensors[title].to(DTYPE[0]).reshape(shape).clone()

    def weight(self, title, shape, limits=None, trait=None):
        if title not in self.weights:
            self.weights[title] = self.tensor(title, shape).requires_grad_(trait != 'fixed')
            if trait == 'fixed':
                self.fixed.add(title)
            elif trait:
                self.traits[title] = trait
            if limits:
                self.limits[title] = limits
        return self.weights[title]

    def statistic(self, title, shape):
        if title not in self.statistics:
            self.statistics[title] = self.tensor(title, shape)
        return self.statistics[title]

    def still(self):
        """Weights that no step moves: of candidates that were not drawn."""
        found = {}
        for instance in self.instances.values():
            for k, (_, group) in enumerate(instance.lines):
                if group['rule'] == 'sample' and instance.via(k) is None:
                    found[f'{instance.title}.edges.{k}.w'] = ~instance.marks[k]
        found.update({title: torch.ones_like(self.weights[title], dtype=torch.bool) for title in self.fixed})
        return found

    def parameters(self):
        """Learned numbers in use: all but those of candidates that are not."""
        total = 0
        for title, w in self.weights.items():
            head, found, rest = title.partition('.edges.')
            instance = self.instances.get(head)
            if title in self.fixed:
                continue
            if not found or w.shape == (1,) and rest.split('.')[1] in self.shared_by_lists():
                total += w.numel()
                continue
            k = int(rest.split('.')[0])
            marks = instance.marks[k]
            each = w.shape[0] == len(marks) and not instance.shared(k, rest.split('.')[1])
            total += int((marks & instance.leads(k)).sum()) * (w.numel() // len(marks)) if each else w.numel()
        return total

    def shared_by_lists(self):
        """Names of weights of rules of which a list has one."""
        return {s['name'] for rule in self.program.get('rules', []) for s in rule['states'] if s['shared']}

    # functions (sections 4 and 5): z is [samples, nodes, pixels ...]

    def pieces(self, fn, base, count, pixels, nodes):
        """Values of a function's weights by name, for the nodes that are asked for."""
        env = {}
        if fn.get('costs'):
            self.costed[base] = (fn, count)
        for w in fn['weights']:
            n = 1 if w.get('shared') else count
            full = self.weight(f"{base}.{w['name']}", [n] + w['sizes'], w.get('range'), w.get('trait'))
            mine = self.common(full) if w.get('shared') else full[nodes]
            shape = [1, -1] + [1] * pixels

            def element(index, mine=mine, shape=shape):
                return mine[(slice(None),) + tuple(index)].reshape(shape)
            env[w['name'] + '[]'] = element
            env[w['name']] = mine if w['sizes'] else mine.reshape(shape)
        return env

    def costs(self):
        """Sums over all nodes and candidates by name; of edges that are drawn, over those in use."""
        total = {}
        for base, (fn, count) in self.costed.items():
            env = self.pieces(fn, base, count, 0, slice(None))
            head, edges, rest = base.partition('.edges.')
            for title, tree in fn['costs']:
                value = evaluate(tree, env, {})
                k = int(rest.split('.')[0]) if edges else 0
                if edges and self.instances[head].lines[k][1]['rule'] == 'sample' and value.shape[-1] == count:
                    value = value * self.instances[head].marks[k]
                total[title] = total.get(title, 0) + value.sum()
        total.update(self.size_costs())
        return total

    def common(self, full):
        """A shared weight: of edges, it gets the gradient of those in use alone."""
        return full.detach() if self.as_if else full

    def environment(self, fn, ref, z, base, count, nodes, own=None):
        env = self.pieces(fn, base, count, z.dim() - 2, nodes)
        given = [z] if own is None else [z, own]
        for k, (parameter, default) in enumerate(fn['params']):
            env[parameter] = given[k] if k < len(given) else self.argument(ref, parameter, default, z.dim() - 2, nodes)
        return env

    def argument(self, ref, parameter, default, pixels, nodes):
        """A number, or one for each node, of its indices."""
        value = ref.get('args', {}).get(parameter, default)
        if not isinstance(value, dict):
            return value
        places = itertools.product(*map(range, value['sizes']))
        numbers = [evaluate(value['tree'], dict(zip(value['indices'], place))) for place in places]
        return torch.tensor(numbers, dtype=DTYPE[0])[nodes].reshape([1, -1] + [1] * pixels)

    def apply(self, ref, z, base, count, nodes, own=None, result='value'):
        """A function without states on the values z of some nodes of a set, or of some candidates of a line."""
        if ref is None:
            return z
        fn = self.fns.get(ref['fn'])
        if fn is None:
            return POINTWISE[ref['fn']](z, **ref.get('args', {}))
        env = self.environment(fn, ref, z, base, count, nodes, own)
        calls = self.calls(base, count, nodes)
        for title, tree in fn['lets']:
            env[title] = evaluate(tree, env, calls)
        value = evaluate(fn[result], env, calls)
        if not isinstance(value, torch.Tensor):
            return torch.full_like(z, float(value))
        return value.expand([z.shape[0], z.shape[1]] + list(value.shape[2:])) if value.dim() > 1 else value + 0 * z

    def send(self, fn, s, states, instance, shown=False):
        """What the nodes of a set send (or show as a node of the output), from their states."""
        if fn is None or not fn['states']:
            return states[0]
        env = self.stated(fn, s, states, instance)
        tree = fn['shown'] if shown and fn.get('shown') is not None else fn['value']
        return evaluate(tree, env, self.calls()) + 0 * states[0]

    def stated(self, fn, s, states, instance):
        count = instance.count[s['name']]
        env = self.pieces(fn, instance.base(s), count, states[0].dim() - 2, slice(None))
        env.update({st['name']: v for st, v in zip(fn['states'], states)})
        for parameter, default in fn['params'][1:]:
            env[parameter] = self.argument(s['fn'], parameter, default, states[0].dim() - 2, slice(None))
        return env

    def move(self, fn, s, states, arriving, instance):
        """Next values or rates of the states of a set."""
        count = instance.count[s['name']]
        if fn is None or not fn['states']:
            return [self.apply(s.get('fn'), arriving, instance.base(s), count, slice(None))]
        env = self.stated(fn, s, states, instance)
        env[fn['params'][0][0]] = arriving
        calls = self.calls(instance.base(s), count, slice(None))
        for title, tree in fn['lets']:
            env[title] = evaluate(tree, env, calls)
        rates = {title: evaluate(tree, env, calls) for title, tree in fn['moves']}
        return [rates[st['name']] + 0 * arriving for st in fn['states']]

    def calls(self, base='', count=0, nodes=slice(None)):
        """Functions that an expression may call beyond the pointwise ones."""
        found = {f['name']: self.plain(f) for f in self.fns.values() if not f['weights'] and not f['states']}
        found['batch_norm'] = lambda x: self.batch_norm(base + '.batch_norm', x, {}, count, nodes)
        found.update(MAPS)
        return found

    def plain(self, fn):
        def value(*args, **named):
            env = {p: d for p, d in fn['params']}
            env.update(zip(env, args))
            env.update(named)
            calls = self.calls()
            for title, tree in fn['lets']:
                env[title] = evaluate(tree, env, calls)
            return evaluate(fn['value'], env, calls)
        return value

    # graphs

    def instance(self, g, title, constant=None):
        if title not in self.instances:
            self.instances[title] = Instance(self, g, title, constant)
        return self.instances[title]

    def graph(self, name, x):
        return self.instance(self.graphs[name], self.number(name)).run(x)

    # layers (section 11)

    def layer(self, item, x):
        return getattr(self, 'layer_' + item['name'])(x, item['args'])

    def layer_linear(self, x, args):
        title = self.number('linear')
        value = self.instance(dense(title, x.shape[1], args['out'], args.get('keep')), title).run(x)
        return value + self.weight(title + '.b', [args['out']]) if args.get('bias', True) else value

    def layer_embed(self, x, args):
        title = self.number('embed')
        rows = torch.nn.functional.one_hot(x.reshape(-1).long(), args['values']).to(x.dtype)
        return self.instance(dense(title, args['values'], args['out'], args.get('keep')), title).run(rows).reshape(list(x.shape) + [-1])

    def layer_conv2d(self, x, args):
        """Each weight is a candidate: from a channel and a place in the filter to a channel."""
        title, groups, size = self.number('conv2d'), args.get('groups', 1), args['size']
        n = x.shape[1] // groups * size * size
        g = self.instance(dense(title, n, args['out'], args.get('keep')), title)
        w = self.weight(f'{title}.edges.0.w', [args['out'] * n])
        used = g.marks[0]
        w = used * w.detach() + (w - w.detach())
        k = w.reshape(args['out'], -1, size, size)
        on = (used * self.weights[f'{title}.edges.0.w'].detach()).reshape(k.shape)
        y = convolve(x, on, args.get('stride', 1), 1, groups) + quiet(convolve(x.detach(), k, args.get('stride', 1), 1, groups))
        return y + self.weight(title + '.b', [args['out']]).reshape(1, -1, 1, 1) if args.get('bias', True) else y

    def layer_depthwise(self, x, args):
        title, n, size = self.number('depthwise'), x.shape[1], args['size']
        k = self.weight(title + '.k', [n, size, size]).reshape(n, 1, size, size)
        if self.filter:
            k = k * self.taps(self.filter, size)
        y = convolve(x, k, args.get('stride', 1), 1, n)
        return y + self.weight(title + '.b', [n]).reshape(1, -1, 1, 1) if args.get('bias', True) else y

    def layer_softmax(self, x, args):
        return torch.softmax(x, 1)

    def layer_flatten(self, x, args):
        return x.reshape(x.shape[0], -1)

    def layer_dropout(self, x, args):
        assert not self.training or args['p'] == 0
        return x

    def layer_Noisy(self, x, args):
        assert not self.training
        return x

    def layer_last(self, x, args):
        last = torch.full([len(x)], x.shape[1]) if self.there is None else self.there.sum(1)
        return x[torch.arange(len(x)), last - 1]

    def layer_mean_time(self, x, args):
        if self.there is None:
            return x.mean(1)
        return self.where_there(x).sum(1) / self.there.sum(1).reshape([-1] + [1] * (x.dim() - 2))

    def where_there(self, x):
        """x [samples, positions, ...] with 0 at the positions that a sample does not have."""
        return torch.where(self.there.reshape(list(x.shape[:2]) + [1] * (x.dim() - 2)), x, torch.zeros_like(x))

    def layer_layer_norm(self, x, args):
        title, axes = self.number('layer_norm'), list(range(1, x.dim()))
        mean = x.mean(axes, keepdim=True)
        variance = ((x - mean) ** 2).mean(axes, keepdim=True)
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale = self.weight(title + '.scale', list(x.shape[1:]))
        shift = self.weight(title + '.shift', list(x.shape[1:]))
        return (x - mean) / torch.sqrt(variance + args.get('eps', 1e-5)) * scale + shift

    def layer_batch_norm(self, x, args):
        return self.batch_norm(self.number('batch_norm'), x, args, x.shape[1], slice(None))

    def batch_norm(self, title, x, args, count, nodes):
        """Of each node: its mean and variance over samples and pixels. x is [samples, nodes, pixels ...]."""
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale = self.weight(title + '.scale', [count])[nodes].reshape(shape)
        shift = self.weight(title + '.shift', [count])[nodes].reshape(shape)
        k, moments = self.moment or (0, 1)
        mean = self.statistic(title + '.mean', [moments, count])[k]
        variance = self.statistic(title + '.variance', [moments, count])[k]
        now, spread = mean[nodes].reshape(shape), variance[nodes].reshape(shape)
        if self.training:
            axes = [0] + list(range(2, x.dim()))
            n = x.numel() // x.shape[1]
            now = x.mean(axes, keepdim=True)
            spread = ((x - now) ** 2).mean(axes, keepdim=True)
            m = args.get('momentum', 0.1)
            mean[nodes] = mean[nodes] * (1 - m) + now.detach().reshape(-1) * m
            variance[nodes] = variance[nodes] * (1 - m) + spread.detach().reshape(-1) * (n / (n - 1)) * m
        return (x - now) / torch.sqrt(spread + args.get('eps', 1e-5)) * scale + shift

    def layer_instance_norm(self, x, args):
        return instance_norm(x, **args)

    def layer_avg_pool(self, x, args):
        return F.avg_pool2d(x, args['size'], args.get('stride', args['size']), args.get('padding', 0))

    def layer_max_pool(self, x, args):
        return F.max_pool2d(x, args['size'], args.get('stride', args['size']), args.get('padding', 0))

    def layer_mean_map(self, x, args):
        return x.mean([2, 3])

    def layer_crop(self, x, args):
        return MAPS['crop'](x, args['top'], args['left'], args['height'], args['width'])

    # the model

    def operation(self, item, args):
        kind = item['op']
        if kind == 'layer':
            self.filter = item.get('filter')
            return self.layer(item, args[0])
        if kind == 'graph':
            return self.graph(item['name'], args[0])
        if kind == 'pointwise':
            return POINTWISE[item['name']](args[0])
        if kind == 'function':
            return self.function(item['name'], args[0])
        if kind == 'block':
            return self.operations(self.blocks[item['name']]['ops'], args[0])
        if kind == 'scan':
            return self.scan(item, args[0])
        if kind == 'chain':
            for body in item['bodies']:
                args = [self.operation(body, args)]
            return args[0]
        if kind == 'binary':
            a, b = args
            return a + b if item['sym'] == '+' else a - b if item['sym'] == '-' else a * b
        return torch.cat(args, 1)

    def function(self, name, x):
        """A function with weights on a tensor: each element is a node, of maps each channel."""
        fn = self.fns[name]
        z = x if x.dim() == 4 else x.reshape(x.shape[0], -1)
        title = self.number(name) if fn['weights'] else ''
        return self.apply({'fn': name}, z, f'{title}.x.{name}', z.shape[1], slice(None)).reshape(x.shape)

    def scan(self, item, x):
        body, n = item['body'], x.shape[1]
        g, fn = self.graphs.get(body.get('name')), self.fns.get(body.get('name'))
        if body['op'] == 'graph' and g.get('time'):
            return self.along(self.instance(g, self.number(g['name'])), item, x)
        if body['op'] == 'function' and fn['states']:
            return self.along(self.instance(cell(fn, x.shape[2]), self.number(fn['name']), 1), item, x)
        flat = self.operation(body, [x.reshape([-1] + list(x.shape[2:]))])
        return flat.reshape([-1, n] + list(flat.shape[1:]))

    def along(self, g, item, x):
        g.begin(x[:, 0])
        found, n = [], x.shape[1]
        for k in range(n):
            if item.get('truncate') and k and k % item['truncate'] == 0:
                g.detach()
            found.append(g.move(x[:, k], k, n))
        return torch.stack(found, 1)

    def operations(self, ops, x):
        values, waits, current = {'x': x}, {}, x
        for item in ops:
            names, args = [waits.get(k) for k in item['in']], [values[k] for k in item['in']]
            same = keeps(item) and all(n == names[0] for n in names)
            if not same:
                args = [self.masked(a, n) for a, n in zip(args, names)]
            current = self.operation(item, args)
            if item.get('within'):
                current = args[0] + self.places(*item['within']) * (current - args[0])
            values[item['id']], waits[item['id']] = current, item.get('size') or (names[0] if same else None)
        return current

    def forward(self, x, training=False):
        self.uses, self.training, self.there = {}, training, None
        if self.program['model']['padded']:
            self.there = ~torch.isnan(x).flatten(2).all(2)
            x = self.where_there(x)
        y = self.operations(self.program['model']['ops'], x)
        return self.where_there(y) if self.there is not None and y.dim() > 2 else y

    def choose(self, position):
        for instance in self.instances.values():
            instance.choose(position)
        if self.program['model'].get('keep'):
            self.choose_together(position)

    def choose_together(self, position):
        """One budget for the lines of all graphs."""
        lines = [(instance, k) for instance in self.instances.values() for k in range(len(instance.lines))]
        sizes = [abs(w) for instance, k in lines for w in instance.deciding(k).detach().float().tolist()]
        used = wiring.in_use(self.program['model']['keep'], [None] * len(sizes), sizes, position)
        for instance, k in lines:
            instance.marks[k] = torch.tensor(used[:len(instance.pairs[k])], dtype=torch.bool)
            used = used[len(instance.pairs[k]):]


def dense(title, n, out, keep):
    line = {'from': 'x', 'to': 'y', 'from_index': ['_'], 'to_index': ['_']}
    return {'name': title, 'time': None, 'lists': [{'lines': [line], 'budget': keep, 'rule': 'keep'}],
            'sets': [{'kind': 'input', 'name': 'x', 'sizes': [n]}, {'kind': 'output', 'name': 'y', 'sizes': [out]}]}


def cell(fn, n):
    """What scan(F) runs for a function with states: a node for each feature."""
    line = {'from': 'x', 'to': 'y', 'from_index': ['i'], 'to_index': ['i']}
    return {'name': fn['name'], 'time': {'kind': 'steps', 'n': 1}, 'lists': [{'lines': [line], 'budget': None, 'rule': 'keep'}],
            'sets': [{'kind': 'input', 'name': 'x', 'sizes': [n]},
                     {'kind': 'output', 'name': 'y', 'sizes': [n], 'fn': {'fn': fn['name'], 'args': {}}}]}


def quiet(x):
    return x - x.detach()


def convolve(x, k, stride, dilation, groups):
    """y[i] = sum of k[t] x[i + t]; of the dilation (size - 1) pixels beyond the map half, rounded down, lie before it."""
    reach = dilation * (k.shape[2] - 1)
    before = reach // 2
    return F.conv2d(F.pad(x, [before, reach - before] * 2), k, stride=stride, dilation=dilation, groups=groups)


def node_conv(x, k, stride=1, dilation=1):
    n = x.shape[1]
    if isinstance(k, list):  # of numbers, and of weights of the nodes
        k = torch.stack([torch.stack([torch.as_tensor(v, dtype=DTYPE[0]).reshape(-1).expand(n) for v in row], 1) for row in k], 1)
    k = k.expand(n, -1, -1)
    return convolve(x, k.reshape(n, 1, k.shape[1], k.shape[2]), stride, dilation, n)


def instance_norm(x, eps=1e-5):
    mean = x.mean([2, 3], keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean([2, 3], keepdim=True) + eps)


MAPS = {
    'conv': node_conv, 'instance_norm': instance_norm, 'mean_map': lambda x: x.mean([2, 3], keepdim=True),
    'avg_pool': lambda x, size, stride=None: F.avg_pool2d(x, size, stride or size),
    'max_pool': lambda x, size, stride=None: F.max_pool2d(x, size, stride or size),
    'crop': lambda x, top, left, height, width: x[:, :, top:top + height, left:left + width],
}
