import type { KernelCall } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { MatmulParams } from "./matmul.ts";
import type { MatmulCall } from "./matmul_call.ts";
import { type Epilogue, sumsOnly } from "./matmul_epilogue.ts";
import { denseStrides, sizeOf, type Value } from "./value.ts";

/** How many terms one invocation may sum with `perIteration` of them in each loop iteration. */
export function longestSum(call: KernelCall<MatmulParams>, perIteration: number): number {
  // Some software adapters stop after 65,535 iterations without a word; half of that leaves room for loops within
  // loops.
  return call.info.probes.longLoops ? Infinity : 32_768 * perIteration;
}

/** How a kernel stores the sums of a product whose k may be split into parts. */
export interface Parts {
  /** Number of parts. */
  readonly count: number;
  /** Terms in each part but the last: a multiple of the step asked for. */
  readonly length: number;
  /** Where the kernel stores: the output, or with several parts `[part, ...output]`. */
  readonly out: Value;
  /** What the kernel does with a sum before it stores it: with several parts, nothing. */
  readonly epilogue: Epilogue;
  /** Records the addition of the parts and the epilogue; does nothing if there is one part. */
  readonly join: () => void;
}

/** Splits k into `wanted` parts, or into more if a part would be longer than `longest`. */
export function splitSum(
  call: KernelCall<MatmulParams>,
  { layout, epilogue }: MatmulCall,
  { wanted = 1, step = 1, longest }: { wanted?: number; step?: number; longest: number },
): Parts {
  const { out } = call.outputs;
  const least = Math.ceil(layout.k / longest);
  const length = Math.max(1, Math.ceil(layout.k / Math.max(1, least, wanted) / step)) * step;
  const count = Math.max(1, Math.ceil(layout.k / length));
  if (count === 1) return { count, length, out, epilogue, join: () => {} };
  const total = sizeOf(layout.shape);
  const sums = call.temporary({ shape: [count * total], dtype: layout.sum });
  const join = () => {
    const index = indexing("l", layout.batch, epilogue.batchStrides, [denseStrides(layout.batch)]);
    call.launch({
      key: `join|${layout.sum}|${epilogue.key}|${index.key}`,
      read: { sums, ...epilogue.read },
      write: { out },
      uniforms: { total, parts: count, m: layout.m, n: layout.n, ...index.uniforms, ...epilogue.uniforms },
      workgroupSize: 64,
      workgroups: Math.ceil(total / 64),
      declarations: epilogue.declarations,
      body: () =>
        [
          "if (id >= p.total) { return; }",
          `var sum = ${layout.sum}(0);`,
          "for (var part = 0u; part < p.parts; part++) { sum += sums[part * p.total + id]; }",
          "let row = id / p.n;",
          ...index.lines("row / p.m"),
          `out[id] = ${epilogue.value("sum", "(row % p.m)", "(id - row * p.n)", index.offset)};`,
        ].join("\n"),
    });
  };
  return { count, length, out: sums, epilogue: sumsOnly(layout.sum), join };
}
