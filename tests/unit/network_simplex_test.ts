import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { certify } from "../../src/methods/transport/exact_certificate.ts";
import { storedCost } from "../../src/methods/transport/host_cost.ts";
import { firstBasis } from "../../src/methods/transport/first_basis.ts";
import { densePricing, networkSimplex } from "../../src/methods/transport/network_simplex.ts";
import { wholeWeights } from "../../src/methods/transport/whole_weights.ts";
import { generator } from "../../src/testing/case_inputs.ts";

const all = (count: number) => Uint32Array.from({ length: count }, (_, k) => k);

async function solved(C: Float64Array, a: Float64Array, b: Float64Array, maxIterations = 1e6) {
  const whole = wholeWeights(a, b);
  const tree = firstBasis(C, whole.a, whole.b);
  const { iterations, optimal } = await networkSimplex(tree, densePricing(tree, C), { maxIterations });
  const cost = storedCost(C, a.length, b.length), problem = { cost, a, b, rows: all(a.length), columns: all(b.length) };
  return { ...certify(tree, whole.unit, problem), tree, iterations, optimal };
}

/** The least cost of whole weights: every unit is matched, all ways are tried. */
function byBruteForce(C: Float64Array, m: number, a: readonly number[], b: readonly number[]): number {
  const sources = a.flatMap((w, i) => Array<number>(w).fill(i)),
    targets = b.flatMap((w, j) => Array<number>(w).fill(j));
  const used = targets.map(() => false);
  const best = (k: number): number => {
    if (k === sources.length) return 0;
    let least = Infinity;
    for (let t = 0; t < targets.length; t++) {
      if (used[t]) continue;
      used[t] = true;
      least = Math.min(least, C[sources[k] * m + targets[t]] + best(k + 1));
      used[t] = false;
    }
    return least;
  };
  return best(0);
}

/** A total of `units` in so many positive whole parts. */
function parts(random: () => number, units: number, count: number): number[] {
  const weights = Array<number>(count).fill(1);
  for (let k = count; k < units; k++) weights[Math.floor(random() * count)]++;
  return weights;
}

Deno.test("the network simplex method finds what all matchings of units show to be least", async () => {
  const random = generator(1);
  for (let round = 0; round < 300; round++) {
    const n = 1 + Math.floor(random() * 5), m = 1 + Math.floor(random() * 5), units = Math.max(n, m) + round % 3;
    const a = parts(random, units, n), b = parts(random, units, m), levels = [2, 5, 1e6][round % 3];
    const C = Float64Array.from({ length: n * m }, () => Math.floor(random() * levels) - (round % 2) * levels / 2);
    const found = await solved(C, Float64Array.from(a), Float64Array.from(b));
    // All numbers are whole: no rounding anywhere but in potentials' constants, which are halves of whole numbers over `units`.
    assertEquals(found.primal, byBruteForce(C, m, a, b), `round ${round}`);
    assert(Math.abs(found.gap) <= found.rounding, `round ${round}: gap ${found.gap}, rounding ${found.rounding}`);
    assertEquals(found.marginalError, 0);
  }
});

Deno.test("plan and potentials prove themselves: random problems of many shapes", async () => {
  const random = generator(2);
  for (const [n, m] of [[1, 1], [1, 7], [9, 1], [40, 40], [63, 17], [16, 90], [120, 121]]) {
    for (const kind of ["random", "ties", "ill-scaled"]) {
      const C = Float64Array.from(
        { length: n * m },
        () => kind === "random" ? random() : kind === "ties" ? Math.floor(random() * 3) : 10 ** (18 * random() - 9),
      );
      const a = Float64Array.from({ length: n }, () => random() ** 4 + 1e-9);
      const total = a.reduce((s, x) => s + x), b = Float64Array.from({ length: m }, () => random());
      const scale = total / b.reduce((s, x) => s + x);
      for (let j = 0; j < m; j++) b[j] *= scale;
      const found = await solved(C, a, b), what = `${kind} ${n} × ${m}`;
      assert(found.optimal, what);
      assert(found.values.length <= n + m - 1, `${what}: ${found.values.length} entries`);
      assert(found.values.every((v) => v > 0), what);
      // Every weight is rounded to a unit of at most 2⁻⁵⁰ of the total; the largest takes up what that leaves.
      assert(found.marginalError <= 2 * (n + m) * 2 ** -50 * total, `${what}: marginals off by ${found.marginalError}`);
      assert(found.gap <= found.rounding && found.gap >= -found.rounding, `${what}: gap ${found.gap}`);
      // By hand: the potentials are allowed, and the dual value is theirs.
      let dual = 0, worst = 0;
      for (let i = 0; i < n; i++) {
        dual += a[i] * found.f[i];
        for (let j = 0; j < m; j++) worst = Math.max(worst, found.f[i] + found.g[j] - C[i * m + j]);
      }
      for (let j = 0; j < m; j++) dual += b[j] * found.g[j];
      const largest = Math.max(...found.f.map(Math.abs), ...found.g.map(Math.abs));
      assert(worst <= 4 * 2 ** -53 * largest, `${what}: violation ${worst} of potentials up to ${largest}`);
      assertEquals(found.violation, Math.max(0, worst));
      assertAlmostEquals(dual, found.dual, found.rounding);
    }
  }
});

