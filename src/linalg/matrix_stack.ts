import { type Device, type FloatArray, type Lapack, type LapackRoutine, typedArray } from "../device/mod.ts";
import { broadcastShapes, showShape, sizeOf } from "../ops/value.ts";
import { stopGradient, Tensor } from "../tensor/mod.ts";

/** Element types that can be factored. */
export type FloatType = "f32" | "f64";

/** Matrices on the host, a dense copy `[...batch, rows, columns]` that routines may overwrite. */
export interface MatrixStack {
  /** Device of the tensor that was read. */
  readonly device: Device;
  /** Its element type. */
  readonly dtype: FloatType;
  /** Leading axes. */
  readonly batch: readonly number[];
  /** How many matrices. */
  readonly count: number;
  /** Rows of each. */
  readonly rows: number;
  /** Columns of each. */
  readonly columns: number;
  /** Elements in row-major order. */
  readonly data: FloatArray;
}

/** Refuses what is no stack of matrices of floating-point numbers. */
export function requireMatrix(a: Tensor, operation: string): void {
  if (!(a instanceof Tensor)) throw new TypeError(`Expected a tensor for ${operation}, got ${typeof a}`);
  if (a.rank < 2) {
    throw new TypeError(`Expected a matrix [..., m, n] for ${operation}, got the shape ${showShape(a.shape)}`);
  }
  requireFloat(a, operation);
}

/** Refuses other element types than f32 and f64: NumPy takes integers for f64, which not every device has. */
export function requireFloat(a: Tensor, operation: string): void {
  if (a.dtype === "f32" || a.dtype === "f64") return;
  throw new TypeError(`Cannot compute ${operation} of ${a.dtype}: expected f32 or f64, see astype`);
}

/** Refuses matrices that are not square. */
export function requireSquare(a: Tensor, operation: string): void {
  requireMatrix(a, operation);
  const [m, n] = a.shape.slice(-2);
  if (m !== n) throw new TypeError(`Expected square matrices for ${operation}, got the shape ${showShape(a.shape)}`);
}

/** Reads a stack of matrices. Throws a `TypeError` for other tensors, and a `RangeError` if an element is not finite. */
export async function readMatrices(a: Tensor, operation: string): Promise<MatrixStack> {
  requireMatrix(a, operation);
  return await readStack(a, operation, "");
}

async function readStack(a: Tensor, operation: string, owner: string): Promise<MatrixStack> {
  const data = await readFinite(a, operation, owner), [rows, columns] = a.shape.slice(-2), batch = a.shape.slice(0, -2);
  return { device: a.device, dtype: a.dtype as FloatType, batch, count: sizeOf(batch), rows, columns, data };
}

/** The elements of a tensor, all finite; `owner` is what is said of it beside the operation. */
async function readFinite(a: Tensor, operation: string, owner: string): Promise<FloatArray> {
  const data = await a.data() as FloatArray;
  for (let k = 0; k < data.length; k++) {
    if (Number.isFinite(data[k])) continue;
    const index: number[] = [];
    for (let rest = k, axis = a.rank - 1; axis >= 0; axis--) {
      index.unshift(rest % a.shape[axis]);
      rest = Math.floor(rest / a.shape[axis]);
    }
    throw new RangeError(`Cannot compute ${operation}: element ${showShape(index)}${owner} is ${data[k]}`);
  }
  return data;
}

/** A matrix and the right-hand sides that go with it, with the leading axes of both broadcast. */
export interface System {
  /** The matrices. */
  readonly a: MatrixStack;
  /** The right-hand sides, `[..., rows, r]`. */
  readonly b: MatrixStack;
  /** Whether `b` was given as a vector, and so is the result. */
  readonly vector: boolean;
}

/**
 * Checks matrices `[..., m, n]` and right-hand sides: a vector `[m]` for all of them, or `[..., m, r]`; gives the leading axes of both,
 * broadcast, and whether the right-hand side is a vector. Throws a `TypeError` where they do not fit.
 */
