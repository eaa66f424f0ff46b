import { size } from "../formula/mod.ts";
import type { KernelCall } from "./define.ts";
import type { PairReduction, PairwiseParams } from "./pairwise.ts";
import { type PairText, pairText } from "./pairwise_text.ts";
import { type Reducer, REDUCERS } from "./reducers.ts";
import type { Value } from "./value.ts";

/** What the kernels that hold rows in registers have in common. */
export interface RegisterKernel {
  readonly text: PairText;
  readonly reducer: Reducer;
  readonly reduction: Exclude<PairReduction, "softmax">;
  /** Rows i per lane. */
  readonly rows: number;
}

/** Statements that one loop body may have: compilers take more than linear time for more. */
const STATEMENTS = 640;
/** Characters of a helper function of doubles that count as a statement wherever it is called. */
const PER_STATEMENT = 100;

/** True if the call is one that such kernels know: scalar result, short rows. */
export function fitsRegisters(call: KernelCall<PairwiseParams>): boolean {
  if (call.params.reduction === "softmax") return false;
  const text = pairText(call);
  return text.short && text.layout.outLength === undefined && text.inner.length <= 16 && text.outer.length <= 16;
}

/** Prepares such a kernel; `unrolled` is the number of rows j written out in the loop body. */
export function registerKernel(call: KernelCall<PairwiseParams>, unrolled: number): RegisterKernel {
  const text = pairText(call), { expr, width, scalar } = text.layout;
  const reduction = call.params.reduction as RegisterKernel["reduction"], reducer = REDUCERS[reduction];
  // Functions of doubles are no instructions but written out, as often as they are called.
  const written = scalar === "f64" ? registerDeclarations({ text, reducer }).length / PER_STATEMENT : 0;
  const budget = STATEMENTS / (unrolled * (size(expr) / 2 + width + 1 + written));
  const rows = budget >= 8 ? 8 : budget >= 4 ? 4 : budget >= 2 ? 2 : 1;
  return { text, reducer, reduction, rows };
}

/** Functions before the entry point. */
export function registerDeclarations({ text, reducer }: Pick<RegisterKernel, "text" | "reducer">): string {
  const helpers = new Map(reducer.helpers(text.layout.scalar));
  const pair = text.declare("pair", text.layout.expr, true, helpers);
  return [...helpers.values(), pair].join("\n");
}

/** Loads the outer numbers of every row of the lane (`i_<row>`), and starts its accumulators. */
export function startRows({ text, reducer, rows }: RegisterKernel, step: number): string[] {
  const { scalar } = text.layout, init = reducer.init(scalar);
  return Array.from({ length: rows }, (_, r) => [
    `let i_${r} = min(base + ${r * step}u, p.n - 1u);`,
    ...text.outer.map((leaf, k) => `let r${k}_${r} = ${text.load(leaf, `i_${r}`)};`),
    ...reducer.fields.map((f, k) => `var a${r}_${f.name}: ${f.kind === "index" ? "u32" : scalar} = ${init[k]};`),
  ]).flat();
}

/** Call of the pair function for one row of the lane. */
export function pairCall({ text }: RegisterKernel, row: number, j: string, inner: (k: number) => string): string {
  return `pair(${
    [`i_${row}`, j, ...text.outer.map((_, k) => `r${k}_${row}`), ...text.inner.map((_, k) => inner(k))].join(", ")
  })`;
}

/** Takes the values of several j into the accumulators of every row; `value(row, q)` is the text of a value. */
export function stepRows(
  { text, reducer, rows }: RegisterKernel,
  count: number,
  j: (q: number) => string,
  value: (row: number, q: number) => string,
): string[] {
  const all = Array.from({ length: count }, (_, q) => q);
  return Array.from({ length: rows }, (_, r) => [
    "{",
    ...all.map((q) => `let v${q} = ${value(r, q)};`),
    reducer.step(`a${r}`, all.map((q) => `v${q}`), all.map(j), text.layout.scalar),
    "}",
  ]).flat();
}

/** Stores the results, or the accumulators if the loop over j was cut into parts. */
export function storeRows({ text, reducer, rows }: RegisterKernel, step: number, out: Value, parts: number): string[] {
  return Array.from({ length: rows }, (_, r) => {
    const row = `base + ${r * step}u`;
    const stores = parts > 1
      ? reducer.fields.map((f) => `part_${f.name}[part * p.n + ${row}] = a${r}_${f.name};`)
      : [`y[${row}] = ${out.dtype}(${reducer.finish(`a${r}`, "p.m", text.layout.scalar)});`];
    return `if (${row} < p.n) { ${stores.join(" ")} }`;
  });
}

/** Scratch for the accumulators of the parts. */
export function registerScratch(
  call: KernelCall<PairwiseParams>,
  { text, reducer }: RegisterKernel,
  parts: number,
  n: number,
): Record<string, Value> {
  if (parts === 1) return {};
  return Object.fromEntries(reducer.fields.map((f) => [
    `part_${f.name}`,
    call.temporary({ shape: [parts * n], dtype: f.kind === "index" ? "u32" : text.layout.scalar }),
  ]));
}
