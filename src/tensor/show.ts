import type { DType, TypedArray } from "../device/mod.ts";
import { showShape, sizeOf } from "../ops/value.ts";
import { escapeHtml } from "./escape_html.ts";
import { heatmapPng } from "./heatmap_png.ts";

/** What showing needs to know of a tensor. */
interface Described {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: { readonly info: { readonly name: string } };
}

/** Rows and columns shown before the middle is left out. */
const CORNER = 6;

/** One line about a tensor; NaN and infinities are counted, for they may be where nobody looks. */
function headline(t: Described, data: TypedArray): string {
  let nan = 0, infinite = 0;
  for (const x of data) {
    if (Number.isNaN(x)) nan++;
    else if (!Number.isFinite(x)) infinite++;
  }
  const counts = [
    `${data.length.toLocaleString("en")} element${data.length === 1 ? "" : "s"}`,
    ...(nan ? [`${nan.toLocaleString("en")} NaN`] : []),
    ...(infinite ? [`${infinite.toLocaleString("en")} infinite`] : []),
  ];
  return `Tensor ${showShape(t.shape)} ${t.dtype} (${counts.join(", ")})`;
}

/** A number in at most about seven characters; NaN and infinities stay visible. */
export function showNumber(x: number, dtype: DType): string {
  if (dtype === "bool") return x ? "true" : "false";
  if (dtype === "i32" || dtype === "u32" || !Number.isFinite(x)) return String(x);
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) return x.toExponential(2);
  return String(Number(x.toPrecision(5)));
}

/** Positions shown along an axis; `null` stands for those left out. */
function shown(size: number): (number | null)[] {
  if (size <= 2 * CORNER) return Array.from({ length: size }, (_, k) => k);
  const half = Array.from({ length: CORNER }, (_, k) => k);
  return [...half, null, ...half.map((k) => size - CORNER + k)];
}

/** The first matrix of a tensor as rows of texts. */
function corner(t: Described, data: TypedArray): string[][] {
  if (sizeOf(t.shape) === 0) return [];
  const columns = t.shape.at(-1) ?? 1, rows = t.shape.length < 2 ? 1 : t.shape.at(-2)!;
  return shown(rows).map((r) =>
    shown(columns).map((c) => r === null || c === null ? "…" : showNumber(data[r * columns + c], t.dtype))
  );
}

/** A note when only the first matrix of several is shown. */
function note(t: Described): string {
  return t.shape.length > 2 && sizeOf(t.shape) > 0 ? `first of ${sizeOf(t.shape.slice(0, -2))} matrices` : "";
}

/** Shape, dtype and a corner of the numbers. */
export function tensorText(t: Described, data: TypedArray): string {
  const rows = corner(t, data), width = Math.max(0, ...rows.flat().map((s) => s.length));
  const lines = rows.map((r) => r.map((s) => s.padStart(width)).join("  "));
  return [headline(t, data), note(t), ...lines].filter(Boolean).join("\n");
}

/** The MIME bundle of a tensor for notebooks. */
export async function tensorBundle(t: Described, data: TypedArray): Promise<Record<string, string>> {
  const text = tensorText(t, data), rows = corner(t, data);
  const cell = (s: string) => `<td style="text-align:right;font-family:monospace">${s}</td>`;
  const table = rows.length ? `<table>${rows.map((r) => `<tr>${r.map(cell).join("")}</tr>`).join("")}</table>` : "";
  const [height, width] = t.shape.slice(-2);
  let image = "";
  if (t.shape.length === 2 && height > 1 && width > 1 && t.dtype !== "bool") {
    const { png, low, high } = await heatmapPng(data, height, width);
    const scale = Math.max(1, Math.floor(160 / Math.max(png.width, png.height)));
    const range = Number.isFinite(low)
      ? `${showNumber(low, t.dtype)} … ${showNumber(high, t.dtype)}`
      : "no finite values";
    image =
      `<img alt="heatmap" style="image-rendering:pixelated;width:${
        png.width * scale
      }px" src="data:image/png;base64,${png.base64}"/>` +
      `<div><small>${range}, NaN in grey</small></div>`;
  }
  return {
    "text/html": `<div><b>${headline(t, data)}</b> ${note(t)} <small>${
      escapeHtml(t.device.info.name)
    }</small></div>${table}${image}`,
    "text/plain": text,
  };
}
