import type { FloatArray } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";
import { arbitrary, areConstants, columnNorms, type Degenerate, limitsOf, undetermined } from "./coincident.ts";
import { constant } from "./parts.ts";

/** What the pullback of the singular value decomposition knows; absent cotangents are zero. */
export interface SingularCotangents {
  /** Singular values, descending, `[..., k]`. */
  readonly s: Tensor;
  /** Their cotangents. */
  readonly sBar?: Tensor;
  /** Ū, `[..., m, k]`. */
  readonly uBar?: Tensor;
  /** V̄, `[..., n, k]`. */
  readonly vBar?: Tensor;
  /** UᵀŪ, `[..., k, k]`. */
  readonly g?: Tensor;
  /** VᵀV̄, `[..., k, k]`. */
  readonly h?: Tensor;
  /** N_U, `[..., m, k]`. */
  readonly left?: Tensor;
  /** N_V, `[..., n, k]`. */
  readonly right?: Tensor;
  /** max(m, n). */
  readonly rows: number;
  /** Whether m = n. */
  readonly square: boolean;
}

/** 1 where a division is made, else 0. */
export interface SingularUse {
  /** By s_j − s_i, `[..., k, k]`. */
  readonly differences: Tensor;
  /** By s_j + s_i, `[..., k, k]`. */
  readonly sums: Tensor;
  /** Of N_U and N_V by s_j, `[..., k]`. */
  readonly nonzero: Tensor;
}

/**
 * Which divisions of the gradient of the singular value decomposition can be made. With t = 4√max(m, n)·u·s₀, values within t of each other
 * coincide, and those up to t are zero, as far as can be known. What would be divided by them is taken for zero, and must be zero, to
 * √u relative to the cotangents, for the loss not to depend on an arbitrary choice:
 * - s_i = s_j > 0: u and v may turn together, so that (G + K)_ij = 0.
 * - s_i = s_j = 0: they may turn each on its own, G_ij = 0 and K_ij = 0; and out of their span, N_U and N_V of column j are 0 (if m ≠ n).
 * - the loss must not depend on how values come apart, s̄_i = s̄_j, as for eigenvalues; for zeros that is s̄_j = 0, unless a square matrix
 *   has only one.
 * Elsewhere what is within rounding errors of zero is taken for zero, again as for eigenvalues.
 */
export async function separateSingularValues(given: SingularCotangents, degenerate: Degenerate): Promise<SingularUse> {
  const { s, rows, square } = given, k = s.shape.at(-1)!, dtype = s.dtype as FloatType;
  const { rounding, agreement } = limitsOf(s.dtype, rows);
  const norms = async (x?: Tensor) => x && await columnNorms(x), read = async (x?: Tensor) => x && await x.data();
  const [values, sBar, uNorms, vNorms, g, h, leftNorms, rightNorms] = await Promise.all([
    s.data(),
    read(given.sBar),
    norms(given.uBar),
    norms(given.vBar),
    read(given.g),
    read(given.h),
    norms(given.left),
    norms(given.right),
  ]) as [FloatArray, ...(FloatArray | undefined)[]];
  const constants = areConstants(given.uBar, given.vBar);
  const differences = floats(dtype, values.length * k), sums = floats(dtype, values.length * k);
  const nonzero = floats(dtype, values.length);
  const sizeOf = (j: number) => (uNorms?.[j] ?? 0) + (vNorms?.[j] ?? 0);
  for (let base = 0; base < values.length; base += k) {
    const limit = rounding * values[base];
    const sBarOf = (j: number) => sBar?.[base + j] ?? 0;
    let largestBar = 0, vectorsMatter = false, zeros = 0;
    for (let j = 0; j < k; j++) {
      largestBar = Math.max(largestBar, Math.abs(sBarOf(j)));
      vectorsMatter ||= sizeOf(base + j) > 0;
      if (values[base + j] <= limit) zeros++;
    }
    const strict = degenerate === "refuse" && vectorsMatter;
    for (let j = 0; j < k; j++) {
      const zero = values[base + j] <= limit, why = `which is zero (${values[base + j]})`;
      const [beyondU, beyondV] = [leftNorms?.[base + j] ?? 0, rightNorms?.[base + j] ?? 0];
      nonzero[base + j] = Number(!zero);
      if (zero && strict) {
        if (Math.max(beyondU, beyondV) > agreement * sizeOf(base + j)) {
          throw arbitrary("svd", `singular vectors of singular value ${j}`, `${why}, `);
        }
        const loose = zeros > 1 || !square;
        if (loose && Math.abs(sBarOf(j)) > agreement * largestBar) {
          throw undetermined("svd", `the singular value ${j} and others`, why);
        }
      }
      for (let i = 0; i < j; i++) {
        const [ij, ji] = [(base + i) * k + j, (base + j) * k + i], [ii, jj] = [(base + i) * k + i, (base + j) * k + j];
        const turnU = g ? g[ij] - g[ji] : 0, turnV = h ? h[ij] - h[ji] : 0, size = sizeOf(base + i) + sizeOf(base + j);
        const together = Math.abs(turnU + turnV), against = Math.abs(turnU - turnV);
        const coincide = values[base + i] - values[base + j] <= limit, vanish = values[base + i] <= limit;
        differences[ij] = differences[ji] = Number(!coincide && (!constants || together > rounding * size));
        sums[ij] = sums[ji] = Number(!vanish && (!constants || against > rounding * size));
        if (!coincide || !strict) continue;
        const pair = `singular values ${i} and ${j}`;
        const because = `which coincide (${values[base + i]} and ${values[base + j]})`;
        if (together > agreement * size || (vanish && against > agreement * size)) {
          throw arbitrary("svd", `singular vectors of ${pair}`, `${because}, `);
        }
        const mixed = Math.abs((g ? g[ij] + g[ji] : 0) + (h ? h[ij] + h[ji] : 0)) > agreement * size;
        const alike = Math.abs((g ? g[ii] - g[jj] : 0) + (h ? h[ii] - h[jj] : 0)) <= agreement * size;
        const apart = Math.abs(sBarOf(i) - sBarOf(j)) > agreement * largestBar;
        if (apart || (sBar && !vanish && mixed && alike)) throw undetermined("svd", pair, because);
      }
    }
  }
  return {
    differences: constant(s, differences, [...s.shape, k]),
    sums: constant(s, sums, [...s.shape, k]),
    nonzero: constant(s, nonzero, s.shape),
  };
}
