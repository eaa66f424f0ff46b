import { linearOperator } from "../../operators/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import { overFactors } from "./factored_sums.ts";
import type { Epsilon, Geometry, Potential, Side, SolutionGeometry } from "./geometry.ts";
import type { AxisCost } from "./grid_cost.ts";
import { gridAxes, type GridFactors, gridSums } from "./grid_sums.ts";
import type { Tensors } from "./problem.ts";

/** What barycenters need of a cost. */
export type BarycenterGeometry = Pick<Geometry, "n" | "m" | "maxCost" | "logSum" | "marginal" | "rowCost" | "plan">;

/** What Sinkhorn and barycenters need of the cells of a grid. */
export type GridGeometry = SolutionGeometry & Pick<Geometry, "maxCost">;

/**
 * Costs between the cells of a regular grid, stored by `storeAxes`, that are sums over its axes: every sum over the other side is one sum per axis, see
 * {@linkcode gridSums}. Source: Solomon et al., "Convolutional Wasserstein Distances" (2015), section 3; the separation of axes in
 * Peyré and Cuturi (2019), remark 4.17.
 */
export function gridGeometry(
  like: Pick<Tensor, "device" | "dtype">,
  costs: readonly AxisCost[],
  stored: Tensors,
): GridGeometry {
  const { device, dtype } = like, grid = gridAxes(costs, stored), { cells, sizes } = grid;
  const rateOf = (epsilon: Epsilon): TensorLike =>
    typeof epsilon === "number" ? 1 / epsilon : Tensor.map("1 / eps", { eps: epsilon });
  /** Σ_j P_ij X_j for P_ij = exp((f_i + g_j − C_ij)/ε), or for the columns Σ_i P_ij X_i. */
  const sums = (side: Side, f: Potential, g: Potential, epsilon: Epsilon, factors?: GridFactors): Tensor => {
    const rate = rateOf(epsilon), [own, other] = side === "rows" ? [f, g] : [g, f];
    const { reference, sums } = gridSums(grid, side, other, rate, factors);
    using R = reference;
    using y = sums;
    const column = (t: Tensor) => sums.rank === 1 ? t.slice(null) : t.reshape([cells, 1]);
    using F = column(own.coarse);
    using p = column(own.fine);
    using r = column(R);
    const out = Tensor.map("exp((F + R) * rate + p) * y", { F, p, R: r, rate, y });
    if (rate instanceof Tensor) rate.dispose();
    return out;
  };
  const product = (side: Side, f: Potential, g: Potential, epsilon: Epsilon) => (x: Tensor): Tensor =>
    sums(side, f, g, epsilon, { values: x });
  return {
    n: cells,
    m: cells,
    maxCost: (absolute) => {
      const largest = absolute ? magnitudeOf(costs) : costs.reduce((c, { largest }) => c + largest, 0);
      const data = dtype === "f64" ? Float64Array.of(largest) : Float32Array.of(largest);
      return Tensor.of(device, data, [1], dtype);
    },
    logSum: (side, other, epsilon) => {
      const rate = rateOf(epsilon), { reference, sums } = gridSums(grid, side, other, rate);
      using R = reference;
      using y = sums;
      const out = Tensor.map("R * rate + log(y)", { R, rate, y });
      if (rate instanceof Tensor) rate.dispose();
      return out;
    },
    marginal: sums,
    rowCost: (f, g, epsilon) => {
      let total = sums("rows", f, g, epsilon, { axis: 0 });
      for (let axis = 1; axis < sizes.length; axis++) {
        using before = total;
        using next = sums("rows", f, g, epsilon, { axis });
        total = before.add(next);
      }
      return total;
    },
    plan: (f, g, epsilon) =>
      linearOperator({
        shape: [cells, cells],
        device,
        dtype,
        apply: product("rows", f, g, epsilon),
        applyTransposed: product("columns", f, g, epsilon),
        flops: 6 * cells * sizes.reduce((c, x) => c + x, 0),
        reads: [f.coarse, f.fine, g.coarse, g.fine, ...new Set([...grid.rows, ...grid.columns])],
      }),
    weighted: (f, g, epsilon, factors) =>
      overFactors(factors, {
        mass: () => sums("rows", f, g, epsilon),
        apply: (x) => {
          using column = x.reshape([cells, 1]);
          using out = product("rows", f, g, epsilon)(column);
          return out.reshape([cells]);
        },
      }),
  };
}

/** The largest absolute cost, as a bound: the sum of those of the axes. */
export function magnitudeOf(costs: readonly AxisCost[]): number {
  return costs.reduce((c, { largest, smallest }) => c + Math.max(Math.abs(largest), Math.abs(smallest)), 0);
}
