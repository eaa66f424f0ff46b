import type { SinkhornProgress } from "./sinkhorn_iterations.ts";

/** Decay per iteration above which plain iterations are slow enough to be worth relaxing. */
const SLOW = 0.7;
/** What the largest factor allowed gains with each measurement of a smaller error, after it has been lowered. */
const RECOVERY = 0.3;
/** Largest factor: 2 is where over-relaxation stops converging. */
const LARGEST = 1.995;

/**
 * Chooses the factor ω of over-relaxed Sinkhorn iterations. Near the solution the plain error decays by a factor λ per iteration, and
 * the best factor is ω = 2/(1 + √(1 − λ)), with decay ω − 1. Source: Thibault, Chizat, Dossal and Papadakis, "Overrelaxed
 * Sinkhorn–Knopp Algorithm for Regularized Optimal Transport" (2021), section 3.
 *
 * λ is learnt from measurements of plain iterations; if the error grows under a factor, the factor is taken halfway back to 1, where
 * convergence is certain, and may grow again from there.
 */
export class Relaxation {
  /** The factor to use until the next measurement. */
  omega = 1;
  #ceiling = LARGEST;

  /** Takes in the latest measurement of the error. */
  learn(history: readonly SinkhornProgress[]): void {
    const last = history[history.length - 1], before = history[history.length - 2];
    if (!before) return;
    const decay = (last.error / before.error) ** (1 / (last.iteration - before.iteration));
    if (!(decay < 1)) {
      this.#ceiling = this.omega = 1 + (this.omega - 1) / 2;
      if (this.omega < 1.05) this.#ceiling = this.omega = 1;
      return;
    }
    this.#ceiling = Math.min(LARGEST, this.#ceiling + RECOVERY);
    // Under a factor ω the decay is ω − 1 once ω is large enough: slower means that λ was underestimated.
    const lambda = this.omega === 1 ? decay : decay > this.omega - 1 ? lambdaOf(decay, this.omega) : undefined;
    if (lambda === undefined || lambda < SLOW) return;
    this.omega = Math.min(this.#ceiling, Math.max(this.omega, 2 / (1 + Math.sqrt(1 - lambda))));
  }
}

/** λ from the decay μ seen under ω, by Young's relation for successive over-relaxation: (μ + ω − 1)² = ω² λ μ. */
function lambdaOf(decay: number, omega: number): number {
  return Math.min(1 - 1e-9, (decay + omega - 1) ** 2 / (omega * omega * decay));
}
