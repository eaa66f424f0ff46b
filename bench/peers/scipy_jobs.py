"""Jobs on sparse matrices, by SciPy. Each has triplets as its first inputs: rows, columns and values, in any order."""

import numpy as np

from peer_protocol import job


def csr(inputs, n):
    from scipy import sparse
    rows, columns, values = inputs[:3]
    return sparse.coo_matrix((values, (rows, columns)), shape=(n, n)).tocsr()


@job("sparseMatmul")
def sparse_matmul(inputs, n, p):
    s, b = csr(inputs, n), inputs[3].reshape(n, p)
    return lambda: s @ b


@job("sparseVector")
def sparse_vector(inputs, n):
    s, v = csr(inputs, n), inputs[3]
    return lambda: s @ v


@job("csrFromCoo")
def csr_from_coo(inputs, n):
    def run():
        return csr(inputs, n)
    run.finish = lambda s: (s.data, {})
    return run


@job("csrTranspose")
def csr_transpose(inputs, n):
    s = csr(inputs, n)

    def run():
        return s.T.tocsr()
    run.finish = lambda t: (t.data, {})
    return run


@job("sampledMatmul")
def sampled_matmul(inputs, n, d):
    """SciPy has no such product: this is how it is written with NumPy."""
    s, a, b = csr(inputs, n), inputs[3].reshape(n, d), inputs[4].reshape(n, d)
    rows = np.repeat(np.arange(n), np.diff(s.indptr))
    return lambda: np.einsum("ij,ij->i", a[rows], b[s.indices])
