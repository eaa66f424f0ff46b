import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { joinText, type Output, splitText } from "./nbformat.ts";

/** The nearest `deno.json` or `deno.jsonc` in `folder` or above it. */
export function findConfig(folder: string): string | undefined {
  for (let here = resolve(folder);; here = dirname(here)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = join(here, name);
      try {
        if (Deno.statSync(file).isFile) return file;
      } catch { /* not there, or not ours to read */ }
    }
    if (here === dirname(here)) return undefined;
  }
}

/**
 * Makes the paths in printed text, results and errors independent of the machine: those under `root` become relative to
 * it, those under `home` start with `~`.
 */
export function portablePaths(root: string, home: string | undefined): (output: Output) => Output {
  const replacements: [RegExp, string][] = [];
  for (const [folder, short] of [[root, ""], [home, "~/"]] as const) {
    // A file system's own root is the beginning of every path.
    if (folder === undefined || folder === dirname(folder)) continue;
    const path = resolve(folder);
    const url = RegExp.escape(`${pathToFileURL(path).href}/`);
    const plain = RegExp.escape(join(path, "x").slice(0, -1));
    replacements.push([new RegExp(`${url}|(?<![\\w./~-])${plain}`, "g"), short]);
  }
  const shorten = (text: string) => replacements.reduce((result, [long, short]) => result.replace(long, short), text);
  return (output) => {
    switch (output.output_type) {
      case "stream":
        return { ...output, text: splitText(shorten(joinText(output.text))) };
      case "error":
        return { ...output, evalue: shorten(output.evalue), traceback: output.traceback.map(shorten) };
      default: {
        const plain = output.data["text/plain"];
        if (!Array.isArray(plain)) return output;
        return { ...output, data: { ...output.data, "text/plain": plain.map(shorten) } };
      }
    }
  };
}
