import { Tensor } from "../../tensor/mod.ts";
import type { Geometry } from "./geometry.ts";
import { disposePotentials, FROM_LOG_SUM, FROM_MARGINAL, quantumOf, renewPotential } from "./renew_potential.ts";
import {
  FIRST_CHECK,
  type IterationSettings,
  nextCheck,
  type SinkhornProgress,
  type SinkhornState,
  vectorLike,
  zeroPotential,
} from "./sinkhorn_iterations.ts";

/**
 * Iterations for a problem of points with themselves, whose potentials are one: f ← (f + T f)/2 with Sinkhorn's half-step T, which
 * converges in few of them. Source: Feydy, Séjourné, Vialard, Amari, Trouvé and Peyré, "Interpolating between Optimal Transport and MMD
 * using Sinkhorn Divergences" (2019), equation 25.
 */
export async function iterateSymmetric(
  geometry: Geometry,
  weights: { a: Float64Array; total: number },
  like: Tensor,
  settings: IterationSettings,
): Promise<SinkhornState> {
  const { epsilon, maxIterations, signal, onProgress } = settings, target = settings.tolerance * weights.total;
  const quantum = quantumOf(settings.largest, epsilon), history: SinkhornProgress[] = [];
  using a = vectorLike(like, weights.a);
  let f = zeroPotential(like, geometry.n), iteration = 0, next = Math.min(FIRST_CHECK, maxIterations);
  const renew = (s: Tensor, first: boolean) => {
    const inputs = { a, s, eps: epsilon, quantum, omega: 0.5 };
    const renewed = renewPotential(f, first ? FROM_LOG_SUM : FROM_MARGINAL, inputs);
    disposePotentials(f);
    f = renewed;
  };
  try {
    for (;;) {
      for (; iteration < next; iteration++) {
        using s = iteration === 0 ? geometry.logSum("rows", f, epsilon) : geometry.marginal("rows", f, f, epsilon);
        renew(s, iteration === 0);
      }
      using s = geometry.marginal("rows", f, f, epsilon);
      using difference = Tensor.reduce("sum", "abs(s - a)", { s, a });
      const progress = { iteration, error: await difference.item() };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      const converged = progress.error <= target;
      if (converged || iteration >= maxIterations) {
        const g = { coarse: f.coarse.slice(null), fine: f.fine.slice(null) };
        return { f, g, iterations: iteration, converged, error: progress.error, history };
      }
      next = Math.min(maxIterations, nextCheck(history, target));
    }
  } catch (error) {
    disposePotentials(f);
    throw error;
  }
}
