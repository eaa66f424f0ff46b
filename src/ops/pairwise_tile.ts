import type { KernelVariant } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { joinScalar } from "./pairwise_join.ts";
import { partsFor } from "./pairwise_lane.ts";
import {
  fitsRegisters,
  pairCall,
  registerDeclarations,
  registerKernel,
  registerScratch,
  startRows,
  stepRows,
  storeRows,
} from "./pairwise_registers.ts";

/** Lanes of a workgroup, and rows j in a tile. */
const LANES = 128;
const UNROLL = 4;

/**
 * For graphics processors: the lanes of a workgroup load a tile of rows j into workgroup memory, then each runs through it with a
 * few rows i in registers.
 */
export const pairwiseTile: KernelVariant<PairwiseParams> = {
  name: "tile",
  when: fitsRegisters,
  rank: (call) => call.info.software ? -1 : 2,
  record: (call) => {
    const kernel = registerKernel(call, UNROLL * 4), { text, reduction, rows } = kernel;
    const { n, m } = text.layout, out = call.outputs.out;
    const perGroup = rows * LANES, groups = Math.ceil(n / perGroup);
    const parts = partsFor(call, groups * LANES, 1, m);
    const partials = registerScratch(call, kernel, parts, n);
    const shared = (k: number, at: string) => `tile${k}[${at}]`;
    call.launch({
      key: `${reduction}|${text.key}|${rows}|${parts > 1}`,
      read: text.read,
      write: parts > 1 ? partials : { y: out },
      uniforms: { n, m, groups, parts, chunk: Math.ceil(m / parts), ...text.uniforms },
      workgroupSize: LANES,
      workgroups: groups * parts,
      declarations: () =>
        [
          registerDeclarations(kernel),
          ...text.inner.map((_, k) => `var<workgroup> tile${k}: array<${text.layout.scalar}, ${LANES}>;`),
        ].join("\n"),
      body: () =>
        [
          "let job = min(group, p.groups * p.parts - 1u);",
          "let part = job / p.groups;",
          `let base = (job % p.groups) * ${perGroup}u + lane;`,
          "let end = min(p.m, (part + 1u) * p.chunk);",
          ...startRows(kernel, LANES),
          `for (var start = part * p.chunk; start < end; start += ${LANES}u) {`,
          "let mine = min(start + lane, p.m - 1u);",
          ...text.inner.map((leaf, k) => `${shared(k, "lane")} = ${text.load(leaf, "mine")};`),
          "workgroupBarrier();",
          `let count = min(${LANES}u, end - start);`,
          "var s = 0u;",
          `for (; s + ${UNROLL - 1}u < count; s += ${UNROLL}u) {`,
          "let j = start + s;",
          ...Array.from({ length: UNROLL }, (_, q) =>
            text.inner.map((_, k) => `let b${q}_${k} = ${shared(k, `s + ${q}u`)};`)).flat(),
          ...stepRows(
            kernel,
            UNROLL,
            (q) =>
              `(j + ${q}u)`,
            (r, q) => pairCall(kernel, r, `j + ${q}u`, (k) => `b${q}_${k}`),
          ),
          "}",
          "for (; s < count; s++) {",
          "let j = start + s;",
          ...text.inner.map((_, k) => `let b0_${k} = ${shared(k, "s")};`),
          ...stepRows(kernel, 1, () => "j", (r) => pairCall(kernel, r, "j", (k) => `b0_${k}`)),
          "}",
          "workgroupBarrier();",
          "}",
          ...storeRows(kernel, LANES, out, parts),
        ].join("\n"),
    });
    if (parts > 1) joinScalar(call, reduction, partials, parts, n, m);
  },
};
