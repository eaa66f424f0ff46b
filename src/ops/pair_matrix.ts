import { byteSize } from "../device/mod.ts";
import { compilePairwise, element, type Expr, gradient, leaves, type Signature, size } from "../formula/mod.ts";
import { bindRows } from "./bind_rows.ts";
import { type Calculus, defineOp, hostTypes, type InputTypes, type KernelCall } from "./define.ts";
import { type Formula, toExpr } from "./formulas.ts";
import { inDouble } from "./in_double.ts";
import { oncePerCall } from "./once_per_call.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { storePairs } from "./pairwise_long_consumer.ts";
import { fitsLongSubgroup, recordLongSubgroup } from "./pairwise_long_subgroup.ts";
import { fitsLongTile, recordLongTile } from "./pairwise_long_tile.ts";
import { pairMatrixCases } from "./pair_matrix_cases.ts";
import { pairBounds } from "./pairwise_bounds.ts";
import { pairLayout } from "./pairwise_layout.ts";
import { pairMatrixWasm } from "./pair_matrix_wasm.ts";
import { pairText } from "./pairwise_text.ts";
import { type ArrayType, sizeOf } from "./value.ts";

/** Options of `pairMatrix`. */
export interface PairMatrixParams {
  /** The formula over rows `x[i]`, `y[j]` and plain scalars; a vector formula gives a third axis. */
  readonly formula: Formula;
}

/** Checks and sizes are those of a pairwise sum of the same formula. */
const layoutOf = (inputs: InputTypes, params: PairMatrixParams) =>
  pairLayout(inputs, { reduction: "sum", formula: params.formula });

/** The same call as a pairwise sum. */
const asSum: (call: KernelCall<PairMatrixParams>) => KernelCall<PairwiseParams> = oncePerCall((call) => ({
  ...call,
  params: { reduction: "sum", formula: call.params.formula },
}));

