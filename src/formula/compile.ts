import { emitJs } from "./emit_js.ts";
import type { Emitted, Scalar } from "./emitted.ts";
import type { Expr } from "./expr.ts";
import { jsHelpers } from "./js_helpers.ts";
import type { Signature, Slot } from "./signature.ts";

/**
 * A formula of plain inputs as a function of numbers, in the order of `names`. Booleans are returned as 1 and 0.
 *
 * @param scalar `f64` (the default) and `f32` compute in f64; `i32` and `u32` take integers of that type and wrap.
 * @throws {FormulaError} for a name that is not in `names`.
 *
 * @example
 * ```ts
 * import { compile, parse } from "denovo/formula/mod.ts";
 *
 * compile(parse("a * x + 1"), ["a", "x"])(2, 3); // 7
 * ```
 */
export function compile(expr: Expr, names: readonly string[], scalar: Scalar = "f64"): (...values: number[]) => number {
  const signature = Object.fromEntries(names.map((name) => [name, { kind: "plain" } as Slot]));
  const parameters = names.map((_, i) => `a${i}`);
  const position = new Map(names.map((name, i) => [name, i]));
  const target = { name: (name: string) => parameters[position.get(name)!], element: notRead };
  const code = functionText(emitJs(expr, target, { scalar, signature }), parameters);
  return new Function("h", code)(jsHelpers);
}

/** Data of one indexed input. */
export interface PairwiseInput {
  /** The numbers, row by row. */
  readonly data: ArrayLike<number>;
  /** How many there are in a row: 1 for a scalar per row. */
  readonly width: number;
}

/**
 * A formula of indexed inputs as a function of the rows `i` and `j` and, for a formula that is a vector, its component
 * `k` (0 for a scalar). It reads the data when called, in f64.
 *
 * @param inputs A number for each plain input, data for each indexed one.
 * @throws {FormulaError} where the formula does not fit the signature.
 * @throws {TypeError} where an input is missing or not of the kind and width that the signature says.
 *
 * @example
 * ```ts
 * import { compilePairwise, parse } from "denovo/formula/mod.ts";
 *
 * const f = compilePairwise(parse("exp(-sqdist(x[i], x[j]) / eps)"), {
 *   x: { kind: "row", length: 2 },
 *   eps: { kind: "plain" },
 * }, { x: { data: [0, 0, 3, 4], width: 2 }, eps: 25 });
 * f(0, 1, 0); // exp(-1)
 * ```
 */
export function compilePairwise(
  expr: Expr,
  signature: Signature,
  inputs: Readonly<Record<string, PairwiseInput | number>>,
): (i: number, j: number, k: number) => number {
  const names = Object.keys(signature);
  const bound = names.map((name) => bind(name, signature[name], inputs));
  const position = new Map(names.map((name, n) => [name, n]));
  const target = {
    name: (name: string) => `a${position.get(name)}`,
    element(name: string, index: string, component: string | undefined) {
      const n = position.get(name)!;
      const { length } = signature[name] as Extract<Slot, { kind: "row" }>;
      return component === undefined ? `a${n}[${index}]` : `a${n}[${index} * ${length} + ${component}]`;
    },
  };
  const emitted = emitJs(expr, target, { scalar: "f64", signature, component: "k" });
  const parameters = names.map((_, n) => `a${n}`);
  return new Function("h", ...parameters, functionText(emitted, ["i", "j", "k"]))(jsHelpers, ...bound);
}

function functionText({ prelude, body, value, boolean }: Emitted, parameters: readonly string[]): string {
  return [
    '"use strict";',
    `return function (${parameters.join(", ")}) {`,
    ...prelude,
    ...body,
    `return ${boolean ? `${value} ? 1 : 0` : value};`,
    "};",
  ].join("\n");
}

function bind(name: string, slot: Slot, inputs: Readonly<Record<string, PairwiseInput | number>>): unknown {
  if (!Object.hasOwn(inputs, name)) throw new TypeError(`Input "${name}" is missing`);
  const input = inputs[name];
  if (slot.kind === "plain") {
    if (typeof input !== "number") throw new TypeError(`Input "${name}" must be a number, got data with rows`);
    return input;
  }
  if (typeof input === "number") throw new TypeError(`Input "${name}" must be data with rows, got the number ${input}`);
  const width = slot.length ?? 1;
  if (input.width !== width) throw new TypeError(`Input "${name}" must have width ${width}, got ${input.width}`);
  return input.data;
}

function notRead(): never {
  throw new TypeError("Cannot compile rows without data");
}
