import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { load } from "../oracle/fixtures.ts";
import { onGpu } from "./devices.ts";

const on = "adapter";
const TYPES = ["f32", "f64"] as const;
type FloatType = typeof TYPES[number];

/** Types that the adapter has. */
const typesOf = (gpu: Gpu) => TYPES.filter((dtype) => dtype === "f32" || gpu.info.probes.f64);

const normal = (gpu: Gpu, shape: number[], seed: number, dtype: FloatType) =>
  gpu.random.normal(shape, { seed }).astype(dtype);

const identity = (gpu: Gpu, n: number, dtype: FloatType) => gpu.eye(n).astype(dtype);

/** The largest difference of two tensors. */
const apart = (gpu: Gpu, x: Tensor, y: Tensor) => gpu.reduce("max", "abs(x - y)", { x, y }).item();

/** Fails unless the result is that of a stable method; elements of u may have grown by `growth`. */
async function certify(a: Tensor, result: linalg.Factorization, what: string, growth = 1): Promise<void> {
  const bound = 4 * growth * Math.max(...a.shape.slice(-2), 1) * roundoff(a.dtype);
  const { backwardError } = await linalg.certificate(a, result);
  assert(backwardError <= bound, `${what}: the backward error is ${backwardError}, over ${bound}`);
}

/** A matrix with singular values from 1 down to 1/`condition`. */
async function conditioned(gpu: Gpu, n: number, condition: number, seed: number): Promise<Tensor> {
  const { q: u } = await linalg.qr(normal(gpu, [n, n], seed, "f64"));
  const { q: v } = await linalg.qr(normal(gpu, [n, n], seed + 1, "f64"));
  const s = gpu.tensor(Float64Array.from({ length: n }, (_, k) => condition ** (-k / Math.max(1, n - 1))));
  return u.mul(s.astype("f64")).matmul(v.T);
}

/** Runs `check` with each type, and fails unless it frees all that is not the caller's. */
async function balanced(gpu: Gpu, check: (dtype: FloatType) => Promise<void>): Promise<void> {
  for (const dtype of typesOf(gpu)) {
    const before = gpu.device.ledger.count;
    await gpu.scope(() => check(dtype));
    assertEquals(gpu.device.ledger.count, before, `buffers after ${dtype}`);
  }
}

const SIZES = [1, 2, 15, 16, 17, 31, 63, 64, 65, 97, 128, 131];

onGpu("factors on the adapter have their certificates at all sizes", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    for (const n of SIZES) {
      const a = normal(gpu, [n, n], n, dtype), b = normal(gpu, [n, 3], n + 1, dtype), what = `${dtype}, ${n}`;
      await certify(a, await linalg.lu(a, { on }), `lu of ${what}`);
      await certify(a, { x: await linalg.solve(a, b, { on }), b }, `solve of ${what}`);
      const positive = a.matmul(a.T).add(identity(gpu, n, dtype));
      await certify(positive, { l: await linalg.cholesky(positive, { on }) }, `cholesky of ${what}`);
    }
    for (const [m, n] of [[1, 7], [7, 1], [90, 40], [40, 90], [257, 33], [33, 257]]) {
      const a = normal(gpu, [m, n], m, dtype), { p, l, u } = await linalg.lu(a, { on }), k = Math.min(m, n);
      assertEquals([p.shape, l.shape, u.shape], [[m, m], [m, k], [k, n]]);
      assertEquals([p.dtype, l.dtype, u.dtype], [dtype, dtype, dtype]);
      await certify(a, { p, l, u }, `lu of ${dtype} [${m}, ${n}]`);
      assert(await l.abs().max().item() <= 1, "a multiplier is over 1");
      // The same exchanges as on the host: pivots of such matrices are no near ties.
      assertEquals(await p.data(), await (await linalg.lu(a, { on: "host" })).p.data());
    }
  });
});

onGpu("matrices over several levels of blocks are factored on the adapter", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const n = 300, a = normal(gpu, [n, n], 1, dtype), b = normal(gpu, [n, 150], 2, dtype);
    await certify(a, await linalg.lu(a, { on }), "lu");
    await certify(a, { x: await linalg.solve(a, b, { on }), b }, "solve");
    const positive = a.matmul(a.T).add(identity(gpu, n, dtype));
    await certify(positive, { l: await linalg.cholesky(positive, { on }) }, "cholesky");
    const inverse = await linalg.inv(positive, { on });
    await certify(positive, { x: inverse, b: identity(gpu, n, dtype) }, "inv");
  });
});

