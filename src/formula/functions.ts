import type { FunctionRecord } from "./function_record.ts";
import { activations } from "./functions/activation.ts";
import { arithmetic } from "./functions/arithmetic.ts";
import { comparisons } from "./functions/comparison.ts";
import { exponentials } from "./functions/exponential.ts";
import { hyperbolic } from "./functions/hyperbolic.ts";
import { orderings } from "./functions/ordering.ts";
import { powers } from "./functions/power.ts";
import { roundings } from "./functions/rounding.ts";
import { trigonometric } from "./functions/trigonometric.ts";
import { vectors } from "./functions/vector.ts";

const records = [
  arithmetic,
  powers,
  orderings,
  comparisons,
  exponentials,
  roundings,
  trigonometric,
  hyperbolic,
  activations,
  vectors,
].flat();

/** Every function and operator of the language, by name. */
export const functions: ReadonlyMap<string, FunctionRecord> = new Map(records.map((r) => [r.name, r]));

/** The record called by a name in a formula's text: functions by their name, some operators by an alias. */
export const callable: ReadonlyMap<string, FunctionRecord> = new Map(records.flatMap((record) => {
  if (record.form.kind === "call") return [[record.name, record] as const];
  return record.alias === undefined ? [] : [[record.alias, record] as const];
}));

/** The record of a call; throws a `TypeError` for a tree built by hand with a name that is not in the table. */
export function recordOf(fn: string): FunctionRecord {
  const record = functions.get(fn);
  if (record === undefined) throw new TypeError(`Unknown function "${fn}" in a formula tree`);
  return record;
}

/** Constants that a formula may name. */
export const constants: ReadonlyMap<string, number> = new Map([["pi", Math.PI], ["inf", Infinity], ["nan", NaN]]);
