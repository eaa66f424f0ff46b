import type { KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchIndexing, matmulCall } from "./matmul_call.ts";
import { fetchFour } from "./matmul_fetch.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/** Most columns of the thin factor. */
const THIN = 4;
/** Rows of the wide factor whose sums a workgroup shares. */
const ROWS = 8;
/** Outer indices of the wide factor that an invocation takes otherwise: vectors of four. */
const VECTORS = 4;

/**
 * A wide matrix times a few vectors: every number of the wide one is used once or a few times, so all depends on
 * reading it in the order of memory. If neighbours lie along the sum, the lanes of a workgroup share the sums of a few
 * rows; else each lane has its own.
 */
export const matmulVector: KernelVariant<MatmulParams> = {
  name: "vector",
  when: (call) => {
    const { layout: { m, n } } = matmulCall(call);
    return Math.min(m, n) <= THIN;
  },
  rank: (call) => matmulCall(call).layout.k < 16 ? 1 : 5,
  record: (call) => {
    const product = matmulCall(call), { layout, batches, a, b } = product, { m, n, k, sum } = layout;
    const thinRight = n <= THIN;
    const [wide, thin] = thinRight ? [a, b] : [b, a];
    const load = { wide: fetchFour(wide, k, sum), thin: fetchFour(thin, k, sum) };
    const shared = load.wide.along === "inner";
    const lanes = call.info.software ? 8 : 64;
    const groups = Math.ceil(wide.outer / (shared ? ROWS : 4 * VECTORS * lanes));
    const perStep = shared ? 4 * lanes : 4;
    const enough = Math.ceil((call.info.software ? 16 : 512) / (groups * batches));
    const parts = splitSum(call, product, {
      // Walking down columns far apart, a software adapter misses the translation of every address: short walks reuse
      // them.
      wanted: Math.max(
        Math.min(enough, Math.ceil(k / (16 * perStep))),
        !shared && call.info.software ? Math.ceil(k / 512) : 1,
      ),
      step: perStep,
      longest: longestSum(call, perStep),
    });
    const { epilogue } = parts, index = batchIndexing(product, epilogue);
    const jobs = groups * batches * parts.count;
    const offset = (q: number) => index.offset(q + 2);
    /** Stores the sum of outer index `o` of the wide factor and column `t` of the thin one. */
    const store = (o: string, t: string, value: string) => {
      const [row, column] = thinRight ? [o, t] : [t, o];
      return `if (${o} < p.outer) { out[base + ${row} * p.n + ${column}] = ${
        epilogue.value(value, row, column, offset)
      }; }`;
    };
    const vectors = [...Array(thin.outer).keys()], four = [0, 1, 2, 3];
    call.launch({
      key: `${sum}|${thinRight}|${thin.outer}|${load.wide.key}|${load.thin.key}|${epilogue.key}|${index.key}`,
      read: { a: a.value, b: b.value, ...epilogue.read },
      write: { out: parts.out },
      elements: { ...load.wide.elements, ...load.thin.elements },
      uniforms: {
        m,
        n,
        k,
        outer: wide.outer,
        groups,
        batches,
        jobs,
        length: parts.length,
        wide_start: wide.value.offset,
        thin_start: thin.value.offset,
        ...load.wide.uniforms,
        ...load.thin.uniforms,
        ...index.uniforms,
        ...epilogue.uniforms,
      },
      workgroupSize: lanes,
      workgroups: jobs,
      declarations: () =>
        [
          load.wide.declaration,
          load.thin.declaration,
          shared ? `var<workgroup> sums: array<${sum}, ${lanes * ROWS * thin.outer}>;` : "",
          epilogue.declarations(),
        ].join("\n"),
      body: () => {
        const [wideBase, thinBase] = thinRight ? [0, 1] : [1, 0];
        // The vectors along the sum, from either layout.
        const thinLoads = load.thin.along === "inner"
          ? vectors.map((t) => `let x${t} = fetch_${thin.name}(thin_base, ${t}u, i, stop);`)
          : [
            ...four.map((e) => `let t${e} = fetch_${thin.name}(thin_base, 0u, i + ${e}u, stop);`),
            ...vectors.map((t) => `let x${t} = vec4<${sum}>(${four.map((e) => `t${e}.${"xyzw"[t]}`).join(", ")});`),
          ];
        const begin = [
          // Surplus workgroups of a two-dimensional dispatch repeat the last job, so that barriers stay uniform.
          "let job = min(group, p.jobs - 1u);",
          "let z = job / p.groups; let batch = z % p.batches;",
          ...index.lines("batch"),
          `let wide_base = p.wide_start + ${index.offset(wideBase)}; let thin_base = p.thin_start + ${
            index.offset(thinBase)
          };`,
          "let begin = (z / p.batches) * p.length;",
          "let stop = min(begin + p.length, p.k);",
          "let base = z * p.m * p.n;",
        ];
        if (!shared) {
          const pieces = [...Array(VECTORS).keys()];
          return [
            ...begin,
            `let o = (job % p.groups) * ${4 * VECTORS * lanes}u + lane * 4u;`,
            ...pieces.flatMap((v) => vectors.map((t) => `var c${v}_${t} = vec4<${sum}>();`)),
            "for (var i = begin; i < stop; i += 4u) {",
            ...thinLoads,
            ...pieces.flatMap((v) => [
              "{",
              ...four.map((e) => `let w${e} = fetch_${wide.name}(wide_base, o + ${4 * v * lanes}u, i + ${e}u, stop);`),
              ...vectors.map((t) => `c${v}_${t} += ${four.map((e) => `x${t}.${"xyzw"[e]} * w${e}`).join(" + ")};`),
              "}",
            ]),
            "}",
            ...pieces.flatMap((v) =>
              vectors.flatMap((t) =>
                four.map((e) => store(`(o + ${4 * v * lanes + e}u)`, `${t}u`, `c${v}_${t}.${"xyzw"[e]}`))
              )
            ),
          ].join("\n");
        }
        const rows = [...Array(ROWS).keys()], results = ROWS * thin.outer;
        return [
          ...begin,
          `let first = (job % p.groups) * ${ROWS}u;`,
          ...rows.flatMap((r) => vectors.map((t) => `var c${r}_${t} = ${sum}(0);`)),
          `for (var i = begin + lane * 4u; i < stop; i += ${4 * lanes}u) {`,
          ...thinLoads,
          ...rows.map((r) => `let w${r} = fetch_${wide.name}(wide_base, first + ${r}u, i, stop);`),
          ...rows.flatMap((r) => vectors.map((t) => `c${r}_${t} += dot(w${r}, x${t});`)),
          "}",
          ...rows.flatMap((r) => vectors.map((t) => `sums[lane * ${results}u + ${r * thin.outer + t}u] = c${r}_${t};`)),
          "workgroupBarrier();",
          `for (var q = lane; q < ${results}u; q += ${lanes}u) {`,
          `var total = ${sum}(0);`,
          `for (var l = 0u; l < ${lanes}u; l++) { total += sums[l * ${results}u + q]; }`,
          store(`(first + q / ${thin.outer}u)`, `(q % ${thin.outer}u)`, "total"),
          "}",
        ].join("\n");
      },
    });
    parts.join();
  },
};
