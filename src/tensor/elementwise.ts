import type { Device, DType } from "../device/mod.ts";
import { check, type Expr, leaves, size } from "../formula/mod.ts";
import type { InputTypes } from "../ops/define.ts";
import { computeType, type Formula, plainSignature, toExpr } from "../ops/formulas.ts";
import { map } from "../ops/map.ts";
import { requireDType } from "./dtypes.ts";
import { MAX_ARRAYS, MAX_SIZE, realize, typesOfInputs } from "./fuse.ts";
import { type Input, Source } from "./source.ts";

/**
 * Delayed elementwise work: checked now, computed when something needs its values. If the tree with everything it would absorb
 * grows too long for one kernel, the longest inputs are computed first.
 */
export function delayedMap(
  device: Device,
  formula: Formula,
  given: Readonly<Record<string, Input>>,
  dtype?: DType,
): Source {
  const expr = toExpr(formula);
  check(expr, plainSignature(Object.keys(given)), typeof formula === "string" ? formula : undefined);
  const inputs = usedInputs(expr, given);
  const types = typesOfInputs(inputs);
  checkNumbers(expr, inputs, types);
  if (dtype !== undefined) requireDType(device, dtype);
  const { out } = map.contract(types, { out: { formula: expr, dtype } });
  requireDType(device, out.dtype);
  return new Source(device, out.shape, out.dtype, { kind: "map", expr, inputs, ...makeRoom(expr, inputs) });
}

/**
 * Computes the longest delayed inputs of a formula until it fits into one kernel with all that it still absorbs; gives the
 * operations and arrays that it has then.
 */
export function makeRoom(expr: Expr, inputs: Readonly<Record<string, Input>>): { size: number; arrays: number } {
  const used = Object.values(inputs);
  for (;;) {
    const weights = used.map(weight);
    const total = size(expr) + weights.reduce((s, w) => s + w.size, 0);
    const arrays = weights.reduce((s, w) => s + w.arrays, 0);
    if (total <= MAX_SIZE && arrays <= MAX_ARRAYS) return { size: total, arrays };
    const heaviest = used.reduce<Input | undefined>(
      (best, input) => isOpen(input) && (best === undefined || weight(input).size > weight(best).size) ? input : best,
      undefined,
    );
    if (heaviest === undefined || typeof heaviest === "number") return { size: MAX_SIZE, arrays: MAX_ARRAYS };
    realize(heaviest.source);
  }
}

const RANGES = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/**
 * Refuses whole numbers that the integers beside them cannot hold, which would wrap without a word. Throws a `RangeError`.
 * (A fraction, or a number beyond 32 bits, makes the formula f32.)
 */
export function checkNumbers(expr: Expr, inputs: Readonly<Record<string, Input>>, types: InputTypes): void {
  const scalar = computeType(expr, types, Object.keys(inputs));
  if (scalar !== "i32" && scalar !== "u32") return;
  const [low, high] = RANGES[scalar];
  for (const [name, value] of Object.entries(inputs)) {
    if (typeof value === "number" && !(value >= low && value <= high)) {
      throw new RangeError(`Expected "${name}" to be from ${low} to ${high} beside ${scalar}, got ${value}`);
    }
  }
}

/** The inputs that a formula reads: the others have no say in its shape. */
export function usedInputs(expr: Expr, inputs: Readonly<Record<string, Input>>): Record<string, Input> {
  const used: Record<string, Input> = Object.create(null);
  for (const name of leaves(expr).names) if (name in inputs) used[name] = inputs[name];
  return used;
}

function isOpen(input: Input): boolean {
  return typeof input !== "number" && !input.view && input.source.value === undefined;
}

function weight(input: Input): { size: number; arrays: number } {
  if (typeof input === "number") return { size: 0, arrays: 0 };
  const work = isOpen(input) ? input.source.delayed : undefined;
  return work?.kind === "map" ? { size: work.size, arrays: work.arrays } : { size: 0, arrays: 1 };
}
