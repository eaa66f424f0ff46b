import { stopGradient, Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { Potential, Side } from "./geometry.ts";
import type { AxisCost } from "./grid_cost.ts";
import type { Tensors } from "./problem.ts";

/** Stands for a potential of −∞ where it would be subtracted from itself. */
const NOWHERE = -1e30;

/** The costs of a grid's axes on a device. */
export interface GridAxes {
  readonly sizes: readonly number[];
  /** N. */
  readonly cells: number;
  /** Costs `[s, s]` of each axis, as the rows see them and as the columns do. */
  readonly rows: readonly Tensor[];
  readonly columns: readonly Tensor[];
}

/** The costs in the dtype of `like`, by the names that {@linkcode gridAxes} looks for. */
export function storeAxes({ device, dtype }: Tensor, costs: readonly AxisCost[]): Record<string, Tensor> {
  const stored: Record<string, Tensor> = {};
  const store = (name: string, values: Float64Array, s: number) => {
    stored[name] = dtype === "f64"
      ? Tensor.of(device, Float64Array.from(values), [s, s], "f64")
      : Tensor.of(device, Float32Array.from(values), [s, s]);
  };
  costs.forEach(({ values, size, symmetric }, k) => {
    store(`rows${k}`, values, size);
    if (symmetric) return;
    store(`columns${k}`, values.map((_, at) => values[(at % size) * size + Math.floor(at / size)]), size);
  });
  return stored;
}

/** The axes of costs that are stored. */
export function gridAxes(costs: readonly AxisCost[], stored: Tensors): GridAxes {
  const sizes = costs.map((c) => c.size), rows = costs.map((_, k) => stored[`rows${k}`]);
  const columns = costs.map(({ symmetric }, k) => symmetric ? rows[k] : stored[`columns${k}`]);
  return { sizes, cells: sizes.reduce((n, s) => n * s, 1), rows, columns };
}

/** Σ_j exp((G_j − C_ij)/ε + q_j) X_j in two parts: exp(reference/ε) times `sums`. */
export interface GridSums {
  /** `[N]`, in the cost's unit. */
  readonly reference: Tensor;
  /** `[N]` or `[N, c]`. */
  readonly sums: Tensor;
}

/** What else the terms of a sum are multiplied by. */
export interface GridFactors {
  /** X `[N, c]`. */
  readonly values?: Tensor;
  /** The axis whose cost is a factor. */
  readonly axis?: number;
}

/**
 * Sums over the other side of a grid, axis by axis: for a cost Σ_k C^k,
 *
 *   Σ_j exp((G_j − C_ij)/ε) X_j = Σ_{j_d} exp(−C^d/ε) … Σ_{j_1} exp((G_j − C^1)/ε) X_j,
 *
 * in time O(N Σ s) and memory O(N) for N cells on axes of s cells. After each axis the sums are relative to exp(R/ε) with R the largest exponent,
 * max_j (G_j − C_ij), which is found first: so nothing overflows, what counts does not underflow at any ε, and what is exponentiated are the small
 * differences (G − R) − C, not the large potentials. R is a constant where the sums are differentiated: they do not depend on it.
 */
export function gridSums(
  grid: GridAxes,
  side: Side,
  other: Potential,
  rate: TensorLike,
  { values, axis: weighted }: GridFactors = {},
): GridSums {
  const costs = side === "rows" ? grid.rows : grid.columns, columns = values ? [values.shape[1]] : [];
  const constant = stopGradient(other.coarse);
  let reference = constant, sums = values ?? other.fine, before = 1, after = grid.cells;
  grid.sizes.forEach((s, axis) => {
    after /= s;
    // A last axis of one element would keep the sums from going along rows.
    const tail = after === 1 ? [] : [after], ones = columns.map(() => 1);
    using C = costs[axis].reshape([s, s, ...tail.map(() => 1)]);
    using old = reference.reshape([before, 1, s, ...tail]);
    const next = Tensor.reduce("max", `max(G - C, ${NOWHERE})`, { G: old, C }, 2);
    using from = reference.reshape([before, 1, s, ...tail, ...ones]);
    using to = next.reshape([before, s, 1, ...tail, ...ones]);
    using wide = C.reshape([...C.shape, ...ones]);
    const exponent = "((G - R) - C) * rate", factor = axis === weighted ? " * C" : "";
    const inputs: Record<string, TensorLike> = { G: from, R: to, C: wide, rate };
    using x = sums.reshape([before, 1, s, ...tail, ...(sums === other.fine ? ones : columns)]);
    using fine = axis === 0 && values ? other.fine.reshape([before, 1, s, ...tail, ...ones]) : undefined;
    let formula = `exp(${exponent}) * x`;
    if (axis === 0) formula = values ? `exp(${exponent} + q) * x` : `exp(${exponent} + x)`;
    const summed = Tensor.reduce("sum", formula + factor, { ...inputs, x, ...(fine ? { q: fine } : {}) }, 2);
    if (sums !== values && sums !== other.fine) sums.dispose();
    reference.dispose();
    [reference, sums] = [next, summed];
    before *= s;
  });
  using whole = reference, last = sums;
  return { reference: whole.reshape([grid.cells]), sums: last.reshape([grid.cells, ...columns]) };
}
