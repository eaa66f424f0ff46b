import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Action, MatrixLike } from "./action.ts";
import { implicitly } from "./implicit.ts";
import { type Preconditioner, preconditioning } from "./options.ts";
import { type Recurrence, type Round, type RoundCall, runRecurrence, solveInRounds } from "./rounds.ts";
import type { IterativeSolution, SolverOptions } from "./solution.ts";
import { readScaled } from "./system.ts";
import { computed, dots, hypot, maps, norms, toHost, zeros } from "./vectors.ts";

/** Options of {@linkcode minres}. */
export interface MinresOptions extends SolverOptions {
  /** An approximate inverse of A, symmetric and positive definite. */
  preconditioner?: Preconditioner;
}

type Names =
  | "x"
  | "v"
  | "old"
  | "z"
  | "w"
  | "wOld"
  | "beta"
  | "betaOld"
  | "c"
  | "s"
  | "deltaBar"
  | "epsilon"
  | "phiBar"
  | "size"
  | "bad";
type State = Record<Names, Tensor>;

/**
 * The x of least ‖b − A·x‖ in the Krylov space for a symmetric matrix `[..., n, n]` or operator, definite or not, by the Lanczos process.
 * `b` is `[n]` or `[..., n, k]`, x has its shape. Of a singular system that has solutions it finds one; where there is none it ends with
 * `converged: false`, `reason: "inconsistent"` and a least-squares solution in x. Gradients with respect to b and to a tensor A come from
 * one more solve. Throws a `TypeError` for shapes and types that do not fit, and a `RangeError` if an element is not finite.
 * Source: Paige & Saunders (1975), Solution of sparse indefinite systems of linear equations.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[0, 1], [1, 0]]); // indefinite
 * const { x } = await linalg.minres(a, gpu.tensor([1, 2])); // [2, 1]
 * ```
 */
export async function minres(a: MatrixLike, b: Tensor, options: MinresOptions = {}): Promise<IterativeSolution> {
  return await implicitly("minres", a, b, {
    solve: (a, b) => solve(a, b, options),
    adjoint: async (a, c) => (await minres(a, c, { ...options, x0: undefined })).x,
  });
}

async function solve(a: MatrixLike, b: Tensor, options: MinresOptions): Promise<IterativeSolution> {
  const system = await readScaled(a, b, options.x0, "minres");
  try {
    const { a: action } = system, precondition = preconditioning(options.preconditioner, action);
    const recurrence = minimalResiduals(action.apply, precondition, roundoff(action.dtype));
    return await solveInRounds(system, {
      name: "minres",
      maxIterations: Math.max(100, 5 * action.columns),
      progress: 0.5,
      round: async (call) => await explained(action, call, await runRecurrence(call, recurrence)),
    }, options);
  } finally {
    system.dispose();
  }
}

/** Says that a round ended with a least-squares solution: A·r = 0 with r ≠ 0, up to rounding. */
async function explained(a: Action, call: RoundCall, round: Round): Promise<Round> {
  const last = call.history.at(-1);
  if (round.stop !== undefined && round.stop !== "inconsistent") return round;
  if (!last || last.residual === 0) return round;
  const [ar, r, size] = await runScope(async () => {
    const rest = computed(Tensor.map("r - y", { r: call.r, y: a.apply(round.correction) }));
    // A vector that A does not annihilate gives its scale.
    const product = a.apply(rest), again = a.apply(call.r);
    return await Promise.all(
      [norms(product), norms(rest), Tensor.map("p / max(q, 1e-30)", { p: norms(again), q: norms(call.r) })].map(toHost),
    );
  });
  const small = Math.sqrt(roundoff(a.dtype));
  const stuck = ar.some((v, c) => r[c] > call.targets[c] && v <= small * size[c] * r[c]);
  return stuck ? { ...round, stop: "inconsistent" } : round;
}

