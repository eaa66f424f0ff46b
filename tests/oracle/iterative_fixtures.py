"""Systems, eigenvalue problems and low-rank matrices with what SciPy's iterative and interpolative methods make of them."""

import numpy as np
import scipy.linalg
import scipy.linalg.interpolative as interpolative
import scipy.sparse.linalg as sparse

from fixture_io import dyadic, write

TOLERANCE = 1e-10


def symmetric(rng, values):
    """A symmetric matrix with these eigenvalues."""
    q = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
    a = q * np.asarray(values, dtype="f8") @ q.T
    return (a + a.T) / 2


def counted(solver, a, b, **options):
    """What a solver finds, its own verdict and its iterations."""
    steps = [0]

    def count(_):
        steps[0] += 1

    if solver is sparse.gmres:
        options.update(callback_type="pr_norm")
    x, info = solver(a, b, rtol=TOLERANCE, atol=0.0, maxiter=400, callback=count, **options) if solver is not sparse.minres else solver(
        a, b, rtol=TOLERANCE, maxiter=400, callback=count, **options
    )
    residual = np.linalg.norm(b - a @ x) / np.linalg.norm(b)
    return {"x": x, "info": info, "iterations": steps[0], "residual": residual}


def system(name, rng, a, methods):
    """One square system; `exact` is the solution by a factorization, where there is one."""
    a = np.asarray(a, dtype="f8")
    n = len(a)
    b = dyadic(rng.normal(size=n), 16)
    found = {"name": name, "kind": "system", "shape": [n, n], "a": a.ravel(), "b": b, "kappa": np.linalg.cond(a)}
    found["exact"] = np.linalg.solve(a, b)
    for method in methods:
        options = {"restart": n} if method == "gmres" else {}
        found[method] = counted(getattr(sparse, method), a, b, **options)
    return found


def least_squares(name, rng, a, damp):
    """A least-squares problem, damped or not; `exact` is the answer of least norm by singular values."""
    m, n = a.shape
    b = dyadic(rng.normal(size=m), 16)
    whole, right = np.vstack([a, damp * np.eye(n)]), np.concatenate([b, np.zeros(n)])
    x, stop, steps, norm_r, norm_ar = sparse.lsmr(a, b, damp=damp, atol=1e-13, btol=1e-13, conlim=0, maxiter=1000)[:5]
    return {
        "name": name,
        "kind": "leastSquares",
        "shape": [m, n],
        "a": a.ravel(),
        "b": b,
        "damp": damp,
        "kappa": np.linalg.cond(whole) if np.linalg.matrix_rank(whole) == min(whole.shape) else 1.0,
        "exact": scipy.linalg.lstsq(whole, right, cond=1e-10)[0],
        "lsmr": {"x": x, "iterations": steps, "residual": norm_r, "normalResidual": norm_ar},
    }


def eigen(name, rng, a, k, b=None):
    """Extreme eigenvalues of a symmetric matrix or pencil by ARPACK and LOBPCG."""
    n = len(a)
    start = dyadic(rng.normal(size=(n, k)), 64)
    exact = scipy.linalg.eigh(a, b, eigvals_only=True)
    found = {"name": name, "kind": "eigen", "shape": [n, n], "a": a.ravel(), "k": k, "exact": exact}
    if b is not None:
        found["b"] = b.ravel()
    if b is None:
        found["eigsh"] = np.sort(sparse.eigsh(a, k=k, which="LA", v0=start[:, 0], return_eigenvectors=False))
    found["lobpcg"] = np.sort(sparse.lobpcg(a, start, B=b, largest=False, tol=1e-9, maxiter=400)[0])
    return found


