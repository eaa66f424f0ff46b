import { Tensor } from "../../tensor/mod.ts";
import type { MatrixLike } from "./action.ts";
import { implicitly } from "./implicit.ts";
import { type Preconditioner, preconditioning } from "./options.ts";
import { type Recurrence, runRecurrence, solveInRounds } from "./rounds.ts";
import type { IterativeSolution, SolverOptions } from "./solution.ts";
import { readScaled } from "./system.ts";
import { computed, dots, maps, norms, zeros } from "./vectors.ts";

/** Options of {@linkcode cg}. */
export interface CgOptions extends SolverOptions {
  /** An approximate inverse of A, symmetric and positive definite. */
  preconditioner?: Preconditioner;
}

type State = { x: Tensor; r: Tensor; p: Tensor; rho: Tensor; bad: Tensor };

/**
 * The solution x of A·x = b for a symmetric positive definite matrix `[..., n, n]` or operator, by conjugate gradients, with a
 * preconditioner or without. `b` is `[n]` or `[..., n, k]`, x has its shape; the columns go on together, each with its own steps. Where
 * the residual that the recurrence believes in and b − A·x part, it starts again from the latter.
 *
 * A direction with pᵀAp ≤ 0 stops its column: `converged: false`, `reason: "notPositiveDefinite"`. Gradients with respect to b and to a
 * tensor A come from one more solve. Throws a `TypeError` for shapes and types that do not fit, and a `RangeError` if an element is not
 * finite. Source: Hestenes & Stiefel (1952); Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 9.1.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[4, 1], [1, 3]]);
 * const { x, converged, residual } = await linalg.cg(a, gpu.tensor([1, 2])); // x = [1/11, 7/11]
 * ```
 */
export async function cg(a: MatrixLike, b: Tensor, options: CgOptions = {}): Promise<IterativeSolution> {
  return await implicitly("cg", a, b, {
    solve: (a, b) => solve(a, b, options),
    adjoint: async (a, c) => (await cg(a, c, { ...options, x0: undefined })).x,
  });
}

async function solve(a: MatrixLike, b: Tensor, options: CgOptions): Promise<IterativeSolution> {
  const system = await readScaled(a, b, options.x0, "cg");
  try {
    const { a: action } = system, precondition = preconditioning(options.preconditioner, action);
    const recurrence = conjugateGradients(action.apply, precondition);
    return await solveInRounds(system, {
      name: "cg",
      maxIterations: Math.max(100, 10 * action.columns),
      progress: 0.5,
      round: (call) => runRecurrence(call, recurrence),
    }, options);
  } finally {
    system.dispose();
  }
}

function conjugateGradients(
  apply: (v: Tensor) => Tensor,
  precondition: ((r: Tensor) => Tensor) | undefined,
): Recurrence<State> {
  return {
    start(r) {
      const z = precondition ? precondition(r) : r, rho = dots(r, z);
      const x = zeros(r.device, r.shape, r.dtype as "f32" | "f64");
      return { x, r: r.slice(), p: z.slice(), rho, bad: computed(Tensor.map("r < 0 ? 1 + 0 * r : 0 * r", { r: rho })) };
    },
    step({ x, r, p, rho, bad }) {
      const q = apply(p), curvature = dots(p, q);
      // A column that is solved (ρ = 0) or broke down stands still.
      const alpha = computed(Tensor.map("c > 0 && bad == 0 ? rho / c : 0 * rho", { c: curvature, rho, bad }));
      const next = maps({ x: "x + s * p", r: "r - s * q" }, { x, r, p, q, s: alpha });
      const z = precondition ? precondition(next.r) : next.r, rhoNext = dots(next.r, z);
      return {
        ...next,
        p: Tensor.map("z + (rho > 0 ? new / rho : 0 * rho) * p", { z, new: rhoNext, rho, p }),
        rho: rhoNext,
        bad: Tensor.map("(rho > 0 && !(c > 0)) || new < 0 ? 1 + 0 * bad : bad", {
          bad,
          rho,
          c: curvature,
          new: rhoNext,
        }),
      };
    },
    measure({ r, bad }) {
      return Tensor.map("b > 0 ? -max(n, 1e-30) : n", { b: bad, n: norms(r) });
    },
  };
}
