import { type ChannelSpec, escapeField } from "./channel.ts";
import type { ChartSpec } from "./chart.ts";
import { fieldType, type Table } from "./data.ts";
import type { FigureOptions } from "./options.ts";

/** What every mark that draws rows takes. */
export interface MarkOptions extends FigureOptions {
  /** The fields that the pointer shows in a live figure: those that are drawn by default, none if false. */
  readonly tooltip?: readonly string[] | false;
}

/** The names of {@linkcode MarkOptions} and of the figure's. */
export const markOptionNames: readonly string[] = ["title", "subtitle", "width", "height", "tooltip"];

/** The JSON of one mark with its data; channels that are undefined are left out. */
export function markSpec(
  table: Table,
  mark: ChartSpec,
  channels: Record<string, ChannelSpec | undefined>,
  tooltip?: MarkOptions["tooltip"],
): ChartSpec {
  const encoding = Object.fromEntries(Object.entries(channels).filter(([, channel]) => channel !== undefined));
  const shown = Array.isArray(tooltip) &&
    tooltip.map((field) => ({ ...bareField(table, field), type: fieldType(table, field) }));
  return {
    data: { values: table.rows },
    mark: { ...mark, ...(tooltip === false && { tooltip: false }) },
    encoding: { ...encoding, ...(shown && { tooltip: shown }) },
  };
}

/** The JSON for a channel that only names a field: the other end of an interval, or a group. */
export function bareField(table: Table, field: string | undefined): ChannelSpec | undefined {
  if (field === undefined) return undefined;
  fieldType(table, field);
  return { field: escapeField(field) };
}
