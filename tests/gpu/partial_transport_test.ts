import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { partial } from "../../src/methods/transport/mod.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const f64 = (gpu: Gpu, v: number[][]) =>
  gpu.tensor(Float64Array.from(v.flat()), { shape: [v.length, v[0].length], dtype: "f64" });
const absolute = { epsilonScale: "absolute" as const };
const total = (v: readonly number[]) => v.reduce((s, x) => s + x, 0);

async function onHost(fn: (gpu: Gpu) => Promise<void>): Promise<void> {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await fn(gpu);
}

Deno.test("partial plans are POT's, the exact cost is that of SciPy's linear programme", () =>
  onHost(async (gpu) => {
    for (const { cost, a, b, mass, epsilon, exact, plan } of load("partial_transport").cases) {
      const C = f64(gpu, cost);
      using entropic = await partial(C, { a, b, mass, epsilon, ...absolute, tolerance: 1e-12 });
      assert(entropic.converged && entropic.marginalError < 1e-11);
      const P: number[][] = await entropic.plan.toDense().array(), most = Math.max(...plan.flat());
      P.flat().forEach((p, k) => assertAlmostEquals(p, plan.flat()[k], 1e-7 * most));
      assert(Math.abs(entropic.gap) < 1e-11, `${entropic.gap}`);
      const entropy = total(P.flat().map((p) => p > 0 ? p * (Math.log(p) - 1) : 0));
      assertAlmostEquals(entropic.primal, entropic.cost + epsilon * entropy, 1e-11);
      using least = await partial(C, { a, b, mass, method: "exact" });
      assert(least.converged, `${least.gap}`);
      assertAlmostEquals(least.cost, exact, 1e-9);
      const Q: number[][] = await least.plan.toDense().array();
      Q.forEach((row, i) => assert(total(row) <= a[i] + 1e-12));
      b.forEach((w, j) => assert(total(Q.map((row) => row[j])) <= w + 1e-12));
      assertAlmostEquals(total(Q.flat()), mass, 1e-12);
      // The certificate is the linear programme's dual: prices allow every pair.
      const [f, g] = await Promise.all(least.potentials.map((t) => t.data()));
      cost.forEach((row, i) => row.forEach((c, j) => assert(f[i] + g[j] + least.level <= c + 1e-12)));
      assert(f.every((v) => v <= 0) && g.every((v) => v <= 0));
      // Entropy costs at most ε times its range over plans of this mass.
      assert(entropic.cost >= exact - 1e-9 && entropic.cost <= exact + epsilon * mass * Math.log(cost.flat().length));
    }
  }));

Deno.test("the cheapest single unit, and all of the mass", () =>
  onHost(async (gpu) => {
    const random = generator(9);
    for (let trial = 0; trial < 10; trial++) {
      const n = 1 + Math.floor(random() * 6), m = 1 + Math.floor(random() * 6);
      const C = Array.from({ length: n }, () => Array.from({ length: m }, () => random() - 0.3));
      const a = new Array(n).fill(1), b = new Array(m).fill(1);
      using one = await partial(f64(gpu, C), { a, b, mass: 1, method: "exact" });
      assertAlmostEquals(one.cost, Math.min(...C.flat()), 1e-14);
      const mass = Math.min(n, m);
      using all = await partial(f64(gpu, C), { a, b, mass, method: "exact" });
      assertAlmostEquals(all.mass, mass, 1e-14);
      using near = await partial(f64(gpu, C), { a, b, mass, epsilon: 0.05, ...absolute });
      assert(near.converged && near.cost >= all.cost - 1e-7);
      assert(Math.abs(near.gap) < 1e-6);
    }
  }));

onEachDevice("points, weights of zero, bad input; memory balances", async (gpu) => {
  const { live } = gpu.memory();
  using x = gpu.random.uniform([6, 2], { seed: 1 });
  using y = gpu.random.uniform([5, 2], { seed: 2 });
  for (const method of ["entropic", "exact"] as const) {
    const result = await partial(x, y, { a: [0, 1, 1, 1, 1, 1], mass: 0.75, method });
    assert(result.converged);
    using stored = result.plan.toDense();
    const P: number[][] = await stored.array();
    assertEquals(total(P[0]), 0);
    assertAlmostEquals(total(P.flat()), 0.75, 1e-6);
    result.dispose();
    stored.dispose();
  }
  using line = gpu.ones([3]);
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (partial as any)(...args), kind, message);
  await refused('"mass" above 0 and at most', RangeError, x, y, { mass: 1.5 });
  await refused('"mass" above 0', RangeError, x, y, { mass: NaN });
  await refused('"method" to be "entropic" or "exact", got "emd"', TypeError, x, y, { method: "emd" });
  await refused('"tolerance" to be positive', RangeError, x, y, { tolerance: 0 });
  await refused('"epsilon" to be positive', RangeError, x, y, { epsilon: -1 });
  await refused("Expected points x [n, d] and y [m, d]", TypeError, x, line);
  const { result, warnings } = await withWarnings(() => partial(x, y, { epsilon: 1e-3, maxIterations: 2, mass: 1 }));
  assertEquals([result.converged, warnings.length], [false, 1]);
  result.dispose();
  const controller = new AbortController();
  await refused("enough", Error, x, y, {
    signal: controller.signal,
    tolerance: 1e-15,
    onProgress: () => controller.abort(new Error("enough")),
  });
  for (const t of [x, y, line]) t.dispose();
  assertEquals(gpu.memory().live, live);
});
