import type { ChannelSpec } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import { channelValues, unitsOf } from "./units.ts";

/** About the width of a character of an axis label, in pixels. */
const CHARACTER = 6.6;
/** The least space of a category, the most for an upright label, that of a bar in a group and of all, in pixels. */
const STEP = { least: 40, most: 120, grouped: 22, axis: 640 };
const TURNED = -40;

/**
 * Makes room for the labels of categories along x: wider steps where no width was asked for, slanted labels where that
 * would not do. Changes `spec`.
 */
export function fitCategories(spec: ChartSpec, width: number | undefined): void {
  const units = unitsOf(spec).filter(({ encoding }) =>
    encoding.x?.type === "nominal" || encoding.x?.type === "ordinal"
  );
  const categories = new Set(units.flatMap((unit) => channelValues(unit, "x")).filter((value) => value !== null));
  if (categories.size === 0) return;
  const groups = new Set(units.flatMap((unit) => channelValues(unit, "xOffset"))).size;
  const longest = Math.max(...[...categories].map((value) => String(value).length)) * CHARACTER + 10;
  const narrow = Math.max(STEP.least, STEP.grouped * groups + 10);
  const upright = Math.max(narrow, longest);
  const fits = longest <= STEP.most && upright * categories.size <= STEP.axis;
  const size = width ?? Math.round((fits ? upright : narrow) * categories.size);
  if (width === undefined) spec.width = size;
  // Numbers are read in order, so that leaving some out is better than turning them.
  const words = [...categories].some((value) => typeof value !== "number");
  if (!words || longest <= size / categories.size) return;
  for (const { encoding } of units) {
    if (encoding.x!.axis === null) continue;
    encoding.x!.axis = { ...encoding.x!.axis as ChannelSpec | undefined, labelAngle: TURNED };
  }
}