/** All pairs, stored: `out[i, j] = F(x[i], y[j], …)`. For what must be seen whole; `pairwise` reduces without storing. */
export const pairMatrix = defineOp<PairMatrixParams>({
  name: "pairMatrix",

  contract(inputs, params) {
    const { n, m, outLength, dtype } = layoutOf(inputs, params);
    return { out: { shape: outLength === undefined ? [n, m] : [n, m, outLength], dtype } };
  },

  reference(inputs, params, { out }) {
    const { n, m, outLength = 1, expr, signature } = layoutOf(hostTypes(inputs), params);
    const F = compilePairwise(expr, signature, bindRows(inputs));
    let at = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        for (let k = 0; k < outLength; k++) out.data[at++] = F(i, j, k);
      }
    }
  },

  kernels: [
    {
      name: "pair",
      record: (call) => {
        const text = pairText(asSum(call));
        const { n, m, outLength } = text.layout, vector = outLength !== undefined;
        const count = sizeOf(call.outputs.out.shape);
        call.launch({
          key: text.key,
          read: text.read,
          write: { y: call.outputs.out },
          uniforms: { n, m, d: outLength ?? 1, count, ...text.uniforms },
          workgroupSize: 64,
          workgroups: Math.ceil(count / 64),
          declarations: () => {
            const helpers = new Map<string, string>();
            const pair = vector
              ? text.declareComponent("pair", text.layout.expr, false, helpers)
              : text.declare("pair", text.layout.expr, false, helpers);
            return [...helpers.values(), pair].join("\n");
          },
          body: () =>
            [
              "if (id >= p.count) { return; }",
              "let k = id % p.d; let j = (id / p.d) % p.m; let i = id / (p.d * p.m);",
              ...text.outer.map((leaf, q) => `let r${q} = ${text.load(leaf, "i")};`),
              `y[id] = pair(${[...(vector ? ["k"] : []), "i", "j", ...text.outer.map((_, q) => `r${q}`)].join(", ")});`,
            ].join("\n"),
        });
      },
    },
    {
      name: "long subgroup",
      when: (call) => fitsLongSubgroup(asSum(call)),
      rank: (call) => call.info.software ? 1 : -1,
      record: (call) => recordLongSubgroup(asSum(call), () => storePairs(call.outputs.out)),
    },
    {
      name: "long tile",
      when: (call) => fitsLongTile(asSum(call)),
      rank: (call) => call.info.software ? -1 : 1,
      record: (call) => recordLongTile(asSum(call), () => storePairs(call.outputs.out)),
    },
  ],

  natives: [pairMatrixWasm],

  // x̄_i = Σ_j ḡ_ij ∂F_ij/∂x_i, from the matrix of partial derivatives: this op stores n×m anyway.
  vjp(k, { inputs, cotangents, params, wanted }) {
    const g = cotangents.out;
    if (!g) return {};
    const types = Object.fromEntries(Object.entries(inputs).map(([n, v]) => [n, typeof v === "number" ? null : v]));
    const { expr, n, m, outLength } = layoutOf(types, params);
    // No prototype: an operand may be called "constructor".
    const result: Record<string, ReturnType<typeof k.map> | undefined> = Object.create(null);
    const add = (name: string, term: ReturnType<typeof k.map>) => {
      const known = result[name];
      result[name] = known ? k.map("a + b", { a: known, b: term }) : term;
    };
    const found = leaves(expr);
    // One partial derivative per component of a vector output; the seed picks the component.
    const components = outLength ?? 1;
    for (let c = 0; c < components; c++) {
      const seedName = freshName("seed", inputs);
      const row = k.map("r == c ? 1 : 0", { r: k.range(components), c });
      const seed = outLength === undefined ? undefined : k.broadcastTo(row, [n, components]);
      const all = seed ? { ...inputs, [seedName]: seed } : inputs;
      const signature: Record<string, Signature[string]> = Object.create(null);
      for (const [id, v] of Object.entries(all)) {
        const shape = typeof v === "number" ? [] : v.shape;
        signature[id] = shape.length === 0 ? { kind: "plain" } : { kind: "row", length: shape[1] };
      }
      const partials = gradient(expr, signature, seed ? element(seedName, "i") : { kind: "number", value: 1 });
      const gc = outLength === undefined ? g : k.reshape(k.slice(g, [0, 0, c], [n, m, c + 1]), [n, m]);
      const matrix = (label: string) => {
        const partial = partials.get(label);
        return partial && !(partial.kind === "number" && partial.value === 0)
          ? pairsOf(k, partial, all, n, m)
          : undefined;
      };
      for (const id of found.names) {
        if (wanted?.has(id) === false) continue;
        const x = inputs[id], M = typeof x === "number" ? undefined : matrix(id);
        if (M) add(id, k.apply("reduce", { g: gc, M }, { reduction: "sum", formula: "g * M" }).out);
      }
      for (const leaf of found.elements) {
        const x = inputs[leaf.name];
        if (typeof x === "number" || wanted?.has(leaf.name) === false) continue;
        const label = leaf.component === undefined
          ? `${leaf.name}[${leaf.index}]`
          : `${leaf.name}[${leaf.index}, ${leaf.component}]`;
        const M = matrix(label);
        if (!M) continue;
        const over = leaf.index === "i" ? 1 : 0, wide = M.shape.length === 3;
        const weights = wide ? k.reshape(gc, [n, m, 1]) : gc;
        let term = k.apply("reduce", { g: weights, M }, { reduction: "sum", formula: "g * M", axes: [over] }).out;
        if (leaf.component !== undefined) {
          const column = k.map("r == c ? 1 : 0", { r: k.range(x.shape[1]), c: leaf.component });
          term = k.map("t * column", { t: k.reshape(term, [x.shape[0], 1]), column });
        }
        // A scalar derivative by a vector stands for all of its components.
        if (term.shape.length < x.shape.length) term = k.reshape(term, [x.shape[0], 1]);
        add(leaf.name, k.broadcastTo(term, x.shape));
      }
    }
    return result;
  },

  keeps: () => ({ outputs: [] }),

  cost(inputs, params, { out }) {
    let bytes = sizeOf(out.shape) * byteSize(out.dtype);
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    const { width } = layoutOf(inputs, params);
    return { bytes, flops: sizeOf(out.shape) * ((size(toExpr(params.formula)) - 1) / 2 + 2 * width) };
  },

  // The bound of one pair is that of a sum over one pair.
  error(inputs, params, { out }, u) {
    const { n, m, outLength = 1 } = layoutOf(hostTypes(inputs), params);
    const bounds = new Float64Array(out.data.length);
    const rows = (index: "i" | "j") =>
      new Set(leaves(toExpr(params.formula)).elements.filter((e) => e.index === index).map((e) => e.name));
    const [atI, atJ] = [rows("i"), rows("j")];
    for (let j = 0; j < m; j++) {
      const part = Object.fromEntries(
        Object.entries(inputs).map(([name, v]) => {
          if (typeof v === "number" || !atJ.has(name) || atI.has(name) || v.shape.length === 0) return [name, v];
          const width = v.shape[1] ?? 1;
          return [name, { ...v, shape: [1, ...v.shape.slice(1)], data: v.data.subarray(j * width, (j + 1) * width) }];
        }),
      );
      const column = new Float64Array(n * outLength);
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < outLength; k++) column[i * outLength + k] = out.data[(i * m + j) * outLength + k];
      }
      const whole = { ...out, shape: outLength === 1 ? [n] : [n, outLength], data: column };
      const bound = pairBounds(part, { reduction: "sum", formula: params.formula }, { out: whole }, u).out;
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < outLength; k++) bounds[(i * m + j) * outLength + k] = bound[i * outLength + k];
      }
    }
    return { out: bounds };
  },

  cases: [...pairMatrixCases, ...inDouble(pairMatrixCases)],
});

function freshName(base: string, taken: object): string {
  while (Object.hasOwn(taken, base)) base += "_";
  return base;
}

/** The matrix of a partial derivative, which may depend on only one of the indices or on none. */
function pairsOf<T extends ArrayType>(
  k: Calculus<T>,
  formula: Expr,
  inputs: Readonly<Record<string, T | number>>,
  n: number,
  m: number,
): T {
  const found = leaves(formula);
  const used: Record<string, T | number> = {};
  for (const id of [...found.names, ...found.elements.map((e) => e.name)]) used[id] = inputs[id];
  let complete = formula;
  for (const [index, rows] of [["i", n], ["j", m]] as const) {
    if (found.elements.some((e) => e.index === index)) continue;
    const id = freshName(`one_${index}`, used);
    used[id] = k.map("0 * r + 1", { r: k.range(rows) });
    complete = { kind: "call", fn: "mul", args: [complete, element(id, index)] };
  }
  return k.apply("pairMatrix", used, { formula: complete }).out;
}
