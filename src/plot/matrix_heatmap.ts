import { type ChannelSpec, type ColorChannel, rampScale } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import type { Scalar } from "./data.ts";
import { encodeIndexedPng, TRANSPARENT } from "./indexed_png.ts";
import { blockMeans, type DenseMatrix } from "./matrix.ts";
import { rgb, sampleRamp } from "./palette.ts";

/** One axis of a matrix. */
export interface MatrixAxis {
  /** `"column"` or `"row"` by default, none if null. */
  readonly title?: string | null;
  /** The unit of the coordinates, shown behind the title in parentheses. */
  readonly unit?: string;
  /** The coordinates of the first and the last cell: 0 and the number of cells less one by default. */
  readonly domain?: readonly [number, number];
}

/** The colours of a matrix: those of a field, without the field. */
export type MatrixColor = Omit<ColorChannel, "field" | "type" | "sort" | "zero">;

/** How to draw a matrix. */
export interface MatrixLayout {
  readonly x: MatrixAxis;
  readonly y: MatrixAxis;
  readonly color: MatrixColor;
  readonly origin: "top" | "bottom";
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Up to this many cells each is a mark of its own, which a live figure can describe; more become one picture. */
const MOST_MARKS = 4096;
/** The longer side of the plotting area, the least shorter one and the largest cell, in pixels. */
const LONG_SIDE = 360;
const SHORT_SIDE = 60;
const LARGEST_CELL = 40;
/** Pixels of a picture per pixel of the plotting area. */
const DENSITY = 2;

/** The marks of a matrix and the size of its plotting area. */
export function matrixMarks(matrix: DenseMatrix, layout: MatrixLayout): { marks: ChartSpec[]; size: ChartSpec } {
  const { rows, columns } = matrix;
  const asMarks = rows * columns <= MOST_MARKS && Math.max(rows, columns) <= LONG_SIDE;
  const cell = Math.min(LARGEST_CELL, LONG_SIDE / Math.max(rows, columns));
  const side = (count: number, given: number | undefined) => {
    const pixels = given ?? Math.max(count * cell, Math.min(SHORT_SIDE, count * LARGEST_CELL));
    // A cell of a broken number of pixels would show a seam.
    return asMarks ? count * Math.max(1, Math.floor(pixels / count)) : Math.round(pixels);
  };
  const size = { width: side(columns, layout.width), height: side(rows, layout.height) };
  const marks = asMarks ? cellMarks(matrix, layout) : pictureMarks(matrix, layout, size);
  for (const { encoding } of marks) shortenLegend((encoding as Record<string, ChannelSpec>).color, size.height);
  return { marks, size };
}

/** The usual and the least length of a colour ramp, and the height of its title, in pixels. */
const LEGEND = { usual: 180, least: 50, title: 20 };

/** Keeps the legend of a low heatmap from making the figure higher. */
export function shortenLegend(color: ChannelSpec | undefined, height: number): void {
  if (color === undefined || color.legend === null || height >= LEGEND.usual) return;
  const gradientLength = Math.max(LEGEND.least, height - LEGEND.title);
  color.legend = { ...color.legend as ChannelSpec | undefined, gradientLength, tickCount: 3 };
}

function cellMarks({ data, rows, columns }: DenseMatrix, layout: MatrixLayout): ChartSpec[] {
  const [x, y] = [edges(layout.x, columns), edges(layout.y, rows)];
  // More digits than colours can tell would only make the figure longer.
  const values = Array.from(data, (value) => (Number.isFinite(value) ? Number(value.toPrecision(6)) : null));
  const at = (index: string, axis: Edges) => `${axis.first} + ${index} * ${axis.step}`;
  return [{
    // A list of bare numbers is a quarter as long as one of rows, but may not hold null.
    data: { values: values.map((value) => value ?? "") },
    transform: [
      { calculate: "datum.data === '' ? null : datum.data", as: "value" },
      { window: [{ op: "row_number", as: "k" }] },
      { calculate: `floor((datum.k - 1) / ${columns})`, as: "row" },
      { calculate: `(datum.k - 1) % ${columns}`, as: "column" },
      { calculate: at("datum.column", x), as: "left" },
      { calculate: at("(datum.column + 1)", x), as: "right" },
      { calculate: at("datum.row", y), as: "above" },
      { calculate: at("(datum.row + 1)", y), as: "below" },
    ],
    // A description of every cell for screen readers would make the SVG ten times as long.
    mark: { type: "rect", aria: false },
    encoding: {
      x: axisChannel("left", "column", layout.x, x, false),
      x2: { field: "right" },
      y: axisChannel("above", "row", layout.y, y, layout.origin === "top"),
      y2: { field: "below" },
      color: colorChannel("value", layout.color, values),
      tooltip: [
        { field: "row", type: "quantitative" },
        { field: "column", type: "quantitative" },
        { field: "value", type: "quantitative", title: layout.color.title ?? "value" },
      ],
    },
  }];
}

function pictureMarks(matrix: DenseMatrix, layout: MatrixLayout, size: { width: number; height: number }): ChartSpec[] {
  const [x, y] = [edges(layout.x, matrix.columns), edges(layout.y, matrix.rows)];
  const down = Math.ceil(matrix.rows / (DENSITY * size.height));
  const across = Math.ceil(matrix.columns / (DENSITY * size.width));
  const small = down > 1 || across > 1 ? blockMeans(matrix, down, across) : matrix;
  const values = Array.from(small.data, (value) => (Number.isFinite(value) ? value : null));
  const color = colorChannel("value", layout.color, values);
  const scale = color.scale as ChannelSpec;
  if (!Array.isArray(scale.range)) {
    throw new TypeError(
      `Cannot color ${matrix.rows} × ${matrix.columns} cells by the scheme "${layout.color.scheme}": ` +
        'expected "sequential", "diverging" or a "range" of colours',
    );
  }
  const domain = scale.domain as [number, number];
  const pixels = values.map((value) => colorIndex(value, domain, layout.color.scale));
  const colors = sampleRamp(scale.range as string[], TRANSPARENT).map(rgb);
  const flipped = layout.origin === "top" ? pixels : flipRows(pixels, small.columns);
  const png = encodeIndexedPng(Uint8Array.from(flipped), small.columns, small.rows, colors);
  const [left, right] = [x.first, x.first + small.columns * across * x.step];
  const [above, below] = [y.first, y.first + small.rows * down * y.step];
  return [
    {
      data: { values: [{ left, right, above, below, picture: `data:image/png;base64,${png.toBase64()}` }] },
      mark: { type: "image", aspect: false, smooth: false, clip: true, tooltip: false },
      encoding: {
        x: axisChannel("left", "column", layout.x, x, false),
        x2: { field: "right" },
        y: axisChannel("above", "row", layout.y, y, layout.origin === "top"),
        y2: { field: "below" },
        url: { field: "picture", type: "nominal" },
      },
    },
    // A picture has no colour scale: marks of no size carry the legend.
    {
      data: { values: domain.map((value) => ({ value })) },
      mark: { type: "point", size: 0, tooltip: false },
      encoding: { color },
    },
  ];
}

/** Where the first cell begins and how far it is to the next. */
interface Edges {
  readonly first: number;
  readonly step: number;
  readonly last: number;
}

function edges({ domain }: MatrixAxis, count: number): Edges {
  const [start, end] = domain ?? [0, count - 1];
  const step = count > 1 ? (end - start) / (count - 1) : 1;
  return { first: start - step / 2, step, last: end + step / 2 };
}

function axisChannel(
  field: string,
  name: string,
  axis: MatrixAxis,
  { first, last }: Edges,
  reverse: boolean,
): ChannelSpec {
  const title = axis.title === undefined ? name : axis.title;
  return {
    field,
    type: "quantitative",
    title: title !== null && axis.unit !== undefined ? `${title} (${axis.unit})` : title,
    scale: { domain: [first, last], nice: false, zero: false, ...(reverse && { reverse }) },
    axis: { grid: false, ...(axis.domain === undefined && { tickMinStep: 1 }) },
  };
}

function colorChannel(field: string, color: MatrixColor, values: readonly Scalar[]): ChannelSpec {
  const { title, unit, legend, format } = color;
  const heading = title === undefined
    ? unit ?? null
    : title !== null && unit !== undefined
    ? `${title} (${unit})`
    : title;
  const scale = rampScale(color, values);
  return {
    field,
    type: "quantitative",
    title: heading,
    scale: { ...scale, domain: scale.domain ?? finiteExtent(values), nice: false },
    ...(legend === false
      ? { legend: null }
      : (legend || format) && { legend: { ...(legend && { orient: legend }), ...(format && { format }) } }),
  };
}

function finiteExtent(values: readonly Scalar[]): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (typeof value !== "number") continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return min <= max ? [min, max] : [0, 1];
}

function colorIndex(value: number | null, [low, high]: readonly [number, number], scale: MatrixColor["scale"]): number {
  if (value === null) return TRANSPARENT;
  const place = (x: number) => {
    if (scale === "log") return Math.log(x);
    if (scale === "sqrt") return Math.sign(x) * Math.sqrt(Math.abs(x));
    return scale === "symlog" ? Math.sign(x) * Math.log1p(Math.abs(x)) : x;
  };
  const part = high === low ? 0.5 : (place(value) - place(low)) / (place(high) - place(low));
  return Math.round(Math.min(1, Math.max(0, part)) * (TRANSPARENT - 1));
}

function flipRows(pixels: readonly number[], columns: number): number[] {
  const rows = Array.from({ length: pixels.length / columns }, (_, i) => pixels.slice(i * columns, (i + 1) * columns));
  return rows.reverse().flat();
}
