import type { Indexing } from "./indexing.ts";
import type { KernelText } from "./kernel.ts";
import { batchIndexing, type MatmulCall } from "./matmul_call.ts";
import { type Fetch, fetchFour } from "./matmul_fetch.ts";
import type { Parts } from "./matmul_parts.ts";

/** What kernels have in common that load blocks of both factors, four numbers at a time, and store the product four at a time. */
export interface Blocks {
  /** Loads of `a` and `b`. */
  readonly fetches: readonly [Fetch, Fetch];
  /** Whether rows of the product are whole vectors of four. */
  readonly whole: boolean;
  /** Where factors and further inputs are along the leading axes. */
  readonly index: Indexing;
  /** Bindings and uniforms; the key tells their texts apart. */
  readonly text: Pick<KernelText, "read" | "write" | "elements" | "uniforms"> & { readonly key: string };
}

/** The blocks of a product that stores its sums as `parts` says. */
export function blocksOf(product: MatmulCall, { out, epilogue, length }: Parts): Blocks {
  const { layout: { m, n, k, sum }, batches, a, b } = product, index = batchIndexing(product, epilogue);
  const fetches = [fetchFour(a, k, sum), fetchFour(b, k, sum)] as const, whole = n % 4 === 0;
  return {
    fetches,
    whole,
    index,
    text: {
      key: `${sum}|${fetches.map((f) => f.key)}|${whole}|${epilogue.key}|${index.key}`,
      read: { a: a.value, b: b.value, ...epilogue.read },
      write: { out },
      elements: {
        ...fetches[0].elements,
        ...fetches[1].elements,
        ...(whole ? { out: `vec4<${epilogue.stored}>` } : {}),
      },
      uniforms: {
        m,
        n,
        k,
        batches,
        length,
        a_start: a.value.offset,
        b_start: b.value.offset,
        ...fetches[0].uniforms,
        ...fetches[1].uniforms,
        ...index.uniforms,
        ...epilogue.uniforms,
      },
    },
  };
}
