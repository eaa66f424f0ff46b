import { call, type Expr, leaves, name as leaf, substitute } from "../../formula/mod.ts";
import type { MapParams } from "../../ops/map.ts";
import type { MatmulParams } from "../../ops/matmul.ts";
import { partialsOf } from "../../ops/partials.ts";
import type { ReduceParams } from "../../ops/reduce.ts";
import { MAX_ARRAYS } from "../fuse.ts";
import { Tensor } from "../tensor.ts";
import type { TangentCall } from "./rules.ts";
import type { Cotangents } from "./trace.ts";

/** The rule for tangents of an op that has a simpler one than the transpose of its vector-Jacobian product. */
export function directTangents(op: string, params: object): ((call: TangentCall) => Cotangents) | undefined {
  switch (op) {
    case "map":
      return (call) => mapTangents(call, params as MapParams);
    case "reduce":
      return ["sum", "mean"].includes((params as ReduceParams).reduction)
        ? (call) => sumTangents(call, params as ReduceParams)
        : undefined;
    case "matmul":
      return (params as MatmulParams).epilogue === undefined
        ? (call) => matmulTangents(call, params as MatmulParams)
        : undefined;
    default:
      return undefined;
  }
}

/** y = f(a, b, …), so ẏ = Σ ∂f/∂a · ȧ. */
function mapTangents(call: TangentCall, params: MapParams): Cotangents {
  const result: Record<string, Tensor | undefined> = Object.create(null);
  for (const [output, { formula }] of Object.entries(params)) {
    const { shape, dtype, device } = call.outputs[output];
    const terms = differential(formula, call);
    const parts = terms.map(({ expr, inputs }) => Tensor.map(expr, inputs, dtype, device));
    const sum = parts.length ? parts.reduce((a, b) => a.add(b)) : undefined;
    // A view would be computed now; most tangents have the shape already.
    result[output] = sum && (sum.shape.join() === shape.join() ? sum : sum.broadcastTo(shape));
  }
  return result;
}

/** The tangent of a sum or mean is that of the tangents of the formula's values. */
function sumTangents(call: TangentCall, { reduction, formula, axes, keepDims }: ReduceParams): Cotangents {
  const { out } = call.outputs, shapes = Object.values(call.inputs).flatMap((x) => typeof x === "number" ? [] : [x]);
  const rank = Math.max(...shapes.map((x) => x.rank));
  const shape = Array.from(
    { length: rank },
    (_, k) =>
      shapes.reduce((s, x) => {
        const own = x.shape[k - rank + x.rank] ?? 1;
        return own === 1 ? s : own;
      }, 1),
  );
  const parts = differential(formula, call).map(({ expr, inputs }) => {
    const full = Tensor.map(expr, inputs, out.dtype === "f16" ? "f32" : out.dtype, out.device);
    const wide = full.shape.join() === shape.join() ? full : full.broadcastTo(shape);
    return Tensor.reduce(reduction, "x", { x: wide }, axes, { keepDims }).astype(out.dtype);
  });
  return { out: parts.length ? parts.reduce((a, b) => a.add(b)) : undefined };
}

/** Ẏ = Ȧ B + A Ḃ. */
function matmulTangents({ inputs, outputs, tangents }: TangentCall, params: MatmulParams): Cotangents {
  const { a, b } = inputs as Record<string, Tensor>, { out } = outputs;
  const product = (x: Tensor, y: Tensor) => Tensor.apply("matmul", { a: x, b: y }, { ...params, dtype: out.dtype }).out;
  const parts: Tensor[] = [];
  if (tangents.a) parts.push(product(tangents.a, b));
  if (tangents.b) parts.push(product(a, tangents.b));
  return { out: parts.reduce((x, y) => x.add(y)) };
}

/** The differential of a formula as formulas over inputs and tangents: one, or as many as it takes to read few arrays each. */
function differential(
  formula: MapParams[string]["formula"],
  { inputs, tangents }: TangentCall,
): { expr: Expr; inputs: Record<string, Tensor | number> }[] {
  const { seed, of } = partialsOf(formula);
  const terms: { expr: Expr; names: Set<string>; inputs: Record<string, Tensor | number> }[] = [];
  for (const [name, partial] of of) {
    const tangent = tangents[name];
    if (!tangent) continue;
    let dot = `${name}_dot`;
    while (Object.hasOwn(inputs, dot)) dot += "_";
    const expr = substitute(partial, (l) => l.kind === "name" && l.name === seed ? leaf(dot) : undefined);
    const read: Record<string, Tensor | number> = Object.create(null);
    for (const id of leaves(expr).names) read[id] = id === dot ? tangent : inputs[id];
    const last = terms.at(-1), both = last && new Set([...last.names, ...Object.keys(read)]);
    if (last && both!.size <= MAX_ARRAYS) {
      last.expr = call("add", last.expr, expr);
      last.names = both!;
      Object.assign(last.inputs, read);
    } else terms.push({ expr, names: new Set(Object.keys(read)), inputs: read });
  }
  return terms;
}
