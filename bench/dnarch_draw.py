#!/usr/bin/python3
"""Draws sizes of bench/dnarch_sizes.dnw that need TARGET multiply-adds within 3 %: bench/dnarch_draw.py TARGET SEED

Each size is uniform in the range that examples/dnarch.dnw learns it in; draws that miss the target are thrown away.
"""
import random
import sys

target, r = float(sys.argv[1]), random.Random(int(sys.argv[2]))
while True:
    trunk = r.randint(4, 16)
    blocks = [[r.choice([1, 3, 5, 7]), r.randint(4, 32)] for _ in range(r.randint(1, 6))]
    cost = 196 * (9 * trunk + sum(trunk * k * k + 2 * trunk * w for k, w in blocks)) + 10 * trunk
    if abs(cost / target - 1) <= 0.03:
        break
print(f'-D trunk={trunk} -D "blocks={blocks}"')
