import { type Tensor, withVjp } from "../tensor/mod.ts";
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
  toSolution,
  transposed,
} from "./matrix_stack.ts";

/** Options of {@linkcode solveTriangular}. */
export interface TriangularOptions {
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
 */
export async function solveTriangular(a: Tensor, b: Tensor, options: TriangularOptions = {}): Promise<Tensor> {
  const outputs = { x: await solution(a, b, options) };
  return (await withVjp("solveTriangular", { a, b }, outputs, (call) => solveTriangularPullback(call, options))).x;
}

async function solution(a: Tensor, b: Tensor, options: TriangularOptions): Promise<Tensor> {
  requireSquare(a, "solveTriangular");
  const { lower = false, transpose = false, unitDiagonal = false } = options;
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
      if (info > 0) {
        throw new SingularMatrixError(
          `${count > 1 ? `Matrix ${i}` : "The matrix"} is singular: diagonal element ${info - 1} is zero`,
        );
      }
    }
  });
  return toSolution(system, found);
}
