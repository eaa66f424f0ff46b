import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertClose } from "../../src/testing/mod.ts";
import {
  customVjp,
  type Gpu,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  open,
  stopGradient,
  type Tensor,
  valueAndGrad,
  vjp,
} from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** Runs `fn` in a scope and checks that it leaves nothing behind. */
async function balanced(gpu: Gpu, fn: () => Promise<void>): Promise<void> {
  await gpu.sync();
  const before = gpu.memory().live;
  await gpu.scope(fn);
  assertEquals(gpu.memory().live, before);
}

onEachDevice(
  "gradients have the structure of the arguments, and constants stay constants",
  (gpu) =>
    balanced(gpu, async () => {
      const params = {
        layers: [{ w: gpu.tensor([[1, 2]]), act: "tanh" }, { w: gpu.tensor([[3], [4]]), act: "none" }],
        rate: 0.5,
      };
      const loss = (p: typeof params, x: Tensor) => x.matmul(p.layers[0].w).mul(p.rate).matmul(p.layers[1].w).sum();
      const g = grad(loss)(params, gpu.tensor([[2]]));
      assertEquals(Object.keys(g), ["layers", "rate"]);
      assertEquals([g.rate, g.layers[0].act], [undefined, undefined]);
      assertEquals(await g.layers[0].w.array(), [[3, 4]]);
      assertEquals(await g.layers[1].w.array(), [[1], [2]]);
      const [, x] = grad(loss, { argnums: [0, 1] })(params, gpu.tensor([[2]]));
      assertEquals(await x.array(), [[5.5]]);
      assertEquals(await grad(loss, { argnums: 1 })(params, gpu.tensor([[2]])).array(), [[5.5]]);
      const { value, grad: same } = valueAndGrad(loss, { argnums: 1 })(params, gpu.tensor([[2]]));
      assertEquals([await value.item(), await same.array()], [11, [[5.5]]]);
    }),
);

onEachDevice("an auxiliary result is handed through as constants", (gpu) =>
  balanced(gpu, async () => {
    const f = (x: Tensor) => {
      const y = x.square();
      return [y.sum(), { y, count: 3 }] as const;
    };
    const x = gpu.tensor([1, 2, 3]);
    const { grad: g, aux } = grad(f, { hasAux: true })(x);
    assertEquals([await g.array(), await aux.y.array(), aux.count], [[2, 4, 6], [1, 4, 9], 3]);
    const all = valueAndGrad((x: Tensor) => Promise.resolve(f(x)), { hasAux: true })(x);
    assertEquals(await (await all).value.item(), 14);
    assertThrows(() => grad(f as unknown as (x: Tensor) => Tensor)(x), TypeError, "Expected the loss to be a tensor");
  }));

onEachDevice(
  "derivatives of derivatives to the fourth order, in every mixture of modes",
  (gpu) =>
    balanced(gpu, async () => {
      const x = gpu.tensor(0.75), one = gpu.tensor(1);
      const reverse = (f: (x: Tensor) => Tensor) => grad(f) as (x: Tensor) => Tensor;
      const forward = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [one]).tangent as Tensor;
      const f = (x: Tensor) => x.sin().mul(x.exp());
      // d⁴/dx⁴ eˣ sin x = −4 eˣ sin x, and the odd and even ones before it.
      const s = Math.sin(0.75) * Math.exp(0.75), c = Math.cos(0.75) * Math.exp(0.75);
      const expected = [s, s + c, 2 * c, 2 * (c - s), -4 * s];
      for (let mixture = 0; mixture < 16; mixture++) {
        let d: (x: Tensor) => Tensor = f;
        for (let order = 1; order <= 4; order++) {
          d = mixture >> (order - 1) & 1 ? forward(d) : reverse(d);
          if (order < 4 && mixture >> order !== 0) continue;
          const got = await d(x).item();
          assertClose([got], [expected[order]], { atol: 4 ** order * 8 * 2 ** -24 * Math.exp(0.75) });
        }
      }
    }),
);

onEachDevice("perturbations of nested derivatives are not confused", (gpu) =>
  balanced(gpu, async () => {
    const x = gpu.tensor(3), one = gpu.tensor(1);
    // d/dx (x · d/dy (x + y)) = 1, where confusion gives 2.
    const inner = [
      (x: Tensor) => grad((y: Tensor) => x.add(y))(x),
      (x: Tensor) => jvp((y: Tensor) => x.add(y), [x], [one]).tangent as Tensor,
    ];
    for (const d of inner) {
      assertEquals(await grad((x: Tensor) => x.mul(d(x)))(x).item(), 1);
      assertEquals(await (jvp((x: Tensor) => x.mul(d(x)), [x], [one]).tangent as Tensor).item(), 1);
    }
    // The inner function differentiates by its own variable alone, also where it is the same tensor.
    assertEquals(await grad((x: Tensor) => grad((y: Tensor) => y.mul(x))(x).mul(x))(x).item(), 6);
  }));

