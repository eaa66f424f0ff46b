import { jupyter } from "./jupyter.ts";

interface Interrupts {
  controller: AbortController;
  listening: boolean;
}

/** Where the state is kept: a module that is imported again under another URL must find the same one. */
const KEY = "denovo.notebook.interrupts";

/** An expression that tells, inside a kernel, whether {@linkcode setup} has run. */
export const LISTENING = `globalThis[Symbol.for("${KEY}")]?.listening === true`;

function interrupts(): Interrupts {
  const holder = globalThis as unknown as Record<symbol, Interrupts | undefined>;
  return holder[Symbol.for(KEY)] ??= { controller: new AbortController(), listening: false };
}

/**
 * Makes Deno's Jupyter kernel survive what otherwise ends it. Once in a notebook is enough, more does no harm; in a
 * script it does nothing.
 *
 * - An error thrown in a timer or an event listener, or a rejection that nobody handles, is printed instead of wedging
 *   the kernel or vanishing.
 * - The stop button (SIGINT) aborts {@linkcode interruptSignal} instead of killing the kernel.
 *
 * @example
 * ```ts
 * import { interruptSignal, setup } from "@denovo/denovo/notebook";
 * setup();
 * const signal = interruptSignal();
 * for (let step = 0; step < 10 && !signal.aborted; step++) await new Promise((resolve) => setTimeout(resolve));
 * ```
 */
export function setup(): void {
  const state = interrupts();
  if (state.listening || !jupyter()) return;
  state.listening = true;
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    console.error("Uncaught", event.error ?? event.message);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    console.error("Uncaught (in promise)", event.reason);
  });
  Deno.addSignalListener("SIGINT", () => {
    const { controller } = state;
    state.controller = new AbortController();
    controller.abort(new DOMException("The kernel was interrupted", "AbortError"));
  });
}

/**
 * A signal that the next press of the notebook's stop button aborts, once {@linkcode setup} has run. Give it to anything
 * long that takes a `signal`, and ask for a new one in each cell. It cannot end a loop that never awaits.
 */
export function interruptSignal(): AbortSignal {
  return interrupts().controller.signal;
}