onGpu("ill-conditioned matrices are factored on the adapter with small backward errors", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    for (const condition of dtype === "f32" ? [1, 1e3, 1e6] : [1, 1e6, 1e12]) {
      const wide = await conditioned(gpu, 100, condition, 7), a = wide.astype(dtype);
      const b = normal(gpu, [100], 9, dtype), what = `${dtype} of condition ${condition}`;
      await certify(a, await linalg.lu(a, { on }), `lu of ${what}`);
      await certify(a, { x: await linalg.solve(a, b, { on }), b }, `solve of ${what}`);
      // A has half of the digits, AᵀA all.
      const root = (await conditioned(gpu, 100, Math.sqrt(condition), 7)).astype("f64");
      const gram = root.T.matmul(root).astype(dtype),
        positive = dtype === "f32" && condition === 1e6 ? gram.add(identity(gpu, 100, dtype).mul(1e-5)) : gram;
      await certify(positive, { l: await linalg.cholesky(positive, { on }) }, `cholesky of ${what}`);
    }
  });
});

onGpu("graded matrices are factored on the adapter", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const far = dtype === "f32" ? 8 : 100, n = 70;
    const scale = gpu.tensor(Float64Array.from({ length: n }, (_, k) => 10 ** (far * (2 * k / (n - 1) - 1))), {
      dtype: "f64",
    });
    const x = normal(gpu, [n, n], 3, "f64"), b = normal(gpu, [n, 2], 4, dtype);
    const rows = x.mul(scale.reshape([n, 1])).astype(dtype), columns = x.mul(scale).astype(dtype);
    await certify(rows, await linalg.lu(rows, { on }), "lu of graded rows");
    await certify(columns, await linalg.lu(columns, { on }), "lu of graded columns");
    await certify(columns, { x: await linalg.solve(columns, b, { on }), b }, "solve of graded columns");
    const positive = x.matmul(x.T).add(identity(gpu, n, "f64")).mul(scale).mul(scale.reshape([n, 1])).astype(dtype);
    const l = await linalg.cholesky(positive, { on });
    await certify(positive, { l }, "cholesky");
    // Scaling by powers of ten changes the rows of l alike: even the small ones have all digits.
    const unscaled = l.astype("f64").div(scale.reshape([n, 1]));
    const expected = await linalg.cholesky(x.matmul(x.T).add(identity(gpu, n, "f64")), { on: "host" });
    assert(await apart(gpu, unscaled, expected) <= 1e4 * n * roundoff(dtype), "small rows of l have lost digits");
  });
});

onGpu("elements grow on the adapter as they must", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    // Wilkinson's matrix: no exchange, and the last column doubles in every step, exactly.
    const n = 60,
      fill = Float64Array.from({ length: n * n }, (_, at) => {
        const i = Math.floor(at / n), j = at % n;
        return i === j || j === n - 1 ? 1 : i > j ? -1 : 0;
      });
    const a = gpu.tensor(fill, { shape: [n, n], dtype }), { p, l, u } = await linalg.lu(a, { on });
    assertEquals(await p.data(), await identity(gpu, n, dtype).data());
    assertEquals([...await u.slice(null, n - 1).data()], Array.from({ length: n }, (_, k) => 2 ** k));
    await certify(a, { p, l, u }, "lu", 2 ** (n - 1));
    assertEquals(await (await linalg.slogdet(a, { on })).sign.item(), 1);
    assertEquals(await (await linalg.det(a, { on })).item(), 2 ** (n - 1));
  });
});

onGpu("permutations are factored, inverted and solved with exactly on the adapter", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const n = 130, order = Array.from({ length: n }, (_, k) => k * 37 % n);
    const p = identity(gpu, n, dtype).take(order), x = gpu.arange(n).astype(dtype);
    assertEquals(await (await linalg.inv(p, { on })).data(), await p.T.data());
    assertEquals(await (await linalg.solve(p, x, { on })).data(), await p.T.matmul(x).data());
    const found = await linalg.lu(p, { on });
    assertEquals(await found.p.data(), await p.data());
    assertEquals(await found.u.data(), await identity(gpu, n, dtype).data());
    assertEquals(await (await linalg.det(p, { on })).item(), await (await linalg.det(p, { on: "host" })).item());
  });
});

