"""Values of expressions, on Python numbers and on tensors, as docs/language.md (sections 2 and 16) says."""
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


def evaluate(tree, env, calls=None):
    """The value of an expression. env: values of names; calls: further functions by name."""
    kind = tree[0]
    if kind == 'num':
        return tree[1]
    if kind == 'name':
        return env[tree[1]]
    if kind == 'element':
        return env[tree[1] + '[]'](tree[2])
    if kind == 'point':
        return env[tree[1] + '@']([env[i] for i in tree[2]])
    if kind == 'call':
        args = [evaluate(a, env, calls) for a in tree[2]]
        named = {k: evaluate(v, env, calls) for k, v in (tree[3] if len(tree) > 3 else {}).items()}
        target = calls[tree[1]] if calls and tree[1] in calls else POINTWISE[tree[1]]
        return target(*args, **named)
    if kind == 'if':
        condition = evaluate(tree[1], env, calls)
        if isinstance(condition, T):
            return where(condition, evaluate(tree[2], env, calls), evaluate(tree[3], env, calls))
        return evaluate(tree[2] if condition else tree[3], env, calls)
    if kind == 'not':
        value = evaluate(tree[1], env, calls)
        return ~value if isinstance(value, T) else not value
    if kind == 'neg':
        return -evaluate(tree[1], env, calls)
    return operate(tree, env, calls)


def operate(tree, env, calls):
    op, left = tree[1], evaluate(tree[2], env, calls)
    if op in ('and', 'or'):
        if not isinstance(left, T):
            decides = not left if op == 'and' else left
            return left if decides else evaluate(tree[3], env, calls)
        right = evaluate(tree[3], env, calls)
        return left & right if op == 'and' else left | right
    return OPERATORS[op](left, evaluate(tree[3], env, calls))
