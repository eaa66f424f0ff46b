import type { ChartSpec } from "./chart.ts";
import { loadFonts } from "./fonts.ts";

/** The calls that vega-lite makes to say what it did not like. */
export interface WarningSink {
  warn(message: string): void;
}

let engine: ReturnType<typeof loadEngine> | undefined;

/** vega and vega-lite take a tenth of a second and 40 MB to load, so that they wait for the first figure. */
async function loadEngine() {
  const [vega, vegaLite, fonts] = await Promise.all([import("vega"), import("vega-lite"), loadFonts()]);
  // Without a canvas vega takes 0.8 em for every character, which cuts labels and widens figures by half.
  const { textMetrics } = vega as unknown as { textMetrics: TextMetrics };
  textMetrics.width = (item, line) => {
    const text = String(line ?? "").trim();
    const width = fonts.width(text, textMetrics.height(item), isBold(item.fontWeight));
    return item.limit !== undefined && item.limit > 0 ? Math.min(width, item.limit) : width;
  };
  return { vega, vegaLite };
}

/** Exported by vega for renderers to replace, but missing in its types. */
interface TextMetrics {
  height(item: TextItem): number;
  width(item: TextItem, line: unknown): number;
}

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
  readonly limit?: number;
}

function isBold(weight: string | number | undefined): boolean {
  return weight === "bold" || weight === "bolder" || Number(weight) >= 600;
}

/** Draws a vega-lite spec as SVG text; what vega-lite warns of goes to `sink`. */
export async function renderSvg(spec: ChartSpec, sink: WarningSink = console): Promise<string> {
  const { vega, vegaLite } = await (engine ??= loadEngine());
  const logger = vega.logger(vega.Warn);
  logger.warn = (...messages: readonly unknown[]) => {
    sink.warn(messages.join(" "));
    return logger;
  };
  // vega writes its own properties, and dates for strings, into the rows that it is given.
  const copy = structuredClone(spec);
  const compiled = vegaLite.compile(copy as unknown as Parameters<typeof vegaLite.compile>[0], { logger });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