onGpu("singular matrices are found on the adapter, and refused where they must be", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const a = gpu.tensor([[1, 2], [2, 4]], { dtype }), b = gpu.ones([2], dtype), good = identity(gpu, 2, dtype);
    const messages = async (run: () => Promise<unknown>) =>
      (await assertRejects(run, linalg.SingularMatrixError)).message;
    assertEquals(await messages(() => linalg.solve(a, b, { on })), "The matrix is singular: pivot 2 of 2 is zero");
    const stack = gpu.stack([good, a, a]);
    assertEquals(await messages(() => linalg.inv(stack, { on })), "Matrix 1 is singular: pivot 2 of 2 is zero");
    assertEquals(await (await linalg.det(stack, { on })).array(), [1, 0, 0]);
    const { sign, logAbsDet } = await linalg.slogdet(stack, { on });
    assertEquals([await sign.array(), await logAbsDet.array()], [[1, 0, 0], [0, -Infinity, -Infinity]]);
    assertEquals(
      await messages(() => linalg.solveTriangular(gpu.tensor([[1, 2], [0, 0]], { dtype }), b, { on })),
      "The matrix is singular: diagonal element 1 is zero",
    );
    const error = await assertRejects(
      () => linalg.cholesky(gpu.tensor([[1, 0, 0], [0, -1, 0], [0, 0, 1]], { dtype }), { on }),
      linalg.NotPositiveDefiniteError,
    );
    assertEquals([error.minor, error.message], [
      2,
      "The matrix is not positive definite: its leading minor of order 2 is not",
    ]);
    const zero = gpu.zeros([70, 70], dtype);
    await certify(zero, await linalg.lu(zero, { on }), "lu of zeros");
    assertEquals(
      await messages(() => linalg.solve(zero, gpu.ones([70], dtype), { on })),
      "The matrix is singular: pivot 1 of 70 is zero",
    );
    // Of rank 20, by whole numbers: every elimination is exact.
    const whole = (shape: number[], seed: number) =>
      gpu.random.uniform(shape, { seed }).mul(5).floor().sub(2).astype(dtype);
    const deficient = whole([90, 20], 1).matmul(whole([20, 90], 2));
    await certify(deficient, await linalg.lu(deficient, { on }), "lu of rank 20");
    // The minor of order 81 is the first that is not positive, in the second block.
    const indefinite = identity(gpu, 100, dtype).mul(gpu.arange(100).less(80).astype(dtype).mul(2).sub(1));
    const late = await assertRejects(() => linalg.cholesky(indefinite, { on }), linalg.NotPositiveDefiniteError);
    assertEquals(late.minor, 81);
  });
});

onGpu("stacks, views and broadcast right-hand sides are as on the host", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const a = normal(gpu, [2, 3, 20, 20], 3, dtype), bound = 1e5 * roundoff(dtype);
    await certify(a, await linalg.lu(a, { on }), "lu");
    const gram = a.matmul(a.T).add(identity(gpu, 20, dtype));
    await certify(gram, { l: await linalg.cholesky(gram, { on }) }, "cholesky");
    const view = a.T.slice(null, [1, 3], [null, null, -1]);
    await certify(view, await linalg.lu(view, { on }), "lu of a view");
    assert(await apart(gpu, await linalg.det(view, { on }), await linalg.det(view, { on: "host" })) < 1e9 * bound);
    const one = a.slice(0, 0);
    const shapes: [Tensor, number[], number[]][] = [
      [one, [20], [20]],
      [one, [20, 3], [20, 3]],
      [one, [5, 20, 3], [5, 20, 3]],
      [a, [20], [2, 3, 20]],
      [a, [20, 3], [2, 3, 20, 3]],
      [a, [7, 1, 1, 20, 1], [7, 2, 3, 20, 1]],
      [a, [20, 0], [2, 3, 20, 0]],
    ];
    for (const [matrix, shape, expected] of shapes) {
      const b = normal(gpu, shape, 6, dtype), x = await linalg.solve(matrix, b, { on });
      assertEquals(x.shape, expected);
      await certify(matrix, { x, b }, `solve for [${shape}]`);
      if (shape.length !== 3 && shape.length !== 1) continue;
      for (const lower of [false, true]) {
        for (const transpose of [false, true]) {
          const dominant = gpu.map("a / 20 + i", { a: matrix, i: identity(gpu, 20, dtype) });
          const use = { lower, transpose, unitDiagonal: lower === transpose };
          const found = await linalg.solveTriangular(dominant, b, { ...use, on });
          assertEquals(found.shape, expected);
          if (found.size) assert(await apart(gpu, found, await linalg.solveTriangular(dominant, b, use)) < bound);
        }
      }
    }
  });
});

onGpu("a large stack of small matrices is factored at once", async (gpu) => {
  const a = normal(gpu, [2000, 8, 8], 5, "f32"), b = normal(gpu, [2000, 8, 1], 6, "f32");
  await certify(a, { x: await linalg.solve(a, b, { on }), b }, "solve");
  const gram = a.matmul(a.T).add(identity(gpu, 8, "f32"));
  await certify(gram, { l: await linalg.cholesky(gram, { on }) }, "cholesky");
});

