import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

const normal = (gpu: Gpu, shape: number[], seed: number, dtype: "f32" | "f64" = "f32") =>
  gpu.random.normal(shape, { seed }).astype(dtype);

const identity = (gpu: Gpu, n: number, dtype: "f32" | "f64") => gpu.eye(n).astype(dtype);

/** The largest difference of two tensors. */
const apart = (gpu: Gpu, x: Tensor, y: Tensor) => gpu.reduce("max", "abs(x - y)", { x, y }).item();

/** Fails unless the result is that of a stable method. */
async function certify(a: Tensor, result: linalg.Factorization, what: string): Promise<void> {
  const bound = 16 * Math.max(...a.shape.slice(-2)) * roundoff(a.dtype);
  const { backwardError, orthogonality = 0 } = await linalg.certificate(a, result);
  assert(backwardError <= bound, `${what}: the backward error is ${backwardError}, over ${bound}`);
  assert(orthogonality <= bound, `${what}: the orthogonality is ${orthogonality}, over ${bound}`);
}

withAndWithoutLibraries("every factorization of larger matrices has its certificate", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [m, n] of [[90, 90], [130, 41], [33, 120]]) {
      await gpu.scope(async () => {
        const a = normal(gpu, [m, n], 1, dtype), b = normal(gpu, [m, 3], 2, dtype);
        await certify(a, await linalg.svd(a), "svd");
        await certify(a, await linalg.svd(a, { full: true }), "full svd");
        await certify(a, await linalg.qr(a), "qr");
        await certify(a, await linalg.qr(a, { mode: "complete" }), "complete qr");
        await certify(a, await linalg.lu(a), "lu");
        await certify(a, { ...await linalg.lstsq(a, b), b }, "lstsq");
        if (m !== n) return;
        await certify(a.add(a.T), await linalg.eigh(a.add(a.T)), "eigh");
        const positive = a.matmul(a.T).add(identity(gpu, n, dtype));
        await certify(positive, { l: await linalg.cholesky(positive) }, "cholesky");
        await certify(a, { x: await linalg.solve(a, b), b }, "solve");
      });
    }
  }
});

withAndWithoutLibraries("elimination goes by panels", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [m, n] of [[300, 300], [300, 200], [200, 300], [129, 129]]) {
      const a = normal(gpu, [m, n], 11, dtype);
      await certify(a, await linalg.lu(a), `lu of [${m}, ${n}]`);
      // The last rows repeat the first ones: pivots of zero in the middle of a panel and after it.
      const b = gpu.concatenate([a.slice([0, m - 20]), a.slice([0, 20])]);
      await certify(b, await linalg.lu(b), `lu of [${m}, ${n}] of rank ${Math.min(m - 20, n)}`);
    }
  }
});

withAndWithoutLibraries("stacks of matrices are factored one by one", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    const a = normal(gpu, [2, 3, 5, 4], 3, dtype), square = normal(gpu, [2, 3, 4, 4], 4, dtype);
    const svd = await linalg.svd(a), qr = await linalg.qr(a), lu = await linalg.lu(a), eigh = await linalg.eigh(square);
    assertEquals([svd.u.shape, svd.s.shape, svd.v.shape], [[2, 3, 5, 4], [2, 3, 4], [2, 3, 4, 4]]);
    await certify(a, svd, "svd");
    await certify(a, qr, "qr");
    await certify(a, lu, "lu");
    await certify(square, eigh, "eigh");
    const one = a.slice(1, 2), alone = await linalg.svd(one);
    assertEquals(await svd.s.slice(1, 2).array(), await alone.s.array());
    assertEquals(await svd.v.slice(1, 2).array(), await alone.v.array());
    const { sign, logAbsDet } = await linalg.slogdet(square), det = await linalg.det(square);
    assertEquals([sign.shape, logAbsDet.shape, det.shape], [[2, 3], [2, 3], [2, 3]]);
    assert(await apart(gpu, det, gpu.map("s * exp(l)", { s: sign, l: logAbsDet })) < 1e3 * roundoff(dtype));
    const inverse = await linalg.inv(square);
    assert(await apart(gpu, square.matmul(inverse), identity(gpu, 4, dtype)) < 1e4 * roundoff(dtype));
    const { rank } = await linalg.lstsq(a, gpu.ones([5], dtype));
    assertEquals(await rank.array(), [[4, 4, 4], [4, 4, 4]]);
  }
});

