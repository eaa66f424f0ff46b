import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

type Float = "f32" | "f64";
const FLOATS = ["f32", "f64"] as const;
const normal = (gpu: Gpu, shape: number[], seed: number, dtype: Float = "f32") =>
  gpu.random.normal(shape, { seed }).astype(dtype);
const apart = (gpu: Gpu, x: Tensor, y: Tensor) => gpu.reduce("max", "abs(x - y)", { x, y }).item();
const message = async (run: () => Promise<unknown>, kind: new (...args: never[]) => Error) =>
  (await assertRejects(run, kind as new () => Error)).message;

onEachDevice("norms of large and small elements are in range", async (gpu) => {
  for (const dtype of FLOATS) {
    const [big, small] = dtype === "f32" ? [1e30, 1e-30] : [1e200, 1e-200], u = roundoff(dtype);
    const x = gpu.tensor([3, -4, 0, 12], { dtype });
    for (const scale of [big, small]) {
      const expected = [[2, 13], [3, 1819 ** (1 / 3)], [1, 19], [0, 3], [Infinity, 12], [
        0.5,
        (Math.sqrt(3) + 2 + Math.sqrt(12)) ** 2,
      ]];
      for (const [p, size] of expected) {
        const found = await (await linalg.norm(x.mul(scale), { ord: p })).item() / (p === 0 ? 1 : scale);
        assert(Math.abs(found / size - 1) < 64 * u, `${dtype}, ${p}, ${scale}: ${found}`);
      }
      const found = await (await linalg.norm(x.mul(scale).reshape([2, 2]))).item() / scale;
      assert(Math.abs(found / 13 - 1) < 64 * u);
    }
  }
});

onEachDevice("norms of NaN, infinities, zeros and nothing", async (gpu) => {
  const norm = async (values: number[], ord: linalg.NormOrder | null) =>
    await (await linalg.norm(gpu.tensor(new Float32Array(values)), { ord })).item();
  for (const ord of [null, 1, 2, 3, 0.5, -1, Infinity, -Infinity]) {
    assertEquals(await norm([1, NaN, 2], ord), NaN);
    assertEquals(await norm([0, 0], ord), 0);
  }
  for (const ord of [null, 1, 2, 3, Infinity]) assertEquals(await norm([1, -Infinity], ord), Infinity);
  assertEquals([await norm([1, -Infinity], -Infinity), await norm([1, -Infinity], -1)], [1, 1]);
  assertEquals([await norm([0, 5], -1), await norm([NaN, 0], 0)], [0, 1]);
  for (const ord of [null, 0, 1, 2, 3, Infinity]) assertEquals(await norm([], ord), 0);
  assertEquals([await norm([], -1), await norm([], -2)], [Infinity, Infinity]);
  await assertRejects(() => norm([], -Infinity), RangeError, "smallest of no elements");
});

withAndWithoutLibraries("norms over axes of stacks", async (gpu) => {
  const a = normal(gpu, [2, 3, 4, 5], 1, "f64"), data = await a.data();
  for (const ord of ["fro", "nuc", 1, -1, 2, -2, Infinity, -Infinity] as const) {
    const found = await linalg.norm(a, { ord, axis: [3, 1] });
    assertEquals([found.shape, (await linalg.norm(a, { ord, axis: [-1, 1], keepDims: true })).shape], [[2, 4], [
      2,
      1,
      4,
      1,
    ]]);
    for (let i = 0; i < 2; i++) {
      for (let k = 0; k < 4; k++) {
        const rows = Array.from(
          { length: 5 },
          (_, c) => Array.from({ length: 3 }, (_, r) => data[((i * 3 + r) * 4 + k) * 5 + c]),
        );
        const one = await (await linalg.norm(gpu.tensor(rows, { dtype: "f64" }), { ord })).item();
        assert(Math.abs(await found.slice(i, k).item() - one) <= 1e-14 * one);
      }
    }
  }
  assertEquals((await linalg.norm(a, { axis: 2 })).shape, [2, 3, 5]);
  assertEquals((await linalg.norm(a, { keepDims: true })).shape, [1, 1, 1, 1]);
});

