import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, hvp, jvp, linalg, open, Tensor, vjp } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { dot, gradientOf, type Named, normal } from "./linalg_differences.ts";
import { onEachDevice, onGpu } from "./devices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

interface Case {
  readonly name: string;
  readonly f: (...x: Tensor[]) => Promise<Named>;
  readonly at: readonly Tensor[];
  readonly symmetric?: boolean;
}

/** Well-conditioned cases of everything that has a gradient, batched. */
function casesOf(gpu: Gpu, n = 5): Case[] {
  const one = gpu.eye(n).astype("f64"), g = normal(gpu, [2, n, n], 1), symmetric = g.add(g.T);
  const positive = g.matmul(g.T).add(one), regular = positive.add(g.mul(0.3)), b = normal(gpu, [n, 3], 2);
  const diagonal = one.mul(gpu.tensor([3, -1, 7, 2, 5].slice(0, n), { dtype: "f64" }));
  const tall = normal(gpu, [2, n + 2, n], 3), wide = tall.T, side = normal(gpu, [n + 2], 4);
  return [
    { name: "cholesky", f: async (a) => ({ l: await linalg.cholesky(a) }), at: [positive], symmetric: true },
    { name: "eigh", f: async (a) => ({ ...await linalg.eigh(a) }), at: [symmetric], symmetric: true },
    {
      name: "eigh of a diagonal matrix",
      f: async (a) => ({ ...await linalg.eigh(a) }),
      at: [diagonal],
      symmetric: true,
    },
    { name: "svd, tall", f: async (a) => ({ ...await linalg.svd(a) }), at: [tall] },
    { name: "svd, wide", f: async (a) => ({ ...await linalg.svd(a) }), at: [wide] },
    { name: "svd of a diagonal matrix", f: async (a) => ({ ...await linalg.svd(a) }), at: [diagonal] },
    { name: "svdvals", f: async (a) => ({ s: await linalg.svdvals(a) }), at: [wide] },
    { name: "qr, tall", f: async (a) => ({ ...await linalg.qr(a) }), at: [tall] },
    { name: "qr, wide", f: async (a) => ({ ...await linalg.qr(a) }), at: [wide] },
    {
      name: "lu",
      f: async (a) => {
        const { l, u } = await linalg.lu(a);
        return { l, u };
      },
      at: [regular],
    },
    { name: "inv", f: async (a) => ({ y: await linalg.inv(a) }), at: [regular] },
    { name: "det", f: async (a) => ({ y: await linalg.det(a) }), at: [regular] },
    { name: "slogdet", f: async (a) => ({ y: (await linalg.slogdet(a)).logAbsDet }), at: [regular] },
    { name: "solve", f: async (a, b) => ({ x: await linalg.solve(a, b) }), at: [regular, b] },
    { name: "solveTriangular", f: async (a, b) => ({ x: await linalg.solveTriangular(a, b) }), at: [regular, b] },
    {
      name: "lstsq",
      f: async (a, b) => {
        const { x, residuals } = await linalg.lstsq(a, b);
        return { x, residuals };
      },
      at: [tall, side],
    },
  ];
}

withAndWithoutLibraries("forward mode is adjoint to reverse mode: ⟨J·v, w⟩ = ⟨v, Jᵀ·w⟩", async (gpu) => {
  for (const { name, f, at, symmetric } of casesOf(gpu)) {
    await gpu.scope(async () => {
      const value = await f(...at);
      const weights = Object.fromEntries(
        Object.keys(value).map((key, q) => [key, normal(gpu, value[key].shape, 50 + q)]),
      );
      const directions = at.map((x, q) => {
        const v = normal(gpu, x.shape, 60 + q);
        return symmetric ? v.add(v.T) : v;
      });
      const { tangent } = await jvp((...x: Tensor[]) => f(...x), at as Tensor[], directions);
      const gradients = await gradientOf(f, at, weights);
      let forward = 0, reverse = 0, size = 0;
      for (const key in weights) {
        const t = (tangent as Named)[key];
        forward += await dot(t, weights[key]);
        size += await Tensor.reduce("sum", "abs(x * y)", { x: t, y: weights[key] }).item();
      }
      for (let q = 0; q < at.length; q++) reverse += await dot(gradients[q], directions[q]);
      const bound = 1e3 * 2 ** -53 * size;
      assert(Math.abs(forward - reverse) <= bound, `${name}: ${forward} and ${reverse} (bound ${bound})`);
    });
  }
});