onGpu("what the adapter cannot factor is refused with the host's words", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    const bad = gpu.tensor([[[1, 2], [3, 4]], [[5, NaN], [7, 8]]], { dtype });
    const infinite = gpu.tensor([[1, 2], [-Infinity, 4]], { dtype }), good = identity(gpu, 2, dtype);
    for (const method of ["cholesky", "lu", "inv", "det", "slogdet"] as const) {
      const refused = async (a: Tensor) => (await assertRejects(() => linalg[method](a, { on }), RangeError)).message;
      assertEquals(await refused(bad), `Cannot compute ${method}: element [1, 0, 1] is NaN`);
      assertEquals(await refused(infinite), `Cannot compute ${method}: element [1, 0] is -Infinity`);
    }
    for (const method of ["solve", "solveTriangular"] as const) {
      const refused = async (a: Tensor, b: Tensor) =>
        (await assertRejects(() => linalg[method](a, b, { on }), RangeError)).message;
      assertEquals(
        await refused(infinite, gpu.ones([2], dtype)),
        `Cannot compute ${method}: element [1, 0] is -Infinity`,
      );
      assertEquals(
        await refused(good, gpu.tensor([1, NaN], { dtype })),
        `Cannot compute ${method}: element [1, 0] of the right-hand sides is NaN`,
      );
    }
    // The triangle that is not read must be finite too.
    await assertRejects(() => linalg.cholesky(gpu.tensor([[1, Infinity], [0, 1]], { dtype }), { on }), RangeError);
  });
});

onGpu("where numbers leave the range of their type the host decides", async (gpu) => {
  // The second pivot would be 6e38.
  const a = gpu.tensor([[1, 3e38], [-1, 3e38]]), b = gpu.tensor([1, 1]);
  const data = async (t: Promise<Tensor>) => [...await (await t).data()];
  assertEquals(await data(linalg.solve(a, b, { on })), await data(linalg.solve(a, b, { on: "host" })));
  assertEquals(await data(linalg.inv(a, { on })), await data(linalg.inv(a, { on: "host" })));
  // Large and small elements of which neither product nor quotient may leave it.
  for (const scale of [1e-36, 1e36]) {
    const c = normal(gpu, [50, 50], 1, "f32").mul(scale), x = await linalg.solve(c, gpu.ones([50]).mul(scale), { on });
    await certify(c, { x, b: gpu.ones([50]).mul(scale) }, `elements of ${scale}`);
  }
});

onGpu("SciPy's hard matrices are factored on the adapter", async (gpu) => {
  for (const problem of load("linalg").cases) {
    await balanced(gpu, async (dtype) => {
      const { shape: [m, n], rank, kappa, sign, logAbsDet } = problem, u = roundoff(dtype);
      const a = gpu.tensor(Float64Array.from(problem.a), { shape: [m, n], dtype });
      await certify(a, await linalg.lu(a, { on }), `lu of ${problem.name}, ${dtype}`, 4);
      const bound = 16 * Math.max(m, n, 1) * u;
      if (sign === undefined || rank < n || bound * kappa > 0.1) return;
      const found = await linalg.slogdet(a, { on });
      assertEquals(await found.sign.item(), sign, problem.name);
      const error = Math.abs(await found.logAbsDet.item() - logAbsDet!);
      assert(error <= n * bound * kappa + bound * Math.abs(logAbsDet!), `${problem.name}: log |det| errs by ${error}`);
      if (!problem.b || n === 0) return;
      const b = gpu.tensor(Float64Array.from(problem.b), { shape: [n, 2], dtype });
      const x = await linalg.solve(a, b, { on }), size = Math.max(...problem.x!.map(Math.abs));
      await certify(a, { x, b }, `solve of ${problem.name}`, 4);
      (await x.data()).forEach((v, k) =>
        assert(Math.abs(v - problem.x![k]) <= 4 * bound * kappa * size, `${problem.name}: x[${k}] is ${v}`)
      );
    });
  }
});

onGpu("calls like earlier ones are replayed on other matrices", async (gpu) => {
  await balanced(gpu, async (dtype) => {
    for (let seed = 1; seed < 6; seed++) {
      const a = normal(gpu, [2, 70, 70], seed, dtype), b = normal(gpu, [70, 2], seed + 10, dtype);
      await certify(a, { x: await linalg.solve(a, b, { on }), b }, `solve ${seed}`);
      await certify(a.T, await linalg.lu(a.T, { on }), `lu ${seed}`);
      const positive = a.matmul(a.T).add(identity(gpu, 70, dtype));
      await certify(positive, { l: await linalg.cholesky(positive, { on }) }, `cholesky ${seed}`);
      // One that fails leaves nothing behind for the next.
      await assertRejects(() => linalg.cholesky(positive.neg(), { on }), linalg.NotPositiveDefiniteError);
    }
  });
});
