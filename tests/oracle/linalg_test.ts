import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { onGpu } from "../gpu/devices.ts";
import { withAndWithoutLibraries } from "../gpu/libraries.ts";
import { type LinalgCase, load } from "./fixtures.ts";

const cases = [...load("linalg").cases, ...load("linalg_adversarial").cases];
const UNIT = { f32: 2 ** -24, f64: 2 ** -53 };

/** Runs `check` on every case in both precisions, with the bound 16·n·u: LAPACK's own tests allow 60·n·u. */
async function onEachCase(
  gpu: Gpu,
  check: (problem: LinalgCase, a: Tensor, bound: number, u: number) => Promise<void>,
  dtypes: ("f32" | "f64")[] = ["f32", "f64"],
): Promise<void> {
  for (const problem of cases) {
    for (const dtype of dtypes) {
      await gpu.scope(async () => {
        const a = gpu.tensor(Float64Array.from(problem.a), { shape: problem.shape, dtype });
        try {
          await check(problem, a, 16 * Math.max(...problem.shape, 1) * UNIT[dtype], UNIT[dtype]);
        } catch (error) {
          throw new Error(`${problem.name}, ${dtype}: ${(error as Error).message}`, { cause: error });
        }
      });
    }
  }
}

function assertBelow(value: number | undefined, bound: number, what: string): void {
  assert(value !== undefined && value <= bound, `${what} is ${value}, over ${bound}`);
}

/** Fails unless every element is within `bound` of what is expected. */
async function assertNear(t: Tensor, expected: ArrayLike<number>, bound: number, what: string): Promise<void> {
  const found = await t.data();
  assertEquals(found.length, expected.length, what);
  for (let k = 0; k < found.length; k++) {
    assertBelow(Math.abs(found[k] - expected[k]), bound, `the error of ${what}[${k}]`);
  }
}

async function checkSvd(
  { shape: [m, n], s: expected }: LinalgCase,
  a: Tensor,
  bound: number,
  on?: linalg.Place,
): Promise<void> {
  const k = Math.min(m, n);
  for (const full of [false, true]) {
    const found = await linalg.svd(a, { full, on }), { u, s, v } = found;
    assertEquals([u.shape, s.shape, v.shape], full ? [[m, m], [k], [n, n]] : [[m, k], [k], [n, k]]);
    assertEquals([u.dtype, s.dtype, v.dtype], [a.dtype, a.dtype, a.dtype]);
    const { backwardError, orthogonality } = await linalg.certificate(a, found);
    assertBelow(backwardError, bound, "the backward error");
    assertBelow(orthogonality, bound, "the orthogonality");
    await assertNear(s, expected, bound * (expected[0] ?? 0), "s");
  }
  await assertNear(await linalg.svdvals(a, { on }), expected, bound * (expected[0] ?? 0), "svdvals");
}

withAndWithoutLibraries("singular values are SciPy's, and the vectors belong to them", async (gpu) => {
  await onEachCase(gpu, (problem, a, bound) => checkSvd(problem, a, bound));
});

async function checkEigh({ eigenvalues }: LinalgCase, a: Tensor, bound: number, on?: linalg.Place): Promise<void> {
  if (!eigenvalues) return void await assertRejects(() => linalg.eigh(a, { on }), TypeError, "square");
  const found = await linalg.eigh(a, { on }), { backwardError, orthogonality } = await linalg.certificate(a, found);
  assertBelow(backwardError, bound, "the backward error");
  assertBelow(orthogonality, bound, "the orthogonality");
  const size = Math.max(0, ...eigenvalues.map(Math.abs));
  await assertNear(found.values, eigenvalues, bound * size, "values");
}

