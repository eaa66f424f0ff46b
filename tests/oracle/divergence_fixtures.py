"""Sinkhorn divergences by POT."""

import numpy as np
import ot
from fixture_io import write


def regularized(a, b, cost, epsilon):
    plan = ot.bregman.sinkhorn_log(a, b, cost, epsilon, numItermax=200_000, stopThr=1e-13)
    inside = plan > 0
    reference = np.outer(a, b)
    divergence = np.sum(plan[inside] * np.log(plan[inside] / reference[inside])) - plan.sum() + reference.sum()
    return np.sum(plan * cost) + epsilon * divergence


def case(name, rng, n, m, d, apart, epsilon):
    x = np.round(rng.normal(size=(n, d)) * 256) / 256
    y = np.round((rng.normal(size=(m, d)) + apart) * 256) / 256
    a, b = (rng.integers(1, 9, k).astype(float) for k in (n, m))
    a, b = a / a.sum(), b / b.sum()
    value = regularized(a, b, ot.dist(x, y), epsilon) - (
        regularized(a, a, ot.dist(x, x), epsilon) + regularized(b, b, ot.dist(y, y), epsilon)) / 2
    costs = ot.bregman.empirical_sinkhorn_divergence(x, y, epsilon, a=a, b=b, numIterMax=200_000, stopThr=1e-13)
    return {"name": name, "x": x.tolist(), "y": y.tolist(), "a": a.tolist(), "b": b.tolist(), "epsilon": epsilon,
            "divergence": float(value), "costs": float(np.squeeze(costs))}


def make():
    rng = np.random.default_rng(20)
    write("sinkhorn_divergence", {"cases": [
        case("20x25, d = 2, close", rng, 20, 25, 2, 0.2, 0.5),
        case("12x9, d = 3, apart", rng, 12, 9, 3, 2.0, 1.0),
        case("15x15, d = 1, large epsilon", rng, 15, 15, 1, 1.0, 20.0),
    ]})


if __name__ == "__main__":
    make()
