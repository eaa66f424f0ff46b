import {
  type Color,
  encodeColor,
  encodeDash,
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

/** A line across the whole figure, for {@linkcode rule}. */
export interface RuleAt {
  /** Where the line crosses the x axis; give this or `y`. */
  readonly x?: number;
  /** Where the line crosses the y axis; give this or `x`. */
  readonly y?: number;
  /** A few words beside the line. */
  readonly label?: string;
  /** A grey by default. */
  readonly color?: string;
  /** Pixels on and off: `[6, 4]` by default; `[]` for an unbroken line. */
  readonly dash?: readonly number[];
}

/** Options of {@linkcode rule} with data. */
export interface RuleOptions extends MarkOptions {
  /** Where each line is, or begins, along x; from edge to edge if absent. */
  readonly x?: Position;
  /** Where each line is, or begins, along y; from edge to edge if absent. */
  readonly y?: Position;
  /** The field of the other end along x. */
  readonly x2?: string;
  /** The field of the other end along y. */
  readonly y2?: string;
  /** Colours by a field, or one for all. */
  readonly color?: Color;
  /** A dash pattern for each value of the field, or `{ value: [4, 2] }` for one of 4 px on and 2 px off. */
  readonly dash?: string | FieldChannel | ValueChannel<readonly number[]>;
  /** In pixels, 1 by default. */
  readonly strokeWidth?: number;
}

const AT_OPTIONS = ["x", "y", "label", "color", "dash"];
const OPTIONS = [...markOptionNames, "x", "y", "x2", "y2", "color", "dash", "strokeWidth"];
const GREY = "#666666";

/**
 * Draws a straight line across the figure at a number, with a label, to be layered over another chart; or, with data,
 * one line for each row, such as an error bar from y to y2.
 *
 * @example
 * ```ts
 * import { layer, line, rule } from "denovo/plot/mod.ts";
 *
 * const error = line({ step: [1, 2, 3], error: [1, 0.1, 0.01] }, { x: "step", y: { field: "error", scale: "log" } });
 * layer([error, rule({ y: 1e-2, label: "tolerance" })]);
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, or a line across the figure does not have one of x and y.
 * @throws {RangeError} If x or y is not finite, or there are no rows.
 */
export function rule(at: RuleAt): Chart;
/** Draws one straight line for each row of a table: see the form for a line across the figure. */
export function rule(data: Data, options: RuleOptions): Chart;
export function rule(data: Data | RuleAt, options?: RuleOptions): Chart {
  return options === undefined ? ruleAt(data as RuleAt) : rules(data as Data, options);
}

function rules(data: Data, options: RuleOptions): Chart {
  checkOptions("the options of rule", options, OPTIONS);
  const { x, y, x2, y2, color, dash, strokeWidth, tooltip } = options;
  const table = toTable(data);
  const mark = { type: "rule", ...(strokeWidth !== undefined && { strokeWidth }) };
  const lines = markSpec(table, mark, {
    x: x === undefined ? undefined : encodePosition(table, "x", x, false),
    y: y === undefined ? undefined : encodePosition(table, "y", y, false),
    x2: bareField(table, x2),
    y2: bareField(table, y2),
    color: color === undefined ? undefined : encodeColor(table, color, true),
    strokeDash: dash === undefined ? undefined : encodeDash(table, dash),
  }, tooltip);
  return figure([lines], options);
}

function ruleAt(at: RuleAt): Chart {
  checkOptions("the options of rule", at, AT_OPTIONS);
  const { x, y, label, color = GREY, dash = [6, 4] } = at;
  if ((x === undefined) === (y === undefined)) {
    throw new TypeError(
      `Expected "x" or "y" for a line across the figure, got ${x === undefined ? "neither" : "both"}`,
    );
  }
  const [axis, place] = x === undefined ? ["y", y] as const : ["x", x] as const;
  if (typeof place !== "number") throw new TypeError(`Expected "${axis}" to be a number, got ${typeof place}`);
  if (!Number.isFinite(place)) throw new RangeError(`Expected "${axis}" to be finite, got ${place}`);
  const position = { [axis]: { datum: place, type: "quantitative" } };
  // One row of its own, or the line would be drawn once for every row of the chart below it.
  const data = { values: [{}] };
  const line: ChartSpec = { data, mark: { type: "rule", color, strokeDash: dash, tooltip: false }, encoding: position };
  if (label === undefined) return figure([line], {});
  const corner = axis === "y"
    ? { encoding: { x: { value: "width" } }, mark: { align: "right", baseline: "bottom", dx: -4, dy: -3 } }
    : { encoding: { y: { value: 0 } }, mark: { align: "left", baseline: "top", dx: 5, dy: 3 } };
  const words = (look: ChartSpec): ChartSpec => ({
    data,
    mark: { type: "text", tooltip: false, ...corner.mark, ...look },
    encoding: { [axis]: { ...position[axis] }, ...corner.encoding, text: { value: label } },
  });
  // A white rim keeps the words apart from a curve that runs through them.
  const rim = words({ color: "white", stroke: "white", strokeWidth: 3, strokeJoin: "round", aria: false });
  return figure([line, rim, words({ color })], {});
}
