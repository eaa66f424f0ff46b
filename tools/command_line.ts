import { fileURLToPath } from "node:url";
import type { CellReport } from "../src/notebook/mod.ts";

/** The folder of the project, where `deno.json` is. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** The longest that a cell of the project's own notebooks may run, in seconds: slow machines run them too. */
export const CELL_TIMEOUT = 600;

/** A signal that Ctrl-C and the end of the terminal abort, so that no kernel is left behind. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => controller.abort(new DOMException(`Ended by ${signal}`, "AbortError")));
  }
  return controller.signal;
}

/** The failures among the cells of a notebook, in words, indented. */
export function describeFailures(cells: readonly CellReport[]): string {
  const failures = cells.flatMap(({ count, error }) => error ? [`In[${count}] ${error.message}`] : []);
  return failures.join("\n").replace(/^/gm, "  ");
}
