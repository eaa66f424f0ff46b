import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, grad, linalg, open, type Tensor } from "../../mod.ts";
import { qrWork, runsOnAdapter } from "../../src/linalg/device/work.ts";
import { onGpu } from "./devices.ts";
import { type Float, FLOATS, graded, hardMatrices, hardSymmetric, normal } from "./factor_matrices.ts";

const on = "adapter" as const;

/** Floats that the adapter has. */
const floatsOf = (gpu: Gpu) => FLOATS.filter(({ dtype }) => dtype === "f32" || gpu.info.probes.f64);

/** Fails unless the result is that of a stable method, and its numbers are in order. */
async function certify(a: Tensor, result: linalg.Factorization, { u }: Float, what: string): Promise<void> {
  const bound = 8 * Math.max(4, ...a.shape.slice(-2)) * u;
  const { backwardError, orthogonality = 0 } = await linalg.certificate(a, result);
  assert(backwardError <= bound, `${what}: the backward error is ${backwardError}, over ${bound}`);
  assert(orthogonality <= bound, `${what}: the orthogonality is ${orthogonality}, over ${bound}`);
  const sorted = "s" in result ? result.s.neg() : "values" in result ? result.values : undefined;
  if (!sorted) return;
  const data = await sorted.data(), length = sorted.shape.at(-1)!;
  for (let k = 1; k < data.length; k++) assert(k % length === 0 || data[k] >= data[k - 1], `${what}: not in order`);
}

/** Fails unless the numbers are those of the host, within the error that a backward error of c·n·u allows. */
async function sameNumbers(found: Tensor, expected: Tensor, { u }: Float, n: number, what: string): Promise<void> {
  const x = await found.data(), y = await expected.data(), most = Math.max(...y.map(Math.abs), 0);
  assertEquals(found.shape, expected.shape);
  x.forEach((v, k) =>
    assert(Math.abs(v - y[k]) <= 8 * Math.max(4, n) * u * most, `${what}: got ${v}, the host ${y[k]}`)
  );
}

onGpu("qr on the adapter: sizes around panels and blocks, tall, wide, stacks", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    const shapes = [
      [1, 1],
      [1, 5],
      [6, 1],
      [31, 31],
      [32, 32],
      [33, 33],
      [33, 120],
      [129, 127],
      [131, 41],
      [200, 200],
      [160, 259],
    ];
    for (const shape of [...shapes, [2, 3, 12, 7], [5, 40, 33], [2500, 20], [2049, 3]]) {
      await gpu.scope(async () => {
        const a = normal(gpu, float, shape), [m, n] = shape.slice(-2), k = Math.min(m, n), batch = shape.slice(0, -2);
        const { q, r } = await linalg.qr(a, { on });
        assertEquals([q.shape, r.shape, q.dtype], [[...batch, m, k], [...batch, k, n], float.dtype]);
        await certify(a, { q, r }, float, `${float.dtype} [${shape}]`);
        if (m > 300) return;
        const complete = await linalg.qr(a, { on, mode: "complete" });
        assertEquals([complete.q.shape, complete.r.shape], [[...batch, m, m], [...batch, m, n]]);
        await certify(a, complete, float, `${float.dtype} [${shape}], complete`);
      });
    }
  }
});

onGpu("qr on the adapter: hard matrices", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    for (const [name, a] of hardMatrices(gpu, float)) {
      await gpu.scope(async () => await certify(a, await linalg.qr(a, { on }), float, `${float.dtype} ${name}`));
    }
    // Tall, with blocks of rows that have no rank of their own.
    const rows = gpu.arange(0, 3000).reshape([3000, 1]);
    const tall = normal(gpu, float, [3000, 10]).mul(
      gpu.map("i < 1500 || i > 2900 ? 0 : 1", { i: rows }).astype(float.dtype),
    );
    await certify(tall, await linalg.qr(tall, { on }), float, "tall with blocks of zeros");
  }
});

onGpu("qr on the adapter is as exact in small columns as in large ones", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    const a = graded(gpu, float, 80, 40), { q, r } = await linalg.qr(a, { on });
    // In f64 both, so that the product has no part in it.
    const left = q.astype("f64").matmul(r.astype("f64"));
    const apart = gpu.reduce("sum", "(x - y)^2", { x: left, y: a.astype("f64") }, 0);
    const share = await apart.div(a.astype("f64").square().sum(0)).sqrt().max().item();
    assert(share <= 8 * 80 * float.u, `${float.dtype}: ${share}`);
  }
});

