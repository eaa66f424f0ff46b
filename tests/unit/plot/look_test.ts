import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { line, palette, theme } from "../../../src/plot/mod.ts";
import { loadFonts } from "../../../src/plot/fonts.ts";
import { readAdvanceWidths } from "../../../src/plot/font_metrics.ts";
import { rgb, sampleRamp } from "../../../src/plot/palette.ts";
import { texts } from "./svg_text.ts";

/** The CIE lightness of a colour, 0 to 100. */
function lightness(hex: string): number {
  const [r, g, b] = rgb(hex).map((value) => value / 255).map((
    v,
  ) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return luminance > 216 / 24389 ? 116 * Math.cbrt(luminance) - 16 : luminance * 24389 / 27;
}

Deno.test("the sequential ramp rises evenly in lightness", () => {
  const steps = palette.sequential.map(lightness).map((value, i, all) => value - (all[i - 1] ?? value)).slice(1);
  for (const step of steps) assert(step > 6 && step < 9, `Expected a step of 6 to 9, got ${step}`);
});

Deno.test("the diverging ramp is as light on both sides", () => {
  const values = palette.diverging.map(lightness);
  for (let i = 0; i < 5; i++) {
    assertAlmostEquals(values[i], values[10 - i], 3.5);
    assert(values[i] < values[i + 1], "Expected the ramp to rise towards the middle");
  }
});

Deno.test("the categories are eight different colours", () => {
  assertEquals(new Set(palette.categorical).size, 8);
});

Deno.test("a ramp is blended between its colours", () => {
  assertEquals(sampleRamp(["#000000", "#ff8000"], 3), ["#000000", "#804000", "#ff8000"]);
  assertEquals(sampleRamp(["#000000", "#ff8000"], 2, 0.5), ["#000000", "#804000"]);
  assertEquals(sampleRamp(["#102030", "#ff8000"], 1), ["#102030"]);
});

Deno.test("text is as wide as the font says", async () => {
  const fonts = await loadFonts();
  assertEquals(fonts.files.length, 2);
  // DejaVu Sans has 2048 units per em; its digits are 1303 units wide, its space 651, its bold digits 1425.
  assertAlmostEquals(fonts.width("0123456789", 2048, false), 13030, 1e-9);
  assertAlmostEquals(fonts.width("0 0", 2048, false), 3257, 1e-9);
  assertAlmostEquals(fonts.width("00", 2048, true), 2850, 1e-9);
  assert(fonts.width("10⁻⁶ ε ∞", 12, false) > 30, "Expected letters beyond ASCII to have a width");
});

Deno.test("bytes that are no font are refused", () => {
  assertThrows(() => readAdvanceWidths(new Uint8Array(4)), TypeError, 'expected a TrueType table "head", found none');
});

Deno.test("long labels of a legend are neither cut nor do they widen the figure beyond their width", async () => {
  const name = "Gauss–Seidel with successive overrelaxation";
  const svg = await line({ t: [0, 1], v: [0, 1], name: [name, name] }, { x: "t", y: "v", color: "name" }).toSvg();
  assertEquals(texts(svg, "legend-label").flat(), [name]);
  const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)![1]);
  const label = (await loadFonts()).width(name, 11, false);
  assert(width > 400 + label && width < 400 + label + 120, `Expected room for a label of ${label} px, got ${width} px`);
});

Deno.test("the theme names the font that the layout is measured with", () => {
  assertEquals(String(theme.font).startsWith("DejaVu Sans"), true);
});
