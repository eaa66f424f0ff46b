import { Tensor } from "../../tensor/mod.ts";
import { batchGeometry } from "./batch_geometry.ts";
import { logSteps } from "./log_steps.ts";
import type { Pair } from "./problem.ts";
import { disposePotentials, quantumOf } from "./renew_potential.ts";

/** Potentials of all problems in two parts, and what was last measured with them; see `Potential`. */
export interface FoundPotentials {
  /** Of the rows, `[B, n]`. */
  readonly F: Float64Array;
  readonly p: Float64Array;
  /** Of the columns, `[B, m]`. */
  readonly G: Float64Array;
  readonly q: Float64Array;
  /** Row sums of the plans, `[B, n]`. */
  readonly mass: Float64Array;
  /** Σ_j P_ij C_ij, `[B, n]`. */
  readonly cost: Float64Array;
}

/** What a problem is to do next. */
export interface Stretch {
  /** Its number. */
  readonly index: number;
  /** Iterations. */
  readonly steps: number;
  /** The factor of over-relaxation. */
  readonly omega: number;
}

/** Entries of plans in one call on an adapter, which keeps them all at once. */
const AT_ONCE = 2 ** 25;

/** Problems of entropic transport of one size on a device, and the potentials found so far, on the host. */
export class ScalingState {
  /** Where the problems are. */
  readonly found: FoundPotentials;
  readonly #quanta: Float64Array;

  /**
   * @param C Costs `[B, n, m]`.
   * @param a Weights `[B, n]`.
   * @param b Weights `[B, m]`.
   * @param epsilons ε of each problem.
   * @param largest The largest |C| of each.
   */
  constructor(
    readonly C: Tensor,
    readonly a: Float64Array,
    readonly b: Float64Array,
    readonly epsilons: Float64Array,
    largest: ArrayLike<number>,
  ) {
    const zeros = (like: Float64Array) => new Float64Array(like.length);
    this.found = { F: zeros(a), p: zeros(a), G: zeros(b), q: zeros(b), mass: zeros(a), cost: zeros(a) };
    this.#quanta = epsilons.map((eps, k) => quantumOf(largest[k], eps));
  }

  /** Numbers of the costs' dtype on their device. */
  tensor(values: Float64Array, shape: readonly number[]): Tensor {
    const { device, dtype } = this.C;
    return dtype === "f64"
      ? Tensor.of(device, Float64Array.from(values), shape, "f64")
      : Tensor.of(device, Float32Array.from(values), shape);
  }

  /** The potentials as tensors. */
  pair(): Pair {
    return this.#pairOf(Array.from(this.epsilons, (_, k) => k));
  }

  /**
   * Potentials that no entry of the plan is above 1 with, while each row and each column has a 1: g_j = min_i (C_ij − f_i) after
   * f_i = min_j (C_ij − g_j), the c-transforms. From there scalings begin in range at any ε. With `g`, `[B, m]`, the columns' are these.
   */
  async start(g?: Float64Array): Promise<void> {
    const [B, n, m] = this.C.shape, { C, a, b, found } = this;
    const positive = (w: Float64Array) => w.every((v) => v > 0);
    const least = async (w: Float64Array, other: Float64Array | undefined, side: "rows" | "columns") => {
      const shape = side === "rows" ? [B, 1, m] : [B, n, 1], masked = positive(w) ? undefined : w;
      using f = other && this.tensor(other, shape);
      using weight = masked && this.tensor(masked, shape);
      const inputs = { C, ...(f ? { f } : {}), ...(weight ? { w: weight } : {}) };
      const reduced = f ? "C - f" : "C", formula = weight ? `w > 0 ? ${reduced} : inf` : reduced;
      using out = Tensor.reduce("min", formula, inputs, side === "rows" ? 2 : 1);
      return Float64Array.from(await out.data());
    };
    const finite = (v: number) => Number.isFinite(v) ? v : 0;
    const f = await least(b, g?.map(finite), "rows");
    this.#split(f, a, found.F, found.p);
    this.#split(g ?? await least(a, f, "columns"), b, found.G, found.q);
  }

