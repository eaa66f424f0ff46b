import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { assignment, exact, type ExactOptions, sinkhorn } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });

onEachDevice("an exact plan has the weights as marginals, few entries, and its potentials prove it", async (gpu) => {
  const x = points(gpu, 23, 2, 1), y = points(gpu, 31, 2, 2);
  const a = Array.from({ length: 23 }, (_, k) => (k + 1) / 276);
  using result = await exact(x, y, { a, cost: "euclidean" });
  assert(result.converged);
  const entries = result.certificate.values.length;
  assert(entries >= 31 && entries <= 53, `${entries} entries`);
  const P: number[][] = await result.plan.toDense().array();
  P.forEach((row, i) => assertAlmostEquals(row.reduce((s, v) => s + v, 0), a[i], 1e-7));
  for (let j = 0; j < 31; j++) assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), 1 / 31, 1e-7);
  const [X, Y]: number[][][] = [await x.array(), await y.array()];
  const [f, g]: number[][] = await Promise.all(result.potentials.map((t) => t.array()));
  let cost = 0;
  for (let i = 0; i < 23; i++) {
    for (let j = 0; j < 31; j++) {
      const c = Math.hypot(X[i][0] - Y[j][0], X[i][1] - Y[j][1]);
      cost += P[i][j] * c;
      assert(f[i] + g[j] <= c + 1e-6);
      if (P[i][j] > 0) assertAlmostEquals(f[i] + g[j], c, 1e-6);
    }
  }
  assertAlmostEquals(cost, result.cost, 1e-6);
  assertAlmostEquals(await result.value.item(), result.cost, 1e-7);
  // The plan of least regularized cost is not better, and worse by at most ε times the entropy that it gains: ε (log n + log m).
  using near = await sinkhorn(x, y, { a, cost: "euclidean", epsilon: 0.02, tolerance: 1e-5 });
  const most = near.epsilon * Math.log(23 * 31);
  assert(near.cost > result.cost - 1e-4 && near.cost < result.cost + most, `${near.cost} and ${result.cost} + ${most}`);
});

onEachDevice(
  "points, a formula of them and their cost matrix have one solution; equal points cost nothing",
  async (gpu) => {
    const x = points(gpu, 20, 3, 3), y = points(gpu, 20, 3, 4);
    const named = await exact(x, y), formula = await exact(x, y, { cost: "sqdist(x[i], y[j])" });
    const scaled = await exact(x, y, { cost: { formula: "s * sqdist(x[i], y[j])", inputs: { s: gpu.tensor(4) } } });
    assertEquals(formula.cost, named.cost);
    assertEquals(scaled.cost, 4 * named.cost);
    const [X, Y]: number[][][] = [await x.array(), await y.array()];
    const matrix = X.map((p) => Y.map((q) => p.reduce((s, v, k) => s + (v - q[k]) ** 2, 0)));
    assertAlmostEquals((await exact(gpu.tensor(matrix))).cost, named.cost, 1e-7 * named.cost);
    const same = await exact(x, x);
    assertEquals([same.cost, same.converged], [0, true]);
    const one = await exact(gpu.tensor([[0, 0, 0]]), y);
    assertAlmostEquals(one.cost, Y.reduce((s, q) => s + q.reduce((t, v) => t + v * v, 0), 0) / 20, 1e-12);
  },
);

