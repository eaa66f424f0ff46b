import type { LinearOperator } from "../../operators/mod.ts";
import { showShape } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { FloatType } from "../matrix_stack.ts";
import { type Action, squareAction } from "./action.ts";

/** What every iteration can be told. */
export interface IterationOptions {
  /** Stops once the relative error that the method measures is below this. Default 1e-5 in f32, 1e-10 in f64. */
  tolerance?: number;
  /** Iterations before giving up. */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement. */
  onProgress?: (progress: IterationProgress) => void;
}

/** One measurement. */
export interface IterationProgress {
  /** Iterations so far. */
  iteration: number;
  /** The relative residual as the method's own recurrence has it, the largest of all columns. */
  residual: number;
}

/** An approximate inverse: a matrix `[n, n]`, the diagonal `[n]` of one, an operator, or a function of vectors `[..., n, k]`. */
export type Preconditioner = Tensor | LinearOperator | ((r: Tensor) => Tensor);

/** The settings with their defaults, checked. */
export function requireIteration(
  options: IterationOptions,
  dtype: FloatType,
  maxIterations: number,
): { tolerance: number; maxIterations: number } {
  const tolerance = options.tolerance ?? defaultTolerance(dtype), most = options.maxIterations ?? maxIterations;
  if (!(typeof tolerance === "number" && tolerance > 0 && tolerance < 1)) {
    throw new RangeError(`Expected "tolerance" to be between 0 and 1, got ${tolerance}`);
  }
  requireCount("maxIterations", most);
  return { tolerance, maxIterations: most };
}

/** The tolerance of a type where none is given. */
export function defaultTolerance(dtype: FloatType): number {
  return dtype === "f64" ? 1e-10 : 1e-5;
}

/** Refuses what is no whole number from `least` to `most`. */
export function requireCount(name: string, value: number, least = 1, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`Expected "${name}" to be a whole number ${range}, got ${value}`);
}

/** The preconditioner as a function of columns `[..., n, k]`; `undefined` for none. */
export function preconditioning(
  given: Preconditioner | undefined,
  a: Action,
  name = "preconditioner",
): ((r: Tensor) => Tensor) | undefined {
  if (given === undefined) return undefined;
  const n = a.columns;
  const checked = (z: Tensor, r: Tensor): Tensor => {
    if (z instanceof Tensor && z.shape.join() === r.shape.join() && z.dtype === r.dtype) return z;
    const got = z instanceof Tensor ? `${showShape(z.shape)} ${z.dtype}` : typeof z;
    throw new TypeError(`Expected "${name}" to give ${showShape(r.shape)} ${r.dtype}, got ${got}`);
  };
  if (typeof given === "function") return (r) => checked(given(r), r);
  if (given instanceof Tensor && given.rank === 1) {
    if (given.shape[0] !== n) {
      throw new TypeError(`Expected "${name}" to be the diagonal [${n}], got ${showShape(given.shape)}`);
    }
    return (r) => {
      using d = given.reshape([n, 1]);
      return checked(Tensor.map("d * r", { d, r }), r);
    };
  }
  const action = squareAction(given, name, a.dtype);
  if (action.columns !== n) {
    throw new TypeError(`Expected "${name}" to be [${n}, ${n}], got [${action.rows}, ${action.columns}]`);
  }
  return (r) => checked(action.apply(r), r);
}
