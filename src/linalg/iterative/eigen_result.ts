import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Action } from "./action.ts";
import type { IterationProgress } from "./options.ts";
import { computed, drawn, norms, toHost } from "./vectors.ts";

/** Eigenpairs that an iteration found. */
export interface EigenPairs {
  /** Eigenvalues, ascending, `[k]`. */
  readonly values: Tensor;
  /** Eigenvectors in columns, `[n, k]`. */
  readonly vectors: Tensor;
  /** Whether every residual, computed anew, is below the tolerance with what it may be wrong by. */
  readonly converged: boolean;
  /** Iterations done. */
  readonly iterations: number;
  /** ‖A·v − λ·v‖ / ‖A‖, computed anew: the largest of all pairs. Each λ is as near to an eigenvalue as that (times ‖A‖). */
  readonly residual: number;
  /** The same for each pair. */
  readonly residuals: readonly number[];
  /** What ‖A‖₂ is at least. */
  readonly norm: number;
  /** Every measurement. */
  readonly history: readonly IterationProgress[];
}

/**
 * ‖A·v − B·v·λ‖ of each column and what it may be wrong by, which is measured as in `residualOf`: by products of the vectors in two
 * parts.
 */
export function eigenResiduals(
  a: Action,
  v: Tensor,
  values: Tensor,
  b?: Action,
): Promise<{ norms: Float64Array; errors: Float64Array }> {
  return runScope(async () => {
    const u = roundoff(a.dtype), row = values.reshape([1, values.size]);
    const factor = drawn(a.device, "uniform", v.shape, 3, a.dtype);
    const y = computed(Tensor.map("(0.5 + f) * v", { f: factor, v }));
    const z = computed(Tensor.map("v - y", { v, y }));
    const av = a.apply(v), bv = b ? b.apply(v) : v;
    const rest = Tensor.map("p - l * q", { p: av, l: row, q: bv });
    const offA = Tensor.map("p - y - z", { p: av, y: a.apply(y), z: a.apply(z) });
    const scaled = Tensor.map("l * q", { l: row, q: bv });
    const parts = [rest, offA, scaled];
    if (b) parts.push(Tensor.map("l * (q - y - z)", { l: row, q: bv, y: b.apply(y), z: b.apply(z) }));
    const [r, off, size, offB] = await Promise.all(parts.map((t) => runScope(async () => await toHost(norms(t)))));
    return { norms: r, errors: r.map((_, c) => 2 * (off[c] + (offB?.[c] ?? 0) + u * (size[c] + r[c]))) };
  });
}
