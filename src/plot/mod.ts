/**
 * Charts for notebooks and scripts, as vega-lite specifications with nothing hidden.
 *
 * Data are an array of records or an object of columns. A chart shows itself as the last value of a cell, and writes itself
 * to `.svg`, `.png` and `.html`. A field or an option that does not exist is refused with the nearest one that does.
 *
 * @example
 * ```ts
 * import { layer, line, rule } from "denovo/plot/mod.ts";
 *
 * const iteration = Array.from({ length: 40 }, (_, k) => k);
 * const residual = Float32Array.from(iteration, (k) => 0.6 ** k);
 * const curve = line({ iteration, residual }, {
 *   x: "iteration",
 *   y: { field: "residual", title: "marginal error", scale: "log" },
 *   title: "Sinkhorn converges linearly",
 * });
 * const figure = layer([curve, rule({ y: 1e-6, label: "tolerance" })]);
 * await figure.toSvg();
 * ```
 *
 * @module
 */
export { area, type AreaOptions } from "./area.ts";
export { bar, type BarOptions } from "./bar.ts";
export type { Color, ColorChannel, FieldChannel, Mark, Position, ScaleType, ValueChannel } from "./channel.ts";
export { type Chart, chart, type ChartSpec, jupyterDisplay } from "./chart.ts";
export { type ConcatOptions, hconcat, vconcat } from "./concat.ts";
export type { Data, FieldType } from "./data.ts";
export { facet, type FacetChannel, type FacetOptions } from "./facet.ts";
export { heatmap, type HeatmapOptions, type MatrixHeatmapOptions } from "./heatmap.ts";
export type { Land } from "./land.ts";
export { layer, type LayerOptions } from "./layer.ts";
export { line, type LineOptions } from "./line.ts";
export { map, type MapOptions } from "./map.ts";
export type { MarkOptions } from "./mark.ts";
export type { Matrix } from "./matrix.ts";
export type { MatrixAxis, MatrixColor } from "./matrix_heatmap.ts";
export type { MimeBundle } from "./mime_bundle.ts";
export type { FigureOptions } from "./options.ts";
export { palette } from "./palette.ts";
export { rule, type RuleAt, type RuleOptions } from "./rule.ts";
export { scatter, type ScatterOptions } from "./scatter.ts";
export { text, type TextOptions } from "./text.ts";
export { theme } from "./theme.ts";
