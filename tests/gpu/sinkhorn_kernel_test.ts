import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { exact, heatKernel, sinkhorn, sinkhornKernel } from "../../src/methods/transport/mod.ts";
import { dense, type LinearOperator, linearOperator, pairwise, sparse, tridiagonal } from "../../src/operators/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { type Gpu, grad, open, type Sparse, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { gridCosts } from "./grid_costs.ts";
import { withWarnings } from "./quiet.ts";

/** The Laplacian of a lattice of h × w nodes with weights 1/spacing² between neighbors. */
function lattice(gpu: Gpu, h: number, w: number, spacing: number, dtype: "f32" | "f64" = "f32"): Sparse {
  const rows: number[] = [], columns: number[] = [], values: number[] = [];
  const edge = (i: number, j: number) => {
    rows.push(i, j, i, j);
    columns.push(i, j, j, i);
    values.push(...[1, 1, -1, -1].map((v) => v / spacing ** 2));
  };
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      if (j + 1 < w) edge(i * w + j, i * w + j + 1);
      if (i + 1 < h) edge(i * w + j, (i + 1) * w + j);
    }
  }
  return gpu.sparse({ rows, columns, values, shape: [h * w, h * w], dtype });
}

function random(count: number, seed: number): Float64Array {
  const draw = generator(seed), w = Float64Array.from({ length: count }, () => draw() + 0.1);
  const total = w.reduce((s, x) => s + x, 0);
  return w.map((x) => x / total);
}

/** The entries of an operator, row by row. */
const entries = async (K: LinearOperator) => Array.from(await K.toDense().data());

onEachDevice("a heat kernel keeps heat, and its logarithm is the squared distance", async (gpu) => {
  // A path: heat flows as on the line.
  const h = 1 / 24, laplacian = sparse(lattice(gpu, 1, 25, h)), off: number[] = [];
  for (const epsilon of [0.2, 0.05]) {
    using K = await heatKernel(laplacian, { epsilon });
    const values = await entries(K);
    for (let i = 0; i < 25; i++) {
      const row = values.slice(25 * i, 25 * i + 25);
      assertAlmostEquals(row.reduce((s, v) => s + v, 0), 1, 1e-5);
      row.forEach((v, j) => {
        assert(v > 0);
        assertAlmostEquals(v, values[25 * j + i], 2e-5 * v);
      });
    }
    using unit = await heatKernel(laplacian, { epsilon, unitDiagonal: true });
    const scaled = await entries(unit);
    // From the middle to where heat has not met the ends.
    const worst = [2, 4, 6, 8].map((k) => Math.abs(-epsilon * Math.log(scaled[25 * 12 + 12 + k]) - (k * h) ** 2));
    off.push(Math.max(...worst));
    assertAlmostEquals(scaled[25 * 12 + 12], 1, 1e-6);
  }
  assert(off[1] < off[0] && off[1] < 0.005, `${off}`);
});

onEachDevice("many nodes: the kernel by products is the stored one, and implicit steps tend to it", async (gpu) => {
  // A lattice above the size that is stored, from a node in the middle; and one around that node alone.
  const [wide, small] = [[46, 46], [25, 25]].map(([h, w]) => sparse(lattice(gpu, h, w, 1)));
  const one = (count: number, at: number) => {
    const data = new Float32Array(count);
    data[at] = 1;
    return gpu.tensor(data);
  };
  using K = await heatKernel(wide, { time: 2 });
  using stored = await heatKernel(small, { time: 2 });
  assertEquals([K.structure.kind, stored.structure.kind], ["custom", "dense"]);
  const [far, near] = await Promise.all(
    [K.apply(one(2116, 23 * 46 + 23)), stored.apply(one(625, 12 * 25 + 12))].map((t) => t.data()),
  );
  for (const [di, dj] of [[0, 0], [1, 0], [3, 2], [0, 7], [8, 8]]) {
    const v = near[(12 + di) * 25 + 12 + dj], w = far[(23 + di) * 46 + 23 + dj];
    assertAlmostEquals(w, v, 1e-4 * v, `${di}, ${dj}`);
  }
  if (gpu.info.backend === "cpu") {
    const before = gpu.device.ledger.count;
    const unit = await heatKernel(wide, { time: 0.2, unitDiagonal: true });
    using peak = unit.apply(one(2116, 23 * 46 + 23));
    assertAlmostEquals((await peak.data())[23 * 46 + 23], 1, 1e-5);
    unit.dispose();
    assert(gpu.device.ledger.count <= before + 2, `${gpu.device.ledger.count - before}`);
  }
  // Of the line: e^−2t I_k(2t).
  const bessel = (k: number, x: number) => {
    let sum = 0;
    for (
      let m = 0, term = (x / 2) ** k / Array.from({ length: k }, (_, q) => q + 1).reduce((p, q) => p * q, 1);
      m < 60;
      m++
    ) {
      sum += term;
      term *= (x / 2) ** 2 / ((m + 1) * (m + 1 + k));
    }
    return sum;
  };
  assertAlmostEquals(near[(12 + 3) * 25 + 12 + 2] / (Math.exp(-8) * bessel(3, 4) * bessel(2, 4)), 1, 1e-4);
  const differences: number[] = [];
  for (const steps of [2, 16]) {
    using implicit = await heatKernel(small, { time: 2, steps });
    const got = await implicit.apply(one(625, 312)).data();
    differences.push(Array.from(got).reduce((s, v, k) => s + Math.abs(v - near[k]), 0));
    assertAlmostEquals(Array.from(got).reduce((s, v) => s + v, 0), 1, 1e-4);
  }
  assert(differences[1] < differences[0] / 4, `${differences}`);
});

