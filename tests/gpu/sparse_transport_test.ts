import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sparseTransport } from "../../src/methods/transport/mod.ts";
import { topKSimplex } from "../../src/methods/transport/top_k_simplex.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const f64 = (gpu: Gpu, v: number[][]) =>
  gpu.tensor(Float64Array.from(v.flat()), { shape: [v.length, v[0].length], dtype: "f64" });
const absolute = { epsilonScale: "absolute" as const };

async function onHost(fn: (gpu: Gpu) => Promise<void>): Promise<void> {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await fn(gpu);
}

/** All subsets of 0…n−1 with k elements. */
function* subsets(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) yield [];
  else for (let i = from; i < n; i++) for (const rest of subsets(n, k - 1, i + 1)) yield [i, ...rest];
}

Deno.test("the top-k inner problem is solved exactly: against every support", () => {
  const random = generator(1);
  for (let trial = 0; trial < 100; trial++) {
    const n = 1 + Math.floor(random() * 7),
      k = 1 + Math.floor(random() * n),
      mass = 0.1 + random(),
      gamma = 0.1 + 2 * random();
    // Half of the trials have ties.
    const s = Float64Array.from({ length: n }, () => trial % 2 ? random() * 3 - 1 : Math.floor(random() * 3));
    const got = topKSimplex(s, mass, k, gamma);
    assert(got.rows.length >= 1 && got.rows.length <= k && got.values.every((v) => v > 0));
    assertAlmostEquals(got.values.reduce((t, v) => t + v, 0), mass, 1e-14 * n);
    let best = -Infinity;
    for (const size of Array.from({ length: k }, (_, i) => i + 1)) {
      for (const support of subsets(n, size)) {
        // On a support with all entries positive, s − γ t is constant.
        const shift = (support.reduce((t, i) => t + s[i], 0) - gamma * mass) / size;
        const t = support.map((i) => (s[i] - shift) / gamma);
        if (t.every((v) => v >= 0)) {
          best = Math.max(best, support.reduce((sum, i, at) => sum + s[i] * t[at] - gamma / 2 * t[at] ** 2, 0));
        }
      }
    }
    assertAlmostEquals(got.value, best, 1e-13);
  }
});

Deno.test("without a limit it is POT's quadratically regularized plan, and as γ vanishes the least cost", () =>
  onHost(async (gpu) => {
    for (const { cost, a, b, gamma, value, marginalError, emd } of load("quadratic_transport").cases) {
      using result = await sparseTransport(f64(gpu, cost), { a, b, gamma, ...absolute, tolerance: 1e-9 });
      assert(result.converged && result.marginalError < 1e-9, `${result.marginalError}`);
      // POT stops at its own marginal error; potentials are about the largest cost.
      const bound = 2 * (marginalError + 1e-9) * Math.max(...cost.flat());
      assertAlmostEquals(result.primal, value, bound);
      assertAlmostEquals(result.dual, value, bound);
      assert(Math.abs(result.gap) < 1e-8);
      const P: number[][] = await result.plan.toDense().array();
      P.forEach((row, i) => assertAlmostEquals(row.reduce((s, p) => s + p, 0), a[i], 1e-9));
      b.forEach((w, j) => assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), w, 1e-12));
      const small = 1e-3;
      using limit = await sparseTransport(f64(gpu, cost), { a, b, gamma: small, ...absolute, tolerance: 1e-7 });
      // The term is between 0 and γ/2 (plans have total 1).
      assert(limit.dual >= emd - 1e-6 && limit.dual <= emd + small / 2 + 1e-6, `${limit.dual} and ${emd}`);
    }
  }));

Deno.test("k = 1 is the unregularized semi-dual: its value is the best assignment's", () =>
  onHost(async (gpu) => {
    const random = generator(4), n = 6, gamma = 1e-3;
    const C = Array.from({ length: n }, () => Array.from({ length: n }, () => random()));
    let best = Infinity;
    const assign = (j: number, used: Set<number>, cost: number) => {
      if (j === n) best = Math.min(best, cost / n);
      for (let i = 0; i < n; i++) {
        if (used.has(i)) continue;
        assign(j + 1, new Set([...used, i]), cost + C[i][j]);
      }
    };
    assign(0, new Set(), 0);
    const { result } = await withWarnings(() => sparseTransport(f64(gpu, C), { k: 1, gamma, ...absolute }));
    // The dual is piecewise linear, its maximum at a kink; the best assignment is in the convex hull.
    const shift = gamma / 2 / n;
    assertAlmostEquals(result.dual, best + shift, 1e-9);
    assert(result.relaxedError < 1e-6);
    // Ties decide the plan there: what it misses is said.
    assert(result.converged || result.marginalError > 0);
    assertEquals([...result.nnzPerColumn], new Array(n).fill(1));
    result.dispose();
  }));

