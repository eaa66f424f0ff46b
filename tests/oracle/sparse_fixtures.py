"""Sparse matrices from triplets, their products, reductions over rows and prefix scans as NumPy and SciPy compute them."""

import numpy as np
import scipy.signal
import scipy.sparse
import scipy.special

from fixture_io import dyadic, write


def sparse_case(name, rng, shape, rows, columns, width):
    n, m = shape
    # Without -0: SciPy keeps its sign where a sum from zero loses it.
    values = dyadic(rng.normal(size=len(rows)), 8) + 0.0
    s = scipy.sparse.coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    s.sum_duplicates()
    s.sort_indices()
    b, u = dyadic(rng.normal(size=(m, width)), 8), dyadic(rng.normal(size=(n, width)), 8)
    row_of = np.repeat(np.arange(n), np.diff(s.indptr))
    by_row = [s.data[s.indptr[i]:s.indptr[i + 1]] for i in range(n)]
    return {"name": name, "shape": [n, m], "rows": rows, "columns": columns, "values": values,
            "starts": s.indptr, "indices": s.indices, "data": s.data, "b": b, "u": u,
            "product": s @ b + 0.0, "transposed": s.T @ u + 0.0, "sampled": np.einsum("kq,kq->k", u[row_of], b[s.indices]) + 0.0,
            "sum": np.asarray(s.sum(axis=1)).ravel(), "max": [v.max() if len(v) else -np.inf for v in by_row],
            "softmax": np.concatenate([scipy.special.softmax(v) for v in by_row if len(v)] or [np.zeros(0)])}


def make_sparse(rng):
    cases = [
        sparse_case("[3, 4], places that repeat", rng, (3, 4), [2, 0, 2, 2, 0], [1, 3, 1, 0, 0], 2),
        sparse_case("[9, 7], empty rows at both ends", rng, (9, 7), rng.integers(2, 7, 30), rng.integers(0, 7, 30), 5),
        sparse_case("[1, 40], one long row", rng, (1, 40), np.zeros(90, int), rng.integers(0, 40, 90), 1),
        sparse_case("[12, 30], one dense row", rng, (12, 30), [*[4] * 30, 0, 11], [*range(30), 3, 29], 9),
        sparse_case("[40, 25], rows of a power law", rng, (40, 25),
                    np.minimum(39, (40 * rng.random(150) ** 4).astype(int)), rng.integers(0, 25, 150), 4),
        sparse_case("[2, 3], no entries", rng, (2, 3), [], [], 3),
    ]
    write("sparse", {"cases": cases})


def make_scan(rng):
    cases = []
    for name, shape, axis in [("a line", (70,), 0), ("rows", (3, 33), 1), ("columns", (41, 2), 0)]:
        x, a = dyadic(rng.normal(size=shape), 16), float(dyadic(rng.uniform(0.5, 1), 64))
        cases.append({"name": name, "x": x, "axis": axis, "a": a, "sum": np.cumsum(x, axis=axis),
                      "max": np.maximum.accumulate(x, axis=axis),
                      "linear": scipy.signal.lfilter([1.0], [1.0, -a], x, axis=axis)})
    write("scan", {"cases": cases})


def make():
    rng = np.random.default_rng(20250311)
    make_sparse(rng)
    make_scan(rng)
