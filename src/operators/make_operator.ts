import { type Device, type DType, typedArray } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { addOperators } from "./add_operators.ts";
import { composeOperators, powerOperator } from "./compose_operators.ts";
import { completeFlags } from "./flags.ts";
import { holdOf, requireHeld, setHold } from "./hold.ts";
import { kronecker } from "./kronecker.ts";
import {
  type LinearOperator,
  type OperatorFlags,
  type OperatorPart,
  type OperatorSlogdet,
  requireDense,
  requirePlace,
  requireProduct,
} from "./linear_operator.ts";
import { identityColumns, probedDiagonal } from "./probe.ts";
import { operatorText } from "./operator_text.ts";
import { scaleOperator } from "./scale_operator.ts";
import type { Structure } from "./structure.ts";
import { transposeOperator } from "./transpose_operator.ts";

/** What {@linkcode linearOperator} makes an operator of. Functions get arguments that fit. */
export interface OperatorDefinition {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  /** The device that it computes on. */
  readonly device: Device;
  /** Element type. Default `"f32"`. */
  readonly dtype?: DType;
  /** A·X for X of shape `[columns, k]`. */
  readonly apply: (x: Tensor) => Tensor;
  /**
   * Aᵀ·Y for Y of shape `[rows, k]`. Default: `apply` if the operator is symmetric; otherwise products with the
   * transpose are refused.
   */
  readonly applyTransposed?: (y: Tensor) => Tensor;
  /** A·v for v of shape `[columns]`, where that is not the product with one column. */
  readonly applyVector?: (v: Tensor) => Tensor;
  /** Aᵀ·u for u of shape `[rows]`. */
  readonly applyTransposedVector?: (u: Tensor) => Tensor;
  /** Row i; default: the product of the transpose with a unit vector. */
  readonly row?: (i: number) => Tensor;
  /** Column j; default: the product with a unit vector. */
  readonly column?: (j: number) => Tensor;
  /** The main diagonal; default by products. */
  readonly diagonal?: () => Tensor;
  /** The trace of a square operator; default: the sum of the diagonal. */
  readonly trace?: () => Tensor;
  /** The stored matrix; default: the product with the identity. */
  readonly toDense?: () => Tensor;
  /** X with A·X = B for B of shape `[rows, k]`, of a square operator. */
  readonly solve?: (b: Tensor) => Promise<Tensor>;
  /** Sign and logarithm of the determinant. */
  readonly slogdet?: () => OperatorSlogdet;
  /** The transpose, where it has a structure of its own. Default: the same functions, exchanged. */
  readonly transpose?: () => LinearOperator;
  /** c·A, where that has the same structure, for a finite number or a scalar. Default: products are scaled. */
  readonly scale?: (factor: number | Tensor) => LinearOperator;
  /** What is known of it. */
  readonly flags?: Partial<OperatorFlags>;
  /** At most so many elements are not zero. Default: all. */
  readonly nnz?: number;
  /** Floating-point operations of one product with a vector. Default: 2·nnz. */
  readonly flops?: number;
  /** What it is made of. Default `{ kind: "custom" }`. */
  readonly structure?: Structure;
  /** Tensors and operators that it borrows. */
  readonly reads?: readonly OperatorPart[];
  /** Tensors and operators that it takes over: freed with it. */
  readonly owns?: readonly OperatorPart[];
}

const definitions = new WeakMap<LinearOperator, OperatorDefinition>();

/** What an operator was made of. */
export function definitionOf(operator: LinearOperator): Partial<OperatorDefinition> {
  return definitions.get(operator) ?? {};
}

/**
 * An operator from functions (SciPy's `LinearOperator`): the one maker behind all of them, which checks arguments,
 * fills in what follows from products, and adds the algebra. Throws a `TypeError` if the flags contradict the shape.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * // Second differences on a ring.
 * const ring = operators.linearOperator({
 *   shape: [4, 4],
 *   device: gpu.device,
 *   apply: (x) => x.mul(2).sub(x.take([1, 2, 3, 0])).sub(x.take([3, 0, 1, 2])),
 *   flags: { positiveSemidefinite: true },
 * });
 * console.log(await ring.add(operators.identity(gpu, 4)).diagonal().array()); // [3, 3, 3, 3]
 * ```
 */
