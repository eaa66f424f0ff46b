/**
 * What the sources use of the host beyond the web platform, behind feature tests, so that everything else also runs and
 * type-checks in a browser.
 */
interface DenoLike {
  env: { get(name: string): string | undefined; set(name: string, value: string): void };
  readTextFileSync(path: string): string;
  writeTextFileSync(path: string, text: string): void;
  mkdirSync(path: string, options: { recursive: boolean }): void;
  build: { os: string };
  version: { deno: string };
}

interface NodeModules {
  "node:v8": { setFlagsFromString(flags: string): void };
  "node:vm": { runInNewContext(code: string): unknown };
  "node:async_hooks": {
    AsyncLocalStorage: new <T>() => { run<R>(store: T, fn: () => R): R; getStore(): T | undefined };
  };
  "node:worker_threads": {
    Worker: new (text: string, options: { eval: true; workerData: unknown }) => {
      unref(): void;
      on(event: "error" | "exit", listener: (what: unknown) => void): void;
    };
  };
}

interface Host {
  Deno?: DenoLike;
  process?: { getBuiltinModule?: (name: string) => unknown };
}

const host = globalThis as unknown as Host;

/** The `Deno` namespace where there is one. */
export const deno: DenoLike | undefined = host.Deno;

/** An environment variable; undefined where there is no environment or no permission to read it. */
export function environment(name: string): string | undefined {
  try {
    return deno?.env.get(name);
  } catch {
    return undefined;
  }
}

/**
 * On Linux keeps Deno from also loading the OpenGL driver, which ends about one process in fifty with a memory fault at exit;
 * every adapter that computes is there through Vulkan. Works only before the first adapter is asked for.
 */
export function skipOpenGl(): void {
  if (deno?.build.os !== "linux" || environment("DENO_WEBGPU_BACKEND") !== undefined) return;
  try {
    deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");
  } catch { /* no permission: then it is as it is */ }
}

/** A Node built-in module where the host has it. */
export function builtin<K extends keyof NodeModules>(name: K): NodeModules[K] | undefined {
  try {
    return host.process?.getBuiltinModule?.(name) as NodeModules[K] | undefined;
  } catch {
    return undefined;
  }
}

let collect: (() => void) | null | undefined;

/** Runs the garbage collector where the host lets us (V8 with `node:v8`); returns whether it ran. */
export function collectGarbage(): boolean {
  if (collect === undefined) {
    collect = null;
    try {
      builtin("node:v8")?.setFlagsFromString("--expose-gc");
      const found = builtin("node:vm")?.runInNewContext("gc");
      if (typeof found === "function") collect = found as () => void;
    } catch { /* a host without the module: the registry alone must do */ }
  }
  collect?.();
  return collect !== null;
}

/** Where caches are kept (`DENOVO_CACHE`, else the platform's cache folder + `/denovo`); undefined without a home. */
export function cacheFolder(): string | undefined {
  const own = environment("DENOVO_CACHE");
  if (own) return own;
  const base = environment("XDG_CACHE_HOME") ??
    (deno?.build.os === "windows" ? environment("LOCALAPPDATA") : undefined) ??
    (environment("HOME")
      ? `${environment("HOME")}/${deno?.build.os === "darwin" ? "Library/Caches" : ".cache"}`
      : undefined);
  return base ? `${base}/denovo` : undefined;
}

/** Reads a JSON file of the cache folder; undefined if it is absent, unreadable or not JSON. */
export function readCache(name: string): unknown {
  const folder = cacheFolder();
  if (!folder || !deno) return undefined;
  try {
    return JSON.parse(deno.readTextFileSync(`${folder}/${name}.json`));
  } catch {
    return undefined;
  }
}

/** Writes a JSON file into the cache folder; a cache that cannot be written is only a slower start. */
export function writeCache(name: string, value: unknown): void {
  const folder = cacheFolder();
  if (!folder || !deno) return;
  try {
    deno.mkdirSync(folder, { recursive: true });
    deno.writeTextFileSync(`${folder}/${name}.json`, JSON.stringify(value, null, 1) + "\n");
  } catch { /* no permission or a read-only disk */ }
}
