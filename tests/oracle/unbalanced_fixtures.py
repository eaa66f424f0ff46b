"""Unbalanced, partial and quadratically regularised transport problems with POT's solutions."""

import numpy as np
import ot
from scipy.optimize import linprog

from fixture_io import dyadic, write


def draw(rng, n, m, d=2):
    x, y = dyadic(rng.random((n, d))), dyadic(rng.random((m, d)) + 0.25)
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
    a, b = dyadic(rng.random(n) + 0.125, 1024), dyadic(rng.random(m) + 0.125, 1024)
    return cost, a, b


def unbalanced(rng):
    """POT's `sinkhorn_unbalanced`: entropy eps sum P (log P - 1), penalties rho KL."""
    cases = []
    for n, m, eps, rho in [(5, 7, 0.125, 0.5), (12, 9, 0.03125, 1.0), (20, 20, 0.0625, 0.125), (8, 15, 0.0625, 8.0)]:
        cost, a, b = draw(rng, n, m)
        plan = ot.unbalanced.sinkhorn_unbalanced(a, b, cost, eps, rho, numItermax=200_000, stopThr=1e-14)
        # Fixed point of the scaling, checked by its own conditions: f = -rho log(r/a), P = exp((f+g-C)/eps).
        f, g = -rho * np.log(plan.sum(1) / a), -rho * np.log(plan.sum(0) / b)
        again = np.exp((f[:, None] + g[None, :] - cost) / eps)
        assert np.abs(again - plan).max() < 1e-9 * plan.max(), np.abs(again - plan).max()
        cases.append({"cost": cost, "a": a, "b": b, "epsilon": eps, "rho": rho, "plan": plan})
    write("unbalanced", {"cases": cases})


def unregularised(rng):
    """Without entropy: KL by POT's `mm_unbalanced`, total variation as a linear programme by SciPy."""
    cases = []
    for n, m, rho in [(4, 5, 0.25), (6, 6, 0.5), (7, 4, 2.0)]:
        cost, a, b = draw(rng, n, m)
        plan = ot.unbalanced.mm_unbalanced(a, b, cost, rho, div="kl", numItermax=1_000_000, stopThr=1e-15)
        r, c = plan.sum(1), plan.sum(0)
        kl = (plan * cost).sum() + rho * ((r * np.log(r / a) - r + a).sum() + (c * np.log(c / b) - c + b).sum())
        # Variables: the plan, then mass destroyed and created on either side.
        rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
        zn, zm = np.zeros((n, m)), np.zeros((m, n))
        equal = np.block([
            [rows, np.eye(n), -np.eye(n), zn, zn],
            [columns, zm, zm, np.eye(m), -np.eye(m)],
        ])
        objective = np.concatenate([cost.ravel(), np.full(2 * (n + m), rho)])
        solved = linprog(objective, A_eq=equal, b_eq=np.concatenate([a, b]), method="highs")
        assert solved.status == 0
        cases.append({"cost": cost, "a": a, "b": b, "rho": rho, "kl": kl, "tv": solved.fun})
    write("unbalanced_limits", {"cases": cases})


def partial(rng):
    """A part of the mass: exactly by SciPy's linear programme and POT, with entropy by POT."""
    cases = []
    for n, m, fraction, eps in [(4, 5, 0.5, 0.0625), (9, 6, 0.75, 0.03125), (12, 12, 0.25, 0.03125)]:
        cost, a, b = draw(rng, n, m)
        mass = fraction * min(a.sum(), b.sum())
        bounds = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
        solved = linprog(cost.ravel(), A_ub=bounds, b_ub=np.concatenate([a, b]), A_eq=np.ones((1, n * m)), b_eq=[mass],
                         method="highs")
        assert solved.status == 0
        exact = ot.partial.partial_wasserstein(a, b, cost, m=mass)
        assert abs((exact * cost).sum() - solved.fun) < 1e-8
        # POT starts from exp(-C/eps), scaled to the mass, and projects in turn (Benamou et al. 2015).
        entropic = ot.partial.entropic_partial_wasserstein(a, b, cost, eps, m=mass, numItermax=100_000, stopThr=1e-15)
        assert (entropic.sum(1) < a + 1e-9).all() and (entropic.sum(0) < b + 1e-9).all()
        cases.append({"cost": cost, "a": a, "b": b, "mass": mass, "epsilon": eps, "exact": solved.fun, "plan": entropic})
    write("partial_transport", {"cases": cases})


def quadratic(rng):
    """POT's `smooth_ot_dual` with l2: <P, C> + gamma/2 |P|^2; and the linear programme."""
    cases = []
    for n, m, gamma in [(5, 7, 0.5), (10, 8, 2.0), (12, 12, 8.0)]:
        cost, a, b = draw(rng, n, m)
        a, b = a / a.sum(), b / b.sum()
        plan = ot.smooth.smooth_ot_dual(a, b, cost, gamma, reg_type="l2", stopThr=1e-16, numItermax=100_000)
        error = np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum()
        value = (plan * cost).sum() + gamma / 2 * (plan**2).sum()
        cases.append({"cost": cost, "a": a, "b": b, "gamma": gamma, "value": value, "marginalError": error,
                      "emd": ot.emd2(a, b, cost)})
        assert error < 1e-5, error
    write("quadratic_transport", {"cases": cases})


def make():
    rng = np.random.default_rng(20251128)
    unbalanced(rng)
    unregularised(rng)
    partial(rng)
    quadratic(rng)


if __name__ == "__main__":
    make()
