import { BLOCKED_FUNCTIONS } from "./blocked_getrf.ts";
import { type Blas, BLAS_FUNCTIONS, makeBlas } from "./blas.ts";
import { type Lapack, LAPACK_FUNCTIONS, makeLapack } from "./lapack.ts";
import {
  type NativeFunction,
  type NativeSymbols,
  noLibraries,
  NOT_ALLOWED,
  openLibrary,
  textAt,
} from "./native_library.ts";
import { deno } from "./runtime.ts";

/** Libraries with BLAS, LAPACK or both, the better ones first. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: [
    "libopenblas.so.0",
    "libopenblas.so",
    "libopenblasp.so.0",
    "libflexiblas.so.3",
    "libmkl_rt.so.2",
    "libblis.so.4",
    "libblas.so.3",
    "liblapack.so.3",
  ],
  darwin: [
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
    "/usr/local/opt/openblas/lib/libopenblas.dylib",
  ],
  windows: ["libopenblas.dll", "openblas.dll", "mkl_rt.2.dll"],
};

const CONTROLS: Readonly<Record<string, NativeFunction>> = {
  setThreads: {
    names: ["openblas_set_num_threads", "MKL_Set_Num_Threads", "flexiblas_set_num_threads"],
    parameters: ["i32"],
    result: "void",
  },
  getThreads: { names: ["openblas_get_num_threads"], parameters: [], result: "i32" },
  config: { names: ["openblas_get_config"], parameters: [], result: "pointer" },
};

const FUNCTIONS = { ...BLAS_FUNCTIONS, ...LAPACK_FUNCTIONS, ...BLOCKED_FUNCTIONS, ...CONTROLS };

/** What was found, in words: the library's name, or why there is none. */
export interface LibraryNames {
  /** Library of matrix products. */
  readonly blas: string;
  /** Library of factorizations. */
  readonly lapack: string;
}

/** What a search has found. */
interface Found {
  readonly blas?: Blas;
  readonly lapack?: Lapack;
  readonly names: LibraryNames;
  /** How the libraries are told their number of threads, those that can be. */
  readonly setThreads: readonly NativeSymbols[string][];
  /** What they were told last. */
  threads: number;
}

/** Libraries are the process's, not a device's: kept by the wish with which they were looked for. */
const known = new Map<string, Found>();

/**
 * BLAS and LAPACK of the system as a device uses them, looked for when they are first asked about. A library is believed only
 * after it has computed small problems rightly.
 */
export class SystemLibraries {
  #wish: string;
  #threads: number;

  /** `wish` is the path of a library, `off`, or empty for one that the system has. */
  constructor(wish: string | undefined, threads: number) {
    this.#wish = wish ?? "";
    this.#threads = threads;
  }

  #find(): Found {
    let found = known.get(this.#wish);
    if (!found) known.set(this.#wish, found = find(this.#wish));
    return found;
  }

  /** The libraries, told how many threads this device has: they may be another device's too. */
  #use(): Found {
    const found = this.#find();
    if (found.threads !== this.#threads) {
      found.threads = this.#threads;
      for (const set of found.setThreads) set?.(this.#threads);
    }
    return found;
  }

  /** Matrix products, to be used at once; undefined if there is no such library. */
  get blas(): Blas | undefined {
    return this.#use().blas;
  }

  /** Factorizations, to be used at once; undefined if there is no such library. */
  get lapack(): Lapack | undefined {
    return this.#use().lapack;
  }

  /** What was found, in words. */
  get names(): LibraryNames {
    return this.#find().names;
  }
}

function find(wish: string): Found {
  if (wish === "off") return nothing("DENOVO_BLAS=off");
  const cannot = noLibraries();
  if (cannot !== undefined) return nothing(cannot);
  const candidates = wish ? [wish] : NAMES[deno!.build.os] ?? NAMES.linux;
  let blas: Part<Blas> | undefined, lapack: Part<Lapack> | undefined;
  const setThreads: NativeSymbols[string][] = [], failures: string[] = [];
  for (const path of candidates) {
    if (blas?.value && lapack?.value) break;
    const opened = openLibrary(path, FUNCTIONS);
    if ("failure" in opened) {
      failures.push(opened.failure);
      continue;
    }
    const { symbols } = opened, name = describe(path, symbols);
    if (!blas?.value) blas = part(name, () => ({ value: makeBlas(symbols, isTuned(path, symbols)), name }));
    if (!lapack?.value) {
      lapack = part(name, () => {
        const { lapack, missing } = makeLapack(symbols, serially(symbols));
        return { value: lapack, name: missing.length ? `${name} without ${missing.join(", ")}` : name };
      });
    }
    setThreads.push(symbols.setThreads);
  }
  const absent = wish
    ? `DENOVO_BLAS=${wish}: ${failures[0]}`
    : failures.includes(NOT_ALLOWED)
    ? NOT_ALLOWED
    : `there is none of ${candidates.join(", ")}`;
  const names = { blas: blas?.name ?? `none: ${absent}`, lapack: lapack?.name ?? `none: ${absent}` };
  return { blas: blas?.value, lapack: lapack?.value, names, setThreads, threads: 0 };
}

function nothing(why: string): Found {
  return { names: { blas: `none: ${why}`, lapack: `none: ${why}` }, setThreads: [], threads: 0 };
}

/** What a library is used for, with its name; without a value, the reason. */
interface Part<T> {
  readonly value?: T;
  readonly name: string;
}

function part<T>(name: string, make: () => Part<T>): Part<T> {
  try {
    return make();
  } catch (error) {
    return { name: `none: ${name}: ${(error as Error).message}` };
  }
}

/** Runs work on one thread of OpenBLAS; undefined for other libraries. */
function serially(symbols: NativeSymbols): ((work: () => void) => void) | undefined {
  const { getThreads, setThreads } = symbols;
  if (!getThreads || !setThreads || Object.keys(BLOCKED_FUNCTIONS).some((name) => !symbols[name])) return undefined;
  return (work) => {
    const threads = getThreads();
    setThreads(1);
    try {
      work();
    } finally {
      setThreads(threads);
    }
  };
}

/** The reference implementation is not tuned for any processor; others may be installed under its name. */
function isTuned(path: string, { config, setThreads }: NativeSymbols): boolean {
  return !/(^|\/)lib(blas|lapack)\.so/.test(path) || config !== null || setThreads !== null;
}

/** The name of a library, with what it says of itself. */
function describe(path: string, { config }: NativeSymbols): string {
  return config ? `${path} (${textAt(config()).trim()})` : path;
}
