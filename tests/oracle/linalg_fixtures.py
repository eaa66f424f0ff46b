"""Matrices that are hard in some way, with their decompositions' values as SciPy computes them in double precision."""

import numpy as np
import scipy.linalg

from fixture_io import dyadic, write


def spectrum(rng, m, n, values):
    """An [m, n] matrix with these singular values."""
    k = min(m, n)
    u, v = (np.linalg.qr(rng.normal(size=(size, k)))[0] for size in (m, n))
    return u * np.asarray(values) @ v.T


def case(name, rng, a):
    """One matrix, and answers to it; `kappa` is its condition number without the singular values that are rounding errors."""
    a = np.asarray(a, dtype="f8")
    m, n = a.shape
    found = {"name": name, "shape": [m, n], "a": a.ravel()}
    s = scipy.linalg.svd(a, compute_uv=False) if a.size else np.zeros(0)
    rank = int((s > 1e-5 * s[0]).sum()) if s.size and s[0] > 0 else 0
    found.update(s=s, rank=rank, kappa=s[0] / s[rank - 1] if rank else 1.0)
    if m == n:
        found["eigenvalues"] = scipy.linalg.eigh(np.tril(a) + np.tril(a, -1).T, eigvals_only=True) if n else np.zeros(0)
        sign, log = np.linalg.slogdet(a)
        found.update(sign=sign, logAbsDet=log)
    if a.size:
        b = dyadic(rng.normal(size=(m, 2)), 16)
        x = scipy.linalg.lstsq(a, b, cond=1e-5)[0]
        found.update(b=b.ravel(), x=x.ravel(), residuals=((a @ x - b) ** 2).sum(axis=0))
    return found


def make_linalg(rng):
    normal = lambda m, n: dyadic(rng.normal(size=(m, n)), 64)
    integers = lambda m, n: rng.integers(-4, 5, size=(m, n)).astype("f8")
    grade = lambda n: 10.0 ** -np.arange(n)
    cases = [
        case("random, square", rng, normal(8, 8)),
        case("random, tall", rng, normal(11, 6)),
        case("random, wide", rng, normal(5, 9)),
        case("one row", rng, normal(1, 7)),
        case("one column", rng, normal(7, 1)),
        case("one element", rng, [[-2.5]]),
        case("no rows", rng, np.zeros((0, 3))),
        case("no columns", rng, np.zeros((3, 0))),
        case("empty", rng, np.zeros((0, 0))),
        case("zeros", rng, np.zeros((4, 3))),
        case("rank 3 of 7", rng, integers(7, 3) @ integers(3, 7)),
        case("rank 2, tall", rng, integers(9, 2) @ integers(2, 5)),
        case("rank 2, wide", rng, integers(4, 2) @ integers(2, 8)),
        case("Hilbert", rng, scipy.linalg.hilbert(9)),
        case("graded rows", rng, grade(8)[:, None] * normal(8, 8)),
        case("graded columns", rng, grade(7) * normal(9, 7)),
        case("clustered singular values", rng, spectrum(rng, 8, 8, [2, 1 + 1e-9, 1, 1, 1 - 1e-12, 0.5, 0.5, 0.5])),
        case("clustered eigenvalues", rng, np.diag([1, 1, 1, 2, 2, 3.0]) + 1e-10 * (lambda e: e + e.T)(rng.normal(size=(6, 6)))),
        case("Kahan", rng, np.diag(0.8 ** np.arange(8)) @ (np.eye(8) - 0.6 * np.triu(np.ones((8, 8)), 1))),
        case("a permutation", rng, np.eye(6)[[3, 0, 5, 1, 2, 4]]),
        case("growth in elimination", rng, np.hstack([np.tril(-np.ones((8, 7)), -1) + np.eye(8, 7), np.ones((8, 1))])),
        case("large", rng, 2.0 ** 100 * normal(5, 5)),
        case("small", rng, 2.0 ** -100 * normal(5, 5)),
    ]
    for power in (0, 4, 8, 12):
        values = 10.0 ** -np.linspace(0, power, 7)
        cases.append(case(f"condition 1e{power}", rng, spectrum(rng, 7, 7, values)))
    write("linalg", {"cases": cases})


