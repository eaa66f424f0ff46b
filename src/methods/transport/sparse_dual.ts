import { ascend, type AscentProgress } from "./ascend.ts";
import { ascendBundle } from "./bundle.ts";
import { type SimplexColumn, topKSimplex } from "./top_k_simplex.ts";

/** A transport problem with the term γ/2 ‖P‖² and at most k entries per column, on the host. */
export interface SparseProblem {
  readonly n: number;
  readonly m: number;
  readonly C: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly gamma: number;
  readonly k: number;
}

/** One entry of a plan. */
export interface SparseEntry {
  readonly row: number;
  readonly column: number;
  value: number;
}

/** What the maximum of the semi-dual was found to be. */
export interface SparseDual {
  /** Potential of the rows; 0 where a weight is zero. */
  readonly f: Float64Array;
  readonly value: number;
  /** The plan at f, with at most k entries per column, and how many they are. */
  readonly entries: SparseEntry[];
  readonly counts: Uint32Array;
  /** The mean of such plans that proves the maximum, and ‖its row sums − a‖₁. */
  readonly mean: SparseEntry[];
  readonly meanError: number;
  /** Half of the squared norms of the plans in the mean, weighted: the derivative by γ. */
  readonly halfSquare: number;
  /** Derivatives by the weights of rows and columns. */
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
  readonly history: AscentProgress[];
}

/** Steps in which the supergradient has to halve; else the semi-dual has a kink. */
const PATIENCE = 30;

/**
 * Maximizes the semi-dual: by L-BFGS, as it is smooth where no columns have ties between their k-th and next candidates, and from where that stops by a
 * bundle method.
 */
export async function maximizeSparseDual(
  { n, m, C, a, b, gamma, k }: SparseProblem,
  settings: { target: number; maxIterations: number; signal?: AbortSignal; onProgress?: (p: AscentProgress) => void },
): Promise<SparseDual> {
  // Rows of weight 0 take no part: a column would rather be in another row at any price.
  const active = Int32Array.from(Array.from(a.keys()).filter((i) => a[i] > 0)), s = new Float64Array(active.length);
  const column = (f: Float64Array, j: number): SimplexColumn => {
    for (let i = 0; i < s.length; i++) s[i] = f[i] - C[active[i] * m + j];
    return topKSimplex(s, b[j], Math.min(k, s.length), gamma);
  };
  const semiDual = (f: Float64Array) => {
    let value = 0;
    const gradient = Float64Array.from(active, (i) => a[i]), part: (SimplexColumn | undefined)[] = [];
    for (let i = 0; i < f.length; i++) value += f[i] * gradient[i];
    for (let j = 0; j < m; j++) {
      const t = b[j] === 0 ? undefined : column(f, j);
      part.push(t);
      if (!t) continue;
      value -= t.value;
      t.rows.forEach((i, at) => gradient[i] -= t.values[at]);
    }
    return { value, gradient, part };
  };
  const kinks = k < s.length, patience = kinks ? PATIENCE : Infinity;
  const smooth = await ascend(semiDual, new Float64Array(s.length), { ...settings, patience });
  const largest = C.reduce((most, c) => Math.max(most, Math.abs(c)), 0);
  let { f, value, history } = smooth, mean = [{ part: semiDual(f).part, weight: 1 }];
  if (kinks && smooth.error > settings.target && history.length < settings.maxIterations) {
    const around = { ...settings, scale: largest + gamma, step: gamma };
    const bundled = await ascendBundle(semiDual, f, around, history.length);
    ({ f, value, mean } = { ...bundled, mean: [...bundled.mean] });
    history = [...history, ...bundled.history];
  }
  const at = column.bind(undefined, f), beta = new Float64Array(m), enters = new Float64Array(m).fill(Infinity);
  const entries: SparseEntry[] = [], counts = new Uint32Array(m);
  for (let j = 0; j < m; j++) {
    const { rows, values, price } = at(j);
    beta[j] = -price;
    if (b[j] === 0) continue;
    counts[j] = rows.length;
    // From here on another row would have mass of this column.
    enters[j] = rows.length < k ? price : f[rows[k - 1]] - C[active[rows[k - 1]] * m + j];
    rows.forEach((i, e) => entries.push({ row: active[i], column: j, value: values[e] }));
  }
  const merged = new Map<number, SparseEntry>(), sums = a.map((w) => -w);
  let halfSquare = 0;
  for (let j = 0; j < m; j++) {
    if (b[j] === 0) continue;
    beta[j] = 0;
    for (const { part, weight } of mean) {
      const { rows, values } = part[j]!;
      rows.forEach((i, e) => {
        const row = active[i], t = values[e], share = weight * t, place = row * m + j, known = merged.get(place);
        if (known) known.value += share;
        else merged.set(place, { row, column: j, value: share });
        halfSquare += share * t / 2;
        sums[row] += share;
        // f − C − γ t is the same for all entries of a column.
        beta[j] -= share / b[j] * (f[i] - C[place] - gamma * t);
      });
    }
  }
  const potential = new Float64Array(n);
  active.forEach((i, e) => potential[i] = f[e]);
  return {
    ...{ f: potential, value, entries, counts, mean: [...merged.values()], halfSquare, beta, history },
    meanError: sums.reduce((e, v) => e + Math.abs(v), 0),
    // A row without weight is worth what it would take to enter the plan.
    alpha: potential.map((v, i) => a[i] > 0 ? v : enters.reduce((s, t, j) => Math.min(s, C[i * m + j] + t), Infinity)),
  };
}
