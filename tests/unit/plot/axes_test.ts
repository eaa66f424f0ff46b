import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { area, bar, type Chart, line, type LineOptions, rule, scatter } from "../../../src/plot/mod.ts";
import { texts } from "./svg_text.ts";

type Encoding = Record<string, Record<string, unknown>>;

function encoding(chart: Chart): Encoding {
  return chart.spec.encoding as Encoding;
}

/** The labels along x and y. */
async function labels(chart: Chart): Promise<[string[], string[]]> {
  const [x, y] = texts(await chart.toSvg(), "axis-label");
  return [x, y];
}

function curve(values: readonly number[], y: Omit<LineOptions["y"] & object, "field"> = {}): Chart {
  return line({ t: values.map((_, i) => i), v: values }, { x: "t", y: { field: "v", ...y } });
}

Deno.test("a unit stands behind the title in parentheses", () => {
  const data = { t: [1], v: [2] };
  const titles = (y: LineOptions["y"]) => encoding(line(data, { x: "t", y })).y.title;
  assertEquals(titles({ field: "v", title: "speed", unit: "m/s" }), "speed (m/s)");
  assertEquals(titles({ field: "v", unit: "m/s" }), "v (m/s)");
  assertEquals(titles({ field: "v", title: null }), null);
  assertEquals(titles("v"), undefined);
});

