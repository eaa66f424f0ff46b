import { type FieldType, fieldType, type Scalar, type Table } from "./data.ts";
import { checkOptions } from "./options.ts";
import { palette } from "./palette.ts";

/** How numbers are laid out along an axis, a colour ramp or a range of sizes. */
export type ScaleType = "linear" | "log" | "sqrt" | "symlog";

/** A field of the data and how to show it; a plain string is a field with the defaults. */
export interface FieldChannel {
  /** The name of the field. */
  readonly field: string;
  /** The title of the axis or legend: the name of the field by default, none if null. */
  readonly title?: string | null;
  /** The unit of the numbers, shown behind the title in parentheses. */
  readonly unit?: string;
  /** Numbers are quantitative, dates temporal, strings and booleans nominal unless said otherwise. */
  readonly type?: FieldType;
  /** `"linear"` by default. `"log"` takes positive numbers only; `"symlog"` is linear near zero and takes all. */
  readonly scale?: ScaleType;
  /** Whether the scale must include zero; only bars and areas do by default. */
  readonly zero?: boolean;
  /** First and last number, or the list of the categories. */
  readonly domain?: readonly (number | string | boolean)[];
  /** A d3-format pattern for the numbers, such as `".2f"`, or a d3-time-format pattern for dates. */
  readonly format?: string;
  /** The order of categories: that of the data by default. `"-y"` is by decreasing y. */
  readonly sort?: "ascending" | "descending" | "x" | "-x" | "y" | "-y" | readonly (string | number)[];
}

/** A field shown by colour. */
export interface ColorChannel extends FieldChannel {
  /**
   * For numbers: `"sequential"` (the default), `"diverging"` (symmetric about 0, or about 1 on a log scale) or the name
   * of any vega scheme.
   */
  readonly scheme?: string;
  /** The colours themselves: one for each category, or the stops of a ramp. */
  readonly range?: readonly string[];
  /** Where the legend stands: `"right"` by default, nowhere if false. */
  readonly legend?: "left" | "right" | "top" | "bottom" | false;
}

/** The same look for all marks. */
export interface ValueChannel<V extends string | number | readonly number[]> {
  /** The colour, number or dash pattern. */
  readonly value: V;
}

/** What an axis shows: a field by name, or with its details. */
export type Position = string | FieldChannel;

/** What colour shows: a field by name, with its details, or one colour for all. */
export type Color = string | ColorChannel | ValueChannel<string>;

/** What size, opacity, shape or dash shows: a field by name, with its details, or one value for all. */
export type Mark = string | FieldChannel | ValueChannel<string | number | readonly number[]>;

/** The JSON of one channel of a mark. */
export type ChannelSpec = Record<string, unknown>;

/** The JSON for a field on an axis; `zero` and `type` are the defaults of the mark. */
export function encodePosition(
  table: Table,
  name: string,
  position: Position,
  zero: boolean,
  type?: FieldType,
): ChannelSpec {
  const channel = asField(name, position);
  const spec = encodeField(table, name, { ...(type && { type }), ...channel });
  const { scale, domain, format } = channel;
  if (spec.type === "quantitative") {
    spec.scale = { ...(scale && { type: scale }), zero: channel.zero ?? zero, ...(domain && { domain }) };
  } else if (spec.type === "temporal") {
    // Local time would draw another figure on another machine.
    spec.scale = { type: "utc", ...(domain && { domain }) };
  } else if (domain) {
    spec.scale = { domain };
  }
  if (format !== undefined) spec.axis = { format };
  return spec;
}

/**
 * The JSON for colour. `discreteNumbers` makes one category of each number, as the lines of a series need.
 *
 * @throws {RangeError} If a log scale meets a number that is not positive.
 */
export function encodeColor(table: Table, color: Color, discreteNumbers = false): ChannelSpec {
  if (isValue(color)) return { value: color.value };
  const channel: ColorChannel = asField("color", color, COLOR_KEYS);
  const spec = encodeField(table, "color", channel, COLOR_KEYS);
  if (discreteNumbers && spec.type === "quantitative" && channel.type === undefined) spec.type = "ordinal";
  const { range, domain, legend, format } = channel;
  if (spec.type === "quantitative") spec.scale = rampScale(channel, table.rows.map((row) => row[channel.field]));
  else if (domain || range) spec.scale = { ...(domain && { domain }), ...(range && { range }) };
  if (legend === false) spec.legend = null;
  else if (legend || format !== undefined) {
    spec.legend = { ...(legend && { orient: legend }), ...(format !== undefined && { format }) };
  }
  return spec;
}

