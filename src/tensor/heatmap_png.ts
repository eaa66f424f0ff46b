import { assemblePng } from "./png_chunks.ts";

/** Largest side of a heatmap in pixels; larger matrices are thinned out. */
const SIDE = 160;

/** Five anchors of a perceptually even scale from dark to light; between them colours are interpolated. */
const SCALE = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]] as const;
const GREY = [160, 160, 160] as const;

/** A matrix as a small PNG, one pixel per element (or per step of elements), with the range of its finite values. */
export async function heatmapPng(
  data: ArrayLike<number>,
  rows: number,
  columns: number,
): Promise<{ png: { base64: string; width: number; height: number }; low: number; high: number }> {
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / SIDE));
  const width = Math.ceil(columns / step), height = Math.ceil(rows / step);
  let low = Infinity, high = -Infinity;
  // A pixel that stands for a NaN is grey, even if the element that it shows is another one.
  const grey = new Uint8Array(width * height);
  for (let k = 0; k < rows * columns; k++) {
    const x = data[k];
    if (Number.isNaN(x)) {
      grey[Math.floor(Math.floor(k / columns) / step) * width + Math.floor((k % columns) / step)] = 1;
    }
    if (!Number.isFinite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  // Each row of a PNG begins with the number of its filter; 0 is none.
  const raw = new Uint8Array(height * (1 + 3 * width));
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      const x = data[r * step * columns + c * step];
      const t = x === Infinity ? 1 : x === -Infinity ? 0 : high > low ? (x - low) / (high - low) : 0.5;
      raw.set(grey[r * width + c] ? GREY : colour(t), r * (1 + 3 * width) + 1 + 3 * c);
    }
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  const file = assemblePng([["IHDR", header], ["IDAT", await deflate(raw)], ["IEND", new Uint8Array(0)]]);
  let binary = "";
  for (const byte of file) binary += String.fromCharCode(byte);
  return { png: { base64: btoa(binary), width, height }, low, high };
}

function colour(t: number): number[] {
  const at = Math.min(1, Math.max(0, t)) * (SCALE.length - 1), k = Math.min(SCALE.length - 2, Math.floor(at));
  return SCALE[k].map((v, q) => Math.round(v + (at - k) * (SCALE[k + 1][q] - v)));
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