onGpu("eigh on the adapter: sizes around pairs of blocks, stacks", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    const shapes = [[1, 1], [2, 2], [17, 17], [33, 33], [101, 101], [2, 3, 4, 4], [3, 40, 40]];
    for (const shape of float.dtype === "f32" ? shapes : [[3, 3], [32, 32], [65, 65], [2, 7, 7]]) {
      await gpu.scope(async () => {
        const x = normal(gpu, float, shape), a = x.add(x.T), result = await linalg.eigh(a, { on }), n = shape.at(-1)!;
        assertEquals([result.values.shape, result.vectors.shape, result.values.dtype], [
          shape.slice(0, -1),
          shape,
          float.dtype,
        ]);
        const what = `${float.dtype} [${shape}]`;
        await certify(a, result, float, what);
        await sameNumbers(result.values, (await linalg.eigh(a, { on: "host" })).values, float, n, what);
      });
    }
  }
});

onGpu("eigh on the adapter: hard matrices, of which the lower triangle counts", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    for (const [name, a] of hardSymmetric(gpu, float)) {
      await gpu.scope(async () => {
        const n = a.shape[0], what = `${float.dtype} ${name}`, result = await linalg.eigh(a, { on });
        await certify(a, result, float, what);
        await sameNumbers(result.values, (await linalg.eigh(a, { on: "host" })).values, float, n, what);
      });
    }
    const half = gpu.tensor([[4, 99, -7], [2, 5, 42], [1, 0.5, 3]], { dtype: float.dtype });
    const whole = gpu.tensor([[4, 2, 1], [2, 5, 0.5], [1, 0.5, 3]], { dtype: float.dtype });
    const values = async (a: Tensor) => await (await linalg.eigh(a, { on })).values.array();
    assertEquals(await values(half), await values(whole));
  }
});

onGpu("svd on the adapter: tall, wide, sizes around blocks, stacks", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    const shapes = [[1, 1], [1, 6], [5, 1], [31, 32], [33, 70], [97, 97], [2, 3, 9, 4], [2500, 20]];
    for (const shape of float.dtype === "f32" ? shapes : [[5, 3], [33, 32], [3, 4, 40], [70, 65]]) {
      await gpu.scope(async () => {
        const a = normal(gpu, float, shape), [m, n] = shape.slice(-2), k = Math.min(m, n), batch = shape.slice(0, -2);
        const what = `${float.dtype} [${shape}]`, result = await linalg.svd(a, { on });
        assertEquals([result.u.shape, result.s.shape, result.v.shape], [[...batch, m, k], [...batch, k], [
          ...batch,
          n,
          k,
        ]]);
        await certify(a, result, float, what);
        await sameNumbers(result.s, await linalg.svdvals(a, { on: "host" }), float, Math.max(m, n), what);
        if (shape.length > 3 || m > 100) return;
        await sameNumbers(await linalg.svdvals(a, { on }), result.s, float, Math.max(m, n), `values of ${what}`);
        const full = await linalg.svd(a, { on, full: true });
        assertEquals([full.u.shape, full.v.shape], [[...batch, m, m], [...batch, n, n]]);
        await certify(a, full, float, `full ${what}`);
      });
    }
  }
});

onGpu("svd on the adapter: hard matrices", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    for (const [name, a] of hardMatrices(gpu, float)) {
      await gpu.scope(async () => {
        const what = `${float.dtype} ${name}`, result = await linalg.svd(a, { on });
        await certify(a, result, float, what);
        await sameNumbers(result.s, await linalg.svdvals(a, { on: "host" }), float, 50, what);
      });
    }
  }
});

/** Singular values by scalar one-sided Jacobi in f64 (Hestenes 1958, de Rijk's order): each to about n·u·κ of its own size. */
function hestenes(columns: Float64Array[]): number[] {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  for (let sweep = 0, turned = true; turned; sweep++) {
    assert(sweep < 60);
    turned = false;
    for (let p = 0; p < columns.length; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        if (dot(columns[p], columns[p]) < dot(columns[q], columns[q])) {
          [columns[p], columns[q]] = [columns[q], columns[p]];
        }
        const [x, y] = [columns[p], columns[q]], a = dot(x, x), b = dot(y, y), c = dot(x, y);
        if (Math.abs(c) <= 1e-15 * Math.sqrt(a) * Math.sqrt(b)) continue;
        turned = true;
        const zeta = (b - a) / (2 * c), t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, t), sine = cosine * t;
        for (let i = 0; i < x.length; i++) [x[i], y[i]] = [cosine * x[i] - sine * y[i], sine * x[i] + cosine * y[i]];
      }
    }
  }
  return columns.map((x) => Math.sqrt(dot(x, x))).sort((a, b) => b - a);
}

