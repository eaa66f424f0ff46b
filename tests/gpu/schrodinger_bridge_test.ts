import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { lightSchrodingerBridge, SchrodingerBridge } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const EPSILON = 0.4;
const WEIGHTS = [0.5, 0.2, 0.3], CENTERS = [[-1], [0.3], [1.5]], SCALES = [[0.5], [1.7], [0.2]];

/** A bridge on a line, in f64 unless told. */
function onLine(gpu: Gpu, dtype: "f32" | "f64" = "f64"): SchrodingerBridge {
  using logWeights = gpu.tensor(WEIGHTS.map(Math.log), { dtype });
  using centers = gpu.tensor(CENTERS, { dtype });
  using scales = gpu.tensor(SCALES, { dtype });
  return new SchrodingerBridge({ logWeights, centers, scales }, EPSILON);
}

/** v(x₁) by its definition, as a mixture of normal densities. */
function potentialAt(x1: number): number {
  return WEIGHTS.reduce((sum, a, k) => {
    const variance = EPSILON * SCALES[k][0], r = CENTERS[k][0];
    return sum + a * Math.exp(-((x1 - r) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
  }, 0);
}

/** ∫ f by the trapezoidal rule, which is exact to rounding for smooth functions that vanish at both ends. */
function integrate(f: (x: number) => number): number {
  const h = 1e-3;
  let sum = 0;
  for (let x = -12; x <= 12; x += h) sum += f(x);
  return sum * h;
}

Deno.test("the normalizer and the conditional density of a bridge are those of quadrature", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  using bridge = onLine(gpu);
  for (const x0 of [-2, 0, 0.7, 3]) {
    const c = integrate((x1) => Math.exp(x0 * x1 / EPSILON) * potentialAt(x1));
    using at = gpu.tensor([[x0]], { dtype: "f64" });
    const found = await bridge.logNormalizer(at).item();
    assert(Math.abs(found - Math.log(c)) < 1e-12 * (1 + Math.abs(found)), `${found} ${Math.log(c)}`);
    for (const x1 of [-1.2, 0.1, 2]) {
      using to = gpu.tensor([[x1]], { dtype: "f64" });
      const density = Math.exp(x0 * x1 / EPSILON) * potentialAt(x1) / c;
      const log = await bridge.logConditional(at, to).item();
      assert(Math.abs(log - Math.log(density)) < 1e-11 * (1 + Math.abs(log)), `${log} ${Math.log(density)}`);
      const v = await bridge.logPotential(to).item();
      assert(Math.abs(v - Math.log(potentialAt(x1))) < 1e-12 * (1 + Math.abs(v)));
    }
    const mean = integrate((x1) => x1 * Math.exp(x0 * x1 / EPSILON) * potentialAt(x1)) / c;
    assert(Math.abs(await bridge.mean(at).item() - mean) < 1e-11 * (1 + Math.abs(mean)));
  }
});

Deno.test("the drift of a bridge is ε ∇ log φ_t by quadrature, up to t = 1", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  using bridge = onLine(gpu);
  for (const t of [0, 0.3, 0.95]) {
    // φ_t and its derivative under the integral, which has N(x₁ | x, ε(1 − t)) exp(x₁²/2ε) v(x₁).
    const variance = EPSILON * (1 - t);
    for (const x of [-1.5, 0, 1.1]) {
      const weight = (x1: number) =>
        Math.exp(-((x1 - x) ** 2) / (2 * variance) + x1 ** 2 / (2 * EPSILON)) * potentialAt(x1);
      const phi = integrate(weight), slope = integrate((x1) => weight(x1) * (x1 - x) / variance);
      using at = gpu.tensor([[x]], { dtype: "f64" });
      const found = await bridge.drift(at, t).item();
      assert(Math.abs(found - EPSILON * slope / phi) < 1e-9 * (1 + Math.abs(found)), `${t} ${x} ${found}`);
    }
  }
  using at = gpu.tensor([[0.4]], { dtype: "f64" });
  // At the end φ₁(x) = exp(x²/2ε) v(x): the drift there by central differences.
  const h = 1e-5, log = (x: number) => x ** 2 / (2 * EPSILON) + Math.log(potentialAt(x));
  const expected = EPSILON * (log(0.4 + h) - log(0.4 - h)) / (2 * h);
  assert(Math.abs(await bridge.drift(at, 1).item() - expected) < 1e-7);
});