onEachDevice("Kronecker and Khatri-Rao products", async (gpu) => {
  const a = normal(gpu, [2, 1, 3, 2], 1), b = normal(gpu, [4, 2, 3], 2), [x, y] = [await a.data(), await b.data()];
  const k = linalg.kron(a, b);
  assertEquals(k.shape, [2, 4, 6, 6]);
  const found = await k.data();
  for (let at = 0; at < found.length; at++) {
    const [s, t, i, j] = [Math.floor(at / 144), Math.floor(at / 36) % 4, Math.floor(at / 6) % 6, at % 6];
    const [p, q] = [x[s * 6 + Math.floor(i / 2) * 2 + Math.floor(j / 3)], y[t * 6 + (i % 2) * 3 + j % 3]];
    assertEquals(found[at], Math.fround(p * q));
  }
  const c = gpu.tensor([[1, 2], [3, 4]], { dtype: "i32" });
  assertEquals(await linalg.kron(c, c).slice(2).array(), [3, 6, 4, 8]);
  assertEquals(await linalg.kron(gpu.tensor([1, 2]), gpu.tensor([[1], [3]])).array(), [[1, 2], [3, 6]]);
  assertEquals(await linalg.khatriRao(c, gpu.tensor([[1, 10], [2, 20], [3, 30]], { dtype: "i32" })).array(), [
    [1, 20],
    [2, 40],
    [3, 60],
    [3, 40],
    [6, 80],
    [9, 120],
  ]);
  assertEquals(linalg.kron(gpu.ones([0, 3]), gpu.ones([2, 2])).shape, [0, 6]);
  assertEquals(linalg.khatriRao(gpu.ones([2, 0]), gpu.ones([5, 3, 0])).shape, [5, 6, 0]);
  assertThrows(() => linalg.khatriRao(gpu.ones([2, 3]), gpu.ones([2, 4])), TypeError, "3 and 4 columns differ");
  assertThrows(() => linalg.kron(gpu.tensor(1), c), TypeError, "Expected a vector or a matrix");
});

withAndWithoutLibraries("powers of matrices", async (gpu) => {
  const a = gpu.tensor([[2, 1], [1, 1]], { dtype: "f64" });
  assertEquals(await (await linalg.matrixPower(a, 10)).array(), [[10946, 6765], [6765, 4181]]);
  assertEquals(await (await linalg.matrixPower(a, 0)).array(), [[1, 0], [0, 1]]);
  assertEquals(await (await linalg.matrixPower(a, 1)).array(), [[2, 1], [1, 1]]);
  assert(await apart(gpu, await linalg.matrixPower(a, -3), gpu.tensor([[5, -8], [-8, 13]], { dtype: "f64" })) < 1e-13);
  const stack = normal(gpu, [3, 4, 4], 1, "f64"), third = stack.matmul(stack).matmul(stack);
  assert(await apart(gpu, await linalg.matrixPower(stack, 3), third) < 1e-13);
  assertEquals((await linalg.matrixPower(gpu.ones([0, 0]), 5)).shape, [0, 0]);
  assertEquals((await linalg.matrixPower(gpu.ones([2, 3, 3]), 0)).shape, [2, 3, 3]);
  await assertRejects(() => linalg.matrixPower(a, 0.5), RangeError, "whole number");
  await assertRejects(() => linalg.matrixPower(gpu.zeros([2, 2]), -1), linalg.SingularMatrixError);
});

