"""A plain model of a program in PyTorch, written from docs/language.md alone. Sections are those of that page."""
import torch
import wiring
from expression import DTYPE, POINTWISE, evaluate


class Missing(Exception):
    """A tensor that the checkpoint does not have under the name of section 17."""


class Model:
    """tensors: name -> tensor of the checkpoint. Weights are leaves with gradients; kept statistics are replaced by each
    step; edges in use are chosen by choose()."""

    def __init__(self, program, tensors):
        self.program, self.tensors = program, tensors
        self.fns = {f['name']: f for f in program['fns']}
        self.graphs = {g['name']: g for g in program['graphs']}
        self.blocks = {b['name']: b for b in program['blocks']}
        self.weights, self.statistics, self.instances, self.limits, self.uses = {}, {}, {}, {}, {}
        self.training = False
        self.chance = None

    # weights

    def number(self, base):
        self.uses[base] = self.uses.get(base, 0) + 1
        return base if self.uses[base] == 1 else f'{base}_{self.uses[base]}'

    def tensor(self, title, shape):
        if title not in self.tensors:
            raise Missing(title)
        return self.tensors[title].to(DTYPE[0]).reshape(shape).clone()

    def weight(self, title, shape, limits=None):
        if title not in self.weights:
            self.weights[title] = self.tensor(title, shape).requires_grad_(True)
            if limits:
                self.limits[title] = limits
        return self.weights[title]

    def statistic(self, title, shape):
        if title not in self.statistics:
            self.statistics[title] = self.tensor(title, shape)
        return self.statistics[title]

    # functions (sections 4 and 5): z is [samples, nodes, pixels ...]

    def pieces(self, fn, base, count, pixels, nodes):
        """Values of a function's weights by name, for the nodes that are asked for."""
        env = {}
        for w in fn['weights']:
            n = 1 if w.get('shared') else count
            full = self.weight(f"{base}.{w['name']}", [n] + w['sizes'], w.get('range'))
            mine = full if w.get('shared') else full[nodes]
            shape = [1, -1] + [1] * pixels

            def element(index, mine=mine, shape=shape):
                return mine[(slice(None),) + tuple(index)].reshape(shape)
            env[w['name'] + '[]'] = element
            if not w['sizes']:
                env[w['name']] = mine.reshape(shape)
            else:
                env[w['name']] = mine
        return env

    def apply(self, ref, z, base, count, nodes, extra=None):
        """A function without states on the values z of some nodes of a set."""
        if ref is None:
            return z
        fn = self.fns.get(ref['fn'])
        if fn is None:
            return POINTWISE[ref['fn']](z, **ref.get('args', {}))
        env = self.environment(fn, ref, z, base, count, nodes)
        return evaluate(fn['value'], env, self.calls())

    def environment(self, fn, ref, z, base, count, nodes):
        env = self.pieces(fn, base, count, z.dim() - 2, nodes)
        for k, (parameter, default) in enumerate(fn['params']):
            env[parameter] = z if k == 0 else ref.get('args', {}).get(parameter, default)
        for title, tree in fn['lets']:
            env[title] = evaluate(tree, env, self.calls())
        return env

    def calls(self):
        return {}

    # graphs

    def instance(self, g, title):
        if title not in self.instances:
            self.instances[title] = Instance(self, g, title)
        return self.instances[title]

    def graph(self, name, x):
        g = self.graphs[name]
        return self.instance(g, self.number(name)).run(x)

    # layers (section 11)

    def layer(self, item, x):
        title = self.number(item['name'])
        return getattr(self, 'layer_' + item['name'])(title, x, item['args'])

    def layer_linear(self, title, x, args):
        n, out, keep = x.shape[1], args['out'], args.get('keep')
        g = {'name': title, 'time': None, 'sets': [
            {'kind': 'input', 'name': 'x', 'sizes': [n]}, {'kind': 'output', 'name': 'y', 'sizes': [out]}],
            'lists': [{'lines': [{'from': 'x', 'to': 'y', 'from_index': ['_'], 'to_index': ['_']}],
                       'budget': keep, 'rule': 'keep'}]}
        value = self.instance(g, title).run(x)
        if args.get('bias', True):
            value = value + self.weight(title + '.b', [out])
        return value

    def layer_softmax(self, title, x, args):
        return torch.softmax(x, 1)

    def layer_layer_norm(self, title, x, args):
        axes = list(range(1, x.dim()))
        mean = x.mean(axes, keepdim=True)
        variance = ((x - mean) ** 2).mean(axes, keepdim=True)
        shape = [1] + list(x.shape[1:])
        scale = self.weight(title + '.scale', shape[1:]).reshape(shape)
        shift = self.weight(title + '.shift', shape[1:]).reshape(shape)
        return (x - mean) / torch.sqrt(variance + args.get('eps', 1e-5)) * scale + shift

    def layer_batch_norm(self, title, x, args):
        return self.batch_norm(title, x, args, x.shape[1], slice(None))

    def batch_norm(self, title, x, args, count, nodes):
        """Of each node: its mean and variance over samples and pixels. x is [samples, nodes, pixels ...]."""
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, variance = self.statistic(title + '.mean', [count]), self.statistic(title + '.variance', [count])
        scale = self.weight(title + '.scale', [count])[nodes].reshape(shape)
        shift = self.weight(title + '.shift', [count])[nodes].reshape(shape)
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

    # the model

    def operation(self, item, values):
        args = [values[k] for k in item['in']]
        kind = item['op']
        if kind == 'layer':
            return self.layer(item, args[0])
        if kind == 'graph':
            return self.graph(item['name'], args[0])
        if kind == 'pointwise':
            return POINTWISE[item['name']](args[0])
        if kind == 'binary':
            a, b = args
            return a + b if item['sym'] == '+' else a - b if item['sym'] == '-' else a * b
        if kind == 'concat':
            return torch.cat(args, 1)
        raise NotImplementedError(kind)

    def operations(self, ops, x):
        values, current = {'x': x}, x
        for item in ops:
            current = values[item['id']] = self.operation(item, values)
        return current

    def forward(self, x, training=False):
        self.uses, self.training = {}, training
        return self.operations(self.program['model']['ops'], x)

    def choose(self, position):
        for instance in self.instances.values():
            instance.choose(position)


