import type { HostCost } from "./host_cost.ts";
import type { SpanningTree } from "./spanning_tree.ts";

/** Unit roundoff of f64. */
const U = 2 ** -53;
/** Milliseconds after which other work gets its turn. */
const TURN = 40;

/** An optimal plan and its proof on the host, in f64: whoever doubts it can check it with a loop. */
export interface ExactCertificate {
  /** Row of each entry of the plan, in order of rows, then columns. */
  readonly rows: Uint32Array<ArrayBuffer>;
  /** Column of each entry. */
  readonly columns: Uint32Array<ArrayBuffer>;
  /** Mass of each entry, positive; at most n + m − 1 of them. */
  readonly values: Float64Array<ArrayBuffer>;
  /** Potentials of the rows: f_i = min_j (C_ij − g_j). */
  readonly f: Float64Array<ArrayBuffer>;
  /** Potentials of the columns. */
  readonly g: Float64Array<ArrayBuffer>;
  /** ⟨P, C⟩. */
  readonly primal: number;
  /** ⟨a, f⟩ + ⟨b, g⟩: no plan costs less, up to `violation`. */
  readonly dual: number;
  /** `primal − dual`. */
  readonly gap: number;
  /** Largest f_i + g_j − C_ij, or 0: how far the potentials are from being allowed; a rounding error. */
  readonly violation: number;
  /** ‖P·1 − a‖₁ + ‖Pᵀ·1 − b‖₁. */
  readonly marginalError: number;
  /** What rounding explains of `gap` in f64. */
  readonly rounding: number;
}

/** A problem with its costs, and rows and columns that have weight. */
export interface ExactProblem extends Places {
  readonly cost: HostCost;
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Looks at the rows without looking at every cost, where that can be. */
  readonly prunedRows?: (g: Float64Array) => RowLook;
}

/** Looks at a row: least is min_j (C_ij − g_j), violation the largest least + g_j − C_ij, or 0. */
export type RowLook = (i: number) => { least: number; violation: number };

/** Looks at every cost of a row. */
function wholeRows(cost: HostCost, g: Float64Array): RowLook {
  return (i) => {
    const C = cost.row(i), { m } = cost;
    let least = Infinity, violation = 0;
    for (let j = 0; j < m; j++) least = Math.min(least, C[j] - g[j]);
    for (let j = 0; j < m; j++) violation = Math.max(violation, least + g[j] - C[j]);
    return { least, violation };
  };
}

/** Numbers of the rows and columns that take part. */
export interface Places {
  readonly rows: Uint32Array;
  readonly columns: Uint32Array;
}

/** A plan and potentials to be proved: entries in any order, potentials of the rows and columns that take part. */
export interface Claim {
  readonly entries: { i: number; j: number; mass: number }[];
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/** Reads plan and potentials off the tree, and measures them as {@linkcode certifyPlan} does. */
export function certify(tree: SpanningTree, unit: number, problem: ExactProblem): ExactCertificate {
  return certifyPlan(treePlan(tree, unit, problem), problem);
}

/** Plan and potentials of a tree. */
export function treePlan(tree: SpanningTree, unit: number, { rows, columns }: Places): Claim {
  const entries: { i: number; j: number; mass: number }[] = [];
  for (let v = 0; v < tree.n + tree.m; v++) {
    if (v === tree.root || tree.flow[v] === 0) continue;
    const other = tree.parent[v], [i, j] = v < tree.n ? [v, other - tree.n] : [other, v - tree.n];
    entries.push({ i: rows[i], j: columns[j], mass: tree.flow[v] * unit });
  }
  return { entries, f: tree.potential.subarray(0, tree.n), g: tree.potential.subarray(tree.n) };
}

/**
 * Measures a plan and potentials against the whole problem, every pair of it. Potentials become allowed by f_i = min_j (C_ij − g_j), columns without
 * weight having g_j = min_i (C_ij − f_i) first; the constant between them makes ⟨a, f⟩ = ⟨b, g⟩.
 */
export function certifyPlan(claim: Claim, problem: ExactProblem): ExactCertificate {
  const steps = certifySteps(claim, problem);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same for large problems: other work gets its turn now and then, and the signal is heard. */
export async function certifyInTurns(
  claim: Claim,
  problem: ExactProblem,
  signal: AbortSignal | undefined,
): Promise<ExactCertificate> {
  const steps = certifySteps(claim, problem);
  for (let since = performance.now();;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - since < TURN) continue;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    since = performance.now();
  }
}

/** Does it row by row. */
function* certifySteps(claim: Claim, problem: ExactProblem): Generator<void, ExactCertificate, void> {
  const { cost, a, b, rows, columns } = problem, { n, m } = cost, { entries } = claim;
  entries.sort((p, q) => p.i - q.i || p.j - q.j);
  const entryRows = Uint32Array.from(entries, ({ i }) => i), entryColumns = Uint32Array.from(entries, ({ j }) => j);
  const values = Float64Array.from(entries, ({ mass }) => mass);
  const f = new Float64Array(n), g = new Float64Array(m).fill(Infinity);
  const total = a.reduce((s, x) => s + x, 0);
  const shift = (sumOf(rows.length, (k) => a[rows[k]] * claim.f[k]) -
    sumOf(columns.length, (k) => b[columns[k]] * claim.g[k])) / (2 * total);
  columns.forEach((j, k) => g[j] = claim.g[k] + shift);
  for (let j = 0; j < m; j++) {
    if (b[j] === 0) rows.forEach((i, k) => g[j] = Math.min(g[j], cost.at(i, j) - (claim.f[k] - shift)));
  }
  const look = problem.prunedRows?.(g) ?? wholeRows(cost, g);
  let violation = 0;
  for (let i = 0; i < n; i++) {
    const found = look(i);
    f[i] = found.least;
    violation = Math.max(violation, found.violation);
    yield;
  }
  const costs = values.map((_, e) => cost.at(entryRows[e], entryColumns[e]));
  const primal = sumOf(values.length, (e) => values[e] * costs[e]);
  const dual = sumOf(n + m, (k) => k < n ? a[k] * f[k] : b[k - n] * g[k - n]);
  const left = [a.slice(), b.slice()];
  for (let e = 0; e < values.length; e++) {
    left[0][entryRows[e]] -= values[e];
    left[1][entryColumns[e]] -= values[e];
  }
  const marginalError = left.reduce((s, part) => part.reduce((t, x) => t + Math.abs(x), s), 0);
  // A potential is a sum of up to n + m costs with signs, each rounded; then come the products and what the masses lack.
  const size = sumOf(values.length, (e) => values[e] * Math.abs(costs[e])) +
    sumOf(n + m, (k) => k < n ? a[k] * Math.abs(f[k]) : b[k - n] * Math.abs(g[k - n]));
  let largest = 0;
  for (let k = 0; k < n + m; k++) largest = Math.max(largest, Math.abs(k < n ? f[k] : g[k - n]));
  return {
    rows: entryRows,
    columns: entryColumns,
    values,
    f,
    g,
    primal,
    dual,
    gap: primal - dual,
    violation,
    marginalError,
    rounding: 2 * (n + m) * U * size + 2 * marginalError * largest,
  };
}

/** Σ of so many terms, compensated (Neumaier 1974). */
function sumOf(count: number, term: (k: number) => number): number {
  let sum = 0, lost = 0;
  for (let k = 0; k < count; k++) {
    const t = term(k), next = sum + t;
    lost += Math.abs(sum) >= Math.abs(t) ? sum - next + t : t - next + sum;
    sum = next;
  }
  return sum + lost;
}
