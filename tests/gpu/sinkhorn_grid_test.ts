import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { axisCosts } from "../../src/methods/transport/grid_cost.ts";
import { gridGeometry } from "../../src/methods/transport/grid_geometry.ts";
import { storeAxes } from "../../src/methods/transport/grid_sums.ts";
import { productGeometry, takesProducts } from "../../src/methods/transport/grid_products.ts";
import {
  sinkhorn,
  sinkhornGrid as sinkhornGridInAnyForm,
  type SinkhornGridOptions,
  type SinkhornResult,
} from "../../src/methods/transport/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { gridCosts } from "./grid_costs.ts";
import { logDomainSinkhorn } from "./plain_sinkhorn.ts";
import { withWarnings } from "./quiet.ts";

/** Along the axes, unless said otherwise: small grids would be stored. */
const sinkhornGrid: typeof sinkhornGridInAnyForm = (a: Tensor, b: Tensor, options?: SinkhornGridOptions) =>
  sinkhornGridInAnyForm(a, b, { form: "separable", ...options });

/** Weights of sum 1, some of them zero. */
function weights(count: number, seed: number, zeros = 0.3): Float64Array {
  const random = generator(seed), w = Float64Array.from({ length: count }, () => Math.max(0, random() - zeros) + 1e-9);
  w.forEach((x, k) => w[k] = x < 1e-8 && count > 1 ? 0 : x);
  const total = w.reduce((s, x) => s + x, 0);
  return w.map((x) => x / total);
}

const CASES: readonly [shape: number[], spacing: number[], cost: string, term: (d: number) => number, eps: number][] = [
  [[13], [0.5], "sqeuclidean", (d) => d * d, 0.01],
  [[5, 7], [1, 0.3], "sqeuclidean", (d) => d * d, 0.05],
  [[6, 5], [1, 1], "cityblock", Math.abs, 0.02],
  [[3, 2, 4], [0.1, 2, 1], "abs(x[i] - y[j])^1.5", (d) => Math.abs(d) ** 1.5, 0.1],
  // Uphill costs more than downhill: rows and columns see different costs.
  [[2, 1, 2, 3], [1, 1, 1, 1], "max(x[i] - y[j], 0) + abs(x[i] - y[j])", (d) => Math.max(d, 0) + Math.abs(d), 0.1],
  [[1], [1], "sqeuclidean", (d) => d * d, 0.5],
];

for (const [shape, spacing, cost, term, epsilon] of CASES) {
  onEachDevice(`sinkhornGrid on [${shape}] with ${cost} is plain Sinkhorn in f64 on all cells`, async (gpu) => {
    const cells = shape.reduce((n, s) => n * s, 1), a = weights(cells, 1), b = weights(cells, 2);
    const C = gridCosts(shape, spacing, term), largest = Math.max(...C), eps = epsilon * (largest || 1);
    const want = logDomainSinkhorn(C, a, b, eps, 1e-9, 50_000);
    const [A, B] = [a, b].map((w) => gpu.tensor(Float32Array.from(w), { shape }));
    using result = await sinkhornGrid(A, B, { cost, spacing, epsilon, tolerance: 1e-6 });
    assertEquals([result.converged, result.form], [true, "separable"]);
    assertAlmostEquals(result.cost, want.cost, 2e-5 * (largest || 1));
    assertAlmostEquals(result.dual, want.dual, 1e-5 * Math.abs(want.dual) + 1e-6 * eps);
    assertAlmostEquals(result.primal, result.dual, 1e-5 * (largest || 1));
    assert(result.marginalError <= 1e-6 && result.history.length > 0);
    const [f, g] = result.potentials;
    assertEquals([f.shape, g.shape], [shape, shape]);
    (await f.data()).forEach((v, k) => assertEquals(v === -Infinity, a[k] === 0));
    const P = await result.plan.toDense().data();
    const off = want.plan.reduce((s, p, k) => s + Math.abs(p - P[k]), 0);
    assert(off < 1e-4, `the plans differ by ${off}`);
    const v = gpu.random.normal([cells, 2], { seed: 3 }), V = await v.data();
    for (const [plan, turned] of [[result.plan, false], [result.plan.T, true]] as const) {
      const got = await plan.apply(v).data();
      got.forEach((x, at) => {
        const i = Math.floor(at / 2);
        let sum = 0;
        for (let j = 0; j < cells; j++) sum += want.plan[turned ? j * cells + i : i * cells + j] * V[2 * j + at % 2];
        assertAlmostEquals(x, sum, 1e-4);
      });
    }
  });
}

