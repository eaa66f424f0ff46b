import type { Device } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";

/** Iterations between two looks at the residual: each look waits for the device. */
const LOOK = 64;
/** Falls of the residual that end an epoch: at once, and if it rises again. An epoch that makes up the part `LONG` of all iterations ends as well. */
const SUFFICIENT = 0.2, NECESSARY = 0.8, LONG = 0.36;
/** The primal weight that the first epoch has, with masses and costs scaled to about 1. */
const FIRST_WEIGHT = 5;

/** A transport problem on a list of arcs that is sorted by source. */
export interface RestrictedProblem {
  readonly sources: Uint32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
  /** Costs less potentials that are nearly right: what is sought are their corrections. */
  readonly costs: Float64Array<ArrayBuffer>;
  /** Masses to begin with. */
  readonly mass: Float64Array<ArrayBuffer>;
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** How {@linkcode restrictedPdhg} runs. */
export interface PdhgSettings {
  readonly maxIterations: number;
  /** Stops where the marginal error, as part of the total, and the gap, as part of `scale`, are below this. */
  readonly tolerance: number;
  readonly scale: number;
  readonly dtype: "f32" | "f64";
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { iteration: number }) => void;
}

/** Masses of the arcs and corrections of the potentials. */
export interface PdhgSolution {
  readonly mass: Float64Array<ArrayBuffer>;
  readonly f: Float64Array<ArrayBuffer>;
  readonly g: Float64Array<ArrayBuffer>;
  readonly iterations: number;
}

/**
 * A restricted transport problem by the primal-dual hybrid gradient method on the device, in reflected Halpern form with restarts: with T the
 * method's step,
 *
 *   p⁺ = max(p − τ (c − f − g), 0),   f⁺ = f + ω/degree · (a − Σ (2p⁺ − p)), and g⁺ likewise,
 *
 * iterates are z ← w (2 T(z) − z) + (1 − w) z₀ with w = (k + 1)/(k + 2); z₀ and the weight ω between the primal and the dual change when the
 * residual ‖T(z) − z‖ has fallen enough. Steps are those of the diagonal preconditioner: τ = 1/(2ω), as each arc is in two sums. The arcs are
 * held twice, by source and by target, so that both sums run over neighbours and nothing is scattered. Sources: Applegate et al. (2021),
 * "Practical large-scale linear programming using primal-dual hybrid gradient" (restarts, ω); Lu and Yang (2024), "Restarted Halpern PDHG for
 * linear programming" (the iteration); Pock and Chambolle (2011), "Diagonal preconditioning for first order primal-dual algorithms".
 */
export async function restrictedPdhg(
  device: Device,
  problem: RestrictedProblem,
  { maxIterations, tolerance, scale, dtype, signal, onProgress }: PdhgSettings,
): Promise<PdhgSolution> {
  const { costs, a, b } = problem;
  const total = a.reduce((s, w) => s + w, 0), unitMass = total / Math.max(a.length, b.length);
  const unitCost = costs.reduce((s, c) => s + Math.abs(c), 0) / costs.length || 1;
  using rows = new Side(device, problem, { bySource: true, dtype, unitMass, unitCost });
  using columns = new Side(device, problem, { bySource: false, dtype, unitMass, unitCost });
  const sides = [rows, columns] as const;
  let omega = FIRST_WEIGHT, iterations = 0, k = 0, first = Infinity, last = Infinity;
  for (;;) {
    for (const stop = Math.min(iterations + LOOK, maxIterations); iterations < stop; iterations++, k++) {
      const w = (k + 1) / (k + 2), next = [rows.advance(columns, omega, w), columns.advance(rows, omega, w)];
      sides.forEach((side, s) => side.move(next[s]));
    }
    const steps = [rows.step(columns, omega), columns.step(rows, omega)] as const;
    try {
      const [left, right] = await Promise.all(sides.map((side, s) => side.measure(steps[s])));
      signal?.throwIfAborted();
      onProgress?.({ iteration: iterations });
      const residual = Math.sqrt(2 * omega * left.change + (left.dualChange + right.dualChange) / omega);
      const gap = Math.abs(left.cost - left.dual - right.dual) * unitMass * unitCost;
      const close = (left.error + right.error) * unitMass <= tolerance * total && gap <= tolerance * scale;
      const done = close || iterations >= maxIterations;
      if (first === Infinity) first = residual;
      const ends = residual <= SUFFICIENT * first || (residual <= NECESSARY * first && residual > last) ||
        k >= LONG * iterations;
      last = residual;
      if (!ends && !done) continue;
      sides.forEach((side, s) => side.restart(steps[s]));
      if (done) break;
      const ratio = Math.sqrt((left.dualMove + right.dualMove) / left.move);
      if (ratio > 0 && ratio < Infinity) omega = Math.sqrt(omega * ratio);
      k = 0;
      first = last = Infinity;
    } finally {
      for (const { p, y, sums } of steps) for (const t of [p, y, sums]) t.dispose();
    }
  }
  const [mass, f, g] = await Promise.all([rows.p.data(), rows.potentials(), columns.potentials()]);
  return {
    mass: Float64Array.from(mass, (v) => v * unitMass),
    f: f.map((v) => v * unitCost),
    g: g.map((v) => v * unitCost),
    iterations,
  };
}

