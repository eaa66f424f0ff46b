import { assertEquals, assertThrows } from "@std/assert";
import {
  area,
  bar,
  type Chart,
  type ChartSpec,
  facet,
  hconcat,
  heatmap,
  layer,
  line,
  rule,
  scatter,
  vconcat,
} from "../../../src/plot/mod.ts";
import { grid, kinds, runs } from "./kinds.ts";
import { texts } from "./svg_text.ts";

const at = { x: "iteration", y: { field: "residual", scale: "log" } } as const;

function layers(chart: Chart): { data?: unknown; encoding: Record<string, Record<string, unknown>> }[] {
  return chart.spec.layer as never;
}

Deno.test("layers that draw the same rows share them", () => {
  const chart = layer([scatter(runs, at), line(runs, at), rule({ y: 0.1 })]);
  assertEquals((chart.spec.data as { values: unknown[] }).values.length, runs.length);
  assertEquals(layers(chart).map(({ data }) => data), [undefined, undefined, { values: [{}] }]);
});

Deno.test("layers that draw different rows keep their own", () => {
  const chart = layer([
    scatter({ u: [1], v: [2] }, { x: "u", y: "v" }),
    scatter({ u: [3], v: [4] }, { x: "u", y: "v" }),
  ]);
  assertEquals(chart.spec.data, undefined);
  assertEquals(layers(chart).map(({ data }) => data), [{ values: [{ u: 1, v: 2 }] }, { values: [{ u: 3, v: 4 }] }]);
});

Deno.test("a layer takes over the scale and the title that another gives", async () => {
  const chart = layer([
    area(runs, { x: "iteration", y: "low", y2: "high" }),
    line(runs, { x: { field: "iteration", title: "step" }, y: { ...at.y, title: "error" } }),
    rule({ y: 0.01 }),
  ]);
  for (const { encoding } of layers(chart)) assertEquals((encoding.y.scale as ChartSpec).type, "log");
  assertEquals(texts(await chart.toSvg(), "axis-title").flat(), ["step", "error"]);
});

Deno.test("without titles, the layered axis has the name of the curve, not of the band", async () => {
  const chart = layer([area(runs, { x: "iteration", y: "low", y2: "high" }), line(runs, at)]);
  assertEquals(texts(await chart.toSvg(), "axis-title").flat(), ["iteration", "residual"]);
});

Deno.test("the ticks of a layered axis are made for the numbers of all layers", async () => {
  const small = line({ t: [0, 1], v: [1e-2, 1] }, { x: "t", y: { field: "v", scale: "log" } });
  const large = line({ t: [0, 1], v: [1, 1e8] }, { x: "t", y: "v" });
  assertEquals(texts(await small.toSvg(), "axis-label")[1], ["0.01", "0.1", "1"]);
  const [, y] = texts(await layer([small, large]).toSvg(), "axis-label");
  assertEquals([y[0], y.at(-1)], ["10⁻²", "10⁸"]);
});

Deno.test("a rule across layers is drawn once", async () => {
  const svg = await layer([line(runs, at), rule({ y: 0.1 })]).toSvg();
  assertEquals(svg.match(/<line [^>]*stroke-dasharray="6,4"/g)?.length, 1);
});

Deno.test("the first title and size hold for the layers, unless the layer has its own", () => {
  const part = line(runs, { ...at, title: "inner", width: 111 });
  const { title, width } = layer([scatter(runs, at), part]).spec;
  assertEquals([title, width], ["inner", 111]);
  const outer = layer([part], { title: "outer", width: 222 }).spec;
  assertEquals([outer.title, outer.width], ["outer", 222]);
  assertEquals(layer([part], { subtitle: "more" }).spec.title, { text: "inner", subtitle: "more" });
});

Deno.test("layers that cannot share an axis are refused", () => {
  const linear = scatter(runs, { x: "iteration", y: { field: "residual", scale: "linear" } });
  assertThrows(() => layer([line(runs, at), linear]), TypeError, "different scales on the y axis: got log and linear");
  const categories = bar({ method: ["a"], residual: [1] }, { x: "method", y: "residual" });
  assertThrows(
    () => layer([line(runs, at), categories]),
    TypeError,
    "Cannot layer numbers and categories on one x axis",
  );
  assertThrows(() => layer([line(runs, at), rule({ y: 0 })]), RangeError, 'Cannot show "y" on a log scale');
});

Deno.test("layering takes charts of one panel", () => {
  assertThrows(() => layer([]), TypeError, "Expected layer to be given at least one chart, got none");
  assertThrows(() => layer(line(runs, at) as never), TypeError, "Expected layer to be given an array of charts");
  assertThrows(() => layer([{}] as never), TypeError, "Expected layer to be given charts, got object");
  assertThrows(() => layer([kinds.facet()]), TypeError, "Cannot layer a chart of several panels");
});

