import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onGpu } from "../gpu/devices.ts";
import { withAndWithoutLibraries } from "../gpu/libraries.ts";
import { type LinalgCase, load } from "./fixtures.ts";

const matrices = new Map([...load("linalg").cases, ...load("linalg_adversarial").cases].map((c) => [c.name, c]));

/** Runs `check` on every case of a fixture in both precisions, with the bound 16·n·u. */
async function onEach<Case extends { name: string }>(
  gpu: Gpu,
  cases: readonly Case[],
  check: (problem: Case & LinalgCase, a: Tensor, bound: number) => Promise<void>,
): Promise<void> {
  for (const found of cases) {
    const problem = { ...matrices.get(found.name)!, ...found };
    for (const dtype of ["f32", "f64"] as const) {
      await gpu.scope(async () => {
        const a = gpu.tensor(Float64Array.from(problem.a), { shape: problem.shape, dtype });
        try {
          await check(problem, a, 16 * Math.max(...problem.shape, 1) * roundoff(dtype));
        } catch (error) {
          throw new Error(`${problem.name}, ${dtype}: ${(error as Error).message}`, { cause: error });
        }
      });
    }
  }
}

function assertNear(found: number, expected: number, bound: number, what: string): void {
  assert(
    found === expected || Math.abs(found - expected) <= bound,
    `${what} is ${found}, expected ${expected}, ±${bound}`,
  );
}

const orderOf = (name: string): linalg.NormOrder => name === "fro" || name === "nuc" ? name : Number(name);

async function checkNorms(gpu: Gpu, cases = load("norms").cases): Promise<void> {
  await onEach(gpu, cases, async ({ norm, rows, s }, a, bound) => {
    const largest = s[0] ?? 0;
    for (const [name, expected] of Object.entries(norm)) {
      const ord = orderOf(name);
      if (expected === null) {
        await assertRejects(() => linalg.norm(a, { ord }), RangeError, "smallest of no elements");
        continue;
      }
      // Singular values are right in relation to the largest.
      const size = name === "2" || name === "-2" ? largest : name === "nuc" ? s.length * largest : expected;
      assertNear(await (await linalg.norm(a, { ord })).item(), expected, bound * size, `the norm ${name}`);
      const kept = await linalg.norm(a, { ord, axis: [0, 1], keepDims: true });
      assertEquals(kept.shape, [1, 1]);
      // The norm of the transpose, by its axes in the other order.
      const turned = await linalg.norm(a.T, { ord, axis: [-1, -2] });
      assertNear(await turned.item(), await kept.item(), 2 * bound * size, `the norm ${name} of the transpose`);
    }
    assertNear(await (await linalg.norm(a)).item(), norm.fro!, bound * norm.fro!, "the norm");
    for (const [name, expected] of Object.entries(rows ?? {})) {
      const p = Number(name), refused = expected === null;
      if (refused) {
        await assertRejects(() => linalg.norm(a, { ord: p, axis: 1 }), RangeError);
        continue;
      }
      const found = await linalg.norm(a, { ord: p, axis: 1 });
      assertEquals([found.shape, found.dtype], [[a.shape[0]], a.dtype]);
      const slack = bound * (Number.isFinite(p) && p !== 0 ? 1 + 1 / Math.abs(p) : 1);
      (await found.data()).forEach((x, i) =>
        assertNear(x, expected[i], slack * expected[i], `the ${name}-norm of row ${i}`)
      );
    }
  });
}

withAndWithoutLibraries("norms are NumPy's", (gpu) => checkNorms(gpu));

onGpu("norms are NumPy's", async (gpu) => {
  // A GPU is asked for each number alone, which takes time: every kind of reduction of some.
  const some = ["random, tall", "one row", "no rows", "no columns", "zeros", "graded rows", "large", "small"];
  await checkNorms(gpu, load("norms").cases.filter(({ name }) => some.includes(name)));
});

withAndWithoutLibraries("condition numbers are NumPy's as far as they can be known", async (gpu) => {
  await onEach(gpu, load("norms").cases, async ({ cond, shape }, a, bound) => {
    for (const [name, expected] of Object.entries(cond)) {
      const ord = orderOf(name), n = Math.max(...shape);
      if (expected === null) {
        await assertRejects(() => linalg.cond(a, { ord }), RangeError, "without elements");
        continue;
      }
      const found = await (await linalg.cond(a, { ord })).item();
      if (found === expected) continue;
      // Of −2 the other way round. A matrix that is singular but for rounding errors has any large number.
      const [x, y] = name === "-2" ? [1 / found, 1 / expected] : [found, expected];
      const worst = Math.max(cond["2"]!, 1);
      if (bound * worst < 0.1) assertNear(x, y, n * bound * worst * y, `the condition ${name}`);
      else if (name === "2" || name === "-2") assert(x >= 0.05 / bound, `the condition ${name} is ${found}`);
      else assert(found > 0, `the condition ${name} is ${found}`);
    }
  });
});

withAndWithoutLibraries("pseudoinverses and ranks are NumPy's, and Penrose's conditions hold", async (gpu) => {
  await onEach(gpu, load("pinv").cases, async ({ pinv, ranks, shape: [m, n], s, rank, kappa }, a, bound) => {
    const found = await linalg.pinv(a, { rcond: 1e-5 });
    assertEquals([found.shape, found.dtype], [[n, m], a.dtype]);
    const left = s[0] > 0 ? Math.hypot(...s.slice(rank)) / s[0] : 0, size = Math.hypot(...pinv);
    // Wedin 1973: ‖X̂ − X‖ ≤ 2‖X‖‖X̂‖·‖E‖ where the rank stays.
    const data = await found.data(), apart = Math.hypot(...data.map((x, k) => x - pinv[k]));
    assert(apart <= 4 * (bound + left) * kappa * size, `pinv is ${apart} away, of ${size}`);
    const { backwardError, penrose } = await linalg.certificate(a, { pinv: found });
    assert(backwardError <= bound + left, `Penrose's conditions fail by ${penrose}`);
    for (const [rtol, expected] of Object.entries(ranks)) {
      const limit = Number(rtol) * (s[0] ?? 0);
      // Not where a singular value is at the limit.
      if (s.some((x) => Math.abs(x - limit) <= bound * s[0])) continue;
      const given = await linalg.matrixRank(a, { rtol: Number(rtol) });
      assertEquals([given.dtype, given.shape, await given.item()], ["i32", [], expected]);
      assertEquals(await (await linalg.matrixRank(a, { tol: limit })).item(), expected);
    }
  });
});