onEachDevice("gradients in f32 are those in f64, on every device", async (gpu) => {
  // Computed in f64 where the device has it; matrices are well conditioned, with gaps and values of order one.
  await using host = await open({ backend: "cpu" });
  for (const { name, f, at } of casesOf(host)) {
    const onDevice = async (x: Tensor) => gpu.tensor(await x.data(), { shape: x.shape, dtype: "f32" });
    const inputs = await Promise.all(at.map(onDevice)), exact = await f(...at), found = await f(...inputs);
    // Signs of vectors may differ: weights that follow them.
    const weights: Record<string, Tensor> = {}, exactWeights: Record<string, Tensor> = {};
    for (const [q, key] of Object.keys(exact).entries()) {
      const shape = exact[key].shape, w = await normal(host, shape, 50 + q).data();
      const follows = ["vectors", "u", "v"].includes(key) && !name.startsWith("lu");
      const signs = follows ? await alignment(await exact[key].data(), await found[key].data(), shape) : undefined;
      const columns = shape.at(-1) ?? 1;
      const turned = Float64Array.from(
        w,
        (x, k) => x * (signs?.[Math.floor(k / columns / shape.at(-2)!) * columns + k % columns] ?? 1),
      );
      exactWeights[key] = host.tensor(Float64Array.from(w), { shape, dtype: "f64" });
      weights[key] = gpu.tensor(turned, { shape, dtype: "f32" });
    }
    const expected = await gradientOf(f, at, exactWeights), gradients = await gradientOf(f, inputs, weights);
    for (let q = 0; q < at.length; q++) {
      assertEquals([gradients[q].dtype, gradients[q].device === gpu.device], ["f32", true], name);
      const [x, y] = [Float64Array.from(await gradients[q].data()), Float64Array.from(await expected[q].data())];
      const size = y.reduce((m, v) => Math.max(m, Math.abs(v)), 0),
        error = x.reduce((m, v, k) => Math.max(m, Math.abs(v - y[k])), 0);
      const bound = 2e3 * roundoff("f32") * size;
      assert(error <= bound, `${name}, input ${q}: off by ${error}, over ${bound}`);
    }
  }
});

/** The sign of each column of `y` against that of `x`, for stacks of matrices. */
function alignment(x: ArrayLike<number>, y: ArrayLike<number>, shape: readonly number[]): number[] {
  const [m, n] = shape.slice(-2), signs: number[] = [];
  for (let base = 0; base < x.length; base += m * n) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let i = 0; i < m; i++) sum += x[base + i * n + j] * y[base + i * n + j];
      signs.push(sum < 0 ? -1 : 1);
    }
  }
  return signs;
}

