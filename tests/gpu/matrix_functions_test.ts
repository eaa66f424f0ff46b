import { assert, assertEquals, assertRejects } from "@std/assert";
import { linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";
import { apart, normal } from "./linalg_matrices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

const message = async (run: () => Promise<unknown>, kind: new (...args: never[]) => Error) =>
  (await assertRejects(run, kind as new () => Error)).message;

withAndWithoutLibraries("functions of stacks are those of each matrix, and of nothing nothing", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    const tall = normal(gpu, [2, 3, 5, 4], 1, dtype), square = normal(gpu, [2, 3, 4, 4], 2, dtype);
    const positive = square.matmul(square.T).add(gpu.eye(4).astype(dtype));
    const cases: [(a: Tensor) => Promise<Tensor>, Tensor][] = [
      [linalg.pinv, tall],
      [linalg.pinv, tall.T],
      [(a) => linalg.pinv(a, { hermitian: true }), positive],
      [linalg.matrixRank, tall],
      [linalg.cond, tall],
      [(a) => linalg.cond(a, { ord: 1 }), square],
      [linalg.expm, square],
      [(a) => linalg.expm(a, { method: "taylor" }), square],
      [linalg.sqrtm, positive],
      [async (a) => (await linalg.polar(a)).u, tall],
      [async (a) => (await linalg.polar(a, { method: "newtonSchulz" })).p, tall.T],
      [async (a) => (await linalg.matrixSign(a)).sign, tall],
      [async (a) => (await linalg.matrixSign(a, { of: "eigenvalues" })).sign, positive.sub(3)],
    ];
    for (const [fn, a] of cases) {
      const whole = await fn(a);
      assertEquals(whole.shape.slice(0, 2), [2, 3]);
      const one = await fn(a.slice(1, 2)), part = whole.slice(1, 2);
      // Iterations may take more steps for the others' sake.
      const size = await one.abs().max().item();
      assert(await apart(gpu, one.astype(dtype), part.astype(dtype)) <= 1e3 * roundoff(dtype) * size, fn.toString());
    }
    const none = gpu.ones([0, 0], dtype), flat = gpu.ones([3, 0], dtype);
    assertEquals((await linalg.pinv(flat)).shape, [0, 3]);
    assertEquals(await (await linalg.matrixRank(flat)).item(), 0);
    assertEquals([(await linalg.expm(none)).shape, (await linalg.sqrtm(none)).shape], [[0, 0], [0, 0]]);
    assertEquals((await linalg.expm(none, { method: "taylor" })).shape, [0, 0]);
    for (const method of ["svd", "newtonSchulz"] as const) {
      const { u, p } = await linalg.polar(flat, { method });
      assertEquals([u.shape, p.shape], [[3, 0], [0, 0]]);
      const wide = await linalg.polar(flat.T, { method });
      assertEquals([wide.u.shape, wide.p.shape], [[0, 3], [3, 3]]);
    }
    assertEquals((await linalg.matrixSign(none, { of: "eigenvalues" })).sign.shape, [0, 0]);
    const zeros = gpu.zeros([2, 3, 2], dtype);
    assertEquals(await (await linalg.pinv(zeros)).sum().item(), 0);
    assertEquals(await (await linalg.matrixRank(zeros)).array(), [0, 0]);
    assertEquals(await (await linalg.cond(zeros)).array(), [Infinity, Infinity]);
    assertEquals(await (await linalg.sqrtm(gpu.zeros([2, 2], dtype))).array(), [[0, 0], [0, 0]]);
    assertEquals(await (await linalg.polar(zeros)).p.sum().item(), 0);
    const mixed = gpu.stack([gpu.eye(2), gpu.zeros([2, 2]), gpu.tensor([[1, 2], [2, 4]])]).astype(dtype);
    assertEquals(await (await linalg.cond(mixed, { ord: 1 })).array(), [1, Infinity, Infinity]);
    assertEquals(await (await linalg.matrixRank(mixed, { hermitian: true })).array(), [2, 0, 1]);
  }
});

