import type { MediaBundle } from "./nbformat.ts";

/** Deno's Jupyter functions inside a kernel, undefined elsewhere, where reading `Deno.jupyter` throws. */
export function jupyter(): typeof Deno.jupyter | undefined {
  try {
    return Deno.jupyter;
  } catch {
    return undefined;
  }
}

/** A new display, or the update of the one with the same id. */
export interface DisplayMessage {
  data: MediaBundle;
  id?: string;
  update?: boolean;
}

/**
 * Sends a display to the front end at once, also from a synchronous loop (unlike `Deno.jupyter.display`, which waits
 * until the cell yields). Does nothing outside of a kernel.
 */
export async function broadcast({ data, id, update = false }: DisplayMessage): Promise<void> {
  const type = update ? "update_display_data" : "display_data";
  await jupyter()?.broadcast(type, { data, metadata: {}, transient: id === undefined ? {} : { display_id: id } });
}
