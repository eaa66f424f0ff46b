import { assert, assertEquals } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { withWarnings } from "../gpu/quiet.ts";
import { withAndWithoutLibraries } from "../gpu/libraries.ts";
import { type IterativeCase, load } from "./fixtures.ts";

const { cases, tolerance } = load("iterative");
const U = 2 ** -53;

const ofKind = (kind: IterativeCase["kind"]) => cases.filter((c) => c.kind === kind);
const matrix = (gpu: Gpu, { a, shape }: IterativeCase) => gpu.tensor(Float64Array.from(a), { shape, dtype: "f64" });
const distance = (x: ArrayLike<number>, y: ArrayLike<number>) => Math.hypot(...Array.from(x, (v, i) => v - y[i]));

/** ‖b − A·x‖ / ‖b‖ by plain loops. */
function residual({ a, b, shape: [m, n] }: IterativeCase, x: ArrayLike<number>): number {
  const r = b!.map((v, i) => {
    let sum = v;
    for (let j = 0; j < n; j++) sum -= a[i * n + j] * x[j];
    return sum;
  });
  assertEquals(r.length, m);
  return Math.hypot(...r) / Math.hypot(...b!);
}

withAndWithoutLibraries("solvers find SciPy's solutions, and never claim a residual that is not there", async (gpu) => {
  for (const problem of ofKind("system")) {
    await gpu.scope(async () => {
      const a = matrix(gpu, problem),
        b = gpu.tensor(Float64Array.from(problem.b!), { dtype: "f64" }),
        n = problem.shape[0];
      for (const method of ["cg", "minres", "gmres"] as const) {
        const theirs = problem[method], where = `${problem.name}, ${method}`;
        if (!theirs) continue;
        const options = { tolerance, ...(method === "gmres" && { restart: n }) };
        const { result } = await withWarnings(() => linalg[method](a, b, options));
        const x = await result.x.data(), true_ = residual(problem, x);
        assertEquals(result.converged, result.reason === "converged", where);
        assert(!result.converged || true_ <= tolerance * (1 + 1e-6), `${where}: claimed, but the residual is ${true_}`);
        // The residual that is reported is the true one, up to what it may be wrong by.
        assert(
          Math.abs(result.residual - true_) <= result.residualError + 1e-6 * true_ + 8 * n * U,
          `${where}: ${true_}`,
        );
        // u·κ bounds what any method can reach.
        if (problem.kappa! * U < tolerance / 100) {
          assert(
            result.converged,
            `${where}: ${result.reason} after ${result.iterations}, residual ${result.residual}`,
          );
          assert(
            result.iterations <= 2 * theirs.iterations + 20,
            `${where}: ${result.iterations} iterations, SciPy ${theirs.iterations}`,
          );
        }
        if (theirs.residual <= tolerance) {
          const apart = distance(x, theirs.x), bound = problem.kappa! * (true_ + theirs.residual + 32 * n * U);
          assert(apart <= bound * Math.hypot(...theirs.x), `${where}: ${apart} from SciPy's solution`);
        }
      }
    });
  }
});

withAndWithoutLibraries("lsmr finds the least-squares solutions of SciPy", async (gpu) => {
  for (const problem of ofKind("leastSquares")) {
    await gpu.scope(async () => {
      const a = matrix(gpu, problem), b = gpu.tensor(Float64Array.from(problem.b!), { dtype: "f64" });
      // ‖Aᵀr‖ is known up to u·‖A‖²‖x‖, and x is as large as κ.
      const tolerance = Math.max(1e-12, 64 * U * problem.kappa!);
      const found = await linalg.lsmr(a, b, { damp: problem.damp, tolerance }), x = await found.x.data();
      assert(found.converged, `${problem.name}: ${found.reason}`);
      const size = Math.hypot(...problem.exact!),
        bound = tolerance * 8 * problem.kappa! ** 2 * Math.max(size, Math.hypot(...problem.b!));
      assert(distance(x, problem.exact!) <= bound, `${problem.name}: ${distance(x, problem.exact!)} over ${bound}`);
      assert(found.iterations <= 2 * problem.lsmr!.iterations + 20, `${problem.name}: ${found.iterations} iterations`);
      const theirs = residual(problem, problem.lsmr!.x);
      assert(
        Math.abs(found.residual - theirs) <= 1e-9,
        `${problem.name}: residual ${found.residual}, SciPy's ${theirs}`,
      );
    });
  }
});