async function checkQr({ shape: [m, n] }: LinalgCase, a: Tensor, bound: number, on?: linalg.Place): Promise<void> {
  for (const mode of ["reduced", "complete"] as const) {
    const found = await linalg.qr(a, { mode, on }), p = mode === "complete" ? m : Math.min(m, n);
    assertEquals([found.q.shape, found.r.shape], [[m, p], [p, n]]);
    const { backwardError, orthogonality } = await linalg.certificate(a, found);
    assertBelow(backwardError, bound, `the backward error (${mode})`);
    assertBelow(orthogonality, bound, `the orthogonality (${mode})`);
    const r = await found.r.data();
    r.forEach((x, at) => at % n < Math.floor(at / n) && assertEquals(x, 0));
  }
}

withAndWithoutLibraries("eigenvalues are SciPy's, and the vectors belong to them", async (gpu) => {
  await onEachCase(gpu, (problem, a, bound) => checkEigh(problem, a, bound));
});

withAndWithoutLibraries("q r and p l u are the matrix, with factors of their shapes", async (gpu) => {
  await onEachCase(gpu, async (problem, a, bound) => {
    await checkQr(problem, a, bound);
    const [m, n] = problem.shape, k = Math.min(m, n);
    const { p, l, u } = await linalg.lu(a);
    assertEquals([p.shape, l.shape, u.shape], [[m, m], [m, k], [k, n]]);
    // By row exchanges no multiplier is over 1; the growth of u is at most 2^(k − 1), which one of the cases attains.
    const size = Math.max(0, ...(await u.data()).map(Math.abs)) * Math.sqrt(m * n);
    (await l.data()).forEach((x) => assert(Math.abs(x) <= 1));
    const { backwardError } = await linalg.certificate(a, { p, l, u });
    const norm = Math.hypot(...await a.data());
    assertBelow(backwardError, bound * Math.max(1, size / (norm || 1)), "the backward error of p l u");
  });
});

withAndWithoutLibraries("determinants are NumPy's as far as their condition allows", async (gpu) => {
  await onEachCase(gpu, async ({ shape: [n, m], sign, logAbsDet, kappa, rank }, a, bound) => {
    if (sign === undefined) return void await assertRejects(() => linalg.det(a), TypeError, "square");
    if (rank < m || bound * kappa > 0.1) return;
    const found = await linalg.slogdet(a);
    assertEquals(await found.sign.item(), sign);
    await assertNear(found.logAbsDet, [logAbsDet!], n * bound * kappa + bound * Math.abs(logAbsDet!), "logAbsDet");
    const det = await (await linalg.det(a)).item(), expected = sign * Math.exp(logAbsDet!);
    const largest = a.dtype === "f32" ? 3.4e38 : Number.MAX_VALUE, smallest = a.dtype === "f32" ? 1e-38 : 1e-300;
    if (Math.abs(expected) > largest) assertEquals(det, sign * Infinity);
    else if (Math.abs(expected) > smallest) {
      assertBelow(Math.abs(det / expected - 1), 2 * n * bound * kappa + 400 * UNIT.f64, "the relative error of det");
    }
  });
});

withAndWithoutLibraries("systems are solved with a small backward error, singular ones refused", async (gpu) => {
  await onEachCase(gpu, async ({ shape: [n, m], b, name, kappa, rank }, a, bound) => {
    if (n !== m) {
      await assertRejects(() => linalg.solve(a, gpu.zeros([n], a.dtype)), TypeError, "square");
      return void await assertRejects(() => linalg.inv(a), TypeError, "square");
    }
    if (n === 0) return;
    const right = gpu.tensor(Float64Array.from(b!), { shape: [n, 2], dtype: a.dtype });
    const growth = name.startsWith("growth") ? 2 ** n : 1;
    try {
      const x = await linalg.solve(a, right), { backwardError } = await linalg.certificate(a, { x, b: right });
      assertBelow(backwardError, bound * growth, "the backward error");
      const first = right.slice(null, 0), y = await linalg.solve(a, first);
      assertEquals(y.shape, [n]);
      assertBelow((await linalg.certificate(a, { x: y, b: first })).backwardError, bound * growth, "that of a vector");
      const inverse = await linalg.inv(a);
      if (bound * kappa < 0.1 && rank === n) {
        const error = await gpu.reduce("max", "abs(x - y)", { x: a.matmul(inverse), y: gpu.eye(n).astype(a.dtype) })
          .item();
        assertBelow(error, n * bound * kappa * growth, "the error of the inverse");
      }
    } catch (error) {
      if (!(error instanceof linalg.SingularMatrixError) || rank === n && bound * kappa < 0.1) throw error;
    }
  });
});

