import { Tensor } from "../../tensor/mod.ts";
import type { Epsilon, Geometry, Potential, Side } from "./geometry.ts";
import type { AxisCost } from "./grid_cost.ts";

/** What Sinkhorn's iterations ask of a cost. */
export type IteratedGeometry = Pick<Geometry, "n" | "m" | "logSum" | "marginal">;

/** Exponents of an axis's kernel exp(−C/ε) at most, in f32 and in f64. */
const CARRIED = { f32: 64, f64: 640 };

/** Exponentials of a half-step that a processor makes in the time of the products' calls. */
const FEW = 2 ** 18;

/** Whether {@linkcode productGeometry} is the faster way, and the kernels exp(−C/ε) of all axes are far enough from underflow for it. */
export function takesProducts(costs: readonly AxisCost[], epsilon: number, { device, dtype }: Tensor): boolean {
  const most = dtype === "f64" ? CARRIED.f64 : CARRIED.f32;
  const cells = costs.reduce((n, { size }) => n * size, 1), terms = cells * costs.reduce((n, { size }) => n + size, 0);
  if (device.info.backend === "cpu" && terms < FEW) return false;
  return costs.every(({ smallest, largest }) => smallest >= 0 && largest <= most * epsilon);
}

/**
 * The sums of Sinkhorn's iterations on a grid as products with the stored kernels exp(−C^k/ε) of its axes, one exponential per cell and axis
 * instead of s. Before each axis the terms along it are divided by their largest, so that potentials of any range can be summed: what is lost are
 * terms below e⁻⁸⁷ (in f32), where the sum is at least the kernel's smallest entry, e⁻⁶⁴.
 */
export function productGeometry(
  like: Tensor,
  costs: readonly AxisCost[],
  epsilon: number,
): IteratedGeometry & { dispose(): void } {
  const { device, dtype } = like, double = dtype === "f64", sizes = costs.map((c) => c.size);
  const cells = sizes.reduce((n, s) => n * s, 1), rate = double ? 1 / epsilon : Math.fround(1 / epsilon);
  const kernel = ({ values, size }: AxisCost, turned: boolean): Tensor => {
    const data = double ? new Float64Array(size * size) : new Float32Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const c = values[i * size + j];
        data[turned ? j * size + i : i * size + j] = Math.exp(-(double ? c : Math.fround(c)) * rate);
      }
    }
    return Tensor.of(device, data, [size, size], dtype);
  };
  const rows = costs.map((c) => kernel(c, false));
  const columns = costs.map((c, k) => c.symmetric ? rows[k] : kernel(c, true));
  /** Σ_j exp((G_j − C_ij)/ε + q_j) as exp(reference/ε) times sums, `[N]` each. */
  const sumsOf = (side: Side, other: Potential): { reference: Tensor; sums: Tensor } => {
    // The last axis is multiplied from the right.
    const kernels = side === "rows" ? rows : columns, turned = side === "rows" ? columns : rows;
    let reference = other.coarse.reshape([1, 1, cells]), sums = other.fine, before = 1, after = cells;
    sizes.forEach((s, axis) => {
      after /= s;
      const first = axis === 0, seen = first ? 1 : before / sizes[axis - 1], own = first ? 1 : sizes[axis - 1];
      using m = reference.reshape([seen, 1, s, after]);
      using y = sums.reshape([seen, own, s, after]);
      const largest = first ? "max(m, -1e30)" : "max(m + log(y) / rate, -1e30)";
      const top = Tensor.reduce("max", largest, first ? { m } : { m, y, rate }, 2, { keepDims: true });
      const terms = first ? "exp((m - M) * rate + y)" : "exp((m - M) * rate) * y";
      using scaled = Tensor.map(terms, { m, M: top, rate, y });
      using lines = scaled.reshape(after === 1 ? [before, s] : [before, s, after]);
      const product = after === 1 ? lines.matmul(turned[axis]) : kernels[axis].matmul(lines);
      if (!first) sums.dispose();
      reference.dispose();
      [reference, sums] = [top, product];
      before *= s;
    });
    using top = reference, last = sums;
    using spread = top.reshape([cells / sizes[sizes.length - 1], 1]);
    using whole = spread.broadcastTo([cells / sizes[sizes.length - 1], sizes[sizes.length - 1]]);
    return { reference: whole.reshape([cells]), sums: last.reshape([cells]) };
  };
  const requireOwn = (given: Epsilon) => {
    if (given !== epsilon) throw new TypeError(`Expected "epsilon" of these kernels, ${epsilon}, got ${given}`);
  };
  return {
    n: cells,
    m: cells,
    logSum: (side, other, given) => {
      requireOwn(given);
      const { reference, sums } = sumsOf(side, other);
      using M = reference;
      using y = sums;
      return Tensor.map("M * rate + log(y)", { M, rate, y });
    },
    marginal: (side, f, g, given) => {
      requireOwn(given);
      const [own, other] = side === "rows" ? [f, g] : [g, f], { reference, sums } = sumsOf(side, other);
      using M = reference;
      using y = sums;
      return Tensor.map("exp((F + M) * rate + p) * y", { F: own.coarse, p: own.fine, M, rate, y });
    },
    dispose: () => [...rows, ...columns].forEach((t) => t.dispose()),
  };
}
