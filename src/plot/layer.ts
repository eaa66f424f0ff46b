import type { Chart, ChartSpec } from "./chart.ts";
import { checkCharts, figure, innerSpec } from "./figure.ts";
import { checkOptions, figureOptionNames, type FigureOptions } from "./options.ts";

/** Options of {@linkcode layer}. */
export interface LayerOptions extends FigureOptions {
  /** Whether a unit is as long on both axes, as points in the plane need; not by default. */
  readonly equalAspect?: boolean;
}

/**
 * Draws charts over each other on the same axes, the first at the back. A layer that says nothing about an axis takes over
 * the scale, title and unit that another gives. The title and the size are those of the first chart that has any, unless
 * given here. Of several maps, the first gives the projection and the land.
 *
 * @example
 * ```ts
 * import { layer, line, scatter } from "denovo/plot/mod.ts";
 *
 * const at = { x: "t", y: "value" };
 * const observed = { t: [0, 1, 2], value: [0.1, 0.9, 2.2] };
 * layer([line({ t: [0, 2], value: [0, 2] }, at), scatter(observed, at)], { title: "Fit" });
 * ```
 *
 * @throws {TypeError} If there is no chart, one has several panels, or two want different scales, or categories and
 * numbers, on one axis.
 * @throws {RangeError} If a log axis meets a number of another layer that is not positive.
 */
export function layer(charts: readonly Chart[], options: LayerOptions = {}): Chart {
  checkOptions("the options of layer", options, [...figureOptionNames, "equalAspect"]);
  checkCharts("layer", charts);
  const specs = charts.map(innerSpec);
  for (const spec of specs) {
    if (spec.mark === undefined && spec.layer === undefined) {
      throw new TypeError("Cannot layer a chart of several panels: layer the charts first, then arrange them");
    }
  }
  const first = (name: string) => specs.find((spec) => spec[name] !== undefined)?.[name];
  const maps = specs.filter((spec) => spec.projection !== undefined);
  for (const spec of maps.slice(1)) dropBackground(spec);
  const outer = OUTER.map((name) => [name, first(name)]).filter(([, value]) => value !== undefined);
  const marks = specs.map((spec) => Object.fromEntries(Object.entries(spec).filter(([name]) => !OUTER.includes(name))));
  return figure(marks, options, Object.fromEntries(outer));
}

/** What a figure of layers has once. */
const OUTER = ["title", "width", "height", "projection"];

/** Takes sea and land away from a map that lies over another. */
function dropBackground(map: ChartSpec): void {
  const marks = (map.layer ?? []) as ChartSpec[];
  map.layer = marks.filter(({ mark, encoding }) => encoding !== undefined || (mark as ChartSpec).type !== "geoshape");
}
