"""Barycenters and Gromov-Wasserstein plans by POT. Run: python3 tests/oracle/barycenter_fixtures.py"""

import numpy as np
import ot

from fixture_io import dyadic, write
from sinkhorn_fixtures import random_weights

CONVENTION = (
    "barycenter: min sum_k lambda_k (<P_k, C> - epsilon H(P_k)), distributions [k, n]; metric matrix (cost given), points (squared "
    "distances from points to support) or grid (squared distances of cells, spacing 1). "
)


def squared(x, y):
    return ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)


def fixed(name, kind, distributions, cost, fraction, weights, **places):
    epsilon = float(np.float32(fraction * cost.max()))
    result = projections(distributions.T, cost, epsilon, weights, 200_000, 1e-14)
    if cost.shape[0] == cost.shape[1] and (cost == cost.T).all():
        # POT's start does not fit unequal weights (its potentials then do not sum to 0): equal ones of repeated distributions.
        times = np.round(weights / weights.min()).astype(int)
        repeated = np.repeat(distributions, times, axis=0).T
        theirs = ot.bregman.barycenter_sinkhorn(repeated, cost, epsilon, numItermax=200_000, stopThr=1e-14)
        assert abs(result - theirs).sum() < 1e-7, name
    return {"name": name, "kind": kind, "distributions": distributions, "epsilon": epsilon, "weights": weights,
            "barycenter": result, **places}


def projections(columns, cost, epsilon, weights, numItermax, stopThr):
    """The same by Bregman projections written out, also for a support other than the points."""
    kernel = np.exp(-cost / epsilon)
    v = np.ones((cost.shape[1], columns.shape[1]))
    for _ in range(numItermax):
        u = columns / (kernel @ v)
        reached = kernel.T @ u
        mean = np.exp((np.log(reached * v) * weights).sum(1))
        v = mean[:, None] / reached
        if abs(u * (kernel @ v) - columns).sum() < max(stopThr, 1e-13):
            break
    return mean


def gromov(name, x, y, p, q, loss, fraction):
    c1, c2 = (dyadic(np.sqrt(squared(z, z)), 1024) + (0 if loss == "square_loss" else 0.25) for z in (x, y))
    const, h1, h2 = ot.gromov.init_matrix(c1, c2, p, q, loss)
    epsilon = float(np.float32(fraction * abs(2 * (const - h1 @ np.outer(p, q) @ h2.T)).max()))
    plan, log = ot.gromov.entropic_gromov_wasserstein(c1, c2, p, q, loss, epsilon, max_iter=5000, tol=1e-13, log=True)
    assert abs(plan.sum(1) - p).sum() + abs(plan.sum(0) - q).sum() < 1e-7, name
    return {"name": name, "c1": c1, "c2": c2, "p": p, "q": q, "loss": loss, "epsilon": epsilon, "plan": plan,
            "distance": log["gw_dist"]}


def of_points(name, x, y, p, q, fraction, rng):
    """Squared distances of points: the entropic plan from p q^T, and the best of POT's unregularized ones from several starts."""
    c1, c2 = squared(x, x), squared(y, y)
    const, h1, h2 = ot.gromov.init_matrix(c1, c2, p, q, "square_loss")
    epsilon = float(np.float32(fraction * abs(2 * (const - h1 @ np.outer(p, q) @ h2.T)).max()))
    plan, log = ot.gromov.entropic_gromov_wasserstein(c1, c2, p, q, "square_loss", epsilon, max_iter=5000, tol=1e-13, log=True)
    reached = []
    for _ in range(20):
        start = ot.sinkhorn(p, q, rng.uniform(size=(len(p), len(q))), 0.1, numItermax=10_000)
        reached.append(ot.gromov.gromov_wasserstein(c1, c2, p, q, "square_loss", G0=start, log=True)[1]["gw_dist"])
    return {"name": name, "x": x, "y": y, "p": p, "q": q, "epsilon": epsilon, "plan": plan, "distance": log["gw_dist"],
            "least": min(reached)}


def make():
    rng = np.random.default_rng(20241128)
    points, support = dyadic(rng.normal(size=(14, 2))), dyadic(rng.normal(size=(9, 2)))
    three = np.stack([random_weights(rng, 14) for _ in range(3)])
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4), indexing="ij"), -1).reshape(-1, 2).astype(float)
    two = np.stack([random_weights(rng, 20, 6) for _ in range(2)])
    lam = np.array([0.5, 0.25, 0.25])
    random_cost = dyadic(rng.uniform(size=(14, 14)), 1024)
    write("barycenters", {"convention": CONVENTION, "cases": [
        fixed("three on points", "points", three, squared(points, points), 0.05, lam, points=points),
        fixed("three on points, sharper", "points", three, squared(points, points), 0.01, lam, points=points),
        fixed("other support", "points", three, squared(points, support), 0.02, lam, points=points, support=support),
        fixed("random cost", "matrix", three, random_cost, 0.05, np.full(3, 1 / 3), costMatrix=random_cost),
        fixed("grid 5x4, zeros", "grid", two, squared(grid, grid), 0.02, np.array([0.75, 0.25]), grid=[5, 4]),
    ]})
    locations = [dyadic(rng.normal(size=(n, 2)) + shift) for n, shift in [(8, 0), (8, [4, 1]), (8, [0, 5])]]
    masses = [np.full(8, 1 / 8)] * 3
    init = dyadic(rng.normal(size=(8, 2)) * 2)
    x = ot.lp.free_support_barycenter(locations, masses, init, weights=lam, stopThr=1e-20, numItermax=500)
    write("free_barycenters", {"convention": "min over X of sum_k lambda_k W2^2(X, Y_k), a fixed point of POT's from init", "cases": [
        {"name": "three clouds of eight", "measures": locations, "weights": lam, "init": init, "support": x,
         "objective": sum(l * ot.emd2(masses[0], m, squared(x, y)) for l, m, y in zip(lam, masses, locations))},
    ]})
    a, b = dyadic(rng.normal(size=(9, 2))), dyadic(rng.normal(size=(7, 3)))
    p, q = random_weights(rng, 9), random_weights(rng, 7)
    write("gromov_wasserstein", {"convention": "POT's entropic plan from p q^T; the plan's cost is 2 (const - h1 P h2^T)", "cases": [
        gromov("square loss", a, b, p, q, "square_loss", 0.1),
        gromov("square loss, sharper", a, b, p, q, "square_loss", 0.03),
        gromov("KL loss", a, b, p, q, "kl_loss", 0.1),
    ]})
    c, even = dyadic(rng.normal(size=(7, 2))), np.full(7, 1 / 7)
    write("gromov_points", {"convention": "as gromov_wasserstein, for squared distances; least: POT's best distortion without entropy", "cases": [
        of_points("3 and 2 dimensions", b, a, q, p, 0.06, rng),
        of_points("two clouds of seven", b[:, :2], c, even, even, 0.02, rng),
    ]})


if __name__ == "__main__":
    make()
