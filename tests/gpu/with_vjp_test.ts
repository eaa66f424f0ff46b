import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, grad, stopGradient, type Tensor, vjp, withVjp } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** x³ and −x computed outside of the ops, with an asynchronous gradient. */
async function powers(x: Tensor): Promise<Tensor> {
  const bare = stopGradient(x);
  const { cube, minus } = await withVjp(
    "powers",
    { x },
    { cube: bare.pow(3), minus: bare.neg() },
    async ({ inputs, cotangents }) => {
      await Promise.resolve();
      const a = cotangents.cube && inputs.x.square().mul(3).mul(cotangents.cube), b = cotangents.minus?.neg();
      return { x: a && b ? a.add(b) : a ?? b };
    },
  );
  return cube.add(minus);
}

async function balanced(gpu: Gpu, fn: () => Promise<void>): Promise<void> {
  const before = gpu.memory().live;
  await gpu.scope(fn);
  assertEquals(gpu.memory().live, before);
}

onEachDevice("withVjp joins what was computed elsewhere, to any order", async (gpu) => {
  await balanced(gpu, async () => {
    const x = gpu.tensor([1, 2, -3]);
    const first = grad(async (x: Tensor) => (await powers(x)).sum());
    assertEquals(await (await first(x)).array(), [2, 11, 26]);
    const second = grad(async (x: Tensor) => (await first(x)).sum());
    assertEquals(await (await second(x)).array(), [6, 12, -18]);
    const third = grad(async (x: Tensor) => (await second(x)).sum());
    assertEquals(await (await third(x)).array(), [6, 6, 6]);
    const { value, pullback } = await vjp(powers, x);
    assertEquals(await value.array(), [0, 6, -24]);
    const [back] = await pullback(gpu.tensor([1, 0, 2]));
    assertEquals(await back.array(), [2, 0, 52]);
  });
});

onEachDevice("withVjp leaves outputs as they are where nothing is differentiated", async (gpu) => {
  const x = gpu.tensor([2]), y = gpu.tensor([8]);
  const { y: same } = await withVjp("cube", { x }, { y }, () => {
    throw new Error("not called");
  });
  assertEquals(same, y);
});

onEachDevice("an asynchronous gradient in a synchronous function is refused in words", async (gpu) => {
  await balanced(gpu, async () => {
    const x = gpu.tensor([1, 2]);
    const joined = await vjp(powers, x);
    // The history made by an async function is walked at once by the outer, synchronous one.
    const pending: Promise<unknown>[] = [];
    const f = (x: Tensor): Tensor => {
      const y = stopGradient(x).square();
      // Without a promise in the step itself, `withVjp` records at once.
      pending.push(withVjp("square", { x }, { y }, () => Promise.resolve({ x: y })));
      return y.sum();
    };
    assertThrows(() => grad(f)(x), TypeError, 'The gradient of "square" is asynchronous: make the function async');
    await Promise.all(pending);
    joined.dispose();
    await assertRejects(
      () =>
        grad(async (x: Tensor) =>
          (await withVjp("bad", { x }, { y: x.square() }, ({ inputs }) => ({ x: inputs.x.sum() }))).y.sum()
        )(x),
      TypeError,
      'Expected the gradient of "bad" by "x" to have the shape [2], got []',
    );
  });
});
