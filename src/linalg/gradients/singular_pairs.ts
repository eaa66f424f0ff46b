import type { FloatArray } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";
import { clustersOf, ratioWithin, scales } from "./cluster.ts";
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
  /** Where neither: what the symmetric part of UᵀŪ + VᵀV̄ is to be multiplied by, `[..., k, k]`. */
  readonly ratio: Tensor;
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
  const ratio = floats(dtype, values.length * k), nonzero = floats(dtype, values.length);
  const sizes = Float64Array.from(values, (_, j) => (uNorms?.[j] ?? 0) + (vNorms?.[j] ?? 0));
  for (let base = 0; base < values.length; base += k) {
    // Of singular values i and j of the whole stack, in one matrix.
    const at = (i: number, j: number) => i * k + j - base, limit = rounding * values[base];
    const barOf = (j: number) => sBar?.[j] ?? 0;
    const turnU = (i: number, j: number) => g ? g[at(i, j)] - g[at(j, i)] : 0;
    const turnV = (i: number, j: number) => h ? h[at(i, j)] - h[at(j, i)] : 0;
    const along = (i: number, j: number) =>
      ((g ? g[at(i, j)] + g[at(j, i)] : 0) + (h ? h[at(i, j)] + h[at(j, i)] : 0)) / 2;
    const outside = (j: number) => Math.max(leftNorms?.[j] ?? 0, rightNorms?.[j] ?? 0);
    let largestBar = 0, largest = 0, zeros = 0;
    for (let j = base; j < base + k; j++) {
      largestBar = Math.max(largestBar, Math.abs(barOf(j)));
      largest = Math.max(largest, sizes[j]);
      if (values[j] <= limit) zeros++;
      nonzero[j] = Number(values[j] > limit);
    }
    const scale = scales(sizes, largest, { rounding, agreement }), loose = zeros > 1 || !square;
    for (const [first, end] of clustersOf(values, base, base + k, limit)) {
      const vanish = values[end - 1] <= limit;
      for (let i = first; i < end; i++) {
        for (let j = base; j < i; j++) {
          const size = scale(i, j), [x, y] = [turnU(i, j), turnV(i, j)];
          const apart = j < first && (!constants || Math.abs(x + y) > rounding * size);
          differences[at(i, j)] = differences[at(j, i)] = Number(apart);
          const nonzeroSum = values[j] > limit && (!constants || Math.abs(x - y) > rounding * size);
          sums[at(i, j)] = sums[at(j, i)] = Number(nonzeroSum);
        }
        if (!vanish || largest === 0 || degenerate === "zero" || values[i] > limit) continue;
        const which = `singular value ${i - base}`, why = `which is zero (${values[i]})`;
        if (outside(i) > agreement * scale(i, i)) throw arbitrary("svd", `singular vectors of ${which}`, `${why}, `);
        if (loose && Math.abs(barOf(i)) > agreement * largestBar) throw undetermined("svd", `${which} and others`, why);
      }
      if (end - first === 1 || largest === 0) continue;
      const turn = (i: number, j: number) => {
        const [x, y] = [turnU(i, j), turnV(i, j)];
        return vanish ? Math.max(Math.abs(x), Math.abs(y)) : x + y;
      };
      const found = ratioWithin({ first, end, turn, along: vanish ? () => 0 : along, bar: barOf, scale }, {
        what: "svd",
        names: "singular values",
        values,
        base,
        valuesMatter: sBar !== undefined,
        largest: largestBar,
        constants,
        agreement,
        degenerate,
      });
      for (let i = first; i < end; i++) for (let j = first; j < end; j++) if (i !== j) ratio[at(i, j)] = found;
    }
  }
  return {
    differences: constant(s, differences, [...s.shape, k]),
    ratio: constant(s, ratio, [...s.shape, k]),
    sums: constant(s, sums, [...s.shape, k]),
    nonzero: constant(s, nonzero, s.shape),
  };
}
