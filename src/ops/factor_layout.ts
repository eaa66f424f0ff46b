import type { InputTypes } from "./define.ts";
import type { FactorScalar } from "./factor_passes.ts";
import { showShape, sizeOf } from "./value.ts";

/** Matrices of a call. */
export interface FactorLayout {
  /** Leading axes. */
  readonly batch: readonly number[];
  /** How many matrices. */
  readonly count: number;
  /** Rows of each. */
  readonly m: number;
  /** Columns of each. */
  readonly n: number;
  readonly dtype: FactorScalar;
}

/** Checks that an input is a stack of matrices of floats, and describes it. */
export function factorLayout(inputs: InputTypes, name: string, square: boolean): FactorLayout {
  const type = inputs[name],
    wanted = `Expected "${name}" to be ${square ? "square matrices [..., n, n]" : "matrices [..., m, n]"}`;
  if (!type) throw new TypeError(`${wanted}, got ${type === null ? "a number" : "nothing"}`);
  const { shape, dtype } = type, [m, n] = shape.slice(-2), batch = shape.slice(0, -2);
  if (shape.length < 2 || (square && m !== n)) throw new TypeError(`${wanted}, got the shape ${showShape(shape)}`);
  if (dtype !== "f32" && dtype !== "f64") throw new TypeError(`${wanted} of f32 or f64, got ${dtype}`);
  return { batch, count: sizeOf(batch), m, n, dtype };
}
