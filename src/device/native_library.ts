/** Functions of a library by the names under which they were asked for; null for those that it lacks. */
export type NativeSymbols = Readonly<Record<string, ((...args: readonly unknown[]) => unknown) | null>>;

/** A function of a library: the names that it may have there, the first that is found counts, and how it is called. */
export interface NativeFunction {
  /** Possible symbols. */
  readonly names: readonly string[];
  /** Types of the arguments. */
  readonly parameters: readonly ("buffer" | "i32" | "usize")[];
  /** Type of the result. */
  readonly result: "void" | "pointer" | "i32";
}

/** What Deno offers for calling libraries. */
interface ForeignFunctions {
  dlopen(
    path: string,
    symbols: Record<string, { name: string; parameters: readonly string[]; result: string; optional: true }>,
  ): { symbols: NativeSymbols };
  permissions: { querySync(descriptor: { name: "ffi"; path?: string }): { state: string } };
  UnsafePointerView: { getCString(pointer: unknown): string };
}

const ffi = (globalThis as unknown as { Deno?: Partial<ForeignFunctions> }).Deno;

/** Why a library is not opened in a program that may not. */
export const NOT_ALLOWED = "Deno runs without --allow-ffi";

/** Why no library at all can be called here; undefined if some can. */
export function noLibraries(): string | undefined {
  return ffi?.dlopen && ffi.permissions ? undefined : "this host cannot call system libraries";
}

/**
 * Opens a library; in words why not. Nobody is asked for permission: without `--allow-ffi` there is no library.
 */
export function openLibrary(
  path: string,
  functions: Readonly<Record<string, NativeFunction>>,
): { symbols: NativeSymbols } | { failure: string } {
  const { dlopen, permissions } = ffi as ForeignFunctions;
  if (permissions.querySync({ name: "ffi", path }).state !== "granted") {
    return { failure: NOT_ALLOWED };
  }
  const wanted: Parameters<typeof dlopen>[1] = {};
  for (const [name, { names, parameters, result }] of Object.entries(functions)) {
    names.forEach((symbol, k) => wanted[`${name} ${k}`] = { name: symbol, parameters, result, optional: true });
  }
  try {
    const found = dlopen(path, wanted).symbols;
    return {
      symbols: Object.fromEntries(
        Object.entries(functions).map(([name, { names }]) => {
          const k = names.findIndex((_, q) => found[`${name} ${q}`]);
          return [name, k < 0 ? null : found[`${name} ${k}`]];
        }),
      ),
    };
  } catch (error) {
    // "Could not open library: Could not open library: /x.so: invalid ELF header"
    return {
      failure: (error as Error).message.replace(/^(Could not open library: )+/, "").replace(`${path}: `, "").trim(),
    };
  }
}

/** The text at a pointer that a library returned. */
export function textAt(pointer: unknown): string {
  return pointer === null ? "" : (ffi as ForeignFunctions).UnsafePointerView.getCString(pointer);
}
