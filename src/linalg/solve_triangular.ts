import { sizeOf } from "../ops/value.ts";
import { stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { requireInRange } from "./in_range.ts";
import { substituteOnAdapter, triangularWork } from "./device/eliminate.ts";
import { SingularMatrixError } from "./errors.ts";
import { solveTriangularPullback } from "./gradients/solve.ts";
import { substitute } from "./loops/elimination.ts";
import {
  lapackWith,
  nth,
  onHost,
  readSystem,
  requireArguments,
  requireSquare,
  requireSystem,
  toSolution,
  transposed,
} from "./matrix_stack.ts";
import { placeOf, type PlaceOptions } from "./place.ts";

/** Options of {@linkcode solveTriangular}. */
export interface TriangularOptions extends PlaceOptions {
  /** Reads the lower triangle, else the upper one. Default false. */
  lower?: boolean;
  /** Solves Aᵀ·x = b. Default false. */
  transpose?: boolean;
  /** Takes the diagonal for ones, whatever is stored there. Default false. */
  unitDiagonal?: boolean;
}

/**
 * The solution x of A·x = b for a triangle of each matrix of `[..., n, n]`, by substitution (LAPACK's `trtrs`); without a LAPACK in f64. The
 * other triangle is not used. `b` is a vector `[n]`, or `[..., n, r]` with leading axes broadcast; x is `[..., n]` or `[..., n, r]`. Throws a
 * {@linkcode SingularMatrixError} if a diagonal element is zero, a `TypeError` for other types than f32 and f64 and shapes that do
 * not fit, and a `RangeError` if an element, of either triangle, is not finite.
 *
 * On a hardware adapter large systems and large stacks are solved there, by blocks; see {@linkcode PlaceOptions}.
 */
export async function solveTriangular(a: Tensor, b: Tensor, options: TriangularOptions = {}): Promise<Tensor> {
  const outputs = { x: await solution(a, b, options) };
  return (await withVjp("solveTriangular", { a, b }, outputs, (call) => solveTriangularPullback(call, options))).x;
}

async function solution(a: Tensor, b: Tensor, options: TriangularOptions): Promise<Tensor> {
  requireSquare(a, "solveTriangular");
  const { lower = false, transpose = false, unitDiagonal = false } = options;
  const { batch, vector } = requireSystem(a, b, "solveTriangular"), sides = vector ? 1 : b.shape[b.rank - 1];
  const work = triangularWork(a.shape[a.rank - 1], sides, sizeOf(batch));
  if (placeOf("solveTriangular", [a, b], work, options) === "adapter") {
    const x = await onAdapter(a, b, { lower, transpose, unitDiagonal });
    if (x) return x;
  }
  const system = await readSystem(a, b, "solveTriangular"), { device, data, rows: n, count } = system.a;
  const r = system.b.columns, lapack = lapackWith(device, "trtrs"), found = system.b.data.slice();
  onHost(device, lapack ? "solveTriangular/lapack" : "solveTriangular/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), right = nth(system.b.data, i, n * r), x = nth(found, i, n * r);
      let info: number;
      if (lapack) {
        transposed(right, n, r, x);
        // By columns this is the transposed matrix.
        info = lapack.trtrs({ triangle: lower ? "U" : "L", transposed: !transpose, unitDiagonal }, n, r, matrix, x);
        requireArguments("trtrs", info);
      } else {
        const rows = Float64Array.from(right);
        info = substitute(matrix, n, rows, r, { lower, transpose, unitDiagonal });
        x.set(transposed(rows, n, r));
      }
      requireDiagonal(info, i, count);
    }
  });
  requireInRange("solveTriangular", system.a, { x: found });
  return toSolution(system, found);
}

/** Refuses a triangle with a zero on its diagonal. */
function requireDiagonal(info: number, which: number, count: number): void {
  if (info <= 0) return;
  const what = count > 1 ? `Matrix ${which}` : "The matrix";
  throw new SingularMatrixError(`${what} is singular: diagonal element ${info - 1} is zero`);
}

/** Undefined if an element of the system or of its solution is not finite: the host says which, or finds another. */
async function onAdapter(
  a: Tensor,
  b: Tensor,
  use: Required<Omit<TriangularOptions, "on">>,
): Promise<Tensor | undefined> {
  // What runs here is not recorded.
  using side = stopGradient(b), columns = b.rank === 1 ? side.expandDims(1) : side.slice();
  const { x, info } = substituteOnAdapter(a, columns, use);
  using found = info, solution = x;
  const data = await found.data();
  if (data.every((k) => k === 0)) return b.rank === 1 ? solution.reshape(x.shape.slice(0, -1)) : solution.slice();
  if (data.every((k) => k >= 0)) data.forEach((k, i) => requireDiagonal(k, i, data.length));
}
