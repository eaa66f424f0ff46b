import type { DType, TypedArray } from "../device/mod.ts";
import { showShape } from "../ops/value.ts";
import { heatmapPng } from "./heatmap_png.ts";
import { showNumber } from "./show.ts";

/** A sparse matrix on the host. */
interface Described {
  readonly shape: readonly [number, number];
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: TypedArray;
}

/** Entries shown before the rest is left out. */
const SHOWN = 12;
/** Side of the picture of a pattern, in cells. */
const CELLS = 64;

function dtypeOf(values: TypedArray): DType {
  if (values instanceof Float32Array) return "f32";
  if (values instanceof Float64Array) return "f64";
  if (values instanceof Int32Array) return "i32";
  return values instanceof Uint32Array ? "u32" : "f16";
}

function headline({ shape, columns, values }: Described): string {
  const places = shape[0] * shape[1], count = columns.length;
  const density = places === 0 ? "" : `, density ${showNumber(100 * count / places, "f32")} %`;
  return `Sparse ${showShape(shape)} ${dtypeOf(values)}, nnz ${count.toLocaleString("en")}${density}`;
}

/** The first entries: row, column, value. */
function firstEntries({ starts, columns, values }: Described): [number, number, string][] {
  const found: [number, number, string][] = [], dtype = dtypeOf(values);
  for (let row = 0, k = 0; k < Math.min(SHOWN, columns.length); k++) {
    while (starts[row + 1] <= k) row++;
    found.push([row, columns[k], showNumber(values[k], dtype)]);
  }
  return found;
}

/** Shape, dtype, number of entries, density and the first entries. */
export function sparseText(matrix: Described): string {
  const lines = firstEntries(matrix).map(([i, j, v]) => `  (${i}, ${j})  ${v}`);
  return [headline(matrix), ...lines, ...(matrix.columns.length > SHOWN ? ["  …"] : [])].join("\n");
}

/** How many entries lie in each cell of a grid over the matrix. */
function cells({ shape, starts, columns }: Described): { counts: Float64Array; height: number; width: number } {
  const [n, m] = shape, height = Math.min(n, CELLS), width = Math.min(m, CELLS);
  const counts = new Float64Array(height * width);
  for (let row = 0; row < n; row++) {
    const y = Math.floor(row * height / n);
    for (let k = starts[row]; k < starts[row + 1]; k++) counts[y * width + Math.floor(columns[k] * width / m)]++;
  }
  return { counts, height, width };
}

/** The MIME bundle of a sparse matrix for notebooks. */
export async function sparseBundle(matrix: Described, device: string): Promise<Record<string, string>> {
  const { counts, height, width } = cells(matrix);
  let image = "";
  if (height > 1 && width > 1) {
    const { png } = await heatmapPng(counts, height, width);
    const scale = Math.max(1, Math.floor(160 / Math.max(png.width, png.height)));
    image = `<img alt="pattern" style="image-rendering:pixelated;width:${
      png.width * scale
    }px" src="data:image/png;base64,${png.base64}"/><div><small>entries per cell</small></div>`;
  }
  const rows = firstEntries(matrix).map(([i, j, v]) =>
    `<tr>${[i, j, v].map((s) => `<td style="text-align:right;font-family:monospace">${s}</td>`).join("")}</tr>`
  );
  const table = rows.length ? `<table><tr><th>row</th><th>column</th><th>value</th></tr>${rows.join("")}</table>` : "";
  const escaped = device.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return {
    "text/html": `<div><b>${headline(matrix)}</b> <small>${escaped}</small></div>${table}${image}`,
    "text/plain": sparseText(matrix),
  };
}
