import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { columnStep, rowStep } from "../../src/methods/transport/host_half_step.ts";
import { sinkhornNewtonSparse } from "../../src/methods/transport/mod.ts";
import {
  fillPlan,
  type HostDual,
  kthLargest,
  logOfNothing,
  sparsify,
} from "../../src/methods/transport/newton_system.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

function onHost(name: string, fn: (gpu: Gpu) => Promise<void>): void {
  Deno.test(name, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await fn(gpu);
  });
}

const f64 = (gpu: Gpu, data: Float64Array | number[], n: number, m: number) =>
  gpu.tensor(Float64Array.from(data), { shape: [n, m], dtype: "f64" });

Deno.test("the k-th largest number, with ties", () => {
  const random = generator(5);
  for (let trial = 0; trial < 200; trial++) {
    const n = 1 + Math.floor(random() * 40), levels = 1 + Math.floor(random() * 10);
    const v = Float64Array.from({ length: n }, () => Math.floor(random() * levels));
    const sorted = v.slice().sort().reverse(), k = 1 + Math.floor(random() * n);
    assertEquals(kthLargest(v.slice(), k), sorted[k - 1]);
  }
});

Deno.test("half-steps meet their weights, and leave the plan that their potentials have", () => {
  const random = generator(6);
  for (const [n, m, epsilon] of [[1, 1, 1], [7, 4, 0.3], [5, 13, 1e-2], [16, 11, 1e-3]]) {
    const C = Float64Array.from({ length: n * m }, () => 3 * random() - 1);
    const weights = (count: number) =>
      Float64Array.from({ length: count }, (_, k) => k === 2 ? 0 : 1e-30 ** (random() ** 4));
    const a = weights(n), b = weights(m), potentials = { f: new Float64Array(n), g: new Float64Array(m) };
    potentials.g.forEach((_, j, g) => g[j] = b[j] > 0 ? random() : -Infinity);
    const made = () => ({ P: new Float64Array(n * m), r: new Float64Array(n), c: new Float64Array(m) });
    const dual: HostDual = { n, m, C, a, b, epsilon, floor: logOfNothing(a, b), ...made() };
    potentials.f.fill(-Infinity);
    rowStep(dual, potentials);
    fillPlan(dual, potentials);
    a.forEach((w, i) => assertAlmostEquals(dual.r[i], w, 1e-11 * w));
    const error = columnStep(dual, potentials), again = { ...dual, ...made() };
    assertAlmostEquals(error, fillPlan(again, potentials), 1e-11);
    const { f, g } = potentials;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const p = Math.exp((f[i] + g[j] - C[i * m + j]) / epsilon);
        for (const { P } of [dual, again]) {
          assertAlmostEquals(P[i * m + j], p, 1e-11 * p + 1e-15 * Math.min(b[j] || 1, a[i] || 1));
        }
      }
    }
    b.forEach((w, j) => [dual, again].forEach(({ c }) => assertAlmostEquals(c[j], w, 1e-11 * w)));
    for (const side of ["r", "c"] as const) {
      dual[side].forEach((w, k) => assertAlmostEquals(again[side][k], w, 1e-11 * w + 1e-15 * Math.min(...a, ...b)));
    }
  }
});

Deno.test("the largest entries are kept in their places, ties up to the count", () => {
  const random = generator(7);
  for (let trial = 0; trial < 100; trial++) {
    const n = 1 + Math.floor(random() * 6), m = 1 + Math.floor(random() * 6), none = new Float64Array();
    const P = Float64Array.from({ length: n * m }, () => Math.max(0, Math.floor(random() * 6) - 2));
    const dual: HostDual = { n, m, P, C: none, a: none, b: none, r: none, c: none, epsilon: 1, floor: 0 };
    const count = 1 + Math.floor(random() * n * m), { starts, columns, values } = sparsify(dual, count);
    const positive = P.filter((p) => p > 0).sort().reverse();
    assertEquals(values.slice().sort().reverse(), positive.slice(0, count));
    assertEquals([starts[0], starts[n], columns.length], [0, values.length, values.length]);
    const seen = new Set<number>();
    for (let i = 0; i < n; i++) {
      for (let k = starts[i]; k < starts[i + 1]; k++) {
        assertEquals(values[k], P[i * m + columns[k]]);
        seen.add(i * m + columns[k]);
      }
    }
    assertEquals(seen.size, values.length);
  }
});

