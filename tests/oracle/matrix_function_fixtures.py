"""Functions of matrices: norms, condition numbers and pseudoinverses by NumPy; exponentials, roots and signs by mpmath to 60 digits, held
against SciPy's, with the condition numbers that bound what rounding errors of the matrix make of them."""

import json
import pathlib

import mpmath as mp
import numpy as np
import scipy.linalg

from fixture_io import FOLDER, dyadic, write

mp.mp.dps = 60
ORDERS = {"fro": "fro", "nuc": "nuc", "1": 1, "-1": -1, "2": 2, "-2": -2, "Infinity": np.inf, "-Infinity": -np.inf}
POWERS = {"0": 0, "0.5": 0.5, "1": 1, "1.5": 1.5, "2": 2, "3": 3, "20": 20, "-1": -1, "-2.5": -2.5, "Infinity": np.inf, "-Infinity": -np.inf}


def matrices():
    """The matrices of the decompositions' fixtures."""
    for name in ("linalg", "linalg_adversarial"):
        for case in json.loads((FOLDER / f"{name}.json").read_text())["cases"]:
            yield case, np.array(case["a"], dtype="f8").reshape(case["shape"])


def attempt(compute):
    """None where NumPy refuses."""
    try:
        with np.errstate(all="ignore"):
            return compute()
    except (ValueError, np.linalg.LinAlgError):
        return None


def row_norms(a, p):
    """Powers of elements near 1 do not underflow, as NumPy's do of small ones; a power of two rounds nothing."""
    scale = 2.0 ** np.round(np.log2(np.abs(a).max(initial=0) or 1))
    return np.linalg.norm(a / scale, p, axis=1) * (1 if p == 0 else scale)


def make_norms():
    cases = []
    for found, a in matrices():
        case = {"name": found["name"], "norm": {k: attempt(lambda: np.linalg.norm(a, p)) for k, p in ORDERS.items()}}
        case["rows"] = {k: attempt(lambda: row_norms(a, p)) for k, p in POWERS.items()} if a.size <= 40 else None
        case["cond"] = {
            # Of a singular matrix NumPy's inverse is all NaN, whose singular values it cannot find.
            k: attempt(lambda: np.linalg.cond(a, p)) or (np.inf if a.size else None)
            for k, p in ORDERS.items()
            if a.shape[0] == a.shape[1] or k in ("2", "-2")
        }
        cases.append(case)
    write("norms", {"cases": cases})


def make_pinv():
    cases = []
    for found, a in matrices():
        if a.size and max(a.shape) > 9:
            continue
        case = {"name": found["name"], "pinv": np.linalg.pinv(a, rcond=1e-5).ravel()}
        case["ranks"] = {k: attempt(lambda: np.linalg.matrix_rank(a, rtol=float(k))) for k in ("1e-1", "1e-3", "1e-5")}
        cases.append(case)
    write("pinv", {"cases": cases})


def exact(f, a):
    """f of a matrix to 60 digits, rounded."""
    return np.array(f(mp.matrix(a.tolist())).tolist(), dtype="f8")


def commuting(x, y):
    """The matrix of E -> x E + E y on columns of E, one after the other."""
    return np.kron(np.eye(len(x)), x) + np.kron(y.T, np.eye(len(x)))


def newton_sign(a):
    x = a
    for _ in range(400):
        last, x = x, (x + mp.inverse(x)) / 2
        if mp.mnorm(x - last, "f") < mp.mpf(10) ** -50 * mp.mnorm(x, "f"):
            return x
    raise ValueError("no sign")


def newton_root(a):
    """Denman and Beavers 1976."""
    y, z = a, mp.eye(a.rows)
    for _ in range(400):
        last, y, z = y, (y + mp.inverse(z)) / 2, (z + mp.inverse(y)) / 2
        if mp.mnorm(y - last, "f") < mp.mpf(10) ** -30 * mp.mnorm(y, "f"):
            return y
    raise ValueError("no root")


