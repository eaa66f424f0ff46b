import { assert, assertEquals, assertRejects } from "@std/assert";
import { linalg, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { normal, onTypes, symmetric } from "./float_types.ts";
import { withAndWithoutLibraries } from "./libraries.ts";
import { withWarnings } from "./quiet.ts";

type Solver = "cg" | "minres" | "gmres";
const U = { f32: 2 ** -24, f64: 2 ** -53 };

/** ‖b − A·x‖ / ‖b‖ of each column, by plain loops in f64. */
async function residuals(a: Tensor, x: Tensor, b: Tensor): Promise<number[]> {
  const [m, n] = a.shape, k = b.rank === 1 ? 1 : b.shape[1];
  const [as, xs, bs] = await Promise.all([a, x, b].map((t) => t.data()));
  return Array.from({ length: k }, (_, c) => {
    let rest = 0, size = 0;
    for (let i = 0; i < m; i++) {
      let r = bs[i * k + c];
      for (let j = 0; j < n; j++) r -= as[i * n + j] * xs[j * k + c];
      rest += r * r;
      size += bs[i * k + c] ** 2;
    }
    return Math.sqrt(rest / (size || 1));
  });
}

/** Solves and checks that what is said of the solution is true. */
async function honest(
  solver: Solver,
  a: Tensor,
  b: Tensor,
  options: linalg.CgOptions & linalg.GmresOptions = {},
  given: linalg.MatrixLike = a,
): Promise<linalg.IterativeSolution> {
  const { result, warnings } = await withWarnings(() => linalg[solver](given, b, options));
  const found = Math.max(...await residuals(a, result.x, b)),
    tolerance = options.tolerance ?? (a.dtype === "f32" ? 1e-5 : 1e-10);
  const where = `${solver}, ${a.dtype}, ${result.reason}`;
  assert(Number.isFinite(found), `${where}: x is not finite`);
  assertEquals(result.x.shape, b.shape);
  assertEquals(result.converged, result.reason === "converged");
  assertEquals(warnings.length, result.converged ? 0 : 1, `${where}: one warning if it did not converge`);
  if (result.converged) assert(found <= tolerance * (1 + 1e-9), `${where}: converged, but the residual is ${found}`);
  assert(
    Math.abs(found - result.residual) <= 1.01 * result.residualError + 1e-12 + 1e-3 * found,
    `${where}: ${found} is reported as ${result.residual}`,
  );
  return result;
}

onEachDevice("cg, minres and gmres solve systems of any size, with several right-hand sides", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    for (const n of [1, 2, 19]) {
      const g = normal(gpu, [n, n], n, dtype),
        a = g.matmul(g.T).add(gpu.eye(n).astype(dtype).mul(n)),
        b = normal(gpu, [n, 3], 2, dtype);
      for (const solver of ["cg", "minres", "gmres"] as const) {
        assert((await honest(solver, a, b, { restart: n })).converged, `${solver}, n = ${n}`);
        assert((await honest(solver, a, b.slice(null, 1), { restart: n })).converged, `${solver}, n = ${n}, a vector`);
        const operator = operators.dense(a), one = await honest(solver, a, b, { restart: n }, operator);
        assert(one.converged, `${solver}, n = ${n}, an operator`);
      }
    }
  });
});

