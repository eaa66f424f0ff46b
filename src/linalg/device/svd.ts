import { roundoff } from "../../device/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";
import { ascending, type Order, rowsFrom } from "./order.ts";
import { constantLike, eyeLike, orthonormalRows, positions, scaledStack, unflattened, zerosLike } from "./parts.ts";
import { factors, fitsDeviceQr } from "./qr.ts";
import { jacobiRows, padded, sweepUntil } from "./sweeps.ts";

/** Parts of A = u·diag(s)·vᵀ of stacks. */
interface Parts {
  readonly u: Tensor;
  readonly s: Tensor;
  readonly v: Tensor;
}

/** What is wanted beside the values. */
export type Vectors = "none" | "reduced" | "full";

/** Whether {@linkcode svdOnDevice} takes matrices of a size. */
export function fitsDeviceSvd(a: Tensor, full: boolean): boolean {
  const [m, n] = a.shape.slice(-2), long = Math.max(m, n);
  return fitsDeviceQr(long, Math.min(m, n), "reduced") && (!full || m === n || fitsDeviceQr(long, long, "complete"));
}

/**
 * The singular value decomposition on the adapter by one-sided block Jacobi, preconditioned by a QR decomposition (Drmač & Veselić 2008): A = Q·R with
 * its columns from the longest to the shortest, then rotations of R's rows, A = (Q·J)·(JᵀR), until these are orthogonal to 8·√n·u. Small
 * singular values keep their digits where A has columns (or rows, if m < n) of different size but is well conditioned else. Throws a `RangeError` if an element is not
 * finite, and a `ConvergenceError`.
 */
export async function svdOnDevice(a: Tensor, vectors: Vectors): Promise<Parts> {
  return await runScope(async () => {
    const { x, scale, requireFinite } = scaledStack(a, vectors === "none" ? "svdvals" : "svd");
    const { u, s, v } = await decomposed(x, vectors, requireFinite);
    return {
      u: unflattened(u, a),
      s: s.div(scale.squeeze(-1)).reshape([...a.shape.slice(0, -2), s.shape[1]]),
      v: unflattened(v, a),
    };
  });
}

/** Parts of stacks `[count, m, n]` of moderate elements; of wide ones from those of the transposes. */
export async function decomposed(x: Tensor, vectors: Vectors, requireFinite: () => Promise<void>): Promise<Parts> {
  const [, m, n] = x.shape;
  if (m >= n) return await decomposedTall(x, vectors, requireFinite);
  const { u, s, v } = await decomposedTall(x.T, vectors, requireFinite);
  return { u: v, s, v: u };
}

/** Of matrices `[count, m, n]` with m ≥ n. */
async function decomposedTall(x: Tensor, vectors: Vectors, requireFinite: () => Promise<void>): Promise<Parts> {
  const [count, m, n] = x.shape, rows = jacobiRows(n), u = roundoff(x.dtype), none = vectors === "none";
  const lengths = Tensor.reduce("sum", "x^2", { x }, 1), columns = ascending(lengths.neg());
  const first = await factors(rowsFrom(x.T, columns.order).T, n);
  const { i, j } = { i: positions(x, rows).reshape([rows, 1]), j: positions(x, rows) };
  let complete = true;
  const found = await sweepUntil(
    {
      a: padded(first.r, rows, n),
      v: none ? zerosLike(x, [count, rows, 0]) : eyeLike(x, rows, n).broadcastTo([count, rows, n]),
      level: constantLike(x, Math.sqrt(n) * u).broadcastTo([count]),
      of: "rows",
    },
    `singular values of a matrix [${m}, ${n}]`,
    async (a) => {
      const unit = unitRows(a).unit, cosines = unit.matmul(unit.T);
      const worst = Tensor.reduce("max", "i == j ? zero : abs(c)", { c: cosines, i, j, zero: constantLike(x, 0) });
      // Rows without a direction have a square of zero.
      const least = Tensor.reduce("min", "i == j && i < n ? c : one", { c: cosines, i, j, n, one: constantLike(x, 1) });
      const [[apart], [square]] = await Promise.all([worst.data(), least.data(), requireFinite()]);
      complete = square > 0.5;
      return apart <= 8 * Math.sqrt(n) * u;
    },
  );
  const { unit, length } = unitRows(found.a.slice(null, [0, n])),
    { order } = ascending(length.neg()),
    s = rowsFrom(length, order);
  if (none) return { u: zerosLike(x, [count, m, 0]), s, v: zerosLike(x, [count, n, 0]) };
  const right = rowsFrom(unit, order), turns = orthonormalRows(rowsFrom(found.v.slice(null, [0, n]), order));
  const v = complete ? orthonormalRows(right).T : await completed(right.T, n), left = first.q.matmul(turns.T);
  return { u: vectors === "full" && m > n ? await completed(left, m) : left, s, v: backInOrder(v, columns) };
}

/** Rows shorter than this beside the longest count as zero: their squares do not fit into numbers. They are far below rounding errors. */
const SHORTEST = { f32: 1e-15, f64: 1e-135 };

/** Rows over their lengths `[count, n]`; zero where a row is, or counts as such. */
function unitRows(x: Tensor): { unit: Tensor; length: Tensor } {
  const one = constantLike(x, 1), peak = Tensor.reduce("max", "abs(x)", { x }, -1, { keepDims: true });
  const size = Tensor.map("p > 0 ? p : one", { p: peak, one }), largest = peak.max(1, { keepDims: true });
  const root = Tensor.reduce("sum", "(x / size)^2", { x, size }, -1, { keepDims: true }).sqrt();
  const some = Tensor.map(`p > ${SHORTEST[x.dtype as "f32" | "f64"]} * largest`, { p: peak, largest });
  return {
    unit: Tensor.map("some ? x / size / (root > 0 ? root : one) : 0 * one", { x, size, root, one, some }),
    length: size.mul(root).squeeze(-1),
  };
}

/** An orthonormal basis `[count, m, p]` that begins with the columns given, those of them that are orthonormal; columns of zeros come last. */
async function completed(x: Tensor, p: number): Promise<Tensor> {
  const [, , n] = x.shape, { q, r } = await factors(x, p), i = positions(x, p).reshape([p, 1]), j = positions(x, n);
  const diagonal = Tensor.reduce("sum", "i == j ? r : zero", { r, i, j, zero: constantLike(x, 0) }, -1);
  const sign = Tensor.map("d < 0 ? -one : one", { d: diagonal, one: constantLike(x, 1) });
  return q.mul(sign.expandDims(1));
}

/** Rows back from the order in which the columns of the matrix were taken. */
function backInOrder(v: Tensor, columns: Order): Tensor {
  return rowsFrom(v, columns.rank);
}
