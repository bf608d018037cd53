"""Random graphs: node sets, lines of edges, conditions, budgets, time."""
from functions import BENT, SMOOTH, call, name, num, op
from rule_trees import Rules
from wiring import candidates, node_numbers


class Graphs(Rules):
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

    def declared(self, s):
        """The function of a set, where the program declares it."""
        return next((f for f in self.fns if s['fn'] and f['name'] == s['fn']['fn']), None)

    def add_ports(self, g, lines):
        """A second sum for the nodes of some sets, and lines to it."""
        sets = {s['name']: s for s in g['sets']}
        for s in g['sets'][1:]:
            fn = self.declared(s)
            if not fn or len(fn['params']) > 2 or self.c.random() > 0.3:
                continue
            source = self.c.choice([o for o in g['sets'] if o['name'] != s['name'] and g['sets'].index(o) < g['sets'].index(s)])
            line = {'from': source['name'], 'to': s['name'], 'via': None, 'where': None, 'port': 'gate',
                    'from_index': ['_' for _ in source['sizes']], 'to_index': ['_' for _ in s['sizes']]}
            if not candidates(g, line, sets):
                continue
            fn['params'].insert(1, ['gate', None])
            fn['port'] = 'gate'
            fn['value'] = op('*', fn['value'], call('sigmoid', name('gate')))
            lines.append(line)

    def add_indices(self, g):
        """Functions of sets that know the indices of their node."""
        for s in g['sets']:
            fn = self.declared(s)
            if not fn or not s['sizes'] or self.c.random() > 0.3:
                continue
            s['indices'] = s['indices'] or ['p', 'q'][:len(s['sizes'])]
            p, q = name(s['indices'][0]), name(s['indices'][-1])
            tree = self.c.choice([p, op('/', q, num(4)), op('-', op('*', num(0.5), p), q), call('cos', p),
                                  ['if', op('<', p, num(1)), q, num(-1)]])
            fn['params'].append(['place', None])
            s['fn']['args'] = dict(s['fn']['args'], place={'tree': tree, 'indices': s['indices'], 'sizes': s['sizes']})
            part = self.c.choice([op('*', num(0.3), name('place')), ['if', op('>', name('place'), num(0)), num(0.5), num(0)]])
            if fn['states']:
                fn['moves'][0][1] = op('+', fn['moves'][0][1], part)
            else:
                fn['value'] = op('+', fn['value'], part)

    def add_second(self, g, line, ref):
        """A second value of an edge function, for the port of its target."""
        target = next(s for s in g['sets'] if s['name'] == line['to'])
        fn = self.declared(target)
        if fn and fn.get('port') and not line.get('port') and not g['time'] and self.c.random() < 0.6:
            self.find(ref['fn'])['second'] = op('*', call('abs', name('g')), call('sin', name('a')))

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
        lines = self.lines(g)
        self.add_draws(g, lines)
        self.add_ports(g, lines)
        self.add_indices(g)
        g['lists'] = self.lists(g, lines)
        g['sized'] = self.chance(0.3)
        if self.chance(0.25):
            self.draw_edges(g)
        self.add_via(g)
        if len(g['lists']) == 1 and self.chance(0.2) and not self.vias(g) and 'chance' not in repr(g['lists']):
            self.count_numbers(g)
        g['numbers'] = True
        self.add_keys(g)
        self.add_rules(g)
        self.graphs.append(g)
        return g['name']

    def add_via(self, g, maps=False):
        """Functions for some lines, or for a whole list."""
        sets = {s['name']: s for s in g['sets']}
        affine = bool(g['time']) and g['time'].get('solver') == 'semi_implicit'
        for group in g['lists']:
            if not self.chance(0.3):
                continue
            own = bool(g['time']) and not (maps and affine) and all(sets[line['to']]['kind'] != 'output' or sets[line['to']]['fn']
                                          for line in group['lines'])
            if self.chance(0.5):
                group['via'] = self.via_function(own, affine, not g['time'] and not self.inside and self.chance(0.15))
                if group['budget'] and group['rule'] == 'keep' and group['budget']['kind'] != 'all':
                    group['by'] = 'g'
            else:
                for line in group['lines']:
                    if self.chance(0.6):
                        line['via'] = self.via_function(own, affine)
                        self.add_second(g, line, line['via'])
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
        used, kind = self.r.randint(1, total), self.r.choice(['params', 'params' if self.inside else 'macs'])
        if kind == 'params':
            used += node_numbers(g, fns)
        g['lists'][0].update(budget={'kind': kind, 'value': used}, rule='keep')

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

    def timed_graph(self, inputs, outputs, scanned=False, maps=False):
        g = {'name': self.fresh('Net_in_time'), 'time': self.time(scanned)}
        clock = 'steps' if g['time']['kind'] == 'steps' else 'flow'
        affine = g['time'].get('solver') == 'semi_implicit'
        g['sets'] = [{'kind': 'input', 'name': 'x', 'sizes': inputs, 'fn': None, 'at': None, 'indices': None}]
        if not scanned and not affine and self.chance(0.2):
            g['sets'][0]['fn'] = self.state_function(clock)
            self.find(g['sets'][0]['fn']['fn'])['states'][0]['start'] = 0  # it starts with the input
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
        self.add_indices(g)
        lines = self.timed_lines(g)
        self.add_draws(g, lines)
        g['lists'] = self.lists(g, lines)
        self.add_via(g, maps)
        g['numbers'] = not scanned
        self.add_keys(g)
        self.add_rules(g)
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

    def map_graph(self, channels, outputs, large):
        g = {'name': self.fresh('Maps'), 'time': None}
        g['sets'] = [{'kind': 'input', 'name': 'x', 'sizes': [channels], 'fn': None, 'at': None, 'indices': None}]
        for k in range(self.r.randint(1, 2)):
            s = {'kind': 'nodes', 'name': 'hg'[k], 'sizes': [self.r.randint(1, 3)], 'fn': None, 'at': None, 'indices': None}
            if self.chance(0.7):
                s['fn'] = self.map_function(self.r.choice([1, 2, 3]), large)
            g['sets'].append(s)
        g['sets'].append({'kind': 'output', 'name': 'y', 'sizes': [outputs], 'fn': None, 'at': None, 'indices': None})
        lines = self.lines(g)
        self.add_draws(g, lines)
        g['lists'] = self.lists(g, lines)
        for group in g['lists']:
            if self.chance(0.25):
                group['via'] = self.map_via()
                if group['budget'] and group['rule'] == 'keep' and group['budget']['kind'] != 'all':
                    group['by'] = 'w'
        g['numbers'] = False
        self.add_keys(g)
        self.add_rules(g)
        self.graphs.append(g)
        return g['name']