def low_rank(name, rng, a, tolerance, rank):
    """Interpolative decompositions to a tolerance and of a rank: their size and errors."""
    m, n = a.shape
    k, order, coefficients = interpolative.interp_decomp(a, tolerance, rand=False)
    order2, coefficients2 = interpolative.interp_decomp(a, rank, rand=False)

    def error(order, coefficients, k):
        return np.linalg.norm(a - interpolative.reconstruct_matrix_from_id(a[:, order[:k]], order, coefficients), 2)

    return {
        "name": name,
        "kind": "lowRank",
        "shape": [m, n],
        "a": a.ravel(),
        "s": np.linalg.svd(a, compute_uv=False),
        "tolerance": tolerance,
        "toleranceRank": k,
        "toleranceError": error(order, coefficients, k),
        "rank": rank,
        "rankError": error(order2, coefficients2, rank),
    }


def make_iterative(rng):
    normal = lambda m, n: dyadic(rng.normal(size=(m, n)), 64)
    spread = lambda power, n: 10.0 ** -np.linspace(0, power, n)
    laplacian = 2 * np.eye(16) - np.eye(16, k=1) - np.eye(16, k=-1)
    saddle = np.block([[np.eye(6), normal(6, 3)], [np.zeros((3, 9))]])
    saddle = np.triu(saddle) + np.triu(saddle, 1).T
    cases = [
        system("condition 1e2", rng, symmetric(rng, spread(2, 10)), ["cg", "minres", "gmres"]),
        system("condition 1e6", rng, symmetric(rng, spread(6, 8)), ["cg", "minres", "gmres"]),
        system("condition 1e10", rng, symmetric(rng, spread(10, 8)), ["cg", "minres", "gmres"]),
        system("clustered", rng, symmetric(rng, [1, 1 + 1e-9, 1, 2, 2, 2, 2, 5]), ["cg", "minres", "gmres"]),
        system("Laplacian", rng, laplacian, ["cg", "minres", "gmres"]),
        system("Hilbert", rng, scipy.linalg.hilbert(6), ["cg", "minres", "gmres"]),
        system("identity", rng, np.eye(5), ["cg", "minres", "gmres"]),
        system("one element", rng, [[-2.5]], ["minres", "gmres"]),
        system("indefinite", rng, symmetric(rng, [-3, -1, -0.5, 0.25, 1, 2, 4]), ["minres", "gmres"]),
        system("saddle point", rng, saddle, ["minres", "gmres"]),
        system("not symmetric", rng, normal(9, 9), ["gmres"]),
        system("Jordan block", rng, 0.5 * np.eye(8) + np.eye(8, k=1), ["gmres"]),
        system("cyclic shift", rng, np.roll(np.eye(7), 1, axis=0), ["gmres"]),
        least_squares("tall", rng, normal(12, 5), 0.0),
        least_squares("wide", rng, normal(5, 9), 0.0),
        least_squares("damped", rng, normal(9, 6), 0.5),
        least_squares("rank 3 of 6", rng, rng.integers(-3, 4, size=(9, 3)) @ rng.integers(-3, 4, size=(3, 6)) * 1.0, 0.0),
        least_squares("condition 1e4", rng, np.linalg.qr(rng.normal(size=(9, 6)))[0] * spread(4, 6) @ symmetric(rng, np.ones(6)), 0.0),
        eigen("random", rng, (lambda g: g + g.T)(normal(18, 18)), 3),
        eigen("Laplacian, eigenvalues", rng, laplacian, 2),
        eigen("pencil", rng, (lambda g: g + g.T)(normal(12, 12)), 2, symmetric(rng, spread(1, 12))),
        low_rank("decay", rng, np.linalg.qr(rng.normal(size=(16, 12)))[0] * spread(8, 12) @ np.linalg.qr(rng.normal(size=(12, 12)))[0], 1e-4, 4),
        low_rank("rank 3", rng, rng.integers(-3, 4, size=(14, 3)) @ rng.integers(-3, 4, size=(3, 10)) * 1.0, 1e-6, 3),
        low_rank("Hilbert, low rank", rng, scipy.linalg.hilbert(14), 1e-5, 5),
    ]
    write("iterative", {"tolerance": TOLERANCE, "cases": cases})


def make():
    make_iterative(np.random.default_rng(20260902))


if __name__ == "__main__":
    make()
