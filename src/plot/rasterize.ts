import { loadFonts } from "./fonts.ts";

/** Draws SVG text as a PNG of `scale` device pixels per CSS pixel, with the same fonts on every machine. */
export async function rasterize(svg: string, scale: number): Promise<Uint8Array> {
  const [{ Resvg }, fonts] = await Promise.all([import("@resvg/resvg-js"), loadFonts()]);
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: {
      loadSystemFonts: false,
      fontFiles: [...fonts.files],
      defaultFontFamily: "DejaVu Sans",
      sansSerifFamily: "DejaVu Sans",
    },
  });
  return new Uint8Array(image.render().asPng());
}
