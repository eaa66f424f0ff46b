import type { ChannelSpec } from "./channel.ts";
import { unescapeField } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import type { Row, Scalar } from "./data.ts";

/** One mark of a figure with the data it draws. */
export interface Unit {
  readonly spec: ChartSpec;
  readonly encoding: Record<string, ChannelSpec | undefined>;
  /** The rows as written in the specification, or undefined if they come from elsewhere. */
  readonly rows: readonly Row[] | undefined;
}

/** Every mark of a single or layered specification, with the data that it has or inherits. */
export function unitsOf(spec: ChartSpec, inherited?: readonly Row[]): Unit[] {
  const rows = spec.data === undefined ? inherited : inlineRows(spec.data);
  if (Array.isArray(spec.layer)) return spec.layer.flatMap((child) => unitsOf(child as ChartSpec, rows));
  return [{ spec, encoding: (spec.encoding ?? {}) as Unit["encoding"], rows }];
}

/** The rows of `data: { values: [...] }`. */
export function inlineRows(data: unknown): readonly Row[] | undefined {
  const { values } = (data ?? {}) as { values?: unknown };
  return Array.isArray(values) ? values : undefined;
}

/** The name of the field that a channel shows as it stands, or undefined if it is a value, a datum or an aggregate. */
export function plainField(channel: ChannelSpec | undefined): string | undefined {
  if (typeof channel?.field !== "string" || channel.aggregate || channel.bin || channel.timeUnit) return undefined;
  return unescapeField(channel.field);
}

/** The values that a channel shows in one unit; empty if they are computed by vega. */
export function channelValues(unit: Unit, channel: string): Scalar[] {
  const spec = unit.encoding[channel];
  if (spec?.datum !== undefined) return [spec.datum as Scalar];
  const field = plainField(spec);
  const [first] = unit.rows ?? [];
  // Rows that lack the field get it from a transform, whose values are not known here.
  if (field === undefined || typeof first !== "object" || first === null || !(field in first)) return [];
  return unit.rows!.map((row) => row[field] ?? null);
}
