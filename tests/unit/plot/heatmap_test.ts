import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { inflateSync } from "node:zlib";
import { type Chart, type ChartSpec, heatmap, type MatrixHeatmapOptions } from "../../../src/plot/mod.ts";
import { encodeIndexedPng, TRANSPARENT } from "../../../src/plot/indexed_png.ts";
import { blockMeans } from "../../../src/plot/matrix.ts";
import { grid } from "./kinds.ts";
import { texts } from "./svg_text.ts";

/** The pixels of a PNG of one byte per pixel, and its palette. */
function decode(png: Uint8Array): { width: number; height: number; pixels: number[]; colors: number[][] } {
  const view = new DataView(png.buffer, png.byteOffset);
  const chunks = new Map<string, Uint8Array>();
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    chunks.set(type, png.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  assertEquals([...chunks.keys()], ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const rows = inflateSync(chunks.get("IDAT")!);
  const pixels = [...rows].filter((_, i) => i % (width + 1) !== 0);
  const table = [...chunks.get("PLTE")!];
  return { width, height, pixels, colors: Array.from({ length: 256 }, (_, i) => table.slice(3 * i, 3 * i + 3)) };
}

/** The picture of a large heatmap. */
function picture(chart: Chart) {
  const [{ data }] = chart.spec.layer as { data: { values: { picture: string }[] } }[];
  const [, base64] = /^data:image\/png;base64,(.*)$/.exec(data.values[0].picture)!;
  return decode(Uint8Array.fromBase64(base64));
}

/** The fill colours of the cells of a small heatmap, in the order of the rows. */
async function fills(chart: Chart): Promise<string[]> {
  const [, cells] = /<g class="mark-rect role-mark[^>]*>(.*?)<\/g>/s.exec(await chart.toSvg())!;
  return [...cells.matchAll(/ fill="([^"]*)"/g)].map(([, fill]) => fill);
}

Deno.test("each cell of a small matrix is a mark of its own colour", async () => {
  const colors = await fills(heatmap([[0, 1], [0.5, NaN]], { color: { range: ["#000000", "#ffffff"] } }));
  assertEquals(colors, ["rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgb(128, 128, 128)"]);
});

Deno.test("rows, typed rows and numbers with a shape are the same matrix", () => {
  const spec = heatmap([[1, 2, 3], [4, 5, 6]]).spec;
  assertEquals(heatmap([Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]).spec, spec);
  assertEquals(heatmap({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }).spec, spec);
});

Deno.test("row 0 stands at the top unless the origin is at the bottom", () => {
  const reverse = (origin: "top" | "bottom") => {
    const { y } = heatmap([[1, 2]], { origin }).spec.encoding as { y: { scale: { reverse?: boolean } } };
    return y.scale.reverse ?? false;
  };
  assertEquals([reverse("top"), reverse("bottom")], [true, false]);
});

Deno.test("cells are a whole number of pixels wide", () => {
  const size = (rows: number, columns: number, width?: number) => {
    const { spec } = heatmap(grid([rows, columns], (i, j) => i + j), { width });
    return [spec.width, spec.height];
  };
  assertEquals(size(2, 3), [120, 80]);
  assertEquals(size(64, 64), [320, 320]);
  assertEquals(size(64, 64, 200), [192, 320]);
  assertEquals(size(1, 300), [300, 40]);
});

Deno.test("a large matrix is one picture with a colour for each number", () => {
  const chart = heatmap(grid([70, 65], (i, j) => i * 65 + j));
  const { width, height, pixels } = picture(chart);
  assertEquals([width, height], [65, 70]);
  assertEquals([pixels[0], pixels[70 * 65 - 1]], [0, TRANSPARENT - 1]);
  assertEquals(pixels, pixels.toSorted((a, b) => a - b));
  const flipped = picture(heatmap(grid([70, 65], (i, j) => i * 65 + j), { origin: "bottom" }));
  assertEquals(flipped.pixels[0], pixels[69 * 65]);
});

Deno.test("a picture leaves NaN blank and follows a log scale", () => {
  const { pixels } = picture(heatmap(grid([70, 65], (i, j) => (j === 0 ? NaN : 10 ** i)), { color: { scale: "log" } }));
  assertEquals(pixels[0], TRANSPARENT);
  assertEquals(pixels[23 * 65 + 1], Math.round((TRANSPARENT - 1) / 3));
});

Deno.test("a matrix with more cells than pixels shows the mean of those on a pixel", () => {
  const { width, height } = picture(heatmap(grid([1500, 100], () => 1), { width: 100, height: 100 }));
  assertEquals([width, height], [100, 188]);
  const means = blockMeans({ data: [1, 3, 10, 5, 7, NaN], rows: 2, columns: 3 }, 2, 2);
  assertEquals(means, { data: Float64Array.of(4, 10), rows: 1, columns: 2 });
});

Deno.test("the axes of a matrix count cells or follow the given coordinates", async () => {
  const labels = async (options: MatrixHeatmapOptions) =>
    texts(await heatmap([[1, 2, 3]], options).toSvg(), "axis-label");
  assertEquals((await labels({}))[0], ["0", "1", "2"]);
  const options = { x: { title: "time", unit: "s", domain: [0, 1] }, y: { title: null } } as const;
  const [x] = await labels(options);
  assertEquals([x[0], x.includes("0.5"), x.at(-1)], ["0.0", true, "1.0"]);
  assertEquals(texts(await heatmap([[1, 2, 3]], options).toSvg(), "axis-title").flat(), ["time (s)"]);
});

Deno.test("a table makes a cell for each pair of values", async () => {
  const chart = heatmap(
    [{ rank: 8, bits: 2, error: 1 }, { rank: 4, bits: 2, error: 0.1 }, { rank: 4, bits: 3, error: 0.01 }],
    { x: "rank", y: { field: "bits", unit: "bit" }, color: { field: "error", scale: "log", title: "error" } },
  );
  assertEquals((await fills(chart)).length, 3);
  const [x, y] = texts(await chart.toSvg(), "axis-label");
  assertEquals([x, y], [["4", "8"], ["2", "3"]]);
  assertEquals(texts(await chart.toSvg(), "legend-label").flat(), ["0.01", "0.1", "1"]);
});

Deno.test("what is no matrix, or cannot be shown, is refused", () => {
  assertThrows(() => heatmap([[1, 2], [3]]), TypeError, "got length 2 in row 0 and length 1 in row 1");
  assertThrows(() => heatmap({ data: [1, 2], shape: [2, 2] }), TypeError, "got [2, 2] for 2 numbers");
  assertThrows(() => heatmap([[]]), RangeError, "Cannot plot an empty matrix: got shape [1, 0]");
  assertThrows(() => heatmap([["a"]] as never), TypeError, "Expected a matrix of numbers, got string");
  assertThrows(() => heatmap([[1, 0]], { color: { scale: "log" } }), RangeError, "expected positive numbers, got 0");
  assertThrows(() => heatmap([[1]], { colour: {} } as never), TypeError, 'did you mean "color"?');
  assertThrows(
    () => heatmap([[1]], { origin: "lower" as never }),
    TypeError,
    'Expected "origin" to be "top" or "bottom"',
  );
  const large = grid([80, 80], () => 1);
  assertThrows(
    () => heatmap(large, { color: { scheme: "blues" } }),
    TypeError,
    'Cannot color 80 × 80 cells by the scheme "blues"',
  );
});

Deno.test("a small matrix may have any scheme of vega", async () => {
  assertStringIncludes((await fills(heatmap([[0, 1]], { color: { scheme: "greys" } }))).join(), "rgb(");
});

Deno.test("an indexed PNG keeps its pixels and its palette", () => {
  const colors = [[1, 2, 3], [250, 0, 9]];
  const png = encodeIndexedPng(Uint8Array.of(0, 1, 1, 1, 0, TRANSPARENT), 3, 2, colors);
  const decoded = decode(png);
  assertEquals([decoded.width, decoded.height, decoded.pixels], [3, 2, [0, 1, 1, 1, 0, TRANSPARENT]]);
  assertEquals(decoded.colors.slice(0, 2), colors);
});

Deno.test("a constant matrix has the middle colour", () => {
  assertEquals(new Set(picture(heatmap(grid([80, 80], () => 7))).pixels), new Set([Math.round((TRANSPARENT - 1) / 2)]));
  const { color } = heatmap([[7, 7]]).spec.encoding as { color: { scale: ChartSpec } };
  assertEquals(color.scale.domain, [7, 7]);
});
