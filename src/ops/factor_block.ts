import { byteSize } from "../device/mod.ts";
import type { KernelCall } from "./define.ts";
import type { KernelText } from "./kernel.ts";
import type { Value } from "./value.ts";

/** A rectangle within each matrix of a stack: where it begins, and elements between its rows and columns (negative: backwards). */
export interface Block {
  /** Element at which it begins, from the first of the matrix. */
  readonly start: number;
  /** Elements from a row to the next. */
  readonly row: number;
  /** Elements from a column to the next. */
  readonly column: number;
}

/** The transpose of a block: the same elements. */
export function turned({ start, row, column }: Block): Block {
  return { start, row: column, column: row };
}

/** The part of a block that begins at row `i` and column `j`. */
export function from({ start, row, column }: Block, i: number, j: number): Block {
  return { start: start + i * row + j * column, row, column };
}

/** Dense matrices that are changed in place, and how many there are. */
export interface Stack {
  /** The matrices. */
  readonly value: Value;
  /** Elements of each. */
  readonly size: number;
  /** How many. */
  readonly count: number;
  /** For graphics processors: larger tiles where there are enough of them, and larger workgroups. */
  readonly wide: boolean;
}

/** Records a launch of `columns` × `rows` workgroups for each matrix: `matrix` is its number. */
export function launchEach<P>(
  call: KernelCall<P>,
  count: number,
  [columns, rows]: readonly [number, number],
  text: Omit<KernelText, "workgroups">,
): void {
  const limit = call.info.limits.workgroups;
  for (let first = 0; first < count; first += limit) {
    call.launch({
      ...text,
      body: () => `let matrix = p.first_matrix + workgroup.z;\n${text.body()}`,
      uniforms: { ...text.uniforms, first_matrix: first },
      workgroups: [columns, rows, Math.min(limit, count - first)],
    });
  }
}

/** Rows of the triangles that one workgroup solves with: a square of so many fits in its memory with some room beside it. */
export function blockSize<P>(call: KernelCall<P>, value: Value): 32 | 64 {
  return 64 * 68 * byteSize(value.dtype) + 1024 <= call.info.limits.workgroupBytes ? 64 : 32;
}
