"""Random numbers: Philox4x32-10 (Salmon et al. 2011), with the seed as the key; the purpose and the candidate are the counter."""
import math
import struct

MASK = 0xFFFFFFFF


def philox(seed, stream, index):
    key = [seed & MASK, seed >> 32 & MASK]
    c = [index & MASK, index >> 32 & MASK, stream & MASK, stream >> 32 & MASK]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ key[0], b & MASK, a >> 32 ^ c[3] ^ key[1], a & MASK]
        key = [key[0] + 0x9E3779B9 & MASK, key[1] + 0xBB67AE85 & MASK]
    return c


def uniform(seed, stream, index):
    words = philox(seed, stream, index)
    return (words[0] << 21 ^ words[1] >> 11) * 2.0 ** -53


def normal(seed, stream, index):
    words = philox(seed, stream, index)
    radius = ((words[0] << 21 ^ words[1] >> 11) + 1) * 2.0 ** -53
    return math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * (words[2] << 21 ^ words[3] >> 11) * 2.0 ** -53)


def bits(number):
    """Of a number in double; 0 and -0 are one."""
    return struct.unpack('<Q', struct.pack('<d', float(number) + 0.0))[0]


def draw(seed, key):
    """A number in [0, 1) by the seed and the numbers of the key, one after another."""
    for part in key if isinstance(key, tuple) else (key,):
        seed = uniform(bits(seed), 12, bits(part))
    return seed
