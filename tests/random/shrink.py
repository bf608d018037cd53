"""Cuts a program that disagrees to a small one: anything goes as long as the same kind of failure stays."""
import argparse
import copy
import json
import sys
import torch
import compare
import program as programs
import text

DROPPED = ('via', 'using', 'listed', 'made', 'budget', 'where', 'by', 'fn', 'loss', 'range', 'at', 'time', 'shown', 'keep', 'stride', 'groups',
           'truncate', 'momentum', 'nesterov', 'decay', 'clip', 'beta1', 'beta2', 'k', 'bias', 'warmup', 'floor')


def paths(tree, path=()):
    yield path, tree
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from paths(value, path + (key,))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def replaced(tree, path, value):
    tree = copy.deepcopy(tree)
    at(tree, path[:-1])[path[-1]] = value
    return tree


def without(tree, path):
    tree = copy.deepcopy(tree)
    del at(tree, path[:-1])[path[-1]]
    return tree


def without_operation(tree, path):
    tree = copy.deepcopy(tree)
    ops = at(tree, path[:-1])
    gone = ops.pop(path[-1])
    for op in ops:
        op['in'] = [gone['in'][0] if name == gone['id'] else name for name in op['in']]
    return tree


def is_expression(value):
    return isinstance(value, list) and value and value[0] in ('op', 'call', 'if', 'neg', 'not')


def simpler_expression(tree, path, value):
    parts = {'op': value[2:], 'if': value[1:], 'neg': value[1:], 'not': value[1:], 'call': value[2] if value[0] == 'call' else []}
    for part in parts[value[0]]:
        yield replaced(tree, path, part)


def simpler(tree):
    """Programs that are a little smaller, large cuts first."""
    for key in ('epochs', 'optim'):
        plain = {'epochs': 1, 'optim': {'name': 'sgd', 'args': {'lr': 0.1}}}[key]
        if tree['train'][key] != plain:
            yield replaced(tree, ('train', key), plain)
    if tree['train']['samples'] != tree['train']['batch']:
        yield replaced(tree, ('train', 'samples'), tree['train']['batch'])
    for path, value in list(paths(tree)):
        if not path:
            continue
        if isinstance(path[-1], int) and path[-2] == 'ops' and len(at(tree, path[:-1])) > 1:
            yield without_operation(tree, path)
        elif isinstance(path[-1], int) and path[-2] in ('fns', 'graphs', 'blocks', 'lists', 'lines', 'sets', 'lets', 'weights', 'options', 'imports', 'rules', 'events', 'actions', 'states'):
            yield without(tree, path)
        elif path[-1] in DROPPED and value is not None and path[-2] in ('args', ):
            yield without(tree, path)
        elif path[-1] in DROPPED and value is not None and value != 0:
            yield replaced(tree, path, None)
    for path, value in list(paths(tree)):
        if path and is_expression(value) and not (len(path) > 1 and path[-2] == 'lists'):
            yield from simpler_expression(tree, path, value)
        elif path and isinstance(value, int) and not isinstance(value, bool) and value > 1 and \
                ('sizes' in path or 'input' in path or path[-1] in ('out', 'n', 'batch', 'size', 'value')):
            smaller = replaced(tree, path, value - 1)
            if path[-1] == 'n' and 'settings' in at(smaller, path[:-1]):
                at(smaller, path[:-1])['settings'] = str(value - 1)
            if path[-1] == 'batch':
                smaller['train']['samples'] = value - 1
            yield smaller


def verdict(tree):
    try:
        tree['model']['output'] = shape(tree)
        return compare.attempt(tree)
    except Exception as e:
        return 'invalid', str(e)


def shape(tree):
    """The output's sizes, from the plain model with numbers that do not matter."""
    model = compare.Model(tree, Anything())
    return list(model.forward(torch.zeros([2] + tree['model']['input'], dtype=torch.float64)).shape[1:])


class Anything(dict):
    """A checkpoint that has every tensor."""

    def get(self, title, default=None):
        return None

    def __contains__(self, title):
        return True

    def __getitem__(self, title):
        return Whatever()


class Whatever:
    def to(self, kind):
        return self

    def reshape(self, shape):
        return torch.zeros(shape, dtype=torch.float64)


def sort_of(result):
    """The kind of a failure: two cases with the same one are taken for the same fault."""
    verdict, message = result
    head = message.split(':')[0].split(' after')[0].split('.')
    return verdict, head[-1] if verdict == 'differs' else message.split(']')[0][-8:] if verdict == 'refused' else ''


def shrink(tree, wanted, tries):
    again = True
    while again and tries > 0:
        again = False
        for smaller in simpler(tree):
            tries -= 1
            if tries <= 0:
                break
            if sort_of(verdict(smaller)) == wanted:
                tree, again = smaller, True
                break
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('seed', type=int)
    parser.add_argument('--tries', type=int, default=400)
    parser.add_argument('--keep', help='folder for the files of the small program')
    args = parser.parse_args()
    torch.set_num_threads(1)
    tree = programs.generate(args.seed)
    found = compare.attempt(tree)
    print(*found)
    if found[0] == 'agrees':
        return 0
    tree = shrink(tree, sort_of(found), args.tries)
    print(text.program(tree)[0])
    print(compare.attempt(tree, args.keep))
    if args.keep:
        with open(f'{args.keep}/tree.json', 'w') as f:
            json.dump(tree, f)
    return 1


if __name__ == '__main__':
    sys.exit(main())
