import { Tensor } from "../../tensor/mod.ts";
import { nextCheck } from "./next_check.ts";
import { type IterationProgress, requireIteration } from "./options.ts";
import { type IterativeSolution, type SolverOptions, type StopReason, warn } from "./solution.ts";
import { type ScaledSystem, startOf } from "./system.ts";
import { residualOf, type TrueResidual } from "./true_residual.ts";
import type { Action } from "./action.ts";
import { advance, computed, free, fromHost, toHost } from "./vectors.ts";

/** What one round of a method is given: to solve A·d = r from 0. */
export interface RoundCall {
  /** Right-hand sides `[..., m, k]`. */
  readonly r: Tensor;
  /** Norms below which a column's residual is to be brought. */
  readonly targets: Float64Array;
  /** Iterations that were done before. */
  readonly from: number;
  /** Iterations after which to stop. */
  readonly limit: number;
  /** Reports the norms that the recurrence has, and throws if the work is to stop. */
  report(iteration: number, norms: ArrayLike<number>): IterationProgress;
  /** Every report. */
  readonly history: readonly IterationProgress[];
}

/** What one round found. */
export interface Round {
  /** The correction `[..., n, k]`. */
  readonly correction: Tensor;
  /** Iterations that were done, those before included. */
  readonly iterations: number;
  /** Set where more rounds would not help. */
  readonly stop?: StopReason;
}

/** A method that solves in rounds: between them the residual is computed anew. */
export interface RoundMethod {
  /** Its name in messages. */
  readonly name: string;
  /** Iterations before giving up, where none are given. */
  readonly maxIterations: number;
  /** A round must lower the residual to this fraction, or more of them are not tried. */
  readonly progress: number;
  /** One round. */
  round(call: RoundCall): Promise<Round>;
}

/** Solves a system by rounds until the residual, computed anew, is below the tolerance. */
export async function solveInRounds(
  system: ScaledSystem,
  method: RoundMethod,
  options: SolverOptions,
): Promise<IterativeSolution> {
  const { a, b, sizes } = system, { signal, onProgress } = options;
  const { tolerance, maxIterations } = requireIteration(options, a.dtype, method.maxIterations);
  const history: IterationProgress[] = [], targets = sizes.map((s) => tolerance * s);
  const report = (iteration: number, norms: ArrayLike<number>): IterationProgress => {
    const progress = { iteration, residual: worst(Float64Array.from(norms), sizes) };
    if (!Number.isFinite(progress.residual)) {
      throw new RangeError(`${method.name}: a product with the matrix or the preconditioner is not finite`);
    }
    history.push(progress);
    onProgress?.(progress);
    signal?.throwIfAborted();
    return progress;
  };
  signal?.throwIfAborted();
  const residual = await residualOf(a, b);
  let x = startOf(system), at: TrueResidual | undefined, iterations = 0, reason: StopReason | undefined;
  try {
    at = await residual(x);
    for (;;) {
      const open = at;
      if (open.norms.some((r) => !Number.isFinite(r))) {
        throw new RangeError(`${method.name}: a product with the matrix is not finite`);
      }
      if (open.norms.every((r, c) => r + open.errors[c] <= targets[c])) reason = "converged";
      if (reason) break;
      // A column with its rounding errors needs a little less than its target.
      const inner = targets.map((t, c) => Math.max(t - 2 * open.errors[c], 0.5 * t));
      const call = { r: open.r, targets: inner, from: iterations, limit: maxIterations, report, history };
      const { correction, iterations: done, stop } = await method.round(call);
      iterations = done;
      using d = correction;
      const next = computed(Tensor.map("x + d", { x, d }));
      let found: TrueResidual;
      try {
        found = await residual(next);
      } catch (error) {
        next.dispose();
        throw error;
      }
      const before = worst(open.norms, sizes), better = found.norms.map((r, c) => Number(r < open.norms[c]));
      [x, at] = chosen(a, better, [next, found], [x, open]);
      const after = worst(at.norms, sizes);
      if (at.norms.every((r, c) => r + at!.errors[c] <= targets[c])) reason = "converged";
      else if (stop) reason = stop;
      else if (iterations >= maxIterations) reason = "maxIterations";
      else if (!(after < method.progress * before)) reason = "stagnation";
    }
    const rounded = await system.rounded(x);
    if (rounded) {
      x.dispose();
      at.r.dispose();
      x = rounded;
      at = await residual(x);
      // The rest is below the smallest numbers.
      const { norms, errors } = at;
      if (reason === "converged" && !norms.every((r, c) => r + errors[c] <= targets[c])) reason = "stagnation";
    }
    const relative = [...at.norms].map((r, c) => r / (sizes[c] || 1)), largest = Math.max(0, ...relative);
    const error = Math.max(0, ...[...at.errors].map((e, c) => e / (sizes[c] || 1)));
    const solution = await system.restore(x);
    warn(method.name, reason, iterations, "a residual", largest);
    return {
      x: solution,
      converged: reason === "converged",
      reason,
      iterations,
      residual: largest,
      residualError: error,
      residuals: relative,
      history,
    };
  } finally {
    x.dispose();
    at?.r.dispose();
  }
}

