import { broadcast, jupyter } from "./jupyter.ts";
import type { MediaBundle } from "./nbformat.ts";
import { sleep } from "./wait.ts";

/** Where a display goes. */
export interface DisplayOptions {
  /** A name for the display, by which it can be replaced later, also from another cell. */
  id?: string;
  /** Whether to replace what the display with this id shows, instead of adding one. Default false. */
  update?: boolean;
}

/**
 * Clients such as nbconvert stop listening as soon as a cell's reply has come, which may overtake what it displayed last;
 * a pause at the end of the display, in milliseconds, lets that through.
 */
const PAUSE = 20;

/**
 * Shows a value from anywhere in a cell, not only as its last expression: a chart, a tensor, or anything else. In a
 * script it prints the value's text.
 *
 * @throws {TypeError} if `update` is set without an `id`
 *
 * @example
 * ```ts
 * import { display } from "@denovo/denovo/notebook";
 * for (const step of [1, 2, 3]) await display({ step }, { id: "state", update: step > 1 });
 * ```
 */
export async function display(value: unknown, options: DisplayOptions = {}): Promise<void> {
  if (options.update && options.id === undefined) throw new TypeError("Cannot update a display without its id");
  await show(await toBundle(value), options);
}

/** Shows a bundle in a notebook, or prints its text in a script. */
export async function show(data: MediaBundle, options: DisplayOptions = {}): Promise<void> {
  if (!jupyter()) return console.log(data["text/plain"]);
  await broadcast({ data, ...options });
  await sleep(PAUSE);
}

async function toBundle(value: unknown): Promise<MediaBundle> {
  const kernel = jupyter();
  const hook = (value as Record<symbol, unknown> | null | undefined)?.[Symbol.for("Jupyter.display")];
  let bundle: unknown;
  if (kernel) bundle = await kernel.format(value);
  else if (typeof hook === "function") bundle = await hook.call(value);
  const known = bundle as MediaBundle | undefined;
  if (known?.["text/plain"] !== undefined) return known;
  return { ...known, "text/plain": typeof value === "string" ? value : Deno.inspect(value) };
}