onEachDevice("Hessians: products, whole, and of a known quadratic", (gpu) =>
  balanced(gpu, async () => {
    const A = gpu.tensor([[2, 1, 0], [1, 3, -1], [0, -1, 4]]),
      v = gpu.tensor([1, -2, 0.5]),
      x = gpu.tensor([0.3, 1, 2]);
    const quadratic = (x: Tensor) => x.matmul(A).mul(x).sum().mul(0.5);
    const [product] = hvp(quadratic, [x], [v]);
    assertEquals(await product.array(), [0, -5.5, 4]);
    assertEquals(await hessian(quadratic)(x).array(), await A.array());
    const J = jacobian((x: Tensor) => x.matmul(A))(x);
    assertEquals(await J.array(), await A.array());
    const wide = (x: Tensor) => gpu.stack([x, x.mul(2), x.square()]);
    assertEquals(jacobian(wide)(x).shape, [3, 3, 3]);
    const [f, r] = (["forward", "reverse"] as const).map((mode) => jacobian(wide, { mode })(x));
    assertEquals(await f.array(), await r.array());
    const slow = jacobian(async (x: Tensor) => {
      await x.data();
      return x.square();
    })(x);
    assertClose(await (await slow).data(), [0.6, 0, 0, 0, 2, 0, 0, 0, 4], { rtol: 2 ** -23 });
  }));

onEachDevice("steps of a slice, flips and every other view", (gpu) =>
  balanced(gpu, async () => {
    const data = Float32Array.from({ length: 60 }, (_, k) => k % 7 - 3);
    const x = gpu.tensor(data, { shape: [3, 4, 5] });
    const views: [string, (x: Tensor) => Tensor][] = [
      ["slice", (x) => x.slice(1, [null, null, -2], [0, 5, 3])],
      ["slice of negative positions", (x) => x.slice([-2, null], -1, [4, 0, -3])],
      ["empty slice", (x) => x.slice([2, 2])],
      ["transpose", (x) => x.transpose([2, 0, 1])],
      ["T", (x) => x.T],
      ["flip", (x) => x.flip(1)],
      ["reshape", (x) => x.reshape([4, 15])],
      ["reshape of a transpose", (x) => x.T.reshape([-1])],
      ["expandDims and squeeze", (x) => x.expandDims(1).expandDims(-1).squeeze()],
      ["broadcastTo", (x) => x.expandDims(1).broadcastTo([2, 3, 6, 4, 5])],
      ["at", (x) => x.at(-1)],
      ["take", (x) => x.take([3, 0, 0, -1], 1)],
      ["concatenate", (x) => gpu.concatenate([x, x.flip(0), x], 1)],
      ["stack", (x) => gpu.stack([x, x.mul(2)], 3)],
      ["astype", (x) => x.astype("f32")],
    ];
    for (const [name, view] of views) {
      // y = V x is linear, so the gradient of ½|V x|² is Vᵀ V x, and ⟨V u, V x⟩ = ⟨u, Vᵀ V x⟩ for every u; exact in small integers.
      const g = grad((x: Tensor) => view(x).square().sum().mul(0.5))(x);
      const u = gpu.tensor(data.map((_, k) => k % 5 - 2), { shape: [3, 4, 5] });
      const { value, tangent } = jvp(view, [x], [u]);
      const left = await value.mul(tangent).sum().item(), right = await g.mul(u).sum().item();
      assertEquals(left, right, name);
      assertEquals(await (tangent as Tensor).data(), await view(u).data(), name);
    }
  }));

onEachDevice(
  "several formulas in one kernel, conditions, and what has no derivative",
  (gpu) =>
    balanced(gpu, async () => {
      const x = gpu.tensor([-1, 0, 2]);
      const f = (x: Tensor) => {
        const { a, b, c } = gpu.map({ a: "x^2", b: "x > 0", c: "2 * x" }, { x });
        return b.where(a, c).sum();
      };
      assertEquals(await grad(f)(x).array(), [2, 2, 4]);
      // At kinks: what NumPy-like systems take; rounding is constant.
      const kinks = grad((x: Tensor) => x.abs().add(x.relu()).add(x.maximum(0)).add(x.floor()).sum())(x);
      assertEquals(await kinks.array(), [-1, 0.5, 3]);
      assertEquals(await grad((x: Tensor) => x.mul(x.argmax().astype("f32")).sum())(x).array(), [2, 2, 2]);
      assertEquals(await grad((x: Tensor) => x.mul(stopGradient({ x }).x).sum())(x).array(), [-1, 0, 2]);
      // Random numbers are constants.
      const noise = gpu.random.normal([3], { seed: 5 });
      const g = grad((x: Tensor) => x.mul(gpu.random.normal([3], { seed: 5 })).sum())(x);
      assertEquals(await g.array(), await noise.array());
    }),
);

