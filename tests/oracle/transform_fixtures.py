"""Fourier, cosine, sine and Hadamard transforms and products with Toeplitz matrices, as SciPy computes them in double precision."""

import numpy as np
import scipy.fft
import scipy.linalg

from fixture_io import dyadic, write

NORMS = ("backward", "ortho", "forward")


def make_fft(rng):
    cases = []
    # 257 is a prime over 256; in rfft 514 has it as a factor.
    for n, norm in [(1, 0), (2, 0), (3, 1), (7, 2), (12, 0), (45, 1), (64, 0), (257, 2)]:
        x, y = (dyadic(rng.normal(size=n), 16) for _ in range(2))
        z = x + 1j * y
        forward = scipy.fft.fft(z, norm=NORMS[norm])
        inverse = scipy.fft.ifft(z, norm=NORMS[norm])
        cases.append({"name": f"length {n}", "shape": [n], "axis": 0, "norm": NORMS[norm], "x": x, "y": y, "re": forward.real, "im": forward.imag, "inverseRe": inverse.real, "inverseIm": inverse.imag})
    for axis in (0, 1, 2):
        x, y = (dyadic(rng.normal(size=(2, 4, 5)), 16) for _ in range(2))
        forward, inverse = scipy.fft.fft(x + 1j * y, axis=axis), scipy.fft.ifft(x + 1j * y, axis=axis)
        cases.append({"name": f"axis {axis}", "shape": [2, 4, 5], "axis": axis, "norm": "backward", "x": x.ravel(), "y": y.ravel(), "re": forward.real.ravel(), "im": forward.imag.ravel(), "inverseRe": inverse.real.ravel(), "inverseIm": inverse.imag.ravel()})
    write("fft", {"cases": cases})


def make_rfft(rng):
    cases = []
    for n, length, norm in [(1, 1, 0), (2, 2, 1), (5, 5, 0), (8, 8, 2), (30, 30, 0), (81, 81, 1), (128, 128, 0), (10, 15, 0), (10, 7, 0), (300, 514, 0)]:
        x = dyadic(rng.normal(size=n), 16)
        half = scipy.fft.rfft(x, length, norm=NORMS[norm])
        # Imaginary parts where a real result has none: they have no say.
        u, v = (dyadic(rng.normal(size=length // 2 + 1), 16) for _ in range(2))
        inverse = scipy.fft.irfft(u + 1j * v, length, norm=NORMS[norm])
        cases.append({"name": f"{n} as {length}", "n": length, "norm": NORMS[norm], "x": x, "re": half.real, "im": half.imag, "u": u, "v": v, "inverse": inverse})
    write("rfft", {"cases": cases})


def make_trigonometric(rng, kind, forward, inverse):
    cases = []
    for n in (1, 2, 3, 8, 13, 66, 67):
        for type in (1, 2, 3, 4):
            if kind == "dct" and type == 1 and n < 2:
                continue
            for norm in NORMS if n < 60 else NORMS[type % 3 : type % 3 + 1]:
                x = dyadic(rng.normal(size=n), 8)
                cases.append({"type": type, "norm": norm, "x": x, "y": forward(x, type, norm=norm), "inverse": inverse(x, type, norm=norm)})
    write(kind, {"cases": cases})


def sequency(matrix):
    """Rows in the order of their numbers of changes of sign."""
    return matrix[np.argsort((np.diff(matrix, axis=1) != 0).sum(axis=1))]


def make_hadamard(rng):
    cases = []
    for n in (1, 2, 8, 64, 128):
        x = dyadic(rng.normal(size=n), 8)
        h = scipy.linalg.hadamard(n)
        cases.append({"x": x, "natural": h @ x, "sequency": sequency(h) @ x})
    write("hadamard", {"cases": cases})


def make_toeplitz(rng):
    cases = []
    for m, n, k in [(1, 1, 1), (1, 5, 2), (6, 1, 1), (4, 4, 2), (7, 12, 3), (20, 9, 1), (40, 40, 2)]:
        c, r, x = (dyadic(rng.normal(size=size), 16) for size in (m, n, (n, k)))
        t = scipy.linalg.toeplitz(c, r)
        last = dyadic(rng.normal(size=n), 16)
        cases.append({"shape": [m, n], "column": c, "row": r, "x": x, "product": scipy.linalg.matmul_toeplitz((c, r), x), "hankelRow": last, "hankel": scipy.linalg.hankel(c, last) @ x, "circulant": scipy.linalg.circulant(r) @ x, "transposed": t.T @ t @ x})
    write("toeplitz", {"cases": cases})


def make():
    make_fft(np.random.default_rng(20261127))
    make_rfft(np.random.default_rng(20261128))
    make_trigonometric(np.random.default_rng(20261129), "dct", scipy.fft.dct, scipy.fft.idct)
    make_trigonometric(np.random.default_rng(20261132), "dst", scipy.fft.dst, scipy.fft.idst)
    make_hadamard(np.random.default_rng(20261130))
    make_toeplitz(np.random.default_rng(20261131))


if __name__ == "__main__":
    make()