def checked(name, found, other, kappa):
    """Fails unless SciPy agrees as far as the condition allows."""
    apart = np.linalg.norm(found - other) / np.linalg.norm(found)
    if apart > 1e-13 * max(1, kappa) * len(found):
        raise ValueError(f"{name}: SciPy is {apart} away, at a condition of {kappa}")
    return found


def exponential(name, a):
    a = np.asarray(a, dtype="f8")
    found = exact(lambda x: mp.expm(x, method="taylor"), a)
    kappa = scipy.linalg.expm_cond(a)
    checked(name, found, scipy.linalg.expm(a), kappa)
    return {"name": name, "of": "expm", "shape": a.shape, "a": a.ravel(), "result": found.ravel(), "kappa": kappa}


def root(name, a):
    a = np.asarray(a, dtype="f8")
    found = exact(newton_root, a)
    kappa = np.linalg.norm(a) / np.linalg.norm(found) / np.linalg.norm(commuting(found, found), -2)
    checked(name, found, scipy.linalg.sqrtm(a), kappa)
    return {"name": name, "of": "sqrtm", "shape": a.shape, "a": a.ravel(), "result": found.ravel(), "kappa": kappa}


def sign(name, a):
    a = np.asarray(a, dtype="f8")
    found = exact(newton_sign, a)
    # N L + L N = E - S E S with N = S A (Higham 2008, eq. 5.10).
    k = np.linalg.solve(commuting(found @ a, found @ a), np.eye(a.size) - np.kron(found.T, found))
    kappa = np.linalg.norm(k, 2) * np.linalg.norm(a) / np.linalg.norm(found)
    checked(name, found, scipy.linalg.signm(a), kappa)
    return {"name": name, "of": "sign", "shape": a.shape, "a": a.ravel(), "result": found.ravel(), "kappa": kappa}


def polar(name, a):
    """The factor p of a = u p, and u where the rank is full; by the eigenvalues of aᵀa to 60 digits."""
    a = np.asarray(a, dtype="f8")
    x = mp.matrix(a.tolist())
    values, vectors = mp.eigsy(x.T * x)
    n = a.shape[1]
    roots = [mp.sqrt(max(values[k], 0)) for k in range(n)]
    p = vectors * mp.diag(roots) * vectors.T
    u = x * (vectors * mp.diag([1 / r for r in roots]) * vectors.T) if min(roots) > 1e-25 else None
    found = np.array(p.tolist(), dtype="f8")
    case = {"name": name, "of": "polar", "shape": a.shape, "a": a.ravel(), "result": found.ravel(), "kappa": np.sqrt(2)}
    checked(name, found, scipy.linalg.polar(a)[1], 10)
    if u is not None:
        case["u"] = np.array(u.tolist(), dtype="f8").ravel()
        # Higham 2008, theorem 8.9 and eq. 8.17.
        s = np.linalg.svd(a, compute_uv=False)
        case["kappaU"] = 2 * s[0] / s[-1]
    return case


