"""Entropic optimal transport in double precision, to a marginal error far below what a library under test reaches.

The problem is `min <P, C> - eps H(P)` over plans with row sums `a` and column sums `b`, where
`H(P) = -sum P (log P - 1)`. Its optimum is `P_ij = exp((f_i + g_j - C_ij) / eps)`, with no weights in it, and its dual
value is `<f, a> + <g, b> - eps sum P`.
"""

import numpy as np
import ot


def logsumexp(values, axis):
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


def plan_of(f, g, cost, eps):
    return np.exp((f[:, None] + g[None, :] - cost) / eps)


def marginal_error(plan, a, b):
    """L1 distances of the row sums from `a` and of the column sums from `b`."""
    return np.abs(plan.sum(1) - a).sum(), np.abs(plan.sum(0) - b).sum()


def sinkhorn(cost, a, b, eps, f, g, iterations, tolerance):
    """Log-domain Sinkhorn: alternating exact fits of the row and of the column sums."""
    for step in range(iterations):
        f = eps * (np.log(a) - logsumexp((g[None, :] - cost) / eps, 1))
        g = eps * (np.log(b) - logsumexp((f[:, None] - cost) / eps, 0))
        if step % 50 == 49 and sum(marginal_error(plan_of(f, g, cost, eps), a, b)) < tolerance:
            break
    return f, g


def newton(cost, a, b, eps, f, g, steps, tolerance):
    """Newton ascent on the dual with halved steps, for the problems on which Sinkhorn takes too long."""
    n = len(a)

    def merit(f, g):
        plan = plan_of(f, g, cost, eps)
        return f @ a + g @ b - eps * plan.sum(), sum(marginal_error(plan, a, b))

    for _ in range(steps):
        plan = plan_of(f, g, cost, eps)
        dual, error = merit(f, g)
        if error < tolerance:
            break
        gradient = np.concatenate([a - plan.sum(1), b - plan.sum(0)])
        hessian = np.block([[np.diag(plan.sum(1)), plan], [plan.T, np.diag(plan.sum(0))]]) / eps
        step, scale = np.linalg.lstsq(hessian, gradient, rcond=1e-15)[0], 1.0
        # Near the optimum the dual no longer resolves a step; the marginal error still does.
        while scale > 1e-6:
            next_dual, next_error = merit(f + scale * step[:n], g + scale * step[n:])
            if next_dual > dual or next_error < error:
                break
            scale /= 2
        f, g = f + scale * step[:n], g + scale * step[n:]
    return f, g


def solve(cost, a, b, eps, tolerance=1e-11):
    """Potentials of the problem restricted to the points that have weight; elsewhere they are minus infinity."""
    rows, columns = a > 0, b > 0
    inner, weights_a, weights_b = cost[np.ix_(rows, columns)], a[rows], b[columns]
    f, g = np.zeros(rows.sum()), np.zeros(columns.sum())
    for factor in (100, 30, 10, 3):
        f, g = sinkhorn(inner, weights_a, weights_b, eps * factor, f, g, 50, 0)
    f, g = sinkhorn(inner, weights_a, weights_b, eps, f, g, 4000, tolerance)
    if sum(marginal_error(plan_of(f, g, inner, eps), weights_a, weights_b)) > tolerance:
        f, g = newton(inner, weights_a, weights_b, eps, f, g, 60, tolerance)
    # The dual does not change when a constant moves from one potential to the other: give both the same mean.
    shift = (f @ weights_a - g @ weights_b) / 2
    full_f, full_g = np.full(len(a), -np.inf), np.full(len(b), -np.inf)
    full_f[rows], full_g[columns] = f - shift, g + shift
    return full_f, full_g


def solution(cost, a, b, fraction):
    """Solves at `eps = fraction * max(cost)` (rounded to single precision) and gathers what is worth comparing."""
    eps = float(np.float32(fraction * cost.max()))
    f, g = solve(cost, a, b, eps)
    plan = plan_of(f, g, cost, eps)
    positive = plan[plan > 0]
    entropy = -float((positive * (np.log(positive) - 1)).sum())
    transport = float((plan * cost).sum())
    dual = float(f[a > 0] @ a[a > 0] + g[b > 0] @ b[b > 0] - eps * plan.sum())
    errors = marginal_error(plan, a, b)
    assert sum(errors) <= 1e-10, f"marginal error {sum(errors)}"
    assert abs(transport - eps * entropy - dual) <= 1e-9 * max(1.0, cost.max()), "duality gap"
    return {
        "fraction": fraction,
        "epsilon": eps,
        "f": [None if value == -np.inf else value for value in f],
        "g": [None if value == -np.inf else value for value in g],
        "cost": transport,
        "entropy": entropy,
        "dual": dual,
        "marginalError": {"rows": errors[0], "columns": errors[1]},
    }, plan, check_with_pot(cost, a, b, eps, plan)


def check_with_pot(cost, a, b, eps, plan):
    """Compares the plan with POT's log-domain solver where that converges; says whether it did."""
    rows, columns = a > 0, b > 0
    inner, weights_a, weights_b = np.ascontiguousarray(cost[np.ix_(rows, columns)]), a[rows], b[columns]
    other = ot.sinkhorn(weights_a, weights_b, inner, eps, method="sinkhorn_log", numItermax=20000, stopThr=1e-12,
                        warn=False)
    if sum(marginal_error(other, weights_a, weights_b)) > 1e-9:
        return False
    difference = np.abs(other - plan[np.ix_(rows, columns)]).sum()
    assert difference < 1e-7, f"POT's plan differs by {difference}"
    return True
