import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { normal, onTypes, type Type } from "./float_types.ts";
import { withWarnings } from "./quiet.ts";

const U = { f32: 2 ** -24, f64: 2 ** -53 };

/** A matrix [m, n] with these singular values. */
async function withValues(gpu: Gpu, m: number, n: number, values: number[], dtype: Type): Promise<Tensor> {
  const [u, v] = await Promise.all(
    [m, n].map(async (size, k) => (await linalg.qr(normal(gpu, [size, values.length], k + 1, dtype))).q),
  );
  return u.mul(gpu.tensor(Float64Array.from(values), { dtype })).matmul(v.T);
}

const spectralNorm = async (a: Tensor) => a.size === 0 ? 0 : (await (await linalg.svdvals(a)).data())[0];
const decay = (n: number, rate: number) => Array.from({ length: n }, (_, i) => 10 ** (-rate * i));

type Factors = linalg.RandomizedRange | linalg.RandomizedSvd | linalg.Nystrom | linalg.Cur | linalg.Interpolative;

/** The approximation as a stored matrix. */
function stored(a: Tensor, f: Factors): Tensor {
  if ("q" in f) return f.q.matmul(f.q.T.matmul(a));
  if ("c" in f) return f.c.matmul(f.u).matmul(f.r);
  if ("coefficients" in f) return a.take(f.columns, 1).matmul(f.coefficients);
  return f.u.mul(f.s).matmul(("v" in f ? f.v : f.u).T);
}

/** Compares the certificate with the error by singular values, and gives the latter. */
async function certified(a: Tensor, found: Factors, where: string): Promise<number> {
  const error = await spectralNorm(a.sub(stored(a, found))), size = await spectralNorm(a), u = U[a.dtype as Type];
  const slack = 8 * Math.max(...a.shape) * u * size;
  assert(error <= found.error + slack, `${where}: the error ${error} is certified as ${found.error}`);
  assert(found.norm <= size + slack, `${where}: ‖A‖ is at least ${found.norm}, and is ${size}`);
  assert(found.confidence >= 1 - 1e-9);
  // Generous, but no more than the dimension explains.
  assert(
    found.error <= 8 * Math.sqrt(Math.max(...a.shape)) * error + 16 * slack,
    `${where}: ${found.error} for ${error}`,
  );
  return error;
}

const METHODS = {
  randomizedRange: linalg.randomizedRange,
  randomizedSvd: linalg.randomizedSvd,
  interpolative: linalg.interpolative,
  cur: linalg.cur,
} as const;
type Method = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as Method[];

onEachDevice("low-rank factorizations come near the best, and their certificates hold", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    for (const [m, n] of [[50, 31], [23, 40]]) {
      const spectra: Record<string, number[]> = {
        fast: decay(20, 0.3),
        slow: Array.from({ length: 20 }, (_, i) => 1 / (1 + i)),
        flat: new Array(20).fill(1),
        clustered: Array.from({ length: 20 }, (_, i) => i < 5 ? 3 : i < 8 ? 2.999 : 1e-3),
      };
      for (const [name, values] of Object.entries(spectra)) {
        const a = await withValues(gpu, m, n, values, dtype), rank = 5, best = values[rank];
        for (const method of NAMES) {
          for (const given of [a, operators.dense(a)]) {
            const where = `${method}, ${name}, [${m}, ${n}]`,
              found: Factors = await METHODS[method](given, { rank, seed: 7 });
            const error = await certified(a, found, where), slack = 64 * Math.max(m, n) * U[dtype];
            // Halko et al. (1.9) for the subspace with power iterations; √(1 + 4k(n − k)) is what pivoting gives in practice.
            const factor = method === "randomizedSvd" ? 1.2 : method === "randomizedRange" ? 1 : 12;
            assert(error <= factor * best + slack, `${where}: ${error} where ${best} is the best`);
          }
        }
      }
    }
  });
});

onEachDevice("a tolerance is kept, with few vectors more than needed", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const values = decay(30, 0.25), a = await withValues(gpu, 60, 45, values, dtype);
    for (const tolerance of dtype === "f32" ? [1e-1, 1e-2] : [1e-1, 1e-3, 1e-6]) {
      const needed = values.findIndex((v) => v <= tolerance);
      for (const method of NAMES) {
        const found: Factors = await METHODS[method](a, { tolerance, seed: 8 }), where = `${method} to ${tolerance}`;
        assert(found.converged, `${where}: ${found.error}`);
        assert(await certified(a, found, where) <= tolerance, where);
        const width = "q" in found ? found.q.shape[1] : "s" in found ? found.s.size : found.columns.size;
        assert(width <= needed + 16, `${where}: ${width} where ${needed} are needed`);
      }
    }
    // What f32 cannot give is not claimed.
    const ask = dtype === "f32" ? 1e-7 : 1e-16;
    for (const method of NAMES) {
      const { result, warnings } = await withWarnings<Factors>(() => METHODS[method](a, { tolerance: ask, seed: 9 }));
      // All columns of a matrix make it without an error.
      if (method !== "interpolative") assertEquals(result.converged, false, method);
      assertEquals(warnings.length >= 1, !result.converged, method);
      const error = await certified(a, result, `${method} to ${ask}`);
      assert(!result.converged || error <= ask, `${method}: ${error}`);
    }
  });
});

