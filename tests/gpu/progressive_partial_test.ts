import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { progressiveMass, progressivePartial, sinkhornNewtonSparse } from "../../src/methods/transport/mod.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const f64 = (gpu: Gpu, v: number[][]) =>
  gpu.tensor(Float64Array.from(v.flat()), { shape: [v.length, v[0].length], dtype: "f64" });
const total = (v: readonly number[]) => v.reduce((s, x) => s + x, 0);

async function onHost(fn: (gpu: Gpu) => Promise<void>): Promise<void> {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await fn(gpu);
}

/** −log softmax of random scores: costs as a classifier gives them. */
function costs(random: () => number, n: number, K: number): number[][] {
  return Array.from({ length: n }, () => {
    const scores = Array.from({ length: K }, () => 4 * random()), sum = Math.log(total(scores.map(Math.exp)));
    return scores.map((s) => sum - s);
  });
}

/** The objective as documented, in plain loops. */
function objectiveOf(
  Q: number[][],
  C: number[][],
  { mass, epsilon, gamma, S, weight = 0 }: {
    mass: number;
    epsilon: number;
    gamma: number;
    S?: number[][];
    weight?: number;
  },
): number {
  const n = Q.length, K = Q[0].length, entropy = (q: number) => q > 1e-15 ? epsilon * q * (Math.log(q) - 1) : 0;
  let s = 0;
  Q.forEach((row, i) => {
    row.forEach((q, j) => s += q * C[i][j] + entropy(q));
    if (mass < 1) s += entropy(1 / n - total(row));
    S?.[i].forEach((v, k) => s -= weight * v * row.reduce((t, q, j) => t + q * Q[k][j], 0));
  });
  for (let j = 0; j < K; j++) {
    const c = total(Q.map((row) => row[j])), nu = mass / K;
    s += gamma * (c * Math.log(c / nu) - c + nu);
  }
  return s;
}

Deno.test("mass and row bounds hold, the gap closes, and no plan nearby is better", () =>
  onHost(async (gpu) => {
    const random = generator(1);
    for (const mass of [0.1, 0.6, 1]) {
      for (const gamma of [0.2, 3]) {
        const n = 15, K = 4, C = costs(random, n, K), epsilon = 0.1;
        using result = await progressivePartial(f64(gpu, C), { mass, gamma, epsilon, tolerance: 1e-12 });
        const Q: number[][] = await result.plan.toDense().array();
        assert(result.converged && result.monotone && result.history.length === 1);
        assertAlmostEquals(total(Q.flat()), mass, 1e-11);
        Q.forEach((row) => assert(total(row) <= 1 / n + 1e-12));
        assert(Math.abs(result.gap) < 1e-11, `${result.gap}`);
        const value = objectiveOf(Q, C, { mass, gamma, epsilon });
        assertAlmostEquals(result.objective, value, 1e-10);
        for (let trial = 0; trial < 10; trial++) {
          // Moves mass between two places of one row, or of the plan where rows have room.
          const moved = Q.map((row) => row.slice()), [i, p] = [0, 1].map(() => Math.floor(random() * n));
          const k = mass < 1 ? p : i, [j, l] = [0, 1].map(() => Math.floor(random() * K));
          const by = 1e-3 * Math.min(moved[i][j], 1 / n - total(moved[k]) + (k === i ? 1 : 0));
          moved[i][j] -= by;
          moved[k][l] += by;
          assert(objectiveOf(moved, C, { mass, gamma, epsilon }) >= value - 1e-13);
        }
      }
    }
  }));

Deno.test("all of the mass in classes held to their sizes is Sinkhorn's plan", () =>
  onHost(async (gpu) => {
    const C = f64(gpu, costs(generator(2), 12, 3)), epsilon = 0.2;
    using labels = await progressivePartial(C, { mass: 1, gamma: 1e9, epsilon, tolerance: 1e-8 });
    using balanced = await sinkhornNewtonSparse(C, { epsilon, epsilonScale: "absolute" });
    const [P, Q]: number[][][] = await Promise.all([balanced, labels].map((r) => r.plan.toDense().array()));
    P.flat().forEach((p, k) => assertAlmostEquals(Q.flat()[k], p, 1e-7));
  }));

/** A Gram matrix of random factors, thinned: positive semidefinite. */
function similarity(random: () => number, n: number): number[][] {
  const factors = Array.from({ length: n }, () => Array.from({ length: 6 }, () => random() < 0.3 ? random() : 0));
  return factors.map((u) => factors.map((v) => u.reduce((s, x, k) => s + x * v[k], 0)));
}

