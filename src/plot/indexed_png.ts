import { deflateSync } from "node:zlib";
import { assemblePng } from "../tensor/png_chunks.ts";

/** The index that means a transparent pixel. */
export const TRANSPARENT = 255;

/**
 * Writes a PNG of one byte per pixel: `pixels` are indices, row by row from the top, into a palette of at most 255
 * colours, each `[red, green, blue]` (PNG specification, third edition, colour type 3).
 */
export function encodeIndexedPng(
  pixels: Uint8Array,
  width: number,
  height: number,
  colors: readonly (readonly number[])[],
): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, 3);
  const colorTable = new Uint8Array(3 * (TRANSPARENT + 1));
  colors.forEach((color, i) => colorTable.set(color, 3 * i));
  const alpha = new Uint8Array(TRANSPARENT + 1).fill(255);
  alpha[TRANSPARENT] = 0;
  // Every row begins with the number of its filter; 0 leaves the row as it is.
  const rows = new Uint8Array((width + 1) * height);
  for (let row = 0; row < height; row++) {
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  return assemblePng([
    ["IHDR", new Uint8Array(header.buffer)],
    ["PLTE", colorTable],
    ["tRNS", alpha],
    ["IDAT", deflateSync(rows)],
    ["IEND", new Uint8Array(0)],
  ]);
}
