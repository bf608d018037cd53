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


def library(title, params, events, gradient='used'):
    return {'name': title, 'library': True, 'params': params, 'gradient': gradient, 'states': [], 'lets': [], 'events': events}


def drop_and_grow(when, drop, grow):
    return {**EVERY, **when, 'actions': [action('drop', call('abs', name('w')), amount=drop), action('grow', grow)]}


PART = {'kind': 'share', 'value': name('part')}
GRADIENT = call('abs', name('gradient'))
LIBRARY = [
    library('no_update', [], [{**EVERY, 'steps': num(1), 'actions': [action('choose', call('abs', name('w')))]}]),
    library('set', [['part', 30]], [drop_and_grow({'epochs': num(1)}, PART, name('random'))]),
    library('rigl', [['interval', 100], ['part', 30], ['until', 75]],
            [drop_and_grow({'steps': name('interval'), 'until': {'percent': True, 'at': name('until')}}, cosine(name('until')), GRADIENT)]),
    library('mest', [['interval', 5], ['part', 30], ['pressure', 0.01]],
            [{**EVERY, 'epochs': name('interval'), 'actions': [
                action('drop', op('+', call('abs', name('w')), op('*', name('pressure'), GRADIENT)), amount=PART),
                action('grow', name('random'))]}]),
]
PERCENT = {'part', 'until'}  # parameters of the library that are percentages
GIVEN = {'interval': [1, 2, 3], 'part': [20, 40, 60], 'pressure': [0.1, 1], 'until': [60, 80]}


class Rules(Functions):
    """Draws from a generator of its own, so that programs without rules are what they were."""

    def begin_rules(self, seed):
        self.d = random.Random(f'rules {seed}')
        self.rules, self.ruled = [], self.d.random() < 0.6

    def odds(self, p):
        return self.d.random() < p

    def add_rules(self, g):
        """Rules for some lists of a graph, with budgets that leave something to choose."""
        sets = {s['name']: s for s in g['sets']}
        for group in g['lists']:
            plain = not group['via'] and not any(line['via'] or line.get('drawn') for line in group['lines'])
            total = sum(len(candidates(g, line, sets)) for line in group['lines'])
            if not self.ruled or not plain or total < 3 or group['rule'] != 'keep' or self.odds(0.3):
                continue
            rule = self.any_rule()
            group['using'] = {'rule': rule['name'], 'args': self.rule_arguments(rule)}
            group['budget'], group['by'] = self.rule_budget(rule, total), None

    def rule_arguments(self, rule):
        if not rule['library']:
            return {}
        return {p: self.d.choice(GIVEN[p]) for p, _ in rule['params'] if p == 'interval' or self.odds(0.5)}

    def rule_budget(self, rule, total):
        verbs = [a['verb'] for e in rule['events'] for a in e['actions']]
        again = [e for e in rule['events'] if e.get('steps') or e.get('epochs')]
        follows = any('choose' in [a['verb'] for a in e['actions']] or [a['verb'] for a in e['actions']][-2:] == ['drop', 'grow'] for e in again)
        if self.odds(0.2) and not {'drop', 'grow'} & set(verbs):
            return {'kind': self.d.choice(['fan_in', 'fan_out']), 'value': self.d.randint(1, 2)}
        some = lambda: {'kind': 'count', 'value': self.d.randint(1, total - 1)}
        if self.odds(0.2) and follows:
            return {'kind': 'anneal', 'start': some(), 'end': some(), 'epochs': self.d.choice([1, 2, 4]),
                    'curve': self.d.choice([None, 'cubic', 'cosine', 'straight'])}
        return some()

    def any_rule(self):
        if self.odds(0.35):
            rule = self.d.choice(LIBRARY)
        else:
            rule = self.own_rule()
        if rule not in self.rules:
            self.rules.append(rule)
        return rule

    def own_rule(self):
        rule = {'name': self.fresh('rule'), 'library': False, 'params': [], 'gradient': self.d.choice([None, 'used', 'all']),
                'states': [], 'lets': [], 'events': []}
        for k in range(self.d.choice([0, 0, 1, 1, 2])):
            moved = self.d.choice([op('+', op('*', num(0.9), name(f's{k}')), GRADIENT), op('+', name(f's{k}'), call('abs', name('w'))),
                                   op('+', op('*', num(0.5), name(f's{k}')), ['if', name('used'), num(1), num(0)]),
                                   op('-', name('s0'), op('*', num(0.1), op('*', name('w'), name('gradient'))))])
            rule['states'].append({'name': f's{k}', 'start': self.d.choice([0, 1, 0.5]), 'next': moved})
        if self.odds(0.3):
            rule['lets'].append(['score', op('+', call('abs', name('w')), op('*', num(0.1), call('abs', op('-', name('w'), name('first')))))])
        rule['events'] = [self.event(rule) for _ in range(self.d.choice([1, 1, 2]))]
        if not any(a['verb'] != 'reset' for e in rule['events'] for a in e['actions']):
            rule['events'].append(self.event(rule, acts=True))
        rule['weight'] = self.d.choice([None, None, 'kaiming', 'he', 'normal(0.1, 0.4)'])
        return rule

    def value(self, rule, choices):
        """A number of a candidate that some orders of candidates follow."""
        found = [call('abs', name('w'))] + choices + [name(s['name']) for s in rule['states']] + [name(n) for n, _ in rule['lets']]
        tree = self.d.choice(found)
        if self.odds(0.3):
            tree = op('+', tree, op('*', num(0.3), self.d.choice(found)))
        return tree

    def reset(self, rule):
        targets = [s['name'] for s in rule['states']] + ['w']
        target = self.d.choice(targets)
        value = self.d.choice([op('*', num(0.9), name('w')), op('+', op('*', num(0.9), name('w')), op('*', num(0.1), name('first')))])
        if target != 'w':
            value = self.d.choice([['if', name('used'), name(target), num(0)], op('+', name(target), op('*', num(0.1), name('epoch'))),
                                   call('abs', name('w'))])
        return action('reset', target=target, value=value)

    def event(self, rule, acts=False):
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
        reads = [GRADIENT, name('age'), op('-', num(0), GRADIENT), op('+', name('w'), WEAK)]
        actions = []
        if self.odds(0.35):
            actions.append(action('choose', self.value(rule, [GRADIENT, WEAK])))
        else:
            part = self.d.choice([share(self.d.choice([20, 35, 50, 70])), {'kind': 'count', 'value': num(self.d.randint(1, 3))},
                                  {'kind': 'share', 'value': op('*', num(0.6), op('-', num(1), name('progress')))}])
            actions.append(action('drop', self.value(rule, reads), amount=part))
            if self.odds(0.25):
                actions.append(action('grow', self.value(rule, [name('random'), GRADIENT]), amount={'kind': 'count', 'value': num(1)}))
            if self.odds(0.25):
                actions.append(self.reset(rule))
            grown = action('grow', self.value(rule, [name('random'), GRADIENT, op('-', name('random'), op('*', num(0.1), name('fan_in'))),
                                                     op('-', name('random'), op('*', num(0.2), name('fan_out')))]))
            if self.odds(0.4):
                grown['value'] = self.d.choice([num(0.05), op('*', num(0.01), call('sign', name('gradient'))), op('*', num(0.1), name('random'))])
            elif self.odds(0.2):
                grown['fresh'] = True
            actions.append(grown)
        if not acts and self.odds(0.25):
            actions.append(self.reset(rule))
        return {**when, 'actions': actions}
