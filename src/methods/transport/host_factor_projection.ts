/** Iterations at least: most projections are then better than asked. */
const LEAST = 8;

/** A factor on the host: K `[n, r]` in logarithms, and the row sums that its projection is to have. */
interface Side {
  readonly K: Float64Array;
  readonly rows: Float64Array;
}

/** Multipliers `[r]` of the projection, on the host. */
export interface HostDuals {
  readonly v: Float64Array;
  readonly w: Float64Array;
  readonly floor: Float64Array;
}

/** Change of a multiplier's logarithm after which the kernel is made anew: far from the range of f64 on both sides. */
const ABSORB = 200;

/**
 * The projection of `projectFactors` in f64 on the host. The same iterations, but with kernels that are stored and scaled: two products
 * per iteration and side in place of two sums of exponentials, with multipliers taken into the kernel before they leave its range. For factors
 * that are small beside the cost of a call of the device.
 */
export function projectOnHost(
  q: Side,
  r: Side,
  logG: Float64Array,
  warm: HostDuals | undefined,
  { logFloor, target, maxIterations }: { logFloor: number; target: number; maxIterations: number },
): { q: Float64Array; r: Float64Array; g: Float64Array; duals: HostDuals; error: number; iterations: number } {
  const count = logG.length, zeros = () => new Float64Array(count);
  const floor = warm?.floor.slice() ?? zeros(), g = zeros();
  const one = new ScaledFactor(q, warm?.v ?? zeros()), other = new ScaledFactor(r, warm?.w ?? zeros());
  for (let k = 0; k < count; k++) g[k] = logG[k] - one.v[k] - other.v[k] - floor[k];
  let error = Infinity, iterations = 0;
  for (;;) {
    one.renewRows();
    other.renewRows();
    one.sumColumns();
    other.sumColumns();
    for (let k = 0; k < count; k++) {
      const raised = Math.max(g[k] + floor[k], logFloor), { [k]: s } = one.sums, { [k]: t } = other.sums;
      floor[k] = g[k] + floor[k] - raised;
      g[k] = (one.v[k] + s + other.v[k] + t + raised) / 3;
      one.v[k] = g[k] - s;
      other.v[k] = g[k] - t;
    }
    iterations++;
    error = Math.max(one.error(), other.error());
    // Not a number compares false: it ends here too, for the caller to see.
    if ((!(error > target) && iterations >= LEAST) || iterations >= maxIterations) break;
  }
  return { q: one.logs(), r: other.logs(), g, duals: { v: one.v, w: other.v, floor }, error, iterations };
}

/** exp(K + u + v) with A = exp(K + v₀ − the largest of the row) stored. */
class ScaledFactor {
  readonly v: Float64Array;
  /** log Σ_i exp(K + u). */
  readonly sums: Float64Array;
  readonly #side: Side;
  readonly #n: number;
  readonly #count: number;
  readonly #A: Float64Array;
  /** The largest K + v₀ of each row. */
  readonly #largest: Float64Array;
  readonly #base: Float64Array;
  readonly #scales: Float64Array;
  /** Row sums of A·exp(v − v₀), and what they are multiplied by to be those wanted. */
  readonly #masses: Float64Array;
  readonly #factors: Float64Array;

  constructor(side: Side, v: Float64Array) {
    this.#side = side;
    this.v = v.slice();
    this.#count = v.length;
    this.#n = side.rows.length;
    this.sums = new Float64Array(v.length);
    this.#base = new Float64Array(v.length);
    this.#scales = new Float64Array(v.length);
    this.#A = new Float64Array(side.K.length);
    this.#largest = new Float64Array(this.#n);
    this.#masses = new Float64Array(this.#n);
    this.#factors = new Float64Array(this.#n);
    this.#absorb();
  }

  #absorb(): void {
    const { K } = this.#side, count = this.#count;
    this.#base.set(this.v);
    for (let i = 0; i < this.#n; i++) {
      let largest = -Infinity;
      for (let k = 0; k < count; k++) largest = Math.max(largest, K[i * count + k] + this.v[k]);
      this.#largest[i] = largest;
      for (let k = 0; k < count; k++) this.#A[i * count + k] = Math.exp(K[i * count + k] + this.v[k] - largest);
    }
    this.#sumRows();
  }

  #sumRows(): void {
    const count = this.#count, A = this.#A, scales = this.#scales;
    for (let k = 0; k < count; k++) scales[k] = Math.exp(this.v[k] - this.#base[k]);
    for (let i = 0, at = 0; i < this.#n; i++) {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += A[at++] * scales[k];
      this.#masses[i] = sum;
    }
  }

  /** Renews u: the rows get the sums that are wanted. */
  renewRows(): void {
    for (let i = 0; i < this.#n; i++) this.#factors[i] = this.#side.rows[i] / this.#masses[i];
  }

  /** Sums over the rows. */
  sumColumns(): void {
    const count = this.#count, A = this.#A, totals = this.sums.fill(0);
    for (let i = 0, at = 0; i < this.#n; i++) {
      const u = this.#factors[i];
      for (let k = 0; k < count; k++) totals[k] += A[at++] * u;
    }
    for (let k = 0; k < count; k++) {
      totals[k] = totals[k] > 1e-200 ? Math.log(totals[k]) - this.#base[k] : this.#logSum(k);
    }
  }

  /** log Σ_i exp(K + u) of one column whose entries are all out of range. */
  #logSum(k: number): number {
    const { K } = this.#side,
      at = (i: number) => K[i * this.#count + k] + Math.log(this.#factors[i]) - this.#largest[i];
    let largest = -Infinity, sum = 0;
    for (let i = 0; i < this.#n; i++) largest = Math.max(largest, at(i));
    for (let i = 0; i < this.#n; i++) sum += Math.exp(at(i) - largest);
    return largest + Math.log(sum);
  }

  /** The error of the row sums with the last u and the new v. */
  error(): number {
    let moved = 0;
    for (let k = 0; k < this.#count; k++) moved = Math.max(moved, Math.abs(this.v[k] - this.#base[k]));
    const { rows } = this.#side;
    let error = 0;
    if (moved > ABSORB) {
      // u is relative to the largest of each row.
      const before = this.#largest.slice();
      this.#absorb();
      for (let i = 0; i < this.#n; i++) this.#factors[i] *= Math.exp(this.#largest[i] - before[i]);
    } else this.#sumRows();
    for (let i = 0; i < this.#n; i++) error += Math.abs(this.#masses[i] * this.#factors[i] - rows[i]);
    return error;
  }

  /** K + u + v. */
  logs(): Float64Array {
    const { K } = this.#side, count = this.#count, out = new Float64Array(K.length);
    for (let i = 0, at = 0; i < this.#n; i++) {
      const u = Math.log(this.#factors[i]) - this.#largest[i];
      for (let k = 0; k < count; k++, at++) out[at] = K[at] + u + this.v[k];
    }
    return out;
  }
}