onEachDevice(
  "sparse matrices: products, sampled products and softmax by their values",
  (gpu) =>
    balanced(gpu, async () => {
      const s = gpu.sparse({ rows: [0, 0, 2, 1], columns: [1, 0, 1, 2], values: [1, 2, 3, 4], shape: [3, 3] });
      const dense = s.toDense(), b = gpu.tensor([[1, 2], [3, 5], [7, 11]]), w = gpu.tensor([[1, 2], [3, 4], [5, 6]]);
      const f = (values: Tensor, b: Tensor) => {
        using own = s.withValues(values);
        return own.matmul(b).mul(w).sum();
      };
      const [values, byB] = grad(f, { argnums: [0, 1] })(s.values, b);
      const full = grad((d: Tensor, b: Tensor) => d.matmul(b).mul(w).sum(), { argnums: [0, 1] })(dense, b);
      assertEquals(await byB.array(), await full[1].array());
      using turned = s.withValues(values);
      const mask = dense.notEqual(0);
      assertEquals(await turned.toDense().array(), await mask.where(full[0], 0).array());
      const attention = (v: Tensor) => s.withValues(v).softmax().matmul(b).mul(w).sum();
      const g = grad(attention)(s.values);
      const reference = grad((d: Tensor) => mask.where(d, -Infinity).softmax(1).matmul(b).mul(w).sum())(dense);
      using grown = s.withValues(g);
      assertClose(await grown.toDense().data(), await reference.data(), { atol: 2 ** -16 });
      assertThrows(
        () => grad((s: unknown) => (s as typeof turned).values.sum())(s),
        TypeError,
        "sparse matrix args[0]",
      );
      s.dispose();
    }),
);

Deno.test("f64 gradients agree with f32 ones and with central differences; f16 gradients are f16", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const f = (x: Tensor) => x.softmax(1).matmul(x.T).tanh().logsumexp(1).mul(x.slice(null, 0)).sum();
  const data = Float64Array.from({ length: 12 }, (_, k) => Math.sin(3 * k) / 2);
  const x = gpu.tensor(data, { shape: [3, 4], dtype: "f64" }), g = await grad(f)(x).data();
  const single = await grad(f)(x.astype("f32")).data();
  assertClose(single, g, { atol: 64 * 2 ** -24 });
  for (let k = 0; k < 12; k++) {
    const h = 1e-5,
      at = async (step: number) => {
        const moved = data.slice();
        moved[k] += step;
        return await f(gpu.tensor(moved, { shape: [3, 4], dtype: "f64" })).item();
      };
    assertClose([(await at(h) - await at(-h)) / (2 * h)], [g[k]], { atol: 1e-9 });
  }
  const mixed = grad((x: Tensor) => x.astype("f64").square().sum())(x.astype("f32"));
  assertEquals(mixed.dtype, "f32");
});

onEachDevice("gradients are of the dtype of what they belong to", async (gpu) => {
  if (!gpu.info.probes.f16) return;
  const x = gpu.tensor([1, 2, 3], { dtype: "f16" });
  const g = grad((x: Tensor) => x.mul(gpu.tensor([2, 2, 2])).sum())(x);
  assertEquals([g.dtype, await g.array()], ["f16", [2, 2, 2]]);
});

