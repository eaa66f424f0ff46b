import type { Expr } from "./expr.ts";
import type { Scalar } from "./emitted.ts";
import type { FloatLanes, IntegerLanes, V } from "./wasm/lanes.ts";

/** How a function is written: `f(a, b)`, or an operator between or before its operands with its binding strength. */
export type Form =
  | { readonly kind: "call" }
  | { readonly kind: "ternary"; readonly precedence: number }
  | { readonly kind: "prefix"; readonly symbol: string; readonly precedence: number }
  | {
    readonly kind: "infix";
    readonly symbol: string;
    readonly precedence: number;
    readonly associativity: "left" | "right" | "none";
  };

/** An argument while code is emitted: a variable or literal, and its value if it is constant. */
export interface Operand {
  readonly text: string;
  readonly boolean: boolean;
  readonly constant?: number;
}

/** What a WGSL rule may know beside its operands. */
export interface WgslContext {
  readonly scalar: Scalar;
  readonly strict: boolean;
  /** Asks for a helper function (`wgsl_helpers/`) and returns its name. */
  use(helper: string): string;
  /** A literal of the scalar type. */
  literal(value: number): string;
}

/** Emits one operation on atoms (variables and literals), so no rule has to think of parentheses around its operands. */
export type WgslRule = (args: readonly Operand[], context: WgslContext) => string;

/** The same for JavaScript. `h` in the emitted text is the object of `js_helpers.ts`. */
export type JsRule = (args: readonly string[], scalar: Scalar) => string;

/** Writes one operation on SIMD lanes of f32 or f64; conditions and boolean values are masks. */
export type WasmRule = (lanes: FloatLanes, ...args: V[]) => V;

/** The same on lanes of i32 or u32. */
export type IntegerWasmRule = (lanes: IntegerLanes, ...args: V[]) => V;

/** Points at which a property test may try a function. */
export interface Domain {
  /** One interval per argument; a function of any number of arguments repeats the last. */
  readonly args: readonly (readonly [number, number])[];
  /** Whether the function is smooth near this point, so that its derivative can be compared with differences. */
  readonly smooth?: (...args: number[]) => boolean;
}

/** All there is to know of one function or operator of the language. */
export interface FunctionRecord {
  readonly name: string;
  readonly form: Form;
  /** A name under which an operator can be called as well: `pow(a, b)` is `a ^ b`. */
  readonly alias?: string;
  /** Least and most number of arguments. */
  readonly arity: readonly [number, number];
  /** Whether it gives a boolean; a boolean used as a number is 0 or 1. */
  readonly boolean?: boolean;
  /** Which arguments are conditions; a number used as a condition is compared with 0. */
  readonly conditions?: "all" | "first";
  /** How a function from vectors to a scalar combines the components of `term`. */
  readonly fold?: {
    readonly by: "add" | "max";
    readonly term: (...args: Expr[]) => Expr;
    readonly integerTerm?: (...args: Expr[]) => Expr;
  };
  /** Whether it gives a scalar from vectors. */
  readonly folds?: true;
  /** An equal formula that is emitted in its place, so that it shares subexpressions with the rest; undefined if none. */
  readonly expand?: (...args: Expr[]) => Expr | undefined;
  /** The same where the scalar is an integer, if that needs another formula. */
  readonly expandInteger?: (...args: Expr[]) => Expr | undefined;
  readonly wgsl?: WgslRule;
  readonly js?: JsRule;
  /** For f32 and f64; a function without an expansion has one. */
  readonly wasm?: WasmRule;
  /** Emission in wrapping 32-bit integers; a record with neither this nor an expansion is not integer-capable. */
  readonly integer?: { readonly wgsl: WgslRule; readonly js: JsRule; readonly wasm: IntegerWasmRule };
  /**
   * The vector-Jacobian product: from the arguments, the value (as an expression) and the adjoint of the value, the
   * adjoint of each argument; undefined is zero.
   */
  readonly vjp: (args: readonly Expr[], value: Expr, adjoint: Expr) => (Expr | undefined)[];
  /**
   * Bound of the absolute error of the emitted f32 code at exact arguments, in units of u = 2^-24; default `|value|`
   * (correctly rounded). An expansion needs none. Taken from the accuracy table of the WGSL specification for builtins.
   */
  readonly roundoff?: (value: number, ...args: number[]) => number;
  readonly domain: Domain;
}
