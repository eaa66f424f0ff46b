import { assert, assertEquals, assertRejects } from "@std/assert";
import { grad, linalg, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { normal, onTypes, symmetric } from "./float_types.ts";

const sum = (x: Iterable<number>) => [...x].reduce((s, v) => s + v, 0);

onEachDevice("hutchinson: unbiased, with the variance that theory gives", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const n = 40, g = normal(gpu, [n, n], 1, dtype), entries = await g.data(), products = 20, repeats = 40;
    let trace = 0, variance = 0;
    for (let i = 0; i < n; i++) {
      trace += entries[i * n + i];
      // Rademacher: 2·(‖(A + Aᵀ)/2‖_F² − Σ aᵢᵢ²).
      for (let j = 0; j < n; j++) if (i !== j) variance += 2 * ((entries[i * n + j] + entries[j * n + i]) / 2) ** 2;
    }
    const found: number[] = [], errors: number[] = [];
    for (let seed = 0; seed < repeats; seed++) {
      const result = await linalg.hutchinson(seed % 2 ? g : operators.dense(g), { products, seed });
      assertEquals(result.products, products);
      found.push(await result.trace.item());
      errors.push(await result.standardError.item());
    }
    const standard = Math.sqrt(variance / products), mean = sum(found) / repeats;
    assert(Math.abs(mean - trace) <= 4 * standard / Math.sqrt(repeats), `${mean} for ${trace}`);
    // Four standard deviations of the mean of χ² with 19 degrees of freedom, forty times.
    const reported = Math.sqrt(sum(errors.map((e) => e * e)) / repeats) / standard;
    assert(
      Math.abs(reported ** 2 - 1) <= 4 * Math.sqrt(2 / (repeats * (products - 1))),
      `${reported} of the standard error`,
    );
    const apart = sum(found.map((v) => Number(Math.abs(v - trace) > 3 * standard)));
    assert(apart <= 2, `${apart} of ${repeats} are further than three standard errors`);
    // A diagonal is exact with signs, and not with normal numbers.
    const diagonal = gpu.eye(n).astype(dtype).mul(3),
      exact = await linalg.hutchinson(diagonal, { products: 4, seed: 1 });
    assert(Math.abs(await exact.trace.item() - 3 * n) <= 1e-3 && await exact.standardError.item() <= 1e-4);
    const spread = await linalg.hutchinson(diagonal, { products: 100, distribution: "normal", seed: 1 });
    assert(Math.abs(await spread.trace.item() - 3 * n) <= 4 * 3 * Math.sqrt(2 * n / 100));
  });
});

onEachDevice("hutchPlusPlus: unbiased, and much better where the spectrum decays", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const values = Array.from({ length: 50 }, (_, i) => 1 / (1 + i) ** 2),
      a = await symmetric(gpu, values, 2, dtype),
      trace = sum(values);
    const repeats = 24, squares = { hutchinson: 0, hutchPlusPlus: 0 };
    let mean = 0, said = 0;
    for (let seed = 0; seed < repeats; seed++) {
      for (const method of ["hutchinson", "hutchPlusPlus"] as const) {
        const { trace: t, standardError, products } = await linalg[method](a, { products: 30, seed: 100 + seed });
        assertEquals(products, 30);
        const error = await t.item() - trace;
        squares[method] += error ** 2 / repeats;
        if (method === "hutchPlusPlus") {
          mean += error / repeats;
          const deviation = await standardError.item();
          said += deviation * deviation / repeats;
        }
      }
    }
    assert(squares.hutchPlusPlus < squares.hutchinson / 25, `${squares.hutchPlusPlus}, ${squares.hutchinson}`);
    assert(Math.abs(mean) <= 4 * Math.sqrt(squares.hutchPlusPlus / repeats) + 1e-5, `biased by ${mean}`);
    assert(
      said > squares.hutchPlusPlus / 4 && said < 4 * squares.hutchPlusPlus,
      `${said} for ${squares.hutchPlusPlus}`,
    );
    // A rank below a third of the products leaves nothing to chance.
    const low = await symmetric(gpu, [5, -3, 2, ...new Array(30).fill(0)], 3, dtype);
    const { trace: t } = await linalg.hutchPlusPlus(low, { products: 18, seed: 4 });
    assert(Math.abs(await t.item() - 4) <= (dtype === "f32" ? 1e-4 : 1e-10));
  });
});

