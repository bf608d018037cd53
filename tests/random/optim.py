"""Losses, schedules and optimisers (section 12 of docs/language.md)."""
import itertools
import math
import torch
from keys import sum_ties
from expression import DTYPE, evaluate
from rules import Rules


def loss_of(program, p, target, there=None):
    """Mean over the samples of the means over their positions, those that are there. target: numbers [samples, outputs] or
    classes [samples]; with targets at positions [samples, positions, outputs] or [samples, positions]."""
    each = losses_of(program, p, target)
    if p.dim() < 3 or there is None:
        return each.mean()
    each = each.reshape(p.shape[0], p.shape[1], -1).mean(2)
    return ((each * there).sum(1) / there.sum(1)).mean()


def losses_of(program, p, target):
    """For each sample and position, and each output, or for each target."""
    t = program['train']
    call = t.get('loss') or {'name': 'cross_entropy' if t['classes'] and not t['one_hot'] else 'mse', 'args': {}}
    name, target = call['name'], target.reshape(-1) if t['classes'] else target
    p = p.reshape(-1, program['model']['output'][-1])
    if name == 'cross_entropy':
        s, n = call['args'].get('smoothing', 0), p.shape[1]
        q = torch.full_like(p, s / n)
        q[torch.arange(len(target)), target] += 1 - s
        return torch.logsumexp(p, 1) - (q * p).sum(1)
    if t['one_hot']:
        target = torch.nn.functional.one_hot(target, p.shape[1])
    target = target.reshape(p.shape).to(DTYPE[0])
    if name == 'binary_cross_entropy':
        return torch.nn.functional.softplus(p) - target * p
    if name == 'mse':
        return (p - target) ** 2
    if name == 'mae':
        return torch.abs(p - target)
    fn = next(f for f in program['fns'] if f['name'] == name)
    env = {fn['params'][0][0]: p, fn['params'][1][0]: target}
    for title, tree in fn['lets']:
        env[title] = evaluate(tree, env)
    return evaluate(fn['value'], env)


def rate(lr, t, epochs):
    """The rate at position t, in epochs."""
    if not isinstance(lr, dict):
        return lr
    name, a = lr['name'], lr['args']
    if name == 'cosine':
        warmup, floor = a.get('warmup', 0), a.get('floor', 0)
        if t < warmup:
            return a['peak'] * t / warmup
        part = (t - warmup) / (epochs - warmup) if epochs > warmup else 1
        return floor + (a['peak'] - floor) * (1 + math.cos(math.pi * part)) / 2
    if name == 'drops':
        marks = [float(m) for m in a['epochs'].strip('[]').split(',')]
        return a['start'] * a.get('factor', 0.1) ** sum(t >= m for m in marks)
    if name == 'ramp':
        return a['start'] + (a['end'] - a['start']) * t / epochs
    return a['start'] * a['factor'] ** t


