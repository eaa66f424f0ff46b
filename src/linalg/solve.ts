import type { FloatArray } from "../device/mod.ts";
import { sizeOf } from "../ops/value.ts";
import { stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { eliminateOnAdapter, luWork, solveEliminated, together, triangularWork } from "./device/eliminate.ts";
import { SingularMatrixError } from "./errors.ts";
import { solvePullback } from "./gradients/solve.ts";
import { hostMatrix } from "./host_product.ts";
import { exchangeRows } from "./host_solve.ts";
import { isInRange, requireInRange, widened } from "./in_range.ts";
import { eliminate, substitute } from "./loops/elimination.ts";
import {
  lapackWith,
  nth,
  onHost,
  readSystem,
  requireArguments,
  requireSquare,
  requireSystem,
  type System,
  toSolution,
  transposed,
} from "./matrix_stack.ts";
import { type Place, placeOf, type PlaceOptions } from "./place.ts";
import { type RefineOptions, refineSolutions } from "./refine.ts";

/** Options of {@linkcode solve}. */
export interface SolveOptions extends RefineOptions, PlaceOptions {}

/** Refuses a matrix whose elimination met a pivot of zero. */
export function requirePivots(info: number, n: number, which: number, count: number): void {
  if (info <= 0) return;
  throw new SingularMatrixError(
    `${count > 1 ? `Matrix ${which}` : "The matrix"} is singular: pivot ${info} of ${n} is zero`,
  );
}

/**
 * The solution x of A·x = b for each matrix of `[..., n, n]`, in their own precision, by Gaussian elimination with pivoting (LAPACK's
 * `getrf`, `getrs`); without a LAPACK in f64. `b` is a vector `[n]`, or `[..., n, r]` with leading axes broadcast; x is `[..., n]` or `[..., n, r]`. Nearly
 * singular matrices are solved with what accuracy they allow: {@linkcode certificate} measures the backward error. Throws a
 * {@linkcode SingularMatrixError} at a pivot of zero, a `TypeError` for other types than f32 and f64 and shapes that do not fit, and
 * a `RangeError` if an element is not finite.
 *
 * On a hardware adapter large systems and large stacks are solved there, unless they are to be refined; see {@linkcode PlaceOptions}.
 */
export async function solve(a: Tensor, b: Tensor, options: SolveOptions = {}): Promise<Tensor> {
  const outputs = { x: await solution(a, b, options) };
  return (await withVjp("solve", { a, b }, outputs, (call) => solvePullback(call, options))).x;
}

async function solution(a: Tensor, b: Tensor, options: SolveOptions): Promise<Tensor> {
  requireSquare(a, "solve");
  if (placeFor(a, b, options) === "adapter") {
    const x = await onAdapter(a, b);
    if (x) return x;
  }
  const system = await readSystem(a, b, "solve");
  let x = solvedOnHost(system, options);
  // What f32 cannot hold on the way f64 can.
  if (system.a.dtype === "f32" && !isInRange(x)) {
    const again = await readSystem(a, b, "solve");
    x = Float32Array.from(solvedOnHost({ ...again, a: widened(again.a), b: widened(again.b) }, options));
  }
  requireInRange("solve", system.a, { x });
  return toSolution(system, x);
}

/** The solutions by columns. */
function solvedOnHost(system: System, options: SolveOptions): FloatArray {
  const { device, data, rows: n, count } = system.a, r = system.b.columns;
  const pivots = new Int32Array(n), lapack = lapackWith(device, "getrf", "getrs"), found = system.b.data.slice();
  onHost(device, lapack ? "solve/lapack" : "solve/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), right = nth(system.b.data, i, n * r), x = nth(found, i, n * r);
      if (lapack) {
        const original = options.refine ? Float64Array.from(matrix) : undefined;
        // By columns this is the transposed matrix, and so is solved with its transpose.
        const info = lapack.getrf(n, n, matrix, pivots);
        requireArguments("getrf", info);
        requirePivots(info, n, i, count);
        transposed(right, n, r, x);
        const back = (columns: FloatArray) =>
          requireArguments("getrs", lapack.getrs(true, n, r, matrix, pivots, columns));
        back(x);
        if (original) refineSolutions(device, hostMatrix(n, n, original), right, x, back);
      } else {
        const work = Float64Array.from(matrix), rows = Float64Array.from(right);
        requirePivots(eliminate(work, n, n, pivots), n, i, count);
        exchangeRows(rows, r, pivots);
        substitute(work, n, rows, r, { lower: true, transpose: false, unitDiagonal: true });
        substitute(work, n, rows, r, { lower: false, transpose: false, unitDiagonal: false });
        x.set(transposed(rows, n, r));
        if (!options.refine) continue;
        refineSolutions(device, hostMatrix(n, n, Float64Array.from(matrix)), right, x, (columns) => {
          const again = transposed(Float64Array.from(columns), r, n);
          exchangeRows(again, r, pivots);
          substitute(work, n, again, r, { lower: true, transpose: false, unitDiagonal: true });
          substitute(work, n, again, r, { lower: false, transpose: false, unitDiagonal: false });
          columns.set(transposed(again, n, r));
        });
      }
    }
  });
  return found;
}

function placeFor(a: Tensor, b: Tensor, { refine, on }: SolveOptions): Place {
  const { batch, vector } = requireSystem(a, b, "solve"), sides = vector ? 1 : b.shape[b.rank - 1];
  if (refine && on === "adapter") {
    throw new TypeError("Cannot refine on an adapter: residuals are computed on the host");
  }
  const triangles = triangularWork(a.shape[a.rank - 1], 2 * sides, sizeOf(batch));
  return placeOf("solve", [a, b], together(luWork(a), triangles), refine ? { on: "host" } : { on });
}

/** Undefined if an element of the system or of its solution is not finite: the host says which, or finds another. */
async function onAdapter(a: Tensor, b: Tensor): Promise<Tensor | undefined> {
  // What runs here is not recorded.
  using factors = eliminateOnAdapter(a),
    side = stopGradient(b),
    columns = b.rank === 1 ? side.expandDims(1) : side.slice();
  const { x, info, left } = await solveEliminated(factors, columns), n = a.shape[a.rank - 1];
  if (!left) {
    if (b.rank > 1) return x;
    using solution = x;
    return solution.reshape(x.shape.slice(0, -1));
  }
  x.dispose();
  if (info.every((k) => k >= 0)) info.forEach((k, i) => requirePivots(k, n, i, info.length));
}