export function requireSystem(a: Tensor, b: Tensor, operation: string): { batch: number[]; vector: boolean } {
  requireMatrix(a, operation);
  if (!(b instanceof Tensor)) throw new TypeError(`Expected a tensor for the right-hand side, got ${typeof b}`);
  requireFloat(b, operation);
  const m = a.shape.at(-2)!, vector = b.rank === 1;
  if (b.rank < 1 || b.shape.at(vector ? -1 : -2) !== m) {
    throw new TypeError(
      `Cannot solve ${showShape(a.shape)} for ${showShape(b.shape)}: expected [${m}] or [..., ${m}, r]`,
    );
  }
  if (a.device !== b.device || a.dtype !== b.dtype) {
    const show = (t: Tensor) => `${t.dtype} on ${t.device.info.name}`;
    throw new TypeError(`Cannot solve ${show(a)} for ${show(b)}: expected one device and element type`);
  }
  const batch = broadcastShapes({
    "the leading axes of the matrix": a.shape.slice(0, -2),
    "those of the right-hand side": vector ? [] : b.shape.slice(0, -2),
  });
  return { batch, vector };
}

/** Reads matrices and right-hand sides; see {@linkcode requireSystem}. */
export async function readSystem(a: Tensor, b: Tensor, operation: string): Promise<System> {
  const { batch, vector } = requireSystem(a, b, operation);
  // What is read is not recorded.
  using matrix = stopGradient(a);
  using side = stopGradient(b);
  using columns = vector ? side.expandDims(1) : side.slice();
  using left = matrix.broadcastTo([...batch, ...a.shape.slice(-2)]);
  using right = columns.broadcastTo([...batch, ...columns.shape.slice(-2)]);
  // At once: what costs on a GPU is the wait.
  const [matrices, sides] = await Promise.all([
    readStack(left, operation, ""),
    readStack(right, operation, " of the right-hand sides"),
  ]);
  return { a: matrices, b: sides, vector };
}

/** Matrix number `q` of a list of matrices of `size` elements; it shares their memory. */
export function nth<T extends FloatArray>(data: T, q: number, size: number): T {
  return data.subarray(q * size, (q + 1) * size) as T;
}

/** New zeros of an element type. */
export function floats(dtype: FloatType, length: number): FloatArray {
  return typedArray(dtype, length) as FloatArray;
}

/** A tensor `[...batch, ...shape]` on the device of a stack. */
export function toTensor(
  { device, dtype, batch }: Pick<MatrixStack, "device" | "dtype" | "batch">,
  data: FloatArray,
  shape: readonly number[],
): Tensor {
  return Tensor.of(device, data as Parameters<typeof Tensor.of>[1], [...batch, ...shape], dtype);
}

/** The same of matrices that are stored transposed: a view. */
export function toTransposed(stack: MatrixStack, data: FloatArray, [m, n]: readonly [number, number]): Tensor {
  using stored = toTensor(stack, data, [n, m]);
  return stored.T;
}

/** The solution of a system from its columns, one after the other. */
export function toSolution({ a, b, vector }: System, data: FloatArray): Tensor {
  const n = a.columns;
  if (vector) return toTensor(b, data, [n]);
  return toTransposed(b, data, [n, b.columns]);
}

/** The transpose `[n, m]` of a matrix `[m, n]`, in blocks that stay in the cache. */
export function transposed<T extends FloatArray>(a: T, m: number, n: number, into: T = a.slice() as T): T {
  const block = 32;
  for (let i0 = 0; i0 < m; i0 += block) {
    for (let j0 = 0; j0 < n; j0 += block) {
      const rows = Math.min(m, i0 + block), columns = Math.min(n, j0 + block);
      for (let i = i0; i < rows; i++) {
        for (let j = j0; j < columns; j++) into[j * m + i] = a[i * n + j];
      }
    }
  }
  return into;
}

/** The system's LAPACK if the device has one with these routines. */
export function lapackWith(device: Device, ...routines: LapackRoutine[]): Lapack | undefined {
  const { lapack } = device.libraries;
  return lapack && routines.every((name) => lapack.has(name)) ? lapack : undefined;
}

/** Runs work on the host; where the host has kernels too, the profiler sees it. */
export function onHost(device: Device, label: string, work: () => void): void {
  if (device.info.threads > 0) device.runHost(label, work);
  else work();
}

/** Reports an argument that a routine refused: a fault of ours. */
export function requireArguments(routine: LapackRoutine, info: number): void {
  if (info < 0) throw new Error(`LAPACK's ${routine} refuses its argument ${-info}`);
}
