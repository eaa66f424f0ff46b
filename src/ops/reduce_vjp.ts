import type { Calculus, Kept, VjpCall } from "./define.ts";
import type { Formula } from "./formulas.ts";
import { partialsOf, readByPartials } from "./partials.ts";
import type { ReduceParams } from "./reduce.ts";
import { shifted } from "./scan_vjp.ts";
import { type ArrayType, broadcastShapes, sizeOf } from "./value.ts";

/**
 * With v the formula's values and y = reduce(v), the cotangent of each value is v̄ = ȳ · ∂y/∂v:
 *   sum 1 · mean 1/n · logsumexp exp(v − y) · prod Π of the others · max, min: 1/(number of ties) where v = y, else 0,
 * and each input's is ā = Σ v̄ · ∂f/∂a over the axes along which it was broadcast.
 */
export function reduceVjp<T extends ArrayType>(
  k: Calculus<T>,
  { inputs, outputs, cotangents, params, wanted }: VjpCall<T, ReduceParams>,
): Record<string, T | undefined> {
  const g = cotangents.out, y = outputs.out;
  if (!g || ["argmax", "argmin", "any", "all"].includes(params.reduction)) return {};
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, v] of Object.entries(inputs)) if (typeof v !== "number") shapes[name] = v.shape;
  const shape = broadcastShapes(shapes), axes = params.axes ?? [...shape.keys()];
  const kept = shape.map((s, axis) => axes.includes(axis) ? 1 : s);
  const wide = (t: T) => k.reshape(t, kept);
  const count = sizeOf(axes.map((axis) => shape[axis]));
  const v = () => k.broadcastTo(k.map(params.formula, inputs), shape);
  const seeds = (): T => {
    switch (params.reduction) {
      case "sum":
        return wide(g);
      case "mean":
        return k.map("g / n", { g: wide(g), n: count });
      case "logsumexp":
        return k.map("g * exp(v - y)", { g: wide(g), v: v(), y: wide(y) });
      case "prod":
        return productSeeds(k, wide(g), v(), axes);
      default: {
        const hit = k.map("v == y ? 1 : 0", { v: v(), y: wide(y) });
        const ties = k.apply("reduce", { h: hit }, { reduction: "sum", formula: "h", axes, keepDims: true }).out;
        return k.map("g * h / ties", { g: wide(g), h: hit, ties });
      }
    }
  };
  return throughFormula(k, inputs, params.formula, k.broadcastTo(seeds(), shape), wanted);
}

/** What `reduceVjp` reads: the formula's values again, and the result, unless the reduction is linear. */
export function reduceKeeps({ reduction, formula }: ReduceParams, wanted: ReadonlySet<string>): Kept {
  if (reduction === "sum" || reduction === "mean") return { inputs: readByPartials(formula, wanted), outputs: [] };
  return reduction === "prod" ? { outputs: [] } : {};
}

/** Cotangents of a formula's inputs from that of its values, which has the broadcast shape. */
export function throughFormula<T extends ArrayType>(
  k: Calculus<T>,
  inputs: Readonly<Record<string, T | number>>,
  formula: Formula,
  cotangent: T,
  wanted?: ReadonlySet<string>,
): Record<string, T | undefined> {
  const { seed, of } = partialsOf(formula);
  const result: Record<string, T | undefined> = Object.create(null);
  for (const [name, partial] of of) {
    const x = inputs[name];
    if (typeof x === "number" || wanted?.has(name) === false) continue;
    const full = k.map(partial, { ...inputs, [seed]: cotangent });
    result[name] = k.unbroadcast(k.broadcastTo(full, cotangent.shape), x.shape);
  }
  return result;
}

/**
 * ∂(Π v)/∂v_k is the product of the others: of those before times of those after, two linear recurrences. Unlike y / v_k it is right where
 * values are zero, and so are its own derivatives.
 */
function productSeeds<T extends ArrayType>(k: Calculus<T>, g: T, v: T, axes: readonly number[]): T {
  const count = sizeOf(axes.map((axis) => v.shape[axis])),
    kept = [...v.shape.keys()].filter((axis) => !axes.includes(axis));
  if (sizeOf(v.shape) === 0) return k.map("g * v", { g, v });
  const order = [...kept, ...axes], turned = k.permute(v, order), axis = kept.length;
  const flat = k.reshape(turned, [...kept.map((q) => v.shape[q]), count]), range = k.range(count);
  const over = (reverse: boolean): T => {
    const here = { formula: "r == at ? 1 : 0", dtype: v.dtype };
    const one = k.apply("map", { r: range, at: reverse ? count - 1 : 0 }, { out: here }).out;
    const a = shifted(k, flat, axis, !reverse), x = k.broadcastTo(one, flat.shape);
    return k.apply("scan", { a, x }, { scan: "linear", axis, reverse }).out;
  };
  const others = k.reshape(k.map("b * a", { b: over(false), a: over(true) }), order.map((q) => v.shape[q]));
  return k.map("g * others", { g, others: k.permute(others, order.map((_, q) => order.indexOf(q))) });
}
