import { assert, assertEquals } from "@std/assert";
import { assignment, exact, multiscale } from "../../src/methods/transport/mod.ts";
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
      using byLevels = await multiscale(from, to, { a, b, cost: names[metric], coarsest: 4, tolerance: 1e-12 });
      for (const { converged, cost } of [result, byLevels]) {
        assert(converged, name);
        assert(Math.abs(cost - emd) <= ROUNDING * maxCost, `${name}: got ${cost}, POT ${emd}`);
      }
    }
  });
}

onEachDevice("assignments agree with SciPy", async (gpu) => {
  for (const { name, costMatrix, cost } of load("assignments").cases) {
    using C = gpu.tensor(costMatrix);
    using negative = C.neg();
    const n = costMatrix.length, m = costMatrix[0].length, largest = Math.max(...costMatrix.flat().map(Math.abs));
    for (const [matrix, maximize] of [[C, false], [negative, true]] as const) {
      const result = await assignment(matrix, { maximize }), what = `${name}, maximize: ${maximize}`;
      const sign = maximize ? -1 : 1;
      assert(result.converged, what);
      assert(
        Math.abs(sign * result.cost - cost) <= ROUNDING * largest * n,
        `${what}: got ${result.cost}, SciPy ${cost}`,
      );
      // One to one, as many as there can be, and the costs are theirs.
      const taken = [...result.columns].filter((j) => j >= 0);
      assertEquals([taken.length, new Set(taken).size], [Math.min(n, m), Math.min(n, m)], what);
      const sum = result.columns.reduce((s, j, i) => j < 0 ? s : s + costMatrix[i][j], 0);
      assert(Math.abs(sum - cost) <= ROUNDING * largest * n, what);
      assert(result.gap <= ROUNDING * largest * (n + m), `${what}: gap ${result.gap}`);
    }
  }
});
