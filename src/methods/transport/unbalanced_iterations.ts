import { Tensor } from "../../tensor/mod.ts";
import type { Geometry, Potential, Side } from "./geometry.ts";
import { FROM_MASSES, FROM_SUMS, type MarginalPenalty, penaltyInputs, VIOLATION } from "./marginal_penalty.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";

/** One side of an unbalanced problem. */
export interface UnbalancedSide {
  readonly penalty: MarginalPenalty;
  /** Weights, and logarithms of the reference's (0 where it is 1, and where there is none). */
  readonly weights: Float64Array;
  readonly logReference: Float64Array;
  /** The same as tensors, and 1 for points that take part. */
  readonly a: Tensor;
  readonly l: Tensor;
  readonly live: Tensor;
}

interface Settings {
  epsilon: number;
  largest: number;
  maxIterations: number;
  /** Error at which to stop. */
  target: number;
  signal?: AbortSignal;
  onProgress?: (progress: SinkhornProgress) => void;
}

/** Iterations by log-sum-exp before the cheaper form takes over. */
const WARM_UP = 3;
/** Iterations between changes of the constant. */
const MOVE = 4;
/** Iterations between measurements, which grow with their number. */
const FIRST_CHECK = 10;

/** New parts of a potential from its total t in units of ε; see `Potential`. */
const SPLIT = (total: string) => ({
  coarse: `live > 0 ? B + round((${total}) * eps / quantum) * quantum : -inf`,
  fine: `live > 0 ? (${total}) - round((${total}) * eps / quantum) * quantum / eps : 0`,
});

/** Scaling iterations for unbalanced transport, each a maximization of the dual over one potential, or over their common constant. */
export async function iterateUnbalanced(
  geometry: Geometry,
  rows: UnbalancedSide,
  columns: UnbalancedSide,
  settings: Settings,
): Promise<
  { f: Potential; g: Potential; iterations: number; converged: boolean; error: number; history: SinkhornProgress[] }
> {
  const { epsilon, maxIterations, target, signal, onProgress } = settings;
  const quantum = 2 ** (Math.ceil(Math.log2(Math.max(settings.largest, epsilon, Number.MIN_VALUE))) - 12);
  const start = (side: UnbalancedSide): Potential => ({
    coarse: Tensor.map("live > 0 ? 0 : -inf", { live: side.live }),
    fine: side.live.mul(0),
  });
  let f = start(rows), g = start(columns);
  const of = (side: Side) => side === "rows" ? rows : columns;
  const inputsOf = (side: Side) => {
    const { a, l, live, penalty } = of(side), { coarse, fine } = side === "rows" ? f : g;
    return { a, l, live, p: fine, F: coarse, eps: epsilon, quantum, ...penaltyInputs(penalty, epsilon) };
  };
  const used = (formula: string, all: Record<string, Tensor | number>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => new RegExp(`\\b${name}\\b`).test(formula)));
  const renew = (side: Side, total: string, more: Record<string, Tensor | number>, base: boolean): void => {
    const all = inputsOf(side), old = side === "rows" ? f : g, formulas = SPLIT(total);
    const inputs = { ...all, ...more, B: base ? all.F : 0 };
    const coarse = Tensor.map(formulas.coarse, used(formulas.coarse, inputs));
    const fine = Tensor.map(formulas.fine, used(formulas.fine, inputs));
    void coarse.value;
    void fine.value;
    old.coarse.dispose();
    old.fine.dispose();
    if (side === "rows") f = { coarse, fine };
    else g = { coarse, fine };
  };
  const halfStep = (side: Side, warm: boolean): void => {
    const { kind } = of(side).penalty;
    using s = warm ? geometry.logSum(side, side === "rows" ? g : f, epsilon) : geometry.marginal(side, f, g, epsilon);
    renew(side, (warm ? FROM_SUMS : FROM_MASSES)[kind], { s }, !warm);
  };
  const inverse = [rows, columns].map(({ penalty: { rho } }) => rho === Infinity ? 0 : 1 / rho);
  const movable = [rows, columns].every(({ penalty }) => penalty.kind === "kl" || penalty.rho === Infinity) &&
    inverse[0] + inverse[1] > 0;
  /** f + λ, g − λ with λ (1/ρ_a + 1/ρ_b) = log (Σ a e^(−f/ρ_a) / Σ b e^(−g/ρ_b)): the same plan, and the best of duals. */
  const moveConstant = (): void => {
    const mass = (side: Side) => {
      const { a, l, p, F, live, eps, perRho } = inputsOf(side);
      const formula = "live > 0 ? a * exp(-(F + eps * (p - l)) * perRho) : 0";
      const total = Tensor.reduce("sum", formula, { a, l, p, F, live, eps, perRho });
      return total;
    };
    using A = mass("rows");
    using B = mass("columns");
    const t = "(log(clamp(A, 1e-35, 1e35)) - log(clamp(D, 1e-35, 1e35))) * k";
    const k = 1 / (epsilon * (inverse[0] + inverse[1]));
    using shift = Tensor.map(t, { A, D: B, k });
    renew("rows", "p + shift", { shift }, true);
    renew("columns", "p - shift", { shift }, true);
  };
  const history: SinkhornProgress[] = [];
  let iteration = 0, next = Math.min(FIRST_CHECK, maxIterations);
  try {
    for (;;) {
      for (; iteration < next; iteration++) {
        if (movable && iteration % MOVE === 1) moveConstant();
        halfStep("rows", iteration < WARM_UP);
        halfStep("columns", iteration < WARM_UP);
      }
      using s = geometry.marginal("rows", f, g, epsilon);
      const all = { ...inputsOf("rows"), s }, formula = VIOLATION[rows.penalty.kind];
      using violation = Tensor.reduce("sum", formula, used(formula, all));
      const error = await violation.item();
      const progress = { iteration, error };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      const converged = error <= target;
      if (converged || iteration >= maxIterations) return { f, g, iterations: iteration, converged, error, history };
      next = Math.min(maxIterations, iteration + Math.max(FIRST_CHECK, Math.round(iteration / 4)));
    }
  } catch (error) {
    for (const part of [f.coarse, f.fine, g.coarse, g.fine]) part.dispose();
    throw error;
  }
}
