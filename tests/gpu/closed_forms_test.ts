import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import {
  exact,
  maxSlicedWasserstein,
  slicedWasserstein,
  wasserstein1d,
  wassersteinCircle,
} from "../../src/methods/transport/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { type Gpu, grad, hvp, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const points = (gpu: Gpu, shape: number[], seed: number) => gpu.random.normal(shape, { seed });

onEachDevice(
  "many lines at once give what each gives alone, and what the network simplex method finds",
  async (gpu) => {
    const x = points(gpu, [2, 3, 9], 1), y = points(gpu, [2, 3, 14], 2);
    const a = Array.from({ length: 9 }, (_, k) => (k % 4) / 12),
      b = Array.from({ length: 14 }, (_, k) => (k + 1) / 105);
    for (const weights of [{}, { a, b }, { a }]) {
      for (const p of [1, 2, 2.5]) {
        const costs = await wasserstein1d(x, y, { ...weights, p });
        assertEquals(costs.shape, [2, 3]);
        const all: number[][] = await costs.array();
        for (const [r, c] of [[0, 0], [0, 2], [1, 1]]) {
          const u = x.at(r).at(c), v = y.at(r).at(c);
          const one = await (await wasserstein1d(u, v, { ...weights, p })).item();
          assertAlmostEquals(all[r][c], one, 1e-5 * one);
          using best = await exact(u, v, {
            ...weights,
            cost: p === 1 ? "abs(x[i] - y[j])" : `abs(x[i] - y[j]) ^ ${p}`,
          });
          assertAlmostEquals(one, best.cost, 1e-5 * best.cost, `p = ${p}, ${Object.keys(weights)}`);
        }
      }
    }
  },
);

Deno.test("the best cut of a circle costs what the network simplex method finds, over many random problems", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(7);
  for (let round = 0; round < 60; round++) {
    const n = 1 + Math.floor(random() * 12), m = 1 + Math.floor(random() * 12), p = [1, 2, 1.5, 4][round % 4];
    const place = () => round % 3 === 0 ? Math.floor(random() * 8) / 8 : random();
    const x = gpu.tensor(Array.from({ length: n }, place), { dtype: "f64" });
    const y = gpu.tensor(Array.from({ length: m }, place), { dtype: "f64" });
    const whole = (count: number) => Float64Array.from({ length: count }, () => 1 + Math.floor(random() * 5));
    const a = round % 2 === 0 ? undefined : whole(n), b = a && whole(m);
    if (a && b) {
      const ratio = a.reduce((s, w) => s + w) / b.reduce((s, w) => s + w);
      b.forEach((w, j) => b[j] = w * ratio);
    }
    using result = await wassersteinCircle(x, y, { a, b, p });
    const far = "min(abs(x[i] - y[j]), 1 - abs(x[i] - y[j]))";
    using best = await exact(x, y, { a, b, cost: p === 1 ? far : `(${far}) ^ ${p}` });
    assert(result.converged, `round ${round}: gap ${result.gap}`);
    assertAlmostEquals(result.cost, best.cost, 1e-13 * Math.max(1, best.cost), `round ${round}, p = ${p}`);
    assertAlmostEquals(await result.value.item(), best.cost, 1e-13 * Math.max(1, best.cost));
  }
});

