import { type LinearOperator, linearOperator } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { overFactors } from "./factored_sums.ts";
import type { Potential, Side, SolutionGeometry } from "./geometry.ts";

/** Products below this, where the largest scaling is 1, may be made of what underflows: e⁻⁶⁴ in f32, where numbers begin at e⁻⁸⁷. */
export function smallestProduct(dtype: string): number {
  return dtype === "f64" ? 1e-280 : 1e-28;
}

/** A kernel's geometry, and what its products say of themselves. */
export interface KernelGeometry extends Omit<SolutionGeometry, "rowCost"> {
  /** K v (of the rows; else Kᵀu) for scalings divided by the largest. */
  products(side: Side, other: Potential): Tensor;
}

/**
 * Plans P = diag(u) K diag(v) of a kernel that is known by its products, with u = exp(f/ε), v = exp(g/ε): the scalings are kept as their logarithms,
 * and before a product they are divided by the largest.
 */
export function kernelGeometry(K: LinearOperator, epsilon: number): KernelGeometry {
  const { shape: [n, m], device, dtype } = K, rate = 1 / epsilon;
  // Above this a scaling has nothing to multiply: infinity times zero would be NaN.
  const most = dtype === "f64" ? 700 : 80;
  const multiply = (side: Side, x: Tensor) => side === "rows" ? K.apply(x) : K.applyTransposed(x);
  const top = ({ coarse }: Potential): Tensor => {
    const constant = stopGradient(coarse);
    using F = constant;
    return Tensor.reduce("max", "max(F, -1e30)", { F });
  };
  /** exp((F − M)/ε + p), of numbers up to about 1. */
  const scaling = ({ coarse, fine }: Potential, M: Tensor) =>
    Tensor.map("exp((F - M) * rate + p)", { F: coarse, M, rate, p: fine });
  const marginal = (side: Side, f: Potential, g: Potential): Tensor => {
    const [own, other] = side === "rows" ? [f, g] : [g, f];
    using M = top(other);
    using v = scaling(other, M);
    using s = multiply(side, v);
    return Tensor.map("exp(min((F + M) * rate + p, most)) * s", { F: own.coarse, M, rate, p: own.fine, s, most });
  };
  const applied = (side: Side, f: Potential, g: Potential) => (x: Tensor): Tensor => {
    const [own, other] = side === "rows" ? [f, g] : [g, f];
    using M = top(other);
    using v = scaling(other, M);
    using wide = v.reshape([v.size, 1]);
    using vx = Tensor.map("v * x", { v: wide, x });
    using s = multiply(side, vx);
    using F = own.coarse.reshape([own.coarse.size, 1]);
    using p = own.fine.reshape([own.fine.size, 1]);
    return Tensor.map("exp(min((F + M) * rate + p, most)) * s", { F, M, rate, p, s, most });
  };
  return {
    n,
    m,
    products: (side, other) => {
      using M = top(other);
      using v = scaling(other, M);
      return multiply(side, v);
    },
    logSum: (side, other) => {
      using M = top(other);
      using v = scaling(other, M);
      using s = multiply(side, v);
      return Tensor.map("M * rate + log(max(s, least))", { M, rate, s, least: smallestProduct(dtype) });
    },
    marginal,
    plan: (f, g) =>
      linearOperator({
        shape: [n, m],
        device,
        dtype,
        apply: applied("rows", f, g),
        applyTransposed: applied("columns", f, g),
        flops: K.flops + n + m,
        reads: [K, f.coarse, f.fine, g.coarse, g.fine],
      }),
    weighted: (f, g, _, factors) =>
      overFactors(factors, {
        mass: () => marginal("rows", f, g),
        apply: (x) => {
          using column = x.reshape([m, 1]);
          using out = applied("rows", f, g)(column);
          return out.reshape([n]);
        },
      }),
  };
}
