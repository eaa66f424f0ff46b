import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { NotPositiveDefiniteError } from "../errors.ts";
import { qr } from "../qr.ts";
import { type Action, type MatrixLike, singleAction } from "./action.ts";
import { type EigenPairs, eigenResiduals } from "./eigen_result.ts";
import { onConstants } from "./implicit.ts";
import {
  type IterationOptions,
  type IterationProgress,
  type Preconditioner,
  preconditioning,
  requireCount,
  requireIteration,
} from "./options.ts";
import { smallEigh } from "./small_eigh.ts";
import { requireFinite } from "./system.ts";
import { advance, computed, drawn, free, fromHost, joined, norms, seedOf, toHost } from "./vectors.ts";

/** Options of {@linkcode lobpcg}. */
export interface LobpcgOptions extends IterationOptions {
  /** How many eigenpairs. Default 1; 3k is at most n. */
  k?: number;
  /** The `smallest` eigenvalues (default) or the `largest`. */
  which?: "smallest" | "largest";
  /** B of A·x = λ·B·x, symmetric positive definite. Default: the identity. */
  b?: MatrixLike;
  /** An approximate inverse of A, symmetric positive definite. */
  preconditioner?: Preconditioner;
  /** Where to start, `[n, k]`. Default: random numbers. */
  start?: Tensor;
  /** Seed of the start; see `gpu.random`. Default 0. */
  seed?: number;
  /** Iterations before giving up. Default 500. */
  maxIterations?: number;
}

/** What ‖A‖₂ and ‖B‖₂ are at least. */
type Norms = { readonly a: number; readonly b: number };
type State = { x: Tensor; ax: Tensor; bx: Tensor; p: Tensor; values: Tensor };

/**
 * Some extreme eigenvalues of a symmetric matrix `[n, n]` or operator, or of the pencil A·x = λ·B·x, by the locally optimal block
 * preconditioned conjugate gradient method. A residual is relative to ‖A‖‖x‖, with B to (‖A‖ + |λ|‖B‖)‖x‖. Values come ascending; vectors are orthonormal (in the inner product of B). Each step is
 * a Rayleigh–Ritz projection on a basis of iterates, preconditioned residuals and directions that is orthonormalized by
 * Householder reflectors, so that it does not lose rank when they become dependent; it costs 3k products and one of reading back.
 *
 * Values and vectors carry no gradient: see {@linkcode lanczos}. Source: Knyazev (2001); on the basis Hetmaniuk & Lehoucq (2006).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.eye(20).mul(gpu.arange(1, 21, 1, "f32"));
 * const { values } = await linalg.lobpcg(a, { k: 2 }); // 1, 2
 * ```
 */
export async function lobpcg(a: MatrixLike, options: LobpcgOptions = {}): Promise<EigenPairs> {
  return await onConstants(a, (a) => found(a, options));
}

async function found(a: MatrixLike, options: LobpcgOptions): Promise<EigenPairs> {
  const action = singleAction(a, "lobpcg", { square: true }),
    n = action.columns,
    { k = 1, which = "smallest" } = options;
  requireCount("k", k, 1, Math.floor(n / 3) || n);
  if (which !== "largest" && which !== "smallest") {
    throw new TypeError(`Expected "which" to be "smallest" or "largest", got ${JSON.stringify(which)}`);
  }
  const b = options.b === undefined ? undefined : singleAction(options.b, "lobpcg", { square: true });
  if (b && (b.columns !== n || b.dtype !== action.dtype)) {
    throw new TypeError(`Expected "b" to be [${n}, ${n}] ${action.dtype}, got [${b.rows}, ${b.columns}] ${b.dtype}`);
  }
  const { tolerance, maxIterations } = requireIteration(options, action.dtype, 500);
  for (const m of [action.matrix, b?.matrix]) if (m) await requireFinite(m, "lobpcg: an element of a matrix");
  const precondition = preconditioning(options.preconditioner, action), { start, signal, onProgress } = options;
  if (start && (!(start instanceof Tensor) || start.shape.join() !== `${n},${k}` || start.dtype !== action.dtype)) {
    throw new TypeError(`Expected "start" to be [${n}, ${k}] ${action.dtype}`);
  }
  signal?.throwIfAborted();
  const seed = seedOf(options.seed ?? 0), history: IterationProgress[] = [];
  const floor = 100 * Math.sqrt(n) * roundoff(action.dtype);
  let known: Norms = { a: 0, b: 0 };
  const renewed = async (s: Tensor, directions: boolean): Promise<State> => {
    const { norms, ...next } = await project(action, b, s, k, which, directions);
    known = { a: Math.max(known.a, norms.a), b: Math.max(known.b, norms.b) };
    return next;
  };
  let state = await advance<State>(
    {} as State,
    () => renewed(start ?? drawn(action.device, "normal", [n, k], seed, action.dtype), false),
  );
  let iterations = 0, best = Infinity, stalls = 0;
  try {
    for (;;) {
      const [rough, lengths, values] = await runScope(async () => {
        const rest = computed(Tensor.map("y - l * z", { y: state.ax, l: state.values, z: state.bx }));
        return await Promise.all([norms(rest), norms(state.x), state.values].map(toHost));
      });
      const scales = lengths.map((x, c) => (b ? known.a + Math.abs(values[c]) * known.b : known.a) * x || 1);
      const residual = Math.max(...rough.map((r, c) => r / scales[c]));
      if (Number.isNaN(residual)) throw new RangeError("lobpcg: a product with a matrix is not finite");
      history.push({ iteration: iterations, residual });
      onProgress?.({ iteration: iterations, residual });
      signal?.throwIfAborted();
      stalls = residual < 0.9 * best ? 0 : stalls + 1;
      best = Math.min(best, residual);
      // Slow is no reason to stop before the residual is near rounding errors.
      const stalled = stalls >= 30 && best < floor, exhausted = iterations >= maxIterations;
      if (residual <= tolerance / 2 || stalled || exhausted) {
        const flat = state.values.reshape([k]),
          { norms: found, errors } = await eigenResiduals(action, state.x, flat, b);
        const ok = found.every((r, i) => r + errors[i] <= tolerance * scales[i]);
        if (ok || stalled || exhausted) {
          const relative = [...found].map((r, i) => r / scales[i]), largest = Math.max(...relative);
          if (!ok) {
            console.warn(
              `lobpcg stopped after ${iterations} iterations with a residual of ${largest.toExponential(1)}: ` +
                "try a preconditioner, more vectors k, more maxIterations, a larger tolerance or f64",
            );
          }
          return {
            values: flat,
            vectors: state.x.slice(),
            converged: ok,
            iterations,
            residual: largest,
            residuals: relative,
            norm: known.a,
            history,
          };
        }
        flat.dispose();
        stalls++;
      }
      state = await advance<State>(state, async ({ x, ax, bx, p, values }) => {
        const rest = computed(Tensor.map("y - l * z", { y: ax, l: values, z: bx }));
        const w = unit(precondition ? precondition(rest) : rest), parts = [x, w];
        if (p.shape[1] > 0 && 3 * k <= n) parts.push(unit(p));
        const wide = parts.length * k <= n ? joined(parts, 1) : joined(parts, 1).slice(null, [0, n]);
        return await renewed(wide, true);
      });
      iterations++;
    }
  } finally {
    free(state);
  }
}

