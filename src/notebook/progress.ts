import { broadcast, jupyter } from "./jupyter.ts";

/** A running report of long work. */
export interface Progress {
  /** Says how much is done, with a few words if wanted. Cheap enough to call in every step. */
  update(done: number, note?: string): void;
  /** Ends the report; what it shows then stays. Later updates are ignored. */
  done(note?: string): void;
}

/** The shortest time between two redraws, in milliseconds. */
const INTERVAL = 125;
const WIDTH = 24;

/** What a report shows at one moment. */
interface State {
  label: string;
  done: number;
  total: number | undefined;
  seconds: number;
  note: string | undefined;
  finished: boolean;
}

/**
 * Reports the progress of long work, of `total` steps if that is known: a bar in a notebook, one line that is rewritten
 * on a terminal, nothing if the output goes to a file or another program.
 *
 * @throws {RangeError} if `total` is not a positive number
 *
 * @example
 * ```ts
 * import { progress } from "@denovo/denovo/notebook";
 * const bar = progress("Sinkhorn", 1000);
 * for (let i = 1; i <= 1000; i++) bar.update(i);
 * bar.done("converged");
 * ```
 */
export function progress(label: string, total?: number): Progress {
  if (total !== undefined && !(total > 0 && total < Infinity)) {
    throw new RangeError(`The total must be a positive number, got ${total}`);
  }
  const draw = jupyter() ? drawInNotebook() : Deno.stderr.isTerminal() ? drawOnTerminal : undefined;
  const started = performance.now();
  const state: State = { label, done: 0, total, seconds: 0, note: undefined, finished: false };
  let drawn = -Infinity;
  const redraw = (now: number) => {
    state.seconds = (now - started) / 1000;
    drawn = now;
    draw?.(state);
  };
  redraw(started);
  return {
    update(done, note) {
      if (state.finished) return;
      state.done = done;
      state.note = note;
      const now = performance.now();
      if (now - drawn >= INTERVAL) redraw(now);
    },
    done(note) {
      if (state.finished) return;
      state.finished = true;
      state.note = note;
      redraw(performance.now());
    },
  };
}

/** The numbers of a state: `60% 600/1000, 3.2 s`. */
function describe({ done, total, seconds, note }: State): string {
  const share = total === undefined ? `${done}` : `${Math.floor(100 * fraction(done, total))}% ${done}/${total}`;
  return `${share}, ${seconds.toFixed(1)} s${note === undefined ? "" : `, ${note}`}`;
}

function fraction(done: number, total: number): number {
  return Math.min(1, Math.max(0, done / total));
}

/** A state as one line of text. */
function line(state: State): string {
  if (state.finished || state.total === undefined) return `${state.label}: ${describe(state)}`;
  const full = Math.round(WIDTH * fraction(state.done, state.total));
  return `${state.label}: ${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${describe(state)}`;
}

function drawInNotebook(): (state: State) => void {
  const id = crypto.randomUUID();
  let update = false;
  return (state) => {
    broadcast({ data: { "text/plain": line(state) }, id, update }).catch(() => {});
    update = true;
  };
}

function drawOnTerminal(state: State): void {
  const { columns } = Deno.consoleSize();
  const text = `\r\x1b[K${line(state).slice(0, columns - 1)}${state.finished ? "\n" : ""}`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