Deno.test("an interrupted network simplex method still has a plan, and a lower bound below its cost", async () => {
  const random = generator(3), n = 50, one = () => new Float64Array(n).fill(1);
  const C = Float64Array.from({ length: n * n }, random);
  const best = await solved(C, one(), one());
  let last = Infinity;
  for (const limit of [1, 10, 100]) {
    const found = await solved(C, one(), one(), limit);
    assertEquals([found.optimal, found.iterations], [false, limit]);
    assertEquals(found.marginalError, 0);
    assert(found.primal > best.primal && found.dual < best.primal && found.primal <= last);
    last = found.primal;
  }
});

Deno.test("every arc of the tree keeps to its cost, and arcs without mass point to the root", async () => {
  const random = generator(4), n = 30, one = () => new Float64Array(n).fill(1);
  const C = Float64Array.from({ length: n * n }, () => Math.floor(random() * 4));
  const { tree } = await solved(C, one(), one());
  for (let v = 0; v < 2 * n; v++) {
    if (v === tree.root) continue;
    const up = tree.parent[v], cost = v < n ? C[v * n + up - n] : C[up * n + v - n];
    assertEquals(tree.potential[v] + tree.potential[up], cost);
    assertEquals(tree.depth[v], tree.depth[up] + 1);
    assert(tree.flow[v] > 0 || v < n, `an arc without mass points away from the root at ${v}`);
  }
});

Deno.test("the network simplex method stops for a signal in the middle of its work", async () => {
  const random = generator(5), n = 1200, one = () => new Float64Array(n).fill(1);
  const C = Float64Array.from({ length: n * n }, random), controller = new AbortController();
  const tree = firstBasis(C, one(), one());
  const work = networkSimplex(tree, densePricing(tree, C), {
    maxIterations: 1e9,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await assertRejects(() => work, Error, "enough");
});

Deno.test("whole weights are exact where they can be, and always of one sum", () => {
  const random = generator(6), sum = (v: Float64Array) => v.reduce((s, x) => s + x, 0);
  const equal = wholeWeights(new Float64Array(6).fill(1 / 6), new Float64Array(4).fill(1 / 4));
  assertEquals([[...equal.a], [...equal.b]], [[2, 2, 2, 2, 2, 2], [3, 3, 3, 3]]);
  const dyadic = wholeWeights(Float64Array.of(0.5, 0.25, 0.25), Float64Array.of(0.125, 0.875));
  assertEquals([...dyadic.a].map((w) => w * dyadic.unit), [0.5, 0.25, 0.25]);
  for (const size of [1e-300, 1e-5, 1, 1e300]) {
    const a = Float64Array.from({ length: 11 }, () => size * random() ** 8);
    const b = Float64Array.from({ length: 5 }, () => random());
    const scale = sum(a) / sum(b);
    for (let j = 0; j < 5; j++) b[j] *= scale;
    const whole = wholeWeights(a, b);
    assertEquals(sum(whole.a), sum(whole.b));
    assert(sum(whole.a) <= 2 ** 52 && whole.a.every((w) => w >= 1 && Number.isInteger(w)));
    a.forEach((w, i) => assert(Math.abs(whole.a[i] * whole.unit - w) <= 16 * 2 ** -50 * sum(a)));
  }
});
