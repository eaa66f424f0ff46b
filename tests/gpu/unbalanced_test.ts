import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sinkhorn, unbalanced } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
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

onEachDevice("unbalanced agrees with POT", async (gpu) => {
  for (const { cost, a, b, epsilon, rho, plan } of load("unbalanced").cases) {
    using C = gpu.tensor(cost);
    const options = { a, b, epsilon, rho, ...absolute, reference: "counting" as const, tolerance: 1e-6 };
    using result = await unbalanced(C, options);
    assert(result.converged, `${result.marginalError}`);
    const P: number[][] = await result.plan.toDense().array();
    const mass = plan.flat().reduce((s, p) => s + p, 0), error = P.flat().map((p, k) => Math.abs(p - plan.flat()[k]));
    // The plan's error is that of the marginals times up to 1 + ρ/ε (a contraction by ρ/(ρ + ε) remains).
    assert(error.reduce((s, e) => s + e, 0) < 2e-6 * (1 + rho / epsilon) * mass);
    assertAlmostEquals(result.mass, mass, 2e-6 * (1 + rho / epsilon) * mass);
    assert(Math.abs(result.gap) < 1e-5 * mass, `${result.gap}`);
  }
});

Deno.test("in f64 unbalanced agrees with POT to ten digits, and its gap closes", () =>
  onHost(async (gpu) => {
    for (const { cost, a, b, epsilon, rho, plan } of load("unbalanced").cases) {
      const options = { a, b, epsilon, rho, ...absolute, reference: "counting" as const, tolerance: 1e-13 };
      using result = await unbalanced(f64(gpu, cost), options);
      assert(result.converged);
      const P: number[][] = await result.plan.toDense().array(), most = Math.max(...plan.flat());
      P.flat().forEach((p, k) => assertAlmostEquals(p, plan.flat()[k], 1e-9 * most));
      assert(result.gap > -1e-14 && result.gap < 1e-12, `${result.gap}`);
      assertAlmostEquals(result.primal, result.dual, 1e-12);
      assertAlmostEquals(await result.value.item(), result.dual, 1e-12);
    }
  }));

Deno.test("as ε vanishes the values are those of POT's mm_unbalanced and of SciPy's linear programme", () =>
  onHost(async (gpu) => {
    for (const { cost, a, b, rho, ...limits } of load("unbalanced_limits").cases) {
      for (const penalty of ["kl", "tv"] as const) {
        const epsilon = 0.03, options = { a, b, rho, penalty, epsilon, ...absolute };
        using result = await unbalanced(f64(gpu, cost), options);
        assert(result.converged, `${result.marginalError}`);
        // 0 ≤ KL(P | a⊗b), and at the limit's plan, of mass at most the larger total, KL ≤ mass · log(1/min a b) + Σa Σb.
        const totals = [a, b].map((w) => w.reduce((s, x) => s + x, 0));
        const most = Math.max(...totals) * Math.max(0, -Math.log(Math.min(...a) * Math.min(...b))) +
          totals[0] * totals[1];
        assert(result.primal >= limits[penalty] - 1e-9, `${penalty}: ${result.primal} below ${limits[penalty]}`);
        assert(result.dual <= limits[penalty] + epsilon * most, `${penalty}: ${result.dual} above ${limits[penalty]}`);
        assert(result.gap >= -1e-12 && result.gap < 1e-3);
      }
    }
  }));

