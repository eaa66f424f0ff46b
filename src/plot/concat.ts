import type { Chart } from "./chart.ts";
import { checkCharts, innerSpec, topLevel } from "./figure.ts";
import { checkOptions, type FigureOptions } from "./options.ts";

/** Options of {@linkcode hconcat} and {@linkcode vconcat}. */
export interface ConcatOptions extends Pick<FigureOptions, "title" | "subtitle"> {
  /** The channels for which the charts have one scale, and one legend, in common; none by default. */
  readonly shared?: readonly ("x" | "y" | "color" | "size" | "shape")[];
}

/**
 * Puts charts of any kind beside each other.
 *
 * @example
 * ```ts
 * import { hconcat, heatmap } from "denovo/plot/mod.ts";
 *
 * hconcat([heatmap([[1, 2], [3, 4]]), heatmap([[4, 3], [2, 1]])], { title: "Before and after", shared: ["color"] });
 * ```
 *
 * @throws {TypeError} If there is no chart.
 */
export function hconcat(charts: readonly Chart[], options: ConcatOptions = {}): Chart {
  return concat("hconcat", charts, options);
}

/**
 * Puts charts of any kind below each other, as {@linkcode hconcat} puts them beside each other.
 *
 * @throws {TypeError} If there is no chart.
 */
export function vconcat(charts: readonly Chart[], options: ConcatOptions = {}): Chart {
  return concat("vconcat", charts, options);
}

function concat(direction: "hconcat" | "vconcat", charts: readonly Chart[], options: ConcatOptions): Chart {
  checkOptions(`the options of ${direction}`, options, ["title", "subtitle", "shared"]);
  checkCharts(direction, charts);
  const { shared = [] } = options;
  const scale = Object.fromEntries(
    ["x", "y", "color", "size", "shape"].map((channel) => {
      return [channel, (shared as readonly string[]).includes(channel) ? "shared" : "independent"];
    }),
  );
  return topLevel({ [direction]: charts.map(innerSpec), resolve: { scale } }, options);
}