onEachDevice("every mistake is refused in words, and nothing is left behind", (gpu) =>
  balanced(gpu, async () => {
    const x = gpu.tensor([1, 2]), y = gpu.tensor([3, 4]), k = gpu.tensor([1, 2], { dtype: "i32" });
    const sum = (x: Tensor) => x.sum();
    const cases: [() => unknown, string][] = [
      [() => grad((x: Tensor) => x)(x), "Expected the loss to be one number, got the shape [2]"],
      [() => grad((_: Tensor) => 3)(x), "Expected the loss to be a tensor, got number"],
      [() => grad((x: Tensor) => x.argmax())(x), "Expected the loss to be of a floating dtype, got i32"],
      [
        () => grad((p: { layers: { w: Tensor }[] }) => p.layers[0].w.sum())({ layers: [{ w: x }, { w: y }] }),
        "The loss does not depend on args[0].layers[1].w",
      ],
      [
        () => grad((p: { w: Tensor[] }) => p.w[0].sum())({ w: [x, k] }),
        "args[0].w[1] is i32: only floating dtypes can be differentiated by",
      ],
      [() => grad(sum)(3 as unknown as Tensor), "Expected a tensor in args[0]"],
      [() => grad((x: Tensor) => stopGradient(x).sum())(x), "The loss does not depend on args[0]"],
      [
        () => jvp(sum, [x], [gpu.tensor([1, 2, 3])]),
        "Expected the tangent of primals[0] to be f32 of shape [2], got f32 of [3]",
      ],
      [() => jvp(sum, [x], []), "Expected a tangent for each of 1 primals, got 0"],
      [() => jvp(sum, [k], [k]), "primals[0] is i32"],
      [
        () => vjp(sum, x).pullback(gpu.tensor([1, 2])),
        "Expected the cotangent of value to be f32 of shape [], got f32 of [2]",
      ],
      [
        () => jacobian((x: Tensor) => [x] as unknown as Tensor)(x),
        "Expected the function to give a tensor, got object",
      ],
      [
        () => grad((x: Tensor) => customVjp((x: Tensor) => x.round(), () => [x, x])(x).sum())(x),
        "to be an array with an entry for each of 1 arguments, got 2 entries",
      ],
      [
        () => grad((y: Tensor) => customVjp((x: Tensor) => x.mul(y), ({ cotangent }) => [cotangent])(x).sum())(x),
        "it reads a tensor that is being differentiated and is not among its arguments",
      ],
    ];
    for (const [call, message] of cases) assertThrows(call, TypeError, message);
    assertThrows(() => grad(sum, { argnums: 1 })(x), RangeError, 'Expected "argnums" to be from 0 to 0, got 1');
    const zeros = grad((x: Tensor, y: Tensor) => x.sum().add(y.sum().mul(0)), { argnums: [0, 1] })(x, y);
    assertEquals(await zeros[1].array(), [0, 0]);
    const unreached = grad((x: Tensor, _: Tensor) => x.sum(), { argnums: [0, 1], unreached: "zeros" })(x, y);
    assertEquals(await unreached[1].array(), [0, 0]);

    const once = vjp(sum, x);
    once.pullback(gpu.tensor(1));
    assertThrows(() => once.pullback(gpu.tensor(1)), TypeError, "Cannot call a pullback after it was called");
    const twice = vjp((x: Tensor) => x.square(), x);
    for (let k = 0; k < 2; k++) assertEquals(await twice.pullback(y, { keep: true })[0].array(), [6, 16]);
    twice.dispose();
    assertThrows(() => twice.pullback(y), TypeError, "Cannot call a pullback after it was disposed of");

    await assertRejects(() => grad((x: Tensor) => Promise.resolve(x))(x), TypeError, "one number");
    assertThrows(
      () =>
        grad((x: Tensor) => {
          x.dispose();
          return x.sum();
        })(x),
      Error,
      "Cannot use a tensor of shape [2] after it was disposed of",
    );
    assertEquals(x.disposed, false);
    class Odd extends Error {}
    assertThrows(() =>
      grad((x: Tensor) => {
        x.exp().sum();
        throw new Odd();
      })(x), Odd);
  }));

Deno.test("tensors of two devices are refused", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  await using other = await open({ backend: "cpu", tune: "off" });
  const x = gpu.tensor([1, 2]), y = other.tensor([1, 2]);
  assertThrows(() => grad((x: Tensor) => x.mul(y).sum())(x), TypeError, "Cannot mix devices");
  assertThrows(() => jvp((x: Tensor) => x.sum(), [x], [y]), TypeError, "Cannot mix devices");
  assertThrows(() => vjp((x: Tensor) => x.exp(), x).pullback(y), TypeError, "Cannot mix devices");
});

onEachDevice("concurrent differentiations do not mix, and f may wait", (gpu) =>
  balanced(gpu, async () => {
    const f = (power: number) => async (x: Tensor) => {
      const y = x.pow(power);
      await y.data();
      await new Promise((resolve) => setTimeout(resolve, power));
      return y.sum();
    };
    const x = gpu.tensor([1, 2]);
    const all = await Promise.all([5, 2, 3].map((p) => grad(f(p))(x)));
    assertEquals(await Promise.all(all.map((g) => g.array())), [[5, 80], [2, 4], [3, 12]]);
  }));