withAndWithoutLibraries("right-hand sides are vectors or matrices, broadcast over stacks", async (gpu) => {
  const a = normal(gpu, [2, 4, 4], 5, "f64"), one = a.at(0);
  const shapes: [Tensor, number[], number[]][] = [
    [one, [4], [4]],
    [one, [4, 3], [4, 3]],
    [one, [5, 4, 3], [5, 4, 3]],
    [a, [4], [2, 4]],
    [a, [4, 3], [2, 4, 3]],
    [a, [7, 1, 4, 1], [7, 2, 4, 1]],
    [a, [4, 0], [2, 4, 0]],
  ];
  for (const [matrix, shape, expected] of shapes) {
    const b = normal(gpu, shape, 6, "f64");
    const solved = await linalg.solve(matrix, b), { x, residuals } = await linalg.lstsq(matrix, b);
    const upper = await linalg.solveTriangular(matrix, b);
    assertEquals([solved.shape, x.shape, upper.shape], [expected, expected, expected]);
    await certify(matrix, { x: solved, b }, "solve");
    await certify(matrix, { x, b }, "lstsq");
    assertEquals(
      residuals.shape,
      shape.length === 1 ? expected.slice(0, -1) : [...expected.slice(0, -2), expected.at(-1)!],
    );
  }
});

withAndWithoutLibraries("views are read as they are, and inputs are left alone", async (gpu) => {
  const a = normal(gpu, [9, 6], 7, "f64"), before = await a.data();
  const view = a.T.slice([null, null, 2], [1, 8]),
    copy = gpu.tensor(await view.data(), { shape: view.shape, dtype: "f64" });
  const [found, expected] = [await linalg.svd(view), await linalg.svd(copy)];
  for (const part of ["u", "s", "v"] as const) assertEquals(await found[part].array(), await expected[part].array());
  const square = a.slice([0, 6]);
  await linalg.inv(square);
  await linalg.cholesky(square.matmul(square.T));
  await linalg.eigh(square);
  await linalg.lu(a);
  assertEquals(await a.data(), before);
});

withAndWithoutLibraries(
  "only the lower triangle of symmetric matrices counts, only the named one of triangular ones",
  async (gpu) => {
    const lower = gpu.tensor([[4, 99, -7], [2, 5, 42], [1, 0.5, 3]], { dtype: "f64" });
    const whole = gpu.tensor([[4, 2, 1], [2, 5, 0.5], [1, 0.5, 3]], { dtype: "f64" });
    const data = async (t: Promise<Tensor>) => [...await (await t).data()];
    assertEquals(await data(linalg.cholesky(lower)), await data(linalg.cholesky(whole)));
    assertEquals(await (await linalg.eigh(lower)).values.array(), await (await linalg.eigh(whole)).values.array());
    const b = gpu.tensor([4, 2, 3], { dtype: "f64" });
    assertEquals(await data(linalg.solveTriangular(lower, b, { lower: true })), [1, 0, 2 / 3]);
    assertEquals(await data(linalg.solveTriangular(lower, b, { lower: true, unitDiagonal: true })), [4, -6, 2]);
    const sums = await data(linalg.solveTriangular(lower, b, { lower: true, transpose: true }));
    assertEquals(sums.map((x) => Math.round(x * 1e12) / 1e12), [0.6, 0.3, 1]);
  },
);

