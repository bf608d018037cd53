"""Graphs: candidates, edges in use, and values of nodes (sections 6 to 10 of docs/language.md)."""
import itertools
import math
import torch
import generated
from expression import evaluate
from philox import draw


def nodes_of(s):
    return list(itertools.product(*[range(n) for n in s['sizes']]))


def half_up(x):
    return math.floor(x + 0.5 + 1e-9)


def bind(names, node, env):
    """Gives the names of indices their values; False when one name would have two."""
    for name, value in zip(names, node):
        if name != '_':
            if env.get(name, value) != value:
                return False
            env[name] = value
    return True


def points(sets):
    env = {}
    for s in sets:
        if s.get('at'):
            def point(index, s=s):
                local = dict(zip(s['indices'], index))
                return tuple(evaluate(e, local) for e in s['at'])
            env[s['name'] + '@'] = point
    return env


def candidates(g, line, sets, chance=None):
    """Pairs (number of target, number of source), by target, then by source. chance: answers chance(p) for a pair."""
    source, target = sets[line['from']], sets[line['to']]
    coordinates = points(g['sets'])
    found = []
    listed = {(t, s) for s, t, *_ in line['listed']['rows']} if line.get('listed') else None
    for t, to in enumerate(nodes_of(target)):
        for s, origin in enumerate(nodes_of(source)):
            if listed is not None and (t, s) not in listed:
                continue
            if line.get('made') and not generated.allowed(line['made'], s, t):
                continue
            env = dict(coordinates)
            if line['from_index'] and not bind(line['from_index'], origin, env):
                continue
            if line['to_index'] and not bind(line['to_index'], to, env):
                continue
            def by_chance(p, key=None, pair=(t, s)):
                if key is not None:
                    return draw(g['draw_seed'], key) < p
                return chance(g, line, pair) if chance else True
            calls = {'chance': by_chance}
            if line.get('where') is None or evaluate(line['where'], env, calls):
                found.append((t, s))
    return found


def amount(b, total):
    if b['kind'] == 'all':
        return total
    if b['kind'] == 'share':
        return half_up(b['value'] * total / 100)
    return half_up(b['value'])


def wanted(b, total, position, each, others, pixels):
    """Edges in use of a list whose budget is a count. position: in epochs."""
    if b['kind'] == 'anneal':
        start, end = amount(b['start'], total), amount(b['end'], total)
        t = min(position / b['epochs'], 1)
        part = {'cubic': 1 - (1 - t) ** 3, 'cosine': (1 - math.cos(math.pi * t)) / 2}.get(b.get('curve'), t)
        return start + half_up((end - start) * part)
    if b['kind'] == 'params':
        return min(total, int((b['value'] - others) // each))
    if b['kind'] == 'macs':
        return min(total, int(b['value'] // pixels))
    return amount(b, total)


def strongest(magnitudes, count):
    """Indices of the largest; of equal ones the earlier."""
    order = sorted(range(len(magnitudes)), key=lambda i: (-magnitudes[i], i))
    return set(order[:count])


def in_use(b, ends, magnitudes, position, each=1, others=0, pixels=1, groups=None):
    """Truth of each candidate of a list. ends: ((set, target), (set, source)) of each. groups: the candidates of each, whose
    magnitudes these are."""
    if b is None:
        return [True] * len(ends)
    if groups:
        kept = {c for i in strongest(magnitudes, wanted(b, len(groups), position, 1, 0, 1)) for c in groups[i]}
        return [i in kept for i in range(len(ends))]
    if b['kind'] in ('fan_in', 'fan_out'):
        side, kept = (0 if b['kind'] == 'fan_in' else 1), set()
        for node in {e[side] for e in ends}:
            mine = [i for i, e in enumerate(ends) if e[side] == node]
            kept |= {mine[k] for k in strongest([magnitudes[i] for i in mine], int(b['value']))}
    else:
        kept = strongest(magnitudes, wanted(b, len(ends), position, each, others, pixels))
    return [i in kept for i in range(len(ends))]


def node_numbers(g, fns):
    """Learned numbers of the node functions of a graph."""
    total = 0
    for s in g['sets']:
        fn = fns.get((s.get('fn') or {}).get('fn'))
        if fn is None:
            continue
        count = len(nodes_of(s))
        total += sum(math.prod(w['sizes']) * (1 if w.get('shared') else count) for w in fn['weights'] if w.get('trait') != 'fixed')
        total += 2 * count * repr([fn['value'], fn['lets'], fn['moves']]).count("'batch_norm'")
    return total
