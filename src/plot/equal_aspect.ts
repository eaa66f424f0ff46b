import type { ChannelSpec } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import { channelValues, type Unit, unitsOf } from "./units.ts";

/** Space around the points, as a part of the range on each side. */
const MARGIN = 0.05;

/**
 * Makes a unit equally long on both axes: fixes both domains to the data with a margin, and the largest width and height
 * in that proportion that stay within `most`. Changes `spec`.
 *
 * @throws {TypeError} If an axis is not linear.
 */
export function fitEqualAspect(spec: ChartSpec, most: { readonly width: number; readonly height: number }): void {
  const units = unitsOf(spec);
  const [x, y] = (["x", "y"] as const).map((axis) => paddedRange(units, axis));
  const pixels = Math.min(most.width / (x[1] - x[0]), most.height / (y[1] - y[0]));
  spec.width = Math.max(1, Math.round(pixels * (x[1] - x[0])));
  spec.height = Math.max(1, Math.round(pixels * (y[1] - y[0])));
  for (const { encoding } of units) {
    for (const [axis, domain] of [["x", x], ["y", y]] as const) {
      const channel = encoding[axis];
      if (channel?.type === "quantitative") channel.scale = { ...(channel.scale as ChannelSpec), domain, nice: false };
    }
  }
}

function paddedRange(units: readonly Unit[], axis: "x" | "y"): [number, number] {
  for (const { encoding } of units) {
    const channel = encoding[axis];
    const type = (channel?.scale as ChannelSpec | undefined)?.type ?? "linear";
    if (channel !== undefined && !("value" in channel) && (channel.type !== "quantitative" || type !== "linear")) {
      const got = channel.type === "quantitative" ? type : channel.type;
      throw new TypeError(`Cannot draw equal units: expected numbers on a linear ${axis} axis, got ${got}`);
    }
  }
  const values = units.flatMap((unit) => [axis, `${axis}2`].flatMap((channel) => channelValues(unit, channel)));
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (typeof value !== "number") continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (min > max) return [0, 1];
  const margin = max > min ? MARGIN * (max - min) : 0.5;
  return [min - margin, max + margin];
}
