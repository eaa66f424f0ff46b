import type { Device, DType } from "../device/mod.ts";
import { check, type Expr, leaves, size } from "../formula/mod.ts";
import { type Formula, plainSignature, toExpr } from "../ops/formulas.ts";
import { map } from "../ops/map.ts";
import { requireType } from "../ops/run.ts";

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
  const expr: Expr = toExpr(formula);
  check(expr, plainSignature(Object.keys(given)), typeof formula === "string" ? formula : undefined);
  const inputs = usedInputs(expr, given), used = Object.values(inputs);
  const { out } = map.contract(typesOfInputs(inputs), { out: { formula: expr, dtype } });
  requireType(device, out.dtype);
  for (;;) {
    const weights = used.map(weight);
    const total = size(expr) + weights.reduce((s, w) => s + w.size, 0);
    const arrays = weights.reduce((s, w) => s + w.arrays, 0);
    if (total <= MAX_SIZE && arrays <= MAX_ARRAYS) {
      return new Source(device, out.shape, out.dtype, { kind: "map", expr, inputs, size: total, arrays });
    }
    const heaviest = used.reduce<Input | undefined>(
      (best, input) => isOpen(input) && (best === undefined || weight(input).size > weight(best).size) ? input : best,
      undefined,
    );
    if (heaviest === undefined || typeof heaviest === "number") {
      return new Source(device, out.shape, out.dtype, {
        kind: "map",
        expr,
        inputs,
        size: MAX_SIZE,
        arrays: MAX_ARRAYS,
      });
    }
    realize(heaviest.source);
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
