import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { exact, multiscale, type MultiscaleOptions, type MultiscaleResult } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });

/** Warnings while something is done. */
async function warningsOf(work: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [], { warn } = console;
  console.warn = (text: string) => warnings.push(text);
  try {
    await work();
  } finally {
    console.warn = warn;
  }
  return warnings;
}

/** Checks a certificate of squared distances by loops over all pairs: the plan has the weights, the potentials are allowed, the gap is theirs. */
async function check(result: MultiscaleResult, x: Tensor, y: Tensor, a: number[], b: number[], what: string) {
  const { rows, columns, values, f, g, primal, dual, gap } = result.certificate;
  const [X, Y]: number[][][] = [await x.array(), await y.array()];
  const cost = (i: number, j: number) => X[i].reduce((s, v, k) => s + (v - Y[j][k]) ** 2, 0);
  const total = a.reduce((s, w) => s + w), scale = total / b.reduce((s, w) => s + w);
  const left = a.slice(), right = b.map((w) => w * scale);
  let sum = 0;
  values.forEach((v, e) => {
    assert(v > 0, what);
    left[rows[e]] -= v;
    right[columns[e]] -= v;
    sum += v * cost(rows[e], columns[e]);
  });
  for (const rest of [...left, ...right]) assert(Math.abs(rest) <= 1e-12 * total, `${what}: ${rest} of a marginal`);
  let value = 0;
  a.forEach((w, i) => value += w * f[i]);
  b.forEach((w, j) => value += w * scale * g[j]);
  for (let i = 0; i < X.length; i++) {
    for (let j = 0; j < Y.length; j++) assert(f[i] + g[j] <= cost(i, j) + 1e-12, `${what}: potentials at ${i}, ${j}`);
  }
  const size = 1e-12 * total;
  assertAlmostEquals(sum, primal, size, what);
  assertAlmostEquals(value, dual, size, what);
  assertAlmostEquals(primal - dual, gap, size, what);
}

onEachDevice("the optimum of exact transport, through several levels", async (gpu) => {
  const x = points(gpu, 230, 2, 1), y = points(gpu, 190, 2, 2);
  const a = Array.from({ length: 230 }, (_, k) => k % 5 === 0 ? 0 : 1 + k % 7), sum = a.reduce((s, w) => s + w);
  const b = Array.from({ length: 190 }, (_, k) => k % 6 === 1 ? 0 : 1 + k % 3), other = b.reduce((s, w) => s + w);
  b.forEach((w, k) => b[k] = w * sum / other);
  const scale = gpu.tensor(Array.from({ length: 190 }, (_, k) => 1 + k % 3));
  const cases: [string, Tensor, Tensor, Pick<MultiscaleOptions, "cost" | "a" | "b">][] = [
    ["squared distances", x, y, {}],
    ["distances, weights with zeros", x, y, { cost: "euclidean", a, b }],
    ["five dimensions", points(gpu, 120, 5, 3), points(gpu, 140, 5, 4), {}],
    ["a formula with an input of the columns", x, y, {
      cost: { formula: "s[j] * dist(x[i], y[j])", inputs: { s: scale } },
    }],
    ["a formula that reads x on both sides", y, y.flip(0), { cost: "sqdist(x[i], y[j]) + 0.1 * x[i, 0] * x[j, 1]" }],
    ["many duplicates", x.mul(3).round(), y.mul(3).round(), {}],
    ["equal clouds", x, x, {}],
    ["all points at one place", gpu.zeros([100, 2]), gpu.ones([90, 2]), {}],
    ["one source", x.slice([0, 1]), y, {}],
    ["on a line", gpu.random.normal([150], { seed: 5 }), gpu.random.normal([80], { seed: 6 }), {
      cost: "abs(x[i] - y[j])",
    }],
  ];
  for (const [name, u, v, options] of cases) {
    using stored = await exact(u, v, { ...options });
    using result = await multiscale(u, v, { ...options, coarsest: 8, tolerance: 1e-9 });
    assert(result.converged && result.history.length > 2, `${name}: gap ${result.gap}`);
    assert(result.gap <= Math.max(1e-9 * result.cost, result.certificate.rounding), `${name}: gap ${result.gap}`);
    const most = 1e-9 * Math.abs(stored.cost) + 2 * stored.certificate.rounding;
    assert(Math.abs(result.cost - stored.cost) <= most, `${name}: ${result.cost}, exact ${stored.cost}`);
    assertEquals(result.history.at(-1)!.level, 0);
    assertEquals(result.history.reduce((s, level) => s + level.iterations, 0), result.iterations, name);
  }
});

onEachDevice("the first-order method's plan is within its gap of the optimum", async (gpu) => {
  const x = points(gpu, 70, 2, 7), y = points(gpu, 90, 2, 8).mul(0.8);
  const a = Array.from({ length: 70 }, (_, k) => 1 + k % 4),
    b = Array.from({ length: 90 }, () => a.reduce((s, w) => s + w) / 90);
  using best = await exact(x, y, { a, b });
  using result = await multiscale(x, y, { a, b, coarsest: 24, restricted: "pdhg", tolerance: 0.01 });
  assert(result.converged && result.relativeGap <= 0.01, `gap ${result.relativeGap}`);
  assert(result.cost >= best.cost - 1e-12 && result.dual <= best.cost + 1e-12);
  await check(result, x, y, a, b, "pdhg");
});

