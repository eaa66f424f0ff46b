"""Low-rank and iterative jobs: scikit-learn's randomized decomposition where it is installed, else NumPy's full one; SciPy's solver."""

import numpy as np

from peer_protocol import job


@job("lowRankSvd")
def low_rank_svd(inputs, n, rank):
    x, y, noise = inputs[0].reshape(n, rank), inputs[1].reshape(rank, n), inputs[2].reshape(n, n)
    a = x @ y + x.dtype.type(1e-3) * noise
    try:
        from sklearn.utils.extmath import randomized_svd
    except ImportError:
        return lambda: np.linalg.svd(a)[1][:rank]
    return lambda: randomized_svd(a, rank, n_oversamples=10, n_iter=2, power_iteration_normalizer="QR", random_state=1)[1]


@job("laplacianCg")
def laplacian_cg(inputs, side):
    import inspect
    from scipy import sparse
    from scipy.sparse.linalg import cg
    b = inputs[0]
    line = sparse.diags([-1, 2, -1], [-1, 0, 1], shape=(side, side))
    eye = sparse.identity(side)
    a = (sparse.kron(line, eye) + sparse.kron(eye, line) + 0.01 * sparse.identity(side * side)).tocsr().astype(b.dtype)
    # Its name before SciPy 1.12.
    relative = "rtol" if "rtol" in inspect.signature(cg).parameters else "tol"
    return lambda: cg(a, b, **{relative: 1e-5}, atol=0)[0]