withAndWithoutLibraries("least squares finds SciPy's solution, rank and residuals", async (gpu) => {
  await onEachCase(gpu, async ({ shape: [m, n], b, x, residuals, rank, kappa, s }, a, bound, u) => {
    if (!b) {
      const empty = await linalg.lstsq(a, gpu.ones([m], a.dtype));
      assertEquals([empty.x.shape, await empty.rank.item()], [[n], 0]);
      return;
    }
    const right = gpu.tensor(Float64Array.from(b), { shape: [m, 2], dtype: a.dtype });
    const found = await linalg.lstsq(a, right, { rcond: 1e-5 });
    assertEquals(await found.rank.item(), rank);
    await assertNear(found.singularValues, s, bound * s[0], "the singular values");
    // Singular values below rcond are taken for zero, which is a change of the matrix.
    const left = rank < s.length && s[0] > 0 ? s[rank] / s[0] : 0;
    const { backwardError } = await linalg.certificate(a, { ...found, b: right });
    // It is an upper bound, which is not sharp where x is large and the residual small.
    const slack = 1 + s[0] * Math.hypot(...x!) / Math.sqrt(Math.min(...residuals!));
    assertBelow(backwardError, Math.min(1, (bound + left) * slack), "the backward error");
    // Wedin's bound: the residual counts with the square of the condition number.
    const size = Math.hypot(...x!), rest = Math.sqrt(Math.max(...residuals!)) / (s[0] || 1);
    await assertNear(found.x, x!, 4 * (bound + left) * kappa * (size + kappa * rest) + u * size, "x");
    const b2 = Math.hypot(...b);
    await assertNear(found.residuals, residuals!, 4 * (bound * kappa + left) * b2 ** 2, "the residuals");
  });
});

withAndWithoutLibraries("Cholesky factors, triangles, and matrices that are not positive definite", async (gpu) => {
  await onEachCase(gpu, async ({ shape: [n, m], b, eigenvalues }, a, bound) => {
    if (n !== m || n === 0) return;
    const worst = Math.min(...eigenvalues!), size = Math.max(...eigenvalues!.map(Math.abs));
    if (worst < -bound * size) {
      await assertRejects(() => linalg.cholesky(a), linalg.NotPositiveDefiniteError, "is not positive definite");
    }
    const scale = Math.max(...(await a.data()).map(Math.abs)) || 1, scaled = a.div(scale);
    const gram = scaled.matmul(scaled.T).add(gpu.eye(n).astype(a.dtype)), l = await linalg.cholesky(gram);
    assertBelow((await linalg.certificate(gram, { l })).backwardError, bound, "the backward error");
    const right = gpu.tensor(Float64Array.from(b!), { shape: [n, 2], dtype: a.dtype });
    for (
      const [matrix, lower, transpose, meant] of [[l, true, false, l], [l, true, true, l.T], [l.T, false, false, l.T], [
        l.T,
        false,
        true,
        l,
      ]] as const
    ) {
      const x = await linalg.solveTriangular(matrix, right, { lower, transpose });
      const { backwardError } = await linalg.certificate(meant, { x, b: right });
      assertBelow(backwardError, bound, `the backward error of a triangle, lower ${lower}, transposed ${transpose}`);
    }
  });
});

onGpu("decompositions of tensors on a GPU are SciPy's too", async (gpu) => {
  await onEachCase(gpu, (problem, a, bound) => checkSvd(problem, a, bound), ["f32"]);
});

onGpu("decompositions on the adapter are SciPy's too", async (gpu) => {
  for (const check of [checkSvd, checkEigh, checkQr]) {
    await onEachCase(gpu, (problem, a, bound) => check(problem, a, bound, "adapter"), ["f32"]);
  }
});
