/** The row that an index means on an axis of `n`: negative indices count from the end; −1 if there is none. */
export function rowOf(index: number, n: number): number {
  const row = index < 0 ? index + n : index;
  return row >= 0 && row < n ? row : -1;
}

/**
 * WGSL `row_of(index) -> u32`: the same on a device, where a row out of range is `p.rows` or more. Unsigned arithmetic wraps, so
 * that an index below −n lands beyond any axis.
 */
export function rowFunction(dtype: "i32" | "u32"): string {
  return dtype === "u32"
    ? "fn row_of(index: u32) -> u32 { return index; }"
    : "fn row_of(index: i32) -> u32 { return select(u32(index), u32(index) + p.rows, index < 0i); }";
}
