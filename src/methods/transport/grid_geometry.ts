import { linearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { Epsilon, Geometry, Potential, Side } from "./geometry.ts";

/** What barycenters need of a cost. */
export type BarycenterGeometry = Pick<Geometry, "n" | "m" | "maxCost" | "logSum" | "marginal" | "rowCost" | "plan">;

/**
 * Squared distances between the cells of a regular grid, for which Σ_j exp(t_j − C_ij/ε) is one sum per axis: time O(N Σ s) and memory O(N) for N cells
 * on axes of s cells. In the log domain, so that no ε underflows; in f32 the marginals keep about 1e-7·max C/ε digits. Source: Solomon et
 * al., "Convolutional Wasserstein Distances" (2015), section 3; the separation of axes in Peyré and Cuturi (2019), remark 4.17.
 */
export function gridGeometry(like: Tensor, sizes: readonly number[], spacing: readonly number[]): BarycenterGeometry & {
  dispose(): void;
} {
  const { device, dtype } = like, cells = sizes.reduce((s, x) => s * x, 1);
  const costs = sizes.map((s, axis) => {
    const data = dtype === "f64" ? new Float64Array(s * s) : new Float32Array(s * s);
    for (let i = 0; i < s; i++) for (let j = 0; j < s; j++) data[i * s + j] = ((i - j) * spacing[axis]) ** 2;
    return Tensor.of(device, data, [s, s, 1], dtype);
  });
  /** log Σ_j exp(t_j − C_ij/ε), with the cost of the axis `weighted` as a factor, for t `[c, N]` or `[N]`. */
  const convolve = (t: Tensor, rate: number, weighted?: number): Tensor => {
    let out = t.add(0), after = cells;
    const batch = t.size / cells;
    sizes.forEach((s, axis) => {
      after /= s;
      using x = out.reshape([batch * cells / (s * after), 1, s, after]);
      out.dispose();
      const formula = axis === weighted ? "x - C * rate + log(C)" : "x - C * rate";
      using summed = Tensor.reduce("logsumexp", formula, { x, C: costs[axis], rate }, 2);
      out = summed.reshape(t.shape);
    });
    return out;
  };
  const rateOf = (epsilon: Epsilon): number => {
    if (typeof epsilon !== "number") throw new TypeError('Expected "epsilon" to be a number on a grid');
    return 1 / epsilon;
  };
  const whole = ({ coarse, fine }: Potential, rate: number) => Tensor.map("F * rate + p", { F: coarse, p: fine, rate });
  const logSum = (_side: Side, other: Potential, epsilon: Epsilon): Tensor => {
    const rate = rateOf(epsilon);
    using t = whole(other, rate);
    return convolve(t, rate);
  };
  return {
    n: cells,
    m: cells,
    maxCost: () =>
      Tensor.of(device, Float32Array.of(sizes.reduce((c, s, k) => c + ((s - 1) * spacing[k]) ** 2, 0)), [1]),
    logSum,
    marginal: (side, f, g, epsilon) => {
      using s = logSum(side, side === "rows" ? g : f, epsilon);
      using t = whole(side === "rows" ? f : g, rateOf(epsilon));
      return Tensor.map("exp(s + t)", { s, t });
    },
    rowCost: (f, g, epsilon) => {
      const rate = rateOf(epsilon);
      using s = whole(f, rate);
      using t = whole(g, rate);
      const parts = sizes.map((_, axis) => convolve(t, rate, axis));
      const sum = parts.map((_, k) => `exp(s + x${k})`).join(" + ");
      const total = Tensor.map(sum, { s, ...Object.fromEntries(parts.map((x, k) => [`x${k}`, x])) });
      void total.value;
      for (const part of parts) part.dispose();
      return total;
    },
    plan: (f, g, epsilon) => {
      const rate = rateOf(epsilon), s = whole(f, rate), t = whole(g, rate);
      const product = (left: Tensor, right: Tensor) => (x: Tensor): Tensor => {
        using rows = x.T;
        // Sums of positive numbers are what logarithms can carry.
        const half = (sign: 1 | -1) => {
          using logs = Tensor.map("log(max(c * x, 0)) + t", { x: rows, t: right, c: sign });
          return convolve(logs, rate);
        };
        using plus = half(1);
        using minus = half(-1);
        using out = Tensor.map("exp(s + p) - exp(s + q)", { s: left, p: plus, q: minus });
        return out.T;
      };
      return linearOperator({
        shape: [cells, cells],
        device,
        dtype,
        apply: product(s, t),
        applyTransposed: product(t, s),
        flops: 4 * cells * sizes.reduce((c, x) => c + x, 0),
        reads: costs,
        owns: [s, t],
      });
    },
    dispose: () => costs.forEach((C) => C.dispose()),
  };
}
