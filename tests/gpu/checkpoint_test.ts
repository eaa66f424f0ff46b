import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../../src/testing/mod.ts";
import { checkpoint, customVjp, grad, hessian, jvp, type Tensor, vjp, withVjp } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

onEachDevice("checkpoints give the same derivatives to any order, sync, async and nested", async (gpu) => {
  await gpu.scope(async () => {
    const x = gpu.tensor([0.3, -0.8]), w = gpu.tensor([[1, 2], [-0.5, 0.25]]);
    const block = (p: { x: Tensor; w: Tensor }, scale: number) => p.x.matmul(p.w).tanh().mul(scale);
    const plain = (x: Tensor, w: Tensor) => block({ x: block({ x, w }, 2), w }, 3).sum();
    const saved = checkpoint(block),
      twice = checkpoint((x: Tensor, w: Tensor) => saved({ x: saved({ x, w }, 2), w }, 3).sum());
    for (const f of [(x: Tensor, w: Tensor) => saved({ x: saved({ x, w }, 2), w }, 3).sum(), twice]) {
      const [a, b] = [plain, f].map((f) => grad(f, { argnums: [0, 1] })(x, w));
      for (const k of [0, 1]) assertEquals(await b[k].data(), await a[k].data());
      const [p, q] = [plain, f].map((f) => hessian((x: Tensor) => f(x, w))(x));
      assertClose(await q.data(), await p.data(), { atol: 2 ** -18 });
      assertClose(
        await (jvp(f, [x, w], [x, w]).tangent as Tensor).data(),
        await (jvp(plain, [x, w], [x, w]).tangent as Tensor).data(),
        { atol: 2 ** -20 },
      );
    }
    const slow = checkpoint(async (x: Tensor) => {
      await x.data();
      return x.sin().square();
    });
    const g = await grad(async (x: Tensor) => (await slow(await slow(x))).sum())(x);
    const reference = grad((x: Tensor) => x.sin().square().sin().square().sum())(x);
    assertClose(await g.data(), await reference.data(), { atol: 2 ** -22 });
  });
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("a checkpoint draws the same random numbers again", async (gpu) => {
  await gpu.scope(async () => {
    const x = gpu.ones([50]);
    const noisy = checkpoint((x: Tensor) => x.mul(gpu.random.uniform([50])).mul(gpu.random.normal([50])));
    for (let run = 0; run < 2; run++) {
      const { value, pullback } = vjp(noisy, x);
      // Linear in x, so the gradient shows the numbers.
      assertEquals(await pullback(x)[0].data(), await value.data());
    }
    const [a, b] = [noisy(x), noisy(x)];
    assert((await a.data()).join() !== (await b.data()).join(), "two calls draw anew");
  });
});

onEachDevice("checkpoints keep the ends of their parts, not what is between", async (gpu) => {
  const n = 50_000, parts = 20, x = gpu.random.uniform([n], { seed: 1 });
  await x.data();
  const start = gpu.memory().live;
  const part = (x: Tensor): Tensor => {
    let y = x.sin();
    for (let k = 1; k < 20; k++) {
      using old = y;
      y = gpu.map("sin(1.01 * y)", { y: old });
      void y.value;
    }
    return y;
  };
  const peakOf = async (f: (x: Tensor) => Tensor): Promise<number> => {
    gpu.device.ledger.resetPeak();
    const g = grad((x: Tensor) => {
      let y = f(x);
      for (let k = 1; k < parts; k++) {
        using old = y;
        y = f(old);
      }
      return y.sum();
    })(x);
    await g.data();
    g.dispose();
    assertEquals(gpu.memory().live, start);
    return (gpu.memory().peak - start) / (4 * n);
  };
  const whole = await peakOf(part), saved = await peakOf(checkpoint(part));
  assert(whole > 380 && whole < 420, `${whole} arrays for 400 steps`);
  assert(saved < 2 * parts + 12, `${saved} arrays with checkpoints`);
  x.dispose();
});

onEachDevice(
  "what a checkpoint or a custom gradient reads from outside is refused if it is differentiated",
  async (gpu) => {
    await gpu.scope(async () => {
      const x = gpu.tensor([1, 2]), c = gpu.tensor([3, 4]);
      assertThrows(
        () => grad((x: Tensor) => checkpoint((y: Tensor) => y.mul(x))(x).sum())(x),
        TypeError,
        "it reads a tensor that is being differentiated and is not among its arguments",
      );
      assertThrows(
        () => jvp((x: Tensor) => customVjp((y: Tensor) => y.mul(x), ({ cotangent }) => [cotangent])(x), [x], [x]),
        TypeError,
        "it reads a tensor that is being differentiated",
      );
      // Constants are fine.
      assertEquals(await grad((x: Tensor) => checkpoint((y: Tensor) => y.mul(c))(x).sum())(x).array(), [3, 4]);
    });
    assertEquals(gpu.memory().rows, []);
  },
);

onEachDevice("gradients of one's own: trees, residuals, several orders and both modes", async (gpu) => {
  await gpu.scope(async () => {
    const x = gpu.tensor([0.5, 2]), one = gpu.tensor([1, 1]);
    // log(1 + eˣ), whose textbook gradient 1 − 1/(1 + eˣ) is stable.
    const stable = customVjp(
      (p: { x: Tensor; name: string }, scale: Tensor) => ({ y: p.x.exp().add(1).log().mul(scale), name: p.name }),
      ({ args: [p, scale], value, cotangent }) => {
        const s = gpu.map("1 - 1 / (1 + exp(x))", { x: p.x });
        return [{ x: s.mul(scale).mul(cotangent.y) }, value.y.mul(cotangent.y).div(scale)];
      },
    );
    const f = (x: Tensor, scale: Tensor) => stable({ x, name: "softplus" }, scale).y.sum();
    const plain = (x: Tensor, scale: Tensor) => x.softplus().mul(scale).sum();
    const [a, b] = [f, plain].map((f) => grad(f, { argnums: [0, 1] })(x, one.mul(2)));
    for (const k of [0, 1]) assertClose(await a[k].data(), await b[k].data(), { atol: 2 ** -20 });
    const [p, q] = [f, plain].map((f) => hessian((x: Tensor) => f(x, one))(x));
    assertClose(await p.data(), await q.data(), { atol: 2 ** -20 });
    const [s, t] = [f, plain].map((f) => jvp((x: Tensor) => f(x, one), [x], [one]).tangent as Tensor);
    assertClose(await s.data(), await t.data(), { atol: 2 ** -20 });

    const slow = customVjp((x: Tensor) => x.square(), async ({ args: [x], cotangent }) => {
      await x.data();
      return [x.mul(cotangent).mul(2)];
    });
    assertThrows(() => grad((x: Tensor) => slow(x).sum())(x), TypeError, "asynchronous: make the function async");
    const waited = await grad((x: Tensor) => Promise.resolve(slow(x).sum()))(x);
    assertEquals(await waited.array(), [1, 4]);
    assertThrows(() => jvp(slow, [x], [one]), TypeError, "its gradient is a promise");
    const late = (x: Tensor) =>
      withVjp("late", { x }, { y: gpu.tensor([0.25, 4]) }, async ({ inputs, cotangents }) => {
        await Promise.resolve();
        return { x: inputs.x.mul(2).mul(cotangents.y!) };
      });
    const { tangent } = await jvp(async (x: Tensor) => (await late(x)).y, [x], [one]);
    assertEquals(await (tangent as Tensor).array(), [1, 4]);
  });
  assertEquals(gpu.memory().rows, []);
});