Deno.test("with a positive semidefinite similarity the objective falls to a stationary point", () =>
  onHost(async (gpu) => {
    const random = generator(3), n = 20, K = 3, mass = 0.5, epsilon = 0.1, gamma = 1, weight = 20;
    const C = costs(random, n, K),
      S = similarity(random, n),
      at = S.flatMap((row, i) => row.map((v, j) => ({ v, i, j })));
    const kept = at.filter(({ v }) => v !== 0);
    const sparse = gpu.sparse({
      rows: kept.map(({ i }) => i),
      columns: kept.map(({ j }) => j),
      values: gpu.tensor(Float64Array.from(kept, ({ v }) => v), { dtype: "f64" }),
      shape: [n, n],
    });
    const options = { mass, epsilon, gamma, similarity: sparse, similarityWeight: weight, tolerance: 1e-12 };
    using result = await progressivePartial(f64(gpu, C), {
      ...options,
      maxMajorizations: 500,
      objectiveTolerance: 1e-13,
    });
    assert(result.converged && result.monotone, `${result.history.length}`);
    for (let k = 1; k < result.history.length; k++) {
      assert(result.history[k].objective <= result.history[k - 1].objective + 1e-12);
    }
    const Q: number[][] = await result.plan.toDense().array();
    assertAlmostEquals(total(Q.flat()), mass, 1e-10);
    assertAlmostEquals(result.objective, objectiveOf(Q, C, { mass, epsilon, gamma, S, weight }), 1e-9);
    // It is the solution of the problem with the term replaced by its tangent there: C − 2 λ S Q.
    const tangent = C.map((row, i) => row.map((c, j) => c - 2 * weight * total(S[i].map((s, k) => s * Q[k][j]))));
    using again = await progressivePartial(f64(gpu, tangent), { mass, epsilon, gamma, tolerance: 1e-12 });
    const R: number[][] = await again.plan.toDense().array();
    Q.flat().forEach((q, k) => assertAlmostEquals(R.flat()[k], q, 1e-5 / n));
    // Similar samples agree more than without the term.
    using without = await progressivePartial(f64(gpu, C), { mass, epsilon, gamma, tolerance: 1e-12 });
    const W: number[][] = await without.plan.toDense().array();
    const agreement = (P: number[][]) =>
      total(S.flatMap((row, i) => row.map((s, k) => s * total(P[i].map((p, j) => p * P[k][j])))));
    assert(agreement(Q) > agreement(W));
  }));

Deno.test("the mass of a training goes from near its start to 1, and rises", () => {
  const ramp = Array.from({ length: 11 }, (_, k) => progressiveMass(k, 10));
  assertAlmostEquals(ramp[0], 0.1 + 0.9 * Math.exp(-5), 1e-15);
  assertEquals(ramp[10], 1);
  ramp.slice(1).forEach((v, k) => assert(v > ramp[k]));
  assertThrows(() => progressiveMass(11, 10), RangeError, '"step" from 0 to 10');
  assertThrows(() => progressiveMass(1, 10, 0), RangeError, '"start"');
});

onEachDevice("a single class, bad input, signals; memory balances", async (gpu) => {
  const { live } = gpu.memory();
  using C = gpu.random.uniform([5, 3], { seed: 1 });
  using one = gpu.ones([4, 1]);
  const single = await progressivePartial(one, { mass: 0.5 });
  using plan = single.plan.toDense();
  ((await plan.array()) as number[][]).forEach(([q]) => assertAlmostEquals(q, 1 / 8, 1e-7));
  single.dispose();
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (progressivePartial as any)(...args), kind, message);
  await refused('"mass" from 0 (excluded) to 1, got 0', RangeError, C, { mass: 0 });
  await refused('"mass" from 0 (excluded) to 1, got 1.1', RangeError, C, { mass: 1.1 });
  await refused('"gamma" to be positive', RangeError, C, { gamma: -1 });
  await refused('"epsilon" to be positive', RangeError, C, { epsilon: 0 });
  await refused('"similarity" as a sparse matrix [5, 5], got object', TypeError, C, { similarity: [1] });
  const { result, warnings } = await withWarnings(() => progressivePartial(C, { maxIterations: 1 }));
  assertEquals([result.converged, warnings.length], [false, 1]);
  result.dispose();
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await refused("enough", Error, C, { signal: controller.signal });
  for (const t of [C, one, plan]) t.dispose();
  assertEquals(gpu.memory().live, live);
});

Deno.test("a small mass takes no more iterations than a large one", () =>
  onHost(async (gpu) => {
    const C = f64(gpu, costs(generator(8), 60, 4));
    for (const mass of [0.02, 0.2]) {
      // Half-steps alone shrink the error by 1 − mass ε/(γ + ε) each: thousands of iterations for the small mass.
      using result = await progressivePartial(C, { mass, epsilon: 0.1, gamma: 1, tolerance: 1e-10 });
      assert(result.converged && result.iterations <= 200, `${result.iterations} iterations at a mass of ${mass}`);
      assert(result.gap < 1e-9, `a gap of ${result.gap}`);
    }
  }));
