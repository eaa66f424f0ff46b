import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { chart, heatmap, jupyterDisplay, line, scatter, theme } from "../../../src/plot/mod.ts";
import { grid, kinds } from "./kinds.ts";

const MIME = "application/vnd.vegalite.v5+json";
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Width and height that the header of a PNG gives. */
function pngSize(png: Uint8Array): [number, number] {
  assertEquals([...png.subarray(0, 8)], SIGNATURE);
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

/** Width and height that an SVG gives. */
function svgSize(svg: string): [number, number] {
  const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!;
  return [Number(width), Number(height)];
}

Deno.test("a chart shows itself as vega-lite JSON of version 5, PNG and text", async () => {
  const figure = kinds.line();
  const bundle = await figure[jupyterDisplay]();
  assertEquals(Object.keys(bundle), [MIME, "image/png", "text/plain"]);
  const spec = bundle[MIME] as Record<string, unknown>;
  assertEquals(spec.$schema, "https://vega.github.io/schema/vega-lite/v5.json");
  assertEquals(spec.data, figure.spec.data);
  const png = Uint8Array.fromBase64(bundle["image/png"] as string);
  const [width, height] = svgSize(await figure.toSvg());
  assertEquals(pngSize(png), [Math.round(2 * width), Math.round(2 * height)]);
  assertEquals(bundle["text/plain"], '[line chart "Convergence": residual by iteration, 42 rows]');
});

Deno.test("the kernel finds the display method by its registered symbol", () => {
  assertEquals(jupyterDisplay, Symbol.for("Jupyter.display"));
});

Deno.test("a specification of another schema is shown under version 5", async () => {
  const figure = chart({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { values: [{ u: 1 }, { u: 3 }] },
    mark: "tick",
    encoding: { x: { field: "u", type: "quantitative" } },
    config: theme,
  });
  const bundle = await figure[jupyterDisplay]();
  assertMatch((bundle[MIME] as { $schema: string }).$schema, /v5\.json$/);
  assertEquals(figure.spec.$schema, "https://vega.github.io/schema/vega-lite/v6.json");
  assertEquals(bundle["text/plain"], "[tick chart: 2 rows]");
});

Deno.test("a chart whose JSON is longer than 700 kB is shown as PNG only, and says so", async () => {
  const many = Array.from({ length: 24_000 }, (_, k) => ({ index: k, value: Math.sin(k) }));
  const bundle = await line(many, { x: "index", y: "value" })[jupyterDisplay]();
  assertEquals(Object.keys(bundle), ["image/png", "text/plain"]);
  assertMatch(bundle["text/plain"] as string, /shown as PNG only: its vega-lite JSON has \d+ kB/);
});

Deno.test("a display of a noisy picture stays below one megabyte", async () => {
  let state = 1;
  const noise = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const bundle = await heatmap(grid([720, 720], noise))[jupyterDisplay]();
  assert(JSON.stringify(bundle).length < 1_000_000, "Expected the bundle to have less than a million characters");
});

Deno.test("toPng draws two pixels per CSS pixel unless told otherwise", async () => {
  const figure = scatter({ u: [1, 2], v: [3, 4] }, { x: "u", y: "v", width: 100, height: 50 });
  const [width, height] = svgSize(await figure.toSvg());
  assertEquals(pngSize(await figure.toPng()), [2 * width, 2 * height]);
  assertEquals(pngSize(await figure.toPng({ scale: 1 })), [width, height]);
  await assertRejects(
    () => figure.toPng({ scale: 0 }),
    RangeError,
    'Expected "scale" to be positive and finite, got 0',
  );
});

Deno.test("save writes the format that the extension names", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const figure = kinds.line();
    await figure.save(`${folder}/figure.svg`);
    await figure.save(`${folder}/figure.PNG`);
    await figure.save(new URL(`file://${folder}/figure.html`));
    assertEquals(await Deno.readTextFile(`${folder}/figure.svg`), await figure.toSvg());
    assertEquals(await Deno.readFile(`${folder}/figure.PNG`), await figure.toPng());
    const html = await Deno.readTextFile(`${folder}/figure.html`);
    assertStringIncludes(html, "<title>Convergence</title>");
    assertStringIncludes(html, "<svg");
    const json = /<script type="application\/json" id="vega-lite-spec">(.*)<\/script>/.exec(html)![1];
    assertEquals(JSON.parse(json), figure.spec);
    assert(!/(src|href)="https?:/.test(html), "Expected the page to fetch nothing");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a page survives markup in its title and data", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const name = "</script><b>";
    const figure = scatter([{ u: 1, v: 2, name }], { x: "u", y: "v", color: "name", title: name });
    await figure.save(`${folder}/figure.html`);
    const html = await Deno.readTextFile(`${folder}/figure.html`);
    assertEquals(html.match(/<\/script>/g)!.length, 1);
    assertStringIncludes(html, "<title>&lt;/script&gt;&lt;b&gt;</title>");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("save refuses an extension that it does not know", async () => {
  const figure = kinds.bar();
  const expected = 'Cannot save a chart as "figure.gif": expected the extension .svg, .png or .html';
  await assertRejects(() => figure.save("figure.gif"), TypeError, expected);
  await assertRejects(() => figure.save("figure"), TypeError, 'Cannot save a chart as "figure"');
});

Deno.test("chart takes nothing but an object", () => {
  assertThrows(() => chart([] as never), TypeError, "Expected a vega-lite specification (an object), got an array");
  assertThrows(() => chart(null as never), TypeError, "got null");
});

Deno.test("a terminal shows one line for a chart", () => {
  assertEquals(Deno.inspect(kinds.layer()), "[area + line + rule + text chart: marginal error by iteration, 42 rows]");
  assertEquals(Deno.inspect(kinds.facet()), '[faceted line chart "By problem": residual by iteration, 42 rows]');
  assertEquals(Deno.inspect(kinds.hconcat()), '[2-panel rect chart "Two matrices"]');
});

Deno.test("the same chart is drawn the same twice", async () => {
  assertEquals(await kinds.layer().toSvg(), await kinds.layer().toSvg());
});
