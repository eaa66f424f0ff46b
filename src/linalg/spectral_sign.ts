import type { Tensor } from "../tensor/mod.ts";
import { ConvergenceError } from "./errors.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import { hostIdentity, inverted } from "./host_solve.ts";
import { floats, lapackWith, nth, onHost, readMatrices, toTensor } from "./matrix_stack.ts";
import type { Device } from "../device/mod.ts";

const U = 2 ** -53;

/**
 * sign(A) of each matrix of a stack by Newton's iteration X ← (μX + (μX)⁻¹)/2, scaled by μ = |det X|^(−1/n) until it is near (Byers 1987; Higham
 * 2008, algorithm 5.14), on the host in f64.
 */
export async function spectralSign(
  a: Tensor,
  maxIterations: number,
  signal: AbortSignal | undefined,
): Promise<{ sign: Tensor; residual: Tensor; iterations: number }> {
  const stack = await readMatrices(a, "matrixSign"), { device, data, rows: n, count, dtype } = stack;
  const residuals = floats(dtype, count);
  let iterations = 0;
  onHost(device, lapackWith(device, "getrf", "getrs") ? "matrixSign/lapack" : "matrixSign/loops", () => {
    for (let i = 0; i < count && n > 0; i++) {
      const matrix = nth(data, i, n * n);
      const found = signOf(device, hostMatrix(n, n, Float64Array.from(matrix)), maxIterations, signal);
      if (typeof found === "string") {
        throw new ConvergenceError(
          `The sign of ${
            count > 1 ? `matrix ${i}` : "the matrix"
          } was not found: ${found}. Its eigenvalues must be off the imaginary axis`,
        );
      }
      matrix.set(found.sign.data);
      residuals[i] = found.residual;
      iterations = Math.max(iterations, found.iterations);
    }
  });
  return { sign: toTensor(stack, data, [n, n]), residual: toTensor(stack, residuals, []), iterations };
}

/** The sign and ‖S² − I‖/‖S‖², or in words why there is none. */
function signOf(
  device: Device,
  a: HostMatrix,
  maxIterations: number,
  signal: AbortSignal | undefined,
): { sign: HostMatrix; residual: number; iterations: number } | string {
  const n = a.columns, size = frobenius(a.data);
  if (size === 0) return "the matrix is zero";
  // By a power of two, so that determinants and products stay in range.
  const scale = 2 ** -Math.max(-1000, Math.min(1000, Math.round(Math.log2(size))));
  let x = hostMatrix(n, n, a.data.map((v) => v * scale)), near = false;
  for (let k = 1; k <= maxIterations; k++) {
    signal?.throwIfAborted();
    const found = inverted(device, x);
    if (!found) return `step ${k} met a singular matrix`;
    const mu = near ? 1 : Math.exp(-found.logAbsDet / n);
    const next = hostMatrix(n, n, x.data.map((v, q) => (mu * v + found.inverse.data[q] / mu) / 2));
    const step = frobenius(next.data.map((v, q) => v - x.data[q])), length = frobenius(next.data);
    if (!Number.isFinite(length)) return `step ${k} left the range of numbers`;
    // The next step would change it by about ‖X⁻¹‖·step²/2: enough if that is a rounding error.
    const done = near && step ** 2 * frobenius(found.inverse.data) <= n * U * length;
    near ||= step <= 1e-2 * length;
    x = next;
    if (!done) continue;
    const square = multiply(device, x, x), one = hostIdentity(n);
    const residual = frobenius(square.data.map((v, q) => v - one.data[q])) / length ** 2;
    if (!(residual <= 8 * n * U) || length ** 2 * n * U > 0.1) {
      return `its rounding errors are as large as the sign, of norm ${length}`;
    }
    return { sign: x, residual, iterations: k };
  }
  return `it did not converge in ${maxIterations} steps`;
}
