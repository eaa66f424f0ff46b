import { byteSize } from "../device/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { defineOp, type HostArray, type InputTypes, type OpDefinition } from "./define.ts";
import { householderCases } from "./householder_cases.ts";
import { householderMemory, householderWorkgroup } from "./householder_kernels.ts";
import { inDouble } from "./in_double.ts";
import { type ArrayType, showShape, sizeOf } from "./value.ts";

/** Most columns of a panel. */
export const PANEL_COLUMNS = 32;
/** Most rows of a panel: one workgroup goes through it. */
export const PANEL_ROWS = 16_384;

/**
 * Householder reflectors of panels, in compact WY form: for each matrix A of `[..., m, n]` with n ≤ 32 and k = min(m, n), `v` `[..., m, k]`
 * (unit lower trapezoidal) and `t` `[..., k, k]` (upper triangular) of Q = I − V T Vᵀ, and `r` `[..., k, n]`, the first k rows of QᵀA,
 * which are upper trapezoidal: A = Q·[r; 0]. Reflectors as LAPACK's `geqrt` has them: a column that is zero below the diagonal stays as it is,
 * sign and all; so does one whose elements from the diagonal on are all below 1e-17 (f64: 1e-150). Elements should be scaled accordingly, and not so
 * large that their squares overflow. Schreiber & Van Loan 1989.
 */
export const householder: OpDefinition<Record<string, never>> = defineOp({
  name: "householder",

  contract(inputs) {
    const { batch, m, n, k, dtype } = panelLayout(inputs);
    const of = (rows: number, columns: number): ArrayType => ({ shape: [...batch, rows, columns], dtype });
    return { v: of(m, k), t: of(k, k), r: of(k, n) };
  },

  reference(inputs, _params, { v, t, r }) {
    const a = inputs.a as HostArray, { m, n, k } = panelLayout({ a }), x = new Float64Array(m * n);
    for (let q = 0; q < sizeOf(a.shape) / Math.max(1, m * n); q++) {
      x.set(a.data.subarray(q * m * n, (q + 1) * m * n));
      const part = (array: HostArray, size: number) => array.data.subarray(q * size, (q + 1) * size);
      reflect(x, m, n, k, part(v, m * k), part(t, k * k));
      const upper = part(r, k * n);
      for (let i = 0; i < k; i++) for (let j = i; j < n; j++) upper[i * n + j] = x[i * n + j];
    }
  },

  kernels: [householderWorkgroup, householderMemory],

  cost(inputs, _params, outputs) {
    const { m, n, k, dtype, batch } = panelLayout(inputs), count = sizeOf(batch);
    const elements = count * m * n + Object.values(outputs).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return {
      bytes: elements * byteSize(dtype),
      flops: 2 * count * k * (2 * m * n - k * (m + n) + (2 * k * k) / 3 + m * k / 2),
    };
  },

  // The computed R is that of a matrix within c·u·‖A‖ of A, with c a small multiple of the number of elements that a product adds up and of the
  // reflectors (Higham, Accuracy and Stability, §19.3). To first order R moves by √2·κ(A) times as much (Stewart 1977), and a reflector,
  // which is a column divided by its own length |r_jj| ≥ σ_min, by ‖A‖/σ_min = κ times that. κ is estimated from the reference's R.
  error(inputs, _params, { v, t, r }, u) {
    const a = inputs.a as HostArray,
      { m, n, k } = panelLayout({ a }),
      bounds = [v, t, r].map((x) => new Float64Array(x.data.length));
    for (let q = 0; q < sizeOf(a.shape) / Math.max(1, m * n); q++) {
      const part = (x: Float64Array, size: number) => x.subarray(q * size, (q + 1) * size);
      const size = Math.hypot(...part(a.data, m * n)), kappa = size * inverseNorm(part(r.data, k * n), n, k);
      const c = 4 * k * Math.sqrt(m) + 16, moved = c * u * Math.min(kappa, 1 / u);
      part(bounds[0], m * k).fill(moved * Math.max(1, kappa));
      part(bounds[1], k * k).fill(2 * moved * Math.max(1, kappa));
      part(bounds[2], k * n).fill(moved * size);
    }
    return { v: bounds[0], t: bounds[1], r: bounds[2] };
  },

  // In f64 a part of them: every shape is a pipeline.
  cases: [...householderCases, ...inDouble(householderCases.filter((_, k) => k % 3 === 1))],
});

/** Sizes of a call. */
export interface PanelLayout {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: "f32" | "f64";
}

/** Sizes of a call; refuses what is no stack of panels. */
export function panelLayout(inputs: InputTypes): PanelLayout {
  const { shape, dtype } = requireArray(inputs, "a");
  if (dtype !== "f32" && dtype !== "f64") throw new TypeError(`Cannot reflect panels of ${dtype}: expected f32 or f64`);
  if (shape.length < 2) throw new TypeError(`Expected panels [..., m, n], got the shape ${showShape(shape)}`);
  const [m, n] = shape.slice(-2);
  if (n > PANEL_COLUMNS || m > PANEL_ROWS) {
    throw new RangeError(
      `Expected at most ${PANEL_ROWS} rows and ${PANEL_COLUMNS} columns, got the shape ${showShape(shape)}`,
    );
  }
  return { batch: shape.slice(0, -2), m, n, k: Math.min(m, n), dtype };
}

/** Leaves R in the upper triangle of `x`. */
function reflect(x: Float64Array, m: number, n: number, k: number, v: Float64Array, t: Float64Array): void {
  for (let j = 0; j < k; j++) {
    let largest = 0, squares = 0;
    for (let i = j + 1; i < m; i++) largest = Math.max(largest, Math.abs(x[i * n + j]));
    for (let i = j + 1; i < m; i++) squares += (x[i * n + j] / (largest || 1)) ** 2;
    const first = x[j * n + j], below = largest * Math.sqrt(squares), length = Math.hypot(first, below);
    const diagonal = below === 0 ? first : first < 0 ? length : -length,
      tau = below === 0 ? 0 : (diagonal - first) / diagonal;
    v[j * k + j] = 1;
    for (let i = j + 1; i < m && below !== 0; i++) v[i * k + j] = x[i * n + j] / (first - diagonal);
    for (let c = j; c < n; c++) {
      let dot = 0;
      for (let i = j; i < m; i++) dot += v[i * k + j] * x[i * n + c];
      for (let i = j; i < m; i++) x[i * n + c] -= tau * dot * v[i * k + j];
    }
    // T's next column is −τ T (Vᵀ v) above τ.
    const dots = Float64Array.from({ length: j }, (_, c) => {
      let dot = 0;
      for (let i = j; i < m; i++) dot += v[i * k + c] * v[i * k + j];
      return dot;
    });
    for (let i = 0; i < j; i++) {
      for (let c = i; c < j; c++) t[i * k + j] -= tau * t[i * k + c] * dots[c];
    }
    t[j * k + j] = tau;
  }
}

/** ‖R⁻¹‖ in the Frobenius norm, of the first k columns; infinite if R is singular. */
function inverseNorm(r: Float64Array, n: number, k: number): number {
  let squares = 0;
  for (let c = 0; c < k; c++) {
    const x = new Float64Array(k);
    for (let i = c; i >= 0; i--) {
      let rest = i === c ? 1 : 0;
      for (let j = i + 1; j <= c; j++) rest -= r[i * n + j] * x[j];
      x[i] = rest / r[i * n + i];
      squares += x[i] ** 2;
    }
  }
  return Number.isNaN(squares) ? Infinity : Math.sqrt(squares);
}
