import { assert, assertEquals, assertRejects } from "@std/assert";
import { sinkhorn, type SinkhornOptions, type SinkhornResult } from "../../src/methods/transport/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { type Gpu, grad, hvp, jvp, open, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const N = 7, M = 5;

/** A problem in numbers: points, weights of total 1, ε. */
interface Numbers {
  x: Float64Array;
  y: Float64Array;
  a: Float64Array;
  b: Float64Array;
  eps: Float64Array;
}

const SHAPES = { x: [N, 2], y: [M, 2], a: [N], b: [M], eps: [] } as const;
type Name = keyof Numbers;
const NAMES = Object.keys(SHAPES) as Name[];
type Problem = Record<Name, Tensor>;

function numbers(seed: number): Numbers {
  const random = generator(seed), draw = (k: number) => Float64Array.from({ length: k }, () => random());
  const weights = (k: number) => {
    const w = draw(k).map((v) => v + 0.2), total = w.reduce((s, v) => s + v, 0);
    return w.map((v) => v / total);
  };
  return { x: draw(2 * N), y: draw(2 * M), a: weights(N), b: weights(M), eps: Float64Array.of(0.1) };
}

function tensors(gpu: Gpu, values: Numbers, dtype: "f32" | "f64" = "f64"): Problem {
  return Object.fromEntries(
    NAMES.map((name) => [
      name,
      gpu.tensor(dtype === "f64" ? values[name].slice() : Float32Array.from(values[name]), {
        shape: SHAPES[name],
        dtype,
      }),
    ]),
  ) as Problem;
}

/** What may be made of a solution; potentials only up to a constant. */
const QUANTITIES: Record<string, (r: SinkhornResult, p: Problem) => Tensor> = {
  value: (r) => r.value,
  "transport cost": (r) => r.transportCost(),
  "plan applied": (r, p) => r.plan.apply(p.y).square().sum(),
  potentials: (r) => {
    const [f, g] = r.potentials;
    return f.add(f.mean().neg()).square().sum().add(g.sub(g.mean()).pow(3).sum());
  },
};

const solve = (p: Problem, options: SinkhornOptions = {}) =>
  sinkhorn(p.x, p.y, {
    a: p.a,
    b: p.b,
    epsilon: p.eps,
    epsilonScale: "absolute",
    tolerance: p.x.dtype === "f64" ? 1e-13 : 1e-6,
    ...options,
  });

for (const [what, quantity] of Object.entries(QUANTITIES)) {
  Deno.test(`sinkhorn's ${what}: implicit and unrolled gradients and central differences agree in f64`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await gpu.scope(async () => {
      const base = numbers(3), p = tensors(gpu, base);
      const loss = (options: SinkhornOptions) => async (p: Problem) => quantity(await solve(p, options), p);
      const implicit = await grad(loss({}), { unreached: "zeros" })(p);
      const unrolled = await grad(loss({ differentiate: "unrolled" }), { unreached: "zeros" })(p);
      for (const name of NAMES) {
        const weight = name === "a" || name === "b";
        const [found, other] = await Promise.all(
          [implicit, unrolled].map(async (g) => Float64Array.from(await g[name].data())),
        );
        // Weights move against each other: their totals stay equal. The potentials' constants are not compared.
        const scale = found.reduce((s, v) => Math.max(s, Math.abs(v)), 0);
        for (let k = 0; k + Number(weight) < Math.min(found.length, 3); k++) {
          const along = (v: ArrayLike<number>) => v[k] - (weight ? v[k + 1] : 0);
          const at = async (h: number) => {
            const moved = { ...base, [name]: base[name].slice() };
            moved[name][k] += h;
            if (weight) moved[name][k + 1] -= h;
            return await (await loss({})(tensors(gpu, moved))).item();
          };
          const h = 2 ** -12, slope = async (h: number) => (await at(h) - await at(-h)) / (2 * h);
          const near = await slope(h), far = await slope(2 * h), best = near + (near - far) / 3;
          const atol = Math.abs(near - far) + 1e-8 * (scale + 1);
          assertClose([along(found)], [best], { atol });
          assertClose([along(other)], [along(found)], { atol: 1e-9 * (scale + 1) });
        }
      }
    });
    assertEquals(gpu.memory().rows, []);
  });
}

Deno.test("second derivatives of sinkhorn agree with differences of the gradient, by both modes", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await gpu.scope(async () => {
    const base = numbers(5), p = tensors(gpu, base), v = gpu.tensor(numbers(6).x, { shape: [N, 2], dtype: "f64" });
    for (const what of ["value", "transport cost"]) {
      const loss = async (x: Tensor) => QUANTITIES[what](await solve({ ...p, x }), p);
      const gradient = grad(loss), at = async (h: number) => (await gradient(p.x.add(v.mul(h)))).data();
      const h = 2 ** -11;
      const slope = async (h: number) => {
        const [up, down] = [await at(h), await at(-h)];
        return Float64Array.from(up, (u, k) => (u - down[k]) / (2 * h));
      };
      const near = await slope(h), far = await slope(2 * h);
      const best = near.map((s, k) => s + (s - far[k]) / 3), atol = near.map((s, k) => Math.abs(s - far[k]) + 1e-7);
      const [product] = await hvp(loss, [p.x], [v]);
      assertClose(await product.data(), best, { atol });
      const again = await grad(async (x: Tensor) => (await gradient(x)).mul(v).sum())(p.x);
      assertClose(await again.data(), await product.data(), { atol: 1e-8 });
    }
    const { value, tangent } = await jvp(async (x: Tensor) => (await solve({ ...p, x })).value, [p.x], [v]);
    const g = await grad(async (x: Tensor) => (await solve({ ...p, x })).value)(p.x);
    assertClose([await (tangent as Tensor).item()], [await g.mul(v).sum().item()], { rtol: 1e-9 });
    assertEquals(value.shape, []);
  });
});

