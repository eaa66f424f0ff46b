import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { Potential } from "./geometry.ts";

/** Formulas of a potential's new parts. */
export interface Renewal {
  readonly coarse: string;
  readonly fine: string;
}

/** New parts of a potential from its total t in units of ε; zero weights give f = −∞. See {@linkcode Potential}. */
const SPLIT = (total: string): Renewal => ({
  coarse: `a > 0 ? F + round((${total}) * eps / quantum) * quantum : -inf`,
  fine: `a > 0 ? (${total}) - round((${total}) * eps / quantum) * quantum / eps : 0`,
});

/** f ← ε (log a − log Σ exp((g − C)/ε)), from nothing: `s` is the logsumexp, `F` 0. */
export const FROM_LOG_SUM: Renewal = SPLIT("log(a) - s");
/**
 * f ← f + ω ε (log a − log s) with s the plan's marginal: no maximum needed, one exponential per pair. Its change is held to e^±80.
 * ω = 1 is Sinkhorn's step, ω > 1 over-relaxes.
 */
export const FROM_MARGINAL: Renewal = SPLIT("p + omega * (log(a) - log(clamp(s, 1e-35, 1e35)))");

/** The same f with fine parts in units of another ε, s times smaller. */
export const FROM_OTHER_EPSILON: Renewal = SPLIT("p * s");

/** The quantum of coarse parts: 2^12 steps up to the largest cost, so that sums of two have twelve bits to spare in f32. */
export function quantumOf(largest: number, epsilon: number): number {
  return 2 ** (Math.ceil(Math.log2(Math.max(largest, epsilon, Number.MIN_VALUE))) - 12);
}

/** What a renewal reads beside the old potential. */
export interface RenewalInputs {
  /** Weights. */
  a: Tensor;
  /** What the formulas call s. */
  s: Tensor;
  eps: TensorLike;
  quantum: TensorLike;
  omega: TensorLike;
}

/** The renewed potential, computed at once, while the old parts are at hand. */
export function renewPotential(old: Potential, by: Renewal, inputs: RenewalInputs): Potential {
  const all = { ...inputs, F: by === FROM_LOG_SUM ? 0 : old.coarse, p: old.fine };
  const coarse = Tensor.map(by.coarse, all), fine = Tensor.map(by.fine, all);
  void coarse.value;
  void fine.value;
  return { coarse, fine };
}

/** Frees potentials. */
export function disposePotentials(...potentials: readonly Potential[]): void {
  for (const { coarse, fine } of potentials) {
    coarse.dispose();
    fine.dispose();
  }
}
