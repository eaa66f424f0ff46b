/**
 * The definition of a WGSL helper function and the names of the helpers that it calls. Those of single precision have no branches, and
 * `&` and `|` for the `&&` and `||` that would be some: a reduction writes its formula out dozens of times, and one driver's
 * compiler took ten gigabytes for the branches of that.
 */
export interface WgslHelper {
  readonly needs?: readonly string[];
  readonly text: string;
}

/** Helpers by name. */
export type WgslHelpers = Readonly<Record<string, WgslHelper>>;