withAndWithoutLibraries("what cannot be factored is refused in words", async (gpu) => {
  const message = async (run: () => Promise<unknown>, kind: new (...args: never[]) => Error) =>
    (await assertRejects(run, kind as new () => Error)).message;
  const a = gpu.tensor([[1, 2], [2, 4]]), b = gpu.tensor([1, 2]);
  assertEquals(
    await message(() => linalg.solve(a, b), linalg.SingularMatrixError),
    "The matrix is singular: pivot 2 of 2 is zero",
  );
  assertEquals(
    await message(() => linalg.inv(gpu.stack([gpu.eye(2), a])), linalg.SingularMatrixError),
    "Matrix 1 is singular: pivot 2 of 2 is zero",
  );
  assertEquals(await (await linalg.det(a)).item(), 0);
  const { sign, logAbsDet } = await linalg.slogdet(a);
  assertEquals([await sign.item(), await logAbsDet.item()], [0, -Infinity]);
  const error = await assertRejects(
    () => linalg.cholesky(gpu.tensor([[1, 0, 0], [0, -1, 0], [0, 0, 1]])),
    linalg.NotPositiveDefiniteError,
  );
  assertEquals([error.minor, error.message], [
    2,
    "The matrix is not positive definite: its leading minor of order 2 is not",
  ]);
  assertEquals(
    await message(() => linalg.solveTriangular(gpu.tensor([[1, 2], [0, 0]]), b), linalg.SingularMatrixError),
    "The matrix is singular: diagonal element 1 is zero",
  );
  const bad = gpu.tensor([[[1, 2], [3, 4]], [[5, NaN], [7, 8]]]), infinite = gpu.tensor([[1, 2], [-Infinity, 4]]);
  for (const method of ["svd", "svdvals", "eigh", "qr", "cholesky", "lu", "inv", "det", "slogdet"] as const) {
    assertEquals(
      await message(() => linalg[method](bad), RangeError),
      `Cannot compute ${method}: element [1, 0, 1] is NaN`,
    );
    assertEquals(
      await message(() => linalg[method](infinite), RangeError),
      `Cannot compute ${method}: element [1, 0] is -Infinity`,
    );
    assertEquals(
      await message(() => linalg[method](b), TypeError),
      `Expected a matrix [..., m, n] for ${method}, got the shape [2]`,
    );
    const integers = gpu.tensor([[1, 2], [3, 4]], { dtype: "i32" });
    assertEquals(
      await message(() => linalg[method](integers), TypeError),
      `Cannot compute ${method} of i32: expected f32 or f64, see astype`,
    );
  }
  for (const method of ["solve", "lstsq", "solveTriangular"] as const) {
    assertEquals(
      await message(() => linalg[method](a, gpu.tensor([1, NaN])), RangeError),
      `Cannot compute ${method}: element [1, 0] of the right-hand sides is NaN`,
    );
    assertEquals(
      await message(() => linalg[method](a, gpu.ones([3])), TypeError),
      "Cannot solve [2, 2] for [3]: expected [2] or [..., 2, r]",
    );
    assertEquals(
      await message(() => linalg[method](a, gpu.ones([2], "f64")), TypeError),
      `Cannot solve f32 on ${gpu.info.name} for f64 on ${gpu.info.name}: expected one device and element type`,
    );
  }
  assertEquals(
    await message(() => linalg.eigh(gpu.ones([2, 3])), TypeError),
    "Expected square matrices for eigh, got the shape [2, 3]",
  );
  assertEquals(
    await message(() => linalg.lstsq(a, b, { rcond: 1 }), RangeError),
    'Expected "rcond" to be from 0 to 1, got 1',
  );
  assertEquals(
    await message(() => linalg.qr(a, { mode: "full" as "complete" }), TypeError),
    'Expected "mode" to be "reduced" or "complete", got "full"',
  );
});

