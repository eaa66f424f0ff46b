import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sinkhorn, sinkhornBatch } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { logDomainSinkhorn, squaredDistances } from "./plain_sinkhorn.ts";

const points = (gpu: Gpu, shape: number[], seed: number) => gpu.random.uniform(shape, { seed });

/** Weights with some zeros, of total 1. */
function someWeights(count: number, seed: number): number[] {
  const w = Array.from({ length: count }, (_, k) => (k * 7 + seed) % 5);
  const total = w.reduce((s, v) => s + v, 0);
  return w.map((v) => v / total);
}

for (
  const [B, n, m, d, epsilon] of [[5, 9, 7, 2, 0.05], [3, 64, 64, 3, 0.01], [2, 1, 5, 1, 0.1], [4, 33, 20, 2, 1e-3]]
) {
  onEachDevice(
    `a batch of ${B} problems ${n}×${m} at ε = ${epsilon} agrees with plain iterations in f64`,
    async (gpu) => {
      const x = points(gpu, [B, n, d], 1), y = points(gpu, [B, m, d], 2);
      const a = Array.from({ length: B }, (_, k) => n === 1 ? [1] : someWeights(n, k + 1));
      using result = await sinkhornBatch(x, y, { a, epsilon, tolerance: 1e-6, maxIterations: 3000 });
      const X = await x.data(), Y = await y.data(), plans = Float64Array.from(await result.plans().data());
      for (let k = 0; k < B; k++) {
        const C = squaredDistances(X.subarray(k * n * d, (k + 1) * n * d), Y.subarray(k * m * d, (k + 1) * m * d), d);
        const b = Array.from({ length: m }, () => 1 / m), eps = epsilon * Math.max(...C);
        const want = logDomainSinkhorn(C, a[k], b, eps, 1e-9, 200_000);
        assert(result.converged[k], `problem ${k}: error ${result.marginalError[k]}`);
        assertAlmostEquals(result.epsilon[k], eps, 1e-6 * eps);
        assertAlmostEquals(result.cost[k], want.cost, 2e-4 * want.cost);
        assertAlmostEquals(result.dual[k], want.dual, 2e-5 * Math.abs(want.dual) + 2e-5 * eps);
        assertAlmostEquals(result.primal[k], result.dual[k], 1e-4 * Math.abs(want.dual) + 1e-5 * eps);
        // The measured error is that of the plan given back: summed anew in f64, up to the roundoff of its entries.
        const P = plans.subarray(k * n * m, (k + 1) * n * m);
        let error = 0, columns = 0;
        for (let i = 0; i < n; i++) {
          error += Math.abs(
            P.subarray(i * m, i * m + m).reduce((s, v) => s + v, 0) - a[k][i],
          );
        }
        for (let j = 0; j < m; j++) {
          let s = 0;
          for (let i = 0; i < n; i++) s += P[i * m + j];
          columns += Math.abs(s - b[j]);
        }
        assertAlmostEquals(result.marginalError[k], error, 2 ** -22 * 4);
        assert(columns < 2e-5, `problem ${k}: columns are off by ${columns}`);
        let difference = 0;
        P.forEach((p, at) => difference += Math.abs(p - want.plan[at]));
        assert(difference < 2e-3, `problem ${k}: the plans differ by ${difference}`);
      }
    },
  );
}

onEachDevice("problems stop one by one, each as it would alone", async (gpu) => {
  const B = 6, n = 24;
  // The clouds of later problems are further apart: they take longer.
  const base = points(gpu, [B, n, 2], 3), shift = gpu.tensor([0, 0.2, 0.4, 0.6, 0.8, 1]).reshape([B, 1, 1]);
  const y = points(gpu, [B, n, 2], 4).add(shift);
  const options = { epsilon: 0.02, epsilonScale: "absolute" as const, tolerance: 1e-5 };
  using result = await sinkhornBatch(base, y, options);
  assert(new Set(result.iterations).size > 1, `all stopped after ${result.iterations[0]}`);
  for (let k = 0; k < B; k++) {
    using alone = await sinkhorn(base.at(k), y.at(k), options);
    assertAlmostEquals(result.cost[k], alone.cost, 1e-4 * alone.cost);
    assertAlmostEquals(result.dual[k], alone.dual, 1e-4);
    assert(result.marginalError[k] <= 1e-5);
    const last = result.history[k].at(-1)!;
    assertEquals([last.iteration, last.error], [result.iterations[k], result.marginalError[k]]);
    const P = result.plan(k), row = await P.row(2).data(), want = await result.plans().at(k).at(2).data();
    row.forEach((v, j) => assertAlmostEquals(v, want[j], 1e-7));
  }
});

