import { type Color, encodeColor, encodeMark, encodePosition, type Mark, type Position } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { type Data, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode scatter}. */
export interface ScatterOptions extends MarkOptions {
  /** What the horizontal axis shows. */
  readonly x: Position;
  /** What the vertical axis shows. */
  readonly y: Position;
  /** Colours by a field, or one for all. */
  readonly color?: Color;
  /** The area of a point in square pixels: from a field, or `{ value: 40 }`, which is the default. */
  readonly size?: Mark;
  /** A shape for each value of the field, or `{ value: "cross" }` for one. */
  readonly shape?: Mark;
  /** From a field, or `{ value: 0.85 }`, which is the default. */
  readonly opacity?: Mark;
  /** Whether a unit is as long on both axes, as points in the plane need; not by default. */
  readonly equalAspect?: boolean;
}

const OPTIONS = [...markOptionNames, "x", "y", "color", "size", "shape", "opacity", "equalAspect"];

/**
 * Draws a point for each row. Rows with a gap in x or y are left out.
 *
 * @example
 * ```ts
 * import { scatter } from "denovo/plot/mod.ts";
 *
 * const points = [{ u: 0, v: 0, cluster: "a" }, { u: 1, v: 0.5, cluster: "b" }];
 * scatter(points, { x: "u", y: "v", color: "cluster", equalAspect: true });
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the data have no common length.
 * @throws {RangeError} If there are no rows, or a log scale meets a number that is not positive.
 */
export function scatter(data: Data, options: ScatterOptions): Chart {
  checkOptions("the options of scatter", options, OPTIONS);
  const { x, y, color, size, shape, opacity, tooltip } = options;
  const table = toTable(data);
  const points = markSpec(table, { type: "point" }, {
    x: encodePosition(table, "x", x, false),
    y: encodePosition(table, "y", y, false),
    color: color === undefined ? undefined : encodeColor(table, color),
    size: size === undefined ? undefined : encodeMark(table, "size", size),
    shape: shape === undefined ? undefined : encodeMark(table, "shape", shape, "nominal"),
    opacity: opacity === undefined ? undefined : encodeMark(table, "opacity", opacity),
  }, tooltip);
  return figure([points], options);
}
