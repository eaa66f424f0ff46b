import type { Device } from "../../device/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { showShape } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { type FloatType, requireMatrix } from "../matrix_stack.ts";

/** What the iterative methods take for a matrix: a tensor `[..., m, n]`, or an operator that knows how to act. */
export type MatrixLike = Tensor | LinearOperator;

/** A matrix as the iterative methods use it. */
export interface Action {
  /** Rows of each matrix. */
  readonly rows: number;
  /** Columns of each matrix. */
  readonly columns: number;
  /** Leading axes; none for an operator. */
  readonly batch: readonly number[];
  /** The device that it is on. */
  readonly device: Device;
  /** Element type of its vectors. */
  readonly dtype: FloatType;
  /** The stored matrix, if it is one. */
  readonly matrix?: Tensor;
  /** A·v for v of shape `[..., columns, k]`. */
  apply(v: Tensor): Tensor;
  /** Aᵀ·u for u of shape `[..., rows, k]`. */
  applyTransposed(u: Tensor): Tensor;
}

/** The matrix as an action. `like` gives an operator that does not say its element type the one of the vectors. */
export function actionOf(a: MatrixLike, operation: string, like?: FloatType): Action {
  if (a instanceof Tensor) return storedAction(a, operation);
  if (typeof a !== "object" || a === null || typeof (a as Partial<LinearOperator>).apply !== "function") {
    throw new TypeError(
      `Expected a tensor or a linear operator for ${operation}, got ${a === null ? "null" : typeof a}`,
    );
  }
  const { shape: [rows, columns], device } = a, dtype = (a as { dtype?: string }).dtype ?? like ?? "f32";
  if (dtype !== "f32" && dtype !== "f64") {
    throw new TypeError(`Cannot compute ${operation} of ${dtype}: expected f32 or f64`);
  }
  return {
    rows,
    columns,
    batch: [],
    device,
    dtype,
    apply: (v) => checked(asVector(v, (w) => a.apply(w)), [rows, v.shape[1]]),
    applyTransposed: (u) => checked(asVector(u, (w) => a.applyTransposed(w)), [columns, u.shape[1]]),
  };
}

/** The same of a matrix that must be square. */
export function squareAction(a: MatrixLike, operation: string, like?: FloatType): Action {
  const action = actionOf(a, operation, like);
  if (action.rows !== action.columns) {
    throw new TypeError(
      `Expected a square matrix for ${operation}, got ${showShape([...action.batch, action.rows, action.columns])}`,
    );
  }
  return action;
}

/** The same of one matrix: tensors with leading axes are refused. */
export function singleAction(a: MatrixLike, operation: string, { square = false } = {}): Action {
  const action = square ? squareAction(a, operation) : actionOf(a, operation);
  if (action.batch.length === 0) return action;
  throw new TypeError(
    `Expected one matrix [m, n] for ${operation}, got ${
      showShape([...action.batch, action.rows, action.columns])
    }: take each with at()`,
  );
}

/** Aᵀ as an action. */
export function transposedAction(a: Action): Action {
  return { ...a, rows: a.columns, columns: a.rows, apply: a.applyTransposed, applyTransposed: a.apply };
}

function storedAction(matrix: Tensor, operation: string): Action {
  requireMatrix(matrix, operation);
  const [rows, columns] = matrix.shape.slice(-2), batch = matrix.shape.slice(0, -2), { device } = matrix;
  const product = (a: Tensor, v: Tensor): Tensor => {
    if (v.shape.at(-1) !== 1) return a.matmul(v);
    // One vector: a reduction reads the matrix as it lies.
    const axis = a.rank - 1;
    using row = v.T;
    return Tensor.reduce("sum", "a * v", { a, v: row }, axis, { keepDims: true });
  };
  return {
    rows,
    columns,
    batch,
    device,
    dtype: matrix.dtype as FloatType,
    matrix,
    apply: (v) => product(matrix, v),
    applyTransposed(u) {
      if (u.shape.at(-1) === 1) {
        using sum = Tensor.reduce("sum", "a * u", { a: matrix, u }, matrix.rank - 2, { keepDims: true });
        return sum.T;
      }
      using turned = matrix.T;
      return turned.matmul(u);
    },
  };
}

/** One column goes to an operator as a vector, for which it may have a faster way. */
function asVector(v: Tensor, apply: (v: Tensor) => Tensor): Tensor {
  if (v.shape[1] !== 1) return apply(v);
  using vector = v.reshape([v.shape[0]]);
  using out = apply(vector);
  return out.reshape([out.size, 1]);
}

function checked(out: Tensor, shape: readonly number[]): Tensor {
  if (out.shape.join() === shape.join()) return out;
  throw new TypeError(`Expected the operator to give ${showShape(shape)}, got ${showShape(out.shape)}`);
}
