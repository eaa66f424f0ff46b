import { type ChannelSpec, checkPositive } from "./channel.ts";
import type { Scalar } from "./data.ts";
import { extentOf } from "./extent.ts";
import { tickProperties, ticksFor } from "./ticks.ts";
import { channelValues, plainField, type Unit } from "./units.ts";

/**
 * Gives all marks of a figure the same x and y axes, with ticks made for the numbers that all of them show. Marks that say
 * nothing about an axis take over what another says. `size` is that of the plotting area. Changes the marks.
 *
 * @throws {TypeError} If two marks want different scales, or categories and numbers, on one axis.
 * @throws {RangeError} If a log axis meets a number that is not positive.
 */
export function fitAxes(units: readonly Unit[], size: { readonly width: number; readonly height: number }): void {
  fitAxis(units, "x", size.width);
  fitAxis(units, "y", size.height);
}

const axisKinds: Record<string, string> = {
  quantitative: "numbers",
  temporal: "dates",
  ordinal: "categories",
  nominal: "categories",
};

function fitAxis(units: readonly Unit[], axis: "x" | "y", pixels: number): void {
  const shown = units.filter(({ encoding }) =>
    encoding[axis]?.field !== undefined || encoding[axis]?.datum !== undefined
  );
  const channels = shown.map(({ encoding }) => encoding[axis]!);
  if (channels.length === 0) return;
  shareTitle(shown, axis);
  const kinds = new Set(channels.map(({ type }) => axisKinds[type as string] ?? String(type)));
  if (kinds.size > 1) throw new TypeError(`Cannot layer ${[...kinds].join(" and ")} on one ${axis} axis`);
  if (!kinds.has("numbers")) return;

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
  // The ticks of numbers that vega computes are left to whoever knows them.
  const extent = drawn.some((value) => typeof value === "number") ? extentOf(drawn, domain) : undefined;
  if (extent === undefined) return;

  const axes = channels.map(({ axis }) => axis as ChannelSpec | null | undefined);
  const format = axes.find((properties) => properties?.format !== undefined)?.format as string | undefined;
  const ticks = ticksFor(type, extent, pixels, format);
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