withAndWithoutLibraries("ill-conditioned, clustered and graded systems end with the truth", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const n = 24, grade = (power: number) => Array.from({ length: n }, (_, i) => 10 ** (-power * i / (n - 1)));
    const spectra: Record<string, number[]> = {
      "1e0": grade(0),
      "1e2": grade(2),
      "1e4": grade(4),
      "1e8": grade(8),
      "1e12": grade(12),
      clustered: grade(0).map((_, i) => i < 8 ? 1 + 1e-6 * i : i < 16 ? 100 : 3),
      "one outlier": grade(0).map((_, i) => i === 0 ? 1e6 : 1 + i / n),
    };
    for (const [name, values] of Object.entries(spectra)) {
      const a = await symmetric(gpu, values, 3, dtype), b = normal(gpu, [n], 4, dtype);
      const kappa = Math.max(...values) / Math.min(...values);
      for (const solver of ["cg", "minres", "gmres"] as const) {
        const { converged, reason } = await honest(solver, a, b, { restart: n, maxIterations: 150 });
        // What rounding errors of a solution of this size allow, and these iterations.
        if (kappa <= 1e4 && kappa * U[dtype] * n < (dtype === "f32" ? 1e-5 : 1e-10)) {
          assert(converged, `${name}, ${solver}: ${reason}`);
        }
      }
    }
    const hilbert = gpu.tensor(Float64Array.from({ length: 100 }, (_, k) => 1 / (Math.floor(k / 10) + k % 10 + 1)), {
      shape: [10, 10],
      dtype,
    });
    for (const solver of ["cg", "minres", "gmres"] as const) await honest(solver, hilbert, gpu.ones([10], dtype));
  });
});

onEachDevice("a matrix that cg is not for is told, and minres solves it", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const values = Array.from({ length: 20 }, (_, i) => i % 2 ? -1 - i : 1 + i),
      a = await symmetric(gpu, values, 5, dtype);
    const b = normal(gpu, [20, 2], 6, dtype);
    const found = await honest("cg", a, b);
    assertEquals([found.converged, found.reason], [false, "notPositiveDefinite"]);
    assert((await honest("minres", a, b)).converged);
    assertEquals((await honest("cg", a.neg(), b)).converged, false);
    // Half of the columns are in the definite part.
    const diagonal = gpu.eye(4).astype(dtype).mul(gpu.tensor([1, 2, -1, 3], { dtype }));
    const split = await honest("cg", diagonal, gpu.tensor([[1, 1], [1, 1], [0, 1], [1, 1]], { dtype }));
    assertEquals(split.converged, false);
    assert(split.residuals[0] < 1e-5 && split.residuals[1] > 1e-3, `${split.residuals}`);
  });
});

onEachDevice("singular systems: consistent ones are solved, others are told", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const n = 12,
      values = Array.from({ length: n }, (_, i) => i < 4 ? 0 : i),
      a = await symmetric(gpu, values, 7, dtype);
    const y = normal(gpu, [n], 8, dtype), consistent = a.matmul(y), b = normal(gpu, [n], 9, dtype);
    const loose = { tolerance: dtype === "f32" ? 1e-4 : 1e-9 };
    for (const solver of ["cg", "minres", "gmres"] as const) {
      assert((await honest(solver, a, consistent, loose)).converged, `${solver}, consistent`);
      assertEquals((await honest(solver, a, b, loose)).converged, false, `${solver}, inconsistent`);
      assertEquals((await honest(solver, gpu.zeros([n, n], dtype), b)).converged, false, `${solver}, zeros`);
    }
    assertEquals((await honest("minres", gpu.zeros([n, n], dtype), b)).reason, "inconsistent");
  });
});

onEachDevice("a right-hand side of zeros has the solution 0, whatever the start", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const a = gpu.eye(5).astype(dtype).mul(3), zeros = gpu.zeros([5, 2], dtype), start = gpu.ones([5, 2], dtype);
    for (const solver of ["cg", "minres", "gmres"] as const) {
      const found = await honest(solver, a, zeros, { x0: start });
      assertEquals([found.converged, found.iterations, found.residual], [true, 0, 0]);
      assertEquals([...await found.x.data()], new Array(10).fill(0));
      // One column of zeros beside another.
      const both = await honest(solver, a, gpu.tensor([[0, 1], [0, 2], [0, 3], [0, 4], [0, 5]], { dtype }));
      assert(both.converged);
      assertEquals([...await both.x.slice(null, 0).data()], [0, 0, 0, 0, 0]);
      // The solution itself as the start.
      const again = await honest(solver, a, both.x.mul(3), { x0: both.x });
      assertEquals([again.converged, again.iterations], [true, 0]);
    }
  });
});

