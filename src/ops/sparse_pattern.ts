import { requireArray } from "./contract_checks.ts";
import type { HostArray, HostInputs, InputTypes, KernelCall } from "./define.ts";
import { type ArrayType, showShape, type Value } from "./value.ts";

/** Rows of a sparse matrix `[n, …]` in compressed form (CSR): row i has the entries from `starts[i]` to `starts[i + 1]`. */
export interface Rows {
  /** Rows. */
  readonly n: number;
  /** Room for entries; what is beyond `starts[n]` belongs to no row. */
  readonly room: number;
}

/** Checks `starts` `[n + 1]` and the arrays of entries named, all of one length; throws a `TypeError`. */
export function requireRows(inputs: InputTypes, entries: readonly string[]): Rows {
  const starts = requireVector(inputs, "starts");
  requireWords(starts, "starts");
  if (starts.shape[0] === 0) throw new TypeError(`Expected "starts" to have the length rows + 1, got 0`);
  const types = entries.map((name) => requireVector(inputs, name));
  types.forEach((type, k) => {
    if (type.shape[0] !== types[0].shape[0]) {
      throw new TypeError(
        `Expected "${entries[k]}" to have the length of "${entries[0]}", ${types[0].shape[0]}, got ${type.shape[0]}`,
      );
    }
    if (entries[k] === "columns") requireWords(type, "columns");
  });
  return { n: starts.shape[0] - 1, room: types[0]?.shape[0] ?? 0 };
}

/** The type of a vector. Throws a `TypeError` for another rank. */
export function requireVector(inputs: InputTypes, name: string): ArrayType {
  const type = requireArray(inputs, name);
  if (type.shape.length === 1) return type;
  throw new TypeError(`Expected "${name}" to be a vector, got shape ${showShape(type.shape)}`);
}

function requireWords(type: ArrayType, name: string): void {
  if (type.dtype !== "u32") throw new TypeError(`Expected "${name}" to be u32, got ${type.dtype}`);
}

/** Throws unless `shape` is two whole sizes. */
export function requireMatrixShape(shape: readonly number[]): void {
  if (shape.length === 2 && shape.every((s) => Number.isSafeInteger(s) && s >= 0)) return;
  throw new RangeError(`Expected "shape" to be two whole sizes from 0, got ${showShape(shape)}`);
}

/** Calls `visit` with the row and position of every entry. */
export function eachEntry(inputs: HostInputs, visit: (row: number, entry: number) => void): void {
  const starts = (inputs.starts as HostArray).data;
  for (let row = 0; row + 1 < starts.length; row++) {
    for (let k = starts[row]; k < starts[row + 1]; k++) visit(row, k);
  }
}

/** The call's input `name` as a dense vector, with its offset as a uniform `<name>_0`. */
export function denseVectors<P>(call: KernelCall<P>, names: readonly string[]): {
  read: Record<string, Value>;
  uniforms: Record<string, number>;
} {
  const read: Record<string, Value> = {}, uniforms: Record<string, number> = {};
  for (const name of names) {
    read[name] = call.dense(call.inputs[name] as Value);
    uniforms[`${name}_0`] = read[name].offset;
  }
  return { read, uniforms };
}

/**
 * WGSL `row_of_entry(k)`: the row that has entry k, by bisection; `p.rows` if none has, as before the first where `starts` is a part
 * of a longer one. Reads `starts` from `p.starts_0` on.
 */
export const ROW_OF_ENTRY = `fn row_of_entry(k: u32) -> u32 {
  var low = 0u;
  var high = p.rows;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (starts[p.starts_0 + middle + 1u] <= k) { low = middle + 1u; } else { high = middle; }
  }
  return select(low, p.rows, starts[p.starts_0] > k);
}`;

/**
 * Entries of a block. A row that has whole blocks is summed block by block, by several invocations: so neither does one long row hold
 * up all others, nor does a loop get longer than what software adapters run.
 */
export function blockOf(room: number): number {
  let block = 512;
  while (room / block > 32_768) block *= 2;
  return block;
}

/**
 * WGSL that goes through the entries of row `row`: `entries(from, to)` for those outside of whole blocks and `block(b)` for each whole
 * block. Needs the uniform `p.block`.
 */
export function throughRow(entries: (from: string, to: string) => string, block?: (b: string) => string): string {
  const bounds = "let start = starts[p.starts_0 + row]; let end = starts[p.starts_0 + row + 1u];";
  if (!block) return `${bounds}\n${entries("start", "end")}`;
  return `${bounds}
let first_block = (start + p.block - 1u) / p.block; let last_block = end / p.block;
let whole = first_block < last_block;
let head = select(end, first_block * p.block, whole);
let tail = select(end, last_block * p.block, whole);
${entries("start", "head")}
for (var b = first_block; b < last_block; b++) { ${block("b")} }
${entries("tail", "end")}`;
}

/** WGSL condition that a block `b` lies in one row altogether; only then is its sum asked for. */
export const WHOLE_BLOCK = `fn whole_block(b: u32) -> bool {
  let row = row_of_entry(b * p.block);
  return row < p.rows && starts[p.starts_0 + row + 1u] >= (b + 1u) * p.block;
}`;
