"""Transforms by SciPy, on all cores; they keep single precision."""

from peer_protocol import job


@job("fft")
def fft(inputs, batch, n):
    import scipy.fft
    z = (inputs[0] + 1j * inputs[1]).astype("c8" if inputs[0].dtype == "f4" else "c16").reshape(batch, n)

    def run():
        return scipy.fft.fft(z, workers=-1)
    run.finish = lambda y: (y.real.copy(), {})
    return run


@job("rfft")
def rfft(inputs, batch, n):
    import scipy.fft
    x = inputs[0].reshape(batch, n)

    def run():
        return scipy.fft.rfft(x, workers=-1)
    run.finish = lambda y: (y.real.copy(), {})
    return run


@job("dct")
def dct(inputs, batch, n):
    import scipy.fft
    x = inputs[0].reshape(batch, n)
    return lambda: scipy.fft.dct(x, workers=-1)


@job("toeplitz")
def toeplitz(inputs, n, k):
    import scipy.linalg
    column, x = inputs[0], inputs[1].reshape(n, k)
    return lambda: scipy.linalg.matmul_toeplitz((column, column), x, workers=-1)
