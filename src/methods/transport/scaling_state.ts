import { Tensor } from "../../tensor/mod.ts";
import { batchGeometry } from "./batch_geometry.ts";
import { logSteps } from "./log_steps.ts";
import type { Pair } from "./problem.ts";
import { disposePotentials, quantumOf } from "./renew_potential.ts";

/** What a problem is to do next. */
export interface Stretch {
  /** Its number. */
  readonly index: number;
  /** Iterations at most. */
  readonly steps: number;
  /** The marginal error that ends them earlier, once an iteration has been made; 0 for never. */
  readonly target: number;
  /** The factor of over-relaxation. */
  readonly omega: number;
}

/** One side of the problems, as the op `planScaling` takes it. */
interface Side {
  /** Points. */
  readonly count: number;
  /** Weights in f64, `[B, count]`. */
  readonly weights: Float64Array;
  /** Weights and both parts of the potential, `[B, 3, count]`. */
  readonly packed: Float32Array | Float64Array;
}

/** Entries of plans in one call on an adapter, which keeps them all at once. */
const AT_ONCE = 2 ** 24;
/**
 * Logarithm up to which scalings are taken in. Entries of the stored plan below e^−87 are zero in f32, so what two scalings can hide is below
 * e^−47 of the mass.
 */
export const RANGE = 20;
/** Largest cost in units of ε up to which scalings begin in range from potentials of zero. */
const MILD = 15;

/** Problems of entropic transport of one size on a device, and the potentials found so far, on the host; see `Potential`. */
export class ScalingState {
  readonly rows: Side;
  readonly columns: Side;
  /** Of each plan when it was last measured, `[B, 2, n]`: its row sums, and Σ_j P_ij C_ij. */
  readonly measured: Float32Array | Float64Array;
  readonly #quanta: Float64Array;
  readonly #mild: boolean;

  /**
   * @param C Costs `[B, n, m]`.
   * @param a Weights `[B, n]`.
   * @param b Weights `[B, m]`.
   * @param epsilons ε of each problem.
   * @param largest The largest |C| of each.
   */
  constructor(
    readonly C: Tensor,
    a: Float64Array,
    b: Float64Array,
    readonly epsilons: Float64Array,
    largest: ArrayLike<number>,
  ) {
    const [B, n, m] = C.shape;
    const side = (weights: Float64Array, count: number): Side => {
      const packed = this.#numbers(3 * B * count);
      for (let k = 0; k < B; k++) packed.set(weights.subarray(k * count, k * count + count), 3 * k * count);
      return { count, weights, packed };
    };
    this.rows = side(a, n);
    this.columns = side(b, m);
    this.measured = this.#numbers(2 * B * n);
    this.#quanta = epsilons.map((eps, k) => quantumOf(largest[k], eps));
    this.#mild = epsilons.every((eps, k) => largest[k] <= MILD * eps);
  }

  /** Numbers of the costs' dtype on their device. */
  tensor(values: ArrayLike<number>, shape: readonly number[]): Tensor {
    const { device, dtype } = this.C;
    return dtype === "f64"
      ? Tensor.of(device, Float64Array.from(values), shape, "f64")
      : Tensor.of(device, Float32Array.from(values), shape);
  }

