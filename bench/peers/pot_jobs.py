"""Jobs on whole transport problems, by POT."""

import numpy as np

from peer_protocol import job


def squared_distances(x, y, n):
    """[n, n] in double precision from two lists of n points in the plane."""
    x, y = x.reshape(n, 2).astype("f8"), y.reshape(n, 2).astype("f8")
    return (x[:, :1] - y[:, 0]) ** 2 + (x[:, 1:] - y[:, 1]) ** 2


@job("sinkhorn")
def sinkhorn(inputs, n, fraction, method, limit):
    """POT's solver on uniform weights; its stop rule is an L2 marginal error under 1e-6, looked at every 10 iterations."""
    import ot
    cost = squared_distances(inputs[0], inputs[1], n)
    weights, eps = np.full(n, 1 / n), fraction * cost.max()

    def finish(result):
        plan, log = result
        info = {"cost": float((plan * cost).sum()), "iterations": int(log.get("niter", log.get("n_iter", 0))) + 1,
                "marginalError": float(np.linalg.norm(plan.sum(axis=0) - weights))}
        return info["cost"], info

    # The stabilized solver's default, 1e3, loses the plan at small eps.
    own = {"tau": 1e5} if method == "sinkhorn_stabilized" else {}

    def run():
        return ot.sinkhorn(weights, weights, cost, eps, method=method, stopThr=1e-6, numItermax=limit, log=True,
                           warn=False, **own)
    run.finish = finish
    return run


@job("emd")
def emd(inputs, n):
    import ot
    cost = squared_distances(inputs[0], inputs[1], n)
    weights = np.full(n, 1 / n)
    return lambda: ot.emd2(weights, weights, cost, numItermax=10_000_000)


@job("sinkhornLoop")
def sinkhorn_loop(inputs, count, n, fraction):
    """POT's plain solver on `count` problems of n points, one after the other."""
    import ot
    x, y = (points.reshape(count, 2 * n) for points in inputs)
    costs = [squared_distances(x[k], y[k], n) for k in range(count)]
    weights = np.full(n, 1 / n)

    def finish(results):
        errors = [float(np.linalg.norm(plan.sum(axis=0) - weights)) for plan, _ in results]
        info = {"cost": float((results[0][0] * costs[0]).sum()), "marginalError": max(errors),
                "iterations": float(np.mean([log["niter"] + 1 for _, log in results]))}
        return info["cost"], info

    def run():
        return [ot.sinkhorn(weights, weights, cost, fraction * cost.max(), stopThr=1e-6, numItermax=100_000, log=True,
                            warn=False) for cost in costs]
    run.finish = finish
    return run


@job("sinkhornGrid")
def sinkhorn_grid(inputs, side, fraction):
    """POT's plain solver between histograms on side x side cells at distance 1, with squared distances of all pairs."""
    import ot
    a, b = (np.abs(masses.astype("f8")) for masses in inputs)
    a, b = a / a.sum(), b / b.sum()
    cells = np.stack(np.divmod(np.arange(side * side), side), 1).astype("f4").ravel()
    cost = squared_distances(cells, cells, side * side)

    def finish(result):
        plan, log = result
        info = {"cost": float((plan * cost).sum()), "iterations": int(log["niter"]) + 1,
                "marginalError": float(np.linalg.norm(plan.sum(axis=0) - b))}
        return info["cost"], info

    def run():
        return ot.sinkhorn(a, b, cost, fraction * cost.max(), stopThr=1e-6, numItermax=100_000, log=True, warn=False)
    run.finish = finish
    return run
