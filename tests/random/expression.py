"""Values of expressions, on Python numbers and on tensors, as docs/language.md (sections 2 and 16) says."""
import functools
import math
import torch

T = torch.Tensor


def where(condition, a, b):
    if not isinstance(condition, T):
        return a if condition else b
    a = a if isinstance(a, T) else torch.full_like(condition, a, dtype=DTYPE[0])
    b = b if isinstance(b, T) else torch.full_like(condition, b, dtype=DTYPE[0])
    return torch.where(condition, a, b)


DTYPE = [torch.float64]


def floor(x):
    return torch.floor(x.detach()) if isinstance(x, T) else math.floor(x)


def mod(a, b):
    return a - b * floor(a / b)


def sign(x):
    return torch.sign(x.detach()) if isinstance(x, T) else (x > 0) - (x < 0)


def lift(tensor_function, plain):
    return lambda x: tensor_function(x) if isinstance(x, T) else plain(x)


def sigmoid(x):
    return torch.sigmoid(x) if isinstance(x, T) else 1 / (1 + math.exp(-x))


def softplus(x):
    if not isinstance(x, T):
        return math.log1p(math.exp(x))
    return torch.logaddexp(x, torch.zeros_like(x))


def gelu(x):
    erf = torch.erf if isinstance(x, T) else math.erf
    return x * (1 + erf(x / math.sqrt(2))) / 2


def minimum(a, b):
    return where(a <= b, a, b)


def maximum(a, b):
    return where(a >= b, a, b)


def distance(a, b):
    if isinstance(a, (int, float)):
        return abs(a - b)
    return math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b)))


POINTWISE = {
    'abs': abs, 'sign': sign, 'floor': floor, 'min': minimum, 'max': maximum,
    'clamp': lambda x, low, high: where(x < low, low + 0 * x, where(x > high, high + 0 * x, x)),
    'relu': lambda x: where(x > 0, x, 0 * x),
    'leaky_relu': lambda x, slope=0.01: where(x > 0, x, slope * x),
    'gelu': gelu, 'silu': lambda x: x * sigmoid(x), 'softplus': softplus, 'sigmoid': sigmoid,
    'tanh': lift(torch.tanh, math.tanh), 'exp': lift(torch.exp, math.exp), 'log': lift(torch.log, math.log),
    'sqrt': lift(torch.sqrt, math.sqrt), 'sin': lift(torch.sin, math.sin), 'cos': lift(torch.cos, math.cos),
    'stop_gradient': lambda x: x.detach() if isinstance(x, T) else x,
    'dist': distance,
}

OPERATORS = {
    '+': lambda a, b: a + b, '-': lambda a, b: a - b, '*': lambda a, b: a * b, '/': lambda a, b: a / b,
    'mod': mod, '^': lambda a, b: a ** b, '==': lambda a, b: a == b, '!=': lambda a, b: a != b,
    '<': lambda a, b: a < b, '<=': lambda a, b: a <= b, '>': lambda a, b: a > b, '>=': lambda a, b: a >= b,
}


def spread(function, *args):
    """Of arrays, element by element; a number goes with each element."""
    lengths = {len(a) for a in args if isinstance(a, list)}
    if not lengths:
        return function(*args)
    length, = lengths
    return [spread(function, *(a[n] if isinstance(a, list) else a for a in args)) for n in range(length)]


def numbers(array):
    return [x for item in array for x in numbers(item)] if isinstance(array, list) else [array]


GATHERED = {'any': any, 'all': all, 'count': lambda conditions: sum(map(bool, conditions))}
FOLDS = {'sum': lambda a, b: a + b, 'max': maximum, 'min': minimum}


def applied(target, title, args, named):
    if len(args) == 1 and isinstance(args[0], list) and title in FOLDS:
        return functools.reduce(FOLDS[title], numbers(args[0]))
    if title in GATHERED:
        return GATHERED[title](*args)
    if title in POINTWISE:
        return spread(lambda *values: target(*values, **named), *args)
    return target(*args, **named)


def nested(element, sizes, index=()):
    if len(index) == len(sizes):
        return element(list(index))
    return [nested(element, sizes, index + (n,)) for n in range(sizes[len(index)])]


def listed(tree, env, calls):
    """An array: of weights, written out, or one element for each of some values."""
    if tree[0] == 'array':
        return nested(env[tree[1] + '[]'], tree[2])
    if tree[0] == 'list':
        return [evaluate(e, env, calls) for e in tree[1]]
    values = range(tree[3][1], tree[3][2] + 1) if tree[3][0] == 'range' else tree[3][1]
    return [evaluate(tree[1], {**env, tree[2]: v}, calls) for v in values]


def evaluate(tree, env, calls=None):
    """The value of an expression. env: values of names; calls: further functions by name."""
    kind = tree[0]
    if kind == 'num':
        return tree[1]
    if kind == 'name':
        return env[tree[1]]
    if kind in ('array', 'list', 'each'):
        return listed(tree, env, calls)
    if kind == 'item':
        return evaluate(tree[1], env, calls)[tree[2]]
    if kind == 'element':
        return env[tree[1] + '[]'](tree[2])
    if kind == 'point':
        return env[tree[1] + '@']([env[i] for i in tree[2]])
    if kind == 'tuple':
        return tuple(evaluate(a, env, calls) for a in tree[1])
    if kind == 'call':
        args = [evaluate(a, env, calls) for a in tree[2]]
        named = {k: evaluate(v, env, calls) for k, v in (tree[3] if len(tree) > 3 else {}).items()}
        target = calls[tree[1]] if calls and tree[1] in calls else POINTWISE.get(tree[1])
        return applied(target, tree[1], args, named)
    if kind == 'if':
        condition = evaluate(tree[1], env, calls)
        if isinstance(condition, T):
            return spread(where, condition, evaluate(tree[2], env, calls), evaluate(tree[3], env, calls))
        return evaluate(tree[2] if condition else tree[3], env, calls)
    if kind == 'not':
        value = evaluate(tree[1], env, calls)
        return ~value if isinstance(value, T) else not value
    if kind == 'neg':
        return spread(lambda x: -x, evaluate(tree[1], env, calls))
    return operate(tree, env, calls)


def operate(tree, env, calls):
    op, left = tree[1], evaluate(tree[2], env, calls)
    if op in ('and', 'or'):
        if not isinstance(left, T):
            decides = not left if op == 'and' else left
            return left if decides else evaluate(tree[3], env, calls)
        right = evaluate(tree[3], env, calls)
        return left & right if op == 'and' else left | right
    return spread(OPERATORS[op], left, evaluate(tree[3], env, calls))