onEachDevice("gradients of trace estimates are those of the same random numbers", async (gpu) => {
  await gpu.scope(async () => {
    const a = gpu.random.normal([9, 9], { seed: 5 });
    const f = async (x: Tensor) => (await linalg.hutchinson(x.matmul(x.T), { products: 8, seed: 6 })).trace;
    const g = await grad(f)(a), direction = gpu.random.normal([9, 9], { seed: 7 }), h = 1 / 64;
    // The trace of x·xᵀ is a square, so central differences are exact up to rounding.
    const difference =
      (await (await f(a.add(direction.mul(h)))).item() - await (await f(a.sub(direction.mul(h)))).item()) / (2 * h);
    const slope = await g.mul(direction).sum().item();
    assert(Math.abs(slope - difference) <= 1e-3 * Math.abs(difference) + 1e-2, `${slope}, ${difference}`);
  });
});

onEachDevice("stochasticLanczosQuadrature: log-determinants and other functions", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const values = Array.from({ length: 60 }, (_, i) => 0.5 + i / 20), a = await symmetric(gpu, values, 8, dtype);
    const functions: Record<string, (x: number) => number> = {
      log: Math.log,
      exp: Math.exp,
      inverse: (x) => 1 / x,
      root: Math.sqrt,
    };
    for (const [name, f] of Object.entries(functions)) {
      const exact = sum(values.map(f)),
        found = await linalg.stochasticLanczosQuadrature(a, f, { probes: 40, steps: 20, seed: 9 });
      assert(
        Math.abs(found.trace - exact) <= 4 * found.standardError + 1e-3,
        `${name}: ${found.trace} ± ${found.standardError} for ${exact}`,
      );
      assert(found.standardError > 0 && found.stepError <= 1e-3, `${name}: ${found.stepError}`);
      assert(Math.abs(sum(found.nodes.map((n) => n.weight)) - 60) <= 1e-3);
    }
    // Unbiased over seeds.
    const exact = sum(values.map(Math.log)), repeats = 10;
    let mean = 0, variance = 0;
    for (let seed = 0; seed < repeats; seed++) {
      const { trace, standardError } = await linalg.stochasticLanczosQuadrature(operators.dense(a), Math.log, {
        probes: 10,
        seed: 50 + seed,
      });
      mean += trace / repeats;
      variance += standardError ** 2 / repeats;
    }
    assert(Math.abs(mean - exact) <= 4 * Math.sqrt(variance / repeats) + 1e-3, `${mean} for ${exact}`);
    // A multiple of the identity ends each process after one step, without an error of chance.
    const multiple = await linalg.stochasticLanczosQuadrature(gpu.eye(12).astype(dtype).mul(4), Math.log, { seed: 10 });
    assert(Math.abs(multiple.trace - 12 * Math.log(4)) <= 1e-4 && multiple.standardError <= 1e-4);
    const one = await linalg.stochasticLanczosQuadrature(gpu.tensor([[9]], { dtype }), Math.sqrt, { seed: 11 });
    assert(Math.abs(one.trace - 3) <= 1e-5);
  });
});

onEachDevice("trace estimators refuse what they are not for", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const g = gpu.random.normal([20, 20], { seed: 12 }), quadrature = linalg.stochasticLanczosQuadrature;
    await assertRejects(() => quadrature(g, Math.exp, { seed: 1 }), RangeError, "not symmetric");
    await assertRejects(() => quadrature(g.add(g.T), Math.log, { seed: 1 }), RangeError, "Ritz value");
    await assertRejects(() => quadrature(g, 3 as unknown as () => number), TypeError, '"f"');
    await assertRejects(() => quadrature(g, Math.exp, { probes: 1 }), RangeError, '"probes"');
    await assertRejects(
      () => quadrature(g, Math.exp, { signal: AbortSignal.abort(new Error("enough")) }),
      Error,
      "enough",
    );
    for (const method of ["hutchinson", "hutchPlusPlus"] as const) {
      await assertRejects(() => linalg[method](gpu.ones([2, 3])), TypeError, "square matrix");
      await assertRejects(() => linalg[method](g, { products: 1 }), RangeError, '"products"');
      await assertRejects(() => linalg[method](g.mul(NaN)), RangeError, "not finite");
      await assertRejects(() => linalg[method](gpu.zeros([0, 0])), RangeError, "rows");
      await assertRejects(() => linalg[method](g, { distribution: "cauchy" as "normal" }), TypeError, '"distribution"');
    }
  });
  assertEquals(gpu.memory().live, before);
});
