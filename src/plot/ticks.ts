import type { ChannelSpec } from "./channel.ts";
import type { Extent } from "./extent.ts";

/** Properties of the scale and of the axis that give readable ticks. */
export interface Ticks {
  readonly scale: ChannelSpec;
  readonly axis: ChannelSpec;
}

/** The properties of a legend that {@linkcode legendTicksFor} may set. */
export const legendTickProperties: readonly string[] = ["labelExpr", "values"];

/** Readable labels for the legend of a colour ramp. */
export function legendTicksFor(type: string | undefined, extent: Extent, format?: string): ChannelSpec {
  if (type === "symlog") return {};
  if (type !== "log") {
    const { labelExpr } = ticksFor(type, extent, 0, format).axis;
    return labelExpr === undefined ? {} : { labelExpr };
  }
  const [low, high] = [Math.log10(extent.min) - 1e-9, Math.log10(extent.max) + 1e-9];
  const step = Math.max(1, Math.ceil((high - low) / 6));
  const values: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) values.push(10 ** (k * step));
  return { ...(values.length > 1 && { values }), labelExpr: logLabel(extent, format) };
}

/** The properties of an axis that {@linkcode ticksFor} may set, and that a change of its extent makes stale. */
export const tickProperties: readonly string[] = [
  "labelExpr",
  "values",
  "tickCount",
  "tickMinStep",
  "gridOpacity",
  "tickSize",
];

/** Up to this many decades, an axis has room for the 2 and the 5 of each. */
const FEW_DECADES = 1.5;

/** Digits as vega sees them: the k-th character is the superscript of k. */
const SUPERSCRIPTS = "'⁰¹²³⁴⁵⁶⁷⁸⁹'";

/** Pixels from one labelled tick of a log axis to the next. */
const SPACING = 30;

/** Readable ticks for a quantitative axis of `pixels`; `format` is the pattern that the caller asked for. */
export function ticksFor(type: string | undefined, extent: Extent, pixels: number, format?: string): Ticks {
  if (type === "log" && extent.powersOfTwo) return binaryTicks(extent, pixels, format);
  if (type === "log") return decimalTicks(extent, Math.max(2, Math.round(pixels / SPACING)), format);
  if (type === "symlog") return symlogTicks(extent, format);
  const size = Math.max(Math.abs(extent.min), Math.abs(extent.max));
  const plain = size === 0 || (size >= 1e-3 && size < 1e6);
  return {
    scale: {},
    axis: {
      ...(extent.integers && { tickMinStep: 1 }),
      ...(!plain && format === undefined && { labelExpr: scientific("datum.value") }),
    },
  };
}

/** Pixels that a label such as 1,048,576 takes. */
const BINARY_SPACING = 50;

/** Powers of two, each or every few, as sizes of problems are chosen. */
function binaryTicks({ min, max }: Extent, pixels: number, format = ",~f"): Ticks {
  const [low, high] = [Math.floor(Math.log2(min)), Math.ceil(Math.log2(max))];
  const step = Math.max(1, Math.ceil((high - low) * BINARY_SPACING / pixels));
  const values = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, k) => 2 ** (low + k * step));
  return { scale: { base: 2 }, axis: { values, labelExpr: numeric("datum.value", format) } };
}

/** Powers of ten with a grid line each; the numbers between them have a short tick, and a label only where few fit. */
function decimalTicks(extent: Extent, tickCount: number, format?: string): Ticks {
  const decades = Math.log10(extent.max / extent.min);
  const label = logLabel(extent, format);
  // Within a decade vega may choose evenly spaced ticks, every one of which needs its label.
  if (decades < 1) return { scale: { nice: false }, axis: { labelExpr: label } };
  const few = decades <= FEW_DECADES;
  const isPower = isPowerOfTen("datum.value");
  const shown = few ? [1, 2, 5].map((digit) => isPowerOfTen(`(datum.value / ${digit})`)).join(" || ") : isPower;
  return {
    scale: { nice: !few },
    axis: {
      tickCount,
      labelExpr: `${shown} ? ${label} : ''`,
      gridOpacity: { condition: { test: isPower, value: 1 }, value: few ? 0.5 : 0 },
      tickSize: { condition: { test: isPower, value: 5 }, value: 2 },
    },
  };
}

/** Plain numbers where they are short, powers of ten elsewhere. */
function logLabel({ min, max }: Extent, format?: string): string {
  const plain = min >= 1e-3 && max <= 1e4;
  return format !== undefined || plain ? numeric("datum.value", format ?? ",~f") : scientific("datum.value");
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
  const labelExpr = format === undefined ? scientific("datum.value") : numeric("datum.value", format);
  return { scale: { constant: 10 ** lowest }, axis: { values, labelExpr } };
}

/** A vega expression for a number as `10⁻⁶`, `−2.5×10⁻⁶` or `0`. */
function scientific(value: string): string {
  const exponent = `floor(log(abs(${value})) / LN10 + 1e-9)`;
  const size = `abs(${exponent})`;
  const digit = (place: string) => `substring(${SUPERSCRIPTS}, ${place}, ${place} + 1)`;
  const power = [
    "'10'",
    `(${exponent} < 0 ? '⁻' : '')`,
    `(${size} >= 100 ? ${digit(`floor(${size} / 100)`)} : '')`,
    `(${size} >= 10 ? ${digit(`floor(${size} / 10) % 10`)} : '')`,
    digit(`${size} % 10`),
  ].join(" + ");
  const mantissa = `format(${value} / pow(10, ${exponent}), '.6~g')`;
  const factor = `(${mantissa} == '1' ? '' : ${mantissa} == '−1' ? '−' : ${mantissa} + '×')`;
  return `(${value} == 0 ? '0' : ${factor} + ${power})`;
}

function isPowerOfTen(value: string): string {
  return `abs(log(${value}) / LN10 - round(log(${value}) / LN10)) < 1e-6`;
}

function numeric(value: string, format: string): string {
  return `format(${value}, ${JSON.stringify(format)})`;
}