/** Columns of norm 1, so that none is lost beside the others. */
function unit(x: Tensor): Tensor {
  return computed(Tensor.map("n > 0 ? x / n : 0 * x", { x, n: norms(x) }));
}

/** Rayleigh–Ritz on the columns of s; of their orthonormal basis the first k span the iterates. */
async function project(
  a: Action,
  b: Action | undefined,
  s: Tensor,
  k: number,
  which: "smallest" | "largest",
  directions: boolean,
): Promise<State & { norms: Norms }> {
  const q = (await qr(s)).q, m = s.shape[1], aq = computed(a.apply(q)), bq = b ? computed(b.apply(q)) : q;
  const turned = q.T;
  const [ha, hb] = await Promise.all([turned.matmul(aq), b && turned.matmul(bq)].map((t) => t ? toHost(t) : undefined));
  const basis = hb ? await inverseRoot(a, hb, m) : undefined;
  const reduced = basis ? congruent(ha!, basis.root, m) : symmetric(ha!, m),
    { values, vectors } = await smallEigh(a.device, reduced, m);
  const picked = [...values.keys()].slice(which === "smallest" ? 0 : m - k, which === "smallest" ? k : m);
  const weights = new Float64Array(m * k);
  picked.forEach((row, c) => {
    for (let i = 0; i < m; i++) {
      if (!basis) weights[i * k + c] = vectors[row * m + i];
      else for (let l = 0; l < m; l++) weights[i * k + c] += basis.root[i * m + l] * vectors[row * m + l];
    }
  });
  const c = fromHost(a.device, weights, [m, k], a.dtype);
  // The direction is what the step added to the old iterates.
  const fresh = weights.slice().fill(0, 0, k * k), d = fromHost(a.device, fresh, [m, k], a.dtype);
  const x = computed(q.matmul(c)), ax = computed(aq.matmul(c));
  const largest = (v: Float64Array) => v.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
  return {
    x,
    ax,
    bx: b ? computed(bq.matmul(c)) : x.slice(),
    p: directions ? computed(q.matmul(d)) : x.slice(null, [0, 0]),
    values: fromHost(a.device, picked.map((i) => values[i]), [1, k], a.dtype),
    norms: {
      a: largest(basis ? (await smallEigh(a.device, symmetric(ha!, m), m)).values : values),
      b: basis?.largest ?? 1,
    },
  };
}

function symmetric(h: Float64Array, m: number): Float64Array<ArrayBuffer> {
  const s = new Float64Array(m * m);
  for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) s[i * m + j] = (h[i * m + j] + h[j * m + i]) / 2;
  return s;
}

/** A matrix T with TᵀHT = I, from the eigenvalues of H. */
async function inverseRoot(a: Action, h: Float64Array, m: number): Promise<{ root: Float64Array; largest: number }> {
  const { values, vectors } = await smallEigh(a.device, symmetric(h, m), m), root = new Float64Array(m * m);
  const at = values.findIndex((v) => !(v > 0));
  if (at >= 0) {
    throw new NotPositiveDefiniteError(
      `lobpcg: "b" is not positive definite: its projection has the eigenvalue ${values[at]}`,
      at + 1,
    );
  }
  for (let i = 0; i < m; i++) for (let l = 0; l < m; l++) root[i * m + l] = vectors[l * m + i] / Math.sqrt(values[l]);
  return { root, largest: values[m - 1] };
}

/** Tᵀ·H·T. */
function congruent(h: Float64Array, t: Float64Array, m: number): Float64Array<ArrayBuffer> {
  const right = new Float64Array(m * m), out = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < m; l++) for (let j = 0; j < m; j++) right[i * m + j] += h[i * m + l] * t[l * m + j];
  }
  for (let l = 0; l < m; l++) {
    for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) out[i * m + j] += t[l * m + i] * right[l * m + j];
  }
  return symmetric(out, m);
}
