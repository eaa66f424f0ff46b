import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import { type Gpu, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });

onEachDevice("the plan has the weights as marginals, and every way to read it agrees", async (gpu) => {
  const x = points(gpu, 13, 2, 1), y = points(gpu, 17, 2, 2);
  const a = Array.from({ length: 13 }, (_, k) => (k + 1) / 91), b = Array.from({ length: 17 }, () => 1 / 17);
  using result = await sinkhorn(x, y, { a, b, epsilon: 0.05, tolerance: 1e-6 });
  assert(result.converged);
  const P: number[][] = await result.plan.toDense().array();
  P.forEach((row, i) => assertAlmostEquals(row.reduce((s, v) => s + v, 0), a[i], 2e-6));
  b.forEach((want, j) => assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), want, 2e-6));
  const row: number[] = await result.plan.row(4).array();
  row.forEach((v, j) => assertAlmostEquals(v, P[4][j], 1e-7));
  const image: number[][] = await result.plan.apply(y).array(), Y: number[][] = await y.array();
  image.forEach((v, i) =>
    [0, 1].forEach((k) => assertAlmostEquals(v[k], P[i].reduce((s, p, j) => s + p * Y[j][k], 0), 1e-6))
  );
  const back: number[] = await result.plan.applyTransposed(gpu.ones([13])).array();
  back.forEach((v, j) => assertAlmostEquals(v, b[j], 2e-6));
  const [f, g]: number[][] = await Promise.all(result.potentials.map((t) => t.array()));
  const X: number[][] = await x.array();
  const C = (i: number, j: number) => (X[i][0] - Y[j][0]) ** 2 + (X[i][1] - Y[j][1]) ** 2;
  P.forEach((row, i) =>
    row.forEach((p, j) => assertAlmostEquals(p, Math.exp((f[i] + g[j] - C(i, j)) / result.epsilon), 1e-4 * p + 1e-7))
  );
  const cost = P.reduce((s, row, i) => s + row.reduce((t, p, j) => t + p * C(i, j), 0), 0);
  assertAlmostEquals(result.cost, cost, 1e-5 * cost);
  assertAlmostEquals(result.primal, result.dual, 1e-5);
});

onEachDevice("points, their cost matrix and their cost as a formula give one solution", async (gpu) => {
  const x = points(gpu, 30, 3, 3), y = points(gpu, 21, 3, 4);
  const options = { epsilon: 0.03, tolerance: 1e-6 };
  const named = await sinkhorn(x, y, { ...options, cost: "euclidean" });
  const formula = await sinkhorn(x, y, { ...options, cost: "dist(x[i], y[j])" });
  const matrix = await sinkhorn(
    gpu.device && Tensor.apply("pairMatrix", { x, y }, { formula: "dist(x[i], y[j])" }).out,
    options,
  );
  const scaled = await sinkhorn(x, y, { ...options, cost: { formula: "s * dist(x[i], y[j])", inputs: { s: 3 } } });
  assertAlmostEquals(formula.cost, named.cost, 1e-6 * named.cost);
  assertAlmostEquals(matrix.cost, named.cost, 2e-6 * named.cost);
  assertAlmostEquals(scaled.cost, 3 * named.cost, 1e-5 * named.cost);
  assertAlmostEquals(scaled.epsilon, 3 * named.epsilon, 1e-6);
});

onEachDevice("points on a line are matched in order as the regularization vanishes", async (gpu) => {
  const x = gpu.tensor([0.9, 0.1, 0.5]), y = gpu.tensor([0.52, 0.93, 0.12]);
  using result = await sinkhorn(x, y, { cost: "(x[i] - y[j])^2", epsilon: 1e-3, tolerance: 1e-6 });
  const P: number[][] = await result.plan.toDense().array();
  assertEquals(P.map((row) => row.map((p) => Math.round(3 * p))), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]);
  assertAlmostEquals(result.cost, (0.03 ** 2 + 0.02 ** 2 + 0.02 ** 2) / 3, 1e-5);
});

onEachDevice("memory grows with n + m: no matrix of all pairs is stored", async (gpu) => {
  const n = gpu.info.backend === "cpu" ? 1500 : 4096;
  const x = points(gpu, n, 2, 5), y = points(gpu, n, 2, 6);
  await gpu.sync();
  gpu.device.ledger.resetPeak();
  using _ = await sinkhorn(x, y, { epsilon: 0.1, tolerance: 1e-3, form: "streaming" });
  // 64 MB at n = 50,000, in proportion.
  const ceiling = 64e6 * n / 50_000, stored = 4 * n * n;
  const { peak } = gpu.memory();
  assert(peak < ceiling, `peak ${peak} bytes, allowed ${ceiling}`);
  assert(peak < stored / 10, `peak ${peak} bytes, all pairs take ${stored}`);
});

