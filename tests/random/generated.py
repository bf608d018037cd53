"""Lines of edges whose candidates come from a generator of random graphs (section 7 of docs/language.md).

Where a generator draws nothing (a ring without other ends, all pairs, new nodes that join all nodes before them) the pairs are
calculated here. Of others dnw test says them, in a program of two sets with this seed; what the reference promises of them is checked.
"""
import itertools
import random
import subprocess
import wiring

FEWEST = {'watts_strogatz': 3, 'erdos_renyi': 2, 'barabasi_albert': 2}


class Generated:
    """Draws from a generator of its own, so that programs without generators are what they were."""

    def begin_generated(self, seed):
        self.w = random.Random(f'generated {seed}')

    def generate_edges(self):
        for g in self.graphs:
            sets = {s['name']: s for s in g['sets']}
            for group in g['lists']:
                fixed = group.get('of') or group.get('tied') or (group['budget'] or {}).get('kind') not in (None, 'all', 'share', 'fan_in')
                for line in group['lines']:
                    if not fixed and not line.get('drawn') and not line.get('listed') and self.w.random() < 0.4:
                        self.generate_line(g, line, *(sets[line[end]] for end in ('from', 'to')))
                    if line.get('made') and group['budget'] and group['budget']['kind'] == 'share':
                        group['budget'] = {'kind': 'share', 'value': 60}  # of one candidate, too

    def generate_line(self, g, line, source, target):
        numbers = [len(wiring.nodes_of(s)) for s in (source, target)]
        names = [[n for n in line[end + '_index'] if n != '_'] for end in ('from', 'to')]
        if set(names[0]) & set(names[1]) or any(len(mine) not in (0, len(line[end + '_index'])) for end, mine in zip(('from', 'to'), names)):
            return
        if numbers[0] == numbers[1] > 2:
            made = self.some_source(numbers[0])
            if g['time'] and self.w.random() < 0.4:
                made['both'] = True
        else:
            name = self.w.choice(['sources', 'sinks'])
            n = numbers[name == 'sources']
            if n < 3:
                return
            made = {'name': name, 'of': self.some_source(n), 'nodes': n}
        if fixed_pairs(made) is None and line['where'] is not None and line['from'] != line['to']:
            return
        line['made'] = made
        if not wiring.candidates(g, line, {s['name']: s for s in g['sets']}):
            del line['made']

    def some_source(self, n):
        name = self.w.choice(sorted(FEWEST))
        if name == 'watts_strogatz':
            args = [2 if n < 5 else self.w.choice([2, 4]), self.w.choice([0, 0, 50, 75])]
            if args[0] > n - 1:
                args[0] = 2
        else:
            args = [self.w.choice([100, 80 if n > 3 else 100])] if name == 'erdos_renyi' else [self.w.choice([1, n - 1, n - 1])]
        return {'name': name, 'args': args, 'nodes': n, 'draw': self.w.choice([0, 0, 3]), 'both': False}


def source_text(made):
    if 'of' in made:
        return f"{made['name']}({source_text(made['of'])})"
    args = [f'{a}%' if made['name'] == 'erdos_renyi' or k == 1 else str(a) for k, a in enumerate(made['args'])]
    args += [f"draw = {made['draw']}"] if made['draw'] else []
    return f"{made['name']}({', '.join(args + (['both = true'] if made['both'] else []))})"


def turned(made, pairs):
    """Pairs (number of source, number of target), from the lower number to the higher, and back if both directions are asked for."""
    pairs = {(min(p), max(p)) for p in pairs}
    return pairs | {(b, a) for a, b in pairs} if made['both'] else pairs


def fixed_pairs(made):
    """Pairs (number of source, number of target) where nothing is drawn; None: they are."""
    n, name = made['nodes'], made['name']
    if 'of' in made:
        inner = fixed_pairs(made['of'])
        return None if inner is None else inner_ends(made, inner)
    first = made['args'][0]
    if name == 'watts_strogatz' and made['args'][1] == 0:
        return turned(made, {(a, (a + 1 + i) % n) for a in range(n) for i in range(first // 2)})
    if name == 'erdos_renyi' and first == 100:
        return turned(made, itertools.combinations(range(n), 2))
    if name == 'barabasi_albert' and first == n - 1:
        return turned(made, {(a, n - 1) for a in range(n - 1)})
    return None


def inner_ends(made, inner):
    """The nodes that sources and sinks name, as a set of numbers."""
    taken = {p[made['name'] == 'sources'] for p in inner}
    return {k for k in range(made['nodes']) if k not in taken}


def promised(made, pairs):
    """What the reference says of drawn pairs."""
    n, count, name = made['nodes'], len(pairs) / (2 if made['both'] else 1), made['name']
    assert all(0 <= a < n and 0 <= b < n and a != b for a, b in pairs), pairs
    assert made['both'] or all(a < b for a, b in pairs), pairs
    assert not made['both'] or {(b, a) for a, b in pairs} == pairs, pairs
    if name == 'watts_strogatz':
        assert count == n * made['args'][0] / 2, pairs
    if name == 'barabasi_albert':
        m = made['args'][0]
        assert count == m * (n - m) and all(sum(a < b == node for a, b in pairs) == m for node in range(m, n)), pairs
    return pairs


def ask(made, seed, dnw, folder):
    """Pairs that a generator draws, from the number of candidates without each of them."""
    n = made['nodes']
    lines = ['graph Asked(left_out = -1) {', '  input x[2]', f'  nodes h[{n}]', f'  nodes g[{n}]', '  output y[2]', '  edges x -> h', '  edges g -> y', '  edges x -> y',
             f'  edges h[i] -> g[j] in {source_text(made)} where {n} * i + j != left_out', '}',
             'model Net(a[2]) = a |> Asked', f'train Net {{ data = spirals(20); seed = {seed} }}', 'test "pairs" {']
    lines += [f'  edge_count(Asked(left_out = {k}), "h", "g") == 0.5' for k in range(-1, n * n)]
    (folder / 'pairs.dnw').write_text('\n'.join(lines + ['}\n']))
    done = subprocess.run([dnw, 'test', 'pairs.dnw'], cwd=folder, capture_output=True, text=True, timeout=60)
    said = [int(row.split()[1]) for row in done.stdout.splitlines() if row.startswith('    left:')]
    assert len(said) == n * n + 1, done.stdout + done.stderr
    return {divmod(k, n) for k in range(n * n) if said[k + 1] < said[0]}


def resolve(tree, dnw, folder):
    """Gives all lines with generators their pairs."""
    for g in tree['graphs']:
        for line in (line for group in g['lists'] for line in group['lines'] if line.get('made')):
            made = line['made']
            drawn = made.get('of', made)
            if made.get('pairs') is None and fixed_pairs(made) is None:
                pairs = promised(drawn, ask(drawn, tree['train']['seed'], dnw, folder))
                made['pairs'] = inner_ends(made, pairs) if 'of' in made else pairs


def allowed(made, source, target):
    """Is this pair of numbers a candidate? Before the pairs are known, every one that may be drawn is."""
    pairs = made.get('pairs')
    pairs = fixed_pairs(made) if pairs is None else pairs
    if 'of' in made:
        return pairs is None or (target if made['name'] == 'sources' else source) in pairs
    if pairs is None:
        return source != target and (made['both'] or source < target)
    return (source, target) in pairs
