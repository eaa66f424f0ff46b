import { assert, assertEquals, assertRejects } from "@std/assert";
import { linalg, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { normal, onTypes, symmetric, type Type } from "./float_types.ts";
import { withWarnings } from "./quiet.ts";

const TOLERANCE = { f32: 1e-5, f64: 1e-10 };

/** Checks pairs against the matrix: residuals that are as said, orthonormal vectors, values that are near eigenvalues. */
async function honest(a: Tensor, found: linalg.EigenPairs, expected: number[], where: string): Promise<void> {
  const { values, vectors, converged, residual, norm } = found, dtype = a.dtype as Type, n = a.shape[0];
  assertEquals([values.shape, vectors.shape], [[expected.length], [n, expected.length]], where);
  assert(converged, `${where}: residual ${residual}`);
  const u = dtype === "f32" ? 2 ** -24 : 2 ** -53,
    size = Math.max(...(await (await linalg.eigh(a)).values.data()).map(Math.abs));
  assert(norm <= size * (1 + 32 * n * u), `${where}: ‖A‖ is said to be at least ${norm}, and is ${size}`);
  const rest = a.matmul(vectors).sub(vectors.mul(values)), worst = Math.max(0, ...await rest.norm(0).data());
  assert(worst <= (TOLERANCE[dtype] + 32 * n * u) * size, `${where}: residual ${worst}`);
  const gram = await vectors.T.matmul(vectors).array() as number[][];
  const off = Math.max(...gram.flatMap((row, i) => row.map((v, j) => Math.abs(v - Number(i === j)))));
  assert(off <= 32 * n * u, `${where}: the vectors are off orthonormal by ${off}`);
  const list = await values.data();
  // For a symmetric matrix an eigenvalue is within the residual; a small gap to others does not matter for values.
  list.forEach((v, i) =>
    assert(
      Math.abs(v - expected[i]) <= 4 * (TOLERANCE[dtype] + 32 * n * u) * Math.max(size, 1e-30),
      `${where}: ${v} for ${expected[i]}`,
    )
  );
}

onEachDevice("lanczos: the wanted ends of many spectra", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const spectra: Record<string, number[]> = {
      even: Array.from({ length: 40 }, (_, i) => i - 20),
      graded: Array.from({ length: 40 }, (_, i) => 10 ** (-i / 6)),
      "twice the same": [...Array.from({ length: 30 }, (_, i) => i / 30), 5, 5, -7, -7],
      "rank 2": [...new Array(25).fill(0), 3, -4],
    };
    for (const [name, list] of Object.entries(spectra)) {
      const a = await symmetric(gpu, list, 1, dtype), sorted = [...list].sort((x, y) => x - y), k = 2;
      await honest(a, await linalg.lanczos(a, { k, seed: 2 }), sorted.slice(-k), `${name}, largest`);
      await honest(
        a,
        await linalg.lanczos(operators.dense(a), { k, which: "smallest", seed: 3, basis: list.length }),
        sorted.slice(0, k),
        `${name}, smallest`,
      );
      const byMagnitude = [...list].sort((x, y) => Math.abs(y) - Math.abs(x)).slice(0, k).sort((x, y) => x - y);
      if (name !== "even" && name !== "twice the same") {
        await honest(a, await linalg.lanczos(a, { k, which: "magnitude", seed: 4 }), byMagnitude, `${name}, magnitude`);
      }
    }
    const identity = gpu.eye(9).astype(dtype), zeros = gpu.zeros([9, 9], dtype), one = gpu.tensor([[-3]], { dtype });
    await honest(identity, await linalg.lanczos(identity, { k: 3 }), [1, 1, 1], "identity");
    await honest(zeros, await linalg.lanczos(zeros, { k: 3 }), [0, 0, 0], "zeros");
    await honest(one, await linalg.lanczos(one), [-3], "one element");
    const whole = await symmetric(gpu, [1, 2, 3, 4, 5], 5, dtype);
    await honest(whole, await linalg.lanczos(whole, { k: 5 }), [1, 2, 3, 4, 5], "all of them");
  });
});

onEachDevice("lobpcg: blocks, pencils and preconditioners", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const list = Array.from({ length: 30 }, (_, i) => 1 + i * i / 4), a = await symmetric(gpu, list, 6, dtype);
    await honest(a, await linalg.lobpcg(a, { k: 3, seed: 1 }), list.slice(0, 3), "smallest");
    await honest(
      a,
      await linalg.lobpcg(operators.dense(a), { k: 2, which: "largest", seed: 1 }),
      list.slice(-2),
      "largest",
    );
    const multiple = [2, 2, 2, ...Array.from({ length: 20 }, (_, i) => 4 + i)],
      b = await symmetric(gpu, multiple, 7, dtype);
    await honest(b, await linalg.lobpcg(b, { k: 3, seed: 1 }), [2, 2, 2], "an eigenvalue three times");
    const identity = gpu.eye(9).astype(dtype), one = gpu.tensor([[-3]], { dtype });
    await honest(identity, await linalg.lobpcg(identity, { k: 3 }), [1, 1, 1], "identity");
    await honest(one, await linalg.lobpcg(one), [-3], "one element");
    // A good approximate inverse takes fewer steps.
    const scale = gpu.tensor(Float64Array.from({ length: 40 }, (_, i) => 10 ** (i / 10)), { dtype }), n = 40;
    const g = normal(gpu, [n, n], 8, dtype), graded = gpu.eye(n).astype(dtype).mul(scale).add(g.add(g.T).mul(0.02));
    const { result: plain } = await withWarnings(() => linalg.lobpcg(graded, { k: 2, seed: 1, maxIterations: 60 }));
    const helped = await linalg.lobpcg(graded, { k: 2, seed: 1, preconditioner: scale.reciprocal() });
    assert(helped.converged && helped.iterations < plain.iterations, `${helped.iterations} of ${plain.iterations}`);
    // A·x = λ·B·x against the symmetric problem L⁻¹·A·L⁻ᵀ.
    const mass = await symmetric(gpu, Array.from({ length: 30 }, (_, i) => 1 + i / 10), 9, dtype),
      l = await linalg.cholesky(mass);
    const half = await linalg.solveTriangular(l, a, { lower: true }),
      core = await linalg.solveTriangular(l, half.T, { lower: true });
    const expected = (await (await linalg.eigh(core.add(core.T).mul(0.5))).values.data()).slice(0, 2);
    const pencil = await linalg.lobpcg(a, { k: 2, b: mass, seed: 1 }), found = await pencil.values.data();
    assert(pencil.converged);
    found.forEach((v, i) =>
      assert(Math.abs(v - expected[i]) <= 1e3 * TOLERANCE[dtype] * Math.abs(expected[i]), `${v} for ${expected[i]}`)
    );
    const gram = await pencil.vectors.T.matmul(mass.matmul(pencil.vectors)).array() as number[][];
    gram.forEach((row, i) =>
      row.forEach((v, j) => assert(Math.abs(v - Number(i === j)) <= 1e-4, `B-orthonormal: ${v}`))
    );
    await assertRejects(() => linalg.lobpcg(a, { b: mass.neg() }), linalg.NotPositiveDefiniteError, '"b"');
  });
});

