"""Arrays in functions, and functions one after the other in models. Draws from a generator of its own."""
import random
from functions import call, name, num, op


def each_item(ops):
    """Operations, and those inside chain and repeat."""
    for item in ops:
        yield item
        yield from each_item(item.get('bodies', []))


class Arrays:
    def begin_arrays(self, seed):
        self.a = random.Random(f'arrays {seed}')

    def array(self, fn, value, n, depth=1):
        """An array of n numbers, of which most follow from a value and the weights of fn."""
        weights = [w for w in fn['weights'] if w['sizes'] == [n]]
        kind = self.a.randrange(8 if depth else 4)
        if kind == 0:
            return ['list', [self.a.choice([name(value), num(self.small()), op('*', num(self.small()), name(value))]) for _ in range(n)]]
        if kind == 1 or kind == 2 and not weights:
            low = self.a.choice([-1, 0, 2])
            bent = call(self.a.choice(['sin', 'tanh', 'cos']), op('+', name(value), op('*', num(self.small()), name('i'))))
            return ['each', self.a.choice([bent, op('*', bent, name('i'))]), 'i', ['range', low, low + n - 1]]
        if kind == 2:
            return ['array', self.a.choice(weights)['name'], [n]]
        if kind == 3:
            return ['each', op('-', name(value), name('c')), 'c', ['values', [self.small() for _ in range(n)]]]
        inner = self.array(fn, value, n, depth - 1)
        if kind < 6:
            other = self.a.choice([num(self.small()), name(value), self.array(fn, value, n, depth - 1)])
            pair = self.a.choice([[inner, other], [other, inner]])
            return op(self.a.choice('+-*'), *pair)
        if kind == 6:
            return self.a.choice([call('tanh', inner), call('exp', ['neg', call('abs', inner)]), ['neg', inner], call('max', inner, num(0)),
                                  op('^', inner, num(2))])
        return ['if', op('<', name(value), num(self.small())), inner, self.array(fn, value, n, depth - 1)]

    def small(self):
        return round(self.a.uniform(-1.5, 1.5), 2)

    def with_arrays(self, fn, tree, value):
        """Sometimes adds what an array gives: its sum, an extreme or an element."""
        if self.a.random() > 0.25:
            return tree
        square = [w for w in fn['weights'] if w['sizes'] == [2, 2]]
        n = self.a.choice([2, 2, 3])
        inner = self.array(fn, value, n)
        if square and self.a.random() < 0.5:
            inner = op('*', ['array', self.a.choice(square)['name'], [2, 2]], ['each', self.array(fn, value, 2, 0), 'k', ['range', 1, 2]])
            return op('+', tree, op('*', num(0.3), call('tanh', call('sum', inner))))
        folded = self.a.choice([call('sum', inner), call('max', inner), call('min', inner), ['item', inner, self.a.randrange(n)]])
        return op('+', tree, op('*', num(0.4), call('tanh', folded)))

    def filter(self, fn, title, size):
        """A filter: the weights, or a product with one that a formula makes."""
        if self.a.random() > 0.4:
            return name(title)
        fn['weights'].append({'name': 's', 'sizes': [], 'shared': self.a.random() < 0.3, 'init': '~ uniform(0.2, 1)', 'range': None})
        far = op('+', op('^', name('i'), num(2)), op('^', name('j'), num(2)))
        made = call('exp', ['neg', op('*', far, op('^', name('s'), num(2)))])
        low = -(size // 2)
        made = ['each', ['each', made, 'j', ['range', low, low + size - 1]], 'i', ['range', low, low + size - 1]]
        of_weights = ['array', title, [size, size]]
        return self.a.choice([op('*', of_weights, made), op('*', of_weights, name('s')), op('+', made, op('*', num(0.5), of_weights))])

    def chained(self, item, shape, out):
        """Sometimes the operation is one of several: repeated, with another one, or made for each of some sizes."""
        kind = self.a.randrange(12)
        if kind < 2 and out == shape:
            return {'op': 'chain', 'how': 'repeat', 'bodies': [item] * self.a.choice([2, 2, 3])}, out
        if kind == 2:
            other, out = self.step(out)
            return {'op': 'chain', 'how': 'chain', 'bodies': [item, other]}, out
        if kind == 3 and len(shape) == 1:
            sizes = [self.a.randint(1, 4), self.a.randint(1, 4)]
            return {'op': 'chain', 'how': 'each', 'bodies': [{'op': 'layer', 'name': 'linear', 'args': {'out': n}} for n in sizes]}, sizes[1:]
        return item, out
