"""Products, reductions, softmax and index operations as NumPy and SciPy compute them in double precision."""

import numpy as np
import scipy.special

from fixture_io import dyadic, write

INF, NAN = np.inf, np.nan


def matmul_case(name, a, b):
    with np.errstate(invalid="ignore"):
        return {"name": name, "a": a, "b": b, "c": a @ b}


def make_matmul(rng):
    shapes = [(1, 1, 1), (1, 7, 1), (3, 5, 7), (17, 1, 13), (8, 8, 8), (13, 31, 11), (5, 65, 3)]
    cases = [matmul_case(f"[{m}, {k}] times [{k}, {n}], multiples of 1/8: exact in single precision",
                         dyadic(rng.normal(size=(m, k)), 8), dyadic(rng.normal(size=(k, n)), 8)) for m, k, n in shapes]
    cases.append(matmul_case("[9, 19] times [19, 6], magnitudes from 1e-4 to 1e4",
                             np.float64(np.float32(rng.normal(size=(9, 19)) * 10.0 ** rng.integers(-4, 5, (9, 19)))),
                             np.float64(np.float32(rng.normal(size=(19, 6))))))
    cases.append(matmul_case("[2, 4, 3] times [2, 3, 5], batched", dyadic(rng.normal(size=(2, 4, 3)), 8),
                             dyadic(rng.normal(size=(2, 3, 5)), 8)))
    special = np.array([[1.0, -0.0, 2.0], [INF, 1.0, -1.0], [-INF, 0.0, 1.0], [NAN, 0.0, 0.0], [-0.0, -0.0, -0.0]])
    cases.append(matmul_case("[5, 3] times [3, 2], negative zero, infinities and NaN", special,
                             np.array([[1.0, 0.0], [-2.0, 3.0], [0.5, INF]])))
    write("matmul", {"cases": cases})


REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "norm": lambda x, axis: np.sqrt(np.sum(np.square(x), axis=axis)),
    "logsumexp": lambda x, axis: scipy.special.logsumexp(x, axis=axis),
}


def make_reduce(rng):
    arrays = {
        "[5, 7, 3]": dyadic(rng.normal(size=(5, 7, 3)) * 3, 16),
        "[1, 1]": np.array([[-2.5]]),
        "[2, 67]": dyadic(rng.normal(size=(2, 67)), 16),
        "[129]": dyadic(rng.normal(size=129), 16),
        "[3, 4] with ties": np.array([[1.0, 3.0, 3.0, 0.0], [-1.0, -1.0, -1.0, -1.0], [2.0, 0.0, 0.0, 2.0]]),
        "[6, 3] with negative zero, infinities and NaN": np.array([
            [-0.0, -1.0, -2.0], [INF, 1.0, 2.0], [-INF, 1.0, 2.0], [INF, -INF, 0.0], [1.0, NAN, 2.0], [-INF, -INF, -INF]]),
    }
    cases = []
    for name, x in arrays.items():
        for axis in [None, *range(x.ndim)]:
            with np.errstate(invalid="ignore", divide="ignore"):
                results = {key: fn(x, axis=axis) for key, fn in REDUCTIONS.items()}
            cases.append({"name": f"{name}, axis {axis}", "x": x, "axis": axis, **results})
    write("reduce", {"cases": cases})


def make_softmax(rng):
    arrays = {
        "[4, 9]": dyadic(rng.normal(size=(4, 9)) * 4, 16),
        "[2, 3, 5]": dyadic(rng.normal(size=(2, 3, 5)), 16),
        "[3, 1]": np.array([[0.0], [-1e4], [1e4]]),
        "[4, 3], exponents far out of range": np.array(
            [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [9e4, 0.0, -9e4], [-104.0, -103.0, 0.0]]),
        "[5, 3] with negative zero, minus infinity and NaN": np.array([
            [-0.0, 0.0, -0.0], [-INF, 1.0, 2.0], [-INF, -INF, 0.0], [-INF, -INF, -INF], [NAN, 0.0, 1.0]]),
    }
    cases = []
    for name, x in arrays.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            cases.append({"name": name, "x": x, "axis": x.ndim - 1, "softmax": scipy.special.softmax(x, axis=-1),
                          "logSoftmax": scipy.special.log_softmax(x, axis=-1),
                          "logsumexp": scipy.special.logsumexp(x, axis=-1)})
    write("softmax", {"cases": cases})


def make_index(rng):
    cases = []
    for shape, axis, count in [((7,), 0, 12), ((5, 3), 0, 9), ((5, 3), 1, 4), ((2, 6, 3), 1, 5), ((1, 4), 0, 3)]:
        x = dyadic(rng.normal(size=shape), 16)
        indices = rng.integers(0, shape[axis], count)
        cases.append({"op": "take", "name": f"{list(shape)}, axis {axis}, {count} indices", "x": x, "axis": axis,
                      "indices": indices, "result": np.take(x, indices, axis=axis)})
    for rows, width, count in [(7, 1, 20), (5, 3, 4), (3, 4, 33), (1, 2, 65)]:
        x = dyadic(rng.normal(size=(rows, width)), 16)
        indices = rng.integers(0, rows, count)
        updates = dyadic(rng.normal(size=(count, width)), 16)
        result = x.copy()
        np.add.at(result, indices, updates)
        cases.append({"op": "scatterAdd", "name": f"{count} rows onto [{rows}, {width}], repeated indices", "x": x, "axis": 0,
                      "indices": indices, "updates": updates, "result": result})
    write("index", {"cases": cases})


def make():
    rng = np.random.default_rng(20240608)
    make_matmul(rng)
    make_reduce(rng)
    make_softmax(rng)
    make_index(rng)