/** Of each column the better solution; frees the others. */
function chosen(
  { batch, device, dtype }: Action,
  better: Float64Array,
  [x, one]: [Tensor, TrueResidual],
  [y, two]: [Tensor, TrueResidual],
): [Tensor, TrueResidual] {
  const all = better.every((b) => b === 1), none = better.every((b) => b === 0);
  if (all || none) {
    const [kept, gone] = all ? [[x, one] as const, [y, two] as const] : [[y, two] as const, [x, one] as const];
    gone[0].dispose();
    gone[1].r.dispose();
    return [kept[0], kept[1]];
  }
  const pick = (p: Float64Array, q: Float64Array) => p.map((v, c) => better[c] ? v : q[c]);
  using mask = fromHost(device, better, [...batch, 1, x.shape.at(-1)!], dtype);
  const either = (p: Tensor, q: Tensor): Tensor => {
    const out = computed(Tensor.map("m > 0 ? p : q", { m: mask, p, q }));
    p.dispose();
    q.dispose();
    return out;
  };
  const solution = either(x, y), r = either(one.r, two.r);
  return [solution, { r, norms: pick(one.norms, two.norms), errors: pick(one.errors, two.errors) }];
}

/** The largest of the norms, each relative to its right-hand side. */
export function worst(norms: Float64Array, sizes: Float64Array): number {
  return norms.reduce((m, r, c) => Number.isNaN(r) ? NaN : Math.max(m, r / (sizes[c] || 1)), 0);
}

/** A method whose state is renewed step by step; the columns go on together. */
export interface Recurrence<S extends Readonly<Record<string, Tensor>>> {
  /** The state for the right-hand sides r; its `x` is the correction so far. */
  start(r: Tensor): S;
  /** The next one. */
  step(state: S): S;
  /** Norms of the residuals `[..., 1, k]` as the recurrence has them, −1 for a column that broke down. */
  measure(state: S): Tensor;
}

/** Residuals that grow by this much belong to a method that is not for this matrix. */
const GROWTH = 1e8;

/** A round of a recurrence: measured now and then, until every column is below its target or broke down. */
export async function runRecurrence<S extends Readonly<Record<string, Tensor>> & { readonly x: Tensor }>(
  call: RoundCall,
  { start, step, measure }: Recurrence<S>,
): Promise<Round> {
  const { r, targets, from, limit, report, history } = call, n = r.shape.at(-2)!;
  let state = await advance({} as S, () => start(r)), iteration = from, first: number | undefined;
  let next = Math.min(limit, from + Math.min(10, Math.max(1, n)));
  try {
    for (;;) {
      for (; iteration < next; iteration++) state = await advance(state, step);
      using found = measure(state);
      const norms = await toHost(found), progress = report(iteration, norms.map(Math.abs));
      const bad = norms.some((v) => v < 0), open = norms.some((v, c) => v > targets[c]);
      // Not one digit changed in ten iterations: all columns broke down.
      const before = history.at(-2),
        still = before && before.iteration >= from && before.iteration <= iteration - 10 &&
          before.residual === progress.residual;
      const grown = progress.residual > GROWTH * (first ??= Math.max(progress.residual, 1));
      if (!open || grown || still || iteration >= limit) {
        const { x, ...rest } = state;
        free(rest);
        const stop = grown ? "divergence" : !open && bad ? "notPositiveDefinite" : undefined;
        return { correction: x, iterations: iteration, ...(stop && { stop }) };
      }
      const goal = Math.min(...targets.filter((t) => t > 0)) || Number.MIN_VALUE;
      next = Math.min(limit, nextCheck(history, from, goal));
    }
  } catch (error) {
    free(state);
    throw error;
  }
}
