import type { LinearOperator } from "../../operators/mod.ts";
import type { GromovProgress } from "./gromov_result.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";

/** A plan as a form keeps it, with what is known of it. */
export interface GromovPlan {
  /** The plan. */
  readonly plan: LinearOperator;
  /** The transport problem that it solves; none of a start. */
  readonly transport?: SinkhornResult;
  /** The distortion, fused with the linear cost, and the entropy H(P). */
  readonly cost: number;
  readonly entropy: number;
  /** Frees it all. */
  dispose(): void;
}

/** How the distortion of a plan and its gradient are computed. */
export interface GromovForm<P extends GromovPlan = GromovPlan> {
  /** Whether the distortion is concave in the plan: steps then never raise the objective. */
  readonly concave: boolean;
  /** The largest |gradient| at the product of the weights. */
  largestSlope(): Promise<number>;
  /** The start of this number: the product of the weights is that of number 0, the others are random. */
  start(number: number, epsilon: number): Promise<P>;
  /** The solution of the transport problem of the gradient at a plan, with a proximal term of this weight. */
  step(from: P, epsilon: number, proximal: number): Promise<P>;
  /** ‖P − P'‖₁. */
  apart(P: P, other: P): Promise<number>;
}

/** How to descend. */
export interface GromovSettings {
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly total: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: GromovProgress) => void;
}

/** Where a descent ended. */
export interface GromovDescent<P extends GromovPlan> {
  readonly found: P;
  readonly transport: SinkhornResult;
  readonly objective: number;
  readonly change: number;
  readonly converged: boolean;
  readonly history: GromovProgress[];
}

/** Rise of the objective, relative to its parts, that counts as rounding. */
const ROUNDING = 1e-5;

/** Steps from a start, which it takes over, until the plan stays: where the objective rises without, with a proximal term. */
export async function descendGromov<P extends GromovPlan>(
  form: GromovForm<P>,
  start: P,
  epsilon: number,
  { maxIterations, tolerance, total, signal, onProgress }: GromovSettings,
): Promise<GromovDescent<P>> {
  const history: GromovProgress[] = [];
  const measure = ({ cost, entropy }: P) => ({
    objective: cost - epsilon * entropy,
    scale: Math.abs(cost) + epsilon * Math.abs(entropy),
  });
  let at = start, proximal = 0;
  try {
    for (let iteration = 1;; iteration++) {
      signal?.throwIfAborted();
      const tried = await form.step(at, epsilon, proximal);
      try {
        const before = measure(at), then = measure(tried);
        if (!Number.isFinite(then.objective)) {
          const { dtype } = tried.plan;
          throw new RangeError(
            `The distortion left the range of ${dtype}: expected distances of moderate size, scale them`,
          );
        }
        const rose = then.objective > before.objective + ROUNDING * Math.max(then.scale, before.scale);
        // A random start is no solution of such a problem, so that the first step may go up.
        if (rose && !form.concave && iteration > 1 && iteration < maxIterations) {
          tried.dispose();
          proximal = Math.max(2 * proximal, epsilon);
          continue;
        }
        const change = await form.apart(tried, at) / total;
        at.dispose();
        at = tried;
        const progress = { iteration, objective: then.objective, change, proximal };
        history.push(progress);
        onProgress?.(progress);
        signal?.throwIfAborted();
        const still = change <= tolerance * epsilon / (epsilon + proximal);
        if (still || iteration >= maxIterations) {
          const transport = tried.transport!, { objective } = then;
          return { found: at, transport, objective, change, converged: still && transport.converged, history };
        }
      } catch (error) {
        if (at !== tried) tried.dispose();
        throw error;
      }
    }
  } catch (error) {
    at.dispose();
    throw error;
  }
}