Deno.test("at kinks the dual value is the largest: against others, with every support tried; the relaxed plan has the weights", () =>
  onHost(async (gpu) => {
    const random = generator(6), n = 6, m = 5, gamma = 4;
    for (const k of [2, 3]) {
      const C = Array.from({ length: n }, () => Array.from({ length: m }, () => random()));
      const options = { k, gamma, ...absolute, tolerance: 1e-10 };
      const { result } = await withWarnings(() => sparseTransport(f64(gpu, C), options));
      const semiDual = (f: ArrayLike<number>) => {
        let value = 0;
        for (let i = 0; i < n; i++) value += f[i] / n;
        for (let j = 0; j < m; j++) {
          let best = -Infinity;
          for (let size = 1; size <= k; size++) {
            for (const support of subsets(n, size)) {
              const s = support.map((i) => f[i] - C[i][j]), shift = (s.reduce((t, v) => t + v, 0) - gamma / m) / size;
              const t = s.map((v) => (v - shift) / gamma);
              if (t.some((v) => v < 0)) continue;
              best = Math.max(best, s.reduce((sum, v, at) => sum + v * t[at] - gamma / 2 * t[at] ** 2, 0));
            }
          }
          value -= best;
        }
        return value;
      };
      const f = await result.potential.data();
      assertAlmostEquals(semiDual(f), result.dual, 1e-13);
      for (let trial = 0; trial < 60; trial++) {
        const size = 10 ** -(trial % 6), other = Array.from(f, (v) => v + size * (random() - 0.5));
        assert(semiDual(other) <= result.dual + 1e-10, `k = ${k}: ${semiDual(other)} above ${result.dual}`);
      }
      const P: number[][] = await result.relaxed.toDense().array();
      P.forEach((row) => assertAlmostEquals(row.reduce((s, v) => s + v, 0), 1 / n, 1e-9));
      for (let j = 0; j < m; j++) assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), 1 / m, 1e-12);
      assert(result.relaxedError < 1e-10 && (k > 2 || result.marginalError > 1e-6), `${result.marginalError}`);
      result.dispose();
    }
  }));

onEachDevice("at most k entries per column, whatever k; the certificate is that of the plan", async (gpu) => {
  const n = 24, m = 17, x = gpu.random.normal([n, 2], { seed: 1 }), y = gpu.random.normal([m, 2], { seed: 2 });
  let before = Infinity;
  for (const k of [1, 2, 4, 8, n]) {
    const { result } = await withWarnings(() => sparseTransport(x, y, { k, gamma: 0.5 }));
    const P: number[][] = await result.plan.toDense().array();
    for (let j = 0; j < m; j++) {
      const entries = P.filter((row) => row[j] !== 0).length;
      assertEquals(entries, result.nnzPerColumn[j]);
      assert(entries <= k);
      assertAlmostEquals(P.reduce((s, row) => s + row[j], 0), 1 / m, 1e-6);
    }
    const error = P.reduce((s, row) => s + Math.abs(row.reduce((t, p) => t + p, 0) - 1 / n), 0);
    assertAlmostEquals(error, result.marginalError, 1e-6);
    // More room can only be cheaper.
    assert(result.dual <= before + 1e-5 * Math.abs(before), `${k}: ${result.dual} above ${before}`);
    assert(result.relaxedError < 1e-6, `${k}: ${result.relaxedError}`);
    before = result.dual;
    if (k === n) assert(result.converged && Math.abs(result.gap) < 1e-5);
    result.dispose();
  }
});

onEachDevice("single points, zero weights, bad input; memory balances", async (gpu) => {
  const { live } = gpu.memory();
  using C = gpu.random.uniform([4, 3], { seed: 1 });
  const a = [0.5, 0, 0.25, 0.25], b = [0, 0.5, 0.5];
  const result = await sparseTransport(C, { a, b });
  assert(result.converged);
  using dense = result.plan.toDense();
  const P: number[][] = await dense.array();
  assertEquals([P[1], P.map((row) => row[0])], [[0, 0, 0], [0, 0, 0, 0]]);
  result.dispose();
  using three = gpu.tensor([[3]]);
  const one = await sparseTransport(three);
  assertEquals([one.cost, one.converged, one.nnzPerColumn[0]], [3, true, 1]);
  one.dispose();
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sparseTransport as any)(...args), kind, message);
  await refused('"k" to be a whole number from 1, got 0', RangeError, C, { k: 0 });
  await refused('"k" of at most 4 rows, got 5', RangeError, C, { k: 5 });
  await refused('"gamma" to be positive, got 0', RangeError, C, { gamma: 0 });
  await refused('"tolerance" to be positive', RangeError, C, { tolerance: NaN });
  await refused("same sum", RangeError, C, { a: [1, 1, 1, 1], b: [1, 1, 1] });
  using x = gpu.random.uniform([6, 2], { seed: 2 });
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await refused("enough", Error, x, x, { signal: controller.signal });
  (await sparseTransport(x, x, { cost: "euclidean", k: 6 })).dispose();
  for (const t of [C, three, x, dense]) t.dispose();
  assertEquals(gpu.memory().live, live);
});