onEachDevice("gmres: Jordan blocks, and a stand still where restarts go in circles", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const n = 16,
      jordan = gpu.tensor(
        Float64Array.from({ length: n * n }, (_, k) => k % (n + 1) === 0 ? 2 : k % (n + 1) === 1 ? 1 : 0),
        { shape: [n, n], dtype },
      );
    const b = normal(gpu, [n], 10, dtype);
    assert((await honest("gmres", jordan, b, { restart: n })).converged);
    assert((await honest("gmres", jordan, b, { restart: 5 })).converged);
    // Every Krylov space of the shift is orthogonal to what is missing, until the last.
    const shift = gpu.eye(n).astype(dtype).take([n - 1, ...Array(n - 1).keys()], 0),
      first = gpu.eye(n).astype(dtype).at(0);
    const stuck = await honest("gmres", shift, first, { restart: n - 1 });
    assertEquals([stuck.converged, stuck.reason], [false, "stagnation"]);
    assert((await honest("gmres", shift, first, { restart: n })).converged);
    const nilpotent = jordan.sub(gpu.eye(n).astype(dtype).mul(2));
    assertEquals(
      (await honest("gmres", nilpotent, gpu.eye(n).astype(dtype).at(n - 1), { restart: n })).converged,
      false,
    );
  });
});

onEachDevice("an operator that lies gets no certificate", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    for (const seed of [11, 12]) {
      const n = 30, a = normal(gpu, [n, n], seed, dtype), b = normal(gpu, [n], 20, dtype);
      // Not symmetric, said to be so.
      const lying = operators.linearOperator({
        shape: [n, n],
        device: gpu.device,
        dtype,
        apply: (v) => a.matmul(v),
        flags: { symmetric: true },
      });
      for (const solver of ["cg", "minres"] as const) await honest(solver, a, b, { maxIterations: 60 }, lying);
      // Nearly symmetric, so that the recurrence believes in itself for long.
      const nearly = a.matmul(a.T).add(gpu.eye(n).astype(dtype)).add(a.mul(0.3));
      for (const solver of ["cg", "minres"] as const) {
        await honest(solver, nearly, b, { maxIterations: 60 }, operators.dense(nearly));
      }
      // Not linear: x is rounded to eight bits.
      const coarse = operators.linearOperator({
        shape: [n, n],
        device: gpu.device,
        dtype,
        apply: (v) => v.mul(100).add(v.mul(1e4).sin().mul(0.01)),
        flags: { symmetric: true },
      });
      const { result } = await withWarnings(() => linalg.cg(coarse, b, { tolerance: 1e-8, maxIterations: 40 }));
      if (dtype === "f32") assertEquals(result.converged, false);
    }
  });
});

onEachDevice("preconditioners: a diagonal, a matrix, an operator, a function", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const n = 40, scale = Float64Array.from({ length: n }, (_, i) => 10 ** (4 * i / n));
    const d = gpu.tensor(scale, { dtype }),
      g = normal(gpu, [n, n], 14, dtype),
      own = g.add(g.T).mul(0.02).add(gpu.eye(n).astype(dtype));
    const a = own.mul(d.sqrt()).mul(d.sqrt().expandDims(1)), b = normal(gpu, [n], 15, dtype), inverse = d.reciprocal();
    const tolerance = dtype === "f32" ? 1e-4 : 1e-9, dense = gpu.eye(n).astype(dtype).mul(inverse);
    const choices: linalg.Preconditioner[] = [
      inverse,
      dense,
      operators.dense(dense),
      (r) => r.mul(inverse.expandDims(1)),
    ];
    for (const solver of ["cg", "minres", "gmres"] as const) {
      const plain = await honest(solver, a, b, { tolerance, maxIterations: 1000 });
      for (const preconditioner of choices) {
        const helped = await honest(solver, a, b, { tolerance, maxIterations: 1000, preconditioner });
        assert(helped.converged, `${solver}: ${helped.reason}`);
        assert(helped.iterations < plain.iterations, `${solver}: ${helped.iterations} of ${plain.iterations}`);
      }
    }
    await assertRejects(
      () => linalg.cg(a, b, { preconditioner: gpu.ones([n - 1], dtype) }),
      TypeError,
      "diagonal [40]",
    );
    await assertRejects(() => linalg.cg(a, b, { preconditioner: (r) => r.sum() }), TypeError, '"preconditioner"');
    const { result } = await withWarnings(() => linalg.cg(a, b, { preconditioner: dense.neg() }));
    assertEquals(result.reason, "notPositiveDefinite");
  });
});

