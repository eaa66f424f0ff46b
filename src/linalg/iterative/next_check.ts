import type { IterationProgress } from "./options.ts";

/** Iterations before the first measurement. */
const FIRST = 10;

/**
 * When to measure next, since reading a number costs as much as many iterations: where the decay between the last two measurements
 * reaches the target, but at most half as far again as so far.
 */
export function nextCheck(history: readonly IterationProgress[], from: number, target: number): number {
  const last = history.at(-1), before = history.at(-2);
  if (!last || last.iteration <= from) return from + FIRST;
  const done = last.iteration - from, soonest = last.iteration + FIRST;
  const latest = Math.max(soonest, last.iteration + Math.round(done / 2));
  if (!before || before.iteration < from || !(last.residual < before.residual)) {
    return Math.min(latest, soonest + FIRST);
  }
  const rate = Math.log(before.residual / last.residual) / (last.iteration - before.iteration);
  const wanted = last.iteration + Math.ceil(Math.log(last.residual / target) / rate) + 1;
  return Math.max(last.iteration + 2, Math.min(wanted, latest));
}