onGpu(
  "svd on the adapter finds each singular value of matrices with graded columns or rows to its own last digits",
  async (gpu) => {
    for (const float of floatsOf(gpu)) {
      const a = graded(gpu, float, 60, 40), data = await a.data();
      const expected = hestenes(
        Array.from({ length: 40 }, (_, j) => Float64Array.from({ length: 60 }, (_, i) => data[40 * i + j])),
      );
      assert(expected[0] / expected[39] > 0.1 * 10 ** float.decades);
      for (const matrix of [a, a.T]) {
        for (const s of [await linalg.svdvals(matrix, { on }), (await linalg.svd(matrix, { on })).s]) {
          const found = await s.data();
          // Beside n·u there is the condition of the matrix with columns of length one, which is below 20.
          expected.forEach((x, k) =>
            assert(Math.abs(found[k] / x - 1) <= 20 * 8 * 40 * float.u, `${float.dtype} ${k}: ${found[k]}, not ${x}`)
          );
        }
      }
    }
  },
);

onGpu("least squares on the adapter: shapes, ranks, residuals of either size", async (gpu) => {
  for (const float of floatsOf(gpu)) {
    const { dtype, u } = float, a = normal(gpu, float, [2, 9, 5], 1), one = normal(gpu, float, [40, 33], 2);
    const low = normal(gpu, float, [34, 4], 3).matmul(normal(gpu, float, [4, 20], 4));
    const problems: [Tensor, number[]][] = [
      [one, [40]],
      [one, [40, 3]],
      [one.T, [33, 2]],
      [a, [9]],
      [a, [3, 1, 9, 2]],
      [low, [34, 2]],
      [
        a.at(0),
        [9, 0],
      ],
    ];
    for (const [matrix, shape] of problems) {
      const b = normal(gpu, float, shape, 6), found = await linalg.lstsq(matrix, b, { on });
      const host = await linalg.lstsq(matrix, b, { on: "host" }), what = `${dtype} [${matrix.shape}] for [${shape}]`;
      for (const part of ["x", "residuals", "rank", "singularValues"] as const) {
        assertEquals(
          [found[part].shape, found[part].dtype],
          [host[part].shape, host[part].dtype],
          `${part} of ${what}`,
        );
      }
      assertEquals(await found.rank.array(), await host.rank.array());
      // A certificate counts what was taken for zero as an error: of a matrix of rank 4 the solution is compared instead.
      if (matrix !== low) await certify(matrix, { ...found, b }, float, what);
      await sameNumbers(found.singularValues, host.singularValues, float, 40, what);
      for (const part of ["x", "residuals"] as const) {
        const [x, y] = [await found[part].data(), await host[part].data()], most = Math.max(...y.map(Math.abs), 0);
        // The matrices have condition numbers below 100, which count twice where residuals are large.
        x.forEach((v, k) =>
          assert(Math.abs(v - y[k]) <= 1e4 * 8 * u * Math.max(most, u), `${part} of ${what}: ${v}, the host ${y[k]}`)
        );
      }
    }
  }
  const bad = gpu.tensor([1, NaN]), a = gpu.tensor([[1, 2], [3, 4]]), nan = gpu.tensor([[1, 2], [NaN, 4]]);
  for (const [matrix, b] of [[a, bad], [nan, gpu.ones([2])]]) {
    const error = await assertRejects(() => linalg.lstsq(matrix, b, { on: "host" }), RangeError);
    assertEquals((await assertRejects(() => linalg.lstsq(matrix, b, { on }), RangeError)).message, error.message);
  }
  await assertRejects(() => linalg.lstsq(a, bad, { on, refine: true }), TypeError, "Cannot refine on an adapter");
});

onGpu("decompositions on the adapter refuse what the host refuses, with its words", async (gpu) => {
  const bad = gpu.tensor([[[1, 2], [3, 4]], [[5, NaN], [7, 8]]]), infinite = gpu.tensor([[1, 2], [-Infinity, 4]]);
  const wide = gpu.tensor([[1, 2, NaN], [3, 4, 5]]), upper = gpu.tensor([[1, Infinity], [2, 3]]);
  const message = async (run: () => Promise<unknown>, kind: new () => Error) =>
    (await assertRejects(run, kind)).message;
  const before = gpu.device.ledger.count;
  for (const method of ["svd", "svdvals", "eigh", "qr"] as const) {
    for (const a of method === "eigh" ? [bad, infinite, upper] : [bad, infinite, wide]) {
      const expected = await message(() => linalg[method](a, { on: "host" }), RangeError);
      assertEquals(await message(() => linalg[method](a, { on }), RangeError), expected);
    }
  }
  assertEquals(gpu.device.ledger.count, before);
  // What no kernel takes is larger than arrays may be here.
  assertThrows(
    () => runsOnAdapter("qr", bad, qrWork(bad, 2), false, { on }),
    RangeError,
    "Cannot compute qr of [2, 2, 2] on an adapter: expected at most 16384 rows, or at least eight for each column",
  );
  assertEquals(runsOnAdapter("qr", bad, qrWork(bad, 2), false, {}), false);
});