withAndWithoutLibraries("what has no such function is refused in words", async (gpu) => {
  const a = gpu.tensor([[1, 2], [3, 4]]), integers = gpu.tensor([[1, 2], [3, 4]], { dtype: "i32" });
  const bad = gpu.tensor([[1, NaN], [3, 4]]);
  const functions = {
    pinv: linalg.pinv,
    matrixRank: linalg.matrixRank,
    expm: linalg.expm,
    sqrtm: linalg.sqrtm,
    matrixSign: linalg.matrixSign,
  } as const;
  for (const [name, fn] of Object.entries(functions)) {
    assertEquals(
      await message(() => fn(integers), TypeError),
      `Cannot compute ${name} of i32: expected f32 or f64, see astype`,
    );
    assertEquals(
      await message(() => fn(gpu.ones([3])), TypeError),
      `Expected a matrix [..., m, n] for ${name}, got the shape [3]`,
    );
    assert((await message(() => fn(bad), RangeError)).endsWith("element [0, 1] is NaN"), name);
  }
  for (
    const fn of [
      linalg.expm,
      linalg.sqrtm,
      (t: Tensor) => linalg.matrixPower(t, 2),
      (t: Tensor) => linalg.cond(t, { ord: 1 }),
    ]
  ) {
    await assertRejects(() => fn(gpu.ones([2, 3])), TypeError, "Expected square matrices");
  }
  await assertRejects(
    () => linalg.expm(bad, { method: "taylor" }),
    RangeError,
    "Cannot compute expm: element [0, 1] is NaN",
  );
  await assertRejects(() => linalg.cond(bad), RangeError, "is NaN");
  await assertRejects(() => linalg.polar(bad), RangeError, "is NaN");
  await assertRejects(() => linalg.norm(bad, { ord: 2 }), RangeError, "is NaN");
  await assertRejects(() => linalg.norm(integers), TypeError, "Cannot compute norm of i32");
  await assertRejects(() => linalg.norm(a, { ord: 3 }), RangeError, 'Expected "ord" of matrices');
  await assertRejects(() => linalg.norm(a, { ord: "nuc", axis: 0 }), RangeError, 'Expected "ord" of vectors');
  await assertRejects(() => linalg.norm(a, { ord: NaN }), RangeError, 'Expected "ord"');
  await assertRejects(() => linalg.norm(a, { ord: "max" as "fro" }), RangeError, 'got "max"');
  await assertRejects(() => linalg.norm(gpu.ones([2, 2, 2]), { ord: 2 }), TypeError, "a vector or a matrix");
  await assertRejects(() => linalg.norm(a, { axis: [0, 0] }), TypeError, "do not fit");
  await assertRejects(() => linalg.norm(a, { axis: 2 }), TypeError, "do not fit");
  assertEquals(
    await message(() => linalg.pinv(gpu.full([2, 1], 1e-310, "f64")), RangeError),
    "The pseudoinverse of the matrix is out of the range of f64",
  );
  for (const rcond of [-1, 1, NaN]) await assertRejects(() => linalg.pinv(a, { rcond }), RangeError, '"rcond"');
  await assertRejects(() => linalg.matrixRank(a, { tol: -1 }), RangeError, '"tol"');
  await assertRejects(() => linalg.matrixRank(a, { tol: 1, rtol: 1 }), TypeError, "both");
  await assertRejects(() => linalg.cond(gpu.ones([0, 2])), RangeError, "without elements");
  for (const method of ["pade", "taylor"] as const) {
    assertEquals(
      await message(() => linalg.expm(gpu.stack([gpu.eye(2), gpu.eye(2).mul(100)]), { method }), RangeError),
      "The exponential of matrix 1 is out of the range of f32",
    );
    await assertRejects(() => linalg.expm(gpu.full([2, 2], 3e38), { method }), RangeError, "out of the range");
  }
  await assertRejects(() => linalg.expm(a, { method: "series" as "pade" }), TypeError, '"method"');
  const root = (rows: number[][]) => message(() => linalg.sqrtm(gpu.tensor(rows, { dtype: "f64" })), RangeError);
  assertEquals(
    await root([[-1, 0], [0, 1]]),
    "The matrix has no real principal square root: its eigenvalue -1 is on the negative real axis",
  );
  assert((await root([[1, 5], [0, -4]])).endsWith("is on the negative real axis"));
  assert((await root([[0, 1], [0, 0]])).endsWith("its eigenvalue 0 has fewer eigenvectors than its multiplicity"));
  await assertRejects(
    () => linalg.polar(gpu.zeros([2, 2]), { method: "newtonSchulz" }),
    linalg.ConvergenceError,
    "singular values",
  );
  await assertRejects(() => linalg.polar(gpu.zeros([2, 2]), { method: "newton" }), linalg.SingularMatrixError);
  await assertRejects(() => linalg.polar(gpu.ones([3, 2]), { method: "newton" }), TypeError, "square");
  await assertRejects(() => linalg.polar(a, { side: "both" as "left" }), TypeError, '"side"');
  await assertRejects(() => linalg.matrixSign(gpu.tensor([[1, 0], [0, 0]])), linalg.ConvergenceError, "that are zero");
  for (const rows of [[[0, 1], [-1, 0]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]]) {
    await assertRejects(
      () => linalg.matrixSign(gpu.tensor(rows), { of: "eigenvalues" }),
      linalg.ConvergenceError,
      "imaginary axis",
    );
  }
  await assertRejects(() => linalg.matrixSign(a, { coefficients: [] }), TypeError, "triples");
  await assertRejects(() => linalg.matrixSign(a, { coefficients: [[1, NaN, 2]] }), TypeError, "triples");
  await assertRejects(() => linalg.matrixSign(a, { coefficients: "moon" as "muon" }), TypeError, "moon");
  await assertRejects(() => linalg.matrixSign(a, { steps: -1 }), RangeError, '"steps"');
  await assertRejects(() => linalg.matrixSign(a, { of: "eigenvalues", steps: 2 }), TypeError, "steps");
  await assertRejects(() => linalg.matrixSign(a, { signal: AbortSignal.abort(new Error("enough")) }), Error, "enough");
});

