"""Entropic and unregularised transport problems with their solutions."""

import numpy as np
import ot

from fixture_io import dyadic, write
from sinkhorn_solver import solution

EARTH_RADIUS_KM = 6371.0
FRACTIONS = (1e-1, 1e-2, 1e-3)

CONVENTION = (
    "min <P, C> - epsilon H(P) with row sums a and column sums b, H(P) = -sum P (log P - 1) (entropy). "
    "P_ij = exp((f_i + g_j - C_ij) / epsilon), no weights in it; a potential is null (minus infinity) where the weight is 0, "
    "and <f, a> = <g, b>. cost = <P, C>, dual = <f, a> + <g, b> - epsilon sum P, emd = unregularised optimal cost, "
    "epsilon = fraction * maxCost rounded to single precision, marginalError in L1. "
    "metric: sqeuclidean and euclidean of the points x [n, d], y [m, d]; greatCircle of (longitude, latitude) in degrees on "
    "a sphere of radius 6371, in km; matrix: costMatrix is given."
)


def cost_of(metric, x, y):
    if metric == "greatCircle":
        lon_x, lat_x = np.radians(x[:, 0])[:, None], np.radians(x[:, 1])[:, None]
        lon_y, lat_y = np.radians(y[:, 0])[None, :], np.radians(y[:, 1])[None, :]
        # Haversine: keeps its digits for near points, where the arc cosine loses them.
        h = np.sin((lat_x - lat_y) / 2) ** 2 + np.cos(lat_x) * np.cos(lat_y) * np.sin((lon_x - lon_y) / 2) ** 2
        return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
    squared = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
    return squared if metric == "sqeuclidean" else np.sqrt(squared)


def uniform(n):
    return np.full(n, 1 / n)


def random_weights(rng, n, zeros=0):
    """Random weights that sum to 1 exactly and are exact in single precision: counts of 4096 draws over 4096."""
    counts = rng.multinomial(4096 - (n - zeros), rng.dirichlet(np.full(n - zeros, 1.5))) + 1
    weights = np.concatenate([counts, np.zeros(zeros, dtype=int)]) / 4096
    return rng.permutation(weights)


def problem(name, metric, a, b, x=None, y=None, cost_matrix=None, fractions=FRACTIONS):
    cost = cost_matrix if metric == "matrix" else cost_of(metric, x, y)
    case = {"name": name, "metric": metric, "a": a, "b": b}
    case.update({"costMatrix": cost} if metric == "matrix" else {"x": x, "y": y})
    case["maxCost"] = cost.max()
    case["emd"] = ot.emd2(a, b, np.ascontiguousarray(cost))
    solved = [solution(cost, a, b, fraction) for fraction in fractions]
    case["solutions"] = [entry for entry, _, _ in solved]
    agreed = [fraction for fraction, (_, _, ok) in zip(fractions, solved) if ok]
    print(f"  {name}: POT agrees at {agreed or 'no epsilon (not converged there)'}")
    return case


def make():
    rng = np.random.default_rng(20240607)

    def cloud(n, d, spread=1.0, centre=0.0):
        return dyadic(rng.normal(size=(n, d)) * spread + centre)

    write("sinkhorn_sqeuclidean", {"convention": CONVENTION, "cases": [
        problem("40x60, d = 2, uniform", "sqeuclidean", uniform(40), uniform(60), cloud(40, 2), cloud(60, 2, 0.5, 1)),
        problem("1x5, d = 1, random weights", "sqeuclidean", uniform(1), random_weights(rng, 5), cloud(1, 1), cloud(5, 1)),
        problem("64x64, d = 3, random weights", "sqeuclidean", random_weights(rng, 64), random_weights(rng, 64),
                cloud(64, 3), cloud(64, 3, 1.5)),
        problem("100x30, d = 10, uniform", "sqeuclidean", uniform(100), uniform(30), cloud(100, 10), cloud(30, 10, 1, 0.25)),
    ]})
    write("sinkhorn_euclidean", {"convention": CONVENTION, "cases": [
        problem("40x60, d = 1, random weights", "euclidean", random_weights(rng, 40), random_weights(rng, 60),
                cloud(40, 1), cloud(60, 1, 2, -1)),
        problem("64x64, d = 2, uniform", "euclidean", uniform(64), uniform(64), cloud(64, 2), cloud(64, 2, 1, 2)),
        problem("100x30, d = 3, random weights", "euclidean", random_weights(rng, 100), random_weights(rng, 30),
                cloud(100, 3), cloud(30, 3)),
    ]})

    def places(n, lon, lat):
        return np.stack([dyadic(rng.uniform(*lon, n), 16), dyadic(rng.uniform(*lat, n), 16)], 1)

    write("sinkhorn_great_circle", {"convention": CONVENTION, "cases": [
        problem("40x60, whole sphere, uniform", "greatCircle", uniform(40), uniform(60), places(40, (-180, 180), (-80, 80)),
                places(60, (-180, 180), (-80, 80))),
        problem("30x25, across the antimeridian and near a pole, random weights", "greatCircle",
                random_weights(rng, 30), random_weights(rng, 25), places(30, (170, 179.9), (60, 89.9)),
                places(25, (-179.9, -170), (60, 89.9))),
    ]})
    write("sinkhorn_matrix", {"convention": CONVENTION, "cases": [
        problem("24x31, random cost, random weights", "matrix", random_weights(rng, 24), random_weights(rng, 31),
                cost_matrix=dyadic(rng.uniform(size=(24, 31)), 1024)),
        problem("5x1, random cost, random weights", "matrix", random_weights(rng, 5), uniform(1),
                cost_matrix=dyadic(rng.uniform(size=(5, 1)), 1024)),
        problem("17x17, negative and positive cost, uniform", "matrix", uniform(17), uniform(17),
                cost_matrix=dyadic(rng.normal(size=(17, 17)), 1024)),
    ]})
    few = cloud(6, 2)
    shared = cloud(12, 3)
    write("sinkhorn_degenerate", {"convention": CONVENTION, "cases": [
        problem("20x23, weights with zeros on both sides", "sqeuclidean", random_weights(rng, 20, 4),
                random_weights(rng, 23, 5), cloud(20, 2), cloud(23, 2, 1, 0.5)),
        problem("18x13, duplicate points on one side", "sqeuclidean", uniform(18), random_weights(rng, 13),
                np.repeat(few, 3, axis=0), cloud(13, 2)),
        problem("12x12, the same points on both sides", "euclidean", random_weights(rng, 12), random_weights(rng, 12),
                shared, shared[::-1].copy()),
        problem("1x1", "sqeuclidean", uniform(1), uniform(1), cloud(1, 2), cloud(1, 2)),
    ]})