withAndWithoutLibraries("gradients in closed form", async (gpu) => {
  const n = 6, g = normal(gpu, [n, n], 5), a = g.add(g.T), positive = g.matmul(g.T).add(gpu.eye(n).astype("f64"));
  const same = async (what: string, x: Tensor, y: Tensor) => {
    const error = await Tensor.reduce("max", "abs(x - y)", { x, y }).item(), size = await y.abs().max().item();
    assert(error <= 1e3 * 2 ** -53 * size, `${what}: off by ${error} of ${size}`);
  };
  const { vectors } = await linalg.eigh(a);
  for (let k = 0; k < n; k++) {
    const v = vectors.slice(null, [k, k + 1]);
    await same(`λ${k}`, await grad(async (x: Tensor) => (await linalg.eigh(x)).values.at(k))(a), v.matmul(v.T));
  }
  const inverse = await linalg.inv(positive);
  const logdet = await grad(async (x: Tensor) => {
    const l = await linalg.cholesky(x);
    return l.mul(gpu.eye(n).astype("f64")).sum(-1).log().sum().mul(2);
  })(positive);
  await same("log det by Cholesky", logdet, inverse);
  assertEquals(await logdet.T.array(), await logdet.array(), "symmetric to the last bit");
  await same(
    "log |det|",
    await grad(async (x: Tensor) => (await linalg.slogdet(x)).logAbsDet)(g),
    (await linalg.inv(g)).T,
  );
  const { u, v } = await linalg.svd(g);
  await same("nuclear norm", await grad(async (x: Tensor) => (await linalg.svdvals(x)).sum())(g), u.matmul(v.T));
  // The curvature of log det: −tr(A⁻¹·E·A⁻¹·E).
  const e = normal(gpu, [n, n], 7),
    curve = await hvp(async (x: Tensor) => (await linalg.slogdet(x)).logAbsDet, [g], [e]);
  const gi = await linalg.inv(g), found = Array.isArray(curve) ? curve[0] : curve;
  await same("its Hessian", found as Tensor, gi.matmul(e).matmul(gi).T.neg());
});

withAndWithoutLibraries("one triangle is read, the gradient is symmetric", async (gpu) => {
  const g = normal(gpu, [4, 4], 5),
    a = g.matmul(g.T),
    lower = a.mul(gpu.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]], { dtype: "f64" }));
  for (
    const f of [
      async (x: Tensor) => (await linalg.cholesky(x)).sum(),
      async (x: Tensor) => (await linalg.eigh(x)).values.square().mul(normal(gpu, [4], 9)).sum(),
    ]
  ) {
    const [whole, half] = [await grad(f)(a), await grad(f)(lower)];
    assertEquals(await half.array(), await whole.array());
    assertEquals(await whole.T.array(), await whole.array());
  }
});

withAndWithoutLibraries("in forward mode vectors of coinciding values have no tangents", async (gpu) => {
  const a = gpu.eye(3).astype("f64"), e = normal(gpu, [3, 3], 1), s = e.add(e.T);
  await assertRejects(() => jvp(async (x: Tensor) => (await linalg.eigh(x)).vectors, [a], [s]), linalg.DegenerateError);
  const { tangent } = await jvp(async (x: Tensor) => (await linalg.svdvals(x)).sum(), [a], [e]);
  const trace = await e.mul(a).sum().item();
  assert(Math.abs(await (tangent as Tensor).item() - trace) < 1e-14);
});

withAndWithoutLibraries("gradients leave no memory behind", async (gpu) => {
  for (const { name, f, at } of casesOf(gpu)) {
    const value = await gpu.scope(async () =>
      Object.entries(await f(...at)).map(([key, x]) => [key, x.shape] as const)
    );
    const weights = Object.fromEntries(value.map(([key, shape], q) => [key, normal(gpu, shape, 50 + q)]));
    // What was put off is computed.
    for (const x of [...at, ...Object.values(weights)]) await x.data();
    const before = gpu.memory().live;
    await gpu.scope(async () => {
      const { pullback } = await vjp((...x: Tensor[]) => f(...x), ...at);
      await pullback(weights);
    });
    assertEquals(gpu.memory().live, before, name);
  }
});

