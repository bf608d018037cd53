"""Budgets of groups and tied weights: candidates by keys (sections 7 and 8 of docs/language.md)."""
import math
import random
import numpy as np
import torch
from expression import evaluate
from functions import call, name, num, op
from wiring import bind, candidates, nodes_of


def keys_of(g, group, key):
    """The key of each candidate of a list."""
    sets, found = {s['name']: s for s in g['sets']}, []
    for number, line in enumerate(group['lines']):
        sources, targets = nodes_of(sets[line['from']]), nodes_of(sets[line['to']])
        for t, s in candidates(g, line, sets):
            env = {'line': number}
            bind(line['from_index'] or [], sources[s], env)
            bind(line['to_index'] or [], targets[t], env)
            found.append(tuple(float(evaluate(part, env)) for part in key))
    return found


def members(keys):
    """Candidates of each key, in the order of their first ones."""
    found = {}
    for c, key in enumerate(keys):
        found.setdefault(key, []).append(c)
    return list(found.values())


def value_of(numbers, score):
    """What a group is worth, of the magnitudes of its weights."""
    if score == 'mean':
        value = sum(numbers) / len(numbers)
    elif score == 'max':
        value = max(numbers)
    else:
        value = math.sqrt(sum(x * x for x in numbers))
    return float(np.float32(value))


def tied_lists(instances):
    """Lists with tied weights that have them in common, by their text: (instance, its lines in the list, keys of their candidates)."""
    found = {}
    for instance in instances:
        for number, group in enumerate(instance.g['lists']):
            if group.get('tied'):
                mine = [k for k, (_, other) in enumerate(instance.lines) if other is group]
                text = group.get('text') or (instance.title, number)
                found.setdefault(text, []).append((instance, mine, keys_of(instance.g, group, group['tied'])))
    return list(found.values())


def sum_ties(instances, slopes):
    """Gradients of tied weights: for all candidates of a key their sum. Gives those of candidates beside the first ones."""
    again = []
    for lists in tied_lists(instances):
        lines = [(instance, k) for instance, mine, _ in lists for k in mine]
        count = [len(instance.pairs[k]) for instance, k in lines]
        keys = [key for _, _, those in lists for key in those]
        for names in zip(*[instance.own_weights(k) for instance, k in lines]):
            whole = torch.cat([slopes[title].reshape(n, -1) for title, n in zip(names, count)])
            for one in members(keys):
                whole[one] = whole[one].sum(0)
                again.append(whole[one[1:]])
            for title, part in zip(names, whole.split(count)):
                slopes[title] = part.reshape(slopes[title].shape)
    return again


class Keys:
    """Draws from a generator of its own, so that programs without keys are what they were."""

    def begin_keys(self, seed):
        self.k = random.Random(f'keys {seed}')

    def add_keys(self, g):
        for group in g['lists']:
            if self.k.random() < 0.25 and self.may_have_keys(group):
                self.add_key(g, group)

    def share_keys(self, graphs):
        """Lists of the program whose edges have weights in common: those with functions that have the same ones."""
        kinds = {}
        for g in graphs if self.k.random() < 0.2 else []:
            for group in g['lists']:
                listed = any(line.get('listed') or line.get('made') for line in group['lines'])
                if not listed and not group.get('of') and not group.get('using') and self.may_have_keys(group):
                    fn = self.find(group['via']['fn']) if group['via'] else None
                    kind = repr(fn and [[w.get(part) for part in ('name', 'sizes', 'range', 'trait')] for w in fn['weights']])
                    kinds.setdefault(kind, []).append((g, group))
        for number, those in enumerate(kinds.values()):
            for g, group in those:
                names = sorted(set.intersection(*[self.named_indices(g, line) for line in group['lines']])) + ['line']
                group['tied'], group['text'], group['rule'] = [self.key_part(names)], f'kind {number}', 'keep'
                group['budget'] = group['by'] = None

    def may_have_keys(self, group):
        if any(line.get('drawn') or line['via'] for line in group['lines']) or (group['budget'] or {}).get('kind') in ('params', 'macs'):
            return False
        fn = self.find(group['via']['fn']) if group['via'] else None
        return not fn or not ('batch_norm' in repr(fn['value']) or fn.get('costs') or any(w.get('shared') for w in fn['weights']))

    def named_indices(self, g, line):
        """Names of indices, which a line gets where it has none."""
        sets = {s['name']: s for s in g['sets']}
        for end, letter in (('from', 'u'), ('to', 'v')):
            if not line[end + '_index']:
                line[end + '_index'] = [letter + str(d) for d in range(len(sets[line[end]]['sizes']))]
            line[end + '_index'] = [letter + str(d) if n == '_' and self.k.random() < 0.7 else n
                                    for d, n in enumerate(line[end + '_index'])]
        return {n for n in line['from_index'] + line['to_index'] if n != '_'}

    def key_part(self, names):
        one = name(self.k.choice(names))
        kind = self.k.randrange(4)
        if kind == 1:
            return call('floor', op('/', one, num(2)))
        return op('mod', one, num(2)) if kind == 2 else one

    def add_key(self, g, group):
        names = sorted(set.intersection(*[self.named_indices(g, line) for line in group['lines']])) + ['line']
        key = [self.key_part(names) for _ in range(self.k.choice([1, 1, 2]))]
        count = len(members(keys_of(g, group, key)))
        kind = self.k.randrange(4)
        budget = {'kind': 'count', 'value': self.k.randint(1, count)}
        if kind == 0:
            budget = {'kind': 'share', 'value': 60} if count > 1 else {'kind': 'all'}
        if kind == 1:
            budget = {'kind': 'anneal', 'start': {'kind': 'all'}, 'end': budget, 'epochs': 2}
        ruled = group['rule'] if group['budget'] else 'keep'
        group['rule'] = 'keep' if budget['kind'] == 'anneal' else ruled
        if self.k.random() < 0.4:
            group['tied'], group['rule'] = key, 'keep'
            group['budget'] = budget if self.k.random() < 0.6 else None
        else:
            group['of'], group['score'], group['budget'] = key, self.k.choice(['norm', 'mean', 'max']), budget
        weights = [w['name'] for w in self.find(group['via']['fn'])['weights']] if group['via'] else ['w']
        chosen = group['budget'] and group['rule'] == 'keep'
        group['by'] = weights[0] if chosen and (group.get('of') or len(weights) > 1) else None