/** Lanczos vectors v with their preconditioned z = M⁻¹v, and Givens rotations (c, s) of the tridiagonal matrix. */
function minimalResiduals(
  apply: (v: Tensor) => Tensor,
  precondition: ((r: Tensor) => Tensor) | undefined,
  u: number,
): Recurrence<State> {
  // ‖v‖ in the inner product of M⁻¹, and its square as it was computed, which is to be positive.
  const length = (v: Tensor, z: Tensor): [Tensor, Tensor] => {
    const y = precondition ? dots(v, z) : norms(v);
    return [y, precondition ? computed(Tensor.map("max(y, 0) ^ 0.5", { y })) : y];
  };
  return {
    start(r) {
      const z = precondition ? precondition(r) : r,
        [y, beta] = length(r, z),
        x = zeros(r.device, r.shape, r.dtype as "f32" | "f64");
      const none = computed(Tensor.map("0 * y", { y }));
      return {
        x,
        v: r.slice(),
        old: x.slice(),
        z: z.slice(),
        w: x.slice(),
        wOld: x.slice(),
        beta,
        betaOld: none,
        c: Tensor.map("0 * y - 1", { y }),
        s: none.slice(),
        deltaBar: none.slice(),
        epsilon: none.slice(),
        phiBar: beta.slice(),
        size: none.slice(),
        bad: Tensor.map("y < 0 ? 1 + 0 * y : 0 * y", { y }),
      };
    },
    step(state) {
      const { x, old, w, wOld, beta, betaOld, c, s, deltaBar, epsilon, phiBar, size, bad } = state;
      // β below the rounding errors of the last product means that the space is complete.
      const live = computed(
        Tensor.map("b > tiny * size && bad == 0 ? 1 / b : 0 * b", { b: beta, size, bad, tiny: 4 * u }),
      );
      const v = computed(Tensor.map("l * z", { l: live, z: state.z })), av = apply(v);
      const part = computed(Tensor.map("p - (o > 0 ? b / o : 0 * b) * old", { p: av, b: beta, o: betaOld, old }));
      const alpha = dots(v, part);
      const next = computed(Tensor.map("p - alpha * l * v", { p: part, alpha, l: live, v: state.v }));
      const z = precondition ? precondition(next) : next,
        [y, betaNext] = length(next, z);
      const scalars = { alpha, beta: betaNext, c, s, d: deltaBar, phi: phiBar };
      const gammaBar = computed(Tensor.map("s * d - c * alpha", scalars));
      const gamma = hypot(gammaBar, betaNext);
      const over = computed(Tensor.map("l > 0 && g > 0 ? 1 / g : 0 * g", { g: gamma, l: live }));
      const delta = computed(Tensor.map("c * d + s * alpha", scalars));
      const direction = computed(
        Tensor.map("(v - e * w1 - d * w2) * over", { v, e: epsilon, w1: wOld, d: delta, w2: w, over }),
      );
      // Where γ = 0 the step is left out, and the residual stays.
      const turn = maps({
        c: "over > 0 ? g * over : 0 * g + 1",
        s: "b * over",
        phi: "over > 0 ? p * g * over : 0 * p",
        phiBar: "over > 0 ? p * b * over : p",
      }, { g: gammaBar, b: betaNext, over, p: phiBar });
      return {
        x: Tensor.map("x + phi * d", { x, phi: turn.phi, d: direction }),
        v: next,
        old: state.v.slice(),
        z: z.slice(),
        w: direction,
        wOld: w.slice(),
        beta: betaNext,
        betaOld: beta.slice(),
        c: turn.c,
        s: turn.s,
        deltaBar: Tensor.map("-c * b", { c, b: betaNext }),
        epsilon: Tensor.map("s * b", { s, b: betaNext }),
        phiBar: turn.phiBar,
        size: Tensor.map("max(size, abs(alpha) + b)", { size, alpha, b: betaNext }),
        bad: Tensor.map("y < 0 ? 1 + 0 * y : bad", { y, bad }),
      };
    },
    measure({ phiBar, bad }) {
      return Tensor.map("b > 0 ? -max(p, 1e-30) : p", { b: bad, p: phiBar });
    },
  };
}
