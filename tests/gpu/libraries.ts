import { SystemLibraries } from "../../src/device/mod.ts";
import { type Gpu, open, type OpenOptions } from "../../mod.ts";

const wish = Deno.env.get("DENOVO_BLAS"), { names } = new SystemLibraries(wish, 1);

/** True if the system has a BLAS and a LAPACK; their absence is an error where `DENOVO_REQUIRE_BLAS=1`. */
export const hasLibraries: boolean = !`${names.blas} ${names.lapack}`.includes("none: ");
if (!hasLibraries && Deno.env.get("DENOVO_REQUIRE_BLAS") === "1") {
  throw new Error(`DENOVO_REQUIRE_BLAS=1, but ${names.blas}; ${names.lapack}`);
}

if (!hasLibraries) {
  console.warn(
    `NO LAPACK (${names.lapack}): tests on it do not run. On Debian or Ubuntu: apt-get install libopenblas0`,
  );
}

/** Opens a device with `DENOVO_BLAS` set to `library`. */
export async function openWith(library: string | undefined, options: OpenOptions = {}): Promise<Gpu> {
  const set = (value: string | undefined) =>
    value === undefined ? Deno.env.delete("DENOVO_BLAS") : Deno.env.set("DENOVO_BLAS", value);
  set(library);
  try {
    // The variable is read before anything is waited for.
    return await open({ backend: "cpu", tune: "off", ...options });
  } finally {
    set(wish);
  }
}

/** Registers a test on the CPU device with the system's libraries, which counts as ignored where there are none, and without. */
export function withAndWithoutLibraries(name: string, fn: (gpu: Gpu) => Promise<void>): void {
  Deno.test({
    name: `${name} (system libraries)`,
    ignore: !hasLibraries,
    fn: async () => {
      await using gpu = await openWith(wish);
      await fn(gpu);
    },
  });
  Deno.test(`${name} (no system libraries)`, async () => {
    await using gpu = await openWith("off");
    await fn(gpu);
  });
}
