import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type HostDuals, projectOnHost } from "./host_factor_projection.ts";

/** Logarithms of the factors Q `[n, r]`, R `[m, r]` and g `[r]` of a low-rank plan Q diag(1/g) Rᵀ. */
export interface LogFactors {
  readonly q: Tensor;
  readonly r: Tensor;
  readonly g: Tensor;
}

/** Multipliers of the constraints of the projection: of the column sums of Q and of R, and of the floor of g; vectors `[r]`. */
export interface FactorDuals {
  readonly v: Tensor;
  readonly w: Tensor;
  readonly floor: Tensor;
}

/** What the factors have to satisfy. */
export interface FactorConstraints {
  /** Row sums of Q and R as columns `[n, 1]` and `[m, 1]`, and their logarithms. */
  readonly a: Tensor;
  readonly b: Tensor;
  readonly logA: Tensor;
  readonly logB: Tensor;
  /** Logarithm of the least element of g. */
  readonly logFloor: number;
  /** Largest error of the row sums of Q and of R in L1 that counts as none. */
  readonly target: number;
  /** The row sums on the host, where small factors are projected. */
  readonly host?: { readonly a: Float64Array; readonly b: Float64Array };
  readonly signal?: AbortSignal;
}

/** Iterations between the first two measurements; it doubles. */
const FIRST_CHECK = 8;
/** Iterations after which the factors are taken as they are; their error is told. */
const MAX_ITERATIONS = 4000;
/**
 * Logarithms below this count as this: such an entry adds nothing to any sum, and stays finite in what is made of it.
 */
const LOWEST = -1e3;
/**
 * Elements of both factors up to which an iteration on the host, in one thread, takes less time than a dozen calls of an adapter; the CPU device has the
 * exponentials of its form to pay for, too.
 */
const ON_HOST = 2 ** 18, ON_HOST_CPU = 2 ** 22;

/** Multipliers to start from, and what they are multiplied by. */
interface WarmStart {
  readonly duals: FactorDuals;
  readonly ratio: number;
}

/** What came of a projection. */
interface Projected {
  readonly factors: LogFactors;
  readonly duals: FactorDuals;
  readonly error: number;
  readonly iterations: number;
}

/**
 * The factors nearest to given ones in Kullback–Leibler divergence with Q·1 = a, R·1 = b, Qᵀ·1 = Rᵀ·1 = g and g ≥ floor: Dykstra's algorithm
 * on the sets {Q·1 = a, R·1 = b, g ≥ floor} and {Qᵀ·1 = Rᵀ·1 = g}, in the log domain. Only the bound of g needs Dykstra's correction:
 * the other sets are affine. Source: Scetbon, Cuturi and Peyré, "Low-Rank Sinkhorn Factorization" (2021), algorithm 2.
 *
 * It ascends the dual by blocks, so that it may start from any multipliers: those of the last projection times the ratio of the steps are nearly
 * right near a stationary point, where from zero hundreds of iterations are needed.
 *
 * The column sums are exact up to rounding at the end, `error` is what is left in the row sums. Factors and multipliers are new tensors.
 */
