import type { Index } from "../expr.ts";
import type { Scalar } from "../emitted.ts";
import type { Signature } from "../signature.ts";
import type { FunctionBuilder, Section } from "./function_builder.ts";
import type { V } from "./lanes.ts";
import type { Value } from "./value.ts";

/**
 * How emitted code reads the leaves of a formula: as lanes of the scalar type. Each leaf is asked for once per
 * scope.
 */
export interface WasmTarget {
  /** The plain input `name`. */
  name(name: string): V;
  /**
   * The row `name[index]`. `component` is a number where it is known when the code is written, and undefined where the
   * input has one scalar per row.
   */
  element(name: string, index: Index, component: Value<"i32"> | number | undefined): V;
}

/** What to emit, and where. */
export interface WasmOptions {
  /** The function that the code is written to, where it stands. */
  readonly fn: FunctionBuilder;
  /** The number type to compute in. */
  readonly scalar: Scalar;
  /** The inputs that the formula may name. */
  readonly signature: Signature;
  /**
   * An earlier place, outside a loop, and the names of the leaves that do not change in that loop (`"eps"`, `"x[i]"`):
   * what depends on these alone is computed there.
   */
  readonly hoist?: { readonly section: Section; readonly leaves: ReadonlySet<string> };
  /** Whether `exp` may give 0 where its value is below the normal numbers, which takes long to compute. Default false. */
  readonly flush?: boolean;
}

/** A formula as code. */
export interface WasmFormula {
  /** Whether the values are masks. `number` gives 0 or 1 instead. */
  readonly boolean: boolean;
  /** The number of components, undefined for a scalar. */
  readonly length: number | undefined;
  /**
   * Writes what is needed for one component (none for a scalar) at the place where the function is being written, and what
   * the components share at the place where the formula was emitted. The value is of the scalar type, or a mask.
   */
  value(component?: Value<"i32"> | number): V;
  /** The same as a number: 1 and 0 for a mask. */
  number(component?: Value<"i32"> | number): V;
  /** `total` plus the number; multiplied and added at once where it is a product. */
  addTo(total: V, component?: Value<"i32"> | number): V;
}
