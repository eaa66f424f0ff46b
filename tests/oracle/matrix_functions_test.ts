import { assert, assertEquals } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onGpu } from "../gpu/devices.ts";
import { withAndWithoutLibraries } from "../gpu/libraries.ts";
import { type FunctionCase, load } from "./fixtures.ts";

const { cases } = load("matrix_functions");

/** Runs `check` on the cases of a function in both precisions, with the bound 16·n·u. */
async function onEach(
  gpu: Gpu,
  of: FunctionCase["of"],
  check: (problem: FunctionCase, a: Tensor, bound: number) => Promise<void>,
): Promise<void> {
  for (const problem of cases.filter((c) => c.of === of)) {
    for (const dtype of ["f32", "f64"] as const) {
      await gpu.scope(async () => {
        const a = gpu.tensor(Float64Array.from(problem.a), { shape: problem.shape, dtype });
        try {
          await check(problem, a, 16 * Math.max(...problem.shape) * roundoff(dtype));
        } catch (error) {
          throw new Error(`${problem.name}, ${dtype}: ${(error as Error).message}`, { cause: error });
        }
      });
    }
  }
}

/** ‖found − expected‖ / ‖expected‖ in Frobenius norms. */
async function apart(found: Tensor, expected: readonly number[]): Promise<number> {
  const data = await found.data();
  assertEquals(data.length, expected.length);
  const size = Math.hypot(...expected), error = Math.hypot(...data.map((x, k) => x - expected[k]));
  return error === 0 ? 0 : error / size;
}

function assertBelow(value: number | undefined, bound: number, what: string): void {
  assert(value !== undefined && value <= bound, `${what} is ${value}, over ${bound}`);
}

withAndWithoutLibraries("exponentials are right as far as their condition allows", async (gpu) => {
  await onEach(gpu, "expm", async ({ result, kappa, a: given }, a, bound) => {
    const found = await linalg.expm(a);
    assertEquals([found.shape, found.dtype], [a.shape, a.dtype]);
    // Of f32 matrices it is computed in f64: what is left is the rounding of the result, and that of the matrix where it is no f32 one.
    const rounded = a.dtype === "f32" && given.every((x) => Math.fround(x) === x);
    assertBelow(await apart(found, result), rounded ? 2 * roundoff("f32") : bound * Math.max(1, kappa), "the error");
  });
});

async function checkTaylor(gpu: Gpu): Promise<void> {
  await onEach(gpu, "expm", async ({ result, kappa, a: given, shape: [n] }, a, bound) => {
    // Each of s squarings may double what came before (Higham 2008, §10.4): not where it is scaled far more than it need be.
    const columns = Array.from(
      { length: n },
      (_, j) => given.reduce((sum, x, k) => k % n === j ? sum + Math.abs(x) : sum, 0),
    );
    const doublings = Math.max(1, Math.max(...columns));
    const found = await linalg.expm(a, { method: "taylor" });
    assertBelow(await apart(found, result), bound * Math.max(kappa, doublings), "the error");
  });
}

withAndWithoutLibraries("exponentials by products alone are right too", checkTaylor);
onGpu("exponentials by products alone are right too", checkTaylor);

withAndWithoutLibraries("square roots are right as far as their condition allows, and verified", async (gpu) => {
  await onEach(gpu, "sqrtm", async ({ result, kappa, a: given }, a, bound) => {
    const found = await linalg.sqrtm(a);
    assertEquals([found.shape, found.dtype], [a.shape, a.dtype]);
    // Rounding of X alone makes an error of ‖X‖²/‖A‖ (Higham 2008, §6.1).
    const growth = Math.hypot(...result) ** 2 / Math.hypot(...given);
    assertBelow(await apart(found, result), bound * Math.max(1, kappa, growth), "the error");
    assertBelow(
      (await linalg.certificate(a, { sqrt: found })).backwardError,
      bound * Math.max(1, growth),
      "the backward error",
    );
  });
});

withAndWithoutLibraries("signs by eigenvalues are right as far as their condition allows", async (gpu) => {
  await onEach(gpu, "sign", async ({ result, kappa }, a, bound) => {
    const found = await linalg.matrixSign(a, { of: "eigenvalues" });
    assertEquals([found.sign.shape, found.sign.dtype, found.residual.shape], [a.shape, a.dtype, []]);
    assertBelow(await found.residual.item(), bound, "the residual");
    assertBelow(await apart(found.sign, result), bound * Math.max(1, kappa), "the error");
    assertBelow((await linalg.certificate(a, found)).backwardError, bound * Math.max(1, kappa), "the backward error");
  });
});

async function checkPolar(gpu: Gpu): Promise<void> {
  await onEach(gpu, "polar", async ({ shape: [m, n], result, u: expected, kappa, kappaU }, a, bound) => {
    const methods = ["svd", "newtonSchulz", "newton"] as const;
    for (const method of methods) {
      if (method !== "svd" && (!expected || method === "newton" && m !== n)) continue;
      const found = await linalg.polar(a, { method }), { u, p } = found;
      assertEquals([u.shape, p.shape, u.dtype, p.dtype], [[m, n], [n, n], a.dtype, a.dtype]);
      const { backwardError, orthogonality } = await linalg.certificate(a, found);
      assertBelow(backwardError, bound, `the backward error by ${method}`);
      assertBelow(orthogonality, bound, `the orthogonality by ${method}`);
      assertBelow(await apart(p, result), bound * kappa, `the error of p by ${method}`);
      if (expected && bound * kappaU! < 0.1) {
        assertBelow(await apart(u, expected), bound * kappaU!, `that of u by ${method}`);
      }
      const left = await linalg.polar(a, { side: "left", method });
      assertEquals([left.u.shape, left.p.shape], [[m, n], [m, m]]);
      assertBelow(
        (await linalg.certificate(a, left)).backwardError,
        bound,
        `the backward error on the left by ${method}`,
      );
    }
    if (!expected) return;
    for (const coefficients of ["newtonSchulz", "polarExpress"] as const) {
      const found = await linalg.matrixSign(a, { coefficients }),
        { backwardError, orthogonality } = await linalg
          .certificate(a, found);
      assertBelow(await found.residual.item(), bound, `the residual with ${coefficients}`);
      assertBelow(orthogonality, bound, `the orthogonality with ${coefficients}`);
      assertBelow(backwardError, bound, `the backward error with ${coefficients}`);
    }
  });
}

withAndWithoutLibraries("polar factors are right as far as their condition allows, by each method", checkPolar);
onGpu("polar factors are right as far as their condition allows, by each method", checkPolar);