onEachDevice("at an ε far below what kernels carry the sums along axes keep their digits", async (gpu) => {
  const shape = [4, 9], cells = 36, a = weights(cells, 4), b = weights(cells, 5);
  const C = gridCosts(shape, [1, 1], (d) => d * d), costs = axisCosts("sqeuclidean", shape, [1, 1]);
  for (const fraction of [1e-1, 1e-3, 1e-5]) {
    const largest = 9 + 64, epsilon = Math.fround(fraction * largest), rate = 1 / epsilon;
    // Potentials of any size whose plan is of size 1: those of a few iterations.
    const { f, g } = logDomainSinkhorn(C, a, b, epsilon, 0, 8);
    const part = (v: Float64Array) => {
      const quantum = 2 ** -5, coarse = v.map((x) => Math.round(x / quantum) * quantum);
      return { coarse, fine: v.map((x, k) => x === -Infinity ? 0 : Math.fround((x - coarse[k]) / epsilon)) };
    };
    const [F, G] = [part(f), part(g)];
    const tensors = ({ coarse, fine }: ReturnType<typeof part>) => ({
      coarse: gpu.tensor(Float32Array.from(coarse)),
      fine: gpu.tensor(Float32Array.from(fine)),
    });
    const geometry = gridGeometry(gpu.zeros([1]), costs, storeAxes(gpu.zeros([1]), costs));
    using rows = geometry.marginal("rows", tensors(F), tensors(G), epsilon);
    using transport = geometry.rowCost(tensors(F), tensors(G), epsilon);
    const [got, paid] = await Promise.all([rows.data(), transport.data()]);
    for (let i = 0; i < cells; i++) {
      let sum = 0, cost = 0;
      for (let j = 0; j < cells; j++) {
        const P = Math.exp((F.coarse[i] + G.coarse[j] - C[i * cells + j]) * rate + F.fine[i] + G.fine[j]);
        if (!(P > 0)) continue;
        sum += P;
        cost += P * C[i * cells + j];
      }
      // What rounding of 1/ε does to the small slack that is exponentiated, and of as many exponentials as there are axes.
      assertAlmostEquals(got[i], sum, 1e-5 * sum + 1e-30, `marginal ${i} at ${fraction}`);
      assertAlmostEquals(paid[i], cost, 1e-5 * cost + 1e-30, `cost ${i} at ${fraction}`);
    }
  }
});

onEachDevice("products with the axes' kernels are the sums of exponentials", async (gpu) => {
  for (
    const [shape, cost] of [[[40], "cityblock"], [[9, 14], "sqeuclidean"], [[3, 5, 4], "max(x[i] - y[j], 0)"]] as const
  ) {
    const costs = axisCosts(cost, shape, shape.map(() => 0.7)), cells = shape.reduce((n, s) => n * s, 1 as number);
    const epsilon = Math.max(...costs.map((c) => c.largest)) / 60;
    const like = gpu.zeros([cells]),
      sums = gridGeometry(like, costs, storeAxes(like, costs)),
      products = productGeometry(like, costs, epsilon);
    const random = generator(6);
    // Potentials that differ by more than f32's range of exponentials, with holes in them.
    const potential = () => ({
      coarse: gpu.tensor(
        Float32Array.from({ length: cells }, (_, k) => k % 5 === 3 ? -Infinity : random() * 200 * epsilon),
      ),
      fine: gpu.tensor(Float32Array.from({ length: cells }, (_, k) => k % 5 === 3 ? 0 : random() - 0.5)),
    });
    const other = potential();
    for (const side of ["rows", "columns"] as const) {
      using x = products.logSum(side, other, epsilon);
      using y = sums.logSum(side, other, epsilon);
      const [got, want] = [await x.data(), await y.data()];
      want.forEach((v, k) => assertAlmostEquals(got[k], v, 1e-4, `${shape}, ${side}, ${k}`));
      // The marginal of a plan whose rows sum to 1.
      const own = { coarse: gpu.tensor(Array.from(want, (v) => -v * epsilon)), fine: gpu.zeros([cells]) };
      using s = products.marginal(side, side === "rows" ? own : other, side === "rows" ? other : own, epsilon);
      (await s.data()).forEach((v) => assertAlmostEquals(v, 1, 1e-4));
    }
    products.dispose();
  }
});