onHost("Newton's solutions are those of the fixtures to the last digits of the potentials' rounding", async (gpu) => {
  for (
    const file of ["sinkhorn_matrix", "sinkhorn_degenerate", "sinkhorn_sqeuclidean", "sinkhorn_euclidean"] as const
  ) {
    for (const problem of load(file).cases) {
      const { a, b } = problem;
      for (const { epsilon, cost, dual, fraction } of problem.solutions) {
        await gpu.scope(async () => {
          const tensor = (v: number[][]) => f64(gpu, v.flat(), v.length, v[0].length);
          const options = { a, b, epsilon, epsilonScale: "absolute" as const };
          using result = problem.metric === "matrix"
            ? await sinkhornNewtonSparse(tensor(problem.costMatrix!), options)
            : await sinkhornNewtonSparse(tensor(problem.x!), tensor(problem.y!), {
              ...options,
              cost: problem.metric === "euclidean" ? "euclidean" : "sqeuclidean",
            });
          const where = `${problem.name}, ε = ${fraction} of the largest cost, ${result.iterations} iterations`;
          assert(result.converged && result.marginalError <= 1e-10, `${where}: ${result.marginalError}`);
          // A marginal error e moves values by about e times the range of the potentials, some times the largest cost; the fixtures have 1e-10.
          const bound = 1e-9 * problem.maxCost;
          assertAlmostEquals(result.cost, cost, bound, where);
          assertAlmostEquals(result.dual, dual, bound, where);
          assertAlmostEquals(result.primal, result.dual, bound, where);
        });
      }
    }
  }
});

onEachDevice("in f32 the plan given is measured, and accurate", async (gpu) => {
  const x = gpu.random.uniform([40, 2], { seed: 1 }), y = gpu.random.uniform([33, 2], { seed: 2 });
  using result = await sinkhornNewtonSparse(x, y, { epsilon: 1e-3 });
  assert(result.converged, `${result.marginalError}`);
  const P: number[][] = await result.plan.toDense().array();
  const error = P.reduce((s, row) => s + Math.abs(row.reduce((t, p) => t + p, 0) - 1 / 40), 0) +
    P[0].reduce((s, _, j) => s + Math.abs(P.reduce((t, row) => t + row[j], 0) - 1 / 33), 0);
  assertAlmostEquals(result.marginalError, error, 1e-6);
  assert(error < 1e-5);
  const { result: strict, warnings } = await withWarnings(() =>
    sinkhornNewtonSparse(x, y, { epsilon: 1e-3, tolerance: 1e-14 })
  );
  // f32 has no such plan, and says so.
  assertEquals([strict.converged, warnings.length], [false, 1]);
  strict.dispose();
});

/** Marginal errors of plain Sinkhorn in f64, from the same start. */
function sinkhornError(C: Float64Array, a: Float64Array, b: Float64Array, epsilon: number, iterations: number): number {
  const n = a.length, m = b.length, f = new Float64Array(n), g = new Float64Array(m);
  const lse = (v: (k: number) => number, count: number) => {
    let top = -Infinity, s = 0;
    for (let k = 0; k < count; k++) top = Math.max(top, v(k));
    for (let k = 0; k < count; k++) s += Math.exp((v(k) - top) / epsilon);
    return top + epsilon * Math.log(s);
  };
  for (let t = 0; t < iterations; t++) {
    for (let i = 0; i < n; i++) f[i] = epsilon * Math.log(a[i]) - lse((j) => g[j] - C[i * m + j], m);
    for (let j = 0; j < m; j++) g[j] = epsilon * Math.log(b[j]) - lse((i) => f[i] - C[i * m + j], n);
  }
  let error = 0;
  for (let i = 0; i < n; i++) {
    let s = 0;
    for (let j = 0; j < m; j++) s += Math.exp((f[i] + g[j] - C[i * m + j]) / epsilon);
    error += Math.abs(s - a[i]);
  }
  return error;
}

