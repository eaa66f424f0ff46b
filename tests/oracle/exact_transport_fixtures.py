"""Transport without regularization: POT's network simplex, SciPy's assignment, and closed forms on a line and by projections."""

import numpy as np
import ot
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance

from fixture_io import dyadic, write
from sinkhorn_fixtures import random_weights, uniform


def plan(name, cost, a, b):
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    value, log = ot.emd2(a, b, cost, numItermax=10_000_000, log=True)
    assert log["warning"] is None, name
    return {"name": name, "costMatrix": cost, "a": a, "b": b, "cost": value}


def assignment(name, cost):
    rows, columns = linear_sum_assignment(cost)
    return {"name": name, "costMatrix": cost, "cost": cost[rows, columns].sum()}


def line(rng, name, n, m, p, weights, ties=False):
    x, y = dyadic(rng.normal(size=n), 4 if ties else 256), dyadic(rng.normal(size=m) * 2 + 1, 4 if ties else 256)
    a = random_weights(rng, n) if weights else uniform(n)
    b = random_weights(rng, m) if weights else uniform(m)
    value = ot.wasserstein_1d(x, y, a, b, p=p)
    if p == 1:
        assert abs(value - wasserstein_distance(x, y, a, b)) < 1e-12, name
    assert abs(value - ot.emd2(a, b, np.abs(x[:, None] - y[None, :]) ** p)) < 1e-9 * (1 + value), name
    return {"name": name, "x": x, "y": y, "a": a, "b": b, "p": p, "cost": value}


def circle(rng, name, n, m, p, weights):
    """The cost on the circle of length 1 is the geodesic distance: the optimum by the network simplex over all pairs."""
    x, y = dyadic(rng.uniform(size=n), 1024) % 1, dyadic(rng.uniform(size=m) ** 2, 1024) % 1
    a = random_weights(rng, n) if weights else uniform(n)
    b = random_weights(rng, m) if weights else uniform(m)
    far = np.abs(x[:, None] - y[None, :])
    return {"name": name, "x": x, "y": y, "a": a, "b": b, "p": p, "cost": ot.emd2(a, b, np.minimum(far, 1 - far) ** p)}


def sliced(rng, name, n, m, d, count, p, weights):
    x, y = dyadic(rng.normal(size=(n, d)), 64), dyadic(rng.normal(size=(m, d)) + 0.5, 64)
    a = random_weights(rng, n) if weights else None
    b = random_weights(rng, m) if weights else None
    directions = rng.normal(size=(count, d))
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    # POT divides by n_projections, whatever projections it is given.
    common = {"projections": directions.T, "n_projections": count, "p": p}
    case = {"name": name, "x": x, "y": y, "p": p, "projections": directions}
    if weights:
        case.update({"a": a, "b": b})
    case["sliced"] = ot.sliced_wasserstein_distance(x, y, a, b, **common)
    case["largest"] = ot.max_sliced_wasserstein_distance(x, y, a, b, **common)
    return case


def make():
    rng = np.random.default_rng(20241128)
    scales = np.exp(rng.uniform(np.log(1e-9), np.log(1e9), size=(12, 14)))
    write("exact_plans", {"cases": [
        plan("whole costs with many ties, equal weights", rng.integers(0, 3, size=(15, 15)), uniform(15), uniform(15)),
        plan("whole costs with many ties, random weights", rng.integers(0, 4, size=(12, 20)), random_weights(rng, 12),
             random_weights(rng, 20)),
        plan("all costs equal", np.full((7, 9), 2.5), random_weights(rng, 7), random_weights(rng, 9)),
        plan("no costs at all", np.zeros((6, 6)), uniform(6), uniform(6)),
        plan("zero weights on both sides", dyadic(rng.uniform(size=(14, 11))), random_weights(rng, 14, 5),
             random_weights(rng, 11, 4)),
        plan("one row", dyadic(rng.uniform(size=(1, 6))), uniform(1), random_weights(rng, 6)),
        plan("one column", dyadic(rng.uniform(size=(5, 1))), random_weights(rng, 5), uniform(1)),
        plan("one of each", np.array([[3.25]]), uniform(1), uniform(1)),
        plan("negative costs", dyadic(rng.normal(size=(10, 13))), uniform(10), random_weights(rng, 13)),
        plan("costs from 1e-9 to 1e9", scales.astype(np.float32), random_weights(rng, 12), random_weights(rng, 14)),
        plan("equal weights, 2 to 1", dyadic(rng.uniform(size=(24, 12))), uniform(24), uniform(12)),
        plan("equal weights, 7 to 11", dyadic(rng.uniform(size=(7, 11))), uniform(7), uniform(11)),
        plan("random costs", dyadic(rng.uniform(size=(30, 30)), 4096), random_weights(rng, 30), random_weights(rng, 30)),
    ]})
    write("assignments", {"cases": [
        assignment("square, random", dyadic(rng.uniform(size=(20, 20)), 4096)),
        assignment("square, many ties", rng.integers(0, 3, size=(18, 18)).astype(float)),
        assignment("wide", dyadic(rng.normal(size=(9, 21)), 1024)),
        assignment("tall", dyadic(rng.normal(size=(23, 8)), 1024)),
        assignment("one row", dyadic(rng.normal(size=(1, 5)))),
        assignment("one of each", np.array([[-2.0]])),
        assignment("costs from 1e-9 to 1e9", scales.astype(np.float32)),
        assignment("all equal", np.full((6, 6), 4.0)),
    ]})
    write("wasserstein_1d", {"cases": [
        line(rng, "equal sizes, p = 1", 40, 40, 1, False),
        line(rng, "equal sizes, p = 2", 33, 33, 2, False),
        line(rng, "7 and 12 points, p = 2", 7, 12, 2, False),
        line(rng, "random weights, p = 1", 25, 31, 1, True),
        line(rng, "random weights, p = 3", 25, 31, 3, True),
        line(rng, "random weights, p = 1.5, many ties", 30, 28, 1.5, True, True),
        line(rng, "one and one", 1, 1, 2, False),
        line(rng, "one and many", 1, 9, 1, True),
    ]})
    write("wasserstein_circle", {"cases": [
        circle(rng, "equal sizes, p = 1", 30, 30, 1, False),
        circle(rng, "random weights, p = 1", 20, 27, 1, True),
        circle(rng, "equal sizes, p = 2", 24, 24, 2, False),
        circle(rng, "random weights, p = 2", 21, 19, 2, True),
        circle(rng, "random weights, p = 1.5", 15, 22, 1.5, True),
        circle(rng, "random weights, p = 3", 15, 22, 3, True),
        circle(rng, "one and one", 1, 1, 2, False),
        circle(rng, "one and many", 1, 8, 2, True),
    ]})
    write("sliced_wasserstein", {"cases": [
        sliced(rng, "equal sizes, p = 2", 20, 20, 3, 12, 2, False),
        sliced(rng, "15 and 22 points, p = 1", 15, 22, 2, 8, 1, False),
        sliced(rng, "random weights, p = 2", 18, 13, 4, 10, 2, True),
    ]})