  #numbers(count: number): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
    return this.C.dtype === "f64" ? new Float64Array(count) : new Float32Array(count);
  }

  /** The potentials as tensors `[B, n]` and `[B, m]`, of some problems if they are named. */
  pair(which?: readonly number[]): Pair {
    const potential = ({ count, packed }: Side) => {
      const B = which?.length ?? this.epsilons.length,
        part = (q: number) => {
          const all = this.#numbers(B * count);
          for (let k = 0; k < B; k++) {
            const from = (3 * (which ? which[k] : k) + q) * count;
            all.set(packed.subarray(from, from + count), k * count);
          }
          return Tensor.of(this.C.device, all, [B, count], this.C.dtype);
        };
      return { coarse: part(1), fine: part(2) };
    };
    return { f: potential(this.rows), g: potential(this.columns) };
  }

  /**
   * Potentials with which no entry of a plan is above 1, while each row and each column has a 1: g_j = min_i (C_ij − f_i) after
   * f_i = min_j (C_ij − g_j), the c-transforms. From there scalings begin in range at any ε. Given columns' potentials `[B, m]` stay.
   */
  async start(given?: Float64Array): Promise<void> {
    const { rows, columns } = this;
    if (!given && this.#mild) return;
    const f = await this.#transform(columns, given?.map((v) => Number.isFinite(v) ? v : 0), 2);
    this.#split(rows, f);
    this.#split(columns, given ?? await this.#transform(rows, f, 1));
  }

  /** The least C − f over the points of one side that have weight, for each of the other. */
  async #transform({ count, weights }: Side, f: Float64Array | undefined, axis: 1 | 2): Promise<Float64Array> {
    const B = this.epsilons.length, shape = axis === 1 ? [B, count, 1] : [B, 1, count];
    using other = f && this.tensor(f, shape);
    using w = weights.includes(0) ? this.tensor(weights, shape) : undefined;
    const reduced = other ? "C - f" : "C", inputs = { C: this.C, ...(other && { f: other }), ...(w && { w }) };
    using least = Tensor.reduce("min", w ? `w > 0 ? ${reduced} : inf` : reduced, inputs, axis);
    return Float64Array.from(await least.data());
  }

  #split({ count, weights, packed }: Side, values: Float64Array): void {
    for (let at = 0; at < values.length; at++) {
      const k = Math.floor(at / count), quantum = this.#quanta[k], to = at + (2 * k + 1) * count;
      const counts = weights[at] > 0 && Number.isFinite(values[at]);
      const coarse = counts ? Math.round(values[at] / quantum) * quantum : 0;
      packed[to] = weights[at] > 0 ? coarse : -Infinity;
      packed[to + count] = counts ? (values[at] - coarse) / this.epsilons[k] : 0;
    }
  }

  /**
   * Scales the plans of some problems, takes the scalings in where they are within range, and measures the plans. Gives for each the largest |log| of a
   * scaling, the iterations done, and the marginal error before the last of them, `[B, 3]`. See the op `planScaling`.
   */
  async scale(stretches: readonly Stretch[]): Promise<Float64Array> {
    const [, n, m] = this.C.shape, reports = new Float64Array(3 * stretches.length);
    const size = this.C.device.info.backend === "cpu" ? stretches.length : Math.max(1, Math.floor(AT_ONCE / (n * m)));
    for (let first = 0; first < stretches.length; first += size) {
      reports.set(await this.#scaleTogether(stretches.slice(first, first + size)), 3 * first);
    }
    return reports;
  }

  async #scaleTogether(stretches: readonly Stretch[]): Promise<ArrayLike<number>> {
    const { C } = this, count = stretches.length, numbers = this.#numbers(7 * count);
    let most = 0;
    for (let q = 0; q < count; q++) {
      const { index, steps, omega, target } = stretches[q];
      numbers[7 * q] = this.epsilons[index];
      numbers[7 * q + 1] = this.#quanta[index];
      numbers[7 * q + 2] = omega;
      numbers[7 * q + 3] = steps;
      numbers[7 * q + 4] = index;
      numbers[7 * q + 5] = target;
      numbers[7 * q + 6] = RANGE;
      most = Math.max(most, steps);
    }
    using rows = this.#packed(this.rows, stretches);
    using columns = this.#packed(this.columns, stretches);
    using settings = Tensor.of(C.device, numbers, [count, 7], C.dtype);
    const out = Tensor.apply("planScaling", { c: C, rows, columns, settings }, { most });
    try {
      const [left, right, reports] = await Promise.all([out.rows.data(), out.columns.data(), out.report.data()]);
      const n = this.rows.count, m = this.columns.count;
      for (let q = 0; q < count; q++) {
        const { index } = stretches[q];
        this.rows.packed.set(left.subarray(4 * q * n, (4 * q + 2) * n), (3 * index + 1) * n);
        this.measured.set(left.subarray((4 * q + 2) * n, (4 * q + 4) * n), 2 * index * n);
        this.columns.packed.set(right.subarray(2 * q * m, (2 * q + 2) * m), (3 * index + 1) * m);
      }
      return reports;
    } finally {
      for (const t of Object.values(out)) t.dispose();
    }
  }

  #packed({ count, packed }: Side, stretches: readonly Stretch[]): Tensor {
    const { device, dtype } = this.C, shape = [stretches.length, 3, count];
    if (stretches.length === this.epsilons.length) return Tensor.of(device, packed.slice(), shape, dtype);
    const some = this.#numbers(3 * count * stretches.length), size = 3 * count;
    stretches.forEach(({ index }, q) => some.set(packed.subarray(index * size, index * size + size), q * size));
    return Tensor.of(device, some, shape, dtype);
  }

  /** Iterations of some problems in the log domain, at any ε; without a measurement. */
  async logSteps(stretches: readonly Omit<Stretch, "target">[]): Promise<void> {
    const [, n, m] = this.C.shape, size = Math.max(1, Math.floor(AT_ONCE / (n * m)));
    // Together as long as they are asked for as many.
    const alike = Map.groupBy(stretches, ({ steps }) => steps);
    for (const [steps, group] of alike) {
      for (let first = 0; first < group.length; first += size) {
        await this.#logTogether(group.slice(first, first + size), steps);
      }
    }
  }

  async #logTogether(stretches: readonly Omit<Stretch, "target">[], steps: number): Promise<void> {
    const { C } = this, count = stretches.length, which = stretches.map(({ index }) => index);
    using costs = count === C.shape[0] ? C.slice(null) : C.take(which, 0);
    using eps = this.tensor(which.map((k) => this.epsilons[k]), [count, 1]);
    using quantum = this.tensor(which.map((k) => this.#quanta[k]), [count, 1]);
    using omega = this.tensor(stretches.map((s) => s.omega), [count, 1]);
    const some = ({ count: k, weights }: Side) =>
      this.tensor(which.flatMap((index) => [...weights.subarray(index * k, index * k + k)]), [count, k]);
    using a = some(this.rows);
    using b = some(this.columns);
    const { f, g } = logSteps(
      { geometry: batchGeometry(costs, eps), a, b, eps, quantum },
      this.pair(which),
      steps,
      omega,
    );
    try {
      for (const [{ count: k, packed }, { coarse, fine }] of [[this.rows, f], [this.columns, g]] as const) {
        const [F, p] = await Promise.all([coarse.data(), fine.data()]);
        which.forEach((index, q) => {
          packed.set(F.subarray(q * k, q * k + k), (3 * index + 1) * k);
          packed.set(p.subarray(q * k, q * k + k), (3 * index + 2) * k);
        });
      }
    } finally {
      disposePotentials(f, g);
    }
  }
}
