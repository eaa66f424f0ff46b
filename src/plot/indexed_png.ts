import { crc32, deflateSync } from "node:zlib";

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
  const chunks = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("PLTE", colorTable),
    chunk("tRNS", alpha),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  const png = new Uint8Array(chunks.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of chunks) {
    png.set(part, offset);
    offset += part.length;
  }
  return png;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