class Instance:
    """One use of a graph: its candidates, marks of edges in use, and how values go through it."""

    def __init__(self, model, g, title):
        self.model, self.g, self.title = model, g, title
        self.sets = {s['name']: s for s in g['sets']}
        self.count = {s['name']: len(wiring.nodes_of(s)) for s in g['sets']}
        self.lines, self.marks = [], []
        for group in g['lists']:
            for line in group['lines']:
                self.lines.append((len(self.lines), line, group))
        self.pairs = [wiring.candidates(g, line, self.sets, model.chance) for _, line, _ in self.lines]
        for k, (_, line, group) in enumerate(self.lines):
            kept = model.tensors.get(f'{title}.edges.{k}.kept')
            used = kept.reshape(-1).tolist() if kept is not None else [1] * len(self.pairs[k])
            self.marks.append([bool(u) for u in used])
        self.numbers = [self.edge_weight(k) for k in range(len(self.lines))]

    def edge_weight(self, k):
        return self.model.weight(f'{self.title}.edges.{k}.w', [len(self.pairs[k])])

    def choose(self, position):
        """Edges in use before a step (section 9)."""
        for group in self.g['lists']:
            mine = [k for k, _, other in self.lines if other is group]
            if group['rule'] == 'sample':
                continue
            ends = [((self.lines[k][1]['to'], t), (self.lines[k][1]['from'], s)) for k in mine for t, s in self.pairs[k]]
            sizes = [abs(w) for k in mine for w in self.numbers[k].detach().tolist()]
            used = wiring.in_use(group['budget'], ends, sizes, position)
            for k in mine:
                self.marks[k], used = used[:len(self.pairs[k])], used[len(self.pairs[k]):]

    def edge(self, k, c, source):
        """What candidate c of line k adds to its target's sum. An edge that is not in use adds nothing and sends nothing
        back, but its weight gets the gradient as if it were in use."""
        w = self.numbers[k][c]
        if self.marks[k][c]:
            return w * source
        if self.lines[k][2]['rule'] == 'sample':
            return None
        quiet = w * source.detach()
        return quiet - quiet.detach()

    def run(self, x):
        values = {}
        order = self.order()
        arriving = {}
        for k, (_, line, _) in enumerate(self.lines):
            for c, (t, s) in enumerate(self.pairs[k]):
                arriving.setdefault((line['to'], t), []).append((k, c, (line['from'], s)))
        for title, node in order:
            s = self.sets[title]
            if s['kind'] == 'input':
                total = x[:, node:node + 1]
            else:
                total = 0 * x[:, 0:1]
                for k, c, origin in arriving.get((title, node), []):
                    part = self.edge(k, c, values[origin])
                    total = total if part is None else total + part
            ref = s.get('fn')
            base = f"{self.title}.{title}.{ref['fn']}" if ref else ''
            values[title, node] = self.model.apply(ref, total, base, self.count[title], [node])
        out = next(s for s in self.g['sets'] if s['kind'] == 'output')
        return torch.cat([values[out['name'], n] for n in range(self.count[out['name']])], 1)

    def order(self):
        """Nodes, each after all sources of its candidates."""
        waiting = {}
        for k, (_, line, _) in enumerate(self.lines):
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
