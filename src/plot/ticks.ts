import type { ChannelSpec } from "./channel.ts";

/** What an axis must show. */
export interface Extent {
  readonly min: number;
  readonly max: number;
  /** The smallest distance from zero of a number that is not zero. */
  readonly smallest: number;
  readonly integers: boolean;
  readonly powersOfTwo: boolean;
}

/** Properties of the scale and of the axis that give readable ticks. */
export interface Ticks {
  readonly scale: ChannelSpec;
  readonly axis: ChannelSpec;
}

/** The properties of an axis that {@linkcode ticksFor} may set, and that a change of its extent makes stale. */
export const tickProperties: readonly string[] = ["labelExpr", "values", "tickMinStep", "gridOpacity", "tickSize"];

/** Up to this many decades, an axis has room for the 2 and the 5 of each. */
const FEW_DECADES = 1.5;

/** Digits as vega sees them: the k-th character is the superscript of k. */
const SUPERSCRIPTS = "'⁰¹²³⁴⁵⁶⁷⁸⁹'";

/** Readable ticks for a quantitative axis; `format` is the pattern that the caller asked for. */
export function ticksFor(type: string | undefined, extent: Extent, format?: string): Ticks {
  if (type === "log") return extent.powersOfTwo ? binaryTicks(format) : decimalTicks(extent, format);
  if (type === "symlog") return symlogTicks(extent, format);
  const size = Math.max(Math.abs(extent.min), Math.abs(extent.max));
  const plain = size === 0 || (size >= 1e-3 && size < 1e6);
  return {
    scale: {},
    axis: {
      ...(extent.integers && { tickMinStep: 1 }),
      ...(!plain && format === undefined && { labelExpr: "format(datum.value, '~g')" }),
    },
  };
}

function binaryTicks(format = ",~f"): Ticks {
  return { scale: { base: 2 }, axis: { labelExpr: `format(datum.value, '${format}')` } };
}

/** Powers of ten with a grid line each; the numbers between them have a short tick, and a label only where few fit. */
function decimalTicks(extent: Extent, format?: string): Ticks {
  const decades = Math.log10(extent.max / extent.min);
  // Over less than half a decade vega chooses evenly spaced ticks, every one of which needs its label.
  if (decades < 0.5) return { scale: { nice: false }, axis: { labelExpr: `format(datum.value, '${format ?? "~g"}')` } };
  const few = decades <= FEW_DECADES;
  const plain = extent.min >= 1e-3 && extent.max <= 1e4;
  const label = format !== undefined || plain
    ? `format(datum.value, '${format ?? ",~f"}')`
    : scientific("datum.value", few);
  const shown = few ? `indexof([1, 2, 5], ${leadingDigit("datum.value")}) >= 0` : isPowerOfTen("datum.value");
  const power = { test: isPowerOfTen("datum.value") };
  return {
    scale: { nice: decades > FEW_DECADES },
    axis: {
      labelExpr: `${shown} ? ${label} : ''`,
      gridOpacity: { condition: { ...power, value: 1 }, value: few ? 0.5 : 0 },
      tickSize: { condition: { ...power, value: 5 }, value: 2 },
    },
  };
}

/** Zero and powers of ten on both sides, down to the size of the smallest number. */
function symlogTicks(extent: Extent, format?: string): Ticks {
  const lowest = Math.floor(Math.log10(extent.smallest));
  const reach = (end: number) => (end > 0 ? Math.ceil(Math.log10(end)) : lowest);
  const sides = [extent.min < 0 ? reach(-extent.min) : lowest, extent.max > 0 ? reach(extent.max) : lowest];
  const span = sides[0] - lowest + sides[1] - lowest;
  const step = Math.max(1, Math.ceil(span / 8));
  const side = (top: number) => {
    const powers: number[] = [];
    for (let exponent = lowest + step; exponent <= top; exponent += step) powers.push(10 ** exponent);
    return powers;
  };
  const values = [...side(sides[0]).map((power) => -power).reverse(), 0, ...side(sides[1])];
  const magnitude = "abs(datum.value)";
  const label = format === undefined ? scientific(magnitude, false) : `format(${magnitude}, '${format}')`;
  return {
    scale: { constant: 10 ** lowest },
    axis: { values, labelExpr: `datum.value == 0 ? '0' : (datum.value < 0 ? '−' : '') + ${label}` },
  };
}

/** A vega expression for `2×10⁻⁶`, or for `10⁻⁶` when only powers of ten are labelled. */
function scientific(value: string, mantissa: boolean): string {
  const exponent = `floor(log(${value}) / LN10 + 1e-9)`;
  const size = `abs(${exponent})`;
  const digit = (place: string) => `substring(${SUPERSCRIPTS}, ${place}, ${place} + 1)`;
  const power = [
    "'10'",
    `(${exponent} < 0 ? '⁻' : '')`,
    `(${size} >= 100 ? ${digit(`floor(${size} / 100)`)} : '')`,
    `(${size} >= 10 ? ${digit(`floor(${size} / 10) % 10`)} : '')`,
    digit(`${size} % 10`),
  ].join(" + ");
  if (!mantissa) return power;
  const digits = leadingDigit(value);
  return `(${digits} == 1 ? '' : ${digits} + '×') + ${power}`;
}

function isPowerOfTen(value: string): string {
  return `abs(log(${value}) / LN10 - round(log(${value}) / LN10)) < 1e-6`;
}

function leadingDigit(value: string): string {
  return `round(${value} / pow(10, floor(log(${value}) / LN10 + 1e-9)))`;
}
