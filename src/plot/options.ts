import { nearest } from "../formula/nearest.ts";

/** What every chart takes. */
export interface FigureOptions {
  /** The title above the figure. */
  readonly title?: string;
  /** A smaller line under the title. */
  readonly subtitle?: string;
  /** Width of the plotting area in CSS pixels; axes and legends come on top. */
  readonly width?: number;
  /** Height of the plotting area in CSS pixels. */
  readonly height?: number;
}

/** The names of {@linkcode FigureOptions}. */
export const figureOptionNames: readonly string[] = ["title", "subtitle", "width", "height"];

/**
 * Refuses options that do not exist, since notebook cells run without a type check.
 *
 * @throws {TypeError} If `options` is not an object or has a name that is not in `names`.
 */
export function checkOptions(what: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Expected ${what} to be an object, got ${options === null ? "null" : typeof options}`);
  }
  checkNames(what, Object.keys(options), names);
}

/** @throws {TypeError} If one of the names in `given` is not among `names`. */
export function checkNames(what: string, given: readonly string[], names: readonly string[]): void {
  for (const name of given) {
    if (names.includes(name)) continue;
    const guess = nearest(name, names);
    throw new TypeError(
      `Unknown name "${name}" in ${what}, ${
        guess === undefined ? `expected ${names.join(", ")}` : `did you mean "${guess}"?`
      }`,
    );
  }
}

/** @throws {TypeError | RangeError} If a size is not a positive number. */
export function checkSize(name: "width" | "height", size: number | undefined): void {
  if (size === undefined) return;
  if (typeof size !== "number") throw new TypeError(`Expected "${name}" to be a number of pixels, got ${typeof size}`);
  if (!(size > 0 && size < Infinity)) throw new RangeError(`Expected "${name}" to be positive and finite, got ${size}`);
}
