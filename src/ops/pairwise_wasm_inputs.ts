import { byteSize, type HostArgument } from "../device/mod.ts";
import { type Expr, type Fold, key, leaves, size, splitFolds } from "../formula/mod.ts";
import type { HostCall } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { type PairLayout, pairLayout } from "./pairwise_layout.ts";
import { packRows } from "./pairwise_wasm_pack.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";
import { laneCount } from "./wasm_elements.ts";

/** Vectors at least this long are run through in a loop over their components that all pairs of a tile share. */
export const LONG = 8;

/** An input that is read by rows. */
export interface PairRows {
  readonly name: string;
  /** Length of the rows; undefined for one number per row. */
  readonly length: number | undefined;
}

/** A pairwise call as WebAssembly kernels see it. */
export interface WasmPairs {
  readonly layout: PairLayout;
  readonly scalar: "f32" | "f64";
  /** Rows j in a vector. */
  readonly lanes: number;
  /** Inputs at [i], dense: `i0…` are their addresses. */
  readonly outer: readonly PairRows[];
  /** Inputs at [j], in vectors of neighbouring rows, component after component: `j0…` are their addresses. */
  readonly inner: readonly PairRows[];
  /** Plain numbers `c0…`. */
  readonly numbers: readonly string[];
  /** Arrays of one number `p0…`. */
  readonly plains: readonly { readonly name: string; readonly value: Value }[];
  /** The formulas that are computed for each pair, without their long folds. */
  readonly exprs: readonly Expr[];
  readonly folds: readonly Fold[];
  readonly args: Record<string, HostArgument>;
  /** Identifies formulas, names, lengths and element types. */
  readonly key: string;
  /** Operations for one pair, roughly. */
  readonly work: number;
}

/** Sorts a call's inputs and packs the rows j. `partsOf` gives the formulas that are computed for each pair: by default F itself. */
export function wasmPairs(
  call: Pick<HostCall<unknown>, "inputs" | "launch" | "temporary">,
  params: PairwiseParams,
  partsOf: (layout: PairLayout) => readonly Expr[] = (layout) => [layout.expr],
): WasmPairs {
  const layout = pairLayout(typesOf(call.inputs), params);
  const written = [layout.expr, ...(layout.value ? [layout.value] : [])], found = written.map(leaves);
  const { scalar } = layout, lanes = laneCount(scalar);
  const args: Record<string, HostArgument> = {};
  const rows = (index: "i" | "j"): PairRows[] => {
    const names = new Set(found.flatMap((f) => f.elements.filter((e) => e.index === index).map((e) => e.name)));
    return [...names].sort().map((name, q) => {
      const value = call.inputs[name] as Value;
      args[`${index}${q}`] = packRows(call, value, scalar, index === "i" ? 1 : lanes);
      return { name, length: value.shape[1] };
    });
  };
  const outer = rows("i"), inner = rows("j");
  const numbers: string[] = [], plains: { name: string; value: Value }[] = [];
  for (const name of new Set(found.flatMap((f) => f.names))) {
    const value = call.inputs[name];
    if (typeof value === "number") {
      args[`c${numbers.length}`] = { f64: value };
      numbers.push(name);
    } else {
      args[`p${plains.length}`] = addressOf(value);
      plains.push({ name, value });
    }
  }
  const { exprs, folds } = splitFolds(partsOf(layout), layout.signature, LONG, freshNames("fold", call.inputs));
  const shown = (list: readonly PairRows[]) => list.map((r) => `${r.name} ${r.length ?? ""}`);
  return {
    layout,
    scalar,
    lanes,
    outer,
    inner,
    numbers,
    plains,
    exprs,
    folds,
    args,
    key: [
      written.map(key).join(";"),
      scalar,
      shown(outer),
      shown(inner),
      numbers,
      plains.map((p) => `${p.name} ${p.value.dtype}`),
    ].join("|"),
    work: exprs.reduce((sum, e) => sum + size(e), 0) + folds.reduce((sum, f) => sum + f.length * size(f.term), 0),
  };
}

/** Bytes of all inputs of a vector of rows j. */
export function bytesOfVector({ inner }: WasmPairs): number {
  return inner.reduce((sum, { length = 1 }) => sum + 16 * length, 0);
}

/** Bytes of a number. */
export function bytesOfNumber({ scalar }: WasmPairs): number {
  return byteSize(scalar);
}

/** Names that no input has. */
export function freshNames(base: string, inputs: object): (k: number) => string {
  while (Object.keys(inputs).some((name) => name.startsWith(base))) base += "_";
  return (k) => `${base}${k}`;
}