onEachDevice("samples of a bridge have the moments of its plan, and its paths end alike", async (gpu) => {
  using bridge = onLine(gpu, "f32");
  const n = 20000, x0 = 0.6;
  using start = gpu.full([n, 1], x0);
  using drawn = await bridge.sample(start, { seed: 5 });
  using again = await bridge.sample(start, { seed: 5 });
  using other = await bridge.sample(start, { seed: 6 });
  assertEquals(await drawn.data(), await again.data());
  const values = await drawn.data(), others = await other.data();
  assert(values.some((v, i) => v !== others[i]));
  const c = integrate((x1) => Math.exp(x0 * x1 / EPSILON) * potentialAt(x1));
  const moment = (p: number) => integrate((x1) => x1 ** p * Math.exp(x0 * x1 / EPSILON) * potentialAt(x1)) / c;
  const mean = moment(1), variance = moment(2) - mean ** 2;
  const kurtosis = integrate((x1) => (x1 - mean) ** 4 * Math.exp(x0 * x1 / EPSILON) * potentialAt(x1)) / c;
  const check = (data: ArrayLike<number>, bias: number) => {
    const list = Array.from(data), m = list.reduce((s, v) => s + v, 0) / n;
    const v = list.reduce((s, x) => s + (x - m) ** 2, 0) / n;
    assert(Math.abs(m - mean) < 5 * Math.sqrt(variance / n) + bias, `mean ${m}, expected ${mean}`);
    assert(Math.abs(v - variance) < 5 * Math.sqrt((kurtosis - variance ** 2) / n) + bias, `variance ${v} ${variance}`);
  };
  check(values, 0);
  const steps = 40;
  using paths = await bridge.simulate(start, { steps, seed: 7 });
  assertEquals([...paths.shape], [steps + 1, n, 1]);
  using first = paths.at(0);
  using last = paths.at(steps);
  assertEquals(await first.data(), await start.data());
  // The method of Euler and Maruyama is off by O(1/steps), here with a factor well below 2.
  check(await last.data(), 2 / steps);
});

/** Points of two normal samples in f64 or f32 with other means and spreads by axis. */
function samples(gpu: Gpu, dtype: "f32" | "f64", n = 400): { x0: Tensor; x1: Tensor } {
  const of = (seed: number, std: number[], mean: number[]) => {
    using z = gpu.random.normal([n, 3], { seed }).astype(dtype);
    using s = gpu.tensor(std, { dtype });
    using m = gpu.tensor(mean, { dtype });
    using scaled = z.mul(s);
    const x = scaled.add(m);
    void x.value;
    return x;
  };
  return { x0: of(1, [1, 0.5, 2], [0, 1, -1]), x1: of(2, [0.7, 1.5, 0.1], [2, 0, -1]) };
}

for (const [dtype, epsilons] of [["f64", [0.1, 10]], ["f32", [1]]] as const) {
  for (const epsilon of epsilons) {
    Deno.test(`one component gives the bridge between normal laws in closed form, ε = ${epsilon} (${dtype})`, async () => {
      await using gpu = await open({ backend: "cpu", tune: "off" });
      const { x0, x1 } = samples(gpu, dtype);
      using bridge = await lightSchrodingerBridge(x0, x1, {
        epsilon,
        components: 1,
        steps: 800,
        batch: 400,
        tolerance: 1e-4,
      });
      assert(bridge.converged);
      const [m0, m1, v0, v1] = await Promise.all(
        [x0.mean(0), x1.mean(0), x0.variance(0), x1.variance(0)].map((t) => t.data()),
      );
      const [S, r] = await Promise.all([bridge.scales.data(), bridge.centers.data()]);
      for (let i = 0; i < 3; i++) {
        // S² v₀ + ε S = v₁, as the plan's second marginal has the variance v₁; and r + S m₀ = m₁.
        const exact = (-epsilon + Math.sqrt(epsilon ** 2 + 4 * v0[i] * v1[i])) / (2 * v0[i]);
        const tolerance = dtype === "f64" ? 1e-6 : 1e-3;
        assert(Math.abs(S[i] - exact) < tolerance * exact, `scale ${S[i]}, expected ${exact}`);
        assert(Math.abs(r[i] - (m1[i] - exact * m0[i])) < tolerance * (1 + Math.abs(r[i])), `center ${r[i]}`);
      }
    });
  }
}

Deno.test("a bridge that is a mixture is found again from samples, to a divergence of a few hundredths", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const logWeights = gpu.tensor([0, -0.5]), scales = gpu.tensor([[0.5, 0.9], [1.2, 0.4]]);
  const centers = gpu.tensor([[-2, 0], [2, 1]]);
  using truth = new SchrodingerBridge({ logWeights, centers, scales }, 0.5);
  const x0 = gpu.random.normal([1500, 2], { seed: 1 });
  const x1 = await truth.sample(x0, { seed: 2 });
  using found = await lightSchrodingerBridge(x0, x1, { epsilon: 0.5, components: 4, steps: 400, tolerance: 0.3 });
  const test = gpu.random.normal([4000, 2], { seed: 3 }), ends = await truth.sample(test, { seed: 4 });
  const [log, logFound] = [truth.logConditional(test, ends), found.logConditional(test, ends)];
  const divergence = await log.sub(logFound).mean().item();
  assert(divergence > -0.01 && divergence < 0.05, `KL ${divergence}`);
  assert(found.history.length > 50 && found.history.at(-1)!.step === 400);
});