onEachDevice("a solve leaves nothing behind but its result, and an aborted one nothing at all", async (gpu) => {
  const x = points(gpu, 40, 2, 7), y = points(gpu, 41, 2, 8);
  const a = gpu.full([40], 1 / 40);
  await Promise.all([x.data(), y.data(), a.data()]);
  const before = gpu.device.ledger.count;
  const result = await sinkhorn(x, y, { a, cost: "greatcircle", epsilon: 0.05 });
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController();
  await assertRejects(
    () =>
      sinkhorn(x, y, {
        epsilon: 1e-3,
        tolerance: 1e-9,
        signal: controller.signal,
        onProgress: ({ iteration }) => iteration >= 20 && controller.abort(new Error("enough")),
      }),
    Error,
    "enough",
  );
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("stopping early is said: converged is false, with a warning that tells what to try", async (gpu) => {
  const warnings: string[] = [], warn = console.warn;
  console.warn = (text: string) => warnings.push(text);
  try {
    const x = points(gpu, 20, 2, 9), y = points(gpu, 20, 2, 10), errors: number[] = [];
    using result = await sinkhorn(x, y, { epsilon: 1e-3, maxIterations: 12, onProgress: (p) => errors.push(p.error) });
    assertEquals(result.converged, false);
    assertEquals(result.iterations, 12);
    assert(result.marginalError > 1e-5);
    assertEquals(result.history.map((h) => h.error), errors);
    assertEquals(warnings.length, 1);
    assert(warnings[0].includes("maxIterations"));
  } finally {
    console.warn = warn;
  }
});

onEachDevice("weights may have any total, and points of zero weight take no part", async (gpu) => {
  const x = gpu.tensor([[0, 0], [5, 5], [1, 0]]), y = gpu.tensor([[0, 1], [1, 1]]);
  using whole = await sinkhorn(x, y, { a: [3, 0, 3], b: [2, 4], epsilon: 0.01, epsilonScale: "absolute" });
  const P: number[][] = await whole.plan.toDense().array();
  assertEquals(P[1], [0, 0]);
  assertAlmostEquals(P[0][0] + P[0][1], 3, 1e-4);
  const [f] = await whole.potentials[0].data().then((v) => [v]);
  assertEquals(f[1], -Infinity);
  assertAlmostEquals(whole.cost, 2 * 1 + 1 * 2 + 3 * 1, 0.01);
});

onEachDevice("identical points cost nothing and do not divide by zero", async (gpu) => {
  const x = gpu.ones([4, 2]), y = gpu.ones([3, 2]);
  using result = await sinkhorn(x, y, { epsilon: 0.1 });
  assertEquals(result.cost, 0);
  assert(result.converged);
});

onEachDevice("bad input is refused by name", async (gpu) => {
  const x = points(gpu, 4, 2, 11), y = points(gpu, 3, 2, 12);
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhorn as any)(...args), kind, message);
  await refused('Expected "epsilon" to be positive, got 0', RangeError, x, y, { epsilon: 0 });
  await refused('Expected "epsilon" to be positive, got NaN', RangeError, x, y, { epsilon: NaN });
  await refused('Expected "tolerance" to be positive, got -1', RangeError, x, y, { tolerance: -1 });
  await refused('Expected "maxIterations" to be a whole number from 1, got 0', RangeError, x, y, { maxIterations: 0 });
  await refused('"epsilonScale" to be "relative" or "absolute", got "percent"', TypeError, x, y, {
    epsilonScale: "percent",
  });
  await refused("Expected points x [n, d] and y [m, d], got [4, 2] and [3, 3]", TypeError, x, points(gpu, 3, 3, 1));
  await refused('Expected finite weights of 0 or more in "a", got -0.5 at 1', RangeError, x, y, {
    a: [1, -0.5, 0.5, 0],
  });
  await refused('Expected finite weights of 0 or more in "b", got NaN at 0', RangeError, x, y, { b: [NaN, 1, 1] });
  await refused('Expected one weight per point in "a", [4], got [3]', TypeError, x, y, { a: [1, 1, 1] });
  await refused('Expected the weights "a" and "b" to have the same sum, got 1 and 1.5', RangeError, x, y, {
    a: [0.25, 0.25, 0.25, 0.25],
    b: [0.5, 0.5, 0.5],
  });
  await refused('Expected weights with a positive sum in "b", got all zeros', RangeError, x, y, { b: [0, 0, 0] });
  await refused(
    "Expected finite numbers in y, got NaN at element 3",
    RangeError,
    x,
    gpu.tensor([[0, 1], [2, NaN], [1, 1]]),
  );
  await refused('Unknown cost "euclidian", did you mean "euclidean"?', TypeError, x, y, { cost: "euclidian" });
  await refused('Unknown name "epz"', SyntaxError, x, y, { cost: "sqdist(x[i], y[j]) / epz" });
  await refused("Expected latitudes from -90 to 90", RangeError, gpu.tensor([[0, 91]]), y, { cost: "greatcircle" });
  await refused("Expected a cost matrix [n, m], got [4]", TypeError, gpu.ones([4]));
  await refused(
    "Expected finite numbers in the cost matrix, got Infinity at element 2",
    RangeError,
    gpu.tensor([[0, 1], [Infinity, 1]]),
  );
  await refused('Cannot take "epsilon" relative to the largest cost -1', RangeError, gpu.full([2, 2], -1));
  await refused("both sides need at least one", RangeError, gpu.zeros([0, 2]), y);
  await refused('"cost" is for points', TypeError, gpu.ones([2, 2]), { cost: "euclidean" });
  await refused("Expected points as a tensor, got object", TypeError, [[1, 2]], y);
});
