import { assert } from "@std/assert";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import type { Gpu } from "../../src/tensor/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load, type SinkhornCase, type SinkhornSolution } from "./fixtures.ts";

const FILES = [
  "sinkhorn_sqeuclidean",
  "sinkhorn_euclidean",
  "sinkhorn_great_circle",
  "sinkhorn_matrix",
  "sinkhorn_degenerate",
] as const;
const COSTS = { sqeuclidean: "sqeuclidean", euclidean: "euclidean", greatCircle: "greatcircle" } as const;

/** What is asked of the agreement with POT: relative to the value for costs, to the largest cost for potentials. */
const RELATIVE = 1e-4;

const MOST_ITERATIONS = 10_000;

for (const file of FILES) {
  onEachDevice(`sinkhorn agrees with POT on ${file}`, async (gpu) => {
    for (const problem of load(file).cases) {
      for (const solution of problem.solutions) {
        await gpu.scope(() => compareWith(gpu, problem, solution));
      }
    }
  });
}

async function compareWith(gpu: Gpu, problem: SinkhornCase, solution: SinkhornSolution): Promise<void> {
  const options = {
    a: problem.a,
    b: problem.b,
    epsilon: solution.epsilon,
    epsilonScale: "absolute" as const,
    tolerance: 1e-6,
    maxIterations: MOST_ITERATIONS,
  };
  using result = problem.metric === "matrix"
    ? await sinkhorn(gpu.tensor(problem.costMatrix!), options)
    : await sinkhorn(gpu.tensor(problem.x!), gpu.tensor(problem.y!), { ...options, cost: COSTS[problem.metric] });
  const where = `${problem.name}, ε = ${solution.epsilon}`;
  // One problem (an assignment at the smallest ε) converges like 1/iterations; its values are right long before.
  const reached = result.converged ? 1e-6 : 1e-4;
  assert(
    result.marginalError <= reached && result.converged === (result.iterations < MOST_ITERATIONS),
    `${where}: marginal error ${result.marginalError} after ${result.iterations} iterations`,
  );
  near(result.cost, solution.cost, RELATIVE * Math.abs(solution.cost), `${where}: cost`);
  near(result.dual, solution.dual, RELATIVE * Math.abs(solution.dual), `${where}: dual`);
  near(result.primal, result.dual, RELATIVE * Math.abs(solution.dual), `${where}: duality gap`);

  const [f, g] = await Promise.all(result.potentials.map((t) => t.data()));
  // Potentials are determined up to one constant, which the largest weight fixes here.
  const pivot = problem.a.indexOf(Math.max(...problem.a)), shift = f[pivot] - solution.f[pivot]!;
  const compareAll = (ours: ArrayLike<number>, theirs: readonly (number | null)[], sign: number, name: string) =>
    theirs.forEach((want, k) => {
      if (want === null) {
        assert(ours[k] === -Infinity, `${where}: ${name}[${k}] of a point without weight is ${ours[k]}`);
      } else if (solution.fraction >= 0.01 && result.iterations < 1000) {
        near(ours[k] - sign * shift, want, RELATIVE * problem.maxCost, `${where}: ${name}[${k}]`);
      }
    });
  // Where the plan nearly falls into blocks (small ε, slow convergence) their constants float: there the plan is compared.
  compareAll(f, solution.f, 1, "f");
  compareAll(g, solution.g, -1, "g");

  const plan = await result.plan.toDense().data(), n = problem.a.length, m = problem.b.length;
  const C = problem.costMatrix?.flat() ?? costsOf(problem);
  let difference = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const fi = solution.f[i], gj = solution.g[j];
      const want = fi === null || gj === null ? 0 : Math.exp((fi + gj - C[i * m + j]) / solution.epsilon);
      difference += Math.abs(plan[i * m + j] - want);
    }
  }
  assert(difference < 2e-3, `${where}: the plans differ by ${difference} in L1`);
}

/** Costs in f64, written out anew. */
function costsOf({ x, y, metric }: SinkhornCase): number[] {
  const radians = Math.PI / 180;
  return x!.flatMap((p) =>
    y!.map((q) => {
      if (metric !== "greatCircle") {
        const s = p.reduce((sum, v, k) => sum + (v - q[k]) ** 2, 0);
        return metric === "euclidean" ? Math.sqrt(s) : s;
      }
      const [a, b] = [p, q].map(([lon, lat]) => ({ lon: lon * radians, lat: lat * radians }));
      const h = Math.sin((a.lat - b.lat) / 2) ** 2 +
        Math.cos(a.lat) * Math.cos(b.lat) * Math.sin((a.lon - b.lon) / 2) ** 2;
      return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
    })
  );
}

function near(actual: number, expected: number, bound: number, what: string): void {
  assert(Math.abs(actual - expected) <= bound, `${what}: got ${actual}, expected ${expected} ± ${bound}`);
}
