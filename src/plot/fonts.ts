import { fileURLToPath } from "node:url";
import { type AdvanceWidth, readAdvanceWidths } from "./font_metrics.ts";

/** The two faces that figures are measured and drawn with, so that they are the same on every machine. */
export interface Fonts {
  readonly files: readonly string[];
  /** Width of a line of text in pixels. */
  width(text: string, fontSize: number, bold: boolean): number;
}

let loaded: Promise<Fonts> | undefined;

/** DejaVu Sans, regular and bold, from the package cache; read once. */
export function loadFonts(): Promise<Fonts> {
  return loaded ??= readFonts();
}

async function readFonts(): Promise<Fonts> {
  // The import makes the runtime install the package, without which its name resolves to no file.
  await import("dejavu-fonts-ttf/package.json", { with: { type: "json" } });
  const files = ["DejaVuSans", "DejaVuSans-Bold"].map((face) =>
    // The scheme resolves it to the installed version without an import map too.
    fileURLToPath(import.meta.resolve(`npm:dejavu-fonts-ttf/ttf/${face}.ttf`))
  );
  const [regular, bold] = (await Promise.all(files.map((file) => Deno.readFile(file)))).map(readAdvanceWidths).map(
    memo,
  );
  return {
    files,
    width(text, fontSize, isBold) {
      const advance = isBold ? bold : regular;
      let em = 0;
      for (const character of text) em += advance(character.codePointAt(0)!);
      return em * fontSize;
    },
  };
}

function memo(advance: AdvanceWidth): AdvanceWidth {
  const known = new Map<number, number>();
  return (codePoint) => {
    let width = known.get(codePoint);
    if (width === undefined) known.set(codePoint, width = advance(codePoint));
    return width;
  };
}
