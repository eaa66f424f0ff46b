/** The definition of a WGSL helper function and the names of the helpers that it calls. */
export interface WgslHelper {
  readonly needs?: readonly string[];
  readonly text: string;
}

/** Helpers by name. */
export type WgslHelpers = Readonly<Record<string, WgslHelper>>;
