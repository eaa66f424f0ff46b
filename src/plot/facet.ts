import { type ChannelSpec, escapeField, FIELD_KEYS } from "./channel.ts";
import type { Chart, ChartSpec } from "./chart.ts";
import { unknownField } from "./data.ts";
import { checkCharts, innerSpec, topLevel } from "./figure.ts";
import { checkOptions, type FigureOptions } from "./options.ts";
import { inlineRows } from "./units.ts";

/** The field that splits a chart into panels, with the title above them. */
export interface FacetChannel {
  /** The name of the field. */
  readonly field: string;
  /** The name of the field by default, none if null. */
  readonly title?: string | null;
  /** A d3-format pattern for numbers. */
  readonly format?: string;
  /** The order of the panels: that of the data for words, ascending for numbers by default. */
  readonly sort?: "ascending" | "descending" | readonly (string | number)[];
}

/** Options of {@linkcode facet}: `by`, or one or both of `row` and `column`. */
export interface FacetOptions extends Pick<FigureOptions, "title" | "subtitle"> {
  /** One panel for each value of the field, wrapped after `columns` panels. */
  readonly by?: string | FacetChannel;
  /** Panels beside each other before the next row begins, for `by`: 3 by default. */
  readonly columns?: number;
  /** One row of panels for each value of the field. */
  readonly row?: string | FacetChannel;
  /** One column of panels for each value of the field. */
  readonly column?: string | FacetChannel;
  /** The axes and colours that each panel has for itself; all are shared by default. */
  readonly independent?: readonly ("x" | "y" | "color" | "size")[];
}

/**
 * Splits a chart into panels of the same axes, one for each value of a field. The size that the chart was given is that of
 * one panel.
 *
 * @example
 * ```ts
 * import { facet, line } from "denovo/plot/mod.ts";
 *
 * const data = { t: [0, 1, 0, 1], value: [1, 2, 3, 5], method: ["a", "a", "b", "b"] };
 * facet(line(data, { x: "t", y: "value", width: 160, height: 120 }), { by: "method" });
 * ```
 *
 * @throws {TypeError} If the field is unknown, the options contradict each other, or the layers of the chart draw
 * different data, which one field cannot split.
 * @throws {RangeError} If `columns` is not a positive integer.
 */
export function facet(part: Chart, options: FacetOptions): Chart {
  checkOptions("the options of facet", options, ["title", "subtitle", "by", "columns", "row", "column", "independent"]);
  checkCharts("facet", [part]);
  const { by, columns = 3, row, column, independent = [] } = options;
  const isGrid = row !== undefined || column !== undefined;
  if ((by !== undefined) === isGrid) {
    throw new TypeError(`Expected "by", or "row" and "column", got ${isGrid ? "both" : "neither"}`);
  }
  if (!(Number.isInteger(columns) && columns > 0)) {
    throw new RangeError(`Expected "columns" to be a positive integer, got ${columns}`);
  }
  const { data, title, ...spec } = innerSpec(part);
  const rows = inlineRows(data);
  if (rows === undefined) {
    throw new TypeError("Cannot split a chart whose layers draw different data: put the columns of all into one table");
  }
  const fields = [...new Set(rows.flatMap((record) => Object.keys(record)))];
  const split = (name: string, channel: string | FacetChannel) => facetSpec(name, channel, fields, rows);
  const panels: ChartSpec = by !== undefined ? { facet: split("by", by), columns } : {
    facet: {
      ...(row !== undefined && { row: split("row", row) }),
      ...(column !== undefined && { column: split("column", column) }),
    },
  };
  const resolve = Object.fromEntries(independent.map((channel) => [channel, "independent"]));
  return topLevel({
    ...(title !== undefined && options.title === undefined && { title }),
    data,
    ...panels,
    spec,
    ...(independent.length > 0 && { resolve: { scale: resolve } }),
  }, options);
}

function facetSpec(
  name: string,
  channel: string | FacetChannel,
  fields: readonly string[],
  rows: readonly Record<string, unknown>[],
): ChannelSpec {
  if (typeof channel !== "string") checkOptions(`"${name}"`, channel, FIELD_KEYS);
  const { field, title, format, sort } = typeof channel === "string" ? { field: channel } as FacetChannel : channel;
  if (!fields.includes(field)) throw unknownField(field, fields);
  const numeric = rows.some((record) => typeof record[field] === "number");
  const header = { ...(title === null && { title: null }), ...(format !== undefined && { format }) };
  return {
    field: escapeField(field),
    type: numeric ? "ordinal" : "nominal",
    ...(title !== null && { title: title ?? field }),
    ...(Object.keys(header).length > 0 && { header }),
    ...(sort !== undefined ? { sort } : !numeric && { sort: null }),
  };
}