  /**
   * Scales the plans of some problems and takes the scalings in where they are within range; gives for each the largest |log| of a
   * scaling, and measures its plan. See the op `planScaling`.
   */
  async scale(stretches: readonly Stretch[]): Promise<Float64Array> {
    const [, n, m] = this.C.shape, reach = new Float64Array(stretches.length);
    const size = this.C.device.info.backend === "cpu" ? stretches.length : Math.max(1, Math.floor(AT_ONCE / (n * m)));
    for (let first = 0; first < stretches.length; first += size) {
      reach.set(await this.#scaleTogether(stretches.slice(first, first + size)), first);
    }
    return reach;
  }

  async #scaleTogether(stretches: readonly Stretch[]): Promise<ArrayLike<number>> {
    const { C, a, b, found, epsilons } = this, [, n, m] = C.shape, count = stretches.length;
    const pack = (parts: readonly Float64Array[], k: number) => {
      const all = C.dtype === "f64" ? new Float64Array(3 * count * k) : new Float32Array(3 * count * k);
      let to = 0;
      for (const { index } of stretches) {
        for (const part of parts) {
          all.set(part.subarray(index * k, index * k + k), to);
          to += k;
        }
      }
      return Tensor.of(C.device, all, [count, 3, k], C.dtype);
    };
    using rows = pack([a, found.F, found.p], n);
    using columns = pack([b, found.G, found.q], m);
    using settings = this.tensor(
      Float64Array.from(stretches.flatMap(({ index, steps, omega }) => [
        epsilons[index],
        this.#quanta[index],
        omega,
        steps,
        index,
      ])),
      [count, 5],
    );
    const most = stretches.reduce((most, { steps }) => Math.max(most, steps), 0);
    const out = Tensor.apply("planScaling", { c: C, rows, columns, settings }, { most });
    try {
      const [left, right, reach] = await Promise.all([out.rows.data(), out.columns.data(), out.reach.data()]);
      stretches.forEach(({ index }, q) => {
        const take = (to: Float64Array, from: typeof left, place: number, k: number) =>
          to.set(from.subarray(place * k, place * k + k), index * k);
        [found.F, found.p, found.mass, found.cost].forEach((to, part) => take(to, left, 4 * q + part, n));
        [found.G, found.q].forEach((to, part) => take(to, right, 2 * q + part, m));
      });
      return reach;
    } finally {
      for (const t of Object.values(out)) t.dispose();
    }
  }

  /** Iterations of some problems in the log domain, at any ε; without a measurement. */
  async logSteps(stretches: readonly Stretch[]): Promise<void> {
    const [, n, m] = this.C.shape, size = Math.max(1, Math.floor(AT_ONCE / (n * m)));
    // Together as long as they are asked for as many.
    const alike = Map.groupBy(stretches, ({ steps }) => steps);
    for (const [steps, group] of alike) {
      for (let first = 0; first < group.length; first += size) {
        await this.#logTogether(group.slice(first, first + size), steps);
      }
    }
  }

  async #logTogether(stretches: readonly Stretch[], steps: number): Promise<void> {
    const { C, a, b, found } = this, [B, n, m] = C.shape, count = stretches.length;
    const which = stretches.map(({ index }) => index);
    using costs = count === B ? C.slice(null) : C.take(which, 0);
    const numbers = (values: (k: number) => number) =>
      this.tensor(Float64Array.from(stretches, (_, q) => values(q)), [count, 1]);
    using eps = numbers((q) => this.epsilons[which[q]]);
    using quantum = numbers((q) => this.#quanta[which[q]]);
    using omega = numbers((q) => stretches[q].omega);
    using left = this.#some(a, n, which);
    using right = this.#some(b, m, which);
    const problem = { geometry: batchGeometry(costs, eps), a: left, b: right, eps, quantum };
    const { f, g } = logSteps(problem, this.#pairOf(which), steps, omega);
    try {
      const parts = [[f.coarse, found.F], [f.fine, found.p], [g.coarse, found.G], [g.fine, found.q]] as const;
      const data = await Promise.all(parts.map(([t]) => t.data()));
      parts.forEach(([t, all], part) => {
        const k = t.shape[1];
        which.forEach((index, q) => all.set(data[part].subarray(q * k, q * k + k), index * k));
      });
    } finally {
      disposePotentials(f, g);
    }
  }

  #some(values: Float64Array, k: number, which: readonly number[]): Tensor {
    const some = new Float64Array(which.length * k);
    which.forEach((index, q) => some.set(values.subarray(index * k, index * k + k), q * k));
    return this.tensor(some, [which.length, k]);
  }

  #pairOf(which: readonly number[]): Pair {
    const { F, p, G, q } = this.found, [, n, m] = this.C.shape;
    return {
      f: { coarse: this.#some(F, n, which), fine: this.#some(p, n, which) },
      g: { coarse: this.#some(G, m, which), fine: this.#some(q, m, which) },
    };
  }

  #split(values: Float64Array, weights: Float64Array, coarse: Float64Array, fine: Float64Array): void {
    const each = values.length / this.epsilons.length;
    values.forEach((v, at) => {
      const k = Math.floor(at / each), quantum = this.#quanta[k], counts = weights[at] > 0 && Number.isFinite(v);
      coarse[at] = counts ? Math.round(v / quantum) * quantum : weights[at] > 0 ? 0 : -Infinity;
      fine[at] = counts ? (v - coarse[at]) / this.epsilons[k] : 0;
    });
  }
}