onEachDevice("low rank exactly, zeros, rows, columns and single elements", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const shapes: [number, number, number][] = [[20, 14, 3], [9, 9, 1], [1, 7, 1], [7, 1, 1], [1, 1, 1]];
    for (const [m, n, rank] of shapes) {
      const a = normal(gpu, [m, rank], 10, dtype).matmul(normal(gpu, [rank, n], 11, dtype)),
        size = await spectralNorm(a);
      for (const method of NAMES) {
        const found: Factors = await METHODS[method](a, { rank, seed: 12 }),
          where = `${method}, [${m}, ${n}] of rank ${rank}`;
        assert(await certified(a, found, where) <= 256 * Math.max(m, n) * U[dtype] * size, where);
        // More than there is does no harm.
        const more = Math.min(m, n, rank + 3), wide: Factors = await METHODS[method](a, { rank: more, seed: 13 });
        assert(
          await certified(a, wide, where) <= 1024 * Math.max(m, n) * U[dtype] * size,
          `${where}, asked for ${more}`,
        );
      }
    }
    const zeros = gpu.zeros([6, 5], dtype);
    for (const method of NAMES) {
      for (const options of [{ rank: 2 }, { tolerance: 0.1 }]) {
        const found: Factors = await METHODS[method](zeros, { ...options, seed: 14 });
        assertEquals([await certified(zeros, found, method), found.error, found.converged], [0, 0, true], method);
      }
    }
  });
});

onEachDevice("randomizedSvd: leading values and vectors, orthonormal, in stacks", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const values = decay(25, 0.4),
      a = await withValues(gpu, 40, 30, values, dtype),
      found = await linalg.randomizedSvd(a, { rank: 6, seed: 15 });
    const list = await found.s.data(), bound = 64 * 40 * U[dtype];
    list.forEach((s, i) => assert(Math.abs(s - values[i]) <= bound + 1e-9 + values[6] ** 2, `s[${i}] = ${s}`));
    const { orthogonality, backwardError } = await linalg.certificate(a, found);
    assert(orthogonality! <= bound, `${orthogonality}`);
    // In Frobenius norms.
    assert(backwardError <= 2 * Math.hypot(...values.slice(6)) + bound);
    const equal = await linalg.randomizedSvd(a, { rank: 6, seed: 15 });
    assertEquals(await equal.u.array(), await found.u.array());
    const stack = normal(gpu, [2, 2, 12, 9], 16, dtype),
      parts = await linalg.randomizedSvd(stack, { rank: 4, seed: 17 });
    assertEquals([parts.u.shape, parts.s.shape, parts.v.shape], [[2, 2, 12, 4], [2, 2, 4], [2, 2, 9, 4]]);
    for (const [i, j] of [[0, 1], [1, 0]]) {
      const one = stack.slice(i, j),
        rest = one.sub(parts.u.slice(i, j).mul(parts.s.slice(i, j)).matmul(parts.v.slice(i, j).T));
      assert(await spectralNorm(rest) <= parts.error);
      const exact = await (await linalg.svdvals(one)).data(), near = await parts.s.slice(i, j).data();
      near.forEach((s, q) => assert(Math.abs(s - exact[q]) <= 0.2 * exact[0] && s <= exact[q] * (1 + bound)));
    }
  });
});

onEachDevice("nystrom: positive semidefinite matrices and kernels; others are refused", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    for (
      const values of [decay(20, 0.3), decay(20, 0.05), [5, 4, 3, ...new Array(12).fill(0)], new Array(15).fill(1)]
    ) {
      const n = values.length,
        { q } = await linalg.qr(normal(gpu, [n, n], 18, dtype)),
        half = q.mul(gpu.tensor(values.map(Math.sqrt), { dtype }));
      const a = half.matmul(half.T), rank = 4, found = await linalg.nystrom(a, { rank, seed: 19 });
      const error = await certified(a, found, "nystrom"), list = await found.s.data();
      assert(list.every((s, i) => s >= 0 && (i === 0 || s <= list[i - 1])));
      // Tropp et al. (2017), theorem 4.1, with ten vectors beyond the rank.
      const tail = values.slice(rank).reduce((s, v) => s + v, 0);
      assert(error <= values[rank] + 2 * (rank / 9) * tail + 64 * n * U[dtype] * values[0], `${error}`);
      const close = await linalg.nystrom(a, { tolerance: 0.05, seed: 20 });
      assert(close.converged && await certified(a, close, "nystrom to a tolerance") <= 0.05 * values[0] * (1 + 1e-4));
    }
    const zeros = await linalg.nystrom(gpu.zeros([5, 5], dtype), { rank: 2, seed: 21 });
    assertEquals([zeros.error, ...await zeros.s.data()], [0, 0, 0]);
    const indefinite = gpu.eye(8).astype(dtype).mul(gpu.tensor([1, -1, 1, -1, 1, -1, 1, -1], { dtype }));
    await assertRejects(
      () => linalg.nystrom(indefinite, { rank: 3, seed: 22 }),
      linalg.NotPositiveDefiniteError,
      "nystrom",
    );
  });
  await gpu.scope(async () => {
    const x = gpu.random.normal([400, 2], { seed: 23 }),
      kernel = operators.pairwise("exp(-sqdist(x[i], x[j]) / 8)", { x });
    const { u, s, error, norm } = await linalg.nystrom(kernel, { rank: 40, seed: 24 });
    const rest = kernel.toDense().sub(u.mul(s).matmul(u.T)), actual = await spectralNorm(rest);
    assert(actual <= error && error <= 0.05 * norm, `${actual}, certified ${error}, norm ${norm}`);
  });
});