class Optimiser:
    def __init__(self, model, call, epochs):
        self.model, self.name, self.a, self.epochs = model, call['name'], call['args'], epochs
        self.memory, self.count = {}, 0

    def step(self, t):
        lr, a = rate(self.a.get('lr', 0.001), t, self.epochs), self.a
        self.count += 1
        self.rules.rate = lr
        slopes = {k: torch.zeros_like(w) if w.grad is None else w.grad for k, w in self.model.weights.items()}
        stay = self.rules.take(slopes)
        again = sum_ties(self.model.instances.values(), slopes)
        if a.get('clip', 0) > 0:
            squares = sum(float((g ** 2).sum()) for g in slopes.values()) - sum(float((g ** 2).sum()) for g in again)
            norm = math.sqrt(max(squares, 0))
            if norm > a['clip']:
                slopes = {k: g * (a['clip'] / norm) for k, g in slopes.items()}
        with torch.no_grad():
            still = {**stay, **self.model.still()}
            for k, w in self.model.weights.items():
                before, memory = w.clone(), [m.clone() for m in self.memory.get(k, [torch.zeros_like(w)] * 2)]
                w -= self.move(k, w, slopes[k], lr)
                if k in self.model.limits:
                    w.clamp_(*self.model.limits[k])
                if k in still:
                    w[still[k]] = before[still[k]]
                    for m, m_before in zip(self.memory[k], memory):
                        m[still[k]] = m_before[still[k]]
                w.grad = None

    def move(self, k, w, g, lr):
        a, trait = self.a, self.model.traits.get(k, {})
        decay = a.get('decay', 0.01 if self.name == 'adamw' else 0) * trait.get('decay', 100) / 100
        lr = lr * trait.get('lr', 100) / 100
        if k.startswith('Net.size'):
            decay = 0
        if self.name != 'adamw':
            g = g + decay * w
        m = self.memory.setdefault(k, [torch.zeros_like(w), torch.zeros_like(w)])
        if self.name == 'sgd':
            momentum = a.get('momentum', 0)
            m[0] = momentum * m[0] + g
            return lr * (g + momentum * m[0] if a.get('nesterov') else m[0])
        if self.name == 'rmsprop':
            rho = a.get('rho', 0.99)
            m[0] = rho * m[0] + (1 - rho) * g * g
            m[1] = a.get('momentum', 0) * m[1] + g / (torch.sqrt(m[0]) + a.get('eps', 1e-8))
            return lr * m[1]
        b1, b2 = a.get('beta1', 0.9), a.get('beta2', 0.999)
        m[0], m[1] = b1 * m[0] + (1 - b1) * g, b2 * m[1] + (1 - b2) * g * g
        first, second = m[0] / (1 - b1 ** self.count), m[1] / (1 - b2 ** self.count)
        return lr * first / (torch.sqrt(second) + a.get('eps', 1e-8)) + (lr * decay * w if self.name == 'adamw' else 0)


def orders(samples, batch):
    """Ways to cut the samples into steps: the order is drawn, and only sets of a step matter."""
    if samples <= batch:
        return [[list(range(samples))]]
    rest = []
    for first in itertools.combinations(range(samples), batch):
        others = [i for i in range(samples) if i not in first]
        rest += [[list(first)] + [[others[i] for i in s] for s in tail] for tail in orders(len(others), batch)]
    return rest


def nudge_gradients(model, draw):
    """Moves each gradient by 1e-7 of the largest one of the step, up or down."""
    slopes = [w.grad for w in model.weights.values() if w.grad is not None and w.grad.numel()]
    largest = max((float(g.abs().max()) for g in slopes), default=0.0)
    for g in slopes:
        g += 1e-7 * largest * torch.sign(torch.rand(g.shape, generator=draw) - 0.5)


def costs_of(program, model, position, epochs):
    """The terms of costs and schedules, for one sample (section 12)."""
    t, total = program['train'], 0.0
    found = model.costs() if t['costs'] else {}
    for c in t['costs']:
        factor = c['factor'] * (rate(c['schedule'], position, epochs) if c['schedule'] else 1)
        factor = factor / t['samples'] if c['samples'] else factor
        total = total + (-factor if c['sign'] == '-' else factor) * found.get(c['name'], 0.0)
    return total


def train(model, program, x, y, epochs, order, parameters, nudge=0):
    """Trains as the program does; gives the mean loss of the last epoch. nudge: a seed; inputs and gradients are off by 1e-7."""
    t = program['train']
    draw = torch.Generator().manual_seed(nudge)
    if nudge:
        x = x * (1 + 1e-7 * torch.sign(torch.rand(x.shape, generator=draw) - 0.5))
    optimiser = Optimiser(model, t['optim'], epochs)
    model.rules = optimiser.rules = Rules(model, parameters, epochs, len(order), optimiser)
    model.rules.begin()
    total = 0.0
    for epoch in range(epochs):
        total = 0.0
        for k, samples in enumerate(order):
            position = epoch + k / len(order)
            model.choose(position)
            model.rules.before(epoch * len(order) + k)
            loss = loss_of(program, model.forward(x[samples], training=True), y[samples], model.there)
            loss = loss + costs_of(program, model, position, epochs)
            if loss.requires_grad:
                loss.backward()
                if nudge:
                    nudge_gradients(model, draw)
            optimiser.step(position)
            model.rules.after(epoch * len(order) + k + 1)
            total += float(loss.detach()) * len(samples)
    model.choose(float(epochs))
    return total / len(x)