Deno.test("layering equal units again keeps them equal for all layers", () => {
  const at = { x: "u", y: "v" };
  const chart = layer([scatter({ u: [0, 1], v: [0, 1] }, at), line({ u: [0, 4], v: [0, 2] }, at)], {
    equalAspect: true,
  });
  const [x, y] = ["x", "y"].map((axis) =>
    layers(chart).map(({ encoding }) => (encoding[axis].scale as ChartSpec).domain)
  );
  assertEquals(x, [[-0.2, 4.2], [-0.2, 4.2]]);
  assertEquals(y, [[-0.1, 2.1], [-0.1, 2.1]]);
  assertEquals([chart.spec.width, chart.spec.height], [360, 180]);
});

Deno.test("the colours of layered categories are as many as all layers have", () => {
  const series = (eps: number[]) => line({ t: eps, v: eps, eps }, { x: "t", y: "v", color: "eps" });
  const chart = layer([series([0.1, 0.01]), series([0.001])]);
  for (const { encoding } of layers(chart)) {
    assertEquals(new Set((encoding.color.scale as { range: string[] }).range).size, 3);
  }
});

Deno.test("categories and numbers in one figure get a legend each", async () => {
  const svg = await kinds["layer of a heatmap and categories"]().toSvg();
  const labels = texts(svg, "legend-label").flat();
  assertEquals(["a", "b"].map((name) => labels.filter((label) => label === name).length), [1, 1]);
  assertEquals(labels.some((label) => Number(label) > 1), true);
});

Deno.test("a facet has a panel for each value, in the order of the data", async () => {
  const data = { t: [0, 1, 0, 1, 0, 1], v: [1, 2, 3, 4, 5, 6], k: ["zeta", "zeta", "alpha", "alpha", "mu", "mu"] };
  const part = line(data, { x: "t", y: "v", width: 90, height: 60 });
  const panels = async (chart: Chart) => texts(await chart.toSvg(), "title-text").flat();
  assertEquals(await panels(facet(part, { by: { field: "k", title: null } })), ["zeta", "alpha", "mu"]);
  const sorted = facet(part, { by: { field: "k", title: null, sort: "descending" } });
  assertEquals(await panels(sorted), ["zeta", "mu", "alpha"]);
});

Deno.test("numbers that split a facet are in ascending order", () => {
  const chart = facet(scatter({ t: [1, 2, 3], eps: [0.1, 0.001, 0.01] }, { x: "t", y: "t" }), { row: "eps" });
  const { row } = chart.spec.facet as { row: { sort: unknown; type: string } };
  assertEquals([row.sort, row.type], [[0.001, 0.01, 0.1], "ordinal"]);
});

Deno.test("facets choose columns that fill the rows", () => {
  const columns = (count: number) => {
    const k = Array.from({ length: count }, (_, i) => `panel ${i}`);
    return facet(scatter({ k, v: k.map((_, i) => i) }, { x: "v", y: "v" }), { by: "k" }).spec.columns;
  };
  assertEquals([1, 2, 3, 4, 6, 8, 9, 10, 7].map(columns), [1, 2, 3, 4, 3, 4, 3, 2, 3]);
});

Deno.test("a facet refuses what it cannot split", () => {
  const part = line(runs, at);
  assertThrows(() => facet(part, { by: "methd" }), TypeError, 'Unknown field "methd", did you mean "method"?');
  assertThrows(() => facet(part, {}), TypeError, 'Expected "by", or "row" and "column", got neither');
  assertThrows(() => facet(part, { by: "method", row: "problem" }), TypeError, "got both");
  assertThrows(
    () => facet(part, { by: "method", columns: 0 }),
    RangeError,
    'Expected "columns" to be a positive integer, got 0',
  );
  assertThrows(() => facet(part, { by: "method", independent: ["z" as never] }), TypeError, 'Unknown name "z"');
  const mixed = layer([
    scatter({ u: [1], k: [1] }, { x: "u", y: "k" }),
    scatter({ u: [3], k: [2] }, { x: "u", y: "k" }),
  ]);
  assertThrows(() => facet(mixed, { by: "k" }), TypeError, "layers draw different data");
});

Deno.test("charts beside and below each other keep their titles and axes", async () => {
  const svg = await vconcat([
    hconcat([line(runs, { ...at, title: "first" }), heatmap([[1, 2]], { title: "second" })]),
    bar({ m: ["a"], t: [1] }, { x: "m", y: "t", title: "third" }),
  ], { title: "all" }).toSvg();
  const titles = texts(svg, "title-text").flat();
  assertEquals(titles.toSorted(), ["all", "first", "second", "third"]);
});

Deno.test("heatmaps beside each other share colours if asked", () => {
  const charts = [heatmap([[1, 2]]), heatmap([[5, 9]])];
  const domains = (chart: Chart) =>
    (chart.spec.hconcat as { encoding: { color: { scale: { domain: number[] } } } }[]).map((c) =>
      c.encoding.color.scale.domain
    );
  assertEquals(domains(hconcat(charts)), [[1, 2], [5, 9]]);
  assertEquals(domains(hconcat(charts, { shared: ["color"] })), [[1, 9], [1, 9]]);
  const large = [1, 2].map((scale) => heatmap(grid([80, 80], (i, j) => scale * (i + j))));
  assertThrows(() => hconcat(large, { shared: ["color"] }), TypeError, 'give each the "domain" [0, 316]');
});
