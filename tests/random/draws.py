"""Conditions of edges over an index of their own (any, all, count), and draws by keys (sections 7 and 18 of docs/language.md).
Draws from a generator of its own, so that programs without them are what they were."""
import random
from functions import call, name, num, op
from wiring import candidates


class Draws:
    def begin_draws(self, seed):
        self.e = random.Random(f'draws {seed}')
        self.draw_seed = None

    def add_draws(self, g, lines):
        """Further conditions for some lines that have one."""
        sets = {s['name']: s for s in g['sets']}
        g['draw_seed'] = 7
        for line in lines:
            if not line['where'] or self.e.random() > 0.3:
                continue
            before = line['where']
            line['where'] = op(self.e.choice(['and', 'and', 'or']), before, self.more(line, sets))
            within = line['from'] == line['to'] and not g['time']
            if within:
                line['where'] = op('and', op('<', name(line['from_index'][0]), name(line['to_index'][0])), line['where'])
            if 2 * len(candidates(g, line, sets, g['draw_seed'])) < len(candidates(g, dict(line, where=before), sets)):
                line['where'] = before

    def more(self, line, sets):
        names = line['from_index'] + line['to_index']
        if self.e.random() < 0.5:
            self.draw_seed = 7
            key = [op('+', name(self.e.choice(names)), num(self.e.choice([0, 3]))) for _ in range(self.e.choice([1, 1, 2, 3]))]
            return call('chance', num(self.e.choice([0.3, 0.6, 0.9])), key[0] if len(key) == 1 else ['tuple', key])
        one, other = name(self.e.choice(names)), name('n')
        about = self.e.choice([op('==', op('mod', op('+', one, other), num(3)), num(self.e.randrange(3))),
                               op('<', call('abs', op('-', one, other)), num(self.e.choice([1, 2]))),
                               op('<', op('*', one, other), num(4)), ['not', op('==', one, other)]])
        source, target = sets[line['from']], sets[line['to']]
        if source.get('at') and len(source['sizes']) == 1 and target.get('at'):
            near = call('dist', ['point', source['name'], ['n']], ['point', target['name'], line['to_index']])
            about = self.e.choice([about, op('<', near, num(0.9))])
        each = ['each', about, 'n', ['range', 0, source['sizes'][0] - 1]]
        if self.e.random() < 0.5:
            return call(self.e.choice(['any', 'all']), each)
        return op(self.e.choice(['<', '>=', '==']), call('count', each), num(self.e.randrange(1, 4)))
