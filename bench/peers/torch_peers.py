"""PyTorch as a peer, on CUDA (cuBLAS, TF32 off) where there is a device, else on the CPU: see peer_protocol.py for what it is asked.

On CUDA the time is that between two events on the stream.
"""

import warnings

import torch

from peer_protocol import host_clock, job, serve

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
# Single precision is single precision, and products of halves are added up in it.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def cuda_clock(run, repeat):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeat):
        result = run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / repeat, result


@job("matmul")
def matmul(inputs, m, k, n):
    a, b = inputs[0].view(m, k), inputs[1].view(k, n)
    return lambda: a @ b


@job("matmulTransposed")
def matmul_transposed(inputs, n):
    a, b = (x.view(n, n) for x in inputs)
    return lambda: a @ b.T


@job("matmulBatched")
def matmul_batched(inputs, batch, n):
    a, b = (x.view(batch, n, n) for x in inputs)
    return lambda: torch.bmm(a, b)


@job("axpy")
def axpy(inputs):
    x, y = inputs
    return lambda: torch.add(y, x, alpha=2)


@job("exp")
def exp(inputs):
    (x,) = inputs
    return lambda: torch.exp(x)


@job("chain")
def chain(inputs):
    (x,) = inputs
    return lambda: torch.sqrt(torch.abs(x) * 2 + 1) * torch.exp(-x * x) + x * 0.5


@job("sum")
def total(inputs):
    x = inputs[0].abs()
    return lambda: x.sum()


@job("sumColumns")
def sum_columns(inputs, rows, columns):
    x = inputs[0].abs().view(rows, columns)
    return lambda: x.sum(dim=0)


@job("argmax")
def argmax(inputs):
    (x,) = inputs
    return lambda: x.argmax()


@job("logsumexp")
def logsumexp(inputs, rows, columns):
    x = inputs[0].view(rows, columns) * 8
    return lambda: torch.logsumexp(x, dim=1)


@job("softmax")
def softmax(inputs, rows, columns):
    x = inputs[0].view(rows, columns) * 8
    return lambda: torch.softmax(x, dim=1)


@job("cumsum")
def cumsum(inputs):
    (x,) = inputs
    return lambda: torch.cumsum(x, dim=0)


@job("nearest")
def nearest(inputs, n, m, d):
    x, y = inputs[0].view(n, d), inputs[1].view(m, d)
    return lambda: torch.addmm((y * y).sum(dim=1), x, y.T, alpha=-2).argmin(dim=1)


@job("gather")
def gather(inputs, n, d):
    x, rows = inputs[0].view(n, d), inputs[1]
    return lambda: x.index_select(0, rows)


@job("scatterAdd")
def scatter_add(inputs, n, d):
    x, rows, updates = inputs[0].view(n, d), inputs[1], inputs[2].view(-1, d)
    return lambda: x.index_add(0, rows, updates)


@job("concatenate")
def concatenate(inputs, n, d):
    x, y = (z.view(n, d) for z in inputs)
    return lambda: torch.cat([x, y], dim=1)


@job("randomUniform")
def random_uniform(inputs, n):
    return lambda: torch.rand(n, device=DEVICE)


@job("randomNormal")
def random_normal(inputs, n):
    def run():
        return torch.randn(n, device=DEVICE)
    run.finish = lambda z: (z * z, {})
    return run


def scaled_cost(x, y, n):
    """C/ε of n points of the plane, [n, n]: ε is a hundredth of the largest squared distance."""
    x, y = x.view(n, 2).double(), y.view(n, 2).double()
    cost = (x[:, None, 0] - y[:, 0]) ** 2 + (x[:, None, 1] - y[:, 1]) ** 2
    rate = 100 / cost.max()
    return cost * rate, float(rate)


@job("sinkhornHalfStep")
def sinkhorn_half_step(inputs, n):
    g = inputs[2]
    scaled = scaled_cost(inputs[0], inputs[1], n)[0].to(g.dtype)
    return lambda: -torch.logsumexp(g - scaled, dim=1)


@job("sinkhornHalfStepRecomputed")
def sinkhorn_half_step_recomputed(inputs, n):
    x, y, g = inputs[0].view(n, 2), inputs[1].view(n, 2), inputs[2]
    rate = scaled_cost(x, y, n)[1]

    def run():
        distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        return -torch.logsumexp(g - rate * distance * distance, dim=1)
    return run


def csr(inputs, n):
    rows, columns, values = inputs[:3]
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (n, n)).coalesce().to_sparse_csr()


@job("sparseMatmul")
def sparse_matmul(inputs, n, p):
    s, b = csr(inputs, n), inputs[3].view(n, p)
    return lambda: s @ b


@job("sparseVector")
def sparse_vector(inputs, n):
    s, v = csr(inputs, n), inputs[3]
    return lambda: s @ v


@job("csrFromCoo")
def csr_from_coo(inputs, n):
    def run():
        return csr(inputs, n)
    run.finish = lambda s: (s.values(), {})
    return run


@job("svd")
def svd(inputs, n):
    a = inputs[0].view(n, n)
    return lambda: torch.linalg.svd(a)[1]


@job("eigh")
def eigh(inputs, n):
    a = inputs[0].view(n, n)
    symmetric = (a + a.T) / 2
    return lambda: torch.linalg.eigh(symmetric)[0]


@job("qr")
def qr(inputs, n):
    a = inputs[0].view(n, n)

    def run():
        return torch.linalg.qr(a)
    run.finish = lambda parts: (parts[1].abs(), {})
    return run


@job("cholesky")
def cholesky(inputs, batch, n):
    u = inputs[0].view(batch, n, n)
    a = (u + u.transpose(1, 2)) / 2 + torch.eye(n, dtype=u.dtype, device=DEVICE) * (2 * n ** 0.5)
    return lambda: torch.linalg.cholesky(a)


@job("lu")
def lu(inputs, n):
    a = inputs[0].view(n, n)

    def run():
        return torch.linalg.lu_factor(a)
    run.finish = lambda parts: (parts[0].triu().abs(), {})
    return run


@job("solve")
def solve(inputs, n):
    a = inputs[0].view(n, n) + torch.eye(n, dtype=inputs[0].dtype, device=DEVICE) * n ** 0.5
    b = inputs[1]
    return lambda: torch.linalg.solve(a, b)


def versions():
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
    return {"torch": f"{torch.__version__} ({name})", "device": DEVICE.type}


if __name__ == "__main__":
    serve(versions, cuda_clock if DEVICE.type == "cuda" else host_clock,
          lambda values: torch.from_numpy(values).to(DEVICE))