Deno.test("a log axis over many decades is labelled by powers of ten", async () => {
  const [, y] = await labels(curve([1, 1e-3, 1e-6, 1e-9, 1e-16], { scale: "log" }));
  assertEquals(y, ["10⁻¹⁶", "10⁻¹⁴", "10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
});

Deno.test("a log axis of numbers that are short to write is labelled plainly", async () => {
  const [, y] = await labels(curve([0.01, 5, 1000], { scale: "log" }));
  assertEquals(y, ["0.01", "0.1", "1", "10", "100", "1,000"]);
});

Deno.test("a log axis over little more than a decade also labels the 2 and the 5", async () => {
  const [, y] = await labels(curve([2e-5, 3.2e-4], { scale: "log" }));
  assertEquals(y, ["2×10⁻⁵", "5×10⁻⁵", "10⁻⁴", "2×10⁻⁴"]);
});

Deno.test("a log axis within a decade labels what ticks there are", async () => {
  const [, y] = await labels(curve([3.1e-5, 3.4e-5], { scale: "log" }));
  assertEquals(y.length > 2, true);
  for (const label of y) assertEquals(/^3(\.\d+)?×10⁻⁵$/.test(label), true, label);
});

Deno.test("a log axis of powers of two is divided by two", async () => {
  const chart = line({ n: [64, 128, 256, 512], v: [1, 2, 3, 4] }, { x: { field: "n", scale: "log" }, y: "v" });
  assertEquals((encoding(chart).x.scale as { base?: number }).base, 2);
  assertEquals((await labels(chart))[0], ["64", "128", "256", "512"]);
});

Deno.test("a symlog axis is labelled by zero and powers of ten on both sides", async () => {
  const [, y] = await labels(curve([-100, -0.5, 0, 1, 100], { scale: "symlog" }));
  assertEquals(y, ["−10²", "−10¹", "−10⁰", "0", "10⁰", "10¹", "10²"]);
});

Deno.test("very small and very large numbers are labelled by powers of ten", async () => {
  assertEquals((await labels(curve([0, 3e-7], { domain: [0, 3e-7] })))[1].slice(0, 2), ["0", "5×10⁻⁸"]);
  assertEquals((await labels(curve([-2e7, 1e7])))[1][0], "−2×10⁷");
});

Deno.test("integers have no ticks between them", async () => {
  assertEquals((await labels(curve([0, 1, 2])))[1], ["0", "1", "2"]);
});

Deno.test("a format is kept on every scale", async () => {
  assertEquals((await labels(curve([0, 0.5, 1], { format: ".0%" })))[1][0], "0%");
  assertEquals((await labels(curve([1, 10, 100], { scale: "log", format: ".1f" })))[1], ["1.0", "10.0", "100.0"]);
});

Deno.test("dates are labelled in universal time", async () => {
  const days = Array.from({ length: 3 }, (_, day) => new Date(Date.UTC(2024, 0, 1 + day)));
  const chart = line({ day: days, v: [1, 2, 3] }, { x: { field: "day", format: "%d %H" }, y: "v" });
  const [x] = await labels(chart);
  assertEquals([x[0], x.at(-1)], ["01 00", "03 00"]);
});

Deno.test("a log scale refuses numbers that are not positive, and names the field and the row", () => {
  const message = 'Cannot show "v" on a log scale: expected positive numbers, got 0 in row 2';
  assertThrows(() => curve([1, 2, 0], { scale: "log" }), RangeError, message);
  const data = { t: [1, 2], v: [1, -1], w: [1, 1] };
  assertThrows(() => area(data, { x: "t", y: { field: "w", scale: "log" }, y2: "v" }), RangeError, 'Cannot show "v"');
  assertThrows(
    () => scatter(data, { x: "t", y: "w", color: { field: "v", scale: "log" } }),
    RangeError,
    "got -1 in row 1",
  );
  assertThrows(
    () => scatter(data, { x: "t", y: "w", size: { field: "v", scale: "log" } }),
    RangeError,
    'Cannot show "v"',
  );
});

Deno.test("bars and filled areas stand on zero, points and bands do not", async () => {
  const data = { t: [1, 2], v: [10, 11], w: [12, 13] };
  const zero = (chart: Chart) => (encoding(chart).y.scale as { zero: boolean }).zero;
  assertEquals(zero(bar(data, { x: "t", y: "v" })), true);
  assertEquals(zero(area(data, { x: "t", y: "v" })), true);
  assertEquals(zero(area(data, { x: "t", y: "v", y2: "w" })), false);
  assertEquals(zero(scatter(data, { x: "t", y: "v" })), false);
  assertEquals(zero(scatter(data, { x: "t", y: { field: "v", zero: true } })), true);
  assertEquals((await labels(scatter(data, { x: "t", y: "v" })))[1], ["10", "11"]);
});

Deno.test("bars refuse a log scale", () => {
  assertThrows(() => bar({ m: ["a"], t: [1] }, { x: "m", y: { field: "t", scale: "log" } }), RangeError, "has no zero");
});

Deno.test("names with dots and brackets are names, not paths", async () => {
  const chart = scatter({ "x[0]": [1, 2], "acc.1": [3, 4] }, { x: "x[0]", y: "acc.1" });
  const svg = await chart.toSvg();
  assertEquals(texts(svg, "axis-title").flat(), ["x[0]", "acc.1"]);
  assertEquals(svg.match(/aria-roledescription="point"/g)?.length, 2);
});

Deno.test("categories keep the order of the data unless told otherwise", async () => {
  const data = { method: ["zeta", "alpha", "mu"], time: [2, 3, 1] };
  const order = async (sort?: "ascending" | "-y") =>
    (await labels(bar(data, { x: { field: "method", ...(sort && { sort }) }, y: "time" })))[0];
  assertEquals(await order(), ["zeta", "alpha", "mu"]);
  assertEquals(await order("ascending"), ["alpha", "mu", "zeta"]);
  assertEquals(await order("-y"), ["alpha", "zeta", "mu"]);
});

Deno.test("long names of categories are turned rather than cut", () => {
  const names = ["exact (network simplex)", "entropic (Sinkhorn)"];
  const chart = bar({ names, time: [1, 2] }, { x: "names", y: "time", width: 120 });
  assertEquals((encoding(chart).x.axis as { labelAngle: number }).labelAngle, -40);
});

Deno.test("more categories than colours get a ramp of as many", () => {
  const data = { t: Array.from({ length: 12 }, (_, k) => k), kind: Array.from({ length: 12 }, (_, k) => `kind ${k}`) };
  const range = (encoding(scatter(data, { x: "t", y: "t", color: "kind" })).color.scale as { range: string[] }).range;
  assertEquals(new Set(range).size, 12);
});

Deno.test("numbers that colour lines are one category each", () => {
  const data = { t: [0, 1, 0, 1], v: [0, 1, 2, 3], eps: [0.1, 0.1, 0.01, 0.01] };
  assertEquals(encoding(line(data, { x: "t", y: "v", color: "eps" })).color.type, "ordinal");
  assertEquals(encoding(scatter(data, { x: "t", y: "v", color: "eps" })).color.type, "quantitative");
});

Deno.test("a diverging scheme is symmetric about zero, or about one on a log scale", () => {
  const domain = (color: { field: string; scale?: "log" }) => {
    const chart = scatter({ ratio: [0.5, 8], t: [-1, 3] }, {
      x: "t",
      y: "t",
      color: { ...color, scheme: "diverging" },
    });
    return (encoding(chart).color.scale as { domain: number[] }).domain;
  };
  assertEquals(domain({ field: "t" }), [-3, 3]);
  const [low, high] = domain({ field: "ratio", scale: "log" });
  assertAlmostEquals(low, 1 / 8, 1e-12);
  assertAlmostEquals(high, 8, 1e-12);
});

Deno.test("equal units make a unit as long on both axes", () => {
  const chart = scatter({ u: [0, 4], v: [0, 1] }, { x: "u", y: "v", equalAspect: true, width: 300 });
  const { width, height } = chart.spec as { width: number; height: number };
  const [x, y] = ["x", "y"].map((axis) => (encoding(chart)[axis].scale as { domain: number[] }).domain);
  assertAlmostEquals(width / (x[1] - x[0]), height / (y[1] - y[0]), 1);
  assertEquals(width, 300);
  assertThrows(
    () => scatter({ u: [1, 4], v: [1, 2] }, { x: { field: "u", scale: "log" }, y: "v", equalAspect: true }),
    TypeError,
    "Cannot draw equal units: expected numbers on a linear x axis, got log",
  );
});

Deno.test("a gap breaks the line", async () => {
  const path = async (values: number[]) => /mark-line.*?<path[^>]* d="([^"]*)"/s.exec(await curve(values).toSvg())![1];
  assertEquals((await path([1, 2, 3, 4])).match(/M/g)!.length, 1);
  assertEquals((await path([1, 2, NaN, 4, 5])).match(/M/g)!.length, 2);
});

Deno.test("labels at the ends of lines take the place of the legend", async () => {
  const data = { t: [0, 1, 0, 1], v: [0, 1, 2, NaN], k: ["first", "first", "second", "second"] };
  const svg = await line(data, { x: "t", y: "v", color: "k", labels: true }).toSvg();
  assertEquals(texts(svg, "mark").flat(), ["first", "second"]);
  assertEquals(texts(svg, "legend-label"), []);
  assertThrows(() => line(data, { x: "t", y: "v", labels: true }), TypeError, 'expected "color" to be the field');
});

Deno.test("a rule across the figure needs one finite place", () => {
  assertThrows(() => rule({}), TypeError, 'Expected "x" or "y" for a line across the figure, got neither');
  assertThrows(() => rule({ x: 1, y: 2 }), TypeError, "got both");
  assertThrows(() => rule({ y: NaN }), RangeError, 'Expected "y" to be finite, got NaN');
  assertThrows(() => rule({ y: "1" } as never), TypeError, 'Expected "y" to be a number, got string');
});
