import { type ChannelSpec, type Color, encodeColor, encodeField, encodePosition, type Position } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { type Data, type FieldType, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { bareField, markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode bar}. */
export interface BarOptions extends MarkOptions {
  /** Categories, or the length of horizontal bars. Numbers count as categories if y has numbers too. */
  readonly x: Position;
  /** The length of the bars, or the categories of horizontal ones. */
  readonly y: Position;
  /** The field of the right edge, for bars between two numbers such as the bins of a histogram. */
  readonly x2?: string;
  /** Colours by a field, numbers counted as categories, or one for all. */
  readonly color?: Color;
  /** Bars side by side in each category, one for each value of the field, rather than stacked. */
  readonly group?: string;
  /** Whether bars of several colours are stacked, which is the default, or shown as shares that sum to one. */
  readonly stack?: boolean | "normalize";
}

const OPTIONS = [...markOptionNames, "x", "y", "x2", "color", "group", "stack"];

/**
 * Draws bars from zero: upright over categories of x, lying if y has the categories.
 *
 * @example
 * ```ts
 * import { bar } from "denovo/plot/mod.ts";
 *
 * const times = { method: ["ours", "theirs"], time: [1.2, 3.4] };
 * bar(times, { x: { field: "time", unit: "ms" }, y: "method" });
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or the data have no common length.
 * @throws {RangeError} If there are no rows, or bars are asked for on a log scale, which has no zero to start from.
 */
export function bar(data: Data, options: BarOptions): Chart {
  checkOptions("the options of bar", options, OPTIONS);
  const { x, y, x2, color, group, stack, tooltip } = options;
  const table = toTable(data);
  let xSpec = encodePosition(table, "x", x, true);
  const ySpec = encodePosition(table, "y", y, true);
  const lying = ySpec.type === "nominal" || ySpec.type === "ordinal";
  if (!lying && x2 === undefined && xSpec.type === "quantitative") {
    const type: FieldType = "ordinal";
    xSpec = encodePosition(table, "x", typeof x === "string" ? { field: x, type } : { ...x, type }, true);
  }
  if (x2 !== undefined) {
    const field = typeof x === "string" ? x : x.field;
    Object.assign(xSpec, { bin: "binned", title: xSpec.title === undefined ? field : xSpec.title });
    xSpec.scale = { ...xSpec.scale as ChannelSpec, zero: false };
  }
  const length = lying ? xSpec : ySpec;
  if ((length.scale as ChannelSpec | undefined)?.type === "log") {
    throw new RangeError("Cannot draw bars on a log scale, which has no zero: use scatter or line");
  }
  if (stack !== undefined) length.stack = stack;
  else if (group !== undefined) length.stack = false;
  const offset = group === undefined ? undefined : { ...encodeField(table, "group", group), type: "nominal" };
  const bars = markSpec(table, { type: "bar" }, {
    x: xSpec,
    x2: bareField(table, x2),
    y: ySpec,
    [lying ? "yOffset" : "xOffset"]: offset,
    color: color !== undefined
      ? encodeColor(table, color, true)
      : group === undefined
      ? undefined
      : encodeColor(table, { field: group, type: "nominal" }),
  }, tooltip);
  return figure([bars], options);
}
