import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type FactorConstraints, type FactorDuals, type LogFactors, projectFactors } from "./factor_projection.ts";

/** One accepted step. */
export interface LowRankProgress {
  /** Steps so far. */
  iteration: number;
  /** The objective there. */
  objective: number;
  /** How far from stationary: see {@linkcode LowRankResult.stationarity}. */
  stationarity: number;
  /** ‖Q·1 − a‖₁ or ‖R·1 − b‖₁, the larger. */
  error: number;
}

/** Factors themselves, not their logarithms. */
export interface PlainFactors {
  readonly q: Tensor;
  readonly r: Tensor;
  readonly g: Tensor;
}

/**
 * An objective of the plan P = Q diag(1/g) Rᵀ: its value (a scalar), and D·R diag(1/g) `[n, r]`, Dᵀ·Q diag(1/g) `[m, r]` for its gradient D in P.
 */
export type PlanObjective = (factors: PlainFactors) => { value: Tensor; rows: Tensor; columns: Tensor };

/** How to descend. */
export interface DescentSettings extends FactorConstraints {
  /** Regularization of the three factors by their entropies; 0 for none. */
  readonly epsilon: number;
  /** Largest step over the largest element of the gradient. */
  readonly step: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly total: number;
  readonly onProgress?: (progress: LowRankProgress) => void;
}

/** Where the descent ended. */
export interface Descent {
  readonly factors: LogFactors;
  /** Multipliers of the last projection, and the rate of the step that it was of; 0 if there was none. */
  readonly duals: FactorDuals;
  readonly rate: number;
  readonly objective: number;
  readonly stationarity: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly history: LowRankProgress[];
}

/** Relative rise of the objective that counts as rounding. */
const ROUNDING = 1e-6;
/** Halvings of a step before it is given up. */
const HALVINGS = 20;

interface Point {
  readonly factors: LogFactors;
  readonly gradient: LogFactors;
  /** Multipliers of the projection that led here, and the rate of its step; none at the start. */
  readonly duals: FactorDuals;
  readonly rate: number;
  readonly objective: number;
  /** Largest magnitude in the gradient. */
  readonly size: number;
  readonly error: number;
}

/**
 * Mirror descent on the factors with the entropy's geometry: a step multiplies every factor by exp(−γ·gradient) and projects back. γ is
 * `step` over the largest element of the gradient, halved as long as the objective rises. Source: Scetbon, Cuturi and Peyré (2021),
 * section 3.2, algorithm 3; the scaling of γ after Scetbon and Cuturi, "Low-rank Optimal Transport: Approximation, Statistics and Debiasing"
 * (2022), section 4.
 */
export async function descend(
  start: LogFactors,
  objective: PlanObjective,
  settings: DescentSettings,
): Promise<Descent> {
  const { maxIterations, tolerance, total, signal, onProgress } = settings;
  const history: LowRankProgress[] = [];
  let point: Point | undefined, step = settings.step, stationarity = Infinity, iteration = 0, stuck = false;
  const free = (p: Point, also: object[] = [p.factors]) =>
    [p.gradient, p.duals, ...also].forEach((part) => Object.values(part).forEach((t: Tensor) => t.dispose()));
  try {
    const first = await projectFactors(start, settings);
    point = await evaluate({ ...first, rate: 0 }, objective, settings);
    while (iteration < maxIterations && !stuck) {
      let accepted: Point | undefined;
      for (let halving = 0; !accepted && halving <= HALVINGS; halving++) {
        signal?.throwIfAborted();
        const tried: Point = await advance(point, step, objective, settings);
        const rise = tried.objective - point.objective;
        if (rise <= ROUNDING * (Math.abs(point.objective) + point.size * total * ROUNDING)) accepted = tried;
        else {
          free(tried);
          step /= 2;
        }
      }
      if (!accepted) break;
      const moved = await divergence(accepted.factors, point.factors);
      stationarity = moved / (step * total);
      free(point);
      point = accepted;
      iteration++;
      const progress = { iteration, objective: point.objective, stationarity, error: point.error };
      history.push(progress);
      onProgress?.(progress);
      stuck = stationarity <= tolerance;
      step = Math.min(settings.step, 1.5 * step);
    }
    const converged = stationarity <= tolerance && point.error <= settings.target;
    const { factors, duals, rate, gradient } = point;
    for (const t of Object.values(gradient) as Tensor[]) t.dispose();
    return {
      factors,
      duals,
      rate,
      objective: point.objective,
      stationarity,
      iterations: iteration,
      converged,
      history,
    };
  } catch (error) {
    if (point) free(point);
    throw error;
  }
}

