import { type ChannelSpec, checkPositive } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import type { Scalar } from "./data.ts";
import { palette, sampleRamp } from "./palette.ts";
import { type Extent, tickProperties, ticksFor } from "./ticks.ts";
import { channelValues, plainField, type Unit, unitsOf } from "./units.ts";

/**
 * Gives all layers of a figure the same axes and colours, with ticks made for the numbers that all of them show. Layers
 * that say nothing about an axis take over what another says. Changes `spec`.
 *
 * @throws {TypeError} If two layers want different scales on one axis.
 * @throws {RangeError} If a log axis meets a number that is not positive.
 */
export function fitScales(spec: ChartSpec): void {
  const units = unitsOf(spec);
  fitAxis(units, "x");
  fitAxis(units, "y");
  fitColor(spec, units);
}

/** More categories than this need another palette than the categorical one. */
const MOST_CATEGORIES = palette.categorical.length;

function fitAxis(units: readonly Unit[], axis: "x" | "y"): void {
  const shown = units.filter(({ encoding }) =>
    encoding[axis]?.field !== undefined || encoding[axis]?.datum !== undefined
  );
  const channels = shown.map(({ encoding }) => encoding[axis]!);
  if (channels.length === 0) return;
  shareTitle(shown, axis);
  if (channels.some(({ type }) => type !== "quantitative")) return;

  const scales = channels.map(({ scale }) => (scale ?? {}) as ChannelSpec);
  const types = new Set(scales.map(({ type }) => type).filter((type) => type !== undefined));
  if (types.size > 1) {
    throw new TypeError(
      `Cannot layer charts with different scales on the ${axis} axis: got ${[...types].join(" and ")}`,
    );
  }
  const [type] = types as Set<string>;
  const drawn = shown.flatMap((unit) => drawnValues(unit, axis, type));
  const domain = unionDomain(scales);
  const extent = extentOf(drawn, domain);
  if (extent === undefined) return;

  const axes = channels.map(({ axis }) => axis as ChannelSpec | null | undefined);
  const format = axes.find((properties) => properties?.format !== undefined)?.format as string | undefined;
  const ticks = ticksFor(type, extent, format);
  for (const [i, channel] of channels.entries()) {
    const { nice: _, base: __, constant: ___, zero: ____, ...own } = scales[i];
    channel.scale = {
      ...own,
      ...(type !== undefined && { type }),
      ...(type !== "log" && { zero: scales.some(({ zero }) => zero === true) }),
      ...ticks.scale,
      ...(domain && { domain, nice: false }),
    };
    if (axes[i] === null) continue;
    const kept = Object.entries(axes[i] ?? {}).filter(([name]) => !tickProperties.includes(name));
    const properties = { ...Object.fromEntries(kept), ...(format !== undefined && { format }), ...ticks.axis };
    if (Object.keys(properties).length > 0) channel.axis = properties;
  }
}

/** The numbers that a unit shows along an axis, checked for what its scale can show. */
function drawnValues(unit: Unit, axis: "x" | "y", type: string | undefined): Scalar[] {
  return [axis, `${axis}2`].flatMap((channel) => {
    const values = channelValues(unit, channel);
    const field = plainField(unit.encoding[channel]);
    if (type === "log") checkPositive(values, field ?? axis);
    if (values.length > 0 && field !== undefined && values.every((value) => value === null)) {
      throw new RangeError(`Cannot plot field "${field}": expected at least one finite number, got none`);
    }
    return values;
  });
}

/** A single title where each layer would add its own: the first that was asked for, else that of the first curve. */
function shareTitle(units: readonly Unit[], axis: "x" | "y"): void {
  const channels = units.map(({ encoding }) => encoding[axis]!);
  const asked = channels.find(({ title }) => title !== undefined);
  const curve = units.find(({ encoding }) => encoding[axis]!.field !== undefined && encoding[`${axis}2`] === undefined);
  const title = asked === undefined ? plainField(curve?.encoding[axis]) : asked.title;
  if (title === undefined) return;
  // A figure of one mark keeps the field's own name, which is the same.
  if (asked === undefined && channels.length === 1) return;
  for (const channel of channels) channel.title = title;
}

function unionDomain(scales: readonly ChannelSpec[]): [number, number] | undefined {
  const ends = scales.flatMap(({ domain }) => (Array.isArray(domain) ? domain : [])) as number[];
  return ends.length === 0 ? undefined : [Math.min(...ends), Math.max(...ends)];
}

function extentOf(values: readonly Scalar[], domain?: readonly [number, number]): Extent | undefined {
  let [min, max, smallest, integers] = [Infinity, -Infinity, Infinity, true];
  const different = new Set<number>();
  for (const value of values) {
    if (typeof value !== "number") continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value !== 0) smallest = Math.min(smallest, Math.abs(value));
    integers &&= Number.isInteger(value);
    if (different.size < 3) different.add(value);
  }
  if (min > max) return undefined;
  const powersOfTwo = different.size === 3 &&
    values.every((v) => typeof v !== "number" || (v > 0 && Number.isInteger(Math.log2(v))));
  [min, max] = domain ?? [min, max];
  return { min, max, smallest: smallest === Infinity ? 1 : smallest, integers, powersOfTwo };
}

/** Colours enough for the categories of all layers; categories and numbers in one figure get a legend each. */
function fitColor(spec: ChartSpec, units: readonly Unit[]): void {
  const shown = units.filter(({ encoding }) =>
    encoding.color?.field !== undefined || encoding.color?.datum !== undefined
  );
  const channels = shown.map(({ encoding }) => encoding.color!);
  const isDiscrete = ({ type }: ChannelSpec) => type === "nominal" || type === "ordinal";
  if (channels.length > 1 && channels.some(isDiscrete) && !channels.every(isDiscrete)) {
    const resolve = (spec.resolve ?? {}) as { scale?: ChannelSpec };
    spec.resolve = { ...resolve, scale: { color: "independent", ...resolve.scale } };
  }
  if (!channels.every(isDiscrete)) return;
  const given = channels.map(({ scale }) => (scale ?? {}) as ChannelSpec);
  if (given.some(({ range, domain }) => range !== undefined && domain !== undefined)) return;
  const categories = new Set(shown.flatMap((unit) => channelValues(unit, "color")).filter((value) => value !== null));
  const ordered = channels.some(({ type }) => type === "ordinal");
  if (!ordered && categories.size <= MOST_CATEGORIES) return;
  // The palest end of the ramp would vanish on white.
  const range = sampleRamp(palette.sequential, categories.size, 0.85);
  for (const [i, channel] of channels.entries()) channel.scale = { range, ...given[i] };
}