withAndWithoutLibraries("a certificate is large for a result that is not the matrix's", async (gpu) => {
  const a = normal(gpu, [20, 12], 8, "f64"), square = normal(gpu, [12, 12], 9, "f64"), b = normal(gpu, [12], 10, "f64");
  const { u, s, v } = await linalg.svd(a), { q, r } = await linalg.qr(a), x = await linalg.solve(square, b);
  const wrong: [Tensor, linalg.Factorization][] = [
    [a, { u, s: s.mul(1 + 1e-8), v }],
    [a, { u, s, v: v.mul(-1) }],
    [a, { q, r: r.mul(1 - 1e-8) }],
    [square, { x: x.mul(1 + 1e-6), b }],
    [square, { l: square }],
    // The product is right, the factor is no triangle.
    [square.matmul(square.T), { l: square }],
    [a, { q: gpu.eye(20).astype("f64"), r: a }],
    [a, { x: gpu.ones([12], "f64"), b: gpu.ones([20], "f64"), rank: gpu.tensor(12) }],
    [square, { values: b, vectors: square }],
  ];
  for (const [matrix, result] of wrong) {
    const { backwardError } = await linalg.certificate(matrix, result);
    assert(backwardError > 1e-10, `the backward error is ${backwardError}`);
  }
  const { backwardError, orthogonality } = await linalg.certificate(a, { q: q.mul(1 + 1e-9), r: r.div(1 + 1e-9) });
  assert(backwardError < 1e-13 && Math.abs(orthogonality! / (2e-9 * Math.sqrt(12)) - 1) < 1e-3);
  const nan = gpu.full([12], NaN, "f64");
  assertEquals((await linalg.certificate(square, { x: nan, b })).backwardError, NaN);
  const stack = gpu.stack([a, a]);
  const mismatched: [Tensor, linalg.Factorization, string][] = [
    [stack, { u, s, v }, "Expected u of a stack [2] of matrices, got the shape [20, 12]"],
    [a, { q, r: gpu.ones([5, 12], "f64") }, "Cannot multiply [20, 12] by [5, 12]: inner sizes 12 and 5 differ"],
    [a, { u, s: gpu.ones([13], "f64"), v }, "Expected at least 13 vectors, got 12"],
    [a, { q } as linalg.Qr, 'Expected "r" in the result, got q'],
    [a, {} as linalg.Qr, 'Expected "l" in the result, got nothing'],
    [square, { q, r }, "The result is for matrices [20, 12], not [12, 12]"],
  ];
  for (const [matrix, result, message] of mismatched) {
    assertEquals((await assertRejects(() => linalg.certificate(matrix, result), TypeError)).message, message);
  }
  const error = await assertRejects(() => linalg.certificate(a, { x, b }), TypeError);
  assertEquals(error.message, "Cannot solve [20, 12] for [12]: expected [20] or [..., 20, r]");
});

withAndWithoutLibraries("determinants outside the range of numbers keep their logarithm", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    const a = identity(gpu, 200, dtype).mul(1e-3);
    assertEquals(await (await linalg.det(a)).item(), 0);
    const { sign, logAbsDet } = await linalg.slogdet(a);
    assertEquals(await sign.item(), 1);
    assert(Math.abs(await logAbsDet.item() / (200 * Math.log(1e-3)) - 1) < 1e-6);
    const mixed = gpu.tensor(Float64Array.from({ length: 400 }, (_, k) => k % 21 ? 0 : k < 200 ? 1e30 : 1e-30), {
      shape: [20, 20],
      dtype,
    });
    const det = await (await linalg.det(mixed)).item();
    assert(Math.abs(det / await (await linalg.det(mixed.flip())).item() - 1) < 1e-5 && Math.abs(det - 1) < 1e-5);
  }
});

onEachDevice("factorizations leave nothing behind but their results", async (gpu) => {
  using a = gpu.random.normal([6, 6], { seed: 1 });
  using b = gpu.ones([6]);
  void a.value;
  void b.value;
  const before = gpu.device.ledger.count;
  const { u, s, v } = await linalg.svd(a);
  assertEquals(gpu.device.ledger.count, before + 3);
  for (const t of [u, s, v]) t.dispose();
  (await linalg.solve(a, b)).dispose();
  for (const t of Object.values(await linalg.lstsq(a, b))) t.dispose();
  for (const t of Object.values(await linalg.lu(a))) t.dispose();
  await assertRejects(() => linalg.cholesky(a), linalg.NotPositiveDefiniteError);
  assertEquals(gpu.device.ledger.count, before);
});

onGpu("tensors on a GPU are factored on the host, and the results are back there", async (gpu) => {
  const a = gpu.random.normal([40, 25], { seed: 1 }), b = gpu.random.normal([40, 2], { seed: 2 });
  const { u, s, v } = await linalg.svd(a);
  assertEquals([u.device, s.device, v.device], [gpu.device, gpu.device, gpu.device]);
  await certify(a, { u, s, v }, "svd");
  await certify(a, { ...await linalg.lstsq(a, b), b }, "lstsq");
  assert(await gpu.reduce("max", "abs(x - y)", { x: u.mul(s).matmul(v.T), y: a }).item() < 1e-5);
});