onGpu("what the adapter factors has the gradients of what the host factors", async (gpu) => {
  const g = gpu.random.normal([2, 6, 6], { seed: 1 }), tall = gpu.random.normal([2, 8, 5], { seed: 2 });
  const positive = g.matmul(g.T).add(gpu.eye(6)), b = gpu.random.normal([6, 2], { seed: 3 });
  type On = { on: "host" | "adapter" };
  const cases: [string, (x: Tensor, options: On) => Promise<Tensor>, Tensor][] = [
    ["cholesky", (x, o) => linalg.cholesky(x, o), positive],
    ["solve", (x, o) => linalg.solve(x, b, o), positive],
    ["solveTriangular", (x, o) => linalg.solveTriangular(x, b, o), positive],
    ["inv", (x, o) => linalg.inv(x, o), positive],
    ["lu", async (x, o) => (await linalg.lu(x, o)).u, positive],
    ["lstsq", async (x, o) => (await linalg.lstsq(x, gpu.ones([8]), o)).x, tall],
    // Losses that do not depend on signs.
    ["qr", async (x, o) => (await linalg.qr(x, o)).r.square(), tall],
    ["eigh", async (x, o) => (await linalg.eigh(x, o)).vectors.square(), g.add(g.T)],
    ["svd", async (x, o) => (await linalg.svd(x, o)).u.square(), tall],
    ["svdvals", (x, o) => linalg.svdvals(x, o), tall],
  ];
  for (const [name, f, at] of cases) {
    await gpu.scope(async () => {
      const loss = (on: "host" | "adapter") => async (x: Tensor) => {
        const y = await f(x, { on });
        return y.mul(gpu.random.normal(y.shape, { seed: 9 })).sum();
      };
      const [expected, found] = [await grad(loss("host"))(at), await grad(loss("adapter"))(at)];
      const error = await apart(found, expected), size = await expected.abs().max().item();
      const bound = 2e3 * roundoff("f32") * size;
      assert(error <= bound, `${name}: off by ${error}, over ${bound}`);
    });
  }
});

/** The largest difference. */
const apart = (x: Tensor, y: Tensor) => Tensor.reduce("max", "abs(x - y)", { x, y }).item();

withAndWithoutLibraries(
  "errors of gradients in f32 grow with the condition as those of the functions do",
  async (gpu) => {
    const n = 8, u = roundoff("f32"), q = (await linalg.qr(normal(gpu, [n, n], 1))).q;
    const p = (await linalg.qr(normal(gpu, [n + 3, n], 2))).q;
    for (const decades of [0, 1, 2, 3, 4]) {
      const condition = 10 ** decades;
      const s = gpu.tensor(Float64Array.from({ length: n }, (_, i) => condition ** (-i / (n - 1))), { dtype: "f64" });
      const positive = q.mul(s).matmul(q.T), square = p.slice([0, n]).matmul(positive), tall = p.mul(s).matmul(q.T);
      /** Each with the power of the condition in its error. */
      const cases: [string, number, (x: Tensor) => Promise<Tensor>, Tensor][] = [
        ["solve", 1, (x) => linalg.solve(x, normal(gpu, [n], 3, x.dtype as "f32")), positive],
        ["inv", 1, (x) => linalg.inv(x), positive],
        ["slogdet", 1, async (x) => (await linalg.slogdet(x)).logAbsDet, positive],
        ["cholesky", 1, (x) => linalg.cholesky(x), positive],
        ["qr", 1, async (x) => (await linalg.qr(x)).q, tall],
        ["pinv", 1, (x) => linalg.pinv(x), tall],
        ["polar", 1, async (x) => (await linalg.polar(x)).u, tall],
        ["lstsq", 2, async (x) => (await linalg.lstsq(x, normal(gpu, [n + 3], 4, x.dtype as "f32"))).x, tall],
        ["det", 1, (x) => linalg.det(x), square],
      ];
      for (const [name, power, f, at] of cases) {
        // The same matrix in both.
        const single = at.astype("f32"), double = single.astype("f64");
        const loss = (x: Tensor) => f(x).then((y) => y.mul(normal(gpu, y.shape, 5, x.dtype as "f32")).sum());
        const expected = await grad(loss)(double), found = (await grad(loss)(single)).astype("f64");
        const error = await apart(found, expected), size = await expected.abs().max().item();
        const bound = 32 * n * u * condition ** power * size;
        assert(error <= bound, `${name}, condition 1e${decades}: off by ${error} of ${size}, over ${bound}`);
      }
    }
  },
);
