import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { renderSvg } from "../../../src/plot/render.ts";
import { kinds } from "./kinds.ts";

for (const [name, make] of Object.entries(kinds)) {
  Deno.test(`vega-lite draws a ${name} without a warning`, async () => {
    const warnings: string[] = [];
    const svg = await renderSvg(make().spec, { warn: (message) => warnings.push(message) });
    assertEquals(warnings, []);
    assert(/<path|<image|<text/.test(svg), "Expected the SVG to hold marks");
    assert(!/NaN|undefined|Infinity/.test(svg), "Expected every coordinate of the SVG to be a number");
  });

  Deno.test(`the specification of a ${name} is plain JSON, and drawing leaves it so`, async () => {
    const chart = make();
    const json = JSON.stringify(chart.spec);
    assertEquals(JSON.parse(json), chart.spec);
    await chart.toSvg();
    assertEquals(JSON.parse(json), chart.spec);
  });
}

Deno.test("vega-lite's warnings reach the reader", async () => {
  const warnings: string[] = [];
  const spec = {
    data: { values: [{ u: 1 }] },
    mark: "point",
    encoding: { x: { field: "u", type: "quantitative", scale: { type: "log", zero: true } } },
  };
  await renderSvg(spec, { warn: (message) => warnings.push(message) });
  assertEquals(warnings.length > 0, true);
  assertStringIncludes(warnings.join(), "zero");
});

Deno.test("a line chart shows its titles, its series and powers of ten", async () => {
  const svg = await kinds.layer().toSvg();
  for (const text of ["marginal error", "iteration", "Sinkhorn", "Newton", "tolerance", "10⁻⁴"]) {
    assertStringIncludes(svg, `>${text}<`);
  }
});

Deno.test("titles and subtitles stand above the figure", async () => {
  const svg = await kinds.line().toSvg();
  assertStringIncludes(svg, ">Convergence<");
  assertStringIncludes(svg, ">n = 100<");
});
