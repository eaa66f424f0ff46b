import { type Color, encodeColor, encodePosition, type Position } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { type Data, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { bareField, markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode area}. */
export interface AreaOptions extends MarkOptions {
  /** What the horizontal axis shows. */
  readonly x: Position;
  /** What the vertical axis shows. */
  readonly y: Position;
  /** The field of the other edge; without it the area stands on zero. */
  readonly y2?: string;
  /** One area for each value of the field, numbers included; or one colour. */
  readonly color?: Color;
  /** 0.25 by default for a band between y and y2, else 0.8. */
  readonly opacity?: number;
}

const OPTIONS = [...markOptionNames, "x", "y", "y2", "color", "opacity"];

/**
 * Fills the area between y and y2, such as the band of an error, or between y and zero. Areas of several colours that
 * stand on zero are stacked.
 *
 * @example
 * ```ts
 * import { area, layer, line } from "denovo/plot/mod.ts";
 *
 * const data = { n: [1, 2, 3], mean: [2, 3, 5], low: [1, 2, 3], high: [3, 4, 8] };
 * layer([area(data, { x: "n", y: "low", y2: "high" }), line(data, { x: "n", y: "mean" })]);
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the data have no common length.
 * @throws {RangeError} If there are no rows, or a log scale meets a number that is not positive.
 */
export function area(data: Data, options: AreaOptions): Chart {
  checkOptions("the options of area", options, OPTIONS);
  const { x, y, y2, color, opacity = y2 === undefined ? 0.8 : 0.25, tooltip } = options;
  const table = toTable(data);
  const filled = markSpec(table, { type: "area", opacity }, {
    x: encodePosition(table, "x", x, false),
    y: encodePosition(table, "y", y, y2 === undefined),
    y2: bareField(table, y2),
    color: color === undefined ? undefined : encodeColor(table, color, true),
  }, tooltip);
  return figure([filled], options);
}