Deno.test("no other plan is better, and no other potentials either", () =>
  onHost(async (gpu) => {
    const random = generator(7), n = 4, m = 3, epsilon = 0.2, rho = [0.7, 0.4];
    const C = Array.from({ length: n }, () => Array.from({ length: m }, () => random()));
    const a = Array.from({ length: n }, () => random()), b = Array.from({ length: m }, () => random());
    for (const penalty of ["kl", "tv"] as const) {
      for (const reference of ["product", "counting"] as const) {
        const options = { a, b, epsilon, rho: [rho[0], rho[1]] as const, penalty, reference, ...absolute };
        using result = await unbalanced(f64(gpu, C), { ...options, tolerance: 1e-13 });
        const P: number[][] = await result.plan.toDense().array();
        const objective = (P: number[][]) => {
          const D = (r: number, w: number) => penalty === "tv" ? Math.abs(r - w) : r * Math.log(r / w) - r + w;
          const alpha = reference === "product" ? (i: number, j: number) => a[i] * b[j] : () => 1;
          let s = 0;
          P.forEach((row, i) =>
            row.forEach((p, j) => {
              s += p * C[i][j] + epsilon * p * (Math.log(p / alpha(i, j)) - 1);
              if (reference === "product") s += epsilon * a[i] * b[j];
            })
          );
          a.forEach((w, i) => s += rho[0] * D(P[i].reduce((t, p) => t + p, 0), w));
          b.forEach((w, j) => s += rho[1] * D(P.reduce((t, row) => t + row[j], 0), w));
          return s;
        };
        assertAlmostEquals(objective(P), result.primal, 1e-12);
        assert(result.gap >= -1e-14 && result.gap < 1e-11, `${result.gap}`);
        for (let trial = 0; trial < 20; trial++) {
          const moved = P.map((row) => row.map((p) => p * Math.exp(0.02 * (random() - 0.5))));
          assert(objective(moved) >= result.primal - 1e-13);
        }
      }
    }
  }));

onEachDevice("points stream, and their value has gradients", async (gpu) => {
  const x = gpu.random.uniform([30, 2], { seed: 1 }), y = gpu.random.uniform([20, 2], { seed: 2 });
  using result = await unbalanced(x, y, { epsilon: 0.05, rho: 0.5, tolerance: 1e-6 });
  assert(result.converged && Math.abs(result.gap) < 1e-5);
  const rows: number[] = await result.masses[0].array();
  assertAlmostEquals(rows.reduce((s, r) => s + r, 0), result.mass, 1e-5);
  assert(result.mass > 0.2 && result.mass < 1);
  const P: number[][] = await result.plan.toDense().array();
  P.forEach((row, i) => assertAlmostEquals(row.reduce((s, p) => s + p, 0), rows[i], 1e-6));
});

Deno.test("gradients by points and weights agree with central differences", () =>
  onHost(async (gpu) => {
    const random = generator(2), draw = (k: number) => Float64Array.from({ length: k }, () => random() + 0.1);
    const given = { x: draw(10), y: draw(8), a: draw(5), b: draw(4) };
    const shapes = { x: [5, 2], y: [4, 2], a: [5], b: [4] };
    const tensor = (name: keyof typeof given, data = given[name]) =>
      gpu.tensor(data.slice(), { shape: shapes[name], dtype: "f64" });
    for (const [penalty, reference] of [["kl", "product"], ["tv", "product"], ["kl", "counting"]] as const) {
      const loss = async (t: Record<keyof typeof given, Tensor>) => {
        const { x, y, a, b } = t, options = { a, b, penalty, reference, epsilon: 0.1, rho: 0.3, ...absolute };
        return (await unbalanced(x, y, { ...options, tolerance: 1e-14 })).value;
      };
      const all = { x: tensor("x"), y: tensor("y"), a: tensor("a"), b: tensor("b") };
      const got = await grad(loss)(all), h = 1e-5;
      for (const name of ["x", "y", "a", "b"] as const) {
        const g = await got[name].data();
        for (const k of [2]) {
          const [up, down] = await Promise.all([h, -h].map(async (by) => {
            const moved = given[name].slice();
            moved[k] += by;
            return await (await loss({ ...all, [name]: tensor(name, moved) })).item();
          }));
          assertAlmostEquals(g[k], (up - down) / (2 * h), 1e-7, `${penalty} ${reference} ${name}[${k}]`);
        }
      }
    }
  }));