async function advance(from: Point, step: number, objective: PlanObjective, settings: DescentSettings): Promise<Point> {
  const rate = from.size > 0 ? step / from.size : 0;
  const { factors, gradient } = from;
  const moved = (x: Tensor, d: Tensor) => Tensor.map("x - rate * d", { x, d, rate });
  using q = moved(factors.q, gradient.q);
  using r = moved(factors.r, gradient.r);
  using g = moved(factors.g, gradient.g);
  const warm = from.rate > 0 ? { duals: from.duals, ratio: rate / from.rate } : undefined;
  const next = await projectFactors({ q, r, g }, settings, warm);
  return await evaluate({ ...next, rate }, objective, settings);
}

/** Objective and gradient at projected factors, which it takes over. */
async function evaluate(
  at: Pick<Point, "factors" | "duals" | "rate" | "error">,
  objective: PlanObjective,
  { epsilon }: DescentSettings,
): Promise<Point> {
  const { factors, duals, rate, error } = at;
  try {
    const found = await runScope(async () => {
      const plain = { q: factors.q.exp(), r: factors.r.exp(), g: factors.g.exp() };
      const { value, rows, columns } = objective(plain);
      const weights = Tensor.reduce("sum", "q * d", { q: plain.q, d: rows }, 0);
      const sloped = (d: Tensor, log: Tensor) => Tensor.map("d + epsilon * log_x", { d, log_x: log, epsilon });
      const gradient = {
        q: sloped(rows, factors.q),
        r: sloped(columns, factors.r),
        g: Tensor.map("epsilon * l - w / g", { w: weights, g: plain.g, l: factors.g, epsilon }),
      };
      for (const t of Object.values(gradient)) void t.value;
      const parts = [value.item()];
      for (const part of ["q", "r", "g"] as const) {
        parts.push(Tensor.reduce("max", "abs(x)", { x: gradient[part] }).item());
        if (epsilon > 0) parts.push(Tensor.reduce("sum", "exp(l) * (l - 1)", { l: factors[part] }).item());
      }
      const [linear, ...rest] = await Promise.all(parts);
      const sizes = rest.filter((_, k) => epsilon === 0 || k % 2 === 0);
      const entropies = epsilon === 0 ? 0 : rest.filter((_, k) => k % 2 === 1).reduce((s, x) => s + x, 0);
      return { gradient, objective: linear + epsilon * entropies, size: Math.max(...sizes) };
    });
    if (!Number.isFinite(found.objective) || !Number.isFinite(found.size)) {
      for (const t of Object.values(found.gradient)) t.dispose();
      throw new RangeError(
        `The low-rank objective left the range of f32 (${found.objective}): expected costs of moderate size, scale them`,
      );
    }
    return { ...found, factors, duals, rate, error };
  } catch (failure) {
    for (const t of [...Object.values(factors), ...Object.values(duals)] as Tensor[]) t.dispose();
    throw failure;
  }
}

/** Frees what a descent has. */
export function freeDescent({ factors, duals }: Pick<Descent, "factors" | "duals">): void {
  for (const t of [...Object.values(factors), ...Object.values(duals)] as Tensor[]) t.dispose();
}

/** KL(x, y) + KL(y, x) over the three factors. */
async function divergence(x: LogFactors, y: LogFactors): Promise<number> {
  const parts = (["q", "r", "g"] as const).map(async (name) => {
    using sum = Tensor.reduce("sum", "(exp(x) - exp(y)) * (x - y)", { x: x[name], y: y[name] });
    return await sum.item();
  });
  return (await Promise.all(parts)).reduce((s, v) => s + v, 0);
}