Deno.test("derivatives of the closed forms agree with central differences", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(11);
  const f64 = (...shape: number[]) => {
    const flat = Float64Array.from({ length: shape.reduce((s, k) => s * k, 1) }, random);
    return gpu.tensor(flat, { dtype: "f64" }).reshape(shape);
  };
  const check = async (at: Tensor, direction: Tensor, f: (t: Tensor) => Promise<Tensor>, what: string) => {
    using gradient = await grad(f)(at);
    const h = 1e-6, value = async (t: number) => await (await f(at.add(direction.mul(t)))).item();
    const difference = (await value(h) - await value(-h)) / (2 * h);
    const found = await gradient.mul(direction).sum().item();
    assertAlmostEquals(found, difference, 1e-7 * Math.max(1, Math.abs(difference)), what);
  };
  const x = f64(6), y = f64(9), dx = f64(6), a = f64(6).add(0.5), da = f64(6), b = f64(9).add(0.5);
  const total = await a.sum().item();
  const still = da.sub(da.mean());
  const sameTotal = b.mul(total / await b.sum().item());
  for (const p of [1, 1.5, 2, 3]) {
    await check(x, dx, (x) => wasserstein1d(x, y, { p }), `line, p = ${p}`);
    await check(x, dx, (x) => wasserstein1d(x, y, { a, b: sameTotal, p }), `line with weights, p = ${p}`);
    await check(a, still, (a) => wasserstein1d(x, y, { a, b: sameTotal, p }), `weights of a line, p = ${p}`);
    await check(x, dx, async (x) => (await wassersteinCircle(x, y, { p })).value, `circle, p = ${p}`);
    const ofWeights = async (a: Tensor) => (await wassersteinCircle(x, y, { a, b: sameTotal, p, period: 0.8 })).value;
    await check(a, still, ofWeights, `weights of a circle, p = ${p}`);
    const ofOthers = async (b: Tensor) => (await wassersteinCircle(x, y.mul(3), { b, p })).value;
    await check(sameTotal, y.sub(y.mean()), ofOthers, `weights of the other side, p = ${p}`);
  }
  // Whole turns of the potentials: equal weights, where many steps end together.
  const hours = f64(5), ends = f64(5), ones = gpu.tensor([0.2, 0.2, 0.2, 0.2, 0.2], { dtype: "f64" });
  const price = await grad(async (a: Tensor) => (await wassersteinCircle(hours, ends, { a })).value)(ones);
  const own = await grad(async (b: Tensor) => (await wassersteinCircle(hours, ends, { a: ones, b })).value)(ones);
  const [u, v, f, g] = await Promise.all([hours, ends, price, own].map(async (t) => Float64Array.from(await t.data())));
  const { cost } = await wassersteinCircle(hours, ends);
  assertAlmostEquals(f.reduce((s, v, k) => s + (v + g[k]) / 5, 0), cost, 1e-12);
  f.forEach((f, i) =>
    g.forEach((g, j) => {
      const d = Math.abs(u[i] - v[j]);
      assert(f + g <= Math.min(d, 1 - d) + 1e-12, `${i} to ${j}`);
    })
  );
  const cloud = f64(7, 3), other = f64(5, 3), move = f64(7, 3);
  await check(cloud, move, (x) => slicedWasserstein(x, other, { projections: 6, seed: 3 }), "sliced");
  await check(cloud, move, (x) => slicedWasserstein(x, other, { projections: 6, seed: 3, p: 1 }), "sliced, p = 1");
  // The direction found moves with the points, at a maximum without effect to first order.
  const away = cloud.add(gpu.tensor([3, 4, 0], { dtype: "f64" }));
  const widest = async (x: Tensor) => (await maxSlicedWasserstein(x, other, { seed: 3, tolerance: 1e-9 })).value;
  using gradient = await grad(widest)(away);
  await assertRejects(() => hvp(widest, [away], [move]), TypeError, "first derivatives only");
  const h = 1e-4, [up, down] = [await widest(away.add(move.mul(h))), await widest(away.add(move.mul(-h)))];
  assertAlmostEquals(
    await gradient.mul(move).sum().item(),
    (await up.item() - await down.item()) / (2 * h),
    1e-6,
  );
});

onEachDevice("equal clouds are at distance 0, with derivative 0 and never NaN", async (gpu) => {
  const x = points(gpu, [8, 3], 1);
  const same = await slicedWasserstein(x, x, { seed: 1 });
  assertEquals(await same.item(), 0);
  for (const p of [1, 1.5, 2]) {
    using gradient = await grad((t: Tensor) => slicedWasserstein(t, x, { seed: 1, p }))(x);
    assert((await gradient.data()).every((v) => v === 0));
    const line = x.reshape([24]);
    using slope = await grad((t: Tensor) => wasserstein1d(t, line, { p }))(line);
    assert((await slope.data()).every((v) => v === 0), `p = ${p}: ${await slope.data()}`);
  }
  using most = await maxSlicedWasserstein(x, x, { seed: 1, starts: 2, maxIterations: 400 });
  assertEquals([most.distance, most.converged], [0, true]);
});