withAndWithoutLibraries("functions of stacks are those of each matrix, and of nothing nothing", async (gpu) => {
  for (const dtype of FLOATS) {
    const tall = normal(gpu, [2, 3, 5, 4], 1, dtype), square = normal(gpu, [2, 3, 4, 4], 2, dtype);
    const positive = square.matmul(square.T).add(gpu.eye(4).astype(dtype));
    const cases: [(a: Tensor) => Promise<Tensor>, Tensor][] = [
      [linalg.pinv, tall],
      [linalg.pinv, tall.T],
      [(a) => linalg.pinv(a, { hermitian: true }), positive],
      [linalg.matrixRank, tall],
      [linalg.cond, tall],
      [(a) => linalg.cond(a, 1), square],
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
    assertEquals(await (await linalg.cond(mixed, 1)).array(), [1, Infinity, Infinity]);
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
    const fn of [linalg.expm, linalg.sqrtm, (t: Tensor) => linalg.matrixPower(t, 2), (t: Tensor) => linalg.cond(t, 1)]
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

async function checkSigns(gpu: Gpu): Promise<void> {
  const a = normal(gpu, [60, 40], 1).mul(gpu.map("exp2(-k / 8)", { k: gpu.arange(40) }));
  const exact = await linalg.matrixSign(a), express = await linalg.matrixSign(a, { coefficients: "polarExpress" });
  assert(express.iterations < exact.iterations, `${express.iterations} and ${exact.iterations} steps`);
  assert(await apart(gpu, exact.sign, express.sign) < 1e3 * roundoff("f32"));
  const muon = await linalg.matrixSign(a, { coefficients: "muon" }), s = await (await linalg.svdvals(muon.sign)).data();
  assertEquals(muon.iterations, 5);
  // The singular values of a are all above 0.0015 of its Frobenius norm.
  assert(s[0] <= 1.21 && s.at(-1)! >= 0.68, `from ${s.at(-1)} to ${s[0]}`);
  const residual = Math.hypot(...s.map((x) => x * x - 1));
  assert(Math.abs(await muon.residual.item() / residual - 1) < 1e-4);
  // The same by hand.
  const { sign: one } = await linalg.matrixSign(a, { coefficients: [[1.5, -0.5, 0]], steps: 3 });
  let x = a.div(await (await linalg.norm(a)).item());
  for (let k = 0; k < 3; k++) x = gpu.map("(3 * x - y) / 2", { x, y: x.matmul(x.T.matmul(x)) });
  assert(await apart(gpu, one, x) < 1e-5);
  const wide = await linalg.matrixSign(a.T, { coefficients: "muon" });
  assert(await apart(gpu, wide.sign.T, muon.sign) < 1e-4);
}

withAndWithoutLibraries("the sign of singular values, by each schedule of steps", checkSigns);
onGpu("the sign of singular values, by each schedule of steps", checkSigns);

withAndWithoutLibraries("a certificate is large for a function that is not the matrix's", async (gpu) => {
  const a = normal(gpu, [8, 5], 1, "f64"), square = normal(gpu, [5, 5], 2, "f64"), eye = gpu.eye(5).astype("f64");
  const positive = square.matmul(square.T), { u, p } = await linalg.polar(a), pinv = await linalg.pinv(a);
  const sqrt = await linalg.sqrtm(positive), { sign } = await linalg.matrixSign(square, { of: "eigenvalues" });
  const inverse = await linalg.inv(square),
    eigen = { of: "eigenvalues" } as const,
    singular = { of: "singularValues" } as const;
  const { values, vectors } = await linalg.eigh(positive);
  // A root of the matrix, but with one eigenvalue of the other sign.
  const other = vectors.mul(values.sqrt().mul(gpu.tensor([-1, 1, 1, 1, 1], { dtype: "f64" }))).matmul(vectors.T);
  const bad: [Tensor, linalg.Factorization][] = [
    [a, { u, p: p.mul(1 + 1e-8) }],
    [a, { u: u.neg(), p: p.neg() }],
    [a, { u, p: p.add(gpu.eye(5).astype("f64").slice(null, [null, null, -1]).mul(1e-7)) }],
    [a, { pinv: pinv.mul(1 + 1e-8) }],
    [a, { pinv: pinv.mul(0) }],
    [a, { pinv: pinv.add(normal(gpu, [5, 8], 4, "f64").mul(1e-8)) }],
    [gpu.zeros([8, 5], "f64"), { pinv }],
    [positive, { sqrt: sqrt.mul(1 + 1e-8) }],
    [positive, { sqrt: sqrt.neg() }],
    [positive, { sqrt: other }],
    [square, { sign: eye, ...eigen }],
    [square, { sign: sign.neg(), ...eigen }],
    [square, { sign: sign.mul(1 + 1e-8), ...eigen }],
    [a, { sign: u.neg(), ...singular }],
    [square, { inverse: inverse.mul(1 + 1e-8) }],
  ];
  for (const [index, [matrix, result]] of bad.entries()) {
    const { backwardError } = await linalg.certificate(matrix, result);
    assert(backwardError > 1e-10, `number ${index}: ${backwardError}`);
  }
  const good: [Tensor, linalg.Factorization][] = [
    [a, { u, p }],
    [a.T, await linalg.polar(a.T, { side: "left" })],
    [square, await linalg.polar(square, { side: "left" })],
    [a, { pinv }],
    [gpu.zeros([8, 5], "f64"), { pinv: pinv.mul(0) }],
    [positive, { sqrt }],
    [square, { sign, ...eigen }],
    [a, { sign: u, ...singular }],
    [square, { inverse }],
    [gpu.stack([square, positive]), await linalg.polar(gpu.stack([square, positive]))],
  ];
  for (const [index, [matrix, result]] of good.entries()) {
    const { backwardError, orthogonality = 0 } = await linalg.certificate(matrix, result);
    assert(backwardError < 1e-13 && orthogonality < 1e-14, `number ${index}: ${backwardError}, ${orthogonality}`);
  }
  const { orthogonality } = await linalg.certificate(a, { u: u.mul(1 + 1e-9), p });
  assert(Math.abs(orthogonality! / (2e-9 * Math.sqrt(5)) - 1) < 1e-3);
  assertEquals((await linalg.certificate(positive, { sqrt: sqrt.mul(NaN) })).backwardError, NaN);
  await assertRejects(() => linalg.certificate(a, { pinv: a }), TypeError, 'Expected "pinv" of shape [..., 5, 8]');
  await assertRejects(() => linalg.certificate(a, { u, p: a }), TypeError, 'Expected "p" of shape');
});

withAndWithoutLibraries(
  "refinement makes f32 solutions right to their last digits, and leaves none worse",
  async (gpu) => {
    for (const [m, n] of [[20, 20], [30, 12], [12, 30]]) {
      const k = Math.min(m, n), { q: left } = await linalg.qr(normal(gpu, [m, k], 1, "f64"));
      const { q: right } = await linalg.qr(normal(gpu, [n, k], 2, "f64")), b = normal(gpu, [m, 3], 3);
      for (const power of [0, 2, 4]) {
        const s = gpu.tensor(Float64Array.from({ length: k }, (_, i) => 10 ** (-power * i / (k - 1))), {
          dtype: "f64",
        });
        const a = left.mul(s).matmul(right.T).astype("f32"), [wide, sides] = [a.astype("f64"), b.astype("f64")];
        const find = async (a: Tensor, b: Tensor, refine: boolean) =>
          m === n ? await linalg.solve(a, b, { refine }) : (await linalg.lstsq(a, b, { refine })).x;
        const expected = await find(wide, sides, true), size = await expected.abs().max(0).data();
        const error = async (x: Tensor) =>
          Math.max(...(await x.astype("f64").sub(expected).abs().max(0).data()).map((v, c) => v / size[c]));
        assert(await error(await find(a, b, true)) <= 2 * roundoff("f32"), `[${m}, ${n}], 1e${power}`);
        const vector = await find(a, b.slice(null, 1), true);
        assertEquals([vector.shape, await vector.array()], [
          [n],
          await (await find(a, b, true)).slice(null, 1).array(),
        ]);
        for (const [matrix, given] of [[a, b], [wide, sides]]) {
          if (m !== n) continue;
          const plain = await linalg.certificate(matrix, { x: await find(matrix, given, false), b: given });
          const fine = await linalg.certificate(matrix, { x: await find(matrix, given, true), b: given });
          assert(fine.backwardError <= plain.backwardError + roundoff(matrix.dtype), `[${m}, ${n}], 1e${power}`);
        }
      }
    }
    // Where no step helps: nearly singular, all zero, of rank 1, and without a right-hand side.
    const hilbert = gpu.map("1 / (i + j + 1)", { i: gpu.arange(14).expandDims(1), j: gpu.arange(14) });
    const x = await linalg.solve(hilbert, gpu.ones([14]), { refine: true });
    assert((await x.isFinite().all().item()) === 1);
    assert((await linalg.certificate(hilbert, { x, b: gpu.ones([14]) })).backwardError < 16 * 14 * roundoff("f32"));
    assertEquals(await (await linalg.solve(gpu.eye(3), gpu.zeros([3]), { refine: true })).array(), [0, 0, 0]);
    const { x: least, rank } = await linalg.lstsq(gpu.ones([3, 2]), gpu.tensor([1, 2, 3]), { refine: true });
    assertEquals([await rank.item(), (await least.array() as number[]).map((v) => Math.round(v * 1e5) / 1e5)], [1, [
      1,
      1,
    ]]);
    assertEquals((await linalg.solve(gpu.eye(3), gpu.ones([3, 0]), { refine: true })).shape, [3, 0]);
    assertEquals((await linalg.solve(gpu.ones([0, 0]), gpu.ones([0, 2]), { refine: true })).shape, [0, 2]);
    const stack = normal(gpu, [2, 4, 4], 7), sides = normal(gpu, [4], 8);
    const each = await linalg.solve(stack, sides, { refine: true });
    assertEquals(await each.at(1).array(), await (await linalg.solve(stack.at(1), sides, { refine: true })).array());
  },
);

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
    () => linalg.cond(a, 1),
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