onEachDevice("the marginal error of many cells is that of the plan, up to the rounding that is stated", async (gpu) => {
  // So many that all devices take products.
  const shape = [48, 64], cells = 3072, [a, b] = [weights(cells, 1), weights(cells, 2)];
  const [A, B] = [a, b].map((w) => gpu.tensor(Float32Array.from(w), { shape }));
  assert(takesProducts(axisCosts("sqeuclidean", shape, [1, 1]), 0.02 * (47 ** 2 + 63 ** 2), A));
  for (const maxIterations of [3, 10_000]) {
    const { result } = await withWarnings(() => sinkhornGrid(A, B, { epsilon: 0.02, maxIterations, tolerance: 2e-6 }));
    using ones = gpu.ones([cells]);
    const [rows, columns] = await Promise.all(
      [result.plan.apply(ones), result.plan.applyTransposed(ones)].map((t) => t.data()),
    );
    const off = (x: ArrayLike<number>, w: Float64Array) => w.reduce((s, v, k) => s + Math.abs(v - x[k]), 0);
    const bound = result.marginalRounding;
    assert(
      Math.abs(off(rows, a) - result.marginalError) <= bound,
      `${off(rows, a)}, measured ${result.marginalError} ± ${bound}`,
    );
    assert(off(columns, b) <= bound && bound < 1e-3, `${off(columns, b)} ± ${bound}`);
    assertEquals(result.converged, maxIterations > 3);
    result.dispose();
  }
});

const SHAPE = [3, 4], CELLS = 12;
const QUANTITIES: Record<string, (r: SinkhornResult, v: Tensor) => Tensor> = {
  value: (r) => r.value,
  "transport cost": (r) => r.transportCost(),
  "plan applied": (r, v) => r.plan.apply(v).square().sum(),
  potentials: (r) => {
    const [f, g] = r.potentials;
    return f.sub(f.mean()).square().sum().add(g.sub(g.mean()).pow(3).sum());
  },
};

for (const [what, quantity] of Object.entries(QUANTITIES)) {
  Deno.test(`sinkhornGrid's ${what}: gradients and central differences agree in f64`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await gpu.scope(async () => {
      const base = { a: weights(CELLS, 7, -0.2), b: weights(CELLS, 8, -0.2), epsilon: Float64Array.of(1.5) };
      const v = gpu.tensor(weights(CELLS, 9, -0.2));
      const tensors = (n: typeof base) => ({
        a: gpu.tensor(n.a.slice(), { shape: SHAPE, dtype: "f64" }),
        b: gpu.tensor(n.b.slice(), { shape: SHAPE, dtype: "f64" }),
        epsilon: gpu.tensor(n.epsilon.slice(), { shape: [], dtype: "f64" }),
      });
      const loss = async ({ a, b, epsilon }: ReturnType<typeof tensors>) =>
        quantity(
          await sinkhornGrid(a, b, { epsilon, epsilonScale: "absolute", tolerance: 1e-13 }),
          v.astype("f64"),
        );
      const found = await grad(loss, { unreached: "zeros" })(tensors(base));
      for (const name of ["a", "b", "epsilon"] as const) {
        const g = await found[name].data(), paired = name !== "epsilon";
        for (const k of paired ? [5] : [0]) {
          const at = async (h: number) => {
            const moved = { ...base, [name]: base[name].slice() };
            moved[name][k] += h;
            if (paired) moved[name][k + 1] -= h;
            return await (await loss(tensors(moved))).item();
          };
          const h = 1e-5, want = (await at(h) - await at(-h)) / (2 * h), got = g[k] - (paired ? g[k + 1] : 0);
          assertAlmostEquals(
            got,
            want,
            1e-6 * (1 + Math.abs(want)),
            `${name}[${k}]: got ${got}, by differences ${want}`,
          );
        }
      }
    });
  });
}

