import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { requireCount, requireEpsilon } from "./schrodinger_bridge.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** Options of {@linkcode sinkhornDistillation}. */
export interface SinkhornDistillationOptions {
  /** Temperature τ of both softmaxes. Default 2. */
  temperature?: number;
  /** Regularization λ, in the unit of the distances between distributions, which are at most 2 (or √2). Default 0.1. */
  epsilon?: number;
  /** Normalizations of columns and then rows. Default 20. */
  iterations?: number;
  /** The distance between two distributions: L1 (default) or L2. */
  p?: 1 | 2;
  /**
   * `unrolled` (default): the gradient of the loss as it is computed, through the iterations. `envelope`: with the plan held fixed, which is cheaper
   * and misses what the plan's change adds to ⟨P, D⟩.
   */
  gradient?: "unrolled" | "envelope";
}

/** What {@linkcode sinkhornDistillation} found. */
export interface SinkhornDistillation {
  /** ⟨P, D⟩ as a tensor of one number, to differentiate. */
  readonly loss: Tensor;
  /** The plan P `[n, n]` between the teacher's and the student's distributions, with row sums 1/n. */
  readonly plan: Tensor;
  /** Σ |column sums of P − 1/n|, measured; the rows are normalized last. */
  readonly marginalError: number;
}

/**
 * The Sinkhorn distance between the outputs of a teacher and of a student for a batch of samples: with T_i and S_j the softmax of row i and j
 * at temperature τ, the cost D_ij = ‖T_i − S_j‖ and the plan P from exp(−D/λ) by normalizing columns and rows in turn, all in the log domain,
 *
 *   L = Σ_ij P_ij D_ij.
 *
 * It compares the batches as clouds of distributions: it is small if each of the teacher's has one of the student's nearby, in whatever order, so
 * it goes beside a loss of samples, such as cross entropy. Source: Cui et al., "Sinkhorn Distance Minimization for Knowledge
 * Distillation" (2024), equations for batch-wise distillation; its temperature, λ and iterations are not known to us, the defaults are ours.
 *
 * @param teacher Logits `[n, V]`, f32 or f64.
 * @param student Logits `[n, V]`, through which the loss is differentiated (and through the teacher's, if they are).
 * @throws {TypeError} on shapes and types that do not fit.
 * @throws {RangeError} on NaN or infinite logits, no samples, options out of range.
 *
 * @example
 * ```ts
 * import { grad, open, type Tensor, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const teacher = gpu.random.normal([16, 10], { seed: 1 });
 * const loss = async (student: Tensor) => (await transport.sinkhornDistillation(teacher, student)).loss;
 * const slope = await grad(loss)(gpu.random.normal([16, 10], { seed: 2 })); // [16, 10]
 * ```
 */
export async function sinkhornDistillation(
  teacher: Tensor,
  student: Tensor,
  options: SinkhornDistillationOptions = {},
): Promise<SinkhornDistillation> {
  const { temperature = 2, epsilon = 0.1, iterations = 20, p = 1, gradient = "unrolled" } = options;
  if (teacher.rank !== 2 || student.rank !== 2 || teacher.shape.some((s, k) => s !== student.shape[k])) {
    const [a, b] = [teacher, student].map((t) => `[${t.shape.join(", ")}]`);
    throw new TypeError(`Expected logits of teacher and student of one shape [n, V], got ${a} and ${b}`);
  }
  if (teacher.size === 0) {
    throw new RangeError(`Expected at least one sample and class, got [${teacher.shape.join(", ")}]`);
  }
  if (teacher.dtype !== student.dtype || (teacher.dtype !== "f32" && teacher.dtype !== "f64")) {
    throw new TypeError(`Expected logits of one type, f32 or f64, got ${teacher.dtype} and ${student.dtype}`);
  }
  requireEpsilon(temperature, "temperature");
  requireEpsilon(epsilon);
  requireCount("iterations", iterations);
  if (p !== 1 && p !== 2) throw new RangeError(`Expected "p" to be 1 or 2, got ${p}`);
  if (gradient !== "unrolled" && gradient !== "envelope") {
    throw new TypeError(`Expected "gradient" to be "unrolled" or "envelope", got ${JSON.stringify(gradient)}`);
  }
  await Promise.all([requireFinite("teacher", teacher), requireFinite("student", student)]);
  const found = await runScope(() => {
    const of = (logits: Tensor, axis: number) => logits.div(temperature).softmax(-1).expandDims(axis);
    const inputs = { t: of(teacher, 1), s: of(student, 0) };
    const distances = p === 1
      ? Tensor.reduce("sum", "abs(t - s)", inputs, -1)
      // At zero the root has no derivative: 0 is taken.
      : Tensor.map("x > 0 ? sqrt(max(x, 1e-30)) : 0", { x: Tensor.reduce("sum", "(t - s)^2", inputs, -1) });
    const fixed = gradient === "envelope" ? stopGradient(distances) : distances;
    const plan = planOf(fixed.div(-epsilon), iterations), n = teacher.shape[0];
    return {
      loss: plan.mul(distances).sum(),
      plan,
      error: Tensor.reduce("sum", "abs(c - 1 / n)", { c: stopGradient(plan).sum(0), n }),
    };
  });
  const marginalError = await found.error.item();
  found.error.dispose();
  return { loss: found.loss, plan: found.plan, marginalError };
}

/** exp(log kernel) with columns and rows normalized to 1/n in turn, the rows last. */
function planOf(logKernel: Tensor, iterations: number): Tensor {
  let log = logKernel;
  for (let k = 0; k < iterations; k++) {
    log = log.sub(log.logsumexp(0, { keepDims: true }));
    log = log.sub(log.logsumexp(1, { keepDims: true }));
  }
  return log.exp().div(logKernel.shape[0]);
}
