import { roundoff } from "../device/mod.ts";
import { stopGradient, Tensor, withVjp } from "../tensor/mod.ts";
import { ConvergenceError } from "./errors.ts";
import { polarPullback } from "./gradients/polar.ts";
import { inv } from "./inverse.ts";
import { identity } from "./matrix_power.ts";
import { requireMatrix, requireSquare } from "./matrix_stack.ts";
import { matrixSign } from "./matrix_sign.ts";
import { deviation, gram, settles } from "./newton_schulz.ts";
import { norm } from "./norm.ts";
import { svd } from "./svd.ts";

/** A = u·p (right) or p·u (left). */
export interface Polar {
  /** With orthonormal columns, or rows if it is wider than high, `[..., m, n]`: of all such matrices the nearest to A. */
  readonly u: Tensor;
  /** Symmetric positive semidefinite, `[..., n, n]` (right) or `[..., m, m]` (left). */
  readonly p: Tensor;
}

/** Options of {@linkcode polar}. */
export interface PolarOptions {
  /** On which side of u the factor p stands. Default `right`. */
  side?: "right" | "left";
  /**
   * `svd`: of any matrix. `newtonSchulz`: products on the device alone, see {@linkcode matrixSign}; of matrices whose rank is full, and slow where that is
   * nearly not so. `newton`: Newton's scaled iteration with inverses (Higham 1986), of square matrices that have one, in at most about 10 steps.
   * Default `svd`.
   */
  method?: "svd" | "newtonSchulz" | "newton";
}

/** Steps of Newton's scaled iteration, which takes 9 from any condition up to 1/u (Nakatsukasa & Higham 2012). */
const NEWTON_STEPS = 30;

/**
 * Polar decomposition of each matrix of `[..., m, n]` (Higham 2008, chapter 8). Where the rank is not full, u is one of many. {@linkcode certificate}
 * measures its errors. Throws a `TypeError` for other types than f32 and f64, a `RangeError` if an element is not finite, and a
 * {@linkcode ConvergenceError} or {@linkcode SingularMatrixError} for matrices that the method cannot do. Singular values may coincide in its
 * gradient, but not be zero, which is a {@linkcode SingularMatrixError} (one of a square matrix may, for u).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { u, p } = await linalg.polar(gpu.tensor([[0, -2], [3, 0]]));
 * console.log(await u.array(), await p.array()); // nearly [[0, -1], [1, 0]] and [[3, 0], [0, 2]]
 * ```
 */
export async function polar(a: Tensor, options: PolarOptions = {}): Promise<Polar> {
  const { side = "right", method = "svd" } = options;
  if (side !== "right" && side !== "left") {
    throw new TypeError(`Expected "side" to be "right" or "left", got ${JSON.stringify(side)}`);
  }
  if (method !== "svd" && method !== "newtonSchulz" && method !== "newton") {
    throw new TypeError(`Expected "method" to be "svd", "newtonSchulz" or "newton", got ${JSON.stringify(method)}`);
  }
  requireMatrix(a, "polar");
  using point = stopGradient(a);
  const outputs = { ...await factored(point, side, method) };
  return await withVjp("polar", { a }, outputs, (call) => polarPullback(call, side));
}

async function factored(
  a: Tensor,
  side: "right" | "left",
  method: NonNullable<PolarOptions["method"]>,
): Promise<Polar> {
  if (method === "svd") return await bySvd(a, side);
  const u = method === "newton" ? await byNewton(a) : await bySchulz(a);
  // The nearest symmetric matrix to uᵀ·a or a·uᵀ: what it lacks of symmetry is the error of u (Higham 2008, §8.8).
  using turned = u.T;
  using product = side === "right" ? turned.matmul(a) : a.matmul(turned);
  return { u, p: symmetric(product) };
}

function symmetric(x: Tensor): Tensor {
  using turned = x.T;
  return Tensor.map("(x + y) / 2", { x, y: turned });
}

async function bySvd(a: Tensor, side: "right" | "left"): Promise<Polar> {
  const found = await svd(a);
  using w = found.u;
  using s = found.s;
  using v = found.v;
  using vt = v.T;
  const basis = side === "right" ? v : w;
  using row = s.expandDims(-2);
  using scaled = basis.mul(row);
  using turned = basis.T;
  using product = scaled.matmul(turned);
  return { u: w.matmul(vt), p: symmetric(product) };
}

async function bySchulz(a: Tensor): Promise<Tensor> {
  const { sign, residual } = await matrixSign(a, { coefficients: "polarExpress" });
  residual.dispose();
  return sign;
}

/** X ← (γX + X⁻ᵀ/γ)/2 with γ⁴ = ‖X⁻¹‖₁‖X⁻¹‖∞ / (‖X‖₁‖X‖∞) (Higham 1986, eq. 3.4; 2008, eq. 8.26). */
async function byNewton(a: Tensor): Promise<Tensor> {
  requireSquare(a, 'polar by "newton"');
  if (a.size === 0) return Tensor.map("x", { x: a });
  using one = identity(a);
  const settled = settles(a.shape.at(-1)! * roundoff(a.dtype));
  let x = a.slice(), error = Infinity;
  try {
    for (let k = 0; k <= NEWTON_STEPS; k++) {
      using g = gram(x);
      using residual = deviation(g, one);
      error = Float64Array.from(await residual.data()).reduce((p, q) => Math.max(p, q), 0);
      if (settled(error)) return x.slice();
      using inverse = await inv(x);
      using scale = await newtonScale(x, inverse);
      using turned = inverse.T;
      const next = Tensor.map("(c * x + y / c) / 2", { x, y: turned, c: scale });
      x.dispose();
      x = next;
    }
  } finally {
    x.dispose();
  }
  throw new ConvergenceError(
    `The polar factor of a matrix [${
      a.shape.slice(-2).join(", ")
    }] was not found in ${NEWTON_STEPS} steps: ‖XᵀX − I‖ is ${error}`,
  );
}

async function newtonScale(x: Tensor, inverse: Tensor): Promise<Tensor> {
  const size = (t: Tensor, ord: number) => norm(t, { ord, axis: [-2, -1], keepDims: true });
  using a = await size(x, 1);
  using b = await size(x, Infinity);
  using p = await size(inverse, 1);
  using q = await size(inverse, Infinity);
  // Roots first: the products may leave the range of numbers.
  return Tensor.map("sqrt(sqrt(p) / sqrt(a) * (sqrt(q) / sqrt(b)))", { a, b, p, q });
}