Deno.test("small problems at a small ε are all done: over-relaxation that went too far recovers", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = points(gpu, [60, 20, 2], 3), y = points(gpu, [60, 24, 2], 4);
  using result = await sinkhornBatch(x, y, { epsilon: 1e-3, maxIterations: 4000 });
  assertEquals(result.converged.filter((done) => !done).length, 0);
});

onEachDevice("cost matrices, points of weight 0 as filling, weights of any total", async (gpu) => {
  const C = points(gpu, [3, 6, 5], 5);
  const a = [2, 1, 0, 3, 1, 0], b = [1, 2, 1, 3, 0];
  using filled = await sinkhornBatch(C, { a, b, epsilon: 0.05, epsilonScale: "absolute", tolerance: 1e-6 });
  for (let k = 0; k < 3; k++) {
    const part = C.at(k).take([0, 1, 3, 4], 0).take([0, 1, 2, 3], 1);
    using alone = await sinkhorn(part, {
      a: [2, 1, 3, 1],
      b: [1, 2, 1, 3],
      epsilon: 0.05,
      epsilonScale: "absolute",
      tolerance: 1e-6,
    });
    assertAlmostEquals(filled.cost[k], alone.cost, 2e-5 * alone.cost);
    assertAlmostEquals(filled.dual[k], alone.dual, 2e-5);
  }
  const [f] = await Promise.all(filled.potentials.map((t) => t.data()));
  assertEquals([f[2], f[5]], [-Infinity, -Infinity]);
});

Deno.test("the value of a batch is differentiated at fixed potentials: central differences in f64", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const B = 2, n = 4, m = 3;
  const host = (seed: number, count: number) =>
    Float64Array.from({ length: count }, (_, k) => ((k * 37 + seed) % 17) / 17);
  const X = host(3, B * n * 2), Y = host(5, B * m * 2), W = host(1, B * n).map((v) => v + 0.3);
  const tensor = (v: Float64Array, shape: number[]) => gpu.tensor(v.slice(), { shape, dtype: "f64" });
  const value = async (p: { x: Tensor; w: Tensor }, costs: "sqeuclidean" | "euclidean") => {
    using y = tensor(Y, [B, m, 2]);
    const result = await sinkhornBatch(p.x, y, {
      a: p.w,
      cost: costs,
      epsilon: 0.1,
      epsilonScale: "absolute",
      tolerance: 1e-12,
    });
    return (await result.value()).mul(gpu.tensor(Float64Array.of(1, -2), { dtype: "f64" })).sum();
  };
  for (const cost of ["sqeuclidean", "euclidean"] as const) {
    const g = await grad((p: { x: Tensor; w: Tensor }) => value(p, cost))({
      x: tensor(X, [B, n, 2]),
      w: tensor(W, [B, n]),
    });
    const at = async (dx: number, dw: number, k: number) => {
      const x = X.slice(), w = W.slice();
      x[k] += dx;
      w[k % w.length] += dw;
      return await (await value({ x: tensor(x, [B, n, 2]), w: tensor(w, [B, n]) }, cost)).item();
    };
    const gx = await g.x.data(), gw = await g.w.data(), h = 1e-5;
    for (const k of [0, 5, 9, 15]) {
      assertAlmostEquals(gx[k], (await at(h, 0, k) - await at(-h, 0, k)) / (2 * h), 1e-7);
    }
    // Totals held: along a change that keeps the total.
    const i = 1,
      plus = async (s: number) => {
        const w = W.slice();
        w[i] += s;
        w[i + 1] -= s;
        return await (await value({ x: tensor(X, [B, n, 2]), w: tensor(w, [B, n]) }, cost)).item();
      };
    assertAlmostEquals(gw[i] - gw[i + 1], (await plus(h) - await plus(-h)) / (2 * h), 1e-7);
  }
  // The potentials move, which fixed ones cannot know.
  const w = tensor(W, [B, n]), loss = (x: Tensor) => value({ x, w }, "sqeuclidean");
  const twice = grad(async (x: Tensor) => (await grad(loss)(x)).sum());
  await assertRejects(() => twice(tensor(X, [B, n, 2])), TypeError, '"sinkhornBatch" has first derivatives only');
});

