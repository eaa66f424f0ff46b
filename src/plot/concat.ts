import type { ChannelSpec } from "./channel.ts";
import type { Chart } from "./chart.ts";
import { checkCharts, innerSpec, topLevel } from "./figure.ts";
import { checkNames, checkOptions, type FigureOptions } from "./options.ts";
import { type Unit, unitsOf } from "./units.ts";

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
 * @throws {TypeError} If there is no chart, or large heatmaps of different colours are to share them.
 */
export function hconcat(charts: readonly Chart[], options: ConcatOptions = {}): Chart {
  return concat("hconcat", charts, options);
}

/**
 * Puts charts of any kind below each other, as {@linkcode hconcat} puts them beside each other.
 *
 * @throws {TypeError} If there is no chart, or large heatmaps of different colours are to share them.
 */
export function vconcat(charts: readonly Chart[], options: ConcatOptions = {}): Chart {
  return concat("vconcat", charts, options);
}

function concat(direction: "hconcat" | "vconcat", charts: readonly Chart[], options: ConcatOptions): Chart {
  checkOptions(`the options of ${direction}`, options, ["title", "subtitle", "shared"]);
  checkCharts(direction, charts);
  const shared: readonly string[] = options.shared ?? [];
  checkNames('"shared"', shared, CHANNELS);
  const scale = Object.fromEntries(
    CHANNELS.map((channel) => [channel, shared.includes(channel) ? "shared" : "independent"]),
  );
  const specs = charts.map(innerSpec);
  for (const channel of shared) shareDomain(specs.flatMap((spec) => unitsOf(spec)), channel);
  return topLevel({ [direction]: specs, resolve: { scale } }, options);
}

const CHANNELS = ["x", "y", "color", "size", "shape"];

/** One domain where charts were given several. */
function shareDomain(units: readonly Unit[], name: string): void {
  const channels = units.map(({ encoding }) => encoding[name]).filter((channel) => channel !== undefined);
  const scales = channels.map(({ scale }) => (scale ?? {}) as ChannelSpec);
  const ends = scales.flatMap(({ domain }) => (Array.isArray(domain) ? domain : [])) as number[];
  if (ends.length === 0 || !ends.every((end) => typeof end === "number")) return;
  const domain = [Math.min(...ends), Math.max(...ends)];
  const isPicture = units.some(({ spec }) => (spec.mark as ChannelSpec | undefined)?.type === "image");
  if (name === "color" && isPicture && new Set(scales.map((scale) => String(scale.domain))).size > 1) {
    throw new TypeError(
      `Cannot share the colours of large heatmaps, which are fixed: give each the "domain" [${domain.join(", ")}]`,
    );
  }
  for (const [i, channel] of channels.entries()) channel.scale = { ...scales[i], domain, nice: false };
}
