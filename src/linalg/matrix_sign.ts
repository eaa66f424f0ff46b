import { roundoff } from "../device/mod.ts";
import { stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { ConvergenceError } from "./errors.ts";
import { frechet } from "./gradients/frechet.ts";
import { polarGradient } from "./gradients/polar.ts";
import { identity } from "./matrix_power.ts";
import { readMatrices, requireMatrix, requireSquare } from "./matrix_stack.ts";
import {
  deviation,
  gram,
  normalized,
  type Quintic,
  quinticStep,
  type Schedule,
  SCHEDULES,
  settles,
} from "./newton_schulz.ts";
import { spectralSign } from "./spectral_sign.ts";

/** Options of {@linkcode matrixSign}. */
export interface MatrixSignOptions {
  /**
   * `singularValues`: each of them that is not zero becomes 1, u·diag(s)·vᵀ becomes u·vᵀ, of any shape; what optimizers call `msign`.
   * `eigenvalues`: the matrix function of square matrices, each eigenvalue becomes the sign of its real part, as SciPy's `signm`. They are
   * the same for symmetric matrices. Default `singularValues`.
   */
  of?: "singularValues" | "eigenvalues";
  /**
   * What each step makes of the singular values: a name, or triples [a, b, c] for s ↦ a·s + b·s³ + c·s⁵, the last of which is repeated.
   * `newtonSchulz` converges from any singular values. `polarExpress` (Amsel et al. 2025) does too, in fewer steps. `muon` (Jordan et al.
   * 2024) does not converge: 5 steps bring the singular values from 0.0015 of the Frobenius norm on to between 0.68 and 1.21, and the rest below.
   * Default `newtonSchulz`.
   */
  coefficients?: Schedule | readonly Quintic[];
  /** Takes so many steps, whatever comes out, and reads nothing on the host. Default: until it has converged; 5 of `muon`; one of each triple. */
  steps?: number;
  /** Steps after which it has not converged. Default 100. */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** The sign of a matrix. */
export interface MatrixSign {
  /** `[..., m, n]`. */
  readonly sign: Tensor;
  /**
   * ‖XᵀX − I‖ of the sign X (XXᵀ if it is wider than high), or ‖X² − I‖/‖X‖² of the one by eigenvalues, in Frobenius norms, `[...]`.
   * Where no number of steps was asked for, it is at most 8·max(m, n)·u.
   */
  readonly residual: Tensor;
  /** Steps that were taken. */
  readonly iterations: number;
  /** Which sign it is. */
  readonly of: "singularValues" | "eigenvalues";
}

/**
 * Sign of each matrix of `[..., m, n]`, of its singular values or its eigenvalues (see {@linkcode MatrixSignOptions}).
 *
 * That of the singular values is found by Newton and Schulz's iteration and its kin, in products on the device, from the matrix over its
 * Frobenius norm (Higham 2008, §8.3). Read on the host is one number a step and matrix, its `residual`, and nothing if the number of `steps` is given. The smaller the
 * smallest singular value, the more steps: about log(s₀/s) / log(1.875) of them. Values that are rounding errors of the largest become 1 too, or
 * anything below if steps are few; {@linkcode polar} by `svd` has no such limits. That of the eigenvalues is found by Newton's iteration with inverses on the host
 * in f64.
 *
 * The gradient of a sign that was found to convergence is that of the exact one; that of a given number of steps goes back through them. The
 * residual is a constant.
 *
 * Throws a {@linkcode ConvergenceError} if the sign is not found (of singular values that are zero, of eigenvalues on the imaginary
 * axis), a `TypeError` for other types than f32 and f64 and shapes that do not fit, and a `RangeError` if an element is not finite, or
 * an option out of range. With a number of `steps` an element that is not finite makes all of the sign NaN.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const g = gpu.random.normal([64, 32], { seed: 1 });
 * const { sign } = await linalg.matrixSign(g); // nearest matrix with orthonormal columns
 * const { sign: muon } = await linalg.matrixSign(g, { coefficients: "muon" });
 * ```
 */
export async function matrixSign(a: Tensor, options: MatrixSignOptions = {}): Promise<MatrixSign> {
  const { of = "singularValues", maxIterations = 100, signal } = options;
  if (of !== "singularValues" && of !== "eigenvalues") {
    throw new TypeError(`Expected "of" to be "singularValues" or "eigenvalues", got ${JSON.stringify(of)}`);
  }
  requireCount(maxIterations, "maxIterations");
  if (of === "eigenvalues") {
    requireSquare(a, "matrixSign");
    if (options.coefficients !== undefined || options.steps !== undefined) {
      throw new TypeError('Expected no "coefficients" and "steps" for the sign of the eigenvalues');
    }
    const found = await spectralSign(a, maxIterations, signal);
    const { sign } = await withVjp("matrixSign", { a }, { sign: found.sign }, async ({ inputs, cotangents }) => ({
      a: cotangents.sign &&
        await frechet(async (x) => (await matrixSign(x, options)).sign, inputs.a.T, cotangents.sign),
    }));
    return { ...found, sign, of };
  }
  requireMatrix(a, "matrixSign");
  const schedule = scheduleOf(options.coefficients ?? "newtonSchulz");
  const own = options.coefficients === "muon" || typeof options.coefficients === "object" ? schedule.length : undefined;
  const steps = options.steps ?? own;
  if (steps !== undefined) {
    requireCount(steps, "steps");
    return await iterate(a, schedule, steps, maxIterations, signal);
  }
  // Once converged it is the orthogonal polar factor, whatever the way there.
  using point = stopGradient(a);
  const found = await iterate(point, schedule, undefined, maxIterations, signal);
  const { sign } = await withVjp(
    "matrixSign",
    { a },
    { sign: found.sign },
    async ({ inputs, outputs, cotangents }) => ({
      a: await polarGradient({ a: inputs.a, u: outputs.sign, uBar: cotangents.sign, operation: "matrixSign" }),
    }),
  );
  return { ...found, sign };
}

/** The iteration for singular values: so many steps, or until it has converged. */
async function iterate(
  a: Tensor,
  schedule: readonly Quintic[],
  steps: number | undefined,
  maxIterations: number,
  signal: AbortSignal | undefined,
): Promise<MatrixSign> {
  const [m, n] = a.shape.slice(-2), wide = m < n;
  using tall = wide ? a.T : a.slice();
  let x = await normalized(tall), iterations = 0;
  using one = identity(tall);
  const settled = settles(Math.max(m, n) * roundoff(a.dtype));
  for (;; iterations++) {
    using g = gram(x);
    const last = steps === undefined ? iterations === maxIterations : iterations === steps;
    if (steps === undefined || last) {
      const residual = deviation(g, one), worst = steps === undefined ? await largest(residual) : 0;
      if (steps !== undefined || settled(worst)) {
        const sign = wide ? x.T : x.slice();
        x.dispose();
        return { sign, residual, iterations, of: "singularValues" };
      }
      residual.dispose();
      if (last || !Number.isFinite(worst)) {
        x.dispose();
        await readMatrices(a, "matrixSign"); // Refuses what is not finite.
        throw new ConvergenceError(
          `The sign of a matrix [${m}, ${n}] was not found in ${iterations} steps: ‖XᵀX − I‖ is ${worst}. Has it singular values that ` +
            `are zero? See polar, or the option "steps"`,
        );
      }
    }
    if (signal?.aborted) x.dispose();
    signal?.throwIfAborted();
    const next = quinticStep(x, g, schedule[Math.min(iterations, schedule.length - 1)]);
    x.dispose();
    x = next;
  }
}

async function largest(t: Tensor): Promise<number> {
  return Float64Array.from(await t.data()).reduce((x, y) => Math.max(x, y), 0);
}

function scheduleOf(given: Schedule | readonly Quintic[]): readonly Quintic[] {
  if (typeof given === "string") {
    if (Object.hasOwn(SCHEDULES, given)) return SCHEDULES[given];
    throw new TypeError(
      `Expected "coefficients" to be ${
        Object.keys(SCHEDULES).map((x) => `"${x}"`).join(", ")
      } or triples, got "${given}"`,
    );
  }
  const bad = !Array.isArray(given) || given.length === 0 ||
    given.some((t) => !Array.isArray(t) || t.length !== 3 || !t.every(Number.isFinite));
  if (bad) throw new TypeError(`Expected "coefficients" to be triples of finite numbers, got ${JSON.stringify(given)}`);
  return given;
}

function requireCount(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Expected "${name}" to be a whole number from 0 on, got ${value}`);
  }
}
