import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { REFUSED, solve, type TransportMethod, type TransportOptions } from "../../src/methods/transport/mod.ts";
import { chooseMethod } from "../../src/methods/transport/solve.ts";
import type { Gpu } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });
const METHODS: readonly TransportMethod[] = ["exact", "multiscale", "sinkhorn", "newton"];

/** A value of each option that some method takes. */
const VALUES: Omit<Required<TransportOptions>, "method" | "signal"> = {
  cost: "euclidean",
  a: [0.1, 0.2, 0.3, 0.2, 0.2],
  b: [0.25, 0.25, 0.25, 0.25],
  epsilon: 0.1,
  epsilonScale: "relative",
  form: "stored",
  potentials: [[0, 0, 0, 0, 0], [0, 0, 0, 0]],
  epsilonScaling: 0.5,
  maxIterations: 5000,
  tolerance: 1e-5,
  differentiate: "implicit",
  onProgress: () => {},
};

onEachDevice(
  "each method takes every option that it does not refuse by the table, and refuses those by name",
  async (gpu) => {
    const x = points(gpu, 5, 2, 1), y = points(gpu, 4, 2, 2);
    for (const method of METHODS) {
      for (const [option, value] of Object.entries(VALUES)) {
        const refused = REFUSED.find((r) => r.method === method && r.option === option);
        // A form is refused with `differentiate` only where it is unrolled.
        const run = () => solve(x, y, { method, [option]: value });
        if (refused) {
          await assertRejects(run, TypeError, `The method "${method}" takes no "${option}": ${refused.why}`);
        } else {
          using result = await run();
          assert(result.method === method && result.converged, `${method} with ${option}`);
        }
      }
    }
    await assertRejects(() => solve(gpu.zeros([3, 4]), { method: "multiscale" }), TypeError, "takes points");
    await assertRejects(() => solve(x, y, { method: "emd" as "exact" }), TypeError, 'Expected "method" to be "auto"');
    const epsilon = gpu.tensor([0.1, 0.2]);
    await assertRejects(() => solve(x, y, { method: "newton", epsilon }), TypeError, '"epsilon" to be one number');
  },
);

onEachDevice("all methods give one shape of result that holds together, and entropy vanishes with ε", async (gpu) => {
  const x = points(gpu, 20, 2, 3), y = points(gpu, 24, 2, 4);
  const { cost: best } = await solve(x, y);
  for (const method of METHODS) {
    const free = method === "exact" || method === "multiscale", options = free ? {} : { epsilon: 1e-3 };
    await Promise.all([x.data(), y.data()]);
    const result = await solve(x, y, { method, ...options });
    assert(result.converged, method);
    assertEquals(result.gap, result.primal - result.dual);
    assertAlmostEquals(result.gap, 0, 1e-5);
    assertAlmostEquals(result.cost, best, 0.01 * best + 1e-6);
    assert(result.cost >= best * (1 - 1e-4), `${method}: ${result.cost} < ${best}`);
    assertEquals(result.plan.shape, [20, 24]);
    assertEquals(result.potentials.map((t) => t.shape), [[20], [24]]);
    assertEquals([result.epsilon === 0, result.history.length === 0], [free, free]);
    const P: number[][] = await result.plan.toDense().array();
    const off = P.reduce((s, row) => s + Math.abs(row.reduce((t, p) => t + p, 0) - 1 / 20), 0);
    assertAlmostEquals(off, 0, 2e-5);
    assertAlmostEquals(await result.value.item(), free ? result.cost : result.dual, 1e-5);
    result.dispose();
  }
});

onEachDevice("auto chooses by what is asked and by size; nothing is left behind", async (gpu) => {
  const x = points(gpu, 30, 2, 5), y = points(gpu, 30, 2, 6), choose = (o: TransportOptions) => chooseMethod(x, y, o);
  assertEquals(choose({}), "exact");
  assertEquals(choose({ cost: "euclidean", maxIterations: 10 }), "exact");
  assertEquals(choose({ epsilon: 0.1 }), "sinkhorn");
  assertEquals(choose({ form: "stored" }), "sinkhorn");
  assertEquals(choose({ epsilon: 0.1, tolerance: 1e-9 }), "newton");
  assertEquals(choose({ epsilon: 0.1, tolerance: 1e-9, form: "stored" }), "sinkhorn");
  using epsilon = gpu.tensor([0.1]);
  assertEquals(choose({ epsilon, tolerance: 1e-9 }), "newton");
  using many = gpu.zeros([5000, 1]);
  assertEquals(chooseMethod(many, many, {}), "multiscale");
  assertEquals(chooseMethod(many, many, { cost: "euclidean", tolerance: 1e-4 }), "sinkhorn");
  using more = gpu.zeros([20_000, 1]);
  assertEquals(chooseMethod(more, more, {}), "sinkhorn");
  using matrix = gpu.zeros([5000, 5000]);
  assertEquals(chooseMethod(matrix, undefined, {}), "sinkhorn");
  assertEquals(chooseMethod(many, many, { epsilon: 0.1, tolerance: 1e-9 }), "sinkhorn");
  const C = gpu.random.uniform([6, 8], { seed: 7 });
  await C.data();
  const before = gpu.device.ledger.count;
  for (const options of [{}, { epsilon: 0.1 }, { epsilon: 0.1, tolerance: 5e-7 }]) {
    (await solve(C, options)).dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
});
