import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, linalg } from "../../mod.ts";
import { type Lapack, roundoff } from "../../src/device/mod.ts";
import { svdByLapack } from "../../src/linalg/svd.ts";
import { hasLibraries, openWith, withAndWithoutLibraries } from "./libraries.ts";

/** A LAPACK whose divide and conquer overwrites the matrix and then gives up. */
function failing(lapack: Lapack, qrToo: boolean): Lapack {
  return {
    ...lapack,
    gesdd: (_job, _m, _n, a) => {
      a.fill(NaN);
      return 1;
    },
    gesvd: (...args) => qrToo ? 2 : lapack.gesvd(...args),
  };
}

Deno.test({
  name: "where divide and conquer fails, singular values are found by QR",
  ignore: !hasLibraries,
  fn: async () => {
    await using gpu = await openWith(Deno.env.get("DENOVO_BLAS"));
    const lapack = gpu.device.libraries.lapack!;
    for (const dtype of ["f32", "f64"] as const) {
      for (const [m, n] of [[7, 5], [5, 7], [6, 6], [1, 4], [4, 1]]) {
        const a = gpu.random.normal([m, n], { seed: 3 }).astype(dtype), k = Math.min(m, n);
        for (const job of ["S", "A", "N"] as const) {
          const [p, q] = job === "A" ? [m, n] : job === "S" ? [k, k] : [0, 0], data = await a.data() as Float64Array;
          const make = (length: number) =>
            data.constructor === Float32Array ? new Float32Array(length) : new Float64Array(length);
          const parts = { u: make(Math.max(1, m * p)), s: make(k), vt: make(Math.max(1, q * n)) };
          svdByLapack(failing(lapack, false), job, data.slice(), m, n, parts);
          const expected = await (await linalg.svdvals(a)).data(), bound = 16 * Math.max(m, n) * roundoff(dtype);
          parts.s.forEach((x, i) => assert(Math.abs(x - expected[i]) <= bound * expected[0]));
          if (job === "N") continue;
          const u = gpu.tensor(parts.u, { shape: [m, p], dtype }), vt = gpu.tensor(parts.vt, { shape: [q, n], dtype });
          const s = gpu.tensor(parts.s, { shape: [k], dtype });
          const found = await linalg.certificate(a, { u, s, v: vt.T });
          assert(found.backwardError <= bound && found.orthogonality! <= bound);
          assertThrows(
            () => svdByLapack(failing(lapack, true), job, data.slice(), m, n, parts),
            linalg.ConvergenceError,
            `The singular values of a matrix [${m}, ${n}] did not converge`,
          );
        }
      }
    }
  },
});

const normal = (gpu: Gpu, shape: number[], dtype: "f32" | "f64") => gpu.random.normal(shape, { seed: 5 }).astype(dtype);

withAndWithoutLibraries("a truncated decomposition is the beginning of the whole one", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const shape of [[7, 5], [4, 9], [2, 3, 6, 4], [3, 0], [1, 1]]) {
      const a = normal(gpu, shape, dtype), whole = await linalg.svd(a), [m, n] = shape.slice(-2), k = Math.min(m, n);
      for (let rank = 0; rank <= k; rank++) {
        const found = await linalg.svd(a, { rank }), batch = shape.slice(0, -2), all = batch.map(() => null);
        assertEquals([found.u.shape, found.s.shape, found.v.shape], [
          [...batch, m, rank],
          [...batch, rank],
          [...batch, n, rank],
        ]);
        for (const part of ["u", "v"] as const) {
          const expected = whole[part].slice(...all, null, [0, rank]);
          assertEquals(await found[part].array(), await expected.array());
        }
        assertEquals(await found.s.array(), await whole.s.slice(...all, [0, rank]).array());
        if (batch.length > 0 || k === 0) continue;
        // Eckart and Young: what is left is the rest of the singular values.
        const s = await whole.s.data(), left = Math.hypot(...s.slice(rank)) / Math.hypot(...s);
        const { backwardError } = await linalg.certificate(a, found);
        assert(Math.abs(backwardError - left) <= 16 * Math.max(m, n) * roundoff(dtype));
      }
    }
  }
});

withAndWithoutLibraries("a rank that is none is refused", async (gpu) => {
  const a = gpu.ones([3, 5]);
  for (const rank of [-1, 4, 1.5, NaN]) {
    const error = await assertRejects(() => linalg.svd(a, { rank }), RangeError);
    assertEquals(error.message, `Expected "rank" to be a whole number from 0 to 3, got ${rank}`);
  }
  await assertRejects(() => linalg.svd(a, { rank: 1, full: true }), TypeError, "full");
});
