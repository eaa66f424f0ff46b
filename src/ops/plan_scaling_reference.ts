import type { HostArray } from "./define.ts";
import { HELD, SETTINGS } from "./plan_scaling_layout.ts";

/** What a job gives, packed as the op's outputs are, and how far each number may be off. */
export interface ScaledJob {
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  readonly reach: number;
  readonly done: number;
  readonly error: number;
  readonly bounds: {
    readonly rows: Float64Array;
    readonly columns: Float64Array;
    readonly reach: number;
    readonly done: number;
    readonly error: number;
  };
}

/** One side of a job: weights, potential in two parts, scaling, and how far log u and the potential may be off. */
interface Side {
  readonly w: Float64Array;
  readonly F: Float64Array;
  readonly p: Float64Array;
  readonly u: Float64Array;
  readonly off: Float64Array;
}

/** The smallest normal numbers: what is below them may be zero. */
const tiny = (u: number) => u > 1e-10 ? 2 ** -126 : 2 ** -1022;
const held = (v: number) => Math.min(HELD, Math.max(1 / HELD, v));

/**
 * Job `k` in f64, with a running error analysis for a roundoff u: to first order in the logarithms of scalings. An entry is off by the roundings of its
 * exponent and by exp's (2 + 2|x| units where a driver has its own), sums of m positive numbers by m u at most, logarithms by some units.
 */
export function scaleJob(inputs: Record<string, HostArray>, most: number, k: number, u = 0): ScaledJob {
  const { c, settings } = inputs, [problems, n, m] = c.shape;
  const [eps, quantum, omega, steps, problem, target, range] = settings.data.subarray(SETTINGS * k, SETTINGS * (k + 1));
  const at = Math.min(Math.max(problem, 0), problems - 1);
  const C = c.data.subarray(at * n * m, (at + 1) * n * m);
  const left = sideOf(inputs.rows.data, k, n), right = sideOf(inputs.columns.data, k, m);
  const plan = () => {
    const P = new Float64Array(n * m), relative = new Float64Array(n * m);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        if (!(left.w[i] > 0 && right.w[j] > 0)) continue;
        const sum = left.F[i] + right.F[j], slack = sum - C[i * m + j], fine = left.p[i] + right.p[j];
        const x = slack / eps + fine;
        P[i * m + j] = Math.exp(x);
        const rounded = (2 * Math.abs(sum) + 6 * Math.abs(slack)) / eps + 4 * (Math.abs(fine) + Math.abs(x));
        relative[i * m + j] = u * (rounded + 8 + 4 * Math.abs(x));
      }
    }
    return { P, relative };
  };

  const { P, relative } = plan();
  // Gives Σ |u s − w| before, and how far that may be off.
  const renew = (own: Side, other: Side, place: (i: number, j: number) => number, power: number) => {
    const error = { value: 0, off: 0 };
    for (let i = 0; i < own.w.length; i++) {
      if (!(own.w[i] > 0)) continue;
      let s = 0, off = 0;
      for (let j = 0; j < other.w.length; j++) {
        const q = place(i, j), term = P[q] * other.u[j];
        s += term;
        off += term * (relative[q] + other.off[j]) + tiny(u) * other.u[j];
      }
      const marginal = own.u[i] * s, wrong = off / Math.max(s, 1e-300) + (other.w.length + 16) * u;
      error.value += Math.abs(marginal - own.w[i]);
      error.off += marginal * (own.off[i] + wrong) + own.w.length * u * Math.abs(marginal - own.w[i]);
      const ratio = own.w[i] / held(own.u[i] * s), log = Math.abs(Math.log(ratio));
      own.off[i] = Math.abs(1 - power) * own.off[i] +
        power * wrong + u * (32 + 8 * power * log);
      own.u[i] = held(own.u[i] * ratio ** power);
    }
    return error;
  };
  const count = Math.min(steps, most);
  let done = 0, isClear = true, error = { value: 0, off: 0 };
  for (let last = false; done < count && !last; done++) {
    error = renew(left, right, (i, j) => i * m + j, omega);
    last = done > 0 && error.value <= target;
    if (done > 0 && Math.abs(error.value - target) <= error.off) isClear = false;
    renew(right, left, (j, i) => i * m + j, done + 1 < count && !last ? omega : 1);
  }
  const sides = [left, right], logs = sides.map((s) => s.u.map((v) => v > 0 ? Math.abs(Math.log(v)) : 0));
  const reach = Math.max(...logs.map((l) => l.reduce((a, b) => Math.max(a, b), 0)));
  const reachOff = Math.max(...sides.flatMap((s, q) => [...s.off].map((e, i) => e + u * (16 + 4 * logs[q][i]))));
  // Of F and p each.
  const parts = sides.map((s) => ({ coarse: new Float64Array(s.w.length), fine: new Float64Array(s.w.length) }));
  sides.forEach((s, q) => absorb(s, parts[q], reach <= range, { eps, quantum, u }));

  const last = plan(), rows = new Float64Array(4 * n), columns = new Float64Array(2 * m);
  const bounds = {
    rows: new Float64Array(4 * n),
    columns: new Float64Array(2 * m),
    reach: reachOff,
    done: 0,
    error: error.off,
  };
  rows.set(left.F);
  rows.set(left.p, n);
  bounds.rows.set(parts[0].coarse);
  bounds.rows.set(parts[0].fine, n);
  columns.set(right.F);
  columns.set(right.p, m);
  bounds.columns.set(parts[1].coarse);
  bounds.columns.set(parts[1].fine, m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const at = i * m + j, entry = last.P[at], cost = Math.abs(C[at]);
      const off = entry * (Math.expm1(last.relative[at] + left.off[i] + right.off[j]) + (m + 8) * u) + tiny(u);
      rows[2 * n + i] += entry;
      rows[3 * n + i] += entry * C[at];
      bounds.rows[2 * n + i] += off;
      bounds.rows[3 * n + i] += off * cost;
    }
  }
  if (!isClear) {
    // It may stop an iteration earlier or later.
    bounds.rows.fill(Infinity);
    bounds.columns.fill(Infinity);
    bounds.reach = bounds.done = bounds.error = Infinity;
  }
  return { rows, columns, reach, done, error: error.value, bounds };
}