Deno.test("cells without mass leave the derivative by ε finite, on grids and between points", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await gpu.scope(async () => {
    const a = gpu.tensor([[0, 0.5], [0.25, 0.25]], { dtype: "f64" }),
      b = gpu.tensor([[0.5, 0], [0.5, 0]], { dtype: "f64" });
    const x = gpu.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], { dtype: "f64" });
    const options = { epsilonScale: "absolute" as const, tolerance: 1e-13 };
    const solvers = {
      grid: (epsilon: Tensor) => sinkhornGrid(a, b, { ...options, epsilon }),
      points: (epsilon: Tensor) => sinkhorn(x, x, { ...options, a: a.reshape([4]), b: b.reshape([4]), epsilon }),
    };
    for (const [name, solve] of Object.entries(solvers)) {
      const loss = async (epsilon: Tensor) => {
        const result = await solve(epsilon);
        return result.transportCost().add(result.plan.apply(x).square().sum());
      };
      const at = (epsilon: number) => gpu.tensor(Float64Array.of(epsilon), { shape: [], dtype: "f64" });
      const got = await (await grad(loss)(at(0.5))).item();
      const [above, below] = await Promise.all(
        [0.5 + 1e-5, 0.5 - 1e-5].map(async (e) => await (await loss(at(e))).item()),
      );
      assertAlmostEquals(got, (above - below) / 2e-5, 1e-7, name);
    }
  });
});

onEachDevice("the dual value's gradient in f32 is the potentials', and nothing of all pairs is stored", async (gpu) => {
  const shape = [30, 34], cells = 1020;
  const [a, b] = [1, 2].map((seed) => gpu.tensor(Float32Array.from(weights(cells, seed, 0)), { shape }));
  await Promise.all([a.data(), b.data()]);
  gpu.device.ledger.resetPeak();
  const before = gpu.memory().peak;
  let f: Float64Array | undefined;
  using g = await grad(async (a: Tensor) => {
    const result = await sinkhornGrid(a, b, { epsilon: 0.05 });
    f = Float64Array.from(await result.potentials[0].data());
    return result.value;
  })(a);
  const slope = await g.data(), shift = slope[0] - f![0];
  slope.forEach((v, k) => assertAlmostEquals(v, f![k] + shift, 2e-3));
  const peak = gpu.memory().peak - before;
  assert(peak < 4 * cells * cells / 2, `${peak} bytes for ${cells} cells`);
});