onEachDevice(
  "max-sliced: a lower bound of the distance, at least what random directions give, and right for a shift",
  async (gpu) => {
    const x = points(gpu, [40, 4], 3), y = points(gpu, [30, 4], 4).mul(gpu.tensor([1, 1, 3, 1]));
    using found = await maxSlicedWasserstein(x, y, { seed: 5 });
    assert(found.converged);
    assertAlmostEquals(await found.direction.norm().item(), 1, 1e-6);
    assertAlmostEquals(await found.value.item(), found.distance, 1e-6);
    using whole = await exact(x, y);
    assert(found.distance <= Math.sqrt(whole.cost) * (1 + 1e-5));
    const random = await wasserstein1d(...await projected(gpu, x, y), { p: 2 });
    assert(found.distance >= Math.sqrt(Math.max(...await random.data())));
    found.history.reduce((before, now) => (assert(now >= before), now));
    using shifted = await maxSlicedWasserstein(x, x.add(gpu.tensor([2, 0, 0, -1])), { seed: 6 });
    assertAlmostEquals(shifted.distance, Math.sqrt(5), 1e-4);
    using line = await maxSlicedWasserstein(x.slice(null, [0, 1]), y.slice(null, [0, 1]), { seed: 6 });
    assert(line.converged);
  },
);

async function projected(gpu: Gpu, x: Tensor, y: Tensor): Promise<[Tensor, Tensor]> {
  const directions = points(gpu, [100, 4], 9), unit = directions.div(directions.norm(1, { keepDims: true }));
  return await Promise.resolve([unit.matmul(x.T), unit.matmul(y.T)]);
}

onEachDevice("closed forms leave nothing behind but their results", async (gpu) => {
  const x = points(gpu, [20, 3], 1), y = points(gpu, [25, 3], 2), a = gpu.full([20], 1 / 20);
  const u = x.reshape([3, 20]), v = y.reshape([3, 25]), c = u.at(0), d = v.at(0);
  await Promise.all([x, y, a, u, v, c, d].map((t) => t.data()));
  const before = gpu.device.ledger.count;
  const results = [
    await wasserstein1d(u, v),
    await wasserstein1d(u, v, { a, p: 2 }),
    await slicedWasserstein(x, y, { seed: 1 }),
    await slicedWasserstein(x, y, { a, seed: 1, p: 1 }),
    await wassersteinCircle(c, d, { a }),
    await maxSlicedWasserstein(x, y, { a, seed: 1, starts: 3 }),
  ];
  for (const result of results) result.dispose();
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("bad input of closed forms is refused by name", async (gpu) => {
  const x = points(gpu, [4], 1), y = points(gpu, [5], 2), u = points(gpu, [4, 2], 3), v = points(gpu, [5, 2], 4);
  const kinds = { R: RangeError, T: TypeError };
  const cases: [() => Promise<unknown>, "R" | "T", string][] = [
    [() => wasserstein1d(x, v), "T", "[4] and [5, 2]"],
    [() => wasserstein1d(x, y, { p: 0.5 }), "R", '"p"'],
    [() => wasserstein1d(x, y, { a: [1, 1, 1, 1], b: [1, 1, 1, 1, 1] }), "R", "same sum"],
    [() => wasserstein1d(x, gpu.zeros([0])), "R", "4 and 0"],
    [() => wasserstein1d(gpu.tensor([1, NaN]), y), "R", "NaN"],
    [() => wasserstein1d(gpu.tensor([1, 2], { dtype: "i32" }), y), "T", "i32"],
    [() => wassersteinCircle(u, v), "T", "[4, 2]"],
    [() => wassersteinCircle(x, y, { period: 0 }), "R", '"period"'],
    [() => wassersteinCircle(x, gpu.tensor([Infinity])), "R", "Infinity"],
    [() => slicedWasserstein(u, points(gpu, [5, 3], 1)), "T", "[5, 3]"],
    [() => slicedWasserstein(u, v, { projections: 0 }), "R", '"projections"'],
    [() => slicedWasserstein(u, v, { projections: gpu.zeros([3, 3]) }), "T", '"projections"'],
    [() => slicedWasserstein(u, v, { a: [-1, 1, 1, 1] }), "R", '"a"'],
    [() => maxSlicedWasserstein(u, v, { tolerance: 0 }), "R", '"tolerance"'],
    [() => maxSlicedWasserstein(u, v, { starts: 1.5 }), "R", '"starts"'],
    [() => maxSlicedWasserstein(u, v, { signal: AbortSignal.abort(new RangeError("enough")) }), "R", "enough"],
  ];
  for (const [work, kind, text] of cases) await assertRejects(work, kinds[kind], text);
});
