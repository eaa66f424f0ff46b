"""NumPy, SciPy and POT as peers: see peer_protocol.py for what they are asked."""

import numpy as np

import iterative_jobs  # noqa: F401  registers its jobs
import pot_jobs  # noqa: F401
import scipy_jobs  # noqa: F401
import scipy_transforms  # noqa: F401
from peer_protocol import job, serve, versions_of


@job("matmul")
def matmul(inputs, m, k, n):
    a, b = inputs[0].reshape(m, k), inputs[1].reshape(k, n)
    return lambda: a @ b


@job("matmulTransposed")
def matmul_transposed(inputs, n):
    a, b = (x.reshape(n, n) for x in inputs)
    return lambda: a @ b.T


@job("matmulBatched")
def matmul_batched(inputs, batch, n):
    a, b = (x.reshape(batch, n, n) for x in inputs)
    return lambda: a @ b


@job("axpy")
def axpy(inputs):
    x, y = inputs
    return lambda: 2 * x + y


@job("exp")
def exp(inputs):
    (x,) = inputs
    return lambda: np.exp(x)


@job("chain")
def chain(inputs):
    (x,) = inputs
    return lambda: np.sqrt(np.abs(x) * 2 + 1) * np.exp(-x * x) + x * 0.5


@job("sum")
def total(inputs):
    x = np.abs(inputs[0])
    return lambda: x.sum()


@job("sumColumns")
def sum_columns(inputs, rows, columns):
    x = np.abs(inputs[0]).reshape(rows, columns)
    return lambda: x.sum(axis=0)


@job("argmax")
def argmax(inputs):
    (x,) = inputs
    return lambda: x.argmax()


@job("logsumexp")
def logsumexp(inputs, rows, columns):
    x = inputs[0].reshape(rows, columns) * 8

    def run():
        top = x.max(axis=1, keepdims=True)
        return np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
    return run


@job("softmax")
def softmax(inputs, rows, columns):
    x = inputs[0].reshape(rows, columns) * 8

    def run():
        y = np.exp(x - x.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
        return y
    return run


@job("cumsum")
def cumsum(inputs):
    (x,) = inputs
    return lambda: np.cumsum(x)


@job("nearest")
def nearest(inputs, n, m, d):
    x, y = inputs[0].reshape(n, d), inputs[1].reshape(m, d)

    def run():
        s = x @ y.T
        s *= -2
        s += (y * y).sum(axis=1)
        return s.argmin(axis=1)
    return run


@job("gather")
def gather(inputs, n, d):
    x, rows = inputs[0].reshape(n, d), inputs[1]
    return lambda: x[rows]


@job("scatterAdd")
def scatter_add(inputs, n, d):
    x, rows, updates = inputs[0].reshape(n, d), inputs[1], inputs[2].reshape(-1, d)

    def run():
        y = x.copy()
        np.add.at(y, rows, updates)
        return y
    return run


@job("concatenate")
def concatenate(inputs, n, d):
    x, y = (z.reshape(n, d) for z in inputs)
    return lambda: np.concatenate([x, y], axis=1)


@job("randomUniform")
def random_uniform(inputs, n):
    generator = np.random.default_rng(1)
    return lambda: generator.random(n, dtype="f4")


@job("randomNormal")
def random_normal(inputs, n):
    generator = np.random.default_rng(1)

    def run():
        return generator.standard_normal(n, dtype="f4")
    run.finish = lambda z: (z * z, {})
    return run


@job("sinkhornHalfStep")
def sinkhorn_half_step(inputs, n):
    cost, g = pot_jobs.squared_distances(inputs[0], inputs[1], n), inputs[2]
    scaled = (cost / (cost.max() / 100)).astype(g.dtype)

    def run():
        s = g - scaled
        top = s.max(axis=1, keepdims=True)
        s -= top
        np.exp(s, out=s)
        return -(np.log(s.sum(axis=1)) + top[:, 0])
    return run


@job("sinkhornHalfStepRecomputed")
def sinkhorn_half_step_recomputed(inputs, n):
    rate = float(100 / pot_jobs.squared_distances(inputs[0], inputs[1], n).max())
    x, y, g = inputs[0].reshape(n, 2), inputs[1].reshape(n, 2), inputs[2]

    def run():
        s = np.subtract.outer(x[:, 0], y[:, 0])
        s *= s
        t = np.subtract.outer(x[:, 1], y[:, 1])
        t *= t
        s += t
        s *= -rate
        s += g
        top = s.max(axis=1, keepdims=True)
        s -= top
        np.exp(s, out=s)
        return -(np.log(s.sum(axis=1)) + top[:, 0])
    return run


@job("svd")
def svd(inputs, n):
    a = inputs[0].reshape(n, n)
    return lambda: np.linalg.svd(a)[1]


@job("eigh")
def eigh(inputs, n):
    a = inputs[0].reshape(n, n)
    symmetric = (a + a.T) / 2
    return lambda: np.linalg.eigh(symmetric)[0]


@job("qr")
def qr(inputs, n):
    a = inputs[0].reshape(n, n)

    def run():
        return np.linalg.qr(a)
    run.finish = lambda parts: (np.abs(parts[1]), {})
    return run


@job("cholesky")
def cholesky(inputs, batch, n):
    u = inputs[0].reshape(batch, n, n)
    a = (u + u.swapaxes(1, 2)) / 2 + np.eye(n, dtype=u.dtype) * u.dtype.type(2 * np.sqrt(n))
    return lambda: np.linalg.cholesky(a)


@job("lu")
def lu(inputs, n):
    from scipy.linalg import lu_factor
    a = inputs[0].reshape(n, n)

    def run():
        return lu_factor(a, check_finite=False)
    run.finish = lambda parts: (np.abs(np.triu(parts[0])), {})
    return run


@job("solve")
def solve(inputs, n):
    a = inputs[0].reshape(n, n) + np.eye(n, dtype=inputs[0].dtype) * inputs[0].dtype.type(np.sqrt(n))
    b = inputs[1]
    return lambda: np.linalg.solve(a, b)


if __name__ == "__main__":
    serve(lambda: versions_of(["scipy", "ot"]))
