"""Lines of edges whose candidates, and sometimes first weights, stand in a file."""
import itertools
import random
import torch
from wiring import candidates, nodes_of


class Listed:
    """Draws from a generator of its own, so that programs without files are what they were."""

    def begin_files(self, seed):
        self.f = random.Random(f'files {seed}')

    def list_edges(self):
        for g in self.graphs:
            for group in g['lists']:
                for line in group['lines']:
                    if not line.get('drawn') and self.f.random() < 0.15 and not group.get('of') and not group.get('tied'):
                        self.list_line(g, group, line)

    def list_line(self, g, group, line):
        """The file has the candidates of the line; with its condition also pairs that the condition leaves out."""
        sets = {s['name']: s for s in g['sets']}
        found = [[s, t] for t, s in candidates(g, line, sets)]
        every = itertools.product(*[range(len(nodes_of(sets[line[end]]))) for end in ('from', 'to')])
        others = [list(pair) for pair in every if list(pair) not in found]
        if others and self.f.random() < 0.5 and all_numbered(line):
            found += self.f.sample(others, self.f.randint(1, len(others)))
        else:
            line['where'] = None
            for end in ('from', 'to'):
                line[end + '_index'] = ['_' for _ in sets[line[end]]['sizes']]
        self.f.shuffle(found)
        if not group.get('using') and not group['via'] and not line['via'] and self.f.random() < 0.6:
            found = [[s, t, round(self.f.uniform(-1, 1), 3)] for s, t in found]
        line['listed'] = {'file': self.fresh('pairs') + '.csv', 'rows': found}


def all_numbered(line):
    """Do the numbers in the file count all nodes of both sets?"""
    ends = [line[end + '_index'] for end in ('from', 'to')]
    names = [[n for n in end if n != '_'] for end in ends]
    return not set(names[0]) & set(names[1]) and all(len(n) in (0, len(end)) for n, end in zip(names, ends))


def lines_of(tree):
    return [line for g in tree['graphs'] for group in g['lists'] for line in group['lines'] if line.get('listed')]


def line_in_table(table):
    """A third of the files are tables like those of `dnw edges`, with rows of other lines: the name of ours, or None."""
    return 'Mine.edges.0' if len(table['rows']) % 3 == 0 else None


def text_of(table):
    rows, name = table['rows'], line_in_table(table)
    if name:
        cells = [[1, name, row[1], row[2] if len(row) == 3 else '', row[0]] for row in rows]
        return [['in_use', 'line', 'target', 'weight', 'source'], [1, 'Other.edges.0', 10 ** 9, 'none', 0]] + cells
    head = ['source', 'target'] + ['weight'] * (len(rows[0]) == 3)
    return [head if len(rows) % 2 else ['# no header']] + rows


def write(tree, folder):
    for line in lines_of(tree):
        rows = text_of(line['listed'])
        (folder / line['listed']['file']).write_text('\n'.join(','.join(map(str, row)) for row in rows) + '\n')


def first_weights(instance):
    """Names of weights that a file gives, and their values by candidate."""
    for k, (line, _) in enumerate(instance.lines):
        rows = (line.get('listed') or {'rows': [[]]})['rows']
        if len(rows[0]) == 3:
            given = {(t, s): w for s, t, w in rows}
            yield f'{instance.title}.edges.{k}.w', torch.tensor([given[pair] for pair in instance.pairs[k]])
