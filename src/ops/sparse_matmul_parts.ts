import type { KernelCall } from "./define.ts";
import type { SparseMatmulParams } from "./sparse_matmul.ts";
import { blockOf, denseVectors } from "./sparse_pattern.ts";
import { asQuads } from "./sparse_quads.ts";
import type { Value } from "./value.ts";

/** Arrays and sizes of a product. */
export interface Product {
  readonly call: KernelCall<SparseMatmulParams>;
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly p: number;
  /** Columns that one invocation computes at once: 1 for a vector, else 4. */
  readonly width: 1 | 4;
  /** Groups of so many columns. */
  readonly quads: number;
  /** WGSL scalar in which sums are taken. */
  readonly scalar: "f32" | "f64" | "i32" | "u32";
  /** WGSL type of a sum: `scalar`, or four. */
  readonly sum: string;
  /** Entries in a block; the same for every variant. */
  readonly block: number;
  /** Whole blocks of entries. */
  readonly blocks: number;
  /** `starts`, `columns`, `values` as bindings. */
  readonly read: Record<string, Value>;
  /** Their offsets, and sizes. */
  readonly uniforms: Record<string, number>;
}

/** Describes a call. */
export function productOf(call: KernelCall<SparseMatmulParams>): Product {
  const [rows, p] = call.outputs.out.shape, { dtype } = call.outputs.out, room = (call.inputs.values as Value).shape[0];
  const scalar = dtype === "f16" || dtype === "bool" ? "f32" : dtype;
  const width = p === 1 ? 1 : 4, quads = Math.ceil(p / width), block = blockOf(room);
  const { read, uniforms } = denseVectors(call, ["starts", "columns", "values"]);
  return {
    call,
    rows,
    p,
    width,
    quads,
    scalar,
    sum: width === 1 ? scalar : `vec4<${scalar}>`,
    block,
    blocks: Math.floor(room / block),
    read,
    uniforms: { rows, p, quads, block, ...uniforms },
  };
}

/** `b` as a binding of which `at` gives the text of the columns `quad` of row `row`, as stored. */
export interface Dense {
  readonly read: Record<string, Value>;
  readonly elements: Record<string, string>;
  readonly uniforms: Record<string, number>;
  /** Texts of its use. */
  readonly key: string;
  readonly at: (row: string, quad: string) => string;
}

/** `b` as it is, or copied into rows of whole vectors of four. */
export function denseFactor(product: Product): Dense {
  const { call, width, scalar } = product, b = call.inputs.b as Value;
  if (width === 1) {
    return {
      read: { b },
      elements: {},
      uniforms: { b_0: b.offset, b_step: b.strides[0] },
      key: "vector",
      at: (row) => `${scalar}(b[p.b_0 + ${row} * p.b_step])`,
    };
  }
  const rows = asQuads(call, b);
  return {
    read: { b: rows },
    elements: { b: `vec4<${b.dtype}>` },
    uniforms: { b_0: rows.offset / 4 },
    key: "quads",
    at: (row, quad) => `vec4<${scalar}>(b[p.b_0 + ${row} * p.quads + ${quad}])`,
  };
}

/** Lines that store the sum `s` of the columns `quad` of row `row`; the binding is `y`, of `elementOf`. */
export function storeSum({ call, width, p }: Product, s = "s", quad = "quad"): string {
  const { dtype } = call.outputs.out;
  if (width === 1) return `y[row] = ${dtype}(${s});`;
  if (p % 4 === 0) return `y[row * p.quads + ${quad}] = vec4<${dtype}>(${s});`;
  return [0, 1, 2, 3].map((q) =>
    `if (${quad} * 4u + ${q}u < p.p) { y[row * p.p + ${quad} * 4u + ${q}u] = ${dtype}(${s}.${"xyzw"[q]}); }`
  ).join("\n");
}

/** WGSL element type of the binding `y` that `storeSum` writes. */
export function elementOf({ call, width, p }: Product): Record<string, string> {
  return width === 4 && p % 4 === 0 ? { y: `vec4<${call.outputs.out.dtype}>` } : {};
}
