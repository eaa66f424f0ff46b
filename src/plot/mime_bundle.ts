import type { ChartSpec } from "./chart.ts";
import { rasterize } from "./rasterize.ts";
import { summary } from "./summary.ts";

/** What a notebook front end chooses from: one value per MIME type. */
export type MimeBundle = Record<string, unknown>;

/** No front end registers a type for version 6, whose specifications are valid ones of version 5. */
const VEGA_LITE_TYPE = "application/vnd.vegalite.v5+json";

/** The schema that goes with {@linkcode VEGA_LITE_TYPE}; a renderer warns of any other. */
export const vegaLiteSchema = "https://vega.github.io/schema/vega-lite/v5.json";

/** Longest vega-lite JSON, and longest JSON and PNG together, in characters: notebooks lose displays of several MB. */
const SPEC_LIMIT = 700_000;
const BUNDLE_LIMIT = 1_000_000;

/**
 * The bundle that every front end can show: vega-lite JSON where it is drawn live, PNG for viewers that run no script,
 * text for terminals. SVG is left out, since older converters prefer it to PNG and strip its paths.
 */
export async function mimeBundle(spec: ChartSpec, toSvg: () => Promise<string>): Promise<MimeBundle> {
  const svg = await toSvg();
  let png = (await rasterize(svg, 2)).toBase64();
  if (png.length > SPEC_LIMIT) png = (await rasterize(svg, 1)).toBase64();
  const vegaLite = { ...spec, $schema: vegaLiteSchema };
  const length = JSON.stringify(vegaLite).length;
  if (length > Math.min(SPEC_LIMIT, BUNDLE_LIMIT - png.length)) {
    const size = `${Math.round(length / 1000)} kB`;
    return { "image/png": png, "text/plain": `${summary(spec)} (shown as PNG only: its vega-lite JSON has ${size})` };
  }
  return { [VEGA_LITE_TYPE]: vegaLite, "image/png": png, "text/plain": summary(spec) };
}