export async function projectFactors(
  kernel: LogFactors,
  constraints: FactorConstraints,
  warm?: WarmStart,
): Promise<Projected> {
  const { q: K, r: L } = kernel, { host } = constraints;
  const most = K.device.info.backend === "cpu" ? ON_HOST_CPU : ON_HOST;
  if (host && K.size + L.size <= most) return await projectSmall(kernel, { ...constraints, host }, warm);
  const { a, b, logA, logB, logFloor, target, signal } = constraints;
  const lse = (x: Tensor, y: Tensor, axis: number) =>
    Tensor.reduce("logsumexp", "x + y", { x, y }, axis, { keepDims: axis === 1 });
  // Computed now: a chain of delayed sums would grow with the iterations.
  const now = (formula: string, inputs: Record<string, Tensor | number>) => {
    const t = Tensor.map(formula, inputs);
    void t.value;
    return t;
  };
  const start = (x: Tensor | undefined) => x ? now("x * c", { x, c: warm!.ratio }) : now("0 * g", { g: kernel.g });
  const v = start(warm?.duals.v), w = start(warm?.duals.w), correction = start(warm?.duals.floor);
  // What holds throughout: g + v + w + correction is that of the kernel.
  let state = { v, w, correction, g: now("g - v - w - c", { g: kernel.g, v, w, c: correction }) };
  const free = (s: object) => Object.values(s).forEach((t) => t instanceof Tensor && t.dispose());
  let iterations = 0;
  try {
    for (let steps = FIRST_CHECK;; steps *= 2) {
      signal?.throwIfAborted();
      const more = Math.min(steps, MAX_ITERATIONS - iterations);
      const next = await runScope(async () => {
        let { v, w, g, correction } = state, u = logA, z = logB;
        for (let k = 0; k < more; k++) {
          u = now("a - s", { a: logA, s: lse(K, v, 1) });
          z = now("b - s", { b: logB, s: lse(L, w, 1) });
          const s = lse(K, u, 0), t = lse(L, z, 0);
          const raised = now("max(g + c, bound)", { g, c: correction, bound: logFloor });
          correction = now("g + c - h", { g, c: correction, h: raised });
          g = now("(v + s + w + t + h) / 3", { v, s, w, t, h: raised });
          v = now("g - s", { g, s });
          w = now("g - s", { g, s: t });
        }
        const off = (sum: Tensor, u: Tensor, a: Tensor) =>
          Tensor.reduce("sum", "abs(exp(s + u) - a)", { s: sum, u, a }).item();
        const errors = await Promise.all([off(lse(K, v, 1), u, a), off(lse(L, w, 1), z, b)]);
        return { v, w, g, correction, u, z, error: Math.max(...errors) };
      });
      free(state);
      state = next;
      iterations += more;
      const { v, w, g, u, z, error } = next;
      // Not a number compares false: it ends here too, for the caller to see.
      if (error > target && iterations < MAX_ITERATIONS) {
        u.dispose();
        z.dispose();
        continue;
      }
      const scaled = (x: Tensor, y: Tensor, z: Tensor) => now("max(x + y + z, lowest)", { x, y, z, lowest: LOWEST });
      const factors = { q: scaled(K, u, v), r: scaled(L, z, w), g: g.add(0) };
      void factors.g.value;
      u.dispose();
      z.dispose();
      const duals = { v: v.add(0), w: w.add(0), floor: next.correction.add(0) };
      for (const t of Object.values(duals)) void t.value;
      return { factors, duals, error, iterations };
    }
  } finally {
    free(state);
  }
}

/** The same on the host. */
async function projectSmall(
  { q, r, g }: LogFactors,
  { host, logFloor, target, signal }: FactorConstraints & { host: { a: Float64Array; b: Float64Array } },
  warm?: WarmStart,
): Promise<Projected> {
  signal?.throwIfAborted();
  const { duals } = warm ?? {};
  const read = [q, r, g, ...duals ? [duals.v, duals.w, duals.floor] : []].map((t) => t.data());
  const [K, L, logG, ...rest] = (await Promise.all(read)).map((v) => Float64Array.from(v));
  const [v, w, floor] = rest.map((x) => x.map((value) => value * warm!.ratio));
  const start: HostDuals | undefined = warm && { v, w, floor };
  const limits = { logFloor, target, maxIterations: MAX_ITERATIONS };
  const found = projectOnHost({ K, rows: host.a }, { K: L, rows: host.b }, logG, start, limits);
  const tensor = (values: Float64Array, like: Tensor) => {
    const data = like.dtype === "f64" ? Float64Array.from(values) : Float32Array.from(values);
    return Tensor.of(like.device, data, like.shape, like.dtype);
  };
  const bounded = (values: Float64Array) => values.map((x) => Math.max(x, LOWEST));
  return {
    factors: { q: tensor(bounded(found.q), q), r: tensor(bounded(found.r), r), g: tensor(found.g, g) },
    duals: { v: tensor(found.duals.v, g), w: tensor(found.duals.w, g), floor: tensor(found.duals.floor, g) },
    error: found.error,
    iterations: found.iterations,
  };
}
