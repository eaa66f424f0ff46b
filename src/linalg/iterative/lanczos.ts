import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Action, type MatrixLike, singleAction } from "./action.ts";
import { type EigenPairs, eigenResiduals } from "./eigen_result.ts";
import { onConstants } from "./implicit.ts";
import { extended } from "./krylov_basis.ts";
import { type IterationOptions, type IterationProgress, requireCount, requireIteration } from "./options.ts";
import { smallEigh } from "./small_eigh.ts";
import { requireFinite } from "./system.ts";
import { advance, computed, drawn, free, fromHost, joined, seedOf, toHost } from "./vectors.ts";

/** Options of {@linkcode lanczos}. */
export interface LanczosOptions extends IterationOptions {
  /** How many eigenpairs. Default 6, or n if that is less. */
  k?: number;
  /** Which: the `largest` (default) or `smallest` eigenvalues, or those of largest `magnitude`. */
  which?: "largest" | "smallest" | "magnitude";
  /** Vectors of the basis before it is compressed. Default max(2k + 1, 20), at most n. */
  basis?: number;
  /** Products with the matrix before giving up; fewer than k give fewer pairs. Default 10·n, at least 300. */
  maxIterations?: number;
  /** Where to start, `[n]`. Default: random numbers. */
  start?: Tensor;
  /** Seed of the start; see `gpu.random`. Default 0. */
  seed?: number;
}

/** The eigenpairs; with `k` of all in the Krylov space, an error of the operator is told apart. */
export interface Lanczos extends EigenPairs {
  /** ‖H − Hᵀ‖ / ‖H‖ of the matrix in the Krylov basis: rounding errors for a symmetric matrix. */
  readonly asymmetry: number;
}

/**
 * Some eigenvalues and eigenvectors of a symmetric matrix `[n, n]` or operator by the Lanczos process with full reorthogonalization and
 * thick restarts. Values come ascending. Eigenvalues that are equal need a restart each to be found; {@linkcode lobpcg} with a block is
 * better at those. A matrix that is not symmetric is found out: `converged: false` and a warning.
 *
 * Values and vectors are computed on the way and carry no gradient: differentiate `linalg.eigh`, or vᵀAv with the vectors as constants,
 * which is the derivative of a single eigenvalue. Source: Wu & Simon (2000), Thick-restart Lanczos method for large symmetric
 * eigenvalue problems; Stewart (2001).
 *
 * @example
 * ```ts
 * import { linalg, open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([500, 2], { seed: 1 });
 * const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]))", { x });
 * const { values, residual } = await linalg.lanczos(kernel, { k: 3 });
 * ```
 */
export async function lanczos(a: MatrixLike, options: LanczosOptions = {}): Promise<Lanczos> {
  return await onConstants(a, (a) => found(a, options));
}

async function found(a: MatrixLike, options: LanczosOptions): Promise<Lanczos> {
  const action = singleAction(a, "lanczos", { square: true }), n = action.columns, { which = "largest" } = options;
  const k = options.k ?? Math.min(6, n);
  requireCount("k", k, 1, n);
  if (which !== "largest" && which !== "smallest" && which !== "magnitude") {
    throw new TypeError(`Expected "which" to be "largest", "smallest" or "magnitude", got ${JSON.stringify(which)}`);
  }
  const size = Math.min(n, options.basis ?? Math.max(2 * k + 1, 20));
  if (n > k) requireCount("basis", size, Math.min(n, k + 2), n);
  const { tolerance, maxIterations } = requireIteration(options, action.dtype, Math.max(300, 10 * n));
  if (action.matrix) await requireFinite(action.matrix, "lanczos: an element of the matrix");
  options.signal?.throwIfAborted();
  if (options.start) await requireStart(action, options.start);
  return await restarted(action, { ...options, k, which, basis: size, tolerance, maxIterations });
}

type State = { basis: Tensor; [h: `h${number}`]: Tensor };
type Settings =
  & LanczosOptions
  & Required<Pick<LanczosOptions, "k" | "which" | "basis" | "tolerance" | "maxIterations">>;

