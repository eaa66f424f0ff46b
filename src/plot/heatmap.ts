import { type ChannelSpec, type ColorChannel, encodeColor, encodePosition, type Position } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { type Data, type Table, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { isMatrix, type Matrix, toDenseMatrix } from "./matrix.ts";
import { type MatrixAxis, type MatrixColor, matrixMarks, shortenLegend } from "./matrix_heatmap.ts";
import { checkOptions, figureOptionNames, type FigureOptions } from "./options.ts";

/** Options of {@linkcode heatmap} for a table. */
export interface HeatmapOptions extends MarkOptions {
  /** The columns of the picture: the different values of a field. */
  readonly x: Position;
  /** The rows of the picture, the first at the top. */
  readonly y: Position;
  /** The field that colours the cells. */
  readonly color: string | ColorChannel;
}

/** Options of {@linkcode heatmap} for a matrix. */
export interface MatrixHeatmapOptions extends FigureOptions {
  /** The axis of the columns. */
  readonly x?: MatrixAxis;
  /** The axis of the rows. */
  readonly y?: MatrixAxis;
  /** The colours of the cells. */
  readonly color?: MatrixColor;
  /** Where row 0 stands: `"top"` by default, as a matrix is written; `"bottom"` for a function on a grid. */
  readonly origin?: "top" | "bottom";
}

const OPTIONS = [...markOptionNames, "x", "y", "color"];
const MATRIX_OPTIONS = [...figureOptionNames, "x", "y", "color", "origin"];
const MATRIX_COLOR = ["title", "unit", "scale", "domain", "format", "scheme", "range", "legend"];

/**
 * Colours cells by a number: those of a matrix `[rows, columns]`, or of a table with a row for each cell. NaN stays blank.
 *
 * A matrix of more than 4096 cells is drawn as one picture, in which a pixel shows the mean of the cells that fall on it.
 * Up to that, the plotting area is rounded to whole pixels per cell.
 *
 * @example
 * ```ts
 * import { heatmap } from "denovo/plot/mod.ts";
 *
 * heatmap([[1, -2], [0.5, 3]], { color: { scheme: "diverging", title: "weight" } });
 * heatmap(
 *   [{ rank: 4, bits: 2, error: 0.1 }, { rank: 8, bits: 2, error: 0.05 }],
 *   { x: "rank", y: "bits", color: { field: "error", scale: "log" } },
 * );
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the matrix is none.
 * @throws {RangeError} If there is nothing to draw, or a log scale meets a number that is not positive.
 */
export function heatmap(matrix: Matrix, options?: MatrixHeatmapOptions): Chart;
/** Colours the cells that the rows of a table give: see the form for a matrix. */
export function heatmap(data: Data, options: HeatmapOptions): Chart;
export function heatmap(data: Data | Matrix, options: HeatmapOptions | MatrixHeatmapOptions = {}): Chart {
  return isMatrix(data)
    ? matrixHeatmap(data, options as MatrixHeatmapOptions)
    : tableHeatmap(data, options as HeatmapOptions);
}

function matrixHeatmap(matrix: Matrix, options: MatrixHeatmapOptions): Chart {
  checkOptions("the options of heatmap", options, MATRIX_OPTIONS);
  const { x = {}, y = {}, color = {}, origin = "top", title, subtitle, width, height } = options;
  for (const [name, axis] of Object.entries({ x, y })) checkOptions(`"${name}"`, axis, ["title", "unit", "domain"]);
  checkOptions('"color"', color, MATRIX_COLOR);
  if (origin !== "top" && origin !== "bottom") {
    throw new TypeError(`Expected "origin" to be "top" or "bottom", got ${JSON.stringify(origin)}`);
  }
  const { marks, size } = matrixMarks(toDenseMatrix(matrix), { x, y, color, origin, width, height });
  return figure(marks, { title, subtitle }, size);
}

/** The longer side of the plotting area in pixels, and the bounds of a cell. */
const LONG_SIDE = 360;
const CELL = { least: 4, most: 40 };

function tableHeatmap(data: Data, options: HeatmapOptions): Chart {
  checkOptions("the options of heatmap", options, OPTIONS);
  const { x, y, color, tooltip, width, height } = options;
  const table = toTable(data);
  const cells = markSpec(table, { type: "rect" }, {
    x: category(table, "x", x),
    y: category(table, "y", y),
    color: encodeColor(table, color),
  }, tooltip);
  const [columns, rows] = [x, y].map((axis) => {
    const field = typeof axis === "string" ? axis : axis.field;
    return new Set(table.rows.map((row) => row[field])).size;
  });
  const cell = Math.min(CELL.most, Math.max(CELL.least, Math.floor(LONG_SIDE / Math.max(columns, rows))));
  const size = { width: width ?? columns * cell, height: height ?? rows * cell };
  shortenLegend((cells.encoding as Record<string, ChannelSpec>).color, size.height);
  return figure([cells], options, size);
}

/** A cell for each value: numbers and dates are put in order, words keep that of the data. */
function category(table: Table, name: string, position: Position) {
  const channel = encodePosition(table, name, position, false);
  if (channel.type === "nominal") return channel;
  const { scale: _, ...rest } = channel;
  return { ...rest, type: "ordinal" };
}