onEachDevice("on a lattice the transport cost approaches that of the distances", async (gpu) => {
  const side = 14, h = 1 / 13, laplacian = sparse(lattice(gpu, side, side, h)), cells = side * side;
  const bump = (ci: number, cj: number) => {
    const w = Float64Array.from({ length: cells }, (_, k) => {
      const [i, j] = [Math.floor(k / side) * h, (k % side) * h];
      return Math.exp(-((i - ci) ** 2 + (j - cj) ** 2) / 0.01);
    });
    const total = w.reduce((s, x) => s + x, 0);
    return w.map((x) => x / total);
  };
  const a = bump(0.3, 0.4), b = bump(0.6, 0.5), C = gridCosts([side, side], [h, h], (d) => d * d);
  using best = await exact(gpu.tensor(Float32Array.from(C), { shape: [cells, cells] }), { a, b });
  const off: number[] = [], paid: number[] = [];
  for (const epsilon of [0.2, 0.05]) {
    using K = await heatKernel(laplacian, { epsilon, unitDiagonal: true });
    using result = await sinkhornKernel(K, a, b, { epsilon });
    assert(result.converged && Math.abs(result.gap) < 1e-4);
    off.push(Math.abs(await result.transportCost() - best.cost));
    paid.push((await entries(result.plan)).reduce((s, p, k) => s + p * C[k], 0) - best.cost);
  }
  // What is left is the blur of ε and of a lattice of this spacing.
  assert(off[1] < 0.6 * off[0] && off[1] < 0.2 * best.cost, `${off} of ${best.cost}`);
  assert(0 < paid[1] && paid[1] < paid[0] && paid[1] < 0.15 * best.cost, `${paid} above ${best.cost}`);
});

for (const [n, m] of [[9, 9], [7, 12], [1, 3]]) {
  onEachDevice(`sinkhornKernel with ${n} × ${m} is sinkhorn with the cost −ε log K`, async (gpu) => {
    const x = gpu.random.uniform([n, 2], { seed: 1 }), y = gpu.random.uniform([m, 2], { seed: 2 }), epsilon = 0.05;
    const a = random(n, 3), b = random(m, 4);
    if (n > 1) [a[0], a[1]] = [a[0] + a[1], 0];
    const K = pairwise("exp(-sqdist(x[i], y[j]) / 0.05)", { x, y });
    using result = await sinkhornKernel(K, a, b, { epsilon, tolerance: 1e-6 });
    using want = await sinkhorn(x, y, { a, b, epsilon, epsilonScale: "absolute", tolerance: 1e-6 });
    assert(result.converged);
    assertAlmostEquals(await result.transportCost(), want.cost, 1e-4 * want.cost);
    for (const [got, value] of [[result.dual, want.dual], [result.primal, want.primal]]) {
      assertAlmostEquals(got, value, 1e-4 * Math.abs(value) + 1e-5 * epsilon);
    }
    const [P, Q] = await Promise.all([result, want].map(({ plan }) => entries(plan)));
    assert(P.reduce((s, p, k) => s + Math.abs(p - Q[k]), 0) < 1e-4);
    // The marginal error that is stated is that of the plan.
    const rows = a.map((_, i) => P.slice(i * m, i * m + m).reduce((s, p) => s + p, 0));
    assertAlmostEquals(rows.reduce((s, r, i) => s + Math.abs(r - a[i]), 0), result.marginalError, 2e-6);
    const v = gpu.random.normal([m, 2], { seed: 5 }),
      [got, expected] = await Promise.all(
        [result.plan.apply(v), want.plan.apply(v)].map((t) => t.data()),
      );
    got.forEach((value, k) => assertAlmostEquals(value, expected[k], 1e-4));
    const u = gpu.random.normal([n], { seed: 6 });
    const [back, other] = await Promise.all(
      [result.plan.applyTransposed(u), want.plan.applyTransposed(u)].map((t) => t.data()),
    );
    back.forEach((value, k) => assertAlmostEquals(value, other[k], 1e-4));
  });
}