/** The colour scale of numbers. */
export function rampScale(
  channel: Omit<ColorChannel, "field"> & { field?: string },
  values: readonly Scalar[],
): ChannelSpec {
  const { scale, scheme = "sequential", range } = channel;
  if (scale === "log") checkPositive(values, channel.field ?? "color");
  const domain = channel.domain ?? (scheme === "diverging" ? symmetricDomain(values, scale === "log") : undefined);
  const ramp = scheme === "sequential" || scheme === "diverging" ? palette[scheme] : undefined;
  const colors = range ?? ramp;
  return {
    ...(scale && { type: scale }),
    ...(domain && { domain, nice: false }),
    ...(colors === undefined ? { scheme } : { range: colors, interpolate: "rgb" }),
  };
}

/** The JSON for size, opacity, shape or dash: a field, or one value for all. */
export function encodeMark(table: Table, name: string, mark: Mark, type?: FieldType): ChannelSpec {
  if (isValue(mark)) return { value: mark.value };
  const channel = asField(name, mark);
  const spec = encodeField(table, name, { ...(type && { type }), ...channel });
  const { scale, domain, format } = channel;
  if (scale === "log") checkPositive(table.rows.map((row) => row[channel.field]), channel.field);
  if (scale || domain) spec.scale = { ...(scale && { type: scale }), ...(domain && { domain }) };
  if (format !== undefined) spec.legend = { format };
  return spec;
}

/** Patterns that stay apart at a width of two pixels. */
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4]];

/** The JSON for dashes: a field, or one pattern for all. */
export function encodeDash(table: Table, dash: string | FieldChannel | ValueChannel<readonly number[]>): ChannelSpec {
  const spec = encodeMark(table, "dash", dash, "nominal");
  return spec.field === undefined ? spec : { ...spec, scale: { ...spec.scale as ChannelSpec, range: DASHES } };
}

/** The JSON for a field whatever the channel: its name, type, title and order. */
export function encodeField(
  table: Table,
  name: string,
  position: Position,
  keys: readonly string[] = FIELD_KEYS,
): ChannelSpec {
  const channel = asField(name, position, keys);
  const { field, title, unit, sort } = channel;
  const implied = fieldType(table, field);
  const type = channel.type ?? implied;
  const spec: ChannelSpec = { field: escapeField(field), type };
  if (title === null) spec.title = null;
  else if (unit !== undefined) spec.title = `${title ?? field} (${unit})`;
  else if (title !== undefined || spec.field !== field) spec.title = title ?? field;
  if (sort !== undefined) spec.sort = sort;
  else if (type === "nominal") spec.sort = null;
  return spec;
}

/** Dots and brackets in a name would otherwise mean a path into an object. */
export function escapeField(field: string): string {
  return field.replace(/[.[\]\\'"]/g, "\\$&");
}

/** The name of a field as the data have it. */
export function unescapeField(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}

/** @throws {RangeError} If any number is not positive. */
export function checkPositive(values: readonly Scalar[], field: string): void {
  const row = values.findIndex((value) => typeof value === "number" && value <= 0);
  if (row >= 0) {
    throw new RangeError(
      `Cannot show "${field}" on a log scale: expected positive numbers, got ${values[row]} in row ${row}`,
    );
  }
}

/** The smallest range that is symmetric about 0, or about 1 on a log scale, so that lightness tells the distance. */
export function symmetricDomain(values: readonly Scalar[], log: boolean): [number, number] {
  let reach = 0;
  for (const value of values) {
    if (typeof value === "number") reach = Math.max(reach, Math.abs(log ? Math.log(value) : value));
  }
  if (reach === 0) reach = 1;
  return log ? [Math.exp(-reach), Math.exp(reach)] : [-reach, reach];
}

const FIELD_KEYS: readonly string[] = [
  "field",
  "title",
  "unit",
  "type",
  "scale",
  "zero",
  "domain",
  "format",
  "sort",
];
const COLOR_KEYS: readonly string[] = [...FIELD_KEYS, "scheme", "range", "legend"];
const SCALES: readonly ScaleType[] = ["linear", "log", "sqrt", "symlog"];

function isValue<V extends string | number | readonly number[]>(channel: unknown): channel is ValueChannel<V> {
  return typeof channel === "object" && channel !== null && "value" in channel;
}

/** A channel with its field, checked by hand since notebook cells run without a type check. */
function asField<C extends FieldChannel>(name: string, channel: string | C, keys = FIELD_KEYS): C | FieldChannel {
  if (typeof channel === "string") return { field: channel };
  if (typeof channel?.field !== "string") {
    const got = channel === null || channel === undefined ? String(channel) : `${typeof channel} without a field`;
    throw new TypeError(`Expected "${name}" to be the name of a field or { field }, got ${got}`);
  }
  checkOptions(`"${name}"`, channel, keys);
  if (channel.scale !== undefined && !SCALES.includes(channel.scale)) {
    throw new TypeError(`Expected "scale" in "${name}" to be one of ${SCALES.join(", ")}, got "${channel.scale}"`);
  }
  return channel;
}