Deno.test("the loss of a bridge can be differentiated by the points and the potential", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const centers = gpu.tensor(CENTERS, { dtype: "f64" }), x = gpu.tensor([[0.3], [-1]], { dtype: "f64" });
  const logWeights = gpu.tensor(WEIGHTS.map(Math.log), { dtype: "f64" }), scales = gpu.tensor(SCALES, { dtype: "f64" });
  const loss = (centers: Tensor, x: Tensor) => {
    const bridge = new SchrodingerBridge({ logWeights, centers, scales }, EPSILON);
    return bridge.logNormalizer(x).sum().sub(bridge.logPotential(x).sum()).add(bridge.drift(x, 0.4).sum());
  };
  const [byCenters, byX] = await Promise.all(grad(loss, { argnums: [0, 1] })(centers, x).map((g) => g.data()));
  const h = 1e-5;
  for (const [which, found] of [byCenters, byX].entries()) {
    const base = await [centers, x][which].data();
    for (let k = 0; k < base.length; k++) {
      const at = (step: number) => {
        const moved = Float64Array.from(base, (v, i) => i === k ? v + step : v);
        const t = gpu.tensor(moved, { shape: [...[centers, x][which].shape], dtype: "f64" });
        return (which === 0 ? loss(t, x) : loss(centers, t)).item();
      };
      const difference = (await at(h) - await at(-h)) / (2 * h);
      assert(
        Math.abs(found[k] - difference) < 1e-7 * (1 + Math.abs(difference)),
        `${which} ${k} ${found[k]} ${difference}`,
      );
    }
  }
});

onEachDevice("a bridge frees what it made, and the same seed gives the same bridge", async (gpu) => {
  const x0 = gpu.random.normal([70, 2], { seed: 1 }), x1 = gpu.random.normal([90, 2], { seed: 2 });
  await Promise.all([x0.data(), x1.data()]);
  const before = gpu.memory().live, options = { components: 3, steps: 4, batch: 32, tolerance: 100 };
  const bridge = await lightSchrodingerBridge(x0, x1, options);
  const again = await lightSchrodingerBridge(x0, x1, options);
  assertEquals(await bridge.centers.data(), await again.centers.data());
  for (const t of [await bridge.sample(x0), await bridge.simulate(x0, { steps: 3 }), bridge.drift(x0, 0.5)]) {
    await t.data();
    t.dispose();
  }
  for (const t of [bridge.mean(x0), bridge.logConditional(x0.slice([0, 70]), x1.slice([0, 70]))]) {
    await t.data();
    t.dispose();
  }
  bridge.dispose();
  again.dispose();
  assertEquals(gpu.memory().live, before);
});

Deno.test("a bridge says in one warning that it is not stationary, and stops when asked", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.random.normal([50, 2], { seed: 1 });
  const { result, warnings } = await withWarnings(() =>
    lightSchrodingerBridge(x, x.add(3), { steps: 2, tolerance: 1e-6 })
  );
  assertEquals([result.converged, warnings.length], [false, 1]);
  assert(warnings[0].includes("more steps"));
  const stop = new AbortController();
  await assertRejects(
    () => lightSchrodingerBridge(x, x, { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) }),
    Error,
    "enough",
  );
});

Deno.test("bridges refuse what they cannot take, by name", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.ones([4, 2]);
  await assertRejects(() => lightSchrodingerBridge(x, gpu.ones([4, 3])), TypeError, '"x1" of shape [n, 2], got [4, 3]');
  await assertRejects(() => lightSchrodingerBridge(gpu.ones([4]), x), TypeError, '"x0" of shape [n, d], got [4]');
  await assertRejects(() => lightSchrodingerBridge(x, gpu.zeros([0, 2])), RangeError, "at least one point");
  await assertRejects(() => lightSchrodingerBridge(x, gpu.tensor([[1, NaN]])), RangeError, "x1");
  await assertRejects(() => lightSchrodingerBridge(x, x.astype("f64")), TypeError, "of one type");
  await assertRejects(() => lightSchrodingerBridge(x, x, { epsilon: 0 }), RangeError, '"epsilon"');
  await assertRejects(() => lightSchrodingerBridge(x, x, { components: 1.5 }), RangeError, '"components"');
  using bridge = onLine(gpu, "f32");
  assertThrows(() => bridge.drift(gpu.ones([3, 1]), 1.5), RangeError, '"t"');
  assertThrows(() => bridge.drift(gpu.ones([3, 2]), 0.5), TypeError, "[n, 1]");
  assertThrows(() => bridge.mean(gpu.ones([3, 1]).astype("f64")), TypeError, "f32");
});