onGpu(
  "decompositions on the adapter leave nothing behind but their results, and matrices without elements go to the host",
  async (gpu) => {
    using a = gpu.random.normal([70, 34], { seed: 1 });
    using square = gpu.random.normal([34, 34], { seed: 2 });
    using tall = gpu.random.normal([2500, 5], { seed: 2 });
    for (const t of [a, square, tall]) void t.value;
    let before = gpu.device.ledger.count;
    const released = (parts: object) => {
      const tensors = Object.values(parts) as Tensor[];
      for (const t of tensors) void t.value;
      assertEquals(gpu.device.ledger.count, before + tensors.length);
      for (const t of tensors) t.dispose();
      assertEquals(gpu.device.ledger.count, before);
    };
    released(await linalg.qr(a, { on }));
    released(await linalg.qr(a, { on, mode: "complete" }));
    released(await linalg.qr(tall, { on }));
    released(await linalg.eigh(square, { on }));
    released(await linalg.svd(a, { on }));
    released(await linalg.svd(a, { on, full: true }));
    using wide = a.T;
    released({ s: await linalg.svdvals(wide, { on }) });
    using b = gpu.ones([70, 2]);
    void b.value;
    assertEquals(gpu.device.ledger.count, ++before);
    released(await linalg.lstsq(a, b, { on }));
    assertEquals((await linalg.qr(gpu.ones([0, 3]), { on })).r.shape, [0, 3]);
    assertEquals((await linalg.eigh(gpu.ones([2, 0, 0]), { on })).vectors.shape, [2, 0, 0]);
    assertEquals((await linalg.svd(gpu.ones([0, 4, 3]), { on })).s.shape, [0, 3]);
  },
);

onGpu("gradients are those of the host, wherever the decomposition ran", async (gpu) => {
  const a = gpu.random.normal([9, 6], { seed: 1 });
  const losses = {
    qr: async (x: Tensor, at: linalg.Place) => (await linalg.qr(x, { on: at })).r.square().log1p().sum(),
    svd: async (x: Tensor, at: linalg.Place) => (await linalg.svd(x, { on: at })).u.square().square().sum(),
    svdvals: async (x: Tensor, at: linalg.Place) => (await linalg.svdvals(x, { on: at })).log().sum(),
    lstsq: async (x: Tensor, at: linalg.Place) =>
      (await linalg.lstsq(x, gpu.arange(9).astype("f32"), { on: at })).x.square().sum(),
    eigh: async (x: Tensor, at: linalg.Place) => (await linalg.eigh(x.T.matmul(x), { on: at })).values.log().sum(),
  };
  for (const [name, loss] of Object.entries(losses)) {
    const [there, here] = [await grad((x: Tensor) => loss(x, on))(a), await grad((x: Tensor) => loss(x, "host"))(a)];
    const apart = await gpu.reduce("max", "abs(x - y)", { x: there, y: here }).item();
    assert(apart <= 1e3 * 2 ** -24 * Math.max(1, await here.abs().max().item()), `${name}: ${apart}`);
  }
});

onGpu("on a device of an adapter and the host the results stay on the adapter", async () => {
  await using gpu = await open({ tune: "off" });
  if (!gpu.device.place) return;
  const float = FLOATS[0], a = normal(gpu, float, [40, 30]), square = a.T.matmul(a), b = gpu.ones([40, 2]);
  const results: [Tensor, linalg.Factorization][] = [
    [a, await linalg.qr(a, { on })],
    [a, await linalg.svd(a, { on })],
    [square, await linalg.eigh(square, { on })],
    [a, { ...await linalg.lstsq(a, b, { on }), b }],
  ];
  for (const [matrix, result] of results) {
    await certify(matrix, result, float, Object.keys(result).join());
    for (const [name, part] of Object.entries(result)) assertEquals(part.value.storage.onHost, name === "b", name);
  }
  // Beside a software adapter they go to the host by themselves.
  if (gpu.info.software) assert((await linalg.eigh(square)).values.value.storage.onHost);
});
