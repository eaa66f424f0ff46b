"""Philox4x32-10 known answers (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011).

The three published vectors of the authors' Random123 library are typed in below. The generator is written twice, over
Python integers of any word width and over NumPy arrays; the first is also held against NumPy's own Philox4x64-10, which has
the same rounds with wider words and other constants.
"""

import numpy as np

from fixture_io import write

MULTIPLIERS = {32: (0xD2511F53, 0xCD9E8D57), 64: (0xD2E7470EE14C6C93, 0xCA5A826395121157)}
WEYL = {32: (0x9E3779B9, 0xBB67AE85), 64: (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)}

PUBLISHED = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def philox_integers(counter, key, bits=32, rounds=10):
    mask = (1 << bits) - 1
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = MULTIPLIERS[bits][0] * c0, MULTIPLIERS[bits][1] * c2
        c0, c1, c2, c3 = (p1 >> bits) ^ c1 ^ k0, p1 & mask, (p0 >> bits) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + WEYL[bits][0]) & mask, (k1 + WEYL[bits][1]) & mask
    return c0, c1, c2, c3


def philox_arrays(counters, keys, rounds=10):
    """The same for many counters at once, [count, 4] and [count, 2] of unsigned 32-bit words held in 64 bits."""
    counters, keys = np.array(counters, dtype=np.uint64), np.array(keys, dtype=np.uint64)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    multiply, bump = np.array(MULTIPLIERS[32], dtype=np.uint64), np.array(WEYL[32], dtype=np.uint64)
    for _ in range(rounds):
        product = counters[:, [0, 2]] * multiply
        high, rest = product >> shift, product & low
        counters = np.stack([high[:, 1] ^ counters[:, 1] ^ keys[:, 0], rest[:, 1],
                             high[:, 0] ^ counters[:, 3] ^ keys[:, 1], rest[:, 0]], 1)
        keys = (keys + bump) & low
    return counters


def check_against_numpy():
    for key in [(0, 0), (0x0123456789ABCDEF, 0xFEDCBA9876543210)]:
        words = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=[5, 0, 0, 7]).random_raw(8)
        # NumPy counts up before it draws.
        expected = philox_integers((6, 0, 0, 7), key, 64) + philox_integers((7, 0, 0, 7), key, 64)
        assert tuple(int(word) for word in words) == expected, "Philox4x64-10 differs from NumPy's"


def make():
    check_against_numpy()
    inputs = [(counter, key) for counter, key, _ in PUBLISHED]
    inputs += [((index, 0, 0, 0), (42, 0)) for index in range(8)]
    inputs += [((0xFFFFFFFF, index, 3, 0x80000000), (0xDEADBEEF, index)) for index in range(4)]
    outputs = [philox_integers(counter, key) for counter, key in inputs]
    for (_, _, published), output in zip(PUBLISHED, outputs):
        assert output == published, "a published vector is not reproduced"
    vectorised = philox_arrays([counter for counter, _ in inputs], [key for _, key in inputs])
    assert (vectorised == np.array(outputs, dtype=np.uint64)).all(), "the two implementations differ"
    write("philox", {"generator": "Philox4x32-10", "published": len(PUBLISHED), "cases": [
        {"counter": list(counter), "key": list(key), "output": list(output)}
        for (counter, key), output in zip(inputs, outputs)]})
