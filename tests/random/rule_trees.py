"""Random rules that choose edges, and those of the library (section 9 of docs/language.md), as trees."""
import random
from functions import Functions, call, name, num, op
from wiring import candidates

WEAK = op('*', num(0.1), name('random'))
EVERY = {'from': None, 'until': None}


def share(percent):
    return {'kind': 'percent', 'value': percent}


def action(verb, score=None, **more):
    return {'verb': verb, 'score': score, 'amount': None, 'value': None, 'fresh': False, 'target': None, **more}


def cosine(until=None):
    """part / 2 * (1 + cos(pi * progress / until))"""
    turn = op('*', name('pi'), name('progress'))
    turn = op('/', turn, until) if until else turn
    return {'kind': 'share', 'value': op('*', op('/', name('part'), num(2)), op('+', num(1), call('cos', turn)))}


def state(title, start=0, moved=None, shared=False, learned=False):
    return {'name': title, 'start': start, 'next': moved, 'shared': shared, 'learned': learned}


def library(title, params, events, gradient='used', **more):
    return {'name': title, 'library': True, 'params': params, 'gradient': gradient, 'states': [], 'lets': [], 'events': events, **more}


def drop_and_grow(when, drop, grow):
    return {**EVERY, **when, 'actions': [action('drop', call('abs', name('w')), amount=drop), action('grow', grow)]}


PART = {'kind': 'share', 'value': name('part')}
GRADIENT = call('abs', name('gradient'))
MAGNITUDE = call('abs', name('w'))
OTHERS = op('-', name('candidates'), name('budget'))
LEFT = op('+', name('budget'), op('*', OTHERS, op('^', call('max', op('-', num(1), op('/', name('progress'), name('until'))), num(0)), num(3))))
SHRUNK = op('*', call('sign', name('w')), call('max', op('-', MAGNITUDE, op('*', name('rate'), name('penalty'))), num(0)))


def carried_scores(q):
    """w, and the gradient of |q| straight through it."""
    w = call('stop_gradient', name('w'))
    size = call('abs', name(q))
    return op('*', w, op('+', num(1), op('-', size, call('stop_gradient', size))))


def carried_soft(q):
    return op('*', call('sign', name('w')), call('relu', op('-', MAGNITUDE, call('sigmoid', name(q)))))


def count(tree):
    return {'kind': 'count', 'value': tree}


def each(when, *actions):
    return {**EVERY, **when, 'actions': list(actions)}


RIGL = drop_and_grow({'steps': name('interval'), 'until': {'percent': True, 'at': name('until')}}, cosine(name('until')), GRADIENT)
PARTS = [['interval', 100], ['part', 30], ['until', 75]]
LIBRARY = [
    library('no_update', [], [each({'steps': num(1)}, action('choose', MAGNITUDE))]),
    library('set', [['part', 30]], [drop_and_grow({'epochs': num(1)}, PART, name('random'))]),
    library('rigl', PARTS, [RIGL]),
    library('srigl', PARTS, [RIGL]),
    library('mest', [['interval', 5], ['part', 30], ['pressure', 0.01]],
            [each({'epochs': name('interval')}, action('drop', op('+', MAGNITUDE, op('*', name('pressure'), GRADIENT)), amount=PART),
                  action('grow', name('random')))]),
    library('sparse_momentum', [['part', 50]],
            [each({'epochs': num(1)}, action('redistribute', call('abs', name('momentum')), amount=cosine()),
                  action('drop', MAGNITUDE, amount=cosine()), action('grow', call('abs', name('momentum'))))], gradient='all'),
    library('fine_tune', [['dense', 50]], [each({'once': {'at': 'dense'}}, action('choose', MAGNITUDE))], start='all'),
    library('lottery', [['dense', 50]],
            [each({'once': {'at': 'dense'}}, action('choose', MAGNITUDE), action('reset', target='w', value=name('first')))], start='all'),
    library('targeted_dropout', [['rho', 95]],
            [each({'steps': num(1)}, action('choose', MAGNITUDE),
                  action('grow', name('random'), amount=count(op('*', op('-', num(1), name('rho')), OTHERS)), value=name('w'))),
             each({'epochs': num(1)}, action('drop', MAGNITUDE)), each({'once': {'at': 100}}, action('drop', MAGNITUDE))], start='all'),
    library('l1_anneal', [['penalty', 0.0001], ['until', 75]],
            [each({'steps': num(1)}, action('reset', target='w', value=SHRUNK), action('drop', MAGNITUDE, amount=count(op('-', name('kept'), LEFT))))],
            start='all'),
    library('granet', [['interval', 100], ['part', 50], ['until', 75]],
            [each({'steps': name('interval')}, action('drop', MAGNITUDE, amount=count(op('-', name('kept'), name('target')))),
                  action('drop', MAGNITUDE, amount=cosine()), action('grow', GRADIENT, amount=count(op('-', name('target'), name('kept')))))],
            start='all'),
    library('str', [['start', -5]], [], gradient='all', forward=carried_soft('s'), used=op('!=', name('forward'), num(0))),
    library('edge_popup', [], [each({'steps': num(1)}, action('choose', call('abs', name('s'))))], gradient='all',
            forward=carried_scores('s')),
]
BY_NAME = {rule['name']: rule for rule in LIBRARY}
BY_NAME['granet']['lets'] = [['target', LEFT]]
BY_NAME['str']['states'] = [state('s', shared=True, learned=True)]
BY_NAME['edge_popup']['states'] = [state('s', learned=True)]
GIVEN = {'interval': [1, 2, 3], 'part': [20, 40, 60], 'pressure': [0.1, 1], 'until': [60, 80], 'dense': [30, 60], 'rho': [50, 80],
         'penalty': [0.01, 0.1], 'start': [-3, -2]}