onEachDevice(
  "scalings may span more than the range of exponentials; what cannot be carried is refused",
  async (gpu) => {
    // Between ends of a line: u and v are e^±(d²/ε) large.
    const x = gpu.tensor(Float32Array.from({ length: 30 }, (_, k) => k)), n = 30;
    const ends = (low: number) => Float64Array.from({ length: n }, (_, k) => k < 15 ? low : 1 / 15 - low);
    const a = ends(0.06), b = ends(0.005), C = gridCosts([n], [1], (d) => d * d);
    const K = (epsilon: number) => pairwise("exp(-square(x[i] - x[j]) / e)", { x, e: epsilon });
    using result = await sinkhornKernel(K(15), a, b, { epsilon: 15 });
    const cost = gpu.tensor(Float32Array.from(C), { shape: [n, n] });
    using want = await sinkhorn(cost, { a, b, epsilon: 15, epsilonScale: "absolute" });
    assertAlmostEquals(await result.transportCost(), want.cost, 1e-3 * want.cost);
    const [f] = await Promise.all(result.potentials.map((t) => t.data()));
    assert((Math.max(...f) - Math.min(...f)) / 15 > 10);
    // All mass goes 29 far: e^−841/2.
    const first = Float64Array.from({ length: n }, (_, k) => k === 0 ? 1 : 0), last = first.slice().reverse();
    await assertRejects(() => sinkhornKernel(K(2), first, last, { epsilon: 2 }), RangeError, "take a larger ε or f64");
  },
);

Deno.test("sinkhornKernel's gradients by weights and central differences agree in f64", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await gpu.scope(async () => {
    const n = 8, laplacian = sparse(lattice(gpu, 2, 4, 0.5, "f64")), v = gpu.tensor(random(n, 9)).astype("f64");
    const K = await heatKernel(laplacian, { epsilon: 0.8 }), base = { a: random(n, 7), b: random(n, 8) };
    const tensors = (w: typeof base) => ({
      a: gpu.tensor(w.a.slice(), { dtype: "f64" }),
      b: gpu.tensor(w.b.slice(), { dtype: "f64" }),
    });
    const loss = async ({ a, b }: { a: Tensor; b: Tensor }) => {
      const { value, plan, potentials: [f, g] } = await sinkhornKernel(K, a, b, { epsilon: 0.8, tolerance: 1e-13 });
      return value.mul(2).add(plan.apply(v).square().sum()).add(f.sub(f.mean()).pow(3).sum()).add(
        g.sub(g.mean()).square().sum(),
      );
    };
    const found = await grad(loss)(tensors(base));
    for (const name of ["a", "b"] as const) {
      const g = await found[name].data();
      const at = async (step: number) => {
        const moved = { ...base, [name]: base[name].slice() };
        moved[name][2] += step;
        moved[name][3] -= step;
        return await (await loss(tensors(moved))).item();
      };
      const step = 1e-5, want = (await at(step) - await at(-step)) / (2 * step);
      assertAlmostEquals(
        g[2] - g[3],
        want,
        1e-6 * (1 + Math.abs(want)),
        `${name}: got ${g[2] - g[3]}, by differences ${want}`,
      );
    }
  });
});

