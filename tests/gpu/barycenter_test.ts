import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { barycenter } from "../../src/methods/transport/mod.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { type BarycenterCase, load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const flat = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

function solve(gpu: Gpu, problem: BarycenterCase) {
  const all = gpu.tensor(problem.distributions);
  const { weights, epsilon, grid } = problem;
  const options = { weights, epsilon, epsilonScale: "absolute" as const, tolerance: 5e-6 };
  if (grid) return barycenter(all.reshape([all.shape[0], ...grid]), options);
  if (problem.costMatrix) return barycenter(all, { ...options, costMatrix: gpu.tensor(problem.costMatrix) });
  const support = problem.support && gpu.tensor(problem.support);
  return barycenter(all, { ...options, points: gpu.tensor(problem.points!), ...(support ? { support } : {}) });
}

onEachDevice("barycenters agree with POT, and their certificates with what is measured", async (gpu) => {
  for (const problem of load("barycenters").cases) {
    // The most iterations: once is enough.
    if (gpu.info.backend !== "cpu" && /sharper/.test(problem.name)) continue;
    await gpu.scope(async () => {
      using result = await solve(gpu, problem);
      assert(result.converged, `${problem.name}: ${result.marginalError} after ${result.iterations}`);
      assertEquals(result.barycenter.shape, problem.grid ?? [problem.barycenter.length]);
      const b = await flat(result.barycenter);
      const off = b.reduce((s, v, j) => s + Math.abs(v - problem.barycenter[j]), 0);
      assert(off < 2e-4, `${problem.name}: the barycenters differ by ${off} in L1`);
      assertAlmostEquals(result.primal, result.dual, 2e-5 * Math.max(1, Math.abs(result.dual)));
      for (const [k, plan] of result.plans.entries()) {
        const P = await plan.toDense().array() as number[][];
        const rows = P.map((row) => row.reduce((s, x) => s + x, 0));
        const wrong = problem.distributions[k].reduce((s, a, i) => s + Math.abs(a - rows[i]), 0);
        assert(
          wrong < 1e-5 && wrong <= result.marginalError + 4e-6,
          `${problem.name}: rows of plan ${k} miss by ${wrong}`,
        );
        b.forEach((want, j) => assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), want, 2e-6 + 1e-4 * want));
      }
    });
  }
});

onEachDevice("one distribution: the barycenter blurs it, less and less", async (gpu) => {
  const a = gpu.tensor([[0, 0, 0.25, 0.5, 0, 0, 0.25, 0]]), blur: number[] = [];
  for (const epsilon of [0.02, 0.005]) {
    using result = await barycenter(a, { epsilon });
    const b = await flat(result.barycenter), [want] = await a.array() as number[][];
    blur.push(b.reduce((s, v, j) => s + Math.abs(v - want[j]), 0));
  }
  assert(blur[1] < blur[0] && blur[1] < 0.1, `${blur}`);
});

onEachDevice("two far bumps: the mean moves along the segment with the weights, on any spacing", async (gpu) => {
  const bump = (at: number) => Array.from({ length: 33 }, (_, i) => Math.exp(-((i - at) ** 2) / 4));
  const scaled = [bump(8), bump(24)].map((v) => v.map((x) => 3 * x / v.reduce((s, y) => s + y, 0)));
  for (const share of [0.25, 0.5]) {
    using result = await barycenter(gpu.tensor(scaled), { weights: [share, 1 - share], epsilon: 0.002, spacing: 0.1 });
    const b = await flat(result.barycenter), total = b.reduce((s, x) => s + x, 0);
    assertAlmostEquals(total, 3, 1e-4);
    assertAlmostEquals(b.reduce((s, x, i) => s + x * i, 0) / total, 8 * share + 24 * (1 - share), 1e-3);
  }
});

onEachDevice("plans on a grid multiply vectors of any sign as the stored matrix does", async (gpu) => {
  const a = gpu.random.uniform([2, 3, 5], { seed: 1 }), whole = a.reshape([2, 15]);
  using result = await barycenter(whole.div(whole.sum(1, { keepDims: true })).reshape([2, 3, 5]), { epsilon: 0.1 });
  const v = gpu.random.normal([15, 2], { seed: 2 });
  for (const plan of [result.plans[0], result.plans[1].T]) {
    const P = await plan.toDense().array() as number[][], V = await v.array() as number[][];
    const got = await plan.apply(v).array() as number[][];
    got.forEach((row, i) =>
      row.forEach((x, c) => assertAlmostEquals(x, P[i].reduce((s, p, j) => s + p * V[j][c], 0), 1e-6))
    );
  }
});

onEachDevice("barycenters free what they made, and say when they stopped early", async (gpu) => {
  const x = gpu.random.normal([6, 2], { seed: 1 }), C = gpu.random.uniform([6, 6], { seed: 2 });
  const a = gpu.full([2, 6], 1 / 6), grid = gpu.full([2, 2, 3], 1 / 6);
  await Promise.all([x, C, a, grid].map((t) => t.data()));
  const before = gpu.device.ledger.count;
  const ways = [
    () => barycenter(a, { points: x, cost: "euclidean" }),
    () => barycenter(a, { costMatrix: C }),
    () => barycenter(grid),
  ];
  for (const way of ways) {
    (await way()).dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
  const { result, warnings } = await withWarnings(() =>
    barycenter(a, { costMatrix: C, epsilon: 1e-3, maxIterations: 3, tolerance: 1e-9 })
  );
  assert(!result.converged && warnings.length === 1 && /not converged/.test(Deno.inspect(result)));
  result.dispose();
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  await assertRejects(
    () => barycenter(a, { costMatrix: C, signal: controller.signal, onProgress }),
    Error,
    "enough",
  );
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("bad input of barycenters is refused by name", async (gpu) => {
  const a = gpu.full([2, 4], 0.25), points = gpu.ones([4, 2]), C = gpu.ones([4, 4]);
  await assertRejects(() => barycenter(gpu.ones([4])), TypeError, "distributions");
  await assertRejects(() => barycenter(a, { points: gpu.ones([3, 2]) }), TypeError, "n = 3");
  await assertRejects(() => barycenter(a, { costMatrix: C, points }), TypeError, "costMatrix");
  await assertRejects(() => barycenter(a, { cost: "euclidean" }), TypeError, "points");
  await assertRejects(() => barycenter(a, { points, spacing: 2 }), TypeError, "spacing");
  await assertRejects(() => barycenter(a, { spacing: [1, 1] }), TypeError, "spacing");
  await assertRejects(() => barycenter(a, { weights: [1] }), TypeError, "weights");
  await assertRejects(() => barycenter(a, { weights: [1, -1] }), RangeError, "weights");
  await assertRejects(() => barycenter(a, { epsilon: 0 }), RangeError, "epsilon");
  await assertRejects(() => barycenter(gpu.tensor([[1, 0], [0.5, 0]])), RangeError, "same sum");
  await assertRejects(() => barycenter(gpu.tensor([[1, 0], [2, -1]])), RangeError, "distribution 1");
  await assertRejects(() => barycenter(a, { points: gpu.tensor([[1], [NaN], [1], [2]]) }), RangeError, "points");
});
