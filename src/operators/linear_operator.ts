import type { Device, DType } from "../device/mod.ts";
import type { Sparse, Tensor } from "../tensor/mod.ts";
import type { Structure } from "./structure.ts";

/** What is known of an operator: `true` is a promise, `false` means that nobody said so. */
export interface OperatorFlags {
  /** A = Aᵀ. */
  readonly symmetric: boolean;
  /** Symmetric, and xᵀAx > 0 for x ≠ 0. */
  readonly positiveDefinite: boolean;
  /** Symmetric, and xᵀAx ≥ 0. */
  readonly positiveSemidefinite: boolean;
  /** Square, and AᵀA = I up to rounding. */
  readonly orthogonal: boolean;
  /** Zero off the main diagonal. */
  readonly diagonal: boolean;
  /** Zero above the main diagonal. */
  readonly lowerTriangular: boolean;
  /** Zero below the main diagonal. */
  readonly upperTriangular: boolean;
}

/** Sign and logarithm of the magnitude of a determinant, scalars. */
export interface OperatorSlogdet {
  /** 1 or −1, or 0 for a singular operator. */
  readonly sign: Tensor;
  /** Natural logarithm of |det|; −∞ for a singular operator. */
  readonly logAbsDet: Tensor;
}

/** What an operator reads: arrays that it was given or made, and other operators. */
export type OperatorPart = Tensor | Sparse | LinearOperator;

/**
 * A matrix known by how it acts. Solvers take it in place of a stored matrix. Made by the functions of this folder, and
 * by {@linkcode linearOperator} from a function; everything that it computes goes through tensors, so it is
 * differentiable in the tensors that it was made of.
 *
 * An operator borrows the tensors and operators that it was given: keep them while it is used. What it makes for itself
 * (a spectrum, the product of two diagonals) is its own; `dispose` or `using` frees that once no operator derived from
 * it needs it, a `gpu.scope` keeps what a returned operator reads.
 */
export interface LinearOperator {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  /** The device that its arrays are on. */
  readonly device: Device;
  /** Element type of what it applies to and gives. */
  readonly dtype: DType;
  /** What is known of it. */
  readonly flags: OperatorFlags;
  /** At most so many elements are not zero. */
  readonly nnz: number;
  /** About so many floating-point operations take one product with a vector. */
  readonly flops: number;
  /** What it is made of. */
  readonly structure: Structure;
  /** The tensors and operators that it reads, given or its own. */
  readonly parts: readonly OperatorPart[];

  /** A·v for v of shape `[columns]` or `[columns, k]`, of the operator's dtype. Throws a `TypeError` for others. */
  apply(v: Tensor): Tensor;
  /** Aᵀ·u for u of shape `[rows]` or `[rows, k]`. */
  applyTransposed(u: Tensor): Tensor;
  /** Row `i`, of shape `[columns]`. */
  row(i: number): Tensor;
  /** Column `j`, of shape `[rows]`. */
  column(j: number): Tensor;
  /**
   * The main diagonal, `[min(rows, columns)]`. Where the structure does not give it, by as many products as it is long.
   */
  diagonal(): Tensor;
  /** Sum of the main diagonal of a square operator, a scalar. */
  trace(): Tensor;
  /** The stored matrix. Throws a `RangeError` if it would not fit in `maxBytes` (default 256 MB). */
  toDense(options?: { maxBytes?: number }): Tensor;
  /**
   * x with A·x = b, `[n]` or `[n, k]`, where the structure gives it directly; absent otherwise, see the solvers of
   * `linalg`. Rejects with a {@linkcode SingularMatrixError} if there is no inverse.
   */
  readonly solve?: (b: Tensor) => Promise<Tensor>;
  /** Sign and logarithm of the determinant, where the structure gives it directly. */
  readonly slogdet?: () => OperatorSlogdet;

  /** The transpose. */
  readonly T: LinearOperator;
  /** The transpose. */
  transpose(): LinearOperator;
  /** A + B. */
  add(other: LinearOperator): LinearOperator;
  /** A − B. */
  subtract(other: LinearOperator): LinearOperator;
  /** c·A for a number or a tensor of one element. */
  scale(factor: number | Tensor): LinearOperator;
  /** −A. */
  neg(): LinearOperator;
  /** A·B, which applies B first. */
  compose(other: LinearOperator): LinearOperator;
  /** A·A⋯A, `exponent` times; a whole number, 0 gives the identity. */
  power(exponent: number): LinearOperator;
  /** The Kronecker product A ⊗ B. */
  kronecker(other: LinearOperator): LinearOperator;

  /** Shape, dtype, structure and what else is known. */
  toString(): string;
  /** True after `dispose`. */
  readonly disposed: boolean;
  /** Lets go of what the operator made for itself. Operators and tensors derived from it stay valid. */
  dispose(): void;
  /** `using A = …` disposes of it at the end of the block. */
  [Symbol.dispose](): void;
}

/** Where an operator without tensors lives: a `Gpu`, a tensor, another operator. */
export interface OnDevice {
  /** The device. */
  readonly device: Device;
}

/** Options of operators that are made from tensors. */
export interface OperatorOptions {
  /** What you promise of the operator beside what its structure says; not checked. */
  flags?: Partial<OperatorFlags>;
  /** Takes the tensors over, all or those of a list: they are freed with the operator. Default none. */
  owns?: boolean | readonly Tensor[];
}

/** Bytes that `toDense` makes without being asked twice. */
const DENSE_BYTES = 256e6;

const size = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** Refuses a product with a vector or matrix that does not fit. */
export function requireProduct(
  { shape, dtype, device }: Pick<LinearOperator, "shape" | "dtype" | "device">,
  v: Tensor,
  transposed: boolean,
): void {
  const want = transposed ? shape[0] : shape[1];
  const name = `Cannot apply ${transposed ? "the transposed operator" : "the operator"} ${size(shape)}`;
  if (v?.shape === undefined) throw new TypeError(`${name} to ${v === null ? "null" : typeof v}: expected a tensor`);
  if (v.rank < 1 || v.rank > 2 || v.shape[0] !== want) {
    throw new TypeError(`${name} to ${size(v.shape)}: expected [${want}] or [${want}, k]`);
  }
  if (v.dtype !== dtype) {
    throw new TypeError(`${name} ${dtype} to ${v.dtype} ${size(v.shape)}: dtypes differ, see astype`);
  }
  if (v.device !== device) {
    throw new TypeError(`${name} on ${device.info.name} to a tensor on ${v.device.info.name}: devices differ`);
  }
}

/** Refuses a dense form over the limit. */
export function requireDense(
  { shape, dtype, device }: Pick<LinearOperator, "shape" | "dtype" | "device">,
  maxBytes: number = DENSE_BYTES,
): void {
  const bytes = shape[0] * shape[1] * (dtype === "f64" ? 8 : 4),
    limit = Math.min(maxBytes, device.info.limits.bindingBytes);
  if (bytes > limit) {
    throw new RangeError(
      `Cannot store the operator ${size(shape)}: it takes ${Math.ceil(bytes / 1e6)} MB, allowed are ${
        Math.floor(limit / 1e6)
      } MB; use apply or row`,
    );
  }
}

/** Refuses a row or column number out of range. */
export function requirePlace(shape: readonly [number, number], axis: 0 | 1, at: number): void {
  if (!Number.isInteger(at) || at < 0 || at >= shape[axis]) {
    throw new RangeError(`${axis === 0 ? "Row" : "Column"} ${at} is out of range for the operator ${size(shape)}`);
  }
}
