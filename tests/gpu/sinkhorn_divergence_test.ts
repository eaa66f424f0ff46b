import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sinkhornDivergence } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, n: number, d: number, seed: number) => gpu.random.uniform([n, d], { seed });

onEachDevice("a cloud has no divergence from itself, in any order, and others have", async (gpu) => {
  const x = points(gpu, 30, 2, 1), y = points(gpu, 40, 2, 2);
  const turned = x.flip(0);
  for (const [cost, epsilon] of [["sqeuclidean", 0.3], ["euclidean", 0.05], ["sqeuclidean", 0.01]] as const) {
    const options = { cost, epsilon, tolerance: 1e-6 };
    using same = await sinkhornDivergence(x, turned, options);
    using other = await sinkhornDivergence(x, y, options);
    assertAlmostEquals(same.divergence, 0, 1e-6);
    assert(other.divergence > 1e-4, `${cost}, ${epsilon}: ${other.divergence}`);
    assert(other.converged && other.marginalError <= 1e-6);
    using back = await sinkhornDivergence(y, x, options);
    assertAlmostEquals(back.divergence, other.divergence, 2e-6);
  }
});

onEachDevice(
  "a cloud moved as a whole: the squared length of the move, whatever ε; any total of weights",
  async (gpu) => {
    const x = points(gpu, 25, 2, 3), y = x.add(gpu.tensor([0.5, -0.25]));
    for (const epsilon of [0.05, 0.5]) {
      using moved = await sinkhornDivergence(x, y, { epsilon, epsilonScale: "absolute", tolerance: 1e-6 });
      assertAlmostEquals(moved.divergence, 0.3125, 1e-5);
      const a = Array.from({ length: 25 }, () => 3 / 25);
      for (const weights of [{ a }, { b: a }, { a, b: a }]) {
        using heavy = await sinkhornDivergence(x, y, {
          epsilon,
          epsilonScale: "absolute",
          tolerance: 1e-6,
          ...weights,
        });
        assertAlmostEquals(heavy.divergence, 3 * 0.3125, 5e-5);
      }
    }
  },
);

onEachDevice("for large ε half the energy distance of the cost", async (gpu) => {
  const x = points(gpu, 20, 1, 4), y = points(gpu, 15, 1, 5).add(0.3);
  using result = await sinkhornDivergence(x, y, { epsilon: 1000, epsilonScale: "absolute", tolerance: 1e-6 });
  const [X, Y] = await Promise.all([x.data(), y.data()]);
  const mean = (u: ArrayLike<number>, v: ArrayLike<number>) => {
    let s = 0;
    for (let i = 0; i < u.length; i++) for (let j = 0; j < v.length; j++) s += (u[i] - v[j]) ** 2;
    return s / (u.length * v.length);
  };
  const want = mean(X, Y) - (mean(X, X) + mean(Y, Y)) / 2;
  // The divergence is a difference of values around ε log(n m): f64 sums of f32 potentials keep this much.
  assertAlmostEquals(result.costs, want, 1e-3);
  assertAlmostEquals(result.divergence, want, 5e-3);
});

Deno.test("the divergence is differentiated by points, weights and ε: central differences in f64", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 5,
    m = 4,
    f64 = (v: Float64Array<ArrayBuffer>, shape: number[]) => gpu.tensor(v.slice(), { shape, dtype: "f64" });
  const numbers = (count: number, seed: number) =>
    Float64Array.from({ length: count }, (_, k) => ((k * 29 + seed) % 23) / 23);
  const X = numbers(2 * n, 1), Y = numbers(2 * m, 7), A = numbers(n, 3).map((v) => v + 0.3);
  const at = async (p: { x: Tensor; a: Tensor; e: Tensor }) => {
    using y = f64(Y, [m, 2]);
    return (await sinkhornDivergence(p.x, y, { a: p.a, epsilon: p.e, epsilonScale: "absolute", tolerance: 1e-13 }))
      .value;
  };
  const tensors = (x = X, a = A, e = 0.2) => ({ x: f64(x, [n, 2]), a: f64(a, [n]), e: f64(Float64Array.of(e), []) });
  const g = await grad(at)(tensors());
  const value = async (x = X, a = A, e = 0.2) => await (await at(tensors(x, a, e))).item(), h = 1e-5;
  const bump = (v: Float64Array<ArrayBuffer>, k: number, by: number) => v.map((w, i) => i === k ? w + by : w);
  const gx = await g.x.data(), ga = await g.a.data();
  for (let k = 0; k < 2 * n; k++) {
    assertAlmostEquals(gx[k], (await value(bump(X, k, h)) - await value(bump(X, k, -h))) / (2 * h), 1e-7);
  }
  const along = async (s: number) => await value(X, bump(bump(A, 0, s), 3, -s));
  assertAlmostEquals(ga[0] - ga[3], (await along(h) - await along(-h)) / (2 * h), 1e-7);
  assertAlmostEquals(await g.e.item(), (await value(X, A, 0.2 + h) - await value(X, A, 0.2 - h)) / (2 * h), 1e-6);
});

onEachDevice("a divergence leaves nothing behind but its result; bad input is refused by name", async (gpu) => {
  const x = points(gpu, 12, 2, 6), y = points(gpu, 13, 2, 7);
  await Promise.all([x.data(), y.data()]);
  const before = gpu.device.ledger.count;
  const result = await sinkhornDivergence(x, y, { cost: "greatcircle" });
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController();
  await assertRejects(
    () =>
      sinkhornDivergence(x, y, {
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("enough")),
      }),
    Error,
    "enough",
  );
  assertEquals(gpu.device.ledger.count, before);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => (sinkhornDivergence as any)(x), TypeError, "Expected points y as a tensor, got undefined");
  const formula = { formula: "s[i] * sqdist(x[i], y[j])", inputs: { s: gpu.ones([12]) } };
  await assertRejects(() => sinkhornDivergence(x, y, { cost: formula }), TypeError, "Expected scalars beside x and y");
});