onEachDevice("sinkhornKernel starts warm, frees what it made and stops when told", async (gpu) => {
  const a = random(12, 1), b = random(12, 2), L = lattice(gpu, 3, 4, 0.3), laplacian = sparse(L);
  await L.values.data();
  const start = gpu.device.ledger.count;
  using K = await heatKernel(laplacian, { epsilon: 0.1, unitDiagonal: true });
  assertEquals(gpu.device.ledger.count, start + 1);
  const cold = await sinkhornKernel(K, a, b, { epsilon: 0.1 });
  const warm = await sinkhornKernel(K, a, b, { epsilon: 0.1, potentials: cold.potentials });
  assert(warm.iterations <= 10, `${warm.iterations} after ${cold.iterations}`);
  assertAlmostEquals(warm.dual, cold.dual, 1e-5);
  await warm.transportCost();
  assert(/SinkhornKernelResult[^]*12 × 12, not stored/.test(Deno.inspect(cold)));
  cold.dispose();
  warm.dispose();
  assertEquals(gpu.device.ledger.count, start + 1);
  const controller = new AbortController(), { signal } = controller;
  const onProgress = () => controller.abort(new Error("enough"));
  await assertRejects(() => sinkhornKernel(K, a, b, { tolerance: 1e-12, signal, onProgress }), Error, "enough");
  assertEquals(gpu.device.ledger.count, start + 1);
  const { result, warnings } = await withWarnings(() => sinkhornKernel(K, a, b, { maxIterations: 2, tolerance: 1e-9 }));
  assert(!result.converged && warnings.length === 1);
  result.dispose();
});

onEachDevice("bad input of kernels is refused by name", async (gpu) => {
  const K = dense(gpu.ones([2, 3]));
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, fn: any, ...args: any[]) =>
    assertRejects(() => fn(...args), kind, message);
  await refused("Expected the kernel as an operator, got a tensor", TypeError, sinkhornKernel, gpu.ones([2, 2]));
  await refused('one weight per point in "a", [2]', TypeError, sinkhornKernel, K, [1, 1, 1]);
  await refused('Expected "epsilon" to be positive, got 0', RangeError, sinkhornKernel, K, undefined, undefined, {
    epsilon: 0,
  });
  await refused(
    "entries from 0, got a product of -1",
    RangeError,
    sinkhornKernel,
    dense(gpu.tensor([[-2, 1], [1, 1]])),
  );
  await refused("got a product of NaN in row 1", RangeError, sinkhornKernel, dense(gpu.tensor([[1, 1], [1, NaN]])));
  await refused("row 0 has a product of 0.0e+0", RangeError, sinkhornKernel, dense(gpu.tensor([[0, 0], [1, 1]])));
  const oneWay = linearOperator({ shape: [2, 2], device: gpu.device, apply: (x) => x.mul(1) });
  await refused("no product with its transpose", TypeError, sinkhornKernel, oneWay);
  await refused(
    "Cannot differentiate sinkhornKernel by its kernel",
    TypeError,
    () => grad(async (k: Tensor) => (await sinkhornKernel(dense(k))).value)(gpu.ones([2, 2])),
  );
  const path = tridiagonal(gpu.full([2], -1), gpu.tensor([1, 2, 1]), gpu.full([2], -1));
  const heat = (message: string, kind: unknown, laplacian: unknown, options: unknown = { time: 1 }) =>
    refused(message, kind, heatKernel, laplacian, options);
  await heat("Expected a graph's Laplacian as an operator, got a tensor", TypeError, gpu.ones([2, 2]));
  await heat('Expected either "time" or "epsilon", got neither', TypeError, path, {});
  await heat('Expected either "time" or "epsilon", got both', TypeError, path, { time: 1, epsilon: 1 });
  await heat('Expected "time" to be positive, got NaN', RangeError, path, { time: NaN });
  await heat('Expected "steps" to be a whole number from 1, got 0', RangeError, path, { time: 1, steps: 0 });
  await heat("Expected a square Laplacian, got [2, 3]", TypeError, K);
  await heat("weights of 0 or more, got 1 at 0, 1", RangeError, dense(gpu.ones([2, 2])));
  await heat("sum to 0 or more, got -1 in row 0", RangeError, dense(gpu.tensor([[1, -2], [-2, 2]])));
  await heat(
    "Expected a symmetric Laplacian, got -1 at 0, 1 and 0 at 1, 0",
    RangeError,
    dense(gpu.tensor([[1, -1], [0, 1]])),
  );
  await heat("Expected finite entries, got Infinity", RangeError, dense(gpu.tensor([[Infinity]])));
  const large = gpu.sparse({ rows: [0, 1, 0, 1], columns: [0, 1, 1, 0], values: [1, 1, -1, -1], shape: [2100, 2100] });
  await heat("Cannot take implicit steps on 2100 nodes", RangeError, sparse(large), { time: 1, steps: 2 });
  await heat("would have over 20000 terms", RangeError, sparse(large), { time: 1e5 });
});