function sideOf(data: Float64Array, k: number, n: number): Side {
  const part = (q: number) => data.slice((3 * k + q) * n, (3 * k + q + 1) * n), w = part(0);
  return { w, F: part(1), p: part(2), u: w.map((v) => v > 0 ? 1 : 0), off: new Float64Array(n) };
}

/** Takes the scalings into the potential. What is as near to two multiples of the quantum may go to either. */
function absorb(
  { w, F, p, u: scaling, off }: Side,
  bounds: { coarse: Float64Array; fine: Float64Array },
  accepted: boolean,
  { eps, quantum, u }: { eps: number; quantum: number; u: number },
): void {
  for (let i = 0; i < w.length; i++) {
    if (!accepted || !(w[i] > 0)) {
      off[i] = 0;
      if (accepted) [F[i], p[i]] = [-Infinity, 0];
      continue;
    }
    const log = Math.log(scaling[i]), t = p[i] + log, multiple = t * eps / quantum, whole = Math.round(multiple);
    const wrong = off[i] + u * (16 + 4 * Math.abs(log) + 8 * Math.abs(t));
    const either = Math.abs(multiple - whole) + wrong * eps / quantum > 0.5 ? 1 : 0;
    F[i] += whole * quantum;
    p[i] = t - whole * quantum / eps;
    bounds.coarse[i] = either * quantum * (1 + u) + 4 * u * (Math.abs(F[i]) + Math.abs(whole * quantum));
    const fine = wrong + 4 * u * (Math.abs(t) + Math.abs(whole * quantum) / eps);
    bounds.fine[i] = either * quantum / eps * (1 + u) + fine;
    off[i] = fine + 4 * u * (Math.abs(F[i]) + Math.abs(whole * quantum)) / eps;
  }
}