def latms(rng, mode, n, condition):
    """Singular values as LAPACK's test generator `dlatms` makes them, by its number of the mode."""
    k = np.arange(n)
    values = {
        1: np.where(k == 0, 1, 1 / condition),
        2: np.where(k == n - 1, 1 / condition, 1),
        3: condition ** (-k / (n - 1)),
        4: 1 - k / (n - 1) * (1 - 1 / condition),
        5: condition ** -rng.uniform(size=n),
        6: rng.uniform(size=n),
    }[mode]
    return np.sort(values)[::-1]


def make_adversarial(rng):
    """More of the kinds that test suites and text books have (LAPACK Working Note 9; Higham 2002, chapter 28)."""
    single = lambda a: np.float32(a).astype("f8")
    moler = lambda n: np.minimum.outer(np.arange(1, n + 1), np.arange(1, n + 1)) - 2.0 + 2 * np.eye(n)
    wilkinson = lambda n: np.diag(np.abs(np.arange(n) - (n - 1) // 2).astype("f8")) + np.eye(n, k=1) + np.eye(n, k=-1)
    frank = lambda n: np.array([[n - max(i, j) if j >= i - 1 else 0 for j in range(n)] for i in range(n)], dtype="f8")
    cases = []
    for mode, condition in ((1, 1e3), (1, 1e9), (2, 1e3), (2, 1e9), (3, 1e3), (4, 1e9), (5, 1e4), (6, 1e3)):
        values = latms(rng, mode, 6, condition)
        cases.append(case(f"dlatms, mode {mode}, condition {condition:.0e}", rng, single(spectrum(rng, 7, 6, values))))
    symmetric = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    cases += [
        case("dlatms, symmetric, both signs", rng, single(symmetric * np.array([1, -1, 1e-3, -1e-3, 1e-8, 0]) @ symmetric.T)),
        case("dlatms, banded", rng, np.triu(np.tril(dyadic(rng.normal(size=(9, 9)), 64), 1), -2)),
        case("dlatms, near overflow", rng, 2.0**120 * dyadic(rng.normal(size=(4, 5)), 64)),
        case("dlatms, near underflow", rng, 2.0**-115 * dyadic(rng.normal(size=(5, 4)), 64)),
        case("Wilkinson", rng, wilkinson(13)),
        case("Moler", rng, moler(8)),
        case("Frank", rng, frank(8)),
        case("Pascal", rng, scipy.linalg.pascal(8).astype("f8")),
        case("Lotkin", rng, single(np.vstack([np.ones(7), scipy.linalg.hilbert(7)[1:]]))),
        case("Laeuchli", rng, single(np.vstack([np.ones(5), 1e-4 * np.eye(5)]))),
        case("Vandermonde", rng, np.vander(np.linspace(-1, 1, 9), 6)),
        case("companion", rng, scipy.linalg.companion([1, -15, 85, -225, 274, -120.0])),
        case("Jordan block", rng, np.eye(7, k=1) * 64 + np.eye(7) / 64),
        case("nilpotent", rng, np.eye(6, k=1)),
        case("pairs of equal rows", rng, np.repeat(dyadic(rng.normal(size=(3, 6)), 16), 2, axis=0)),
        case("one large element", rng, np.ones((6, 6)) + 1e6 * np.eye(6)[:, [3]] * np.eye(6)[2]),
        case("rows and columns of zeros", rng, np.pad(dyadic(rng.normal(size=(4, 3)), 16), ((1, 2), (2, 1)))),
    ]
    write("linalg_adversarial", {"cases": cases})


def make():
    make_linalg(np.random.default_rng(20260901))
    make_adversarial(np.random.default_rng(20261127))


if __name__ == "__main__":
    make()