class Rules(Functions):
    """Draws from a generator of its own, so that programs without rules are what they were."""

    def begin_rules(self, seed):
        self.d = random.Random(f'rules {seed}')
        self.rules, self.ruled = [], self.d.random() < 0.6
        self.moving = None

    def odds(self, p):
        return self.d.random() < p

    def add_rules(self, g):
        """Rules for some lists of a graph, with budgets that leave something to choose."""
        sets = {s['name']: s for s in g['sets']}
        for group in g['lists']:
            plain = not group['via'] and not any(line['via'] or line.get('drawn') for line in group['lines'])
            plain = plain and not group.get('of') and not group.get('tied')
            total = sum(len(candidates(g, line, sets)) for line in group['lines'])
            if not self.ruled or not plain or total < 3 or group['rule'] != 'keep' or self.odds(0.3):
                continue
            rule = self.any_rule()
            if self.moving and self.odds(0.6):
                group['using'], rule = self.moving  # budget moves between them
            else:
                group['using'] = {'rule': rule['name'], 'args': self.rule_arguments(rule)}
            if rule not in self.rules:
                self.rules.append(rule)
            if 'redistribute' in repr(rule):
                self.moving = group['using'], rule
            group['budget'], group['by'] = self.rule_budget(rule, total), None

    def rule_arguments(self, rule):
        if not rule['library']:
            return {}
        return {p: self.d.choice(GIVEN[p]) for p, _ in rule['params'] if p == 'interval' or self.odds(0.5)}

    def rule_budget(self, rule, total):
        verbs = [a['verb'] for e in rule['events'] for a in e['actions']]
        again = [e for e in rule['events'] if e.get('steps') or e.get('epochs')]
        follows = any('choose' in [a['verb'] for a in e['actions']] or
                      [a['verb'] for a in e['actions']][-2:] == ['drop', 'grow'] and not e['actions'][-1]['amount'] for e in again)
        if rule.get('used'):
            return {'kind': 'all'}
        some = lambda: {'kind': 'count', 'value': self.d.randint(1, total - 1)}
        if 'redistribute' in verbs:
            return some()
        if self.odds(0.25):
            return {'kind': self.d.choice(['fan_in', 'fan_out']), 'value': self.d.randint(1, 3)}
        if self.odds(0.2) and follows:
            return {'kind': 'anneal', 'start': some(), 'end': some(), 'epochs': self.d.choice([1, 2, 4]),
                    'curve': self.d.choice([None, 'cubic', 'cosine', 'straight'])}
        return some()

    def any_rule(self):
        return self.d.choice(LIBRARY) if self.odds(0.35) else self.own_rule()

    def own_rule(self):
        rule = {'name': self.fresh('rule'), 'library': False, 'params': [], 'gradient': self.d.choice([None, 'used', 'all']),
                'states': [], 'lets': [], 'events': [], 'start': self.d.choice([None, None, None, 'all'])}
        if self.odds(0.35):
            self.add_forward(rule)
        for k in range(self.d.choice([0, 0, 1, 1, 2])):
            moved = self.d.choice([op('+', op('*', num(0.9), name(f's{k}')), GRADIENT), op('+', name(f's{k}'), MAGNITUDE),
                                   op('+', op('*', num(0.5), name(f's{k}')), ['if', name('used'), num(1), num(0)]),
                                   op('-', name('s0'), op('*', num(0.1), op('*', name('w'), name('gradient'))))])
            rule['states'].append(state(f's{k}', self.d.choice([0, 1, 0.5]), moved))
        if self.odds(0.3):
            rule['lets'].append(['score', op('+', MAGNITUDE, op('*', num(0.1), call('abs', op('-', name('w'), name('first')))))])
        if rule.get('used'):
            rule['start'] = None
            rule['events'] = [{**self.when(), 'actions': [self.reset(rule)]} for _ in range(self.d.choice([0, 0, 1]))]
            return rule
        rule['events'] = [self.event(rule) for _ in range(self.d.choice([1, 1, 2]))]
        if not rule['start'] and self.odds(0.2):
            part = self.d.choice([share(40), count(num(2)), {'kind': 'share', 'value': op('*', num(0.5), op('-', num(1), name('progress')))}])
            score = self.d.choice([MAGNITUDE, GRADIENT, call('abs', name('momentum'))])
            rule['events'][0]['actions'].insert(0, action('redistribute', score, amount=part))
        rule['weight'] = self.d.choice([None, None, 'kaiming', 'he', 'normal(0.1, 0.4)'])
        return rule

    def add_forward(self, rule):
        """What edges carry, and for some rules which are in use."""
        q, kind = self.fresh('q'), self.d.randrange(7)
        product = op('*', name(q), name('w'))
        states = [state(q, 1.2, shared=True, learned=True), state(q, '~ uniform(0.5, 1.5)', learned=True),
                  state(q, 0.5, call('min', num(1), op('+', num(0.5), name('progress'))), shared=True),
                  state(q, 1, op('+', op('*', num(0.9), name(q)), op('*', num(0.2), MAGNITUDE))), None,
                  state(q, '~ uniform(0.2, 1)', learned=True), state(q, -3, shared=True, learned=True)]
        if states[kind]:
            rule['states'].append(states[kind])
        rule['forward'] = [product, product, product, product, call('tanh', name('w')), carried_scores(q), carried_soft(q)][kind]
        if self.odds(0.35):
            small = op('>', call('abs', name('forward')), num(0.05))
            rule['used'] = [small, op('>', name(q), num(0.7)), small, small, small, small, op('!=', name('forward'), num(0))][kind]

    def value(self, rule, choices):
        """A number of a candidate that some orders of candidates follow."""
        found = [MAGNITUDE] + choices + [name(s['name']) for s in rule['states'] if not s['shared']] + [name(n) for n, _ in rule['lets']]
        found += [call('abs', name('forward'))] if rule.get('forward') else []
        tree = self.d.choice(found)
        if self.odds(0.3):
            tree = op('+', tree, op('*', num(0.3), self.d.choice(found)))
        return tree

    def reset(self, rule):
        targets = [s['name'] for s in rule['states'] if not s['learned'] and not s['shared']] + ['w']
        target = self.d.choice(targets)
        value = self.d.choice([op('*', num(0.9), name('w')), op('+', op('*', num(0.9), name('w')), op('*', num(0.1), name('first')))])
        if target != 'w':
            value = self.d.choice([['if', name('used'), name(target), num(0)], op('+', name(target), op('*', num(0.1), name('epoch'))),
                                   call('abs', name('w'))])
        return action('reset', target=target, value=value)

    def when(self):
        when = {**EVERY}
        kind = self.d.randrange(5)
        if kind < 2:
            when['steps'] = num(self.d.choice([1, 1, 2, 3]))
        elif kind < 4:
            when['epochs'] = num(self.d.choice([1, 1, 2]))
        else:
            when['once'] = self.d.choice([1.5, 2, 3])  # the first weights are those of a training of one step
        if 'once' not in when and self.odds(0.3):
            when['from'] = {'percent': False, 'at': num(self.d.choice([0.5, 1]))}
        if 'once' not in when and self.odds(0.3):
            when['until'] = {'percent': True, 'at': num(self.d.choice([70, 90]))}
        return when

    def part(self, rule):
        """How many edges leave at an event."""
        found = [share(self.d.choice([20, 35, 50, 70])), count(num(self.d.randint(1, 3))),
                 {'kind': 'share', 'value': op('*', num(0.6), op('-', num(1), name('progress')))},
                 count(op('*', num(0.3), name('budget')))]
        if rule['start'] == 'all':
            found += [None, count(op('/', op('-', name('kept'), name('budget')), num(2)))] * 2
        return self.d.choice(found)

    def event(self, rule):
        when = self.when()
        reads = [GRADIENT, name('age'), op('-', num(0), GRADIENT), op('+', name('w'), WEAK)]
        actions = []
        if self.odds(0.35):
            actions.append(action('choose', self.value(rule, [GRADIENT, WEAK])))
        else:
            part = self.part(rule)
            actions.append(action('drop', self.value(rule, reads), amount=part))
            if self.odds(0.25):
                actions.append(action('grow', self.value(rule, [name('random'), GRADIENT]), amount=count(num(1))))
            if self.odds(0.25):
                actions.append(self.reset(rule))
            grown = action('grow', self.value(rule, [name('random'), GRADIENT, op('-', name('random'), op('*', num(0.1), name('fan_in'))),
                                                     op('-', name('random'), op('*', num(0.2), name('fan_out')))]))
            if self.odds(0.4):
                grown['value'] = self.d.choice([num(0.05), op('*', num(0.01), call('sign', name('gradient'))), op('*', num(0.1), name('random'))])
            elif self.odds(0.2):
                grown['fresh'] = True
            if rule['start'] == 'all' and self.odds(0.4):
                grown['amount'] = count(num(self.d.randint(1, 3)))  # beyond the budget, too
            if rule['start'] != 'all' or (part and self.odds(0.7)) or grown['amount']:
                actions.append(grown)
        if self.odds(0.25):
            actions.append(self.reset(rule))
        return {**when, 'actions': actions}
