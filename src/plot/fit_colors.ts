import type { ChannelSpec } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import type { Scalar } from "./data.ts";
import { extentOf } from "./extent.ts";
import { palette, sampleRamp } from "./palette.ts";
import { legendTickProperties, legendTicksFor } from "./ticks.ts";
import { channelValues, type Unit } from "./units.ts";

/** More categories than this need another palette than the categorical one. */
const MOST_CATEGORIES = palette.categorical.length;

/**
 * Gives all marks of a figure the same colours: enough for the categories of all. Categories and numbers in one figure get
 * a legend each. Changes `spec` and its marks.
 */
export function fitColors(spec: ChartSpec, units: readonly Unit[]): void {
  const shown = units.filter(({ encoding }) =>
    encoding.color?.field !== undefined || encoding.color?.datum !== undefined
  );
  const channels = shown.map(({ encoding }) => encoding.color!);
  const isDiscrete = ({ type }: ChannelSpec) => type === "nominal" || type === "ordinal";
  if (channels.length > 1 && channels.some(isDiscrete) && !channels.every(isDiscrete)) {
    const resolve = (spec.resolve ?? {}) as { scale?: ChannelSpec };
    spec.resolve = { ...resolve, scale: { color: "independent", ...resolve.scale } };
  }
  for (const unit of shown) if (unit.encoding.color!.type === "quantitative") fitLegend(unit);
  if (channels.length === 0 || !channels.every(isDiscrete)) return;
  const isOrdered = channels.some(({ type }) => type === "ordinal");
  const range = rampOf(shown);
  if (!isOrdered && range.length <= MOST_CATEGORIES) return;
  for (const unit of shown) {
    const { range: own, ...scale } = (unit.encoding.color!.scale ?? {}) as ChannelSpec;
    const isFitted = own === undefined || String(own) === String(rampOf([unit]));
    unit.encoding.color!.scale = { ...scale, range: isFitted ? range : own };
  }
}

/** A colour for each category, without the palest end of the ramp, which would vanish on white. */
function rampOf(units: readonly Unit[]): string[] {
  const domains = units.flatMap(({ encoding }) =>
    (encoding.color!.scale as { domain?: Scalar[] } | undefined)?.domain ?? []
  );
  const shown = units.flatMap((unit) => channelValues(unit, "color")).filter((value) => value !== null);
  const categories = new Set([...domains, ...shown]);
  return sampleRamp(palette.sequential, categories.size, 0.85);
}

/** Readable labels beside a colour ramp. */
function fitLegend(unit: Unit): void {
  const color = unit.encoding.color!;
  if (color.legend === null) return;
  const { domain, type } = (color.scale ?? {}) as { domain?: unknown; type?: string };
  const extent = extentOf(channelValues(unit, "color"), Array.isArray(domain) ? domain as [number, number] : undefined);
  if (extent === undefined) return;
  const own = Object.entries(color.legend ?? {}).filter(([name]) => !legendTickProperties.includes(name));
  const kept: ChannelSpec = Object.fromEntries(own);
  const legend = { ...kept, ...legendTicksFor(type, extent, kept.format as string | undefined) };
  if (Object.keys(legend).length > 0) color.legend = legend;
}