onEachDevice("held on both sides it is sinkhorn, on one side it has that side's weights", async (gpu) => {
  const C = gpu.random.uniform([9, 7], { seed: 3 });
  using balanced = await sinkhorn(C, { epsilon: 0.05, tolerance: 1e-6 });
  using held = await unbalanced(C, { epsilon: 0.05, rho: Infinity, tolerance: 1e-6 });
  assertAlmostEquals(held.cost, balanced.cost, 1e-5);
  using half = await unbalanced(C, { epsilon: 0.05, rho: [Infinity, 0.2], tolerance: 1e-6 });
  ((await half.masses[0].array()) as number[]).forEach((r) => assertAlmostEquals(r, 1 / 9, 2e-6));
  assert(Math.abs(half.gap) < 1e-5);
});

onEachDevice("strong penalties need few iterations, and weights of zero take no part", async (gpu) => {
  const C = gpu.random.uniform([12, 10], { seed: 4 });
  using strong = await unbalanced(C, { epsilon: 0.1, rho: 1000, a: new Array(12).fill(1), b: new Array(10).fill(3) });
  assert(strong.converged && strong.iterations <= 100, `${strong.iterations}`);
  // KL mean of the two totals: √(12·30) for equal ρ (to first order in ε/ρ and C/ρ).
  assertAlmostEquals(strong.mass, Math.sqrt(360), 0.02);
  const a = new Array(12).fill(1 / 11);
  a[3] = 0;
  for (const penalty of ["kl", "tv"] as const) {
    using zero = await unbalanced(C, { epsilon: 0.05, rho: 0.5, a, penalty });
    assert(zero.converged && Number.isFinite(zero.primal) && Math.abs(zero.gap) < 1e-4);
    assertEquals((await zero.masses[0].array())[3], 0);
  }
  // Here mass may come out of nothing. (The constant between the potentials then moves slowly: not to be had to the last digit.)
  const free = { epsilon: 0.05, rho: 0.5, a, penalty: "tv", reference: "counting", tolerance: 1e-3 } as const;
  using counting = await unbalanced(C, free);
  assert(counting.converged && (await counting.masses[0].array())[3] > 0 && Math.abs(counting.gap) < 1e-3);
  using far = await unbalanced(gpu.tensor([[1000, 1000], [0, 1]]), { epsilon: 0.1, rho: 1, ...absolute });
  assert(far.converged && Number.isFinite(far.dual));
});

onEachDevice("bad input is refused by name, and memory balances", async (gpu) => {
  const { live } = gpu.memory();
  using C = gpu.random.uniform([5, 4], { seed: 1 });
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (unbalanced as any)(...args), kind, message);
  await refused('"penalty" to be "kl" or "tv", got "l2"', TypeError, C, { penalty: "l2" });
  await refused('"reference" to be "product" or "counting"', TypeError, C, { reference: 1 });
  await refused('"rho" to be positive (one number, or two), got 0', RangeError, C, { rho: 0 });
  await refused('"rho" to be positive (one number, or two), got 1,NaN', RangeError, C, { rho: [1, NaN] });
  await refused('"tolerance" to be positive, got -1', RangeError, C, { tolerance: -1 });
  await refused('"epsilon" to be positive', RangeError, C, { epsilon: 0 });
  await refused("Expected weights of one sum where rho is Infinity", RangeError, C, { rho: Infinity, b: [1, 1, 1, 1] });
  await refused('weights of 0 or more in "b", got -1 at 1', RangeError, C, { b: [1, -1, 1, 1] });
  using bad = gpu.tensor([[0, Infinity]]);
  await refused("Expected finite numbers in the cost matrix", RangeError, bad);
  const { result, warnings } = await withWarnings(() =>
    unbalanced(C, { epsilon: 1e-3, rho: 1, maxIterations: 2, tolerance: 1e-7 })
  );
  assertEquals([result.converged, result.iterations, warnings.length], [false, 2, 1]);
  result.dispose();
  using x = gpu.random.uniform([6, 2], { seed: 2 });
  (await unbalanced(x, x, { cost: "euclidean", penalty: "tv" })).dispose();
  for (const t of [C, bad, x]) t.dispose();
  assertEquals(gpu.memory().live, live);
});