withAndWithoutLibraries("eigenvalues are those of ARPACK, LOBPCG and LAPACK", async (gpu) => {
  for (const problem of ofKind("eigen")) {
    await gpu.scope(async () => {
      const a = matrix(gpu, problem), k = problem.k!, exact = problem.exact!;
      const b = problem.b && gpu.tensor(Float64Array.from(problem.b), { shape: problem.shape, dtype: "f64" });
      const near = async (t: Tensor, expected: number[], what: string) => {
        const values = await t.data();
        // An eigenvalue's error is at most its residual, ‖B⁻¹‖ ≤ 10 with the pencil.
        values.forEach((v, i) =>
          assert(
            Math.abs(v - expected[i]) <= 1e-9 * Math.abs(exact.at(-1)!) * (b ? 100 : 1),
            `${problem.name}, ${what}: ${v}`,
          )
        );
        assertEquals(values.length, k);
      };
      for (const which of ["smallest", "largest"] as const) {
        const expected = which === "smallest" ? exact.slice(0, k) : exact.slice(-k);
        const found = await linalg.lobpcg(a, { k, which, b, seed: 1, maxIterations: 2000 });
        assert(found.converged, `${problem.name}, ${which}: ${found.residual}`);
        await near(found.values, expected, `lobpcg ${which}`);
        if (which === "smallest") await near(found.values, problem.lobpcg!, "SciPy's lobpcg");
        if (b) continue;
        const krylov = await linalg.lanczos(a, { k, which, seed: 1 });
        assert(krylov.converged, `${problem.name}, lanczos ${which}`);
        await near(krylov.values, expected, `lanczos ${which}`);
        if (which === "largest") await near(krylov.values, problem.eigsh!, "ARPACK");
      }
    });
  }
});

withAndWithoutLibraries("interpolative decompositions are about as good as SciPy's, and certified", async (gpu) => {
  for (const problem of ofKind("lowRank")) {
    await gpu.scope(async () => {
      const a = matrix(gpu, problem), s = problem.s!, rank = problem.rank!;
      const errorOf = async (f: linalg.Interpolative) => {
        const rest = a.sub(a.take(f.columns, 1).matmul(f.coefficients));
        return (await (await linalg.svdvals(rest)).data())[0];
      };
      const fixed = await linalg.interpolative(a, { rank, seed: 5 }), error = await errorOf(fixed);
      // Pivoted QR is within √(1 + 4k(n − k)) of the best in practice; SciPy's is the same method.
      assert(
        error <= 3 * problem.rankError! + 64 * 16 * U * s[0],
        `${problem.name}: ${error}, SciPy ${problem.rankError}`,
      );
      assert(error <= fixed.error, `${problem.name}: ${error} is certified as ${fixed.error}`);
      const { tolerance } = problem, toTolerance = await linalg.interpolative(a, { tolerance, seed: 6 });
      const reached = await errorOf(toTolerance);
      assert(toTolerance.converged && reached <= tolerance! * s[0], `${problem.name}: ${reached}`);
      assert(reached <= toTolerance.error, `${problem.name}: ${reached} is certified as ${toTolerance.error}`);
      // The certificate is generous by a small factor, so the rank may be a few more.
      assert(
        toTolerance.columns.size <= problem.toleranceRank! + 6,
        `${problem.name}: rank ${toTolerance.columns.size}`,
      );
    });
  }
});
