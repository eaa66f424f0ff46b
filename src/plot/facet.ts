import { type ChannelSpec, escapeField } from "./channel.ts";
import type { Chart, ChartSpec } from "./chart.ts";
import { type Row, type Scalar, unknownField } from "./data.ts";
import { checkCharts, innerSpec, topLevel } from "./figure.ts";
import { checkNames, checkOptions, type FigureOptions } from "./options.ts";
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

const FACET_KEYS = ["field", "title", "format", "sort"];

/** Options of {@linkcode facet}: `by`, or one or both of `row` and `column`. */
export interface FacetOptions extends Pick<FigureOptions, "title" | "subtitle"> {
  /** One panel for each value of the field, wrapped after `columns` panels. */
  readonly by?: string | FacetChannel;
  /** Panels beside each other before the next row begins, for `by`: 2 to 4 by default, so that rows are full. */
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
  const { by, row, column, independent = [] } = options;
  checkNames('"independent"', independent, ["x", "y", "color", "size"]);
  const isGrid = row !== undefined || column !== undefined;
  if ((by !== undefined) === isGrid) {
    throw new TypeError(`Expected "by", or "row" and "column", got ${isGrid ? "both" : "neither"}`);
  }
  const { data, title, ...spec } = innerSpec(part);
  const rows = inlineRows(data);
  if (rows === undefined) {
    throw new TypeError("Cannot split a chart whose layers draw different data: put the columns of all into one table");
  }
  const panels: ChartSpec = by !== undefined ? wrapped(facetSpec("by", by, rows), options.columns) : {
    facet: {
      ...(row !== undefined && { row: facetSpec("row", row, rows) }),
      ...(column !== undefined && { column: facetSpec("column", column, rows) }),
    },
  };
  const scale = Object.fromEntries(independent.map((channel) => [channel, "independent"]));
  const resolve = { ...(independent.length > 0 && { scale }), ...panels.resolve as ChannelSpec | undefined };
  return topLevel({
    ...(title !== undefined && { title }),
    data,
    ...panels,
    spec,
    ...(Object.keys(resolve).length > 0 && { resolve }),
  }, options);
}

/** Panels that begin a new row after `columns`; by default so many that rows are full. */
function wrapped(facet: ChannelSpec, asked: number | undefined): ChartSpec {
  const count = (facet.sort as readonly unknown[]).length;
  const columns = asked ?? (count <= 3 ? count : [3, 4, 2].find((divisor) => count % divisor === 0) ?? 3);
  if (!(Number.isInteger(columns) && columns > 0)) {
    throw new RangeError(`Expected "columns" to be a positive integer, got ${columns}`);
  }
  // Axes in common would stand under the empty places of a last row that is not full.
  const isRagged = count > columns && count % columns !== 0;
  return { facet, columns, ...(isRagged && { resolve: { axis: { x: "independent" } } }) };
}

function facetSpec(name: string, channel: string | FacetChannel, rows: readonly Row[]): ChannelSpec {
  if (typeof channel !== "string") checkOptions(`"${name}"`, channel, FACET_KEYS);
  const { field, title, format, sort } = typeof channel === "string" ? { field: channel } as FacetChannel : channel;
  const fields = new Set(rows.flatMap((record) => Object.keys(record)));
  if (!fields.has(field)) throw unknownField(field, [...fields]);
  const values = [...new Set(rows.map((record) => record[field]))].filter((value) => value !== null);
  const isNumeric = values.some((value) => typeof value === "number");
  const header = { ...(title === null && { title: null }), ...(format !== undefined && { format }) };
  return {
    field: escapeField(field),
    type: isNumeric ? "ordinal" : "nominal",
    ...(title !== null && { title: title ?? field }),
    ...(Object.keys(header).length > 0 && { header }),
    // vega-lite would sort words by the alphabet.
    sort: Array.isArray(sort) ? sort : ordered(values, isNumeric, sort),
  };
}

function ordered(values: readonly Scalar[], isNumeric: boolean, sort: FacetChannel["sort"]): Scalar[] {
  if (sort === undefined && !isNumeric) return [...values];
  const direction = sort === "descending" ? -1 : 1;
  return values.toSorted((a, b) => direction * (isNumeric ? Number(a) - Number(b) : String(a) < String(b) ? -1 : 1));
}
