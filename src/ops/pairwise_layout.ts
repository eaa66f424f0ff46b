import type { DType } from "../device/mod.ts";
import { check, type Expr, leaves, nearest, type Signature } from "../formula/mod.ts";
import type { InputTypes } from "./define.ts";
import { type Formula, toExpr } from "./formulas.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { showShape } from "./value.ts";

const REDUCTIONS = ["sum", "logsumexp", "max", "min", "argmax", "argmin", "softmax"];

/** Everything about the shapes of a pairwise call. */
export interface PairLayout {
  /** Number of outer rows i. */
  readonly n: number;
  /** Number of inner rows j. */
  readonly m: number;
  /** Length of the output's rows; undefined for one scalar per i. */
  readonly outLength: number | undefined;
  /** Length of the longest row vector; 1 if all rows are scalars. */
  readonly width: number;
  /** The output's dtype. */
  readonly dtype: DType;
  /** What is computed in. */
  readonly scalar: "f32" | "f64";
  /** How each input may be used in the formula. */
  readonly signature: Signature;
  /** The formula F. */
  readonly expr: Expr;
  /** The formula V of `softmax`. */
  readonly value: Expr | undefined;
}

/** Checks a call and finds its sizes. */
export function pairLayout(inputs: InputTypes, params: PairwiseParams): PairLayout {
  const { reduction } = params;
  if (!REDUCTIONS.includes(reduction)) {
    const hint = nearest(reduction, REDUCTIONS);
    throw new TypeError(
      `Unknown pairwise reduction ${JSON.stringify(reduction)}${hint ? `, did you mean "${hint}"?` : ""}`,
    );
  }
  if ((reduction === "softmax") !== (params.value !== undefined)) {
    throw new TypeError(
      reduction === "softmax"
        ? 'The pairwise reduction "softmax" needs "value", the formula that is averaged, like "v[j]"'
        : `"value" is for the pairwise reduction "softmax", got "${reduction}"`,
    );
  }
  // No prototype: an input may be called "constructor".
  const signature: Record<string, { kind: "plain" } | { kind: "row"; length?: number }> = Object.create(null);
  let width = 1;
  const dtypes: DType[] = [];
  for (const [name, type] of Object.entries(inputs)) {
    const shape = type?.shape ?? [];
    if (shape.length > 2) {
      throw new TypeError(`Expected "${name}" to be a scalar, [n] or [n, d], got shape ${showShape(shape)}`);
    }
    signature[name] = shape.length === 0
      ? { kind: "plain" }
      : shape.length === 1
      ? { kind: "row" }
      : { kind: "row", length: shape[1] };
    width = Math.max(width, shape[1] ?? 1);
    if (type) dtypes.push(type.dtype);
  }
  const expr = toExpr(params.formula), type = check(expr, signature, textOf(params.formula));
  const value = params.value === undefined ? undefined : toExpr(params.value);
  const valueType = value && check(value, signature, textOf(params.value!));
  if (type.kind === "vector" && reduction !== "sum") {
    throw new TypeError(
      `The pairwise reduction "${reduction}" needs a scalar formula, got a vector of length ${type.length}`,
    );
  }
  const rows = { i: size("i"), j: size("j") };
  const out = valueType ?? type;
  const scalar = dtypes.includes("f64") ? "f64" : "f32";
  return {
    n: rows.i,
    m: rows.j,
    outLength: out.kind === "vector" ? out.length : undefined,
    width,
    dtype: reduction === "argmax" || reduction === "argmin" ? "i32" : scalar,
    scalar,
    signature,
    expr,
    value,
  };

  function size(index: "i" | "j"): number {
    const found = [expr, ...(value ? [value] : [])].flatMap((e) => leaves(e).elements).filter((e) => e.index === index);
    if (found.length === 0) {
      throw new TypeError(
        `Expected the formula to use an input at [${index}], like ${
          index === "i" ? "x[i]" : "y[j]"
        }: its rows set the ${index === "i" ? "outputs" : "terms"}`,
      );
    }
    const first = found[0].name, count = inputs[first]!.shape[0];
    for (const { name } of found) {
      const other = inputs[name]!.shape[0];
      if (other !== count) {
        throw new TypeError(
          `Expected as many rows in "${name}" as in "${first}" (both are used at [${index}]), got ${other} and ${count}`,
        );
      }
    }
    if (index === "j" && count === 0 && ["max", "min", "argmax", "argmin", "softmax"].includes(reduction)) {
      throw new RangeError(`Cannot take the pairwise ${reduction} over zero rows of "${first}"`);
    }
    return count;
  }
}

function textOf(formula: Formula): string | undefined {
  return typeof formula === "string" ? formula : undefined;
}
