import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import type { Device } from "../../src/device/mod.ts";
import { pointGeometry } from "../../src/methods/transport/geometry.ts";
import { sinkhorn, type SinkhornForm } from "../../src/methods/transport/mod.ts";
import { chooseForm } from "../../src/methods/transport/sinkhorn_form.ts";
import { marginalRounding, smallestEpsilon } from "../../src/methods/transport/sinkhorn_limits.ts";
import { solveInStages } from "../../src/methods/transport/sinkhorn_solve.ts";
import { type Gpu, grad, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { logDomainSinkhorn, squaredDistances } from "./plain_sinkhorn.ts";
import { withWarnings } from "./quiet.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });
const FORMS: readonly SinkhornForm[] = ["kernel", "stored", "streaming"];

for (const [n, m, epsilon] of [[31, 40, 0.05], [64, 30, 2e-3], [1, 7, 0.1]]) {
  onEachDevice(`all forms solve ${n}×${m} at ε = ${epsilon} as plain iterations in f64 do`, async (gpu) => {
    const x = points(gpu, n, 2, 1), y = points(gpu, m, 2, 2);
    const C = squaredDistances(await x.data(), await y.data(), 2), eps = epsilon * Math.max(...C);
    const a = Array.from({ length: n }, (_, k) => n === 1 ? 1 : k % 4), b = Array.from({ length: m }, () => 1 / m);
    const total = a.reduce((s, v) => s + v, 0), weights = a.map((v) => v / total);
    const want = logDomainSinkhorn(C, weights, b, eps, 1e-8, 100_000);
    for (const form of FORMS) {
      using result = await sinkhorn(x, y, { a: weights, epsilon, form, tolerance: 1e-6 });
      assertEquals([result.form, result.converged], [form, true]);
      assertAlmostEquals(result.cost, want.cost, 1e-4 * want.cost, form);
      assertAlmostEquals(result.dual, want.dual, 1e-5 * Math.abs(want.dual) + 1e-6 * eps, form);
      const P = await result.plan.toDense().data();
      const difference = want.plan.reduce((s, p, k) => s + Math.abs(p - P[k]), 0);
      assert(difference < 1e-3, `${form}: the plans differ by ${difference}`);
    }
  });
}

onEachDevice("the measured marginal error is that in f64, up to the rounding that is stated", async (gpu) => {
  for (const [n, m, d, fraction] of [[40, 50, 2, 0.1], [60, 60, 3, 1e-2], [50, 45, 10, 1e-3], [30, 30, 1, 1e-4]]) {
    const x = points(gpu, n, d, 3), y = points(gpu, m, d, 4);
    const C = squaredDistances(await x.data(), await y.data(), d),
      largest = Math.max(...C),
      epsilon = fraction * largest;
    const geometry = pointGeometry({ formula: "sqdist(x[i], y[j])", inputs: { x, y }, owned: [] });
    const weights = { a: new Float64Array(n).fill(1 / n), b: new Float64Array(m).fill(1 / m), total: 1 };
    for (const form of ["kernel", "streaming"] as const) {
      // Two states on the way, far from converged and near.
      for (const maxIterations of [3, 25, 2000]) {
        const state = await solveInStages(form, geometry, weights, x, {
          epsilon,
          largest,
          maxIterations,
          tolerance: 1e-6,
        }, undefined);
        const parts = [state.f.coarse, state.f.fine, state.g.coarse, state.g.fine];
        const [F, p, G, q] = await Promise.all(parts.map((t) => t.data()));
        parts.forEach((t) => t.dispose());
        let error = 0, cost = 0, mass = 0;
        for (let i = 0; i < n; i++) {
          let row = 0;
          for (let j = 0; j < m; j++) {
            const P = Math.exp((F[i] + G[j] - C[i * m + j]) / epsilon + (p[i] + q[j]));
            row += P;
            cost += P * C[i * m + j];
          }
          error += Math.abs(row - 1 / n);
          mass += row;
        }
        const bound = marginalRounding({ cost, epsilon, total: mass, pairs: n * m, roundings: 8 + d, dtype: "f32" });
        assert(
          Math.abs(state.error - error) <= bound,
          `${form}, ε = ${fraction}: measured ${state.error}, in f64 ${error}, allowed ±${bound}`,
        );
        assert(bound < 2e-3, `the bound ${bound} says nothing`);
        assertEquals(state.converged, state.error <= 1e-6);
      }
    }
  }
});

onEachDevice("an ε that f32 cannot carry is refused, and the smallest that is named works", async (gpu) => {
  const x = points(gpu, 20, 2, 5), y = points(gpu, 21, 2, 6);
  for (const [scale, epsilonScale] of [[1, "relative"], [300, "absolute"]] as const) {
    using far = x.mul(Math.sqrt(scale));
    using other = y.mul(Math.sqrt(scale));
    const solve = (epsilon: number) => sinkhorn(far, other, { epsilon, epsilonScale, maxIterations: 40 });
    const error = await assertRejects(() => solve(1e-7), RangeError, 'Expected "epsilon" of');
    const named = Number(/of (\S+) or more/.exec(error.message)![1]);
    const { result } = await withWarnings(() => solve(named));
    assert(Number.isFinite(result.cost) && Number.isFinite(result.dual) && Number.isFinite(result.marginalError));
    result.dispose();
    await assertRejects(() => solve(named * 0.98), RangeError, 'Expected "epsilon" of');
  }
  assert(smallestEpsilon(1, "f64") < 1e-13 && smallestEpsilon(1, "f32") < 1e-5);
});

onEachDevice("negative costs count by their size", async (gpu) => {
  const C = gpu.random.uniform([6, 7], { seed: 9 }).sub(1000);
  await assertRejects(
    () => sinkhorn(C, { epsilon: 1e-3, epsilonScale: "absolute" }),
    RangeError,
    'Expected "epsilon" of 0.00',
  );
  using shifted = await sinkhorn(C, { epsilon: 0.1, epsilonScale: "absolute" });
  using plain = await sinkhorn(C.add(1000), { epsilon: 0.1, epsilonScale: "absolute" });
  assertAlmostEquals(shifted.cost, plain.cost - 1000, 1e-3);
});

onEachDevice(
  "started from its own potentials a problem is done at once; ε-scaling finds the same solution",
  async (gpu) => {
    const x = points(gpu, 50, 2, 7), y = points(gpu, 50, 2, 8), options = { epsilon: 2e-3, tolerance: 1e-5 };
    for (const form of FORMS) {
      using cold = await sinkhorn(x, y, { ...options, form });
      using warm = await sinkhorn(x, y, { ...options, form, potentials: cold.potentials });
      assert(warm.iterations <= 10 && cold.iterations > 20, `${form}: ${warm.iterations} after ${cold.iterations}`);
      assertAlmostEquals(warm.cost, cold.cost, 1e-4 * cold.cost);
      const seen: number[] = [];
      using staged = await sinkhorn(x, y, {
        ...options,
        form,
        epsilonScaling: 0.25,
        onProgress: (p) => seen.push(p.iteration),
      });
      assert(staged.converged && seen.every((k, at) => at === 0 || k >= seen[at - 1]));
      assertEquals(staged.history.map((h) => h.iteration), seen);
      assertEquals(staged.iterations, seen.at(-1));
      assertAlmostEquals(staged.cost, cold.cost, 1e-4 * cold.cost);
      assertAlmostEquals(staged.dual, cold.dual, 1e-4 * Math.abs(cold.dual));
    }
  },
);

onEachDevice("all forms are differentiated alike and leave nothing behind", async (gpu) => {
  const x = points(gpu, 12, 2, 9), y = points(gpu, 9, 2, 10);
  await Promise.all([x.data(), y.data()]);
  const gradients: ArrayLike<number>[] = [];
  for (const form of FORMS) {
    using g = await grad(async (x: Tensor) => (await sinkhorn(x, y, { form, epsilon: 0.1, tolerance: 1e-6 })).value)(x);
    gradients.push(await g.data());
    const before = gpu.device.ledger.count;
    const result = await sinkhorn(x, y, { form, epsilon: 0.01, epsilonScaling: 0.5 });
    result.dispose();
    assertEquals(gpu.device.ledger.count, before, form);
    const controller = new AbortController(), { signal } = controller;
    const onProgress = () => controller.abort(new Error("enough"));
    await assertRejects(() => sinkhorn(x, y, { form, tolerance: 1e-12, signal, onProgress }), Error, "enough");
    assertEquals(gpu.device.ledger.count, before, `${form}, aborted`);
  }
  for (const g of gradients) Array.from(g).forEach((v, k) => assertAlmostEquals(v, gradients[2][k], 1e-5));
});

onEachDevice(
  "from potentials that are far off, beyond the range of a stored plan, the solution is found",
  async (gpu) => {
    const n = 14, x = points(gpu, n, 2, 21), y = points(gpu, n, 2, 22);
    const options = { epsilon: 2e-3, form: "kernel", tolerance: 1e-5 } as const;
    using near = await sinkhorn(x, y, options);
    const potentials = [0, 1].map((side) => Array.from({ length: n }, (_, k) => ((k * 7 + side) % 5) - 2));
    using far = await sinkhorn(x, y, { ...options, potentials: [potentials[0], potentials[1]] });
    assertEquals([near.converged, far.converged], [true, true]);
    assertAlmostEquals(far.dual, near.dual, 1e-5 * Math.abs(near.dual));
    assertAlmostEquals(far.cost, near.cost, 1e-3 * near.cost);
  },
);

onEachDevice("the form is chosen by size, points and device; what does not fit is refused", async (gpu) => {
  const cpu = gpu.info.backend === "cpu",
    choose = (n: number, dimension?: number) => chooseForm({ n, m: n, dimension, device: gpu.device });
  assertEquals(choose(1000, 2), cpu ? "kernel" : "streaming");
  assertEquals(choose(1000, 100), cpu ? "kernel" : "stored");
  assertEquals(choose(5000, 2), "streaming");
  assertEquals(choose(5000), "stored");
  const beside = (software: boolean, n: number) =>
    chooseForm({ n, m: n, dimension: 2, device: { info: { backend: "webgpu", software, threads: 2 } } as Device });
  assertEquals([beside(true, 1000), beside(true, 5000)], ["kernel", "streaming"]);
  assertEquals([beside(false, 500), beside(false, 1000)], ["kernel", "streaming"]);
  const x = points(gpu, 4, 2, 11), y = points(gpu, 3, 2, 12);
  using small = await sinkhorn(x, y);
  assertEquals(small.form, choose(4, 2));
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhorn as any)(...args), kind, message);
  await refused('Expected "form" to be "auto", "streaming"', TypeError, x, y, { form: "log" });
  await refused('The form "streaming" is for points', TypeError, gpu.ones([3, 3]), { form: "streaming" });
  await refused('The form "kernel" cannot be unrolled', TypeError, x, y, { form: "kernel", differentiate: "unrolled" });
  await refused('Expected "epsilonScaling" between 0 and 1, got 1', RangeError, x, y, { epsilonScaling: 1 });
  await refused("cannot be unrolled", TypeError, x, y, { epsilonScaling: 0.5, differentiate: "unrolled" });
  await refused('Expected "potentials" as [4] and [3], got [3] and [3]', TypeError, x, y, {
    potentials: [[0, 0, 0], [0, 0, 0]],
  });
  await refused("got g[1] = NaN", RangeError, x, y, { potentials: [[0, 0, 0, 0], [0, NaN, 0]] });
});
