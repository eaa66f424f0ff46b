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

/**
 * For software adapters: a workgroup is one subgroup. Each lane keeps a few rows i in registers and loads one row j per block; the
 * rows of the block go round by `subgroupBroadcast`, which costs a fraction of a load there.
 */
export const pairwiseSubgroup: KernelVariant<PairwiseParams> = {
  name: "subgroup",
  when: (call) => call.info.probes.subgroups && call.info.subgroupSize <= 16 && fitsRegisters(call),
  rank: (call) => call.info.software ? 2 : -1,
  record: (call) => {
    const lanes = call.info.subgroupSize;
    const kernel = registerKernel(call, lanes), { text, reduction, rows } = kernel;
    const { n, m } = text.layout, out = call.outputs.out;
    const perGroup = rows * lanes, groups = Math.ceil(n / perGroup);
    const parts = partsFor(call, groups * lanes, 1 / lanes, m);
    const partials = registerScratch(call, kernel, parts, n);
    // Parts are whole blocks, so that only the last one has a remainder.
    const chunk = Math.ceil(Math.ceil(m / parts) / lanes) * lanes;
    call.launch({
      key: `${reduction}|${text.key}|${lanes}|${rows}|${parts > 1}`,
      read: text.read,
      write: parts > 1 ? partials : { y: out },
      uniforms: { n, m, groups, parts, chunk, ...text.uniforms },
      workgroupSize: lanes,
      workgroups: groups * parts,
      subgroups: true,
      declarations: () => registerDeclarations(kernel),
      body: () => {
        const group = 4;
        const blocks: string[] = [];
        for (let first = 0; first < lanes; first += group) {
          const count = Math.min(group, lanes - first);
          blocks.push(
            "{",
            ...Array.from(
              { length: count },
              (_, q) => text.inner.map((_, k) => `let b${q}_${k} = subgroupBroadcast(q${k}, ${first + q}u);`),
            ).flat(),
            ...stepRows(
              kernel,
              count,
              (q) => `(j + ${first + q}u)`,
              (r, q) => pairCall(kernel, r, `j + ${first + q}u`, (k) => `b${q}_${k}`),
            ),
            "}",
          );
        }
        const last = "last";
        return [
          "let job = min(group, p.groups * p.parts - 1u);",
          "let part = job / p.groups;",
          `let base = (job % p.groups) * ${perGroup}u + subgroup_lane;`,
          "let end = min(p.m, (part + 1u) * p.chunk);",
          ...startRows(kernel, lanes),
          "var j = part * p.chunk;",
          `for (; j + ${lanes - 1}u < end; j += ${lanes}u) {`,
          "let mine = j + subgroup_lane;",
          ...text.inner.map((leaf, k) => `let q${k} = ${text.load(leaf, "mine")};`),
          ...blocks,
          "}",
          "for (; j < end; j++) {",
          `let ${last} = j;`,
          ...text.inner.map((leaf, k) => `let q${k} = ${text.load(leaf, last)};`),
          ...stepRows(kernel, 1, () => last, (r) => pairCall(kernel, r, last, (k) => `q${k}`)),
          "}",
          ...storeRows(kernel, lanes, out, parts),
        ].join("\n");
      },
    });
    if (parts > 1) joinScalar(call, reduction, partials, parts, n, m);
  },
};
