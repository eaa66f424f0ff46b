import { solveStored } from "./exact_solve.ts";
import { storedCost } from "./host_cost.ts";
import { requireCount } from "./host_problem.ts";
import type { PartialProblem } from "./partial_scaling.ts";

/** By the balanced problem with one more point on each side, free to reach, and between them a cost that no plan pays. */
export async function solvePartialExactly(
  { n, m, C, a, b, mass }: Omit<PartialProblem, "epsilon">,
  options: { maxIterations?: number; signal?: AbortSignal },
) {
  const width = m + 1,
    extended = new Float64Array((n + 1) * width),
    total = (w: Float64Array) => w.reduce((s, v) => s + v, 0);
  let highest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      extended[i * width + j] = C[i * m + j];
      highest = Math.max(highest, Math.abs(C[i * m + j]));
    }
  }
  extended[extended.length - 1] = 2 * highest + 1;
  const rest = [total(b) - mass, total(a) - mass].map((v) => Math.max(0, v));
  const weights = { a: Float64Array.of(...a, rest[0]), b: Float64Array.of(...b, rest[1]) };
  const taking = (w: Float64Array) => Uint32Array.from(Array.from(w.keys()).filter((k) => w[k] > 0));
  const problem = {
    cost: storedCost(extended, n + 1, width),
    ...weights,
    rows: taking(weights.a),
    columns: taking(weights.b),
  };
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 1000 * (n + m + 2));
  const { certificate, iterations, optimal } = await solveStored(problem, { maxIterations, signal: options.signal });
  const entries: { row: number; column: number; value: number }[] = [],
    r = new Float64Array(n),
    c = new Float64Array(m);
  let price = 0, moved = 0;
  certificate.rows.forEach((row, k) => {
    const column = certificate.columns[k], value = certificate.values[k];
    if (row === n || column === m) return;
    entries.push({ row, column, value });
    price += value * C[row * m + column];
    moved += value;
    r[row] += value;
    c[column] += value;
  });
  // The prices of the bounds: with those of the added points the potentials are 0 or less.
  const [fEnd, gEnd] = [certificate.f[n], certificate.g[m]], level = -(fEnd + gEnd);
  const f = certificate.f.slice(0, n).map((v) => Math.min(0, v + gEnd));
  const g = certificate.g.slice(0, m).map((v) => Math.min(0, v + fEnd));
  const dual = a.reduce((s, w, i) => s + w * f[i], 0) + b.reduce((s, w, j) => s + w * g[j], 0) + level * mass;
  const error = r.reduce((s, v, i) => s + Math.max(0, v - a[i]), 0) +
    c.reduce((s, v, j) => s + Math.max(0, v - b[j]), 0) +
    Math.abs(moved - mass);
  const scale = (total(a) + total(b)) * (highest + Math.abs(level)), gap = price - dual;
  // Sums of n + m terms of this scale.
  const converged = optimal && Math.abs(gap) <= (n + m + 8) * 2 ** -52 * scale + certificate.violation * mass;
  if (!converged) {
    console.warn(
      `partial stopped after ${iterations} pivots within ${
        gap.toExponential(1)
      } of the optimum: try more maxIterations`,
    );
  }
  return {
    ...{ cost: price, primal: price, dual, gap, mass: moved, f, g, level, epsilon: 0, iterations, converged },
    ...{ marginalError: error, history: [], entries },
  };
}
