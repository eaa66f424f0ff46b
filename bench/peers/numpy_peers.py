"""NumPy, SciPy and POT as peers: reads one JSON request per line from stdin, answers each with one JSON line.

  {"op": "versions"}                                         -> {"python": ..., "numpy": ..., "scipy": ..., "ot": ...}
  {"op": "prepare", "id": 1, "job": "matmul", "params": {...}, "inputs": ["a.f32", ...]}   -> {"id": 1}
  {"op": "run", "id": 1, "repeat": 3, "summary": true}       -> {"ms": 1.5, "sum": ..., "magnitude": ..., "info": {...}}
  {"op": "drop", "id": 1}                                    -> {"id": 1}

Inputs are raw little-endian files of single-precision numbers (.f32) or 32-bit integers (.i32). Only the computation is
timed. With "summary" the answer sums the result up as checksumOf() of peer.ts does. A failure is answered with {"error": "..."}.
"""

import json
import sys
import time

import numpy as np

JOBS = {}


def job(name):
    def register(make):
        JOBS[name] = make
        return make
    return register


def read_inputs(paths):
    return [np.fromfile(path, dtype="<i4" if path.endswith(".i32") else "<f4") for path in paths]


@job("matmul")
def matmul(inputs, m, k, n, dtype="f4"):
    a, b = inputs[0].reshape(m, k).astype(dtype), inputs[1].reshape(k, n).astype(dtype)
    return lambda: a @ b


@job("axpy")
def axpy(inputs):
    x, y = inputs
    return lambda: np.float32(2) * x + y


@job("exp")
def exp(inputs):
    (x,) = inputs
    return lambda: np.exp(x)


@job("chain")
def chain(inputs):
    (x,) = inputs
    return lambda: np.sqrt(np.abs(x) * np.float32(2) + np.float32(1)) * np.exp(-x * x) + x * np.float32(0.5)


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
    x = inputs[0].reshape(rows, columns) * np.float32(8)

    def run():
        top = x.max(axis=1, keepdims=True)
        return np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
    return run


@job("softmax")
def softmax(inputs, rows, columns):
    x = inputs[0].reshape(rows, columns) * np.float32(8)

    def run():
        y = np.exp(x - x.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
        return y
    return run


@job("nearest")
def nearest(inputs, n, d):
    x, y = (z.reshape(n, d) for z in inputs)

    def run():
        s = x @ y.T
        s *= np.float32(-2)
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


def squared_distances(x, y, n):
    """[n, n] in double precision from two lists of n points in the plane."""
    x, y = x.reshape(n, 2).astype("f8"), y.reshape(n, 2).astype("f8")
    return (x[:, :1] - y[:, 0]) ** 2 + (x[:, 1:] - y[:, 1]) ** 2


@job("sinkhornHalfStep")
def sinkhorn_half_step(inputs, n):
    cost = squared_distances(inputs[0], inputs[1], n)
    scaled, g = (cost / (cost.max() / 100)).astype("f4"), inputs[2]

    def run():
        s = g - scaled
        top = s.max(axis=1, keepdims=True)
        s -= top
        np.exp(s, out=s)
        return -(np.log(s.sum(axis=1)) + top[:, 0])
    return run


@job("sinkhornHalfStepRecomputed")
def sinkhorn_half_step_recomputed(inputs, n):
    rate = np.float32(100 / squared_distances(inputs[0], inputs[1], n).max())
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
def svd(inputs, n, dtype="f4"):
    a = inputs[0].reshape(n, n).astype(dtype)
    return lambda: np.linalg.svd(a)[1]


@job("eigh")
def eigh(inputs, n, dtype="f4"):
    a = inputs[0].reshape(n, n).astype(dtype)
    symmetric = (a + a.T) / 2
    return lambda: np.linalg.eigh(symmetric)[0]


@job("sinkhorn")
def sinkhorn(inputs, n, fraction, method, limit):
    """POT's solver on uniform weights; its stop rule is an L2 marginal error under 1e-6, looked at every 10 iterations."""
    import ot
    cost = squared_distances(inputs[0], inputs[1], n)
    weights, eps = np.full(n, 1 / n), fraction * cost.max()

    def finish(result):
        plan, log = result
        info = {"cost": float((plan * cost).sum()), "iterations": int(log["niter"]) + 1,
                "marginalError": float(np.linalg.norm(plan.sum(axis=0) - weights))}
        return info["cost"], info

    def run():
        return ot.sinkhorn(weights, weights, cost, eps, method=method, stopThr=1e-6, numItermax=limit, log=True,
                           warn=False)
    run.finish = finish
    return run


@job("emd")
def emd(inputs, n):
    import ot
    cost = squared_distances(inputs[0], inputs[1], n)
    weights = np.full(n, 1 / n)
    return lambda: ot.emd2(weights, weights, cost, numItermax=10_000_000)


def measure(run, repeat, summary):
    start = time.perf_counter()
    for _ in range(repeat):
        result = run()
    answered = {"ms": (time.perf_counter() - start) * 1e3 / repeat, "info": {}}
    if hasattr(run, "finish"):
        result, answered["info"] = run.finish(result)
    if summary:
        values = np.asarray(result, dtype="f8").ravel()
        weighted = values * (1 + np.arange(values.size) % 7)
        answered.update(sum=float(weighted.sum()), magnitude=float(np.abs(weighted).sum()))
    return answered


def versions():
    found = {"python": sys.version.split()[0], "numpy": np.__version__}
    for name in ("scipy", "ot"):
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            pass
    return found


def answer(request, prepared):
    op = request["op"]
    if op == "versions":
        return versions()
    if op == "prepare":
        prepared[request["id"]] = JOBS[request["job"]](read_inputs(request["inputs"]), **request["params"])
    elif op == "run":
        return measure(prepared[request["id"]], request["repeat"], request["summary"])
    elif op == "drop":
        del prepared[request["id"]]
    else:
        raise ValueError(f"unknown request {op}")
    return {"id": request["id"]}


def main():
    prepared = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), prepared)
        except Exception as error:  # Whatever fails is the requester's to report.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
