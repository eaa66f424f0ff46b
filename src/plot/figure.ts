import { type Chart, chart, type ChartSpec } from "./chart.ts";
import type { Row } from "./data.ts";
import { fitEqualAspect } from "./equal_aspect.ts";
import { fitAxes } from "./fit_axes.ts";
import { fitCategories } from "./fit_categories.ts";
import { fitColors } from "./fit_colors.ts";
import { vegaLiteSchema } from "./mime_bundle.ts";
import { checkSize, type FigureOptions } from "./options.ts";
import { titleOf } from "./summary.ts";
import { theme } from "./theme.ts";
import { inlineRows, unitsOf } from "./units.ts";

/** A chart of marks drawn over each other on the same axes. */
export function figure(
  marks: readonly ChartSpec[],
  options: FigureOptions & { readonly equalAspect?: boolean },
  rest: ChartSpec = {},
): Chart {
  checkSize("width", options.width);
  checkSize("height", options.height);
  const spec: ChartSpec = marks.length === 1 ? { ...marks[0] } : { layer: marks };
  const { width, height } = options;
  const given = { width, height, ...rest } as { width?: number; height?: number };
  const units = unitsOf(spec);
  fitAxes(units, { width: given.width ?? DEFAULT_SIZE.width, height: given.height ?? DEFAULT_SIZE.height });
  fitColors(spec, units);
  fitCategories(spec, given.width);
  if (options.equalAspect) fitEqualAspect(spec, { width: width ?? EQUAL_SIZE, height: height ?? EQUAL_SIZE });
  if (marks.length > 1) hoistRows(spec);
  const sizes = { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
  return topLevel({ ...rest, ...sizes, ...spec }, options);
}

/** The size of a plotting area that nobody asked for, in pixels. */
const DEFAULT_SIZE = { width: 400, height: 260 };

/** The largest width and height of a chart of equal units, in pixels. */
const EQUAL_SIZE = 360;

/** @throws {TypeError} If `charts` is not a list of one chart or more. */
export function checkCharts(what: string, charts: readonly Chart[]): void {
  if (!Array.isArray(charts)) {
    throw new TypeError(`Expected ${what} to be given an array of charts, got ${typeof charts}`);
  }
  if (charts.length === 0) throw new TypeError(`Expected ${what} to be given at least one chart, got none`);
  for (const part of charts) {
    if (typeof part?.spec !== "object" || typeof part.toSvg !== "function") {
      throw new TypeError(`Expected ${what} to be given charts, got ${part === null ? "null" : typeof part}`);
    }
  }
}

/** A chart with the schema, the title and the theme that every figure has once; `options` go before the title of `spec`. */
export function topLevel(spec: ChartSpec, options: FigureOptions): Chart {
  const { title: inherited, ...rest } = spec;
  const { title = titleOf(spec), subtitle } = options;
  const asked = subtitle === undefined ? options.title : { text: title ?? "", subtitle };
  const heading = asked ?? inherited;
  return chart({ $schema: vegaLiteSchema, ...(heading !== undefined && { title: heading }), ...rest, config: theme });
}

/** What only the outermost specification may have. */
const OUTER = ["$schema", "config", "padding", "autosize", "background", "usermeta"];

/** A copy of the specification of a chart, without what only the outermost may have, to be put into another one. */
export function innerSpec(part: Chart): ChartSpec {
  const { spec } = part;
  return structuredClone(Object.fromEntries(Object.entries(spec).filter(([name]) => !OUTER.includes(name))));
}

/** Writes rows once that several layers share, and where a facet can split them. */
function hoistRows(spec: ChartSpec): void {
  const units = unitsOf(spec);
  const shown = units.filter(({ encoding }) => Object.values(encoding).some((channel) => channel?.field !== undefined));
  const texts = new Set(shown.map(({ rows }) => JSON.stringify(rows)));
  const [rows] = shown.map(({ rows }) => rows);
  if (texts.size !== 1 || rows === undefined) return;
  spec.data = { values: rows };
  const text = JSON.stringify(rows);
  drop(spec);

  function drop(parent: ChartSpec): void {
    for (const child of (parent.layer ?? []) as ChartSpec[]) {
      if (JSON.stringify(inlineRows(child.data) as readonly Row[] | undefined) === text) delete child.data;
      drop(child);
    }
  }
}