onEachDevice("stacks of systems are solved together", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const g = normal(gpu, [2, 3, 9, 9], 16, dtype),
      a = g.matmul(g.T).add(gpu.eye(9).astype(dtype).mul(4)),
      b = normal(gpu, [2, 3, 9, 2], 17, dtype);
    for (const solver of ["cg", "minres", "gmres"] as const) {
      const { x, converged, residuals: each } = await linalg[solver](a, b);
      assert(converged, solver);
      assertEquals([x.shape, each.length], [[2, 3, 9, 2], 12]);
      const one = await residuals(a.slice(1, 2), x.slice(1, 2), b.slice(1, 2));
      assert(Math.max(...one) <= 1e-5);
      assertEquals((await linalg[solver](a, b.slice(0, 0, null, 0))).x.shape, [2, 3, 9]);
    }
    const tall = normal(gpu, [2, 8, 3], 18, dtype),
      right = normal(gpu, [2, 8, 1], 19, dtype),
      found = await linalg.lsmr(tall, right);
    assert(found.converged);
    const dense = await linalg.lstsq(tall, right);
    const apart = await gpu.reduce("max", "abs(x - y)", { x: found.x, y: dense.x }).item();
    assert(apart <= (dtype === "f32" ? 1e-3 : 1e-8), `${apart}`);
  });
});

onEachDevice("sizes at the ends of the range do not overflow", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const g = normal(gpu, [6, 6], 21, dtype),
      a = g.matmul(g.T).add(gpu.eye(6).astype(dtype)),
      b = normal(gpu, [6], 22, dtype);
    for (const solver of ["cg", "minres", "gmres"] as const) {
      for (const factor of [1e-25, 1e25]) {
        const { converged, residual } = await linalg[solver](a, b.mul(factor));
        assert(converged && residual <= 1e-5, `${solver}, b of ${factor}`);
      }
      for (const factor of [1e-25, 1e25]) {
        assert((await linalg[solver](a.mul(factor), b)).converged, `${solver}, A of ${factor}`);
      }
    }
  });
});

onEachDevice("matrices that are never stored: a kernel of 5,000 points, a sparse Laplacian", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const n0 = 5000, x = gpu.random.normal([n0, 3], { seed: 23 }), b0 = gpu.random.normal([n0], { seed: 24 });
    const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]))", { x }),
      ridge = operators.identity(gpu, n0).scale(50).add(kernel);
    const found = await linalg.cg(ridge, b0, { tolerance: 1e-4 });
    assert(
      found.converged && found.residualError < 1e-5,
      `${found.reason}: ${found.residual} ± ${found.residualError}`,
    );
    // The same residual in f64, from the points.
    const [points, solution, right] = await Promise.all([x, found.x, b0].map((t) => t.data()));
    let rest = 0, size = 0;
    for (let i = 0; i < n0; i++) {
      let r = right[i] - 50 * solution[i];
      for (let j = 0; j < n0; j++) {
        let square = 0;
        for (let k = 0; k < 3; k++) square += (points[3 * i + k] - points[3 * j + k]) ** 2;
        r -= Math.exp(-square) * solution[j];
      }
      rest += r * r;
      size += right[i] ** 2;
    }
    const exact = Math.sqrt(rest / size);
    // What is given is the kernel in f32, whose entries are rounded.
    assert(
      Math.abs(exact - found.residual) <= found.residualError + 1e-5 && exact <= 1.1e-4,
      `${exact}, said ${found.residual}`,
    );

    const side = 40, n = side * side, rows: number[] = [], columns: number[] = [], values: number[] = [];
    const add = (i: number, j: number, v: number) => void (rows.push(i), columns.push(j), values.push(v));
    for (let i = 0; i < n; i++) {
      add(i, i, 4);
      if (i % side > 0) add(i, i - 1, -1);
      if (i % side < side - 1) add(i, i + 1, -1);
      if (i >= side) add(i, i - side, -1);
      if (i < n - side) add(i, i + side, -1);
    }
    const laplacian = gpu.sparse({ rows, columns, values, shape: [n, n] }), ones = gpu.ones([n]);
    const solved = await linalg.cg(operators.sparse(laplacian), ones, { tolerance: 1e-4 });
    assert(solved.converged, solved.reason);
    const back = laplacian.matmul(solved.x).sub(ones);
    assert((await back.norm().item()) <= 1.1e-4 * side);
    laplacian.dispose();
  });
  assertEquals(gpu.memory().live, before);
});

