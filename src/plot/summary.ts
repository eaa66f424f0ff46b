import type { ChartSpec } from "./chart.ts";
import { unescapeField } from "./channel.ts";

/** The title of a figure, or undefined if it has none. */
export function titleOf(spec: ChartSpec): string | undefined {
  const title = typeof spec.title === "object" && spec.title !== null
    ? (spec.title as { text?: unknown }).text
    : spec.title;
  if (Array.isArray(title)) return title.join(" ");
  return typeof title === "string" ? title : undefined;
}

/** One line for terminals: `[line chart "Convergence": residual by iteration, 300 rows]`. */
export function summary(spec: ChartSpec): string {
  const title = titleOf(spec);
  const parts = [axes(spec), rows(spec)].filter((part) => part !== undefined);
  const content = parts.length === 0 ? "" : `: ${parts.join(", ")}`;
  return `[${kind(spec)} chart${title === undefined ? "" : ` "${title}"`}${content}]`;
}

function kind(spec: ChartSpec): string {
  for (const composite of ["layer", "hconcat", "vconcat", "concat"]) {
    const children = spec[composite];
    if (Array.isArray(children)) {
      const kinds = new Set(children.map((child) => kind(child)));
      return composite === "layer" ? [...kinds].join(" + ") : `${children.length}-panel ${[...kinds].join(", ")}`;
    }
  }
  if (typeof spec.spec === "object" && spec.spec !== null) return `faceted ${kind(spec.spec as ChartSpec)}`;
  const mark = typeof spec.mark === "object" && spec.mark !== null ? (spec.mark as { type?: unknown }).type : spec.mark;
  return typeof mark === "string" ? mark : "vega-lite";
}

function axes(spec: ChartSpec): string | undefined {
  const [x, y] = ["x", "y"].map((channel) => axisName(spec, channel));
  return x !== undefined && y !== undefined ? `${y} by ${x}` : undefined;
}

/** The title or the field of an axis in the first mark that has one. */
function axisName(spec: ChartSpec, channel: string): string | undefined {
  const own = (spec.encoding as Record<string, { title?: unknown; field?: unknown }> | undefined)?.[channel];
  if (typeof own?.title === "string") return own.title;
  if (typeof own?.field === "string") return unescapeField(own.field);
  const children = Array.isArray(spec.layer) ? spec.layer : spec.spec === undefined ? [] : [spec.spec];
  for (const child of children) {
    const name = axisName(child as ChartSpec, channel);
    if (name !== undefined) return name;
  }
}

function rows(spec: ChartSpec): string | undefined {
  const { values } = (spec.data ?? {}) as { values?: unknown };
  if (!Array.isArray(values)) return undefined;
  return values.length === 1 ? "1 row" : `${values.length} rows`;
}