def make_functions(rng):
    normal = lambda *shape: dyadic(rng.normal(size=shape), 64)
    single = lambda a: np.float32(a).astype("f8")
    jordan = lambda n, x, y=1.0: x * np.eye(n) + y * np.eye(n, k=1)
    rates = np.abs(normal(6, 6)) * 10.0 ** rng.integers(-2, 3, size=(6, 1))
    q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    skew = normal(5, 5)
    frank = np.array([[6 - max(i, j) if j >= i - 1 else 0 for j in range(6)] for i in range(6)], dtype="f8")
    moler = np.minimum.outer(np.arange(1, 7), np.arange(1, 7)) - 2.0 + 2 * np.eye(6)
    turn = lambda t: np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    cases = [
        exponential("one element", [[-3.5]]),
        exponential("zero", np.zeros((3, 3))),
        exponential("random", normal(5, 5)),
        exponential("random, large", 16 * normal(5, 5)),
        exponential("random, small", normal(4, 4) / 1024),
        exponential("skew", 4 * (skew - skew.T)),
        exponential("symmetric, negative", -single(q * [1, 10, 100, 0.1, 0.01] @ q.T)),
        exponential("nilpotent", jordan(6, 0)),
        exponential("nilpotent, large", jordan(5, 0, 1024.0)),
        exponential("nilpotent, full", np.array([[2, -1, 1], [4, -2, 2], [0, 0, 0]]) * 64.0),
        exponential("Jordan block", jordan(6, -2)),
        exponential("Jordan block, nearly", single(jordan(5, 1) + 1e-4 * np.eye(5, k=-4))),
        exponential("lower triangular", np.tril(4 * normal(6, 6))),
        exponential("overscaling", [[1, 2.0**20], [0, -1]]),
        exponential("overscaling, not triangular", [[1, 2.0**14, 0], [0, -1, 1], [2.0**-20, 0, 0.5]]),
        exponential("Moler and Van Loan 1978", [[-49, 24], [-64, 31]]),
        exponential("Ward 1977, test 1", [[4, 2, 0], [1, 4, 1], [1, 1, 4]]),
        exponential("Ward 1977, test 3", [[-131, 19, 18], [-390, 56, 54], [-387, 57, 52]]),
        exponential("Ward 1977, test 4", single(np.diag(np.ones(9), 1) + 1e-10 * np.eye(10, k=-9))),
        exponential("rates", single(rates - np.diag(rates.sum(axis=1) - np.diag(rates)) - np.diag(np.diag(rates)))),
        exponential("Hilbert", single(scipy.linalg.hilbert(6))),
        exponential("graded", single(normal(6, 6) * 10.0 ** -np.arange(6))),
        exponential("clustered", np.triu(normal(5, 5), 1) + np.diag([1, 1 + 2.0**-20, 1 - 2.0**-20, -1, -1])),
        exponential("very negative", [[-4096.0, 1], [0, -1]]),
        root("one element", [[2.25]]),
        root("positive definite", single((lambda x: x @ x.T + np.eye(5))(normal(5, 5)))),
        root("Hilbert", single(scipy.linalg.hilbert(5))),
        root("Moler", moler),
        root("condition 1e8", single((q * [1, 1e-2, 1e-4, 1e-6, 1e-8] @ q.T + (q * [1, 1e-2, 1e-4, 1e-6, 1e-8] @ q.T).T) / 2)),
        root("complex eigenvalues", normal(6, 6) + 3 * np.eye(6)),
        root("a rotation", single(turn(2.0))),
        root("nearly half a turn", single(turn(3.14))),
        root("Jordan block", jordan(5, 1)),
        root("Jordan block, small eigenvalue", jordan(3, 0.125)),
        root("triangular, graded", np.triu(normal(5, 5), 1) + np.diag(4.0 ** -np.arange(5))),
        root("Frank", frank),
        root("blocks of pairs", scipy.linalg.block_diag(turn(1.0), 2 * turn(2.5), [[3.0]]) + np.triu(normal(5, 5), 2)),
        sign("one element", [[-2.0]]),
        sign("symmetric", single(q * [3, -1, 0.01, -0.1, 2] @ q.T)),
        sign("random", normal(6, 6)),
        sign("stable", normal(5, 5) - 4 * np.eye(5)),
        sign("far from normal", np.triu(4 * normal(5, 5), 1) + np.diag([1, -1, 2, -2, 0.5])),
        sign("near the imaginary axis", scipy.linalg.block_diag([[0.0625, 1], [-1, 0.0625]], [[-0.03125, 2], [-2, -0.03125]])),
        polar("one element", [[-2.0]]),
        polar("square", normal(5, 5)),
        polar("tall", normal(6, 3)),
        polar("rank 2", normal(5, 2) @ normal(2, 4)),
        polar("condition 1e6", single(q * [1, 3e-2, 1e-3, 3e-5, 1e-6] @ np.linalg.qr(rng.normal(size=(5, 5)))[0])),
        polar("Hilbert", single(scipy.linalg.hilbert(5))),
        polar("orthogonal", single(q)),
        polar("symmetric, both signs", single(q * [1, -2, 3, -4, 5] @ q.T)),
    ]
    write("matrix_functions", {"cases": cases})


def make():
    make_norms()
    make_pinv()
    make_functions(np.random.default_rng(20261128))


if __name__ == "__main__":
    make()
