"""Learned sizes: which layers of the model have one, and what the independent model does with them (section 11)."""
import random
import torch

KEEP = ('batch_norm', 'instance_norm', 'dropout', 'Noisy', 'depthwise', 'avg_pool', 'max_pool', 'mean_map', 'crop')
READ = ('linear', 'conv2d', 'flatten')


def keeps(item):
    """Works on each channel alone."""
    return item['op'] in ('pointwise', 'function', 'binary') or item['op'] == 'layer' and item['name'] in KEEP


def waiting(ops):
    """By value: the size whose mask its channels wait for; None where some layer does not take them."""
    waits = {}
    for item in ops:
        names = [waits.get(name) for name in item['in']]
        reads = item['op'] in ('graph', 'concat') or item['op'] == 'layer' and item['name'] in READ
        if any(names) and not keeps(item) and not reads:
            return None
        same = keeps(item) and all(n == names[0] for n in names)
        waits[item['id']] = item.get('size') or (names[0] if same else None)
    return waits if not waits[ops[-1]['id']] else None


class LearnedSizes:
    """Part of the generator."""

    def begin_sizes(self, seed):
        self.z = random.Random(f'sizes {seed}')

    def some_size(self, sizes, high):
        old = [s for s in sizes if s['high'] == high]
        if old and self.z.random() < 0.5:
            return self.z.choice(old)
        low = self.z.randint(1, high)
        start = min(high, low + self.z.choice([0, 0.3, 1, 1.2, 3]))
        sizes.append({'name': f'size{len(sizes) + 1}', 'low': low, 'high': high, 'start': start})
        return sizes[-1]

    def learned_sizes(self, model, train):
        """Sizes of layers of the model, where no sequence is scanned; a cost of each may be in the loss."""
        sizes = model['sizes'] = []
        if len(model['input']) in (2, 4) or self.z.random() < 0.6:
            return
        for item in model['ops']:
            layer = item['name'] if item['op'] == 'layer' else ''
            if layer in ('linear', 'conv2d') and 'groups' not in item['args'] and self.z.random() < 0.6:
                item['size'] = self.some_size(sizes, item['args']['out'])['name']
                if waiting(model['ops']) is None:
                    del item['size']
            elif layer == 'depthwise' and item['args']['size'] == 3 and self.z.random() < 0.7:
                item['filter'] = self.some_size(sizes, 3)['name']
            elif item['op'] in ('pointwise', 'function') and self.z.random() < 0.3:
                item['within'] = [self.some_size(sizes, 2)['name'], self.z.randint(0, 1)]
        sizes[:] = [s for s in sizes if f"'{s['name']}'" in repr(model['ops'])]
        for s in sizes:
            if self.z.random() < 0.5:
                s['cost'] = f"width_{s['name']}"
                train['costs'].append({'name': s['cost'], 'factor': 0.1, 'sign': '+', 'samples': False, 'schedule': None})


class Masks:
    """Part of the independent model."""

    def size(self, name):
        s = self.sizes[name]
        return self.weight(f'Net.{name}', [1], (s['low'] / s['high'], 1)).reshape(()) * s['high']

    def places(self, name, places):
        z = self.size(name) - 0.5 - torch.as_tensor(places)
        return torch.where(z >= 0, torch.sigmoid(1.5 * z - torch.log(torch.tensor(9.0, dtype=z.dtype))), torch.zeros_like(z))

    def masked(self, x, name):
        if not name:
            return x
        return x * self.places(name, range(x.shape[1])).reshape([1, -1] + [1] * (x.dim() - 2))

    def taps(self, name, size):
        """The factors of the taps of a filter."""
        n, d = self.size(name), abs(torch.arange(size) - size // 2)
        side = torch.where(2 * d <= n, torch.as_tensor(0.1, dtype=n.dtype) ** (2 * d / n) ** 2, torch.zeros_like(n))
        return side[:, None] * side[None, :]

    def size_costs(self):
        return {s['cost']: self.size(name) for name, s in self.sizes.items() if s.get('cost')}
