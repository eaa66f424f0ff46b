import { stopGradient, type Tensor } from "../../tensor/mod.ts";
import type { Cost, PreparedCost } from "./cost.ts";
import { certify, certifyInTurns, type ExactCertificate, type ExactProblem, treePlan } from "./exact_certificate.ts";
import { firstBasis } from "./first_basis.ts";
import { pointGeometry } from "./geometry.ts";
import { densePricing, networkSimplex, type SimplexSettings } from "./network_simplex.ts";
import { sinkhorn } from "./sinkhorn.ts";
import { streamedSimplex } from "./streamed_simplex.ts";
import { wholeWeights } from "./whole_weights.ts";

/** What was found. */
export interface Solved {
  readonly certificate: ExactCertificate;
  readonly iterations: number;
  /** Whether no arc improves the plan. */
  readonly optimal: boolean;
}

/** The weights of those that take part, as whole numbers. */
function wholeOf({ a, b, rows, columns }: ExactProblem) {
  return wholeWeights(Float64Array.from(rows, (i) => a[i]), Float64Array.from(columns, (j) => b[j]));
}

/** Solves a problem whose costs are stored: the part of it that has weight. */
export async function solveStored(problem: ExactProblem, settings: SimplexSettings): Promise<Solved> {
  const { cost, rows, columns } = problem, { n, m } = cost;
  let part = cost.C!;
  if (rows.length < n || columns.length < m) {
    part = new Float64Array(rows.length * columns.length);
    let k = 0;
    for (const i of rows) for (const j of columns) part[k++] = cost.at(i, j);
  }
  const { a, b, unit } = wholeOf(problem), tree = firstBasis(part, a, b);
  const { iterations, optimal } = await networkSimplex(tree, densePricing(tree, part), settings);
  return { certificate: certify(tree, unit, problem), iterations, optimal };
}

/** Solves a problem between points without storing the costs; the first plan follows a regularized one. */
export async function solveStreamed(
  problem: ExactProblem,
  prepared: PreparedCost,
  points: { x: Tensor; y: Tensor; cost: Cost | undefined },
  settings: SimplexSettings,
): Promise<Solved> {
  const whole = wholeOf(problem), known = await roughPotentials(problem, prepared, points, settings.signal);
  const { tree, iterations, optimal } = await streamedSimplex(problem, prepared, whole, known, settings);
  const certificate = await certifyInTurns(treePlan(tree, whole.unit, problem), problem, settings.signal);
  return { certificate, iterations, optimal };
}

/** Potentials of a regularized plan whose marginals are roughly right. */
async function roughPotentials(
  { a, b }: ExactProblem,
  prepared: PreparedCost,
  { x, y, cost }: { x: Tensor; y: Tensor; cost: Cost | undefined },
  signal: AbortSignal | undefined,
): Promise<{ f: Float64Array; g: Float64Array }> {
  const still = stopGradient({ x, y });
  using sizes = pointGeometry(prepared).maxCost(true);
  try {
    // Of either sign: a part of the largest cost would be none where all are negative.
    let largest = 0;
    for (const size of await sizes.data()) largest = Math.max(largest, size);
    // So rough that it is reached within some tens of iterations.
    const options = {
      a,
      b,
      epsilon: largest > 0 && largest < Infinity ? 0.001 * largest : 1,
      epsilonScale: "absolute" as const,
      tolerance: 0.1,
      maxIterations: 2000,
      signal,
      ...(cost === undefined ? {} : { cost }),
      // Here nothing is to be stored for each pair.
      form: "streaming" as const,
    };
    using result = await sinkhorn(still.x, still.y, options);
    const [f, g] = await Promise.all(result.potentials.map((t) => t.data()));
    return { f: Float64Array.from(f), g: Float64Array.from(g) };
  } finally {
    still.x.dispose();
    still.y.dispose();
  }
}
