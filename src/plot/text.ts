import { type Color, encodeColor, encodeField, encodePosition, type Position } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { type Data, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode text}. */
export interface TextOptions extends MarkOptions {
  /** What the horizontal axis shows. */
  readonly x: Position;
  /** What the vertical axis shows. */
  readonly y: Position;
  /** The field to write. */
  readonly text: Position;
  /** Colours by a field, or one for all. */
  readonly color?: Color;
  /** Which side of the text is at x: `"center"` by default. */
  readonly align?: "left" | "center" | "right";
  /** Pixels to the right of x. */
  readonly dx?: number;
  /** Pixels below y. */
  readonly dy?: number;
  /** In pixels, 11 by default. */
  readonly fontSize?: number;
}

const OPTIONS = [...markOptionNames, "x", "y", "text", "color", "align", "dx", "dy", "fontSize"];

/**
 * Writes the value of a field at each row, such as names beside the points of a scatter chart.
 *
 * @example
 * ```ts
 * import { layer, scatter, text } from "denovo/plot/mod.ts";
 *
 * const methods = { time: [1, 2], error: [3, 1], name: ["fast", "exact"] };
 * const at = { x: "time", y: "error" };
 * layer([scatter(methods, at), text(methods, { ...at, text: "name", align: "left", dx: 6 })]);
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the data have no common length.
 * @throws {RangeError} If there are no rows, or a log scale meets a number that is not positive.
 */
export function text(data: Data, options: TextOptions): Chart {
  checkOptions("the options of text", options, OPTIONS);
  const { x, y, color, align = "center", dx, dy, fontSize, tooltip } = options;
  const table = toTable(data);
  const { sort: _, ...content } = encodeField(table, "text", options.text);
  const format = typeof options.text === "string" ? undefined : options.text.format;
  const mark = {
    type: "text",
    align,
    ...(dx !== undefined && { dx }),
    ...(dy !== undefined && { dy }),
    ...(fontSize !== undefined && { fontSize }),
  };
  const words = markSpec(table, mark, {
    x: encodePosition(table, "x", x, false),
    y: encodePosition(table, "y", y, false),
    text: { ...content, ...(format !== undefined && { format }) },
    color: color === undefined ? undefined : encodeColor(table, color),
  }, tooltip);
  return figure([words], options);
}
