import { call, element, type Expr, gradient, leaves, type Signature, substitute } from "../formula/mod.ts";
import type { Calculus, VjpCall } from "./define.ts";
import type { PairReduction, PairwiseParams } from "./pairwise.ts";
import { pairLayout } from "./pairwise_layout.ts";
import type { ArrayType } from "./value.ts";

/**
 * Every gradient of a pairwise reduction is again a pairwise sum, so nothing of size n×m is stored backwards either. With the
 * adjoint F̄_ij of each pair, x̄_i = Σ_j F̄_ij ∂F/∂x_i, ȳ_j = Σ_i F̄_ij ∂F/∂y_j, and a scalar's is the sum over all pairs. F̄_ij is
 *   sum ḡ_i · logsumexp ḡ_i exp(F_ij − out_i) · max, min ḡ_i where j is the extreme position (the first of ties), else 0,
 *   softmax, with weights w_ij = exp(F_ij − lse_i): F̄_ij = w_ij ⟨ḡ_i, V_ij − out_i⟩ and V̄_ij = w_ij ḡ_i.
 */
export function pairwiseVjp<T extends ArrayType>(
  k: Calculus<T>,
  { inputs, outputs, cotangents, params, wanted }: VjpCall<T, PairwiseParams>,
): Record<string, T | undefined> {
  const g = cotangents.out, { reduction } = params;
  if (!g || reduction === "argmax" || reduction === "argmin") return {};
  const types = Object.fromEntries(Object.entries(inputs).map(([n, v]) => [n, typeof v === "number" ? null : v]));
  const layout = pairLayout(types, params);
  const all: Record<string, T | number> = { ...inputs };
  const extra = (base: string, value: T) => {
    let id = base;
    while (Object.hasOwn(all, id)) id += "_";
    all[id] = value;
    return element(id, "i");
  };
  const apply = (formula: Expr, kind: PairReduction) => k.apply("pairwise", inputs, { reduction: kind, formula }).out;

  const G = extra("g", g);
  const adjoints: { expr: Expr; seed: Expr }[] = [];
  const F = layout.expr;
  if (reduction === "sum") adjoints.push({ expr: F, seed: G });
  else if (reduction === "logsumexp") {
    const out = extra("out", outputs.out);
    adjoints.push({ expr: F, seed: call("mul", G, call("exp", call("sub", F, out))) });
  } else if (reduction === "softmax") {
    const V = layout.value!, lse = extra("lse", apply(F, "logsumexp")), out = extra("out", outputs.out);
    const w = call("exp", call("sub", F, lse)), centred = call("mul", G, call("sub", V, out));
    const inner = layout.outLength === undefined ? centred : call("sum", centred);
    adjoints.push({ expr: F, seed: call("mul", w, inner) }, { expr: V, seed: call("mul", w, G) });
  } else {
    const at = extra("at", apply(F, reduction === "max" ? "argmax" : "argmin"));
    const position = extra("position", k.range(layout.m)) as Expr & { name: string };
    const here = call("eq", at, element(position.name, "j"));
    adjoints.push({ expr: F, seed: call("select", here, G, { kind: "number", value: 0 }) });
  }

  const signature: Record<string, Signature[string]> = Object.create(null);
  for (const [id, v] of Object.entries(all)) {
    const shape = typeof v === "number" ? [] : v.shape;
    signature[id] = shape.length === 0 ? { kind: "plain" } : { kind: "row", length: shape[1] };
  }
  const result: Record<string, T | undefined> = Object.create(null);
  const add = (id: string, term: T) => result[id] = result[id] ? k.map("a + b", { a: result[id]!, b: term }) : term;
  for (const { expr, seed } of adjoints) {
    const partials = gradient(expr, signature, seed);
    const found = leaves(expr);
    for (const id of found.names) {
      const x = inputs[id], partial = partials.get(id);
      if (typeof x === "number" || !partial || wanted?.has(id) === false) continue;
      const rows = sumPairs(k, partial, all, "i", layout);
      add(id, k.apply("reduce", { r: rows }, { reduction: "sum", formula: "r" }).out);
    }
    for (const leaf of found.elements) {
      const label = leaf.component === undefined
        ? `${leaf.name}[${leaf.index}]`
        : `${leaf.name}[${leaf.index}, ${leaf.component}]`;
      const x = inputs[leaf.name], partial = partials.get(label);
      if (typeof x === "number" || !partial || wanted?.has(leaf.name) === false) continue;
      let term = sumPairs(k, partial, all, leaf.index, layout);
      if (leaf.component !== undefined) {
        // The gradient of one component: a column of zeros elsewhere.
        const column = k.map("r == c ? 1 : 0", { r: k.range(x.shape[1]), c: leaf.component });
        term = k.map("t * column", { t: k.reshape(term, [x.shape[0], 1]), column });
      }
      // A scalar derivative by a vector stands for all of its components.
      if (term.shape.length < x.shape.length) term = k.reshape(term, [x.shape[0], 1]);
      add(leaf.name, k.broadcastTo(term, x.shape));
    }
  }
  return result;
}

/** Σ over the other index of a formula: rows of the index `keep`. */
function sumPairs<T extends ArrayType>(
  k: Calculus<T>,
  formula: Expr,
  inputs: Readonly<Record<string, T | number>>,
  keep: "i" | "j",
  sizes: { n: number; m: number },
): T {
  const turned = keep === "i" ? formula : substitute(
    formula,
    (leaf) => leaf.kind === "element" ? element(leaf.name, leaf.index === "i" ? "j" : "i", leaf.component) : undefined,
  );
  const rows = { i: keep === "i" ? sizes.n : sizes.m, j: keep === "i" ? sizes.m : sizes.n };
  const used: Record<string, T | number> = {};
  const found = leaves(turned);
  for (const id of [...found.names, ...found.elements.map((e) => e.name)]) used[id] = inputs[id];
  let complete = turned;
  for (const index of ["i", "j"] as const) {
    if (found.elements.some((e) => e.index === index)) continue;
    // A term that does not depend on this index still counts once per row: multiply by ones.
    let id = `one_${index}`;
    while (Object.hasOwn(inputs, id)) id += "_";
    used[id] = k.map("0 * r + 1", { r: k.range(rows[index]) });
    complete = call("mul", complete, element(id, index));
  }
  return k.apply("pairwise", used, { reduction: "sum", formula: complete }).out;
}
