import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, hvp, linalg, open, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";

/** The slope of f at x along d by central differences of the solver itself. */
async function difference(f: (x: Tensor) => Promise<Tensor>, x: Tensor, d: Tensor, h: number): Promise<number> {
  const [up, down] = await Promise.all([f(x.add(d.mul(h))), f(x.sub(d.mul(h)))]);
  return (await up.item() - await down.item()) / (2 * h);
}

interface Problem {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly loss: (a: Tensor, b: Tensor) => Promise<Tensor>;
}

function problems(gpu: Gpu): Record<string, Problem> {
  const normal = (shape: number[], seed: number) => gpu.random.normal(shape, { seed }).astype("f64"), n = 6;
  const g = normal([n, n], 1), spd = g.matmul(g.T).add(gpu.eye(n).astype("f64")), tall = normal([8, 4], 2);
  const options = { tolerance: 1e-12 }, even = (a: Tensor) => a.add(a.T).mul(0.5);
  // Cubes, so that the cotangent depends on x.
  const loss = (x: Tensor) => x.pow(3).sum();
  const vector = normal([n], 3), several = normal([n, 2], 4), right = normal([8], 5), stack = normal([2, n, n], 6);
  return {
    "cg, several right-hand sides": {
      a: spd,
      b: several,
      loss: async (a, b) => loss((await linalg.cg(even(a), b, options)).x),
    },
    "cg, an operator": {
      a: spd,
      b: vector,
      loss: async (a, b) => loss((await linalg.cg(operators.dense(even(a)), b, options)).x),
    },
    "minres": { a: g.add(g.T), b: vector, loss: async (a, b) => loss((await linalg.minres(even(a), b, options)).x) },
    "gmres": { a: g, b: vector, loss: async (a, b) => loss((await linalg.gmres(a, b, options)).x) },
    "gmres, preconditioned operator": {
      a: g,
      b: several,
      loss: async (a, b) => loss((await linalg.gmres(operators.dense(a), b, { ...options, preconditioner: spd })).x),
    },
    "gmres, a stack and one b": {
      a: stack,
      b: vector,
      loss: async (a, b) => loss((await linalg.gmres(a, b, options)).x),
    },
    "lsmr, tall": { a: tall, b: right, loss: async (a, b) => loss((await linalg.lsmr(a, b, options)).x) },
    "lsmr, wide": { a: tall.T, b: normal([4], 7), loss: async (a, b) => loss((await linalg.lsmr(a, b, options)).x) },
    "lsmr, damped": {
      a: tall,
      b: right,
      loss: async (a, b) => loss((await linalg.lsmr(a, b, { ...options, damp: 0.6 })).x),
    },
    "lsmr, an operator": {
      a: tall,
      b: right,
      loss: async (a, b) => loss((await linalg.lsmr(operators.dense(a), b, options)).x),
    },
    "lsmr, a damped operator": {
      a: tall,
      b: right,
      loss: async (a, b) => loss((await linalg.lsmr(operators.dense(a), b, { ...options, damp: 0.6 })).x),
    },
  };
}

Deno.test("gradients of solvers agree with central differences", async (t) => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const names = await gpu.scope(() => Object.keys(problems(gpu)));
  for (const name of names) {
    await t.step(name, async () => {
      const before = gpu.memory().live;
      await gpu.scope(async () => {
        const { a, b, loss } = problems(gpu)[name];
        for (const which of ["a", "b"] as const) {
          const at = which === "a" ? a : b, f = (x: Tensor) => which === "a" ? loss(x, b) : loss(a, x);
          const d = gpu.random.normal(at.shape, { seed: 8 }).astype("f64"),
            slope = await (await grad(f)(at)).mul(d).sum().item();
          const near = await difference(f, at, d, 1e-5), far = await difference(f, at, d, 2e-5);
          // Their own difference says what central differences are good for.
          const bound = 4 * Math.abs(near - far) + 1e-6 * Math.abs(near) + 1e-7;
          assert(Math.abs(slope - near) <= bound, `${which}: ${slope}, by differences ${near}`);
        }
      });
      assertEquals(gpu.memory().live, before);
    });
  }
});

Deno.test("second derivatives of a solution go through the solver again", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await gpu.scope(async () => {
    const { a, b, loss } = problems(gpu)["gmres"], f = (x: Tensor) => loss(x, b);
    const d = gpu.random.normal(a.shape, { seed: 9 }).astype("f64"),
      w = gpu.random.normal(a.shape, { seed: 10 }).astype("f64");
    const [product] = await hvp(f, [a], [d]);
    const slope = async (x: Tensor) => (await grad(f)(x)).mul(w).sum();
    const near = await difference(slope, a, d, 1e-5), found = await product.mul(w).sum().item();
    assert(Math.abs(found - near) <= 1e-4 * Math.abs(near) + 1e-5, `${found}, by differences ${near}`);
  });
});

onEachDevice("the gradient of a kernel's parameter goes through an operator that is never stored", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const x = gpu.random.normal([60, 2], { seed: 11 }), b = gpu.random.normal([60], { seed: 12 });
    const f = async (scale: Tensor): Promise<Tensor> => {
      const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]))", { x: x.mul(scale) });
      const ridge = operators.identity(gpu, 60).scale(3).add(kernel);
      const { x: found } = await linalg.cg(ridge, b, { tolerance: 1e-5 });
      return found.mul(b).sum();
    };
    const at = gpu.tensor(0.8), slope = await (await grad(f)(at)).item();
    const near = await difference(f, at, gpu.tensor(1), 2 ** -5), far = await difference(f, at, gpu.tensor(1), 2 ** -4);
    assert(
      Math.abs(slope - near) <= 2 * Math.abs(near - far) + 0.02 * Math.abs(near),
      `${slope}, by differences ${near}`,
    );
  });
  assertEquals(gpu.memory().live, before);
});

Deno.test("what has no derivative carries none", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const g = gpu.random.normal([12, 12], { seed: 13 }),
      a = g.matmul(g.T).add(gpu.eye(12)),
      b = gpu.random.normal([12], { seed: 14 });
    const losses: ((x: Tensor) => Promise<Tensor>)[] = [
      async (x) => (await linalg.lanczos(x, { k: 2, tolerance: 1e-4 })).vectors.sum(),
      async (x) => (await linalg.lobpcg(x, { k: 2, tolerance: 1e-3 })).vectors.sum(),
      async (x) => (await linalg.powerIteration(x, { tolerance: 1e-3 })).value,
      async (x) => (await linalg.interpolative(x, { rank: 3 })).coefficients.sum(),
      async (x) => (await linalg.cg(a, b, { preconditioner: x, tolerance: 1e-3 })).x.sum(),
      async (x) => (await linalg.cg(a, b, { x0: x.sum(0), tolerance: 1e-3 })).x.sum(),
    ];
    for (const [k, loss] of losses.entries()) {
      const at = k === 4 ? gpu.eye(12) : a;
      await assertRejects(() => grad(loss)(at), TypeError, "does not depend");
      const both = async (x: Tensor) => (await loss(x)).add(x.sum());
      assertEquals([...await (await grad(both)(at)).data()], new Array(144).fill(1), `${k}`);
    }
  });
  assertEquals(gpu.memory().live, before);
});