/** Two blurred shapes on a grid, and the costs between its places. */
function images(side: number, power: 1 | 2) {
  const at = Array.from({ length: side * side }, (_, k) => [Math.floor(k / side) / (side - 1), k % side / (side - 1)]);
  const shape = (u: number, v: number, width: number) => {
    const w = at.map(([s, t]) => Math.exp(-((s - u) ** 2 + (t - v) ** 2) / width) + 1e-3);
    const total = w.reduce((s, x) => s + x, 0);
    return Float64Array.from(w, (x) => x / total);
  };
  const C = at.flatMap(([s, t]) => at.map(([u, v]) => Math.abs(s - u) ** power + Math.abs(t - v) ** power));
  return { C: Float64Array.from(C), a: shape(0.3, 0.3, 0.02), b: shape(0.6, 0.7, 0.05) };
}

const uniform = (n: number) => new Float64Array(n).fill(1 / n);
const CASES = {
  "a random assignment": () => {
    const random = generator(11), n = 100;
    return { C: Float64Array.from({ length: n * n }, () => random()), a: uniform(n), b: uniform(n) };
  },
  "images, squared Euclidean": () => images(11, 2),
  "images, L1": () => images(11, 1),
};
for (const [name, make] of Object.entries(CASES)) {
  onHost(
    `fewer than 60 Newton steps reach 1e-10 where several times as many of Sinkhorn's do not: ${name}`,
    async (gpu) => {
      const { C, a, b } = make(), n = a.length, epsilon = 1 / 1200;
      using result = await sinkhornNewtonSparse(f64(gpu, C, n, n), { a, b, epsilon, epsilonScale: "absolute" });
      const steps = result.history.filter((h) => h.stage === "newton").length;
      assert(result.converged && result.marginalError < 1e-10, `${result.marginalError} after ${steps} steps`);
      assert(steps < 60, `${steps} Newton steps`);
      // On so coarse a grid the L1 costs differ by many ε where they differ at all, and Sinkhorn is fast too.
      const error = sinkhornError(C, a, b, epsilon, (name.endsWith("L1") ? 3 : 10) * result.iterations);
      assert(error > 1e-10, `Sinkhorn reached ${error}`);
      assert(Math.abs(result.primal - result.dual) < 1e-10);
    },
  );
}

onHost("where ε is far below the steps of the cost, Newton's way is from a larger ε", async (gpu) => {
  // Costs differ by 40 ε or not at all: potentials have to move as far, and a Newton step moves them by about ε.
  const { C, a, b } = images(8, 1), n = a.length, epsilon = 1 / (40 * 7);
  using result = await sinkhornNewtonSparse(f64(gpu, C, n, n), { a, b, epsilon, epsilonScale: "absolute", warmUp: 2 });
  const newton = result.history.filter((h) => h.stage === "newton");
  assert(result.converged && newton.length < 40, `${result.marginalError} after ${newton.length} steps`);
  assert(newton.some((h) => h.epsilon > epsilon) && newton.at(-1)!.epsilon === epsilon, "no larger ε");
});

onHost("a density that is asked for is kept, and too small a one shows", async (gpu) => {
  const { C, a, b } = CASES["a random assignment"](), n = a.length;
  const options = { a, b, epsilon: 1 / 1200, epsilonScale: "absolute" as const, maxIterations: 30 };
  const reached: number[] = [];
  for (const density of [1 / n, 8 / n, 1]) {
    const { result } = await withWarnings(() => sinkhornNewtonSparse(f64(gpu, C, n, n), { ...options, density }));
    for (const { nnz } of result.history) assert(nnz === undefined || nnz <= density * n * n);
    reached.push(result.marginalError);
    result.dispose();
  }
  assert(reached[0] > 100 * reached[2] && reached[1] >= reached[2], `${reached}`);
});

