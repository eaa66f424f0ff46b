import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Cost, mongeGap } from "../../src/methods/transport/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

type Point = readonly number[];

const distance = (p: Point, q: Point) => Math.hypot(...p.map((v, k) => v - q[k]));
const radians = (v: number) => v * Math.PI / 180;
/** Great circles by the haversine formula. */
function greatCircle([l0, b0]: Point, [l1, b1]: Point): number {
  const h = Math.sin(radians(b1 - b0) / 2) ** 2 +
    Math.cos(radians(b0)) * Math.cos(radians(b1)) * Math.sin(radians(l1 - l0) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.sqrt(h));
}

const COSTS: [Cost, (p: Point, q: Point) => number][] = [
  ["sqeuclidean", (p, q) => distance(p, q) ** 2],
  ["euclidean", distance],
  ["greatcircle", greatCircle],
  ["sqrt(dist(x[i], y[j]))", (p, q) => Math.sqrt(distance(p, q))],
];

/** The exact gap, over all permutations. */
function exactGap(x: Point[], y: Point[], cost: (p: Point, q: Point) => number): number {
  let best = Infinity;
  const visit = (k: number, used: number, sum: number): void => {
    if (k === x.length) best = Math.min(best, sum);
    for (let j = 0; j < y.length; j++) if (!(used >> j & 1)) visit(k + 1, used | 1 << j, sum + cost(x[k], y[j]));
  };
  visit(0, 0, 0);
  return (x.reduce((sum, p, k) => sum + cost(p, y[k]), 0) - best) / x.length;
}

Deno.test("the exact Monge gap, by all permutations, is within the stated bracket for every cost", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(4);
  for (const [name, cost] of COSTS) {
    for (const n of [1, 2, 5, 7]) {
      const draw = () => Array.from({ length: n }, () => [20 * random(), 20 * random()]);
      const x = draw(), y = draw(), exact = exactGap(x, y, cost);
      using from = gpu.tensor(x, { dtype: "f64" });
      using to = gpu.tensor(y, { dtype: "f64" });
      for (const epsilon of [0.3, 0.02]) {
        using found = await mongeGap(from, to, { cost: name, epsilon, tolerance: 1e-9 });
        // Great circles go through vectors in f32.
        const rounding = (name === "greatcircle" ? 1e-5 : 1e-8) * (1 + found.mapCost);
        assert(found.lower <= exact + rounding, `${name} ${n} ${epsilon}: ${found.lower} > ${exact}`);
        assert(exact <= found.gap + rounding, `${name} ${n} ${epsilon}: ${exact} > ${found.gap}`);
        assert(Math.abs(await found.value.item() - found.gap) < rounding);
      }
    }
  }
});

onEachDevice("the gap of a gradient of a convex function is zero, that of a rotation is not", async (gpu) => {
  const n = 300, epsilon = 0.02;
  using x = gpu.random.normal([n, 2], { seed: 1 });
  using stretch = gpu.tensor([[2, 0.3], [0.3, 0.5]]);
  using stretched = x.matmul(stretch);
  using moved = stretched.add(5);
  using still = await mongeGap(x, moved, { epsilon, epsilonScale: "absolute", maxIterations: 2000, tolerance: 1e-3 });
  // The exact gap is 0, so the estimate is at most ε log n; what is not yet transported adds at most its cost.
  const slack = 1e-3 * 100;
  assert(still.gap > -slack && still.lower < slack, `${still.lower} … ${still.gap}`);
  for (const turn of [Math.PI / 4, Math.PI / 2]) {
    using rotation = gpu.tensor([[Math.cos(turn), Math.sin(turn)], [-Math.sin(turn), Math.cos(turn)]]);
    using turned = x.matmul(rotation);
    using found = await mongeGap(x, turned, { epsilon, epsilonScale: "absolute", tolerance: 1e-3 });
    // N(0, I) is its own image, so that the whole cost E |x − Rx|² = 4 (1 − cos φ) is too much, but for the chance of the samples.
    const expected = 4 * (1 - Math.cos(turn));
    assert(Math.abs(found.gap - expected) < 0.2 * expected, `${found.gap}, expected ${expected}`);
  }
});

