import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { freeSupportBarycenter } from "../../src/methods/transport/mod.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

onEachDevice(
  "a free support at small ε is as good as POT's exact fixed point, and is its own fixed point",
  async (gpu) => {
    const problem = load("free_barycenters").cases[0];
    const measures = problem.measures.map((y) => gpu.tensor(y));
    using result = await freeSupportBarycenter(measures, gpu.tensor(problem.init), {
      weights: problem.weights,
      epsilon: 2e-3,
    });
    assert(result.converged, `movement ${result.movement} after ${result.iterations}`);
    // Both are stationary points, of slightly different objectives.
    assert(result.cost < 1.03 * problem.objective, `cost ${result.cost}, POT ${problem.objective}`);
    result.history.slice(1).forEach(({ objective }, k) => {
      assert(objective <= result.history[k].objective + 1e-4 * problem.objective);
    });
    // X = Σ λ_k diag(1/b) P_k Y_k, from the dense plans in f64.
    const X = await result.support.array() as number[][], image = X.map((row) => row.map(() => 0));
    for (const [k, t] of result.transports.entries()) {
      const P = await t.plan.toDense().array() as number[][];
      P.forEach((row, i) =>
        row.forEach((p, j) =>
          image[i].forEach((_, c) => image[i][c] += 8 * problem.weights[k] * p * problem.measures[k][j][c])
        )
      );
    }
    const mean = X.reduce((s, row, i) => s + row.reduce((t, x, c) => t + (x - image[i][c]) ** 2, 0), 0) / X.length;
    const scale = Math.sqrt(result.epsilon / 2e-3);
    assertAlmostEquals(Math.sqrt(mean) / scale, result.movement, 2e-5);
  },
);

onEachDevice("two translated clouds: halfway with the weights, masses and all", async (gpu) => {
  const y = [[0, 0], [0, 3], [3, 0]], shift = [4, 1], masses = [0.2, 0.3, 0.5];
  const z = y.map((p) => p.map((v, c) => v + shift[c])), start = y.map((p) => p.map((v) => v + 0.3));
  using result = await freeSupportBarycenter([gpu.tensor(y), gpu.tensor(z)], gpu.tensor(start), {
    masses: [masses, masses],
    b: masses,
    weights: [3, 1],
    epsilon: 2e-3,
    tolerance: 1e-4,
  });
  assert(result.converged);
  const X = await result.support.array() as number[][];
  X.forEach((p, i) => p.forEach((v, c) => assertAlmostEquals(v, y[i][c] + shift[c] / 4, 5e-3)));
  assertAlmostEquals(result.cost, 0.75 * 0.25 * (shift[0] ** 2 + shift[1] ** 2), 2e-2);
});

onEachDevice("free barycenters free what they made, say when they stopped early and refuse bad input", async (gpu) => {
  const y = gpu.random.normal([5, 2], { seed: 1 }), z = gpu.random.uniform([4, 2], { seed: 2 });
  const start = gpu.random.normal([3, 2], { seed: 3 });
  await Promise.all([y, z, start].map((t) => t.data()));
  const before = gpu.device.ledger.count;
  const { result, warnings } = await withWarnings(() =>
    freeSupportBarycenter([y, z], start, { epsilon: 0.1, maxIterations: 1 })
  );
  assert(!result.converged && warnings.length === 1 && /not converged/.test(Deno.inspect(result)));
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  const options = { epsilon: 0.1, tolerance: 1e-9, signal: controller.signal, onProgress };
  await assertRejects(() => freeSupportBarycenter([y, z], start, options), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
  await assertRejects(() => freeSupportBarycenter([], start), TypeError, "measures");
  await assertRejects(() => freeSupportBarycenter([y, gpu.ones([4, 3])], start), TypeError, "measure 1");
  await assertRejects(() => freeSupportBarycenter([y], start, { b: [1, 0, 1] }), RangeError, "positive");
  await assertRejects(() => freeSupportBarycenter([y], start, { epsilon: 0 }), RangeError, "epsilon");
  await assertRejects(() => freeSupportBarycenter([y], start, { weights: [1, 2] }), TypeError, "weights");
  await assertRejects(() => freeSupportBarycenter([y, gpu.tensor([[NaN, 0]])], start), RangeError, "measure 1");
});