onEachDevice("sinkhornGrid starts warm and in stages, frees what it made and stops when told", async (gpu) => {
  const shape = [6, 7], [a, b] = [1, 2].map((s) => gpu.tensor(Float32Array.from(weights(42, s)), { shape }));
  await Promise.all([a.data(), b.data()]);
  using cold = await sinkhornGrid(a, b, { epsilon: 2e-3 });
  using warm = await sinkhornGrid(a, b, { epsilon: 2e-3, potentials: cold.potentials });
  assert(warm.iterations <= 10 && cold.iterations > 20, `${warm.iterations} after ${cold.iterations}`);
  const seen: number[] = [], onProgress = (p: { iteration: number }) => seen.push(p.iteration);
  using staged = await sinkhornGrid(a, b, { epsilon: 2e-3, epsilonScaling: 0.2, onProgress });
  assertEquals(staged.history.map((h) => h.iteration), seen);
  assertAlmostEquals(staged.cost, cold.cost, 1e-4 * cold.cost);
  assertAlmostEquals(staged.dual, cold.dual, 1e-4 * Math.abs(cold.dual));
  assert(/separable/.test(Deno.inspect(cold)));
  await Promise.all([...cold.potentials, ...warm.potentials, ...staged.potentials].map((t) => t.data()));
  const before = gpu.device.ledger.count;
  (await sinkhornGrid(a, b, { epsilon: 2e-3, potentials: cold.potentials })).dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController(), { signal } = controller;
  const abort = () => controller.abort(new Error("enough"));
  await assertRejects(() => sinkhornGrid(a, b, { tolerance: 1e-12, signal, onProgress: abort }), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
  const { result, warnings } = await withWarnings(() => sinkhornGrid(a, b, { maxIterations: 3, tolerance: 1e-9 }));
  assert(!result.converged && warnings.length === 1);
  result.dispose();
});

onEachDevice("bad input of sinkhornGrid is refused by name", async (gpu: Gpu) => {
  const a = gpu.full([2, 3], 1), b = gpu.full([2, 3], 1);
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhornGrid as any)(...args), kind, message);
  await refused('Expected "a" to be a tensor of masses, got object', TypeError, [1, 2], b);
  await refused('histograms "a" and "b" on one grid, got [2, 3] and [3, 2]', TypeError, a, gpu.ones([3, 2]));
  await refused('histograms "a" and "b"', TypeError, gpu.tensor(1), gpu.tensor(1));
  await refused('Expected "a" in f32 or f64, got i32', TypeError, a.astype("i32"), b);
  await refused('Expected 2 numbers in "spacing", got 1', TypeError, a, b, { spacing: [1] });
  await refused('Expected "spacing" to be positive, got 0', RangeError, a, b, { spacing: 0 });
  await refused('The cost "euclidean" is no sum over the axes', TypeError, a, b, { cost: "euclidean" });
  await refused('Unknown cost "cityblok" on a grid, did you mean "cityblock"?', TypeError, a, b, { cost: "cityblok" });
  await refused('Expected 2 formulas in "cost"', TypeError, a, b, { cost: ["cityblock"] });
  await refused("Expected finite costs, got -Infinity between cells 0 and 0 of axis 0", RangeError, a, b, {
    cost: "log(abs(x[i] - y[j]))",
  });
  await refused("same sum", RangeError, a, gpu.full([2, 3], 2));
  await refused('weights of 0 or more in "b"', RangeError, a, gpu.tensor([[1, 1, 1], [1, 1, NaN]]));
  await refused("positive sum", RangeError, gpu.zeros([2, 3]), gpu.zeros([2, 3]));
  await refused("at least one", RangeError, gpu.zeros([2, 0]), gpu.zeros([2, 0]));
  await refused('Expected "epsilon" of 0.00', RangeError, a, b, { epsilon: 1e-7 });
  await refused('Expected "epsilonScaling" between 0 and 1', RangeError, a, b, { epsilonScaling: 2 });
  await refused('Expected "potentials" as [6] and [6]', TypeError, a, b, { potentials: [[1], [1]] });
  await refused("relative to the largest cost -1", RangeError, a, b, {
    cost: ["0 * x[i] * y[j]", "-1 + 0 * x[i] * y[j]"],
  });
});

onEachDevice("a grid whose pairs are stored has the solution of the sums along axes", async (gpu) => {
  const shape = [4, 3, 2], spacing = [1, 0.5, 2], options = { spacing, cost: "abs(x[i] - y[j])^1.5", epsilon: 0.02 };
  const [a, b] = [1, 2].map((seed) => gpu.tensor(Float32Array.from(weights(24, seed)), { shape }));
  using along = await sinkhornGrid(a, b, { ...options, tolerance: 1e-6 });
  using stored = await sinkhornGridInAnyForm(a, b, { ...options, tolerance: 1e-6, form: "kernel" });
  assertEquals([along.form, stored.form], ["separable", "kernel"]);
  assertEquals(stored.potentials.map((t) => t.shape), [shape, shape]);
  assertAlmostEquals(stored.cost, along.cost, 1e-5 * along.cost);
  assertAlmostEquals(stored.dual, along.dual, 1e-5 * Math.abs(along.dual));
  const [p, q] = await Promise.all([stored, along].map((r) => r.plan.toDense().data()));
  p.forEach((mass, k) => assertAlmostEquals(mass, q[k], 1e-5));
  const start = { ...options, form: "kernel" as const, potentials: along.potentials };
  const before = gpu.device.ledger.count, warm = await sinkhornGridInAnyForm(a, b, start);
  assert(warm.iterations <= 2, `${warm.iterations} iterations from the solution`);
  warm.dispose();
  if (gpu.info.backend === "cpu") {
    const auto = await sinkhornGridInAnyForm(a, b, options);
    assertEquals(auto.form, "kernel");
    auto.dispose();
  }
  assertEquals(gpu.device.ledger.count, before);
  const form = "dense" as "kernel";
  await assertRejects(() => sinkhornGridInAnyForm(a, b, { form }), TypeError, '"separable" or "kernel", got "dense"');
});