onEachDevice("least squares: every shape and rank, damped or not", async (gpu) => {
  await onTypes(gpu, async (dtype) => {
    const ask = dtype === "f32" ? 1e-4 : 1e-9;
    for (const [m, n, rank] of [[1, 1, 1], [1, 6, 1], [6, 1, 1], [20, 7, 7], [7, 20, 7], [15, 10, 4], [9, 9, 9]]) {
      const a = rank < Math.min(m, n)
        ? normal(gpu, [m, rank], 31, dtype).matmul(normal(gpu, [rank, n], 32, dtype))
        : normal(gpu, [m, n], 33, dtype);
      const b = normal(gpu, [m, 2], 34, dtype), operator = operators.dense(a);
      for (const given of [a, operator]) {
        const { x, converged, normalResidual, reason } = await linalg.lsmr(given, b, { tolerance: ask });
        assert(converged, `[${m}, ${n}] of rank ${rank}: ${reason}`);
        const r = b.sub(a.matmul(x)), g = await a.T.matmul(r).norm().item(), size = await a.norm().item();
        const fits = await r.norm().item() <= 2 * ask * (size * await x.norm().item() + await b.norm().item());
        assert(fits || g <= 3 * ask * size * await r.norm().item(), `[${m}, ${n}]: ${g}, said ${normalResidual}`);
      }
      // The minimizer of least norm has no part outside of the range of Aᵀ; with damping it solves the normal equations.
      const damped = await linalg.lsmr(a, b, { damp: 2, tolerance: ask });
      assert(damped.converged);
      const normalEquations = a.T.matmul(b.sub(a.matmul(damped.x))).sub(damped.x.mul(4));
      const bound = 4 * ask * (await a.norm().item() + 2) * (await b.norm().item() + 2 * await damped.x.norm().item());
      assert(await normalEquations.norm().item() <= bound);
    }
    const none = await linalg.lsmr(gpu.zeros([5, 3], dtype), gpu.ones([5], dtype));
    assertEquals([none.converged, [...await none.x.data()].join()], [true, "0,0,0"]);
    const zero = await linalg.lsmr(normal(gpu, [5, 3], 35, dtype), gpu.zeros([5], dtype));
    assertEquals([zero.converged, [...await zero.x.data()].join()], [true, "0,0,0"]);
  });
});