async function restarted(a: Action, settings: Settings): Promise<Lanczos> {
  const { k, which, basis: most, tolerance, maxIterations, signal, onProgress } = settings;
  const n = a.columns, u = roundoff(a.dtype), tiny = 4 * Math.sqrt(n) * u, seed = seedOf(settings.seed ?? 0);
  const history: IterationProgress[] = [];
  let state = await advance<State>({} as State, () => ({ basis: firstRow(a, settings.start, seed) }));
  let projected = new Float64Array(0), kept = 0, iterations = 0, asymmetry = 0, tries = 0, norm = 0;
  let before: number[] | undefined;
  try {
    for (;;) {
      // One product for each row of the basis that has none yet.
      for (let j = kept; j < most && iterations < maxIterations; j++, iterations++) {
        state = await advance<State>(state, (s) => {
          const e = extended(s.basis, a.apply(s.basis.slice([j, j + 1]).T).T, tiny);
          return { ...s, basis: e.basis, [`h${j}`]: joined([e.coefficients, e.norm], 1) };
        });
      }
      const room = state.basis.shape[0] - 1;
      const all = await Promise.all(Array.from({ length: room - kept }, (_, q) => toHost(state[`h${kept + q}`])));
      // Where nothing was left of a product the space is complete, and the vectors after it are 0.
      const end = all.findIndex((column, q) => column[kept + q + 1] === 0), broken = end >= 0;
      const read = broken ? all.slice(0, end + 1) : all, m = kept + read.length;
      const h = new Float64Array(m * m);
      for (let i = 0; i < kept; i++) for (let j = 0; j < kept; j++) h[i * m + j] = projected[i * kept + j];
      read.forEach((column, q) => column.subarray(0, m).forEach((v, i) => h[i * m + kept + q] = v));
      const couplings = read.map((column, q) => column[kept + q + 1]), last = couplings.at(-1) ?? 0;
      const { values, vectors } = await smallEigh(a.device, symmetrized(h, m, kept), m);
      const off = skewness(h, m, kept, couplings);
      // Against the whole matrix: of a null space rounding errors are all that there is.
      norm = values.reduce((x, v) => Math.max(x, Math.abs(v)), norm);
      asymmetry = Math.max(asymmetry, off === 0 ? 0 : off / Math.max(norm, Number.MIN_VALUE));
      const wanted = chosen(values, Math.min(k, m), which);
      // ‖A·y − θ·y‖ = |β·s| with the last coefficient s of y: the space's own estimate.
      const estimate = (i: number) => Math.abs(last * vectors[i * m + m - 1]);
      const residual = norm === 0 ? 0 : Math.max(...wanted.map(estimate), 0) / norm;
      const progress = { iteration: iterations, residual };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      // Of a complete space the pairs are exact, but others may be nearer to what is wanted: one more vector has to agree.
      const agreed = !broken ||
        (before?.length === k && wanted.every((i, q) => Math.abs(values[i] - before![q]) <= tolerance * norm));
      before = wanted.map((i) => values[i]);
      const whole = m >= n;
      const exhausted = iterations >= maxIterations, skew = asymmetry > Math.sqrt(u);
      if ((residual <= tolerance / 2 && agreed) || whole || exhausted || skew) {
        if (wanted.length === k || exhausted || skew) {
          const rows = Float64Array.from(wanted.flatMap((i) => [...vectors.subarray(i * m, (i + 1) * m)]));
          const found = await finish(a, state.basis, m, wanted.map((i) => values[i]), rows);
          const relative = [...found.norms].map((r) => norm === 0 ? r : r / norm);
          const ok = wanted.length === k && !skew &&
            found.norms.every((r, i) => r + found.errors[i] <= tolerance * norm || (norm === 0 && r === 0));
          if (ok || exhausted || skew || whole || ++tries > 3) {
            const worst = Math.max(0, ...relative);
            if (!ok) complain(iterations, worst, skew, exhausted);
            return {
              values: found.values,
              vectors: found.vectors,
              converged: ok,
              iterations,
              residual: worst,
              residuals: relative,
              norm,
              history,
              asymmetry,
            };
          }
          found.values.dispose();
          found.vectors.dispose();
        }
      }
      // Thick restart: the best Ritz vectors stay, then goes on the vector that was left.
      const keep = chosen(values, Math.min(m, k + Math.floor((most - k) / 2), most - 1), which);
      const weights = Float64Array.from(keep.flatMap((i) => [...vectors.subarray(i * m, (i + 1) * m)]));
      const restartSeed = seed + history.length;
      state = await advance<State>(state, ({ basis }) => {
        const ritz = computed(fromHost(a.device, weights, [keep.length, m], a.dtype).matmul(basis.slice([0, m])));
        if (!broken) return { basis: joined([ritz, basis.slice([m, m + 1])], 0) };
        // The space is complete: on with a new vector.
        const fresh = drawn(a.device, "normal", [1, n], restartSeed, a.dtype);
        return { basis: extended(ritz, fresh, tiny).basis };
      });
      projected = new Float64Array(keep.length ** 2);
      keep.forEach((i, q) => projected[q * keep.length + q] = values[i]);
      kept = keep.length;
    }
  } finally {
    free(state);
  }
}