Deno.test("the gap of random maps is never negative", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  for (let seed = 0; seed < 20; seed++) {
    using x = gpu.random.normal([25, 3], { seed }).astype("f64");
    using w = gpu.random.normal([3, 3], { seed: 100 + seed }).astype("f64");
    using images = x.matmul(w).tanh();
    using found = await mongeGap(x, images, { epsilon: 0.1 });
    assert(found.gap > -1e-4 * found.mapCost, `${seed}: ${found.gap}`);
  }
});

for (const [cost, epsilonTensor] of [["sqeuclidean", false], ["euclidean", true]] as const) {
  Deno.test(`the gradient of the gap for ${cost} is that of central differences`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await gpu.scope(async () => {
      const f64 = { dtype: "f64" } as const, options = { cost, epsilonScale: "absolute", tolerance: 1e-12 } as const;
      const x = gpu.random.normal([6, 2], { seed: 1 }).astype("f64"),
        y = gpu.random.normal([6, 2], { seed: 2 }).astype("f64");
      const eps = gpu.tensor(0.4, f64);
      const gap = async (y: Tensor, x: Tensor, eps: Tensor) =>
        (await mongeGap(x, y, { ...options, epsilon: epsilonTensor ? eps : 0.4 })).value;
      const points = [y, x, eps].slice(0, epsilonTensor ? 3 : 2);
      const found = await grad(gap, { argnums: epsilonTensor ? [0, 1, 2] : [0, 1] })(y, x, eps);
      for (const [which, point] of points.entries()) {
        const base = await point.data(), got = await found[which as 0]!.data(), h = 1e-5;
        for (let k = 0; k < base.length; k++) {
          const at = async (step: number) => {
            const values = Float64Array.from(base, (v, i) => i === k ? v + step : v);
            const t = gpu.tensor(values, { shape: [...point.shape], dtype: "f64" });
            const args = [y, x, eps].map((a, i) => i === which ? t : a) as [Tensor, Tensor, Tensor];
            return await (await gap(...args)).item();
          };
          const difference = (await at(h) - await at(-h)) / (2 * h);
          assert(
            Math.abs(got[k] - difference) < 1e-6 * (1 + Math.abs(difference)),
            `${which} ${k} ${got[k]} ${difference}`,
          );
        }
      }
    });
  });
}

onEachDevice("the gap frees what it made, as it does when it refuses", async (gpu) => {
  const x = gpu.random.normal([20, 2], { seed: 1 }), y = gpu.random.normal([20, 2], { seed: 2 });
  await Promise.all([x.data(), y.data()]);
  const before = gpu.memory().live;
  for (const cost of ["euclidean", "greatcircle"]) (await mongeGap(x, y, { cost, epsilon: 0.1 })).dispose();
  await assertRejects(() => mongeGap(x, y, { cost: "euclidian" }), TypeError, "euclidean");
  for (
    const [shape, error, message] of [
      [[20, 3], TypeError, '"images" of shape [n, 2], got [20, 3]'],
      [[19, 2], TypeError, "each of the 20 points, got 19"],
      [[20], TypeError, '"images" of shape [n, 2], got [20]'],
    ] as const
  ) {
    using images = gpu.ones(shape);
    await assertRejects(() => mongeGap(x, images), error, message);
  }
  using none = gpu.zeros([0, 2]);
  await assertRejects(() => mongeGap(none, none), RangeError, "at least one point");
  await assertRejects(() => mongeGap(x, y, { epsilon: -1 }), RangeError, '"epsilon"');
  none.dispose();
  assertEquals(gpu.memory().live, before);
});