onEachDevice("a batch leaves nothing behind but its result, and an aborted one nothing at all", async (gpu) => {
  const x = points(gpu, [7, 10, 2], 7), y = points(gpu, [7, 11, 2], 8);
  await Promise.all([x.data(), y.data()]);
  const before = gpu.device.ledger.count;
  for (const options of [{}, { cost: "euclidean" as const, epsilon: 1e-3 }]) {
    const result = await sinkhornBatch(x, y, options);
    result.dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
  const controller = new AbortController();
  const aborting = {
    epsilon: 1e-3,
    tolerance: 1e-9,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  };
  await assertRejects(() => sinkhornBatch(x, y, aborting), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("a batch that stops early says so once; none and single points work", async (gpu) => {
  const warnings: string[] = [], warn = console.warn;
  console.warn = (text: string) => warnings.push(text);
  try {
    const x = points(gpu, [3, 20, 2], 9), y = points(gpu, [3, 20, 2], 10);
    for (const maxIterations of [1, 2, 13]) {
      using result = await sinkhornBatch(x, y, { epsilon: 1e-3, maxIterations });
      assertEquals(result.converged, [false, false, false]);
      assertEquals([...result.iterations], [maxIterations, maxIterations, maxIterations]);
      assert(result.marginalError.every((e) => e > 1e-5));
    }
    assertEquals(warnings.length, 3);
    assert(warnings[0].includes("3 of 3 problems") && warnings[0].includes("maxIterations"));
  } finally {
    console.warn = warn;
  }
  using none = await sinkhornBatch(gpu.zeros([0, 3, 2]), gpu.zeros([0, 3, 2]));
  assertEquals([none.cost.length, none.potentials[0].shape], [0, [0, 3]]);
  using single = await sinkhornBatch(gpu.zeros([2, 1, 2]), gpu.ones([2, 1, 2]));
  assertEquals([...single.cost], [2, 2]);
  using same = await sinkhornBatch(gpu.ones([2, 4, 2]), gpu.ones([2, 3, 2]));
  assertEquals([...same.cost], [0, 0]);
  assertEquals(same.converged, [true, true]);
});

onEachDevice("bad input of a batch is refused by name", async (gpu) => {
  const x = points(gpu, [2, 4, 2], 11), y = points(gpu, [2, 3, 2], 12);
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhornBatch as any)(...args), kind, message);
  await refused('Expected "epsilon" to be positive, got 0', RangeError, x, y, { epsilon: 0 });
  await refused(
    "Expected points x [B, n, d] and y [B, m, d], got [2, 4, 2] and [2, 3]",
    TypeError,
    x,
    gpu.ones([2, 3]),
  );
  await refused(
    "Expected points x [B, n, d] and y [B, m, d], got [2, 4, 2] and [3, 3, 2]",
    TypeError,
    x,
    gpu.ones([3, 3, 2]),
  );
  await refused("Expected costs [B, n, m], got [4, 4]", TypeError, gpu.ones([4, 4]));
  await refused('"cost" is for points', TypeError, gpu.ones([1, 4, 4]), { cost: "euclidean" });
  await refused('Expected the cost "sqeuclidean" or "euclidean", got "greatcircle"', TypeError, x, y, {
    cost: "greatcircle",
  });
  await refused('Expected the weights "a" as [4] or [2, 4], got [3]', TypeError, x, y, { a: [1, 1, 1] });
  await refused('Expected finite weights of 0 or more in "b", got -1 at 1 of problem 1', RangeError, x, y, {
    b: [[1, 1, 1], [1, -1, 1]],
  });
  await refused("the same sum, got 1 and 3 in problem 0", RangeError, x, y, { a: [1, 0, 0, 0], b: [1, 1, 1] });
  await refused('positive sum in "a", got all zeros in problem 1', RangeError, x, y, {
    a: [[1, 1, 1, 1], [0, 0, 0, 0]],
  });
  await refused("Expected finite numbers in y, got NaN", RangeError, x, gpu.full([2, 3, 2], NaN));
  await refused("relative to the largest cost -1 of problem 0", RangeError, gpu.full([1, 2, 2], -1));
  await refused("both sides need at least one", RangeError, gpu.zeros([1, 0, 2]), gpu.zeros([1, 3, 2]));
});