onEachDevice("a budget that runs out leaves a plan and an honest gap", async (gpu) => {
  const x = points(gpu, 60, 2, 9), y = points(gpu, 60, 2, 10), equal = new Array(60).fill(1 / 60);
  using best = await exact(x, y);
  for (const restricted of ["simplex", "pdhg"] as const) {
    const warnings = await warningsOf(async () => {
      using early = await multiscale(x, y, { restricted, coarsest: 16, maxIterations: 5 });
      assert(!early.converged && early.iterations === 5 && early.relativeGap > 1e-6, restricted);
      assert(early.cost > best.cost && early.dual < best.cost, restricted);
      await check(early, x, y, equal, equal, restricted);
    });
    assertEquals(warnings.length, 1);
    assert(warnings[0].includes("maxIterations"), warnings[0]);
  }
});

onEachDevice(
  "multiscale transport leaves nothing behind but its result, and an aborted one nothing at all",
  async (gpu) => {
    const x = points(gpu, 60, 2, 11), y = points(gpu, 50, 2, 12), a = gpu.full([60], 1 / 60);
    await Promise.all([x.data(), y.data(), a.data()]);
    const before = gpu.device.ledger.count;
    for (const restricted of ["simplex", "pdhg"] as const) {
      const options = { a, coarsest: 16, restricted, tolerance: 0.05 };
      const result = await multiscale(x, y, { ...options, cost: "greatcircle" });
      result.dispose();
      assertEquals(gpu.device.ledger.count, before, restricted);
      const reason = new Error("enough"), controller = new AbortController();
      const onProgress = () => controller.abort(reason);
      const late = { ...options, tolerance: 1e-9, signal: controller.signal, onProgress };
      if (restricted === "pdhg") await assertRejects(() => multiscale(x, y, late), Error, "enough");
      await assertRejects(() => multiscale(x, y, { ...options, signal: AbortSignal.abort(reason) }), Error, "enough");
      assertEquals(gpu.device.ledger.count, before, restricted);
    }
  },
);

onEachDevice("bad input of multiscale transport is refused by name", async (gpu) => {
  const x = points(gpu, 3, 2, 13), y = points(gpu, 4, 2, 14);
  const refused = async (work: () => Promise<unknown>, kind: typeof RangeError | typeof TypeError, text: string) => {
    await assertRejects(work, kind, text);
  };
  await refused(() => multiscale(x, undefined as unknown as Tensor), TypeError, "cost matrix");
  await refused(() => multiscale(x, points(gpu, 4, 3, 1)), TypeError, "[4, 3]");
  await refused(() => multiscale(x, y, { cost: "sqeuclidian" }), TypeError, "sqeuclidean");
  await refused(() => multiscale(x, y, { cost: "x[i, 0]" }), TypeError, "at [j]");
  await refused(() => multiscale(x, y, { restricted: "lp" as "pdhg" }), TypeError, '"lp"');
  await refused(() => multiscale(x, y, { tolerance: 0 }), RangeError, '"tolerance"');
  await refused(() => multiscale(x, y, { coarsest: 0 }), RangeError, '"coarsest"');
  await refused(() => multiscale(x, y, { coarsest: 100_000 }), RangeError, "at most 4096");
  await refused(() => multiscale(x, y, { maxIterations: 0 }), RangeError, "maxIterations");
  await refused(() => multiscale(x, y, { a: [1, 1] }), TypeError, '"a"');
  await refused(() => multiscale(x, y, { a: [1, 1, 1], b: [1, 1, 1, 1] }), RangeError, "same sum");
  await refused(() => multiscale(gpu.zeros([0, 2]), y), RangeError, "0 and 4");
  await refused(() => multiscale(gpu.tensor([[NaN, 0]]), y), RangeError, "NaN");
  await refused(() => multiscale(x, y, { cost: "1 / (x[i, 0] - x[i, 0]) + y[j, 0]" }), RangeError, "costs");
});

Deno.test("costs beyond the largest number are refused", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  using far = gpu.tensor([[1e200, 0], [0, 0]], { dtype: "f64" });
  for (const coarsest of [1, 2]) {
    await assertRejects(() => multiscale(far, far.flip(0), { coarsest }), RangeError, "finite costs");
  }
});

Deno.test("multiscale costs are nowhere stored on the device", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 1000, x = points(gpu, n, 2, 15), y = points(gpu, n, 2, 16);
  await Promise.all([x.data(), y.data()]);
  gpu.device.ledger.resetPeak();
  using result = await multiscale(x, y, { coarsest: 64 });
  assert(result.converged);
  const { peak } = gpu.memory();
  assert(peak < 4 * n * n / 4, `peak ${peak} bytes, all pairs take ${4 * n * n}`);
});

Deno.test("the derivative of the multiscale cost is the plan's, the weights' are the potentials", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const double = { dtype: "f64" } as const, h = 1e-6;
  const x = points(gpu, 20, 2, 17).astype("f64"), y = points(gpu, 24, 2, 18).astype("f64");
  const options = { coarsest: 8, tolerance: 1e-12 },
    weights = Array.from({ length: 20 }, (_, k) => (11 + (k * 7) % 13) / 400);
  const a = gpu.tensor(weights, double), move = gpu.random.normal([20, 2], { seed: 19 }).astype("f64");
  // Weights keep their sum.
  const shift = gpu.tensor(Array.from({ length: 20 }, (_, k) => k % 2 ? -1 : 1), double);
  const cases: [string, (t: Tensor) => Promise<Tensor>, Tensor, Tensor][] = [
    ["points", async (x) => (await multiscale(x, y, options)).value, x, move],
    ["weights", async (a) => (await multiscale(x, y, { ...options, a })).value, a, shift],
  ];
  for (const [what, cost, at, direction] of cases) {
    using gradient = await grad(cost)(at);
    const value = async (t: number) => await (await cost(at.add(direction.mul(t)))).item();
    const step = what === "weights" ? h * 1e-2 : h, difference = (await value(step) - await value(-step)) / (2 * step);
    assertAlmostEquals(await gradient.mul(direction).sum().item(), difference, 1e-6, what);
  }
});
