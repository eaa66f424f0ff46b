import type { Index } from "./expr.ts";
import type { Signature } from "./signature.ts";

/** The number type that emitted code computes in. */
export type Scalar = "f32" | "f64" | "i32" | "u32";

/** How emitted code reads the leaves of a formula. Each method returns an expression of the scalar type. */
export interface Target {
  /** The plain input `name`. */
  name(name: string): string;
  /**
   * The row `name[index]`. `component` is the text of an unsigned integer expression, or undefined where the input has
   * one scalar per row.
   */
  element(name: string, index: Index, component: string | undefined): string;
}

/** What to emit. */
export interface EmitOptions {
  /** The number type to compute in. */
  readonly scalar: Scalar;
  /** The inputs that the formula may name. */
  readonly signature: Signature;
  /** The variable that holds the component of the output; needed by formulas that are vectors. */
  readonly component?: string;
  /**
   * `strict` (the default) agrees with the f64 function about NaN and ±Inf; `fast` takes the bare builtins where these
   * are right for finite arguments.
   */
  readonly nan?: "strict" | "fast";
  /** Start of every generated variable name; default `t`. */
  readonly prefix?: string;
}

/** Emitted code: statements, then one expression. */
export interface Emitted {
  /** Statements that do not depend on the component of the output: shared subexpressions, loops of vector sums. */
  readonly prelude: string[];
  /** Statements that depend on the component of the output. */
  readonly body: string[];
  /** The value: an expression of the scalar type, or of type bool where `boolean`. */
  readonly value: string;
  /** The function definitions that the code calls, by name; the caller emits each once, in this order. */
  readonly helpers: Map<string, string>;
  /** Whether `value` is a boolean. */
  readonly boolean: boolean;
}