onEachDevice("exact transport leaves nothing behind but its result, and an aborted one nothing at all", async (gpu) => {
  const x = points(gpu, 40, 2, 7), y = points(gpu, 41, 2, 8), a = gpu.full([40], 1 / 40);
  await Promise.all([x.data(), y.data(), a.data()]);
  const before = gpu.device.ledger.count;
  const result = await exact(x, y, { a, cost: "greatcircle" });
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const reason = new Error("enough");
  await assertRejects(() => exact(x, y, { signal: AbortSignal.abort(reason) }), Error, "enough");
  await assertRejects(() => exact(x, y, { a: [1, 2] }), TypeError, '"a"');
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("too few pivots give an honest result and one warning", async (gpu) => {
  const x = points(gpu, 30, 2, 9), y = points(gpu, 30, 2, 10);
  const warnings: string[] = [], { warn } = console;
  console.warn = (text: string) => warnings.push(text);
  try {
    using early = await exact(x, y, { maxIterations: 3 });
    using done = await exact(x, y);
    assert(!early.converged && done.converged && early.iterations === 3);
    assert(early.cost > done.cost && early.dual < done.cost && early.gap > 0);
    assertEquals(warnings.length, 1);
    assert(warnings[0].includes("maxIterations"), warnings[0]);
  } finally {
    console.warn = warn;
  }
});

onEachDevice("bad input of exact transport is refused by name", async (gpu) => {
  const x = points(gpu, 3, 2, 11), y = points(gpu, 4, 2, 12);
  const refused = async (work: () => Promise<unknown>, kind: typeof RangeError | typeof TypeError, text: string) => {
    await assertRejects(work, kind, text);
  };
  await refused(() => exact(x, y, { a: [1, 1, 1], b: [1, 1, 1, 1] }), RangeError, "same sum");
  await refused(() => exact(x, y, { a: [1, -1, 1] }), RangeError, '"a"');
  await refused(() => exact(x, y, { a: [0, 0, 0] }), RangeError, "positive sum");
  await refused(() => exact(x, y, { cost: "sqeuclidian" }), TypeError, "sqeuclidean");
  await refused(() => exact(x, y, { maxIterations: 0 }), RangeError, "maxIterations");
  await refused(() => exact(x, points(gpu, 4, 3, 1)), TypeError, "[4, 3]");
  await refused(() => exact(gpu.tensor([[1, NaN]])), RangeError, "NaN");
  await refused(() => exact(gpu.tensor([[1, 2], [Infinity, 3]])), RangeError, "Infinity between 1 and 0");
  await refused(() => exact(gpu.tensor([[NaN, 0]]), gpu.tensor([[1, 2]])), RangeError, "NaN");
  await refused(() => exact(gpu.zeros([0, 3])), RangeError, "0 and 3");
  await refused(() => exact(gpu.zeros([0, 2]), y), RangeError, "0 and 4");
  const many = gpu.zeros([30_000, 1]);
  await refused(() => exact(many, many, { costs: "stored" }), RangeError, "30000 × 30000");
  await refused(() => exact(gpu.zeros([3, 4]), { costs: "streamed" }), TypeError, "streamed");
  await refused(() => exact(x, y, { costs: "sometimes" as "auto" }), TypeError, '"sometimes"');
  await refused(() => exact(x, y, { cost: "y[j, 0] / (x[i, 0] - x[i, 0])", costs: "streamed" }), RangeError, "cost");
  await refused(() => assignment(gpu.zeros([0, 3])), RangeError, "0 rows to 3 columns");
  await refused(() => assignment(gpu.zeros([3])), TypeError, "[3]");
  await refused(() => assignment(gpu.tensor([[1, NaN]])), RangeError, "NaN");
  await refused(() => exact(x, y, { cost: "1 / (x[i, 0] - x[i, 0])" }), RangeError, "costs");
});

onEachDevice("streamed costs give the optimum of stored ones, with the same certificate", async (gpu) => {
  const x = points(gpu, 70, 2, 21), y = points(gpu, 90, 2, 22), lonLat = (t: Tensor) => t.mul(120).sub(60);
  const a = Array.from({ length: 70 }, (_, k) => k % 5 === 0 ? 0 : 1 + k % 7), sum = a.reduce((s, w) => s + w);
  const b = Array.from({ length: 90 }, (_, k) => k % 6 === 1 ? 0 : sum / 75);
  const scale = gpu.tensor(Array.from({ length: 90 }, (_, k) => 1 + k % 3));
  const whole = x.mul(3).round(), wholeY = y.mul(3).round();
  const cases: [string, Tensor, Tensor, ExactOptions][] = [
    ["squared distances", x, y, {}],
    ["distances, weights with zeros", x, y, { cost: "euclidean", a, b }],
    ["great circles", lonLat(x), lonLat(y), { cost: "greatcircle" }],
    ["a formula with an input of the columns", x, y, {
      cost: { formula: "s[j] * dist(x[i], y[j])", inputs: { s: scale } },
    }],
    ["a formula that reads x on both sides", x, x.flip(0), { cost: "sqdist(x[i], y[j]) + 0.1 * x[i, 0] * x[j, 1]" }],
    ["many ties", whole, wholeY, {}],
    ["only negative costs", x, y, { cost: "-1 - dist(x[i], y[j])" }],
    ["one source", x.slice([0, 1]), y, {}],
    ["equal points", x, x, {}],
  ];
  for (const [name, u, v, options] of cases) {
    using stored = await exact(u, v, { ...options, costs: "stored" });
    using streamed = await exact(u, v, { ...options, costs: "streamed" });
    assert(streamed.converged && streamed.gap <= streamed.certificate.rounding, `${name}: gap ${streamed.gap}`);
    const { rounding } = stored.certificate;
    assert(Math.abs(streamed.cost - stored.cost) <= 2 * rounding, `${name}: ${streamed.cost}, stored ${stored.cost}`);
    assert(Math.abs(streamed.dual - stored.dual) <= 2 * rounding, name);
    const total = options.a ? sum : 1;
    assert(
      streamed.marginalError <= 2 * (u.shape[0] + v.shape[0]) * 2 ** -50 * total,
      `${name}: ${streamed.marginalError}`,
    );
  }
});

Deno.test("streamed costs are nowhere stored on the device", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 1200, x = points(gpu, n, 2, 31), y = points(gpu, n, 2, 32);
  await Promise.all([x.data(), y.data()]);
  gpu.device.ledger.resetPeak();
  using result = await exact(x, y, { costs: "streamed" });
  assert(result.converged);
  const { peak } = gpu.memory();
  assert(peak < 4 * n * n / 4, `peak ${peak} bytes, all pairs take ${4 * n * n}`);
});

Deno.test("the derivative of the exact cost is the plan's, the weights' are the potentials", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const f64 = (data: number[][]) => gpu.tensor(data, { dtype: "f64" });
  const random = (rows: number, columns: number, seed: number) => {
    let s = seed;
    return Array.from(
      { length: rows },
      () => Array.from({ length: columns }, () => (s = (s * 16807) % 2147483647) / 2147483647),
    );
  };
  const check = async (
    at: Tensor,
    cost: (x: Tensor) => Promise<Tensor>,
    directions: number[] | number[][],
    what: string,
  ) => {
    using gradient = await grad(cost)(at);
    const direction = gpu.tensor(directions, { dtype: "f64" }), h = 1e-6;
    const value = async (t: number) => {
      using moved = at.add(direction.mul(t));
      using c = await cost(moved);
      return await c.item();
    };
    const difference = (await value(h) - await value(-h)) / (2 * h);
    assertAlmostEquals(await gradient.mul(direction).sum().item(), difference, 1e-7, what);
  };
  const x = f64(random(6, 2, 17)), y = f64(random(8, 2, 23)), d = random(6, 2, 31);
  for (const cost of ["sqeuclidean", "euclidean", "exp(-sqdist(x[i], y[j])) + x[i, 0]"]) {
    await check(x, async (x) => (await exact(x, y, { cost })).value, d, `points, ${cost}`);
  }
  const inputs = { s: gpu.tensor([1, 2, 3, 1, 2, 3, 1, 2], { dtype: "f64" }), t: gpu.tensor(0.5, { dtype: "f64" }) };
  const ofBoth = { formula: "s[j] * sqdist(x[i], y[j]) + t * x[i, 1] * y[j, 0]", inputs };
  await check(
    x,
    async (x) => (await exact(x, y, { cost: ofBoth, costs: "streamed" })).value,
    d,
    "further inputs, streamed",
  );
  await check(y, async (y) => (await exact(x, y, { cost: ofBoth })).value, random(8, 2, 37), "by the columns' points");
  const weigh = async (s: Tensor) => (await exact(x, y, { cost: { ...ofBoth, inputs: { ...inputs, s } } })).value;
  await check(inputs.s, weigh, random(1, 8, 39)[0], "by a further input");
  const both = "sqdist(x[i], y[j]) + x[i, 0] * x[j, 1]";
  const pairs = f64(random(8, 2, 47));
  await check(pairs, async (x) => (await exact(x, y, { cost: both })).value, random(8, 2, 53), "read on both sides");
  const degrees = f64(random(6, 2, 59)).mul(60);
  await check(
    degrees,
    async (x) => (await exact(x, y.mul(50), { cost: "greatcircle" })).value.mul(1e-3),
    d,
    "great circles",
  );
  await check(f64(random(5, 7, 41)), async (C) => (await exact(C)).value, random(5, 7, 43), "matrix");
  // Weights: one side moves, with its total held.
  const a = gpu.tensor([0.103, 0.209, 0.151, 0.247, 0.053, 0.237], { dtype: "f64" });
  const move = gpu.tensor([1, -2, 0.5, 0.75, 0.25, -0.5], { dtype: "f64" }), h = 1e-6;
  const toA = async (a: Tensor) => (await exact(x, y, { a })).value;
  using gradient = await grad(toA)(a);
  const [up, down] = await Promise.all([h, -h].map(async (t) => await (await toA(a.add(move.mul(t)))).item()));
  assertAlmostEquals(await gradient.mul(move).sum().item(), (up - down) / (2 * h), 1e-7);
  // Of an assignment it is the pairs; twice by the weights and the cost it is refused, as the potentials would move.
  const third = gpu.tensor([0.2, 0.5, 0.3], { dtype: "f64" });
  const C = f64(random(3, 4, 61)), { columns } = await assignment(C);
  const paired = await grad(async (C: Tensor) => (await assignment(C)).value())(C),
    P: number[][] = await paired.array();
  P.forEach((row, i) => assertEquals(row.map(Boolean), row.map((_, j) => j === columns[i])));
  const mixed = async (C: Tensor) =>
    (await grad(async (a: Tensor) => (await exact(C, { a })).value)(third)).square().sum();
  await assertRejects(async () => await grad(mixed)(C), TypeError, "first derivatives only");
});
