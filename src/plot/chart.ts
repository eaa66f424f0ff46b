import { chartHtml } from "./chart_html.ts";
import { type MimeBundle, mimeBundle } from "./mime_bundle.ts";
import { rasterize } from "./rasterize.ts";
import { renderSvg } from "./render.ts";
import { summary } from "./summary.ts";

/** A vega-lite specification: plain JSON. */
export type ChartSpec = Record<string, unknown>;

/** The method by which a notebook asks a value how to show itself. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

const inspect: unique symbol = Symbol.for("Deno.customInspect");

/** A figure: a vega-lite specification that can draw itself in a notebook and write itself to a file. */
export interface Chart {
  /** The vega-lite specification, data included. */
  readonly spec: ChartSpec;
  /** Draws the figure as SVG text. */
  toSvg(): Promise<string>;
  /** Draws the figure as PNG; `scale` is device pixels per CSS pixel, 2 by default. */
  toPng(options?: { readonly scale?: number }): Promise<Uint8Array>;
  /**
   * Writes the figure to a file, in the format that the extension names: `.svg`, `.png` (at two pixels per CSS pixel) or
   * `.html` (a page with the SVG and the specification in it, that needs nothing from elsewhere).
   *
   * @throws {TypeError} If the extension is another.
   */
  save(path: string | URL): Promise<void>;
  /** The figure as a notebook shows it: vega-lite JSON, PNG and one line of text. */
  [jupyterDisplay](): Promise<MimeBundle>;
}

/**
 * Wraps any vega-lite specification as a {@linkcode Chart}. The specification is taken as it is, without the default
 * {@linkcode theme}; put `config: theme` into it for the look of the other charts.
 *
 * @example
 * ```ts
 * import { chart, theme } from "denovo/plot/mod.ts";
 *
 * const figure = chart({
 *   data: { values: [{ n: 1, time: 3 }, { n: 2, time: 5 }] },
 *   mark: "tick",
 *   encoding: { x: { field: "time", type: "quantitative" } },
 *   config: theme,
 * });
 * await figure.toSvg();
 * ```
 *
 * @throws {TypeError} If the specification is not an object.
 */
export function chart(spec: ChartSpec): Chart {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) {
    throw new TypeError(
      `Expected a vega-lite specification (an object), got ${Array.isArray(spec) ? "an array" : spec}`,
    );
  }
  const toSvg = () => renderSvg(spec);
  const toPng = async ({ scale = 2 }: { readonly scale?: number } = {}) => {
    if (!(scale > 0 && scale < Infinity)) {
      throw new RangeError(`Expected "scale" to be positive and finite, got ${scale}`);
    }
    return rasterize(await toSvg(), scale);
  };
  const figure: Chart = {
    spec,
    toSvg,
    toPng,
    async save(path) {
      const name = path instanceof URL ? path.pathname : path;
      const extension = /\.[^./\\]+$/.exec(name)?.[0].toLowerCase();
      switch (extension) {
        case ".svg":
          return Deno.writeTextFile(path, await toSvg());
        case ".png":
          return Deno.writeFile(path, await toPng());
        case ".html":
          return Deno.writeTextFile(path, chartHtml(spec, await toSvg()));
        default:
          throw new TypeError(`Cannot save a chart as "${name}": expected the extension .svg, .png or .html`);
      }
    },
    [jupyterDisplay]: () => mimeBundle(spec, toSvg),
  };
  Object.defineProperty(figure, inspect, { value: () => summary(spec) });
  return figure;
}
