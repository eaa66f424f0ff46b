import { isJsonType, type MediaBundle, type Output, splitText } from "./nbformat.ts";
import type { JsonObject, Message } from "./wire.ts";

/** The displayed outputs of a notebook that carry a `display_id`, by that id. */
export type Displays = Map<string, { data: MediaBundle; metadata: Record<string, unknown> }[]>;

/** Collects the outputs of one cell. */
export interface OutputCollector {
  /** Takes in a message of the kernel's output channel; those that are no output are ignored. */
  add(message: Message): void;
  /** The outputs so far, as a notebook stores them. */
  outputs(): Output[];
}

/**
 * A collector that merges what is printed to the same stream, clears on `clear_output`, and applies
 * `update_display_data` to every output with that id, of this cell or of an earlier one with the same `displays`.
 */
export function collectOutputs(displays: Displays): OutputCollector {
  let list: (Exclude<Output, { output_type: "stream" }> | { output_type: "stream"; name: string; text: string })[] = [];
  let error: Output | undefined;
  let clearNext = false;
  const push = (output: (typeof list)[number]) => {
    if (clearNext) list = [];
    clearNext = false;
    list.push(output);
  };
  return {
    add({ type, content }) {
      switch (type) {
        case "stream": {
          const name = String(content.name);
          const last = clearNext ? undefined : list.at(-1);
          if (last?.output_type === "stream" && last.name === name) last.text += content.text;
          else push({ output_type: "stream", name, text: String(content.text) });
          break;
        }
        case "display_data":
        case "execute_result": {
          const id = displayId(content);
          const shown = { data: toBundle(content.data), metadata: (content.metadata ?? {}) as JsonObject };
          // A display hook may give nothing at all: there is nothing to show unless an update fills it in.
          if (id === undefined && Object.keys(shown.data).length === 0) break;
          const output = type === "display_data"
            ? { output_type: type, ...shown }
            : { output_type: type, ...shown, execution_count: content.execution_count as number | null };
          push(output);
          if (id !== undefined) displays.set(id, [...displays.get(id) ?? [], output]);
          break;
        }
        case "update_display_data":
          for (const output of displays.get(displayId(content) ?? "") ?? []) {
            output.data = toBundle(content.data);
            output.metadata = (content.metadata ?? {}) as JsonObject;
          }
          break;
        case "clear_output":
          if (content.wait) clearNext = true;
          else list = [];
          break;
        case "error":
          error = {
            output_type: "error",
            ename: String(content.ename),
            evalue: String(content.evalue),
            traceback: Array.isArray(content.traceback) ? content.traceback.map(String) : [],
          };
      }
    },
    outputs() {
      const stored = list.map((output) =>
        output.output_type === "stream" ? { ...output, text: splitText(output.text) } : output
      );
      // The kernel does not queue the error behind what the cell printed before it, but that is where it belongs.
      return error ? [...stored, error] : stored;
    },
  };
}

function displayId(content: JsonObject): string | undefined {
  const id = (content.transient as JsonObject | undefined)?.display_id;
  return typeof id === "string" ? id : undefined;
}

/** A bundle that keeps to the format: text as lines, images as one string, no empty entries. */
function toBundle(data: unknown): MediaBundle {
  const bundle: MediaBundle = {};
  for (const [mime, value] of Object.entries(data ?? {})) {
    if (value === null || value === undefined) continue;
    if (isJsonType(mime)) bundle[mime] = value;
    else if (typeof value !== "string") bundle[mime] = Array.isArray(value) ? value.map(String) : String(value);
    else bundle[mime] = isBinary(mime) ? value : splitText(value);
  }
  return bundle;
}

function isBinary(mime: string): boolean {
  return /^(image|audio|video)\//.test(mime) && mime !== "image/svg+xml" || mime === "application/pdf";
}