onEachDevice("what does not fit is refused in words, and work can be stopped", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    const a = gpu.eye(4), b = gpu.ones([4]), wide = gpu.ones([3, 4]);
    const cases: [() => Promise<unknown>, typeof TypeError | typeof RangeError, string][] = [
      [() => linalg.cg(wide, gpu.ones([3])), TypeError, "square matrix for cg, got [3, 4]"],
      [() => linalg.cg(a, gpu.ones([5])), TypeError, "cg of [4, 4] for [5]"],
      [() => linalg.cg(a.astype("i32"), b), TypeError, "i32"],
      [() => linalg.cg({} as operators.LinearOperator, b), TypeError, "linear operator"],
      [() => linalg.cg(a, b, { tolerance: 0 }), RangeError, '"tolerance"'],
      [() => linalg.cg(a, b, { maxIterations: 0 }), RangeError, '"maxIterations"'],
      [() => linalg.cg(a, b, { x0: gpu.ones([3]) }), TypeError, '"x0" to be [4]'],
      [() => linalg.cg(a, gpu.tensor([1, NaN, 0, 0])), RangeError, "not finite"],
      [() => linalg.minres(a.mul(Infinity), b), RangeError, "not finite"],
      [() => linalg.gmres(a, b, { restart: 0 }), RangeError, '"restart"'],
      [() => linalg.lsmr(wide, b), TypeError, "lsmr of [3, 4] for [4]"],
      [() => linalg.lsmr(wide, gpu.ones([3]), { damp: -1 }), RangeError, '"damp"'],
      [
        () => linalg.cg(operators.linearOperator({ shape: [4, 4], device: gpu.device, apply: (v) => v.mul(NaN) }), b),
        RangeError,
        "not finite",
      ],
    ];
    for (const [call, kind, part] of cases) await assertRejects(call, kind, part);

    const g = gpu.random.normal([60, 60], { seed: 41 }),
      hard = g.matmul(g.T),
      c = gpu.random.normal([60], { seed: 42 });
    const reason = new Error("enough");
    for (const solver of ["cg", "minres", "gmres"] as const) {
      await assertRejects(() => linalg[solver](hard, c, { signal: AbortSignal.abort(reason) }), Error, "enough");
      const controller = new AbortController(), seen: number[] = [];
      const stop = ({ iteration }: linalg.IterationProgress) => {
        seen.push(iteration);
        if (seen.length === 2) controller.abort(reason);
      };
      await assertRejects(
        () => linalg[solver](hard, c, { signal: controller.signal, onProgress: stop, tolerance: 1e-7 }),
        Error,
        "enough",
      );
      assertEquals(seen.length, 2);
      const { result } = await withWarnings(() => linalg[solver](hard, c, { maxIterations: 12, tolerance: 1e-7 }));
      assertEquals([result.reason, result.iterations], ["maxIterations", 12]);
    }
    const { result } = await withWarnings(() => linalg.lsmr(hard, c, { maxIterations: 12, tolerance: 1e-7 }));
    assertEquals([result.reason, result.iterations], ["maxIterations", 12]);
  });
  assertEquals(gpu.memory().live, before);
});

onEachDevice("a solution of subnormal numbers is certified as it is rounded", async (gpu) => {
  const n = 24, values = Array.from({ length: n }, (_, i) => 1e-40 * Math.sin(i * i + 1));
  await withWarnings(async () => {
    await onTypes(gpu, async () => {
      const second = Array.from({ length: n * n }, (_, k) => [2, -1][Math.abs(Math.floor(k / n) - k % n)] ?? 0);
      const a = gpu.tensor(second).reshape([n, n]), b = gpu.tensor(values), bs = await b.data();
      for (const solver of ["cg", "minres", "gmres", "lsmr"] as const) {
        const { x, converged, residual, reason } = await linalg[solver](a, b);
        const xs = await x.data(), r = Float64Array.from(bs);
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) r[i] -= second[i * n + j] * xs[j];
        // In parts of the largest: squares of such numbers are zero even in f64.
        const size = (v: ArrayLike<number>) => Math.hypot(...Array.from(v, (w) => w / 1e-40));
        // An adapter may take subnormal numbers for zero.
        if (size(bs) === 0) return;
        const found = size(r) / size(bs);
        assert(Math.abs(residual - found) < 1e-3 * found, `${solver}: ${residual}, not ${found}`);
        if (solver !== "lsmr") {
          assertEquals([converged, reason], found < 1e-5 ? [true, "converged"] : [false, "stagnation"]);
        }
      }
    });
  });
});