onEachDevice("functions of matrices leave nothing behind but their results", async (gpu) => {
  using a = gpu.random.normal([6, 6], { seed: 1 });
  using b = gpu.random.normal([6, 4], { seed: 2 });
  using eye = gpu.eye(6);
  using turned = a.T;
  using product = a.matmul(turned);
  using positive = product.add(eye);
  for (const t of [a, b, positive]) void t.value;
  const before = gpu.device.ledger.count;
  const one: (() => Promise<Tensor> | Tensor)[] = [
    ...([null, "fro", "nuc", 1, 2, Infinity] as const).map((ord) => () => linalg.norm(b, { ord })),
    ...[0, 1, 2, 3, -1, Infinity].map((ord) => () => linalg.norm(b, { ord, axis: 0 })),
    () => linalg.cond(b),
    () => linalg.cond(a, { ord: 1 }),
    () => linalg.pinv(b),
    () => linalg.pinv(positive, { hermitian: true }),
    () => linalg.matrixRank(b),
    () => linalg.matrixRank(positive, { hermitian: true, tol: 1 }),
    () => linalg.kron(a, b),
    () => linalg.khatriRao(a, a),
    () => linalg.matrixPower(a, 5),
    () => linalg.matrixPower(a, -2),
    () => linalg.matrixPower(a, 0),
    () => linalg.expm(a),
    () => linalg.expm(a, { method: "taylor" }),
    () => linalg.sqrtm(positive),
  ];
  for (const [index, run] of one.entries()) {
    const t = await run();
    void t.value;
    assertEquals(gpu.device.ledger.count, before + 1, `number ${index}: ${run}`);
    t.dispose();
    assertEquals(gpu.device.ledger.count, before, `number ${index}: ${run}`);
  }
  for (const method of ["svd", "newtonSchulz", "newton"] as const) {
    for (const side of ["left", "right"] as const) {
      const { u, p } = await linalg.polar(a, { method, side });
      for (const t of [u, p]) t.dispose();
      assertEquals(gpu.device.ledger.count, before, `${method}, ${side}`);
    }
  }
  for (const options of [{}, { coefficients: "muon" }, { steps: 2 }, { of: "eigenvalues" }] as const) {
    const { sign, residual } = await linalg.matrixSign(b.shape[1] === 6 || "of" in options ? positive : b, options);
    for (const t of [sign, residual]) t.dispose();
    assertEquals(gpu.device.ledger.count, before, JSON.stringify(options));
  }
  const { u, p } = await linalg.polar(a);
  await linalg.certificate(a, { u, p });
  for (const t of [u, p]) t.dispose();
  await assertRejects(() => linalg.sqrtm(b), TypeError);
  using zeros = gpu.zeros([3, 3]);
  const during = gpu.device.ledger.count;
  await assertRejects(() => linalg.matrixSign(zeros), linalg.ConvergenceError);
  await assertRejects(() => linalg.polar(zeros, { method: "newton" }), linalg.SingularMatrixError);
  assertEquals(gpu.device.ledger.count, during);
});

onGpu("large exponentials are computed on the device by default", async (gpu) => {
  const a = gpu.random.normal([2, 80, 80], { seed: 1 }).mul(gpu.tensor([0.1, 0.4]).reshape([2, 1, 1]));
  const [found, expected] = [await linalg.expm(a), await linalg.expm(a, { method: "pade" })];
  const sizes = await (await linalg.norm(a, { ord: 1, axis: [1, 2] })).data();
  const errors = await (await linalg.norm(found.sub(expected), { axis: [1, 2] })).data();
  const wholes = await (await linalg.norm(expected, { axis: [1, 2] })).data();
  // The relative condition number is at least ‖A‖, and near it for such matrices.
  errors.forEach((error, i) => assert(error / wholes[i] <= 16 * 80 * roundoff("f32") * sizes[i], `${i}: ${error}`));
  assertEquals(await found.array(), await (await linalg.expm(a, { method: "taylor" })).array());
});
