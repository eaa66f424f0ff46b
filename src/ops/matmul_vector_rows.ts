import type { KernelVariant } from "./define.ts";
import { storedType } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchIndexing, matmulCall } from "./matmul_call.ts";
import type { Factor } from "./matmul_factor.ts";
import { fetchFour } from "./matmul_fetch.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/** Most columns of the thin factor. */
const THIN = 4;

/** Four neighbours along the sum, in whole vectors, without asking whether they are there. */
function whole({ name }: Factor, outer: string, inner: string): string {
  const place = `${name}_base + ${outer} * p.${name}_outer + ${inner} * p.${name}_inner`;
  return `vec4<f32>(${name}[(${place}) >> 2u])`;
}

/**
 * A wide matrix times a few vectors, for software adapters: each lane of a subgroup goes along a row of its own, so that the processor
 * sees a few long streams and fetches ahead. Numbers of the vectors are loaded by one lane each and reach the others by
 * `subgroupBroadcast`.
 */
export const matmulVectorRows: KernelVariant<MatmulParams> = {
  name: "vectorRows",
  when: (call) => {
    const { layout: { m, n, k, sum }, a, b } = matmulCall(call), [wide, thin] = n <= THIN ? [a, b] : [b, a];
    const { probes, subgroupSize } = call.info;
    if (Math.min(m, n) > THIN || sum !== "f32" || !probes.subgroups || subgroupSize > 16) return false;
    const [far, near] = [wide, thin].map((factor) => fetchFour(factor, k, sum));
    return far.along === "inner" && far.whole && near.along === "inner" && near.whole;
  },
  rank: (call) => {
    const { layout: { k }, a, b } = matmulCall(call);
    return call.info.software && k >= 64 && Math.max(a.outer, b.outer) >= 128 ? 6 : -1;
  },
  record: (call) => {
    const product = matmulCall(call), { layout, batches, a, b } = product, { m, n, k, sum } = layout;
    const thinRight = n <= THIN, [wide, thin] = thinRight ? [a, b] : [b, a];
    const load = fetchFour(wide, k, sum), other = fetchFour(thin, k, sum), lanes = call.info.subgroupSize;
    const groups = Math.ceil(wide.outer / lanes), step = 4 * lanes;
    const parts = splitSum(call, product, {
      wanted: Math.min(Math.ceil(16 / (groups * batches)), Math.ceil(k / 1024)),
      step,
      longest: Math.min(longestSum(call, step), longestSum(call, 1)),
    });
    const { epilogue } = parts, index = batchIndexing(product, epilogue);
    const jobs = groups * batches * parts.count;
    const vectors = [...Array(thin.outer).keys()], lane = [...Array(lanes).keys()];
    const [wideBase, thinBase] = thinRight ? [0, 1] : [1, 0];
    const add = (t: number, w: string, x: string) => `c${t} += ${w} * ${x};`;
    call.launch({
      key: `${lanes}|${thinRight}|${thin.outer}|${load.key}|${other.key}|${epilogue.key}|${index.key}`,
      read: { a: a.value, b: b.value, ...epilogue.read },
      write: { out: parts.out },
      elements: {
        [wide.name]: `vec4<${storedType(wide.value.dtype)}>`,
        [thin.name]: `vec4<${storedType(thin.value.dtype)}>`,
      },
      uniforms: {
        ...{ m, n, k, outer: wide.outer, groups, batches, jobs, length: parts.length },
        wide_start: wide.value.offset,
        thin_start: thin.value.offset,
        ...load.uniforms,
        ...other.uniforms,
        ...index.uniforms,
        ...epilogue.uniforms,
      },
      workgroupSize: lanes,
      workgroups: jobs,
      subgroups: true,
      declarations: epilogue.declarations,
      body: () =>
        [
          "let job = min(group, p.jobs - 1u);",
          "let z = job / p.groups; let batch = z % p.batches;",
          ...index.lines("batch"),
          `let ${wide.name}_base = p.wide_start + ${index.offset(wideBase)};`,
          `let ${thin.name}_base = p.thin_start + ${index.offset(thinBase)};`,
          "let first = (z / p.batches) * p.length;",
          "let stop = min(first + p.length, p.k);",
          "let row = (job % p.groups) * " + `${lanes}u + subgroup_lane;`,
          // Lanes beyond the last row repeat it: all must be there for the broadcasts.
          "let held = min(row, p.outer - 1u);",
          ...vectors.map((t) => `var c${t} = vec4<f32>();`),
          "var i = first;",
          `for (; i + ${step - 1}u < stop; i += ${step}u) {`,
          ...vectors.map((t) => `let x${t} = ${whole(thin, `${t}u`, "(i + subgroup_lane * 4u)")};`),
          ...lane.map((q) => `let w${q} = ${whole(wide, "held", `(i + ${4 * q}u)`)};`),
          ...lane.flatMap((q) => vectors.map((t) => add(t, `w${q}`, `subgroupBroadcast(x${t}, ${q}u)`))),
          "}",
          "for (; i < stop; i += 4u) {",
          `let w = ${whole(wide, "held", "i")};`,
          ...vectors.map((t) => add(t, "w", whole(thin, `${t}u`, "i"))),
          "}",
          "let base = z * p.m * p.n;",
          "if (row < p.outer) {",
          ...vectors.map((t) => {
            const [r, c] = thinRight ? ["row", `${t}u`] : [`${t}u`, "row"];
            const value = epilogue.value(`dot(c${t}, vec4<f32>(1.0))`, r, c, (q) => index.offset(q + 2));
            return `out[base + ${r} * p.n + ${c}] = ${value};`;
          }),
          "}",
        ].join("\n"),
    });
    parts.join();
  },
};
