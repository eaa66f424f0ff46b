import {
  type Color,
  encodeColor,
  encodeDash,
  encodeField,
  encodePosition,
  type FieldChannel,
  type Position,
  type ValueChannel,
} from "./channel.ts";
import type { Chart, ChartSpec } from "./chart.ts";
import { type Data, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { bareField, markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode line}. */
export interface LineOptions extends MarkOptions {
  /** What the horizontal axis shows. */
  readonly x: Position;
  /** What the vertical axis shows. */
  readonly y: Position;
  /** One line for each value of the field, numbers included; or one colour for all lines. */
  readonly color?: Color;
  /** A dash pattern for each value of the field, or `{ value: [4, 2] }` for one of 4 px on and 2 px off. */
  readonly dash?: string | FieldChannel | ValueChannel<readonly number[]>;
  /** One line for each value of the field, all alike. */
  readonly detail?: string;
  /** In pixels, 2 by default. */
  readonly strokeWidth?: number;
  /** From 0 to 1, which is the default. */
  readonly opacity?: number;
  /** Whether to mark the points that the line joins; not by default. */
  readonly points?: boolean;
  /** Write the name of each line at its right end instead of a legend; for lines that end apart. */
  readonly labels?: boolean;
  /** The field by which the points are joined, or false for the order of the data; by x unless said otherwise. */
  readonly order?: string | false;
}

const OPTIONS = [
  ...markOptionNames,
  "x",
  "y",
  "color",
  "dash",
  "detail",
  "strokeWidth",
  "opacity",
  "points",
  "labels",
  "order",
];

/**
 * Draws lines through points. A gap in y breaks its line.
 *
 * @example
 * ```ts
 * import { line } from "denovo/plot/mod.ts";
 *
 * const iteration = Array.from({ length: 50 }, (_, i) => i);
 * const residual = iteration.map((i) => 0.7 ** i);
 * line({ iteration, residual }, { x: "iteration", y: { field: "residual", scale: "log" } });
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the data have no common length.
 * @throws {RangeError} If there are no rows, or a log scale meets a number that is not positive.
 */
export function line(data: Data, options: LineOptions): Chart {
  checkOptions("the options of line", options, OPTIONS);
  const { x, y, color, dash, detail, strokeWidth, opacity, points, labels, order, tooltip } = options;
  const table = toTable(data);
  const channels = {
    x: encodePosition(table, "x", x, false),
    y: encodePosition(table, "y", y, false),
    color: color === undefined ? undefined : encodeColor(table, color, true),
  };
  const lines = markSpec(
    table,
    {
      type: "line",
      ...(points && { point: { size: 36 } }),
      ...(strokeWidth !== undefined && { strokeWidth }),
      ...(opacity !== undefined && { opacity }),
    },
    {
      ...channels,
      strokeDash: dash === undefined ? undefined : encodeDash(table, dash),
      detail: detail === undefined ? undefined : { ...bareField(table, detail), type: "nominal" },
      order: order === undefined ? undefined : order === false ? { value: null } : encodeField(table, "order", order),
    },
    tooltip,
  );
  if (!labels) return figure([lines], options);
  if (channels.color?.field === undefined) {
    throw new TypeError('Cannot label lines at their ends: expected "color" to be the field that tells them apart');
  }
  channels.color.legend = null;
  return figure([lines, endLabels(lines, channels.color)], options);
}

/** The name of each line beside its last point. */
function endLabels(lines: ChartSpec, color: Record<string, unknown>): ChartSpec {
  const { x, y } = lines.encoding as Record<string, Record<string, unknown>>;
  return {
    data: lines.data,
    transform: [{ filter: `isValid(datum['${y.field}'])` }],
    mark: { type: "text", align: "left", dx: 6, fontSize: 11, tooltip: false },
    encoding: {
      x: { ...x, aggregate: "max" },
      y: { ...y, aggregate: { argmax: x.field } },
      color: { ...color },
      text: { field: color.field, type: color.type },
    },
  };
}
