import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { LowRankGromovResult, lowRankGromovWasserstein } from "../../src/methods/transport/mod.ts";
import { lowRank, pairwise } from "../../src/operators/mod.ts";
import { open, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { load } from "../oracle/fixtures.ts";
import { assertGradients, draw, type Given } from "./central_differences.ts";
import { onEachDevice } from "./devices.ts";
import { distortionOf, squaredWithin, turned } from "./gromov_spaces.ts";
import { withWarnings } from "./quiet.ts";

const read = async (t: Tensor): Promise<number[][]> => await t.array() as number[][];
const CLOUD = [[0, 0], [1, 0.2], [3, 0.5], [0, 4], [2, 2.5], [-1, 1]];

onEachDevice("rank 1 is the product of the weights, with the distortion that four loops give", async (gpu) => {
  const x = gpu.random.normal([7, 2], { seed: 1 }).add(90), y = gpu.random.normal([5, 3], { seed: 2 });
  const a = [1, 2, 3, 4, 5, 0, 6].map((k) => k / 10), b = [0.1, 0.9, 0.4, 0.4, 0.3];
  using result = await lowRankGromovWasserstein(x, y, { cost: "sqeuclidean", rank: 1, a, b, starts: 1 });
  const P = await read(result.plan.toDense());
  P.forEach((row, i) => row.forEach((p, j) => assertAlmostEquals(p, a[i] * b[j] / 2.1, 1e-5)));
  const want = distortionOf(squaredWithin(await read(x)), squaredWithin(await read(y)), P);
  assertAlmostEquals(result.cost, want, 1e-4 * want);
  assertAlmostEquals(await result.value.item(), want, 1e-4 * want);
  assert(result.converged && result.marginalError < 5e-5);
});

onEachDevice("plans of POT's problem: feasible, descending, no better than it and nearly as good", async (gpu) => {
  const problem = load("gromov_points").cases[1], { x, y, least } = problem;
  using result = await lowRankGromovWasserstein(gpu.tensor(x), gpu.tensor(y), {
    ...{ cost: "sqeuclidean", rank: 7, starts: 5, step: 200, seed: 3, tolerance: 1e-4 },
  });
  assert(result.converged && result.marginalError < 5e-5, `marginal error ${result.marginalError}`);
  const P = await read(result.plan.toDense()), want = distortionOf(squaredWithin(x), squaredWithin(y), P);
  assertAlmostEquals(result.cost, want, 2e-4 * want);
  assert(result.cost > least * (1 - 1e-3) && result.cost < 1.25 * least, `${result.cost}, POT's ${least}`);
  const { history, starts } = result;
  assertEquals(starts.length, 5);
  assertAlmostEquals(result.objective, result.cost, 1e-5 * result.scale);
  assertAlmostEquals(Math.min(...starts), result.cost, 2e-4 * result.scale);
  history.slice(1).forEach(({ objective }, k) => assert(objective <= history[k].objective + 1e-5 * result.scale));
});

onEachDevice("with full rank a turned, renumbered copy is matched, at hardly any distortion", async (gpu) => {
  const order = [3, 0, 4, 1, 5, 2], y = turned(CLOUD, order);
  using result = await lowRankGromovWasserstein(gpu.tensor(CLOUD), gpu.tensor(y), {
    ...{ cost: "sqeuclidean", rank: 6, starts: 3, step: 100, seed: 1 },
  });
  assert(result.cost >= 0 && result.cost < 0.01 * result.scale, `distortion ${result.cost} of ${result.scale}`);
  using P = result.plan.toDense();
  const to = await P.argmax(1).array() as number[];
  assertEquals(to.map((j) => order[j]), [0, 1, 2, 3, 4, 5]);
});

onEachDevice("points, their matrix, a formula and operators give one solution; copies give that again", async (gpu) => {
  const x = gpu.random.normal([8, 2], { seed: 6 }), y = gpu.random.normal([9, 2], { seed: 7 });
  const options = { rank: 2, epsilon: 0.5, starts: 1, maxIterations: 6 }, one = "sqdist(x[i], y[j])";
  const [C, D] = [x, y].map((z) => pairwise("sqdist(z[i], z[j])", { z }));
  const spans = [x, y].map((z) => {
    const norms = z.mul(z).sum(1, { keepDims: true }), ones = norms.mul(0).add(1);
    return lowRank(gpu.concatenate([norms, ones, z.mul(-2)], 1), gpu.concatenate([ones, norms, z], 1));
  });
  const moved = gpu.tensor(turned(await read(x), [0, 1, 2, 3, 4, 5, 6, 7]));
  const solve = async (p: Parameters<typeof lowRankGromovWasserstein>[0], q: typeof p, more: object) => {
    const { result } = await withWarnings(() => lowRankGromovWasserstein(p, q, { ...options, ...more }));
    const { cost, objective } = result;
    result.dispose();
    return { cost, objective };
  };
  const want = await solve(x, y, { cost: "sqeuclidean" });
  for (
    const found of [
      await solve(x, y, { cost: one }),
      await solve(C.toDense(), D.toDense(), {}),
      await solve(C, D, {}),
      await solve(spans[0], spans[1], {}),
      await solve(moved, y, { cost: "sqeuclidean" }),
    ]
  ) {
    assertAlmostEquals(found.cost, want.cost, 2e-3 * want.cost);
    assertAlmostEquals(found.objective, want.objective, 2e-3 * want.cost);
  }
});

onEachDevice("fused with features: α = 1 is transport of the features, and between both counts", async (gpu) => {
  const x = gpu.random.normal([7, 2], { seed: 1 }), y = gpu.random.normal([6, 2], { seed: 2 });
  const u = gpu.random.normal([7, 1], { seed: 3 }), v = gpu.random.normal([6, 1], { seed: 4 });
  const M = pairwise("sqdist(u[i], v[j])", { u, v }), m = await read(M.toDense());
  const options = { cost: "sqeuclidean", rank: 3, starts: 1, tolerance: 1e-3, maxIterations: 20 };
  for (const [alpha, features] of [[1, M], [0.3, [u, v]], [0.3, M.toDense()]] as const) {
    const { result } = await withWarnings(() => lowRankGromovWasserstein(x, y, { ...options, alpha, features }));
    const P = await read(result.plan.toDense());
    const linear = P.reduce((s, row, i) => s + row.reduce((t, p, j) => t + p * m[i][j], 0), 0);
    const quadratic = distortionOf(squaredWithin(await read(x)), squaredWithin(await read(y)), P);
    const want = alpha * linear + (1 - alpha) * quadratic;
    assertAlmostEquals(result.cost, want, 2e-4 * (1 + want));
    result.dispose();
  }
});

onEachDevice(
  "costs are factored if asked, with the error told, and the distortion is that of the costs",
  async (gpu) => {
    const x = gpu.random.normal([12, 2], { seed: 1 }), y = gpu.random.normal([11, 2], { seed: 2 });
    const options = { rank: 2, starts: 1, maxIterations: 3, costRank: 4, seed: 3 };
    for (const [cost, low, high] of [["sqdist(x[i], y[j])", 0, 1e-4], ["euclidean", 1e-3, 0.5]] as const) {
      const { result } = await withWarnings(() => lowRankGromovWasserstein(x, y, { ...options, cost }));
      for (const off of result.costErrors) assert(off >= low && off < high, `${cost}: error ${off}`);
      const within = (p: number[][]) => squaredWithin(p).map((row) => row.map((c) => low === 0 ? c : Math.sqrt(c)));
      const P = await read(result.plan.toDense()), want = distortionOf(within(await read(x)), within(await read(y)), P);
      assertAlmostEquals(result.cost, want, 1e-3 * want);
      assert(/costs factored/.test(Deno.inspect(result)) === (Math.max(...result.costErrors) > 0));
      result.dispose();
    }
  },
);

Deno.test("gradients of the value by points, features, weights and ε at a stationary plan", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(31);
  const groups = (n: number) => ({
    data: Float64Array.from({ length: 2 * n }, (_, k) => ((k >> 1) % 2) * (1 + k % 2) + 0.3 * random()),
    shape: [n, 2],
  });
  const given: Given = {
    ...{ x: groups(4), y: groups(5), u: draw(random, [4, 1]), v: draw(random, [5, 1]) },
    ...{ a: draw(random, [4], true), b: draw(random, [5], true), epsilon: { data: Float64Array.of(0.5), shape: [] } },
  };
  const near = { rank: 2, starts: 1, step: 10, tolerance: 1e-8, marginalTolerance: 1e-7, alpha: 0.3 };
  const loss = async ({ x, y, u, v, ...more }: Record<string, Tensor>) =>
    (await lowRankGromovWasserstein(x, y, { ...near, ...more, cost: "sqeuclidean", features: [u, v] })).value;
  // As near as the factors are stationary: the root of 1e-8, of numbers about 10.
  const options = { held: ["a", "b"], h: 2 ** -7, tolerance: 2e-3 };
  await assertGradients(gpu, "points", loss, given, { ...options, together: true });
  const weights = async ({ a, b }: Record<string, Tensor>) => {
    const [x, y] = [given.x, given.y].map(({ data, shape }) => gpu.tensor(data.slice(), { shape, dtype: "f64" }));
    return (await lowRankGromovWasserstein(x.matmul(x.T), y.matmul(y.T), { ...near, epsilon: 0.5, a, b })).value;
  };
  await assertGradients(gpu, "weights, matrices", weights, { a: given.a, b: given.b }, { ...options, together: true });
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("it frees what it made, also when aborted, and refuses bad input by name", async (gpu) => {
  const x = gpu.random.normal([6, 2], { seed: 1 }), y = gpu.random.normal([5, 3], { seed: 2 });
  await Promise.all([x.data(), y.data()]);
  const before = gpu.device.ledger.count, low = lowRankGromovWasserstein;
  for (const options of [{ cost: "sqeuclidean" }, { cost: "euclidean", costRank: 2 }]) {
    const { result, warnings } = await withWarnings(() => low(x, y, { ...options, rank: 2, maxIterations: 2 }));
    assert(result instanceof LowRankGromovResult && !result.converged && warnings.length === 1);
    assert(/distortion/.test(Deno.inspect(result)) && /not converged/.test(Deno.inspect(result)));
    result.dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
  const controller = new AbortController(), onProgress = () => controller.abort(new Error("enough"));
  const stopped = { cost: "sqeuclidean", onProgress, signal: controller.signal };
  await assertRejects(() => low(x, y, stopped), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
  const points = { cost: "sqeuclidean" };
  await assertRejects(() => low(x, y), TypeError, '"x"');
  await assertRejects(() => low(lowRank(x), lowRank(y), points), TypeError, '"x"');
  await assertRejects(() => low(x, y, { ...points, rank: 6 }), RangeError, "rank");
  await assertRejects(() => low(x, y, { ...points, costRank: 0 }), RangeError, "costRank");
  await assertRejects(() => low(x, y, { ...points, alpha: 2, features: gpu.ones([6, 5]) }), RangeError, "alpha");
  await assertRejects(() => low(x, y, { ...points, features: gpu.ones([5, 5]) }), TypeError, "features");
  await assertRejects(() => low(x, y, { ...points, a: [1, 1] }), TypeError, '"a"');
  await assertRejects(() => low(gpu.tensor([[0, 1], [2, 0]]), gpu.zeros([2, 2])), RangeError, "symmetric");
  await assertRejects(() => low(gpu.tensor([[Infinity]]), gpu.zeros([1, 1])), RangeError, "finite");
});
