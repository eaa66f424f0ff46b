import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { gromovWasserstein } from "../../src/methods/transport/mod.ts";
import { open, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { load } from "../oracle/fixtures.ts";
import { assertGradients, draw, type Given } from "./central_differences.ts";
import { onEachDevice } from "./devices.ts";
import { distortionOf, squaredWithin, turned } from "./gromov_spaces.ts";
import { withWarnings } from "./quiet.ts";

const CLOUD = [[0, 0], [1, 0.2], [3, 0.5], [0, 4], [2, 2.5], [-1, 1]];

onEachDevice("plans of points agree with POT's of their squared distances, in either order", async (gpu) => {
  const problem = load("gromov_points").cases[0], { p, q, epsilon } = problem;
  // Webgpu takes the second, which streams.
  for (const swap of gpu.info.backend === "cpu" ? [false, true] : [true]) {
    const [x, y] = swap ? [problem.y, problem.x] : [problem.x, problem.y], [a, b] = swap ? [q, p] : [p, q];
    using result = await gromovWasserstein(gpu.tensor(x), gpu.tensor(y), {
      ...{ cost: "sqeuclidean", a, b, epsilon, tolerance: 1e-4, marginalTolerance: 5e-6 },
      form: swap ? "streaming" : "auto",
    });
    assert(result.converged, `change ${result.change} after ${result.iterations}`);
    const P = await result.plan.toDense().array() as number[][];
    const at = (i: number, j: number) => swap ? problem.plan[j][i] : problem.plan[i][j];
    const off = P.reduce((s, row, i) => s + row.reduce((t, v, j) => t + Math.abs(v - at(i, j)), 0), 0);
    assert(off < 5e-3, `the plans differ by ${off} in L1`);
    const want = distortionOf(squaredWithin(x), squaredWithin(y), P);
    assertAlmostEquals(result.cost, want, 2e-4 * want);
    assertAlmostEquals(result.cost, problem.distance, 2e-3 * want);
  }
});

onEachDevice(
  "streamed points, far from the origin, give what stored distances give; with features, too",
  async (gpu) => {
    const x = gpu.random.normal([7, 2], { seed: 1 }).add(300), y = gpu.random.normal([6, 3], { seed: 2 }).sub(200);
    const u = gpu.random.normal([7, 2], { seed: 3 }), v = gpu.random.normal([6, 2], { seed: 4 });
    const a = [0.5, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4];
    for (const features of [undefined, [u, v] as const]) {
      const options = { a, features, alpha: 0.3, maxIterations: 3, tolerance: 1e-12 };
      const { result: [streamed, stored] } = await withWarnings(async () => [
        await gromovWasserstein(x, y, { ...options, cost: "sqeuclidean" }),
        await gromovWasserstein(x, y, { ...options, cost: "sqdist(x[i], y[j])" }),
      ]);
      assertAlmostEquals(streamed.epsilon, stored.epsilon, 1e-4 * stored.epsilon);
      assertAlmostEquals(streamed.cost, stored.cost, 1e-4 * stored.cost);
      assertAlmostEquals(streamed.objective, stored.objective, 1e-4 * Math.abs(stored.objective));
      assertAlmostEquals(streamed.transport.cost, stored.transport.cost, 1e-4 * stored.transport.cost);
      assertEquals(streamed.history.length, stored.history.length);
      using apart = streamed.plan.toDense().sub(stored.plan.toDense()).abs().sum();
      assert(await apart.item() < 1e-3);
      streamed.dispose();
      stored.dispose();
    }
  },
);

onEachDevice("a turned, renumbered copy is matched point by point, and the objective never rises", async (gpu) => {
  const order = [3, 0, 4, 1, 5, 2], y = turned(CLOUD, order);
  using result = await gromovWasserstein(gpu.tensor(CLOUD), gpu.tensor(y), {
    ...{ cost: "sqeuclidean", epsilon: 2, starts: 3 },
  });
  assert(result.converged && result.starts.length === 3);
  assertEquals(result.objective, Math.min(...result.starts));
  using P = result.plan.toDense();
  const to = await P.argmax(1).array() as number[];
  assertEquals(to.map((j) => order[j]), [0, 1, 2, 3, 4, 5]);
  const { history } = result;
  history.slice(1).forEach(({ objective }, k) =>
    assert(objective <= history[k].objective + 1e-5 * Math.abs(objective), `it rose to ${objective}`)
  );
});

onEachDevice("nothing of size n×n is made for squared distances of points", async (gpu) => {
  const n = 1500, x = gpu.random.normal([n, 2], { seed: 1 }), y = gpu.random.normal([n, 2], { seed: 2 });
  await Promise.all([x.data(), y.data()]);
  const before = gpu.memory().peak;
  const options = { cost: "sqeuclidean", form: "streaming", maxIterations: 1, marginalTolerance: 0.05 } as const;
  const { result } = await withWarnings(() => gromovWasserstein(x, y, options));
  result.dispose();
  const used = gpu.memory().peak - before;
  assert(used < 4 * n * n / 4, `${used} bytes, one matrix has ${4 * n * n}`);
});

Deno.test("gradients of the value by points, features, weights and ε, streamed and stored", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(32);
  const given: Given = {
    ...{ x: draw(random, [4, 2]), y: draw(random, [3, 1]), u: draw(random, [4, 2]), v: draw(random, [3, 2]) },
    ...{ a: draw(random, [4], true), b: draw(random, [3], true), epsilon: { data: Float64Array.of(0.3), shape: [] } },
  };
  for (const cost of ["sqeuclidean", "sqdist(x[i], y[j])"]) {
    const loss = async ({ x, y, u, v, ...more }: Record<string, Tensor>) =>
      (await gromovWasserstein(x, y, {
        ...{ ...more, cost, features: [u, v], alpha: 0.3, tolerance: 1e-9, marginalTolerance: 1e-11 },
        maxIterations: 2000,
      })).value;
    await assertGradients(gpu, cost, loss, given, { held: ["a", "b"], together: true });
  }
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("it frees what it made of points, also when aborted, and refuses bad points", async (gpu) => {
  const x = gpu.tensor(CLOUD), y = gpu.tensor([0.5, 1, 3, 4]), line = gpu.tensor([0, 1, 3, 7, 8, 9]);
  await Promise.all([x.data(), y.data(), line.data()]);
  const before = gpu.device.ledger.count;
  const options = { cost: "sqeuclidean", maxIterations: 1, starts: 2, tolerance: 1e-12 };
  const { result, warnings } = await withWarnings(() => gromovWasserstein(line, y, options));
  assert(!result.converged && warnings.length === 1);
  assertEquals(result.plan.shape, [6, 4]);
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController(), onProgress = () => controller.abort(new Error("enough"));
  const stopped = { ...options, maxIterations: 9, onProgress, signal: controller.signal };
  await assertRejects(() => gromovWasserstein(x, y, stopped), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
  await assertRejects(() => gromovWasserstein(x, gpu.ones([2, 2, 2]), { cost: "sqeuclidean" }), TypeError, '"y"');
  await assertRejects(() => gromovWasserstein(gpu.tensor([[NaN]]), y, { cost: "sqeuclidean" }), RangeError, "x");
  const features = [gpu.ones([6, 2]), gpu.ones([4, 3])] as const;
  await assertRejects(() => gromovWasserstein(x, y, { cost: "sqeuclidean", features }), TypeError, "features");
  await assertRejects(() => gromovWasserstein(x, y, { cost: "manhatan" }), TypeError, "manhatan");
});