onHost("single points, weights of zero, equal costs and no warm-up", async (gpu) => {
  const one = await sinkhornNewtonSparse(f64(gpu, [3], 1, 1));
  assertEquals([one.cost, one.converged], [3, true]);
  const a = [0.5, 0, 0.25, 0.25], b = [0.25, 0.75, 0], C = [1, 2, 9, 9, 9, 9, 3, 1, 9, 0, 2, 9];
  using zeros = await sinkhornNewtonSparse(f64(gpu, C, 4, 3), { a, b, epsilon: 0.02 });
  assert(zeros.converged);
  const P: number[][] = await zeros.plan.toDense().array();
  assertEquals(P[1], [0, 0, 0]);
  P.forEach((row, i) => assertAlmostEquals(row.reduce((s, p) => s + p, 0), a[i], 1e-10));
  P.forEach((row) => assertEquals(row[2], 0));
  const [f] = zeros.potentials;
  assertEquals(await f.slice([1, 2]).item(), -Infinity);
  for (const [n, m] of [[1, 5], [5, 1], [4, 6]]) {
    using equal = await sinkhornNewtonSparse(f64(gpu, new Array(n * m).fill(2), n, m), { warmUp: 0 });
    assert(equal.converged);
    assertAlmostEquals(equal.cost, 2, 1e-9);
    ((await equal.plan.toDense().array()) as number[][]).flat().forEach((p) =>
      assertAlmostEquals(p, 1 / (n * m), 1e-10)
    );
  }
  using free = await sinkhornNewtonSparse(f64(gpu, new Array(12).fill(0), 3, 4));
  assertEquals([free.cost, free.converged], [0, true]);
});

onHost("gradients by points agree with central differences", async (gpu) => {
  const random = generator(3), X = Float64Array.from({ length: 12 }, () => random());
  const Y = Float64Array.from({ length: 10 }, () => random()), y = f64(gpu, Y, 5, 2);
  const toY = async (x: Tensor) =>
    (await sinkhornNewtonSparse(x, y, { epsilon: 0.05, epsilonScale: "absolute", tolerance: 1e-13 })).value;
  const got = await (await grad(toY)(f64(gpu, X, 6, 2))).data(), h = 1e-4;
  for (const k of [0, 3, 11]) {
    const [up, down] = await Promise.all([h, -h].map(async (by) => {
      const moved = X.slice();
      moved[k] += by;
      return await (await toY(f64(gpu, moved, 6, 2))).item();
    }));
    // Truncation h²·f‴/6 with f‴ up to about 1/ε².
    assertAlmostEquals(got[k], (up - down) / (2 * h), 1e-6);
  }
  const x = f64(gpu, X, 6, 2);
  const byEpsilon = async (epsilon: Tensor) =>
    (await sinkhornNewtonSparse(x, y, { epsilon, epsilonScale: "absolute", tolerance: 1e-12 })).value;
  const slope = await (await grad(byEpsilon)(gpu.tensor(0.1, { dtype: "f64" }))).item();
  const [up, down] = await Promise.all(
    [h, -h].map(async (by) => (await byEpsilon(gpu.tensor(0.1 + by, { dtype: "f64" }))).item()),
  );
  assertAlmostEquals(slope, (up - down) / (2 * h), 1e-6);
});

onEachDevice("bad input is refused by name, signals are heard, and memory balances", async (gpu) => {
  const { live } = gpu.memory();
  using C = gpu.random.uniform([5, 4], { seed: 1 });
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhornNewtonSparse as any)(...args), kind, message);
  await refused('"density" from 0 (excluded) to 1, got 0', RangeError, C, { density: 0 });
  await refused('"warmUp" to be a whole number from 0, got -1', RangeError, C, { warmUp: -1 });
  await refused('"maxIterations" to be a whole number from 1, got 0.5', RangeError, C, { maxIterations: 0.5 });
  await refused('"epsilon" to be positive, got NaN', RangeError, C, { epsilon: NaN });
  await refused('"innerTolerance" to be positive', RangeError, C, { innerTolerance: 0 });
  await refused('Expected one weight per point in "a", [5], got [2]', TypeError, C, { a: [1, 1] });
  using bad = gpu.tensor([[0, 1], [NaN, 1]]);
  await refused("Expected finite costs, got NaN in row 1, column 0", RangeError, bad);
  using none = gpu.zeros([0, 3]);
  await refused("Cannot transport between 0 and 3 points", RangeError, none);
  const controller = new AbortController();
  await refused("enough", Error, C, {
    signal: controller.signal,
    onProgress: ({ iteration }: { iteration: number }) => iteration === 3 && controller.abort(new Error("enough")),
  });
  (await sinkhornNewtonSparse(C, { epsilon: 0.1 })).dispose();
  using x = gpu.random.uniform([6, 2], { seed: 2 });
  (await sinkhornNewtonSparse(x, x, { cost: "euclidean", a: [1, 1, 1, 1, 1, 1], epsilon: 0.1 })).dispose();
  for (const t of [C, bad, none, x]) t.dispose();
  assertEquals(gpu.memory().live, live);
});