async function requireStart(a: Action, start: Tensor): Promise<void> {
  const n = a.columns;
  if (!(start instanceof Tensor) || start.shape.join() !== `${n}` || start.dtype !== a.dtype) {
    throw new TypeError(`Expected "start" to be [${n}] ${a.dtype}`);
  }
  using size = Tensor.reduce("max", "abs(x)", { x: start });
  const largest = await size.item();
  if (!(largest > 0 && largest < Infinity)) {
    throw new RangeError(`Expected "start" to be finite and not zero, got elements up to ${largest}`);
  }
}

function firstRow(a: Action, start: Tensor | undefined, seed: number): Tensor {
  const n = a.columns;
  const row = start ? start.reshape([1, n]) : drawn(a.device, "normal", [1, n], seed, a.dtype);
  return Tensor.map("x / s ^ 0.5", { x: row, s: Tensor.reduce("sum", "x * x", { x: row }, 1, { keepDims: true }) });
}

/** Positions of the wanted Ritz values, in the order of the values. */
function chosen(values: Float64Array, count: number, which: "largest" | "smallest" | "magnitude"): number[] {
  const order = [...values.keys()];
  if (which === "largest") order.reverse();
  if (which === "magnitude") order.sort((i, j) => Math.abs(values[j]) - Math.abs(values[i]));
  return order.slice(0, count).sort((i, j) => i - j);
}

/** The symmetric matrix that the columns stand for: of the kept part the diagonal, of the others what lies on and above it. */
function symmetrized(h: Float64Array, m: number, kept: number): Float64Array<ArrayBuffer> {
  const s = new Float64Array(m * m);
  for (let i = 0; i < m; i++) for (let j = 0; j <= i; j++) s[i * m + j] = i < kept ? h[i * m + j] : h[j * m + i];
  return s;
}

/** How far the computed columns are from those of a symmetric matrix: above the subdiagonal's mirror they are to be 0. */
function skewness(h: Float64Array, m: number, kept: number, couplings: readonly number[]): number {
  let off = 0;
  for (let j = kept; j < m; j++) {
    for (let i = 0; i < j; i++) {
      // The border of what was kept is known from one side only.
      if (i < kept && j === kept) continue;
      off += (h[i * m + j] - (i === j - 1 && i >= kept ? couplings[i - kept] : 0)) ** 2;
    }
  }
  return Math.sqrt(off);
}

function finish(
  a: Action,
  basis: Tensor,
  m: number,
  values: number[],
  rows: Float64Array,
): Promise<{ values: Tensor; vectors: Tensor; norms: Float64Array; errors: Float64Array }> {
  return runScope(async () => {
    const raw = computed(fromHost(a.device, rows, [values.length, m], a.dtype).matmul(basis.slice([0, m])));
    const unit = Tensor.map("x / s ^ 0.5", {
      x: raw,
      s: Tensor.reduce("sum", "x * x", { x: raw }, 1, { keepDims: true }),
    });
    const vectors = computed(unit).T, theta = fromHost(a.device, values, [values.length], a.dtype);
    return { values: theta, vectors, ...await eigenResiduals(a, vectors, theta) };
  });
}

function complain(iterations: number, residual: number, skew: boolean, exhausted: boolean): void {
  const advice = skew
    ? "the matrix is not symmetric"
    : exhausted
    ? "try a larger basis, more maxIterations or a larger tolerance"
    : "this is what rounding errors allow: try a larger tolerance or f64";
  console.warn(
    `lanczos stopped after ${iterations} products with a residual of ${residual.toExponential(1)}: ${advice}`,
  );
}
