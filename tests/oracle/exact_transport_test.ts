import { assert, assertEquals } from "@std/assert";
import { exact } from "../../src/methods/transport/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

/** Difference of two correct f64 solvers, relative to the masses' largest costs: POT's flows are rounded sums. */
const ROUNDING = 1e-13;

onEachDevice("exact transport agrees with POT", async (gpu) => {
  for (const { name, costMatrix, a, b, cost } of load("exact_plans").cases) {
    using C = gpu.tensor(costMatrix);
    using result = await exact(C, { a, b });
    assert(result.converged, name);
    const largest = Math.max(...costMatrix.flat().map(Math.abs));
    assert(Math.abs(result.cost - cost) <= ROUNDING * largest, `${name}: got ${result.cost}, POT ${cost}`);
    assert(Math.abs(result.gap) <= result.certificate.rounding, `${name}: gap ${result.gap}`);
    assertEquals(result.plan.shape, [costMatrix.length, costMatrix[0].length]);
  }
});

for (
  const file of ["sinkhorn_sqeuclidean", "sinkhorn_euclidean", "sinkhorn_great_circle", "sinkhorn_degenerate"] as const
) {
  onEachDevice(`exact transport between points agrees with POT on ${file}`, async (gpu) => {
    const names = { sqeuclidean: "sqeuclidean", euclidean: "euclidean", greatCircle: "greatcircle", matrix: "" };
    for (const { name, metric, x, y, a, b, emd, maxCost } of load(file).cases) {
      using from = gpu.tensor(x!);
      using to = gpu.tensor(y!);
      using result = await exact(from, to, { a, b, cost: names[metric] });
      assert(result.converged, name);
      assert(Math.abs(result.cost - emd) <= ROUNDING * maxCost, `${name}: got ${result.cost}, POT ${emd}`);
    }
  });
}
