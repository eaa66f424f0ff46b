import { readCache, writeCache } from "./runtime.ts";

/** Whether kernel variants are timed on first use: `on` remembers winners on disk, `refresh` times them anew, `off` takes the default. */
export type TuneMode = "on" | "off" | "refresh";

/** Remembers the fastest kernel variant for each shape class, in a cache file per adapter and driver. */
export class Tuner {
  #winners = new Map<string, string>();
  #file: string;
  #mode: TuneMode;

  /** Reads what an earlier process found out for the adapter called `name`. */
  constructor(name: string, mode: TuneMode) {
    this.#mode = mode;
    this.#file = `tune-${name.replace(/[^A-Za-z0-9]+/g, "-").toLowerCase()}`;
    const known = mode === "on" ? readCache(this.#file) : undefined;
    if (known && typeof known === "object") {
      for (const [key, value] of Object.entries(known)) if (typeof value === "string") this.#winners.set(key, value);
    }
  }

  /** True if variants may be timed. */
  get active(): boolean {
    return this.#mode !== "off";
  }

  /** The remembered winner of a shape class. */
  winner(key: string): string | undefined {
    return this.#winners.get(key);
  }

  /** Remembers a winner, on disk too. */
  remember(key: string, variant: string): void {
    this.#winners.set(key, variant);
    writeCache(this.#file, Object.fromEntries(this.#winners));
  }
}