onEachDevice("gradients of sinkhorn in f32: as in f64, for points and for a cost matrix", async (gpu) => {
  await using host = await open({ backend: "cpu", tune: "off" });
  const base = numbers(8);
  for (const what of ["value", "transport cost"]) {
    await gpu.scope(async () => {
      const loss = async (p: Problem) => QUANTITIES[what](await solve(p), p);
      const exact = await grad(loss)(tensors(host, base)), found = await grad(loss)(tensors(gpu, base, "f32"));
      for (const name of NAMES) {
        // The tolerance of the solution and f32 potentials in units of ε; weights' gradients are up to a constant.
        const centred = async (t: Tensor) => {
          const d = Float64Array.from(await t.data()), weight = name === "a" || name === "b";
          const mean = weight ? d.reduce((s, v) => s + v, 0) / d.length : 0;
          return d.map((v) => v - mean);
        };
        const want = await centred(exact[name]), scale = want.reduce((s, v) => Math.max(s, Math.abs(v)), 0);
        assertClose(await centred(found[name]), want, { atol: 2e-4 * scale + 1e-5 });
      }
      const p = tensors(gpu, base, "f32"),
        C = Tensor.apply("pairMatrix", { x: p.x, y: p.y }, { formula: "sqdist(x[i], y[j])" }).out;
      const byMatrix = await grad(async (C: Tensor) => {
        const r = await sinkhorn(C, { a: p.a, b: p.b, epsilon: 0.1, epsilonScale: "absolute", tolerance: 1e-6 });
        return what === "value" ? r.value : r.transportCost();
      })(C);
      const byX = grad((x: Tensor) =>
        Tensor.apply("pairMatrix", { x, y: p.y }, { formula: "sqdist(x[i], y[j])" }).out.mul(byMatrix).sum()
      )(p.x);
      const want = Float64Array.from(await exact.x.data()), scale = want.reduce((s, v) => Math.max(s, Math.abs(v)), 0);
      assertClose(await byX.data(), want, { atol: 2e-4 * scale + 1e-5 });
    });
  }
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("the gradient of sinkhorn needs memory for the points alone", async (gpu) => {
  const n = gpu.info.backend === "cpu" ? 2000 : 1500;
  const x = gpu.random.uniform([n, 2], { seed: 1 }), y = gpu.random.uniform([n, 2], { seed: 2 });
  await gpu.sync();
  gpu.device.ledger.resetPeak();
  const options = { epsilon: 0.1, tolerance: 1e-4, form: "streaming" as const };
  const g = await grad(async (x: Tensor) => (await sinkhorn(x, y, options)).transportCost())(x);
  await g.data();
  const { peak } = gpu.memory();
  assert(peak < 64e6 * n / 50_000 * 2, `peak ${peak}`);
  assert(peak < 4 * n * n / 20, `peak ${peak}, all pairs take ${4 * n * n}`);
  for (const t of [x, y, g]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("sinkhorn's gradient on the Earth, with weights of zero, and what is refused", async (gpu) => {
  await gpu.scope(async () => {
    const x = gpu.tensor([[10, 50], [11, 48], [12, 51]]), y = gpu.tensor([[9, 49], [13, 50]]);
    const loss = async (x: Tensor) =>
      (await sinkhorn(x, y, { cost: "greatcircle", epsilon: 20, epsilonScale: "absolute", tolerance: 1e-7 })).value;
    const g: number[][] = await (await grad(loss)(x)).array();
    const at = async (h: number) => (await loss(gpu.tensor([[10 + h, 50], [11, 48], [12, 51]]))).item();
    const h = 0.0125;
    assertClose([(await at(h) - await at(-h)) / (2 * h)], [g[0][0]], { atol: 0.02 });

    const a = gpu.tensor([0.5, 0, 0.5]);
    const weighted = async (x: Tensor, a: Tensor) => {
      const r = await sinkhorn(x, y, { a, epsilon: 2, epsilonScale: "absolute", tolerance: 1e-7 });
      return r.value.add(r.transportCost());
    };
    const [gx, ga] = await grad(weighted, { argnums: [0, 1] })(x, a);
    const rows: number[][] = await gx.array();
    assertEquals(rows[1], [0, 0]);
    assert(rows.flat().every(Number.isFinite) && (await ga.data()).every(Number.isFinite));
    const two = async (x: Tensor) => {
      const r = await sinkhorn(x, y, { epsilon: 2, epsilonScale: "absolute", tolerance: 1e-7 });
      return r.value.add(r.transportCost());
    };
    const without: number[][] = await (await grad(two)(gpu.tensor([[10, 50], [12, 51]]))).array();
    assertClose([...rows[0], ...rows[2]], without.flat(), { atol: 1e-4 });

    await assertRejects(
      () => sinkhorn(x, y, { a, differentiate: "unrolled" }),
      RangeError,
      'Expected positive weights "a" with differentiate: "unrolled", got 0 at 1',
    );
    await assertRejects(
      () => sinkhorn(x, y, { differentiate: "backwards" as "unrolled" }),
      TypeError,
      'Expected "differentiate" to be "implicit" or "unrolled", got "backwards"',
    );
    await assertRejects(
      () => sinkhorn(x, y, { epsilon: a }),
      TypeError,
      'Expected "epsilon" to be one number, got [3]',
    );
  });
  assertEquals(gpu.memory().rows, []);
});
