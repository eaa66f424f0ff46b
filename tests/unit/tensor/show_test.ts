import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { open, type Tensor } from "../../../src/tensor/mod.ts";

/** What a notebook shows of a tensor. */
async function bundle(t: Tensor): Promise<Record<string, string>> {
  return await (t as unknown as Record<symbol, () => Promise<Record<string, string>>>)[Symbol.for("Jupyter.display")]();
}

/** Width, height and pixels (red, green, blue) of the picture in some HTML: an 8-bit RGB PNG without filters. */
async function picture(
  html: string,
): Promise<{ width: number; height: number; pixel: (r: number, c: number) => number[] }> {
  const base64 = html.match(/src="data:image\/png;base64,([^"]+)"/)![1];
  const file = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)), view = new DataView(file.buffer);
  assertEquals([...file.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const chunks: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    chunks[String.fromCharCode(...file.subarray(at + 4, at + 8))] = file.slice(at + 8, at + 8 + length);
    at += 12 + length;
  }
  assertEquals(Object.keys(chunks), ["IHDR", "IDAT", "IEND"]);
  const header = new DataView(chunks.IHDR.buffer), width = header.getUint32(0), height = header.getUint32(4);
  const inflated = new Blob([chunks.IDAT]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(inflated).arrayBuffer());
  assertEquals(raw.length, height * (1 + 3 * width));
  return {
    width,
    height,
    pixel: (r, c) => [...raw.subarray(r * (1 + 3 * width) + 1 + 3 * c, r * (1 + 3 * width) + 4 + 3 * c)],
  };
}

Deno.test("a tensor shows shape, dtype and numbers as text", async () => {
  await using gpu = await open({ backend: "cpu" });
  const cases: [Tensor, string][] = [
    [gpu.tensor([[1, -2.5], [1e-4, 123456]]), "Tensor [2, 2] f32 (4 elements)\n      1     -2.5\n1.00e-4  1.23e+5"],
    [gpu.tensor(3), "Tensor [] f32 (1 element)\n3"],
    [gpu.tensor([]), "Tensor [0] f32 (0 elements)"],
    [gpu.zeros([2, 0]), "Tensor [2, 0] f32 (0 elements)"],
    [gpu.tensor([true, false]), "Tensor [2] bool (2 elements)\n true  false"],
    [gpu.tensor([-0, 1 / 3]), "Tensor [2] f32 (2 elements)\n     -0  0.33333"],
    [gpu.tensor([4294967295], { dtype: "u32" }), "Tensor [1] u32 (1 element)\n4294967295"],
    [
      gpu.arange(8).reshape([2, 2, 2]),
      "Tensor [2, 2, 2] i32 (8 elements)\nfirst of 2 matrices\n0  1\n2  3",
    ],
  ];
  for (const [t, text] of cases) {
    assertEquals(await t.show(), text);
    assertEquals((await bundle(t))["text/plain"], text);
  }
});

Deno.test("a large tensor shows its corners", async () => {
  await using gpu = await open({ backend: "cpu" });
  const text = await gpu.arange(30 * 40).reshape([30, 40]).show(), lines = text.split("\n");
  assertEquals(lines[0], "Tensor [30, 40] i32 (1,200 elements)");
  const cells = lines.slice(1).map((l) => l.trim().split(/ +/));
  assertEquals([cells.length, new Set(cells.map((c) => c.length))], [13, new Set([13])]);
  assertEquals(cells[0], ["0", "1", "2", "3", "4", "5", "…", "34", "35", "36", "37", "38", "39"]);
  assertEquals(cells[6], Array(13).fill("…"));
  assertEquals(cells[12].at(-1), "1199");
  const vector = await gpu.arange(1000).show();
  assertEquals(vector.split("\n")[1].trim().split(/ +/), [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "…",
    "994",
    "995",
    "996",
    "997",
    "998",
    "999",
  ]);
});

Deno.test("NaN and infinities are seen, wherever they are", async () => {
  await using gpu = await open({ backend: "cpu" });
  assertEquals(
    await gpu.tensor([NaN, -Infinity, 1]).show(),
    "Tensor [3] f32 (3 elements, 1 NaN, 1 infinite)\n      NaN  -Infinity          1",
  );
  // Far from the corners, and between the elements that a thinned heatmap shows.
  const data = new Float32Array(500 * 400);
  data[251 * 400 + 201] = NaN;
  const { "text/plain": text, "text/html": html } = await bundle(gpu.tensor(data, { shape: [500, 400] }));
  assertStringIncludes(text, "(200,000 elements, 1 NaN)");
  const { width, height, pixel } = await picture(html);
  assertEquals([width, height], [100, 125]);
  const grey = [160, 160, 160];
  assertEquals([pixel(62, 50), pixel(62, 51).join() === grey.join()], [grey, false]);
});

Deno.test("a matrix shows a heatmap from dark to light, with its range", async () => {
  await using gpu = await open({ backend: "cpu" });
  const html = (await bundle(gpu.tensor([[0, 1, 0.5], [NaN, Infinity, -Infinity]])))["text/html"];
  const { width, height, pixel } = await picture(html);
  assertEquals([width, height], [3, 2]);
  const [dark, light, middle] = [pixel(0, 0), pixel(0, 1), pixel(0, 2)];
  const brightness = (rgb: number[]) => rgb.reduce((s, v) => s + v, 0);
  assert(brightness(dark) < brightness(middle) && brightness(middle) < brightness(light));
  assertEquals([pixel(1, 0), pixel(1, 1), pixel(1, 2)], [[160, 160, 160], light, dark]);
  assertStringIncludes(html, "<small>0 … 1, NaN in grey</small>");
  assertMatch(html, /^<div><b>Tensor \[2, 3\] f32 \(6 elements, 1 NaN, 2 infinite\)<\/b>.*<table>.*NaN.*<\/table>/);
  assertStringIncludes((await bundle(gpu.full([3, 3], NaN)))["text/html"], "no finite values");
});

Deno.test("only matrices of numbers have a heatmap", async () => {
  await using gpu = await open({ backend: "cpu" });
  for (const t of [gpu.arange(4), gpu.ones([1, 5]), gpu.ones([2, 2], "bool"), gpu.zeros([0, 4]), gpu.ones([2, 2, 2])]) {
    assertEquals((await bundle(t))["text/html"].includes("<img"), false, String(t));
  }
});
