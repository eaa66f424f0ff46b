import type { HostArray, HostInputs } from "./define.ts";
import { hostTypes } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchOffsets, finishProduct } from "./matmul_host.ts";
import { matmulLayout } from "./matmul_layout.ts";

/** Rows and columns of a register tile. */
const ROWS = 3, COLUMNS = 4;
/** Inner indices of a packed panel: a panel of `b` stays in the second-level cache. */
const DEPTH = 256;

/** Blocked product of floats on the host: panels are packed so that the innermost loop reads both in order. */
export function matmulNative(
  inputs: HostInputs,
  params: MatmulParams,
  { out }: Readonly<Record<string, HostArray>>,
): boolean {
  const layout = matmulLayout(hostTypes(inputs), params), { m, n, k, sum } = layout;
  if (sum !== "f32" && sum !== "f64") return false;
  const a = (inputs.a as HostArray).data, b = (inputs.b as HostArray).data;
  const { transposeA = false, transposeB = false } = params;
  const strideA = transposeA ? { outer: 1, inner: m } : { outer: k, inner: 1 };
  const strideB = transposeB ? { outer: k, inner: 1 } : { outer: 1, inner: n };
  const wide = Math.ceil(n / COLUMNS) * COLUMNS, high = Math.ceil(m / ROWS) * ROWS;
  const panelA = new Float64Array(high * DEPTH), panelB = new Float64Array(wide * DEPTH);
  const tile = new Float64Array(high * wide), sums = new Float64Array(m * n);
  for (const { offsetA, offsetB, batch } of batchOffsets(inputs, layout)) {
    tile.fill(0);
    for (let first = 0; first < k; first += DEPTH) {
      const depth = Math.min(DEPTH, k - first);
      pack(a, offsetA + first * strideA.inner, strideA, m, ROWS, depth, panelA);
      pack(b, offsetB + first * strideB.inner, strideB, n, COLUMNS, depth, panelB);
      for (let j = 0; j < wide; j += COLUMNS) {
        for (let i = 0; i < high; i += ROWS) {
          multiply(panelA, i * depth, panelB, j * depth, depth, tile, i * wide + j, wide);
        }
      }
    }
    for (let i = 0; i < m; i++) sums.set(tile.subarray(i * wide, i * wide + n), i * n);
    finishProduct(inputs, layout, batch, sums, out);
  }
  return true;
}

/** Copies `depth` inner indices of every outer one into groups of `group`, filled up with zeros. */
function pack(
  from: Float64Array,
  offset: number,
  stride: { outer: number; inner: number },
  outer: number,
  group: number,
  depth: number,
  to: Float64Array,
): void {
  for (let o = 0; o < outer; o++) {
    let read = offset + o * stride.outer, write = Math.floor(o / group) * group * depth + o % group;
    for (let i = 0; i < depth; i++) {
      to[write] = from[read];
      read += stride.inner;
      write += group;
    }
  }
  for (let o = outer; o % group !== 0; o++) {
    let write = Math.floor(o / group) * group * depth + o % group;
    for (let i = 0; i < depth; i++, write += group) to[write] = 0;
  }
}

/** Adds the product of a group of rows and a group of columns to their tile: twelve sums in registers. */
function multiply(
  a: Float64Array,
  ia: number,
  b: Float64Array,
  ib: number,
  depth: number,
  c: Float64Array,
  at: number,
  pitch: number,
): void {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0, c20 = 0, c21 = 0, c22 = 0, c23 = 0;
  for (let i = 0; i < depth; i++) {
    const b0 = b[ib], b1 = b[ib + 1], b2 = b[ib + 2], b3 = b[ib + 3];
    const a0 = a[ia], a1 = a[ia + 1], a2 = a[ia + 2];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    ia += ROWS;
    ib += COLUMNS;
  }
  c[at] += c00;
  c[at + 1] += c01;
  c[at + 2] += c02;
  c[at + 3] += c03;
  at += pitch;
  c[at] += c10;
  c[at + 1] += c11;
  c[at + 2] += c12;
  c[at + 3] += c13;
  at += pitch;
  c[at] += c20;
  c[at + 1] += c21;
  c[at + 2] += c22;
  c[at + 3] += c23;
}