onEachDevice(
  "scopes and `using` inside of the function do not pull memory from under the gradient",
  (gpu) =>
    balanced(gpu, async () => {
      const x = gpu.tensor([0.5, 1]);
      const f = async (x: Tensor) => {
        const y = await gpu.scope(() => x.exp().mul(x).sin());
        using z = y.square();
        using w = z.matmul(z);
        return w.add(0);
      };
      const g = grad(f)(x),
        plain = grad((x: Tensor) => {
          const z = x.exp().mul(x).sin().square();
          return z.matmul(z);
        })(x);
      assertEquals(await (await g).array(), await plain.array());
    }),
);

onEachDevice("forward mode over a chain whose steps are freed needs the memory of a few steps", async (gpu) => {
  const n = 50_000, x = gpu.random.uniform([n], { seed: 1 }), v = gpu.full([n], 1);
  const start = gpu.memory().live;
  gpu.device.ledger.resetPeak();
  const { value, tangent } = jvp(
    (x: Tensor) => {
      let y = x.sin();
      for (let k = 0; k < 300; k++) {
        using old = y;
        y = gpu.map("sin(1.001 * y)", { y: old });
      }
      return y;
    },
    [x],
    [v],
  );
  await Promise.all([value.data(), (tangent as Tensor).data()]);
  const { peak } = gpu.memory();
  assert(peak - start < 12 * 4 * n, `peak ${peak - start} bytes`);
  for (const t of [x, v, value, tangent as Tensor]) t.dispose();
  assertEquals(gpu.memory().live, 0);
});

onEachDevice("a chain of 1,000 steps keeps one array per step that needs one, and none for sums", async (gpu) => {
  const n = 4096, bytes = 4 * n, x = gpu.random.uniform([n], { seed: 2 });
  await x.data();
  const peakOf = async (step: (y: Tensor) => Tensor): Promise<number> => {
    await gpu.sync();
    const start = gpu.memory().live;
    gpu.device.ledger.resetPeak();
    const g = grad((x: Tensor) => {
      let y = x;
      for (let k = 0; k < 1000; k++) y = step(y);
      return y.sum();
    })(x);
    await g.data();
    const { peak } = gpu.memory();
    g.dispose();
    assertEquals(gpu.memory().live, start);
    return (peak - start) / bytes;
  };
  // The derivative of the sine reads its argument; that of a sum nothing.
  const sines = await peakOf((y) => {
    using z = y.sin();
    z.value;
    y.dispose();
    return z.add(0.5);
  });
  assert(sines > 900 && sines < 1100, `${sines} arrays for 1,000 sines`);
  const sums = await peakOf((y) => {
    const z = y.add(0.5);
    z.value;
    y.dispose();
    return z;
  });
  assert(sums < 8, `${sums} arrays for 1,000 sums`);
  x.dispose();
});

onEachDevice("gradients over pairs never store all pairs", async (gpu) => {
  const n = gpu.info.backend === "cpu" ? 20_000 : 4000;
  const x = gpu.random.uniform([n, 2], { seed: 3 }), y = gpu.random.uniform([n, 2], { seed: 4 });
  await Promise.all([x.data(), y.data()]);
  const start = gpu.memory().live;
  gpu.device.ledger.resetPeak();
  const f = (x: Tensor, y: Tensor) => gpu.pairwise("logsumexp", "-sqdist(x[i], y[j]) / eps", { x, y, eps: 0.1 }).sum();
  const [gx, gy] = grad(f, { argnums: [0, 1] })(x, y);
  await Promise.all([gx.data(), gy.data()]);
  const { peak } = gpu.memory();
  assert(peak - start < 100 * 4 * n, `peak ${peak - start} bytes`);
  assert(peak - start < 4 * n * n / 25);
  for (const t of [x, y, gx, gy]) t.dispose();
  assertEquals(gpu.memory().live, 0);
});

onEachDevice(
  "the forward pass stays fused: a chain of formulas under the tape launches what it does without",
  async (gpu) => {
    const x = gpu.random.uniform([1000], { seed: 5 });
    const f = (x: Tensor) => x.mul(2).add(1).exp().sub(x).tanh().sum();
    const launches = async (fn: () => unknown): Promise<number> => {
      const { entries } = await gpu.profile(fn);
      return entries.reduce((s, e) => s + e.count, 0);
    };
    await f(x).data();
    const plain = await launches(() => f(x).data());
    const traced = await launches(async () => {
      const { value, dispose } = vjp(f, x);
      await value.data();
      dispose();
    });
    assertEquals([plain, traced], [1, 1]);
  },
);
