import { assert, assertEquals } from "@std/assert";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

const FILES = ["sinkhorn_sqeuclidean", "sinkhorn_euclidean", "sinkhorn_great_circle", "sinkhorn_matrix", "sinkhorn_degenerate"] as const;
const COSTS = { sqeuclidean: "sqeuclidean", euclidean: "euclidean", greatCircle: "greatcircle", matrix: undefined } as const;

for (const file of FILES) {
  onEachDevice(`sinkhorn agrees with POT on ${file}`, async (gpu) => {
    // deno-lint-ignore no-explicit-any
    for (const problem of load(file).cases as any[]) {
      for (const solution of problem.solutions) await compareWith(gpu, problem, solution);
    }
  });
}

// deno-lint-ignore no-explicit-any
async function compareWith(gpu: Gpu, problem: any, solution: any): Promise<void> {
  await gpu.scope(async () => {
    const options = { a: problem.a, b: problem.b, epsilon: solution.epsilon, epsilonScale: "absolute" as const, tolerance: 1e-6 };
    const x = problem.x && gpu.tensor(problem.x), y = problem.y && gpu.tensor(problem.y);
    using result = problem.metric === "matrix"
      ? await sinkhorn(gpu.tensor(problem.costMatrix), options)
      : await sinkhorn(x, y, { ...options, cost: COSTS[problem.metric as keyof typeof COSTS]! });
    const where = `${problem.name}, epsilon ${solution.epsilon}`;
    assert(result.converged, `${where}: marginal error ${result.marginalError} after ${result.iterations}`);
    console.log(where, result.iterations, (result.cost-solution.cost)/solution.cost, (result.dual-solution.dual)/solution.dual);
    near(result.cost, solution.cost, 1e-4, `${where}: cost`);
    near(result.dual, solution.dual, 1e-4, `${where}: dual`);
    void assertEquals; void (0 as unknown as Tensor);
  });
}

function near(actual: number, expected: number, relative: number, what: string): void {
  assert(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what}: got ${actual}, expected ${expected}`);
}