onEachDevice("certificates do not depend on the scale, where squares would leave the range of f32", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const { q } = await linalg.qr(normal(gpu, [12, 12], 30, dtype)),
      a = q.mul(gpu.tensor(decay(12, 0.3), { dtype })).matmul(q.T);
    const calls: Record<string, (a: Tensor) => Promise<{ error: number; norm: number }>> = {
      nystrom: (a) => linalg.nystrom(a, { rank: 3, seed: 1 }),
      randomizedSvd: (a) => linalg.randomizedSvd(a, { rank: 3, seed: 1 }),
      randomizedRange: (a) => linalg.randomizedRange(a, { rank: 3, oversample: 1, seed: 1 }),
      interpolative: (a) => linalg.interpolative(a, { rank: 3, seed: 1 }),
      cur: (a) => linalg.cur(a, { rank: 3, seed: 1 }),
      lanczos: async (a) => ({ error: (await linalg.lanczos(a, { k: 2, seed: 1 })).norm, norm: 1 }),
      powerIteration: async (a) => ({
        error: await (await linalg.powerIteration(a, { seed: 1 })).value.item(),
        norm: 1,
      }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const plain = (await call(a)).error;
      for (const factor of [1e-25, 1e25]) {
        const { error } = await call(a.mul(factor));
        assert(Math.abs(error / factor - plain) <= 1e-3 * plain, `${name}, ${factor}: ${error / factor} for ${plain}`);
      }
    }
  });
});

onEachDevice("the bound of an error holds, and its estimate is from below", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const a = await withValues(gpu, 30, 20, decay(20, 0.2), dtype),
      exact = await linalg.svd(a),
      size = await spectralNorm(a);
    for (const k of [1, 5, 12]) {
      const u = exact.u.slice(null, [0, k]), s = exact.s.slice([0, k]), v = exact.v.slice(null, [0, k]);
      const error = (await exact.s.data())[k], slack = 64 * 30 * U[dtype] * size;
      for (let seed = 0; seed < 20; seed++) {
        const { bound, estimate, norm } = await linalg.lowRankError(a, { u, s, v }, { seed });
        assert(
          error <= bound + slack && estimate <= error + slack && norm <= size + slack,
          `${error}: ${estimate} to ${bound}`,
        );
        assert(estimate >= 0.5 * error - slack, `${estimate} of ${error}`);
      }
    }
    const none = await linalg.lowRankError(a, { q: exact.u }, { seed: 1 });
    assert(none.bound <= 1e3 * U[dtype] * size);
  });
});

onEachDevice("randomized factorizations refuse what does not fit", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const a = gpu.random.normal([8, 6], { seed: 1 });
    for (const method of NAMES) {
      const call = (x: linalg.MatrixLike, options: linalg.SketchOptions) => () =>
        METHODS[method](x, options) as Promise<unknown>;
      await assertRejects(call(a, {}), TypeError, 'either "rank" or "tolerance"');
      await assertRejects(call(a, { rank: 2, tolerance: 0.1 }), TypeError, "got both");
      await assertRejects(call(a, { rank: 7 }), RangeError, '"rank" to be a whole number from 1 to 6');
      await assertRejects(call(a, { rank: 2, oversample: -1 }), RangeError, '"oversample"');
      await assertRejects(call(a, { tolerance: 1 }), RangeError, '"tolerance"');
      await assertRejects(call(a, { rank: 2, seed: 0.5 }), RangeError, '"seed"');
      await assertRejects(call(a.mul(Infinity), { rank: 2 }), RangeError, "not finite");
      await assertRejects(call(gpu.zeros([0, 6]), { rank: 1 }), RangeError, "a matrix with elements");
      await assertRejects(call(a, { rank: 2, signal: AbortSignal.abort(new Error("enough")) }), Error, "enough");
      const broken = operators.linearOperator({
        shape: [8, 6],
        device: gpu.device,
        apply: (v) => a.matmul(v).mul(NaN),
        applyTransposed: (u) => a.T.matmul(u),
      });
      await assertRejects(call(broken, { rank: 2 }), RangeError, "is NaN");
    }
    await assertRejects(() => linalg.nystrom(a, { rank: 2 }), TypeError, "square matrix");
  });
  assertEquals(gpu.memory().live, before);
});
