"""Entropic transport on regular grids, on all their cells at once, and heat kernels of graphs."""

import numpy as np
import scipy.linalg

from fixture_io import write
from sinkhorn_fixtures import random_weights
from sinkhorn_solver import solution

POWERS = {"sqeuclidean": 2, "cityblock": 1, "abs(x[i] - y[j])^1.5": 1.5}


def grid_cost(shape, spacing, power):
    """Costs between all cells in row-major order: the sum over the axes of powers of distances."""
    cells = np.stack(np.meshgrid(*[np.arange(s) * h for s, h in zip(shape, spacing)], indexing="ij"), -1)
    cells = cells.reshape(-1, len(shape))
    return (np.abs(cells[:, None] - cells[None]) ** power).sum(-1)


def grid_case(rng, shape, spacing, cost, fraction, zeros):
    n = int(np.prod(shape))
    a, b = random_weights(rng, n, zeros), random_weights(rng, n, zeros)
    entry, _, agreed = solution(grid_cost(shape, spacing, POWERS[cost]), a, b, fraction)
    print(f"  {shape}, {cost}: {'POT agrees' if agreed else 'POT has not converged'}")
    keep = {key: entry[key] for key in ("epsilon", "f", "g", "cost", "dual")}
    return {"name": f"{shape}, {cost}", "shape": shape, "spacing": spacing, "metric": cost, "a": a, "b": b, **keep}


def path(n):
    return [(k, k + 1) for k in range(n - 1)]


def lattice(h, w):
    across = [(i * w + j, i * w + j + 1) for i in range(h) for j in range(w - 1)]
    return across + [(i * w + j, (i + 1) * w + j) for i in range(h - 1) for j in range(w)]


def heat_case(rng, name, n, edges, weights, epsilon):
    laplacian = np.zeros((n, n))
    for (i, j), w in zip(edges, weights):
        laplacian[[i, j, i, j], [i, j, j, i]] += [w, w, -w, -w]
    time, steps = epsilon / 4, 4
    kernel = scipy.linalg.expm(-time * laplacian)
    implicit = np.linalg.matrix_power(np.linalg.inv(np.eye(n) + time / steps * laplacian), steps)
    a, b = random_weights(rng, n, 2), random_weights(rng, n, 1)
    cost = -epsilon * np.log(kernel)
    entry, _, agreed = solution(cost, a, b, epsilon / cost.max())
    print(f"  {name}: {'POT agrees' if agreed else 'POT has not converged'}")
    keep = {key: entry[key] for key in ("f", "g", "cost", "dual")}
    return {"name": name, "nodes": n, "edges": edges, "weights": weights, "epsilon": epsilon, "steps": steps,
            "kernel": kernel, "implicit": implicit, "a": a, "b": b, **keep}


def make():
    rng = np.random.default_rng(20151107)
    write("sinkhorn_grid", {"cases": [
        grid_case(rng, [24], [0.5], "sqeuclidean", 0.02, 5),
        grid_case(rng, [6, 5], [1, 2], "sqeuclidean", 0.05, 4),
        grid_case(rng, [6, 5], [1, 1], "cityblock", 0.03, 0),
        grid_case(rng, [3, 4, 3], [1, 0.5, 1], "abs(x[i] - y[j])^1.5", 0.05, 6),
    ]})
    edges = lattice(4, 5)
    write("heat_kernels", {"cases": [
        heat_case(rng, "a path, edges of length 1/4", 16, path(16), np.full(15, 16.0), 0.5),
        heat_case(rng, "a lattice of 4 × 5 with random weights", 20, edges,
                  rng.integers(1, 9, len(edges)) / 4, 2.0),
    ]})


if __name__ == "__main__":
    make()