export function linearOperator(definition: OperatorDefinition): LinearOperator {
  const { shape, device, dtype = "f32", reads = [], owns = [], structure = { kind: "custom" } } = definition;
  requireShape(shape);
  const flags = completeFlags(shape, definition.flags ?? {});
  const parts = [...reads, ...owns], nnz = definition.nnz ?? shape[0] * shape[1];
  const self = { shape, device, dtype };
  const hold = holdOf(shape, reads, owns);
  const transposed = definition.applyTransposed ?? (flags.symmetric ? definition.apply : undefined);
  let disposed = false;

  const product = (v: Tensor, turned: boolean): Tensor => {
    requireHeld(hold, shape);
    requireProduct(self, v, turned);
    const block = turned ? transposed : definition.apply;
    if (!block) {
      throw new TypeError(
        `The operator [${shape.join(", ")}] has no product with its transpose: give "applyTransposed"`,
      );
    }
    if (v.rank === 2) return checked(block(v), [shape[turned ? 1 : 0], v.shape[1]]);
    const vector = turned
      ? definition.applyTransposedVector ?? (definition.applyTransposed ? undefined : definition.applyVector)
      : definition.applyVector;
    if (vector) return checked(vector(v), [shape[turned ? 1 : 0]]);
    using column = v.reshape([v.size, 1]);
    using result = checked(block(column), [shape[turned ? 1 : 0], 1]);
    return result.reshape([result.size]);
  };
  const checked = (result: Tensor, want: readonly number[]): Tensor => {
    if (result.shape.join() === want.join()) return result;
    throw new TypeError(`Expected a product of shape [${want.join(", ")}], got [${result.shape.join(", ")}]`);
  };
  const unit = (at: number, length: number): Tensor => {
    const data = typedArray(dtype, length);
    data[at] = 1;
    return Tensor.of(device, data, [length], dtype);
  };
  // The inverse of an orthogonal operator is its transpose.
  const inverse = definition.solve ??
    (flags.orthogonal && transposed ? (b: Tensor) => Promise.resolve(transposed(b)) : undefined);
  const solve = inverse && (async (b: Tensor): Promise<Tensor> => {
    requireHeld(hold, shape);
    requireSquareOperator(shape, "solve with");
    requireProduct(self, b, true);
    if (b.rank === 2) return await inverse(b);
    using column = b.reshape([b.size, 1]);
    using x = await inverse(column);
    return x.reshape([x.size]);
  });
  const slogdet = definition.slogdet && (() => {
    requireHeld(hold, shape);
    requireSquareOperator(shape, "take the determinant of");
    return definition.slogdet!();
  });

  const operator: Omit<LinearOperator, "device" | "T"> = {
    shape,
    dtype,
    flags,
    nnz,
    flops: definition.flops ?? 2 * nnz,
    structure,
    parts,
    apply: (v) => product(v, false),
    applyTransposed: (u) => product(u, true),
    row(i) {
      requirePlace(shape, 0, i);
      requireHeld(hold, shape);
      if (definition.row) return definition.row(i);
      using probe = unit(i, shape[0]);
      return product(probe, true);
    },
    column(j) {
      requirePlace(shape, 1, j);
      requireHeld(hold, shape);
      if (definition.column) return definition.column(j);
      using probe = unit(j, shape[1]);
      return product(probe, false);
    },
    diagonal() {
      requireHeld(hold, shape);
      return definition.diagonal ? definition.diagonal() : probedDiagonal(self, (x) => product(x, false));
    },
    trace() {
      requireSquareOperator(shape, "take the trace of");
      requireHeld(hold, shape);
      if (definition.trace) return definition.trace();
      using diagonal = whole.diagonal();
      return diagonal.sum();
    },
    toDense(options = {}) {
      requireDense(self, options.maxBytes);
      requireHeld(hold, shape);
      if (definition.toDense) return definition.toDense();
      // The fewer products.
      const turned = shape[0] < shape[1] && transposed !== undefined, n = shape[turned ? 0 : 1];
      using probes = identityColumns(self, n, 0, n);
      if (!turned) return product(probes, false);
      using result = product(probes, true);
      return result.T;
    },
    ...(solve ? { solve } : {}),
    ...(slogdet ? { slogdet } : {}),
    transpose: () => transposeOperator(whole),
    add: (other) => addOperators(whole, other),
    subtract(other) {
      using negative = scaleOperator(other, -1);
      return addOperators(whole, negative);
    },
    scale: (factor) => scaleOperator(whole, factor),
    neg: () => scaleOperator(whole, -1),
    compose: (other) => composeOperators(whole, other),
    power: (exponent) => powerOperator(whole, exponent),
    kronecker: (other) => kronecker([whole, other]),
    get disposed() {
      return disposed;
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      if (--hold.count === 0) hold.release();
    },
    [Symbol.dispose]() {
      this.dispose();
    },
  };
  // Hidden from who walks over properties, as scopes do: the one leads through the whole device, the other makes
  // operators.
  const whole = Object.defineProperties(operator, {
    device: { value: device },
    T: { get: () => transposeOperator(whole) },
    toString: { value: () => operatorText(whole) },
    [Symbol.for("Deno.customInspect")]: { value: () => operatorText(whole) },
    [Symbol.for("Jupyter.display")]: { value: () => ({ "text/plain": operatorText(whole) }) },
  }) as LinearOperator;
  setHold(whole, hold);
  definitions.set(whole, definition);
  return whole;
}

/** The same operator as a record of its own, with further flags if any: it is disposed of by itself. */
export function sameOperator(operator: LinearOperator, flags: Partial<OperatorFlags> = {}): LinearOperator {
  return linearOperator({
    ...passedOn(operator),
    structure: operator.structure,
    flags: { ...operator.flags, ...flags },
  });
}

/** A definition that hands everything on to an operator. */
function passedOn(operator: LinearOperator): OperatorDefinition {
  const { shape, device, dtype, nnz, flops, solve, slogdet } = operator;
  return {
    shape,
    device,
    dtype,
    nnz,
    flops,
    apply: operator.apply,
    applyTransposed: operator.applyTransposed,
    applyVector: operator.apply,
    applyTransposedVector: operator.applyTransposed,
    row: (i) => operator.row(i),
    column: (j) => operator.column(j),
    diagonal: () => operator.diagonal(),
    toDense: () => operator.toDense({ maxBytes: Infinity }),
    ...(shape[0] === shape[1] ? { trace: () => operator.trace() } : {}),
    solve,
    slogdet,
    transpose: definitionOf(operator).transpose,
    scale: definitionOf(operator).scale,
    reads: [operator],
  };
}

/** Refuses what needs as many rows as columns. */
export function requireSquareOperator(shape: readonly [number, number], what: string): void {
  if (shape[0] !== shape[1]) throw new TypeError(`Cannot ${what} the operator [${shape.join(", ")}]: it is not square`);
}

function requireShape(shape: readonly [number, number]): void {
  if (shape.length !== 2 || shape.some((s) => !Number.isInteger(s) || s < 0)) {
    throw new RangeError(`Expected two whole sizes for an operator, got [${shape.join(", ")}]`);
  }
}