/** T(z) of one side: masses, potentials, and the masses' sums. */
interface Step {
  readonly p: Tensor;
  readonly y: Tensor;
  readonly sums: Tensor;
}

/** What one look finds of a side. */
interface Measured {
  /** ‖p⁺ − p‖² and ‖p⁺ − p₀‖². */
  readonly change: number;
  readonly move: number;
  /** The same of the potentials, weighted by the degrees. */
  readonly dualChange: number;
  readonly dualMove: number;
  /** ‖Σ p⁺ − weights‖₁. */
  readonly error: number;
  readonly cost: number;
  readonly dual: number;
}

/**
 * Arcs in the order of one side, and that side's potentials: `y` `[count, 2]` holds them beside ones, so that y of both sides multiply to f_i + g_j.
 */
class Side implements Disposable {
  p: Tensor;
  readonly #fixed: { starts: Tensor; columns: Tensor; costs: Tensor; weights: Tensor; degree: Tensor; own: Tensor };
  readonly #bySource: boolean;
  #y: Tensor;
  #p0: Tensor;
  #y0: Tensor;
  #sums0: Tensor;

  constructor(
    device: Device,
    { sources, targets, costs, mass, a, b }: RestrictedProblem,
    { bySource, dtype, unitMass, unitCost }: {
      bySource: boolean;
      dtype: "f32" | "f64";
      unitMass: number;
      unitCost: number;
    },
  ) {
    const ends = bySource ? sources : targets, weights = bySource ? a : b, count = weights.length;
    const starts = new Uint32Array(count + 1);
    for (const v of ends) starts[v + 1]++;
    for (let v = 0; v < count; v++) starts[v + 1] += starts[v];
    const order = new Uint32Array(ends.length), at = starts.slice();
    ends.forEach((v, e) => order[at[v]++] = e);
    const floats = (v: Float64Array<ArrayBuffer>, shape: readonly number[] = [v.length]) =>
      Tensor.of(device, dtype === "f64" ? v : Float32Array.from(v), shape, dtype);
    const whole = (v: Uint32Array<ArrayBuffer>) => Tensor.of(device, v, [v.length], "u32");
    const p = Float64Array.from(order, (e) => mass[e] / unitMass), sums = new Float64Array(count);
    for (let v = 0; v < count; v++) for (let e = starts[v]; e < starts[v + 1]; e++) sums[v] += p[e];
    const y = Float64Array.from({ length: 2 * count }, (_, k) => k % 2 === (bySource ? 1 : 0) ? 1 : 0);
    this.#bySource = bySource;
    this.#fixed = {
      starts: whole(starts),
      columns: whole(Uint32Array.from(order, (e) => bySource ? targets[e] : sources[e])),
      costs: floats(Float64Array.from(order, (e) => costs[e] / unitCost)),
      weights: floats(Float64Array.from(weights, (w) => w / unitMass), [count, 1]),
      degree: floats(Float64Array.from(weights, (_, v) => Math.max(1, starts[v + 1] - starts[v])), [count, 1]),
      own: floats(Float64Array.of(bySource ? 1 : 0, bySource ? 0 : 1), [1, 2]),
    };
    this.p = floats(p);
    this.#p0 = this.p.share();
    this.#y = floats(y, [count, 2]);
    this.#y0 = this.#y.share();
    this.#sums0 = floats(sums, [count, 1]);
  }

  /** The next iterate. Both sides' are computed before either {@linkcode move}s. */
  advance(other: Side, omega: number, w: number): { p: Tensor; y: Tensor } {
    const p = this.#onArcs(other, "w * (2 * max(p - tau * (c - product), 0) - p) + (1 - w) * p0", {
      w,
      tau: 0.5 / omega,
      p0: this.#p0,
    });
    using sums = this.#sums(p);
    const { weights, degree, own } = this.#fixed;
    // The sums of 2p⁺ − p follow from those of the new p.
    const y = Tensor.map("w * y + own * (2 * omega / degree * (w * q - s + (1 - w) * s0)) + (1 - w) * y0", {
      ...{ w, omega, own, degree, q: weights, s: sums, s0: this.#sums0, y: this.#y, y0: this.#y0 },
    });
    void y.value;
    return { p, y };
  }

  /** Takes an iterate. */
  move({ p, y }: { p: Tensor; y: Tensor }): void {
    this.p.dispose();
    this.#y.dispose();
    this.p = p;
    this.#y = y;
  }

  /** T(z). */
  step(other: Side, omega: number): Step {
    const p = this.#onArcs(other, "max(p - tau * (c - product), 0)", { tau: 0.5 / omega });
    const sums = this.#sums(p), { weights, degree, own } = this.#fixed;
    using before = this.#sums(this.p);
    const y = Tensor.map("y + own * (omega / degree * (q - 2 * s + t))", {
      ...{ omega, own, degree, q: weights, s: sums, t: before, y: this.#y },
    });
    void y.value;
    return { p, y, sums };
  }

  /** Begins an epoch at T(z). */
  restart({ p, y, sums }: Step): void {
    for (const t of [this.p, this.#p0, this.#y, this.#y0, this.#sums0]) t.dispose();
    this.p = p.share();
    this.#p0 = p.share();
    this.#y = y.share();
    this.#y0 = y.share();
    this.#sums0 = sums.share();
  }

  /** Looks at T(z). */
  async measure({ p, y, sums }: Step): Promise<Measured> {
    const { weights, degree, own, costs } = this.#fixed;
    const squares = (formula: string, inputs: Record<string, Tensor>) => Tensor.reduce("sum", formula, inputs);
    const asked = [
      squares("(p - q) * (p - q)", { p, q: this.p }),
      squares("(p - q) * (p - q)", { p, q: this.#p0 }),
      squares("(p - q) * (p - q) * d", { p: y, q: this.#y, d: degree }),
      squares("(p - q) * (p - q) * d", { p: y, q: this.#y0, d: degree }),
      squares("abs(s - q)", { s: sums, q: weights }),
      squares("p * c", { p, c: costs }),
      squares("y * own * q", { y, own, q: weights }),
    ];
    const [change, move, dualChange, dualMove, error, cost, dual] = await Promise.all(asked.map((t) => t.item()));
    for (const t of asked) t.dispose();
    return { change, move, dualChange, dualMove, error, cost, dual };
  }

  /** This side's potentials. */
  async potentials(): Promise<Float64Array<ArrayBuffer>> {
    const y = await this.#y.data(), first = this.#bySource ? 0 : 1;
    return Float64Array.from({ length: y.length / 2 }, (_, k) => Number(y[2 * k + first]));
  }

  #onArcs(other: Side, epilogue: string, inputs: Record<string, Tensor | number>): Tensor {
    const { starts, columns, costs } = this.#fixed;
    const all = { starts, columns, a: this.#y, b: other.#y, p: this.p, c: costs, ...inputs };
    return Tensor.apply("sampledMatmul", all, { epilogue }).out;
  }

  #sums(values: Tensor): Tensor {
    const { starts, weights } = this.#fixed;
    using sums = Tensor.apply("segmentReduce", { starts, values }, { reduction: "sum" }).out;
    return sums.reshape([weights.shape[0], 1]);
  }

  /** Frees its tensors. */
  [Symbol.dispose](): void {
    for (const t of [...Object.values(this.#fixed), this.p, this.#p0, this.#y, this.#y0, this.#sums0]) t.dispose();
  }
}
