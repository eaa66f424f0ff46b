import { Tensor } from "../../tensor/mod.ts";
import { applyChirp } from "./chirp.ts";
import type { FourierLevel, FourierPlan, Twiddle } from "./fourier_plan.ts";

/**
 * The discrete Fourier transform of a state `[b, 2, n, q]` along n, real parts before imaginary ones: per level one
 * product with the matrix of a block and one multiplication by twiddle factors, which also brings the axes into order
 * (Cooley and Tukey 1965 in Stockham's arrangement, which needs no bit reversal; Van Loan 1992, sec. 1.7).
 *
 * With m = r·s still to do and q done: j = s·j₁ + j₂ and k = k₁ + r·k₂ give X[k₁ + r·k₂] = Σ_{j₂} ω_s^{j₂k₂} ω_m^{j₂k₁}
 * Σ_{j₁} ω_r^{j₁k₁} x[s·j₁ + j₂]; the inner sum is the product, and what is left is a transform of length s of
 * `[s, r·q]`, whose trailing axis already has the digits in the order of the result.
 */
export function fourierState(plan: FourierPlan, state: Tensor): Tensor {
  const [b, , , q] = state.shape;
  let z = state.slice(), done = q;
  for (const level of plan.levels) {
    using before = z;
    z = applyLevel(level, before, b, done);
    done *= level.radix;
  }
  using last = z;
  return last.reshape(state.shape);
}

function applyLevel({ radix, rest, block, twiddle }: FourierLevel, z: Tensor, b: number, q: number): Tensor {
  using blocks = z.reshape([b, 2 * radix, rest * q]);
  if ("matrix" in block && twiddle) {
    using turned = turnedProduct(block.matrix, blocks, twiddle, [b, radix, rest, q]);
    return turned.reshape([b, 2, rest, radix * q]);
  }
  using product = "matrix" in block ? blockProduct(block.matrix, blocks) : applyChirp(block.chirp, blocks);
  if (!twiddle) return product.reshape([b, 2, rest * radix, q]);
  using turned = turnedBy(twiddle, product, [b, radix, rest, q]);
  return turned.reshape([b, 2, rest, radix * q]);
}

/** {@linkcode turnedBy} of the product of a matrix of 2·r rows with blocks `[b, c, s·q]`. */
export function turnedProduct(
  matrix: Tensor,
  blocks: Tensor,
  twiddle: Twiddle,
  [b, r, s, q]: readonly [number, number, number, number],
): Tensor {
  if (q > 1) {
    using product = blockProduct(matrix, blocks);
    return turnedBy(twiddle, product, [b, r, s, q]);
  }
  // The transposed product, [b, s, 2, r]: what is left to move are rows of r and not single numbers.
  using columns = blocks.T;
  using transposed = matrix.T;
  using product = columns.matmul(transposed);
  using parts = product.reshape([b, s, 2, r]);
  using x = parts.transpose([0, 2, 1, 3]);
  using y = x.flip(1);
  using c = twiddle.cos.reshape([s, r]);
  using i = twiddle.sin.reshape([2, s, r]);
  return Tensor.map("x * c + y * s", { x, y, c, s: i });
}

/** M·X for X of shape `[b, c, p]`; where p is 1 as one product instead of b. */
export function blockProduct(matrix: Tensor, x: Tensor): Tensor {
  const [b, c, p] = x.shape;
  if (p > 1 || b === 1) return matrix.matmul(x);
  using rows = x.reshape([b, c]);
  using transposed = matrix.T;
  using product = rows.matmul(transposed);
  return product.reshape([b, matrix.shape[0], 1]);
}

/** `[b, 2·r, s·q]` times the factors, in the order `[b, 2, s, r, q]`. */
export function turnedBy(
  { cos, sin }: Twiddle,
  z: Tensor,
  [b, r, s, q]: readonly [number, number, number, number],
): Tensor {
  using parts = z.reshape([b, 2, r, s, q]);
  using x = parts.transpose([0, 1, 3, 2, 4]);
  using y = x.flip(1);
  return Tensor.map("x * c + y * s", { x, y, c: cos, s: sin });
}

/** `[b, 2, n, q]` times complex numbers: `cos` `[n, 1]`, `sin` `[2, n, 1]` with the sign of each row. */
export function timesComplex(z: Tensor, cos: Tensor, sin: Tensor): Tensor {
  using flipped = z.flip(1);
  return Tensor.map("x * c + y * s", { x: z, y: flipped, c: cos, s: sin });
}