onEachDevice("powerIteration: dominant values, and what it cannot find", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const a = await symmetric(gpu, [-8, 1, 2, 3, 4, 5], 10, dtype), found = await linalg.powerIteration(a, { seed: 1 });
    assert(
      found.converged && Math.abs(await found.value.item() + 8) <= 8 * TOLERANCE[dtype] * 2,
      `${await found.value.item()}`,
    );
    assertEquals([found.vector.shape, found.value.shape], [[6], []]);
    const triangle = gpu.tensor([[3, 1, 4], [0, 2, 1], [0, 0, 1]], { dtype }),
      general = await linalg.powerIteration(triangle, { seed: 1 });
    assert(general.converged && Math.abs(await general.value.item() - 3) <= 1e-3);
    const rotation = gpu.tensor([[0, -1], [1, 0]], { dtype }), tie = gpu.tensor([[1, 0], [0, -1]], { dtype });
    for (const hard of [rotation, tie]) {
      const { result, warnings } = await withWarnings(() =>
        linalg.powerIteration(hard, { maxIterations: 50, seed: 1 })
      );
      assertEquals([result.converged, warnings.length], [false, 1]);
    }
    const none = await linalg.powerIteration(gpu.zeros([4, 4], dtype), { seed: 1 });
    assertEquals([none.converged, await none.value.item(), none.residual], [true, 0, 0]);
  });
});

onEachDevice("a matrix that is not symmetric is found out by lanczos", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    for (const seed of [1, 2]) {
      const a = normal(gpu, [30, 30], seed, dtype),
        { result, warnings } = await withWarnings(() => linalg.lanczos(a, { k: 2, seed }));
      assertEquals([result.converged, warnings.length], [false, 1]);
      assert(result.asymmetry > 0.01);
    }
    const a = normal(gpu, [30, 30], 4, dtype), nearly = a.add(a.T).add(normal(gpu, [30, 30], 5, dtype).mul(0.01));
    const { result } = await withWarnings(() => linalg.lanczos(nearly, { k: 2 }));
    assertEquals(result.converged, false);
  });
});

onEachDevice("eigenvalue iterations: limits, stops and refusals", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const g = gpu.random.normal([60, 60], { seed: 11 }), a = g.add(g.T), reason = new Error("enough");
    for (const method of ["lanczos", "lobpcg", "powerIteration"] as const) {
      await assertRejects(() => linalg[method](a, { signal: AbortSignal.abort(reason) }), Error, "enough");
      const { result, warnings } = await withWarnings<{ converged: boolean; iterations: number }>(() =>
        linalg[method](a, { maxIterations: 3, seed: 1 })
      );
      assertEquals([result.converged, result.iterations, warnings.length], [false, 3, 1], method);
      const controller = new AbortController();
      const options = {
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
        seed: 1,
        tolerance: 1e-7,
      };
      await assertRejects(() => linalg[method](a, options), Error, "enough");
      await assertRejects(() => linalg[method](a, { tolerance: 2 }), RangeError, '"tolerance"');
      await assertRejects(() => linalg[method](a, { seed: -1 }), RangeError, '"seed"');
      await assertRejects(() => linalg[method](a.slice([0, 5])), TypeError, "square matrix");
      await assertRejects(() => linalg[method](a.mul(NaN)), RangeError, "not finite");
      await assertRejects(() => linalg[method](gpu.ones([2, 3, 3])), TypeError, "one matrix");
      await assertRejects(() => linalg[method](a, { start: gpu.ones([3]) }), TypeError, '"start"');
      const broken = operators.linearOperator({
        shape: [60, 60],
        device: gpu.device,
        apply: (v) => v.mul(NaN),
        flags: { symmetric: true },
      });
      await assertRejects(() => linalg[method](broken), RangeError, "not finite");
    }
    await assertRejects(() => linalg.lanczos(a, { k: 61 }), RangeError, '"k"');
    await assertRejects(() => linalg.lanczos(a, { start: gpu.zeros([60]) }), RangeError, 'Expected "start"');
    await assertRejects(() => linalg.lanczos(a, { which: "middle" as "largest" }), TypeError, '"which"');
    await assertRejects(() => linalg.lobpcg(a, { k: 21 }), RangeError, '"k"');
  });
  assertEquals(gpu.memory().live, before);
});
