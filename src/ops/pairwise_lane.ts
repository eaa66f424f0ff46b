import type { KernelCall, KernelVariant } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { floatText, whole } from "./float_text.ts";
import { joinScalar, joinVector } from "./pairwise_join.ts";
import { type PairText, pairText } from "./pairwise_text.ts";
import { REDUCERS } from "./reducers.ts";
import type { Value } from "./value.ts";

/** Loop iterations per invocation, everything counted: some software adapters stop at 65,535 without a word. */
const LONGEST_LOOP = 60_000;
/** Components of a vector output that one invocation accumulates. */
const COMPONENTS = 32;
const UNROLL = 4;

/** How many parts the loop over j is cut into: for the loop limit, and for enough parallel work when there are few rows. */
export function partsFor(call: KernelCall<PairwiseParams>, rows: number, perPair: number, m: number): number {
  const bound = call.info.probes.longLoops ? 1 : Math.ceil(m * perPair / LONGEST_LOOP);
  const wanted = call.info.software ? 256 : 32_768;
  return Math.max(1, bound, Math.min(Math.ceil(wanted / Math.max(1, rows)), Math.ceil(m / 128)));
}

/** One invocation per row i (and block of components), looping over j: works for every formula, length and reduction. */
export const pairwiseLane: KernelVariant<PairwiseParams> = {
  name: "lane",
  record: (call) => {
    const text = pairText(call);
    if (text.layout.outLength === undefined && call.params.reduction !== "softmax") recordScalar(call, text);
    else recordVector(call, text);
  },
};

/** WGSL arguments of the pair functions when rows j are read from memory. */
const argumentsOf = (text: PairText, j: string) => ["i", j, ...text.outer.map((_, k) => `r${k}`)].join(", ");

const loadOuter = (text: PairText) => text.outer.map((leaf, k) => `let r${k} = ${text.load(leaf, "i")};`);

function recordScalar(call: KernelCall<PairwiseParams>, text: PairText): void {
  const { layout } = text, { n, m, scalar } = layout, out = call.outputs.out;
  const reduction = call.params.reduction as Exclude<typeof call.params.reduction, "softmax">;
  const reducer = REDUCERS[reduction];
  const parts = partsFor(call, n, 1 + text.iterations, m);
  const partials: Record<string, Value> = parts > 1
    ? Object.fromEntries(reducer.fields.map((f) => [
      `part_${f.name}`,
      call.temporary({ shape: [parts * n], dtype: f.kind === "index" ? "u32" : scalar }),
    ]))
    : {};
  const init = reducer.init(scalar);
  call.launch({
    key: `${reduction}|${text.key}|${parts > 1}`,
    read: text.read,
    write: parts > 1 ? partials : { y: out },
    uniforms: { n, m, parts, chunk: Math.ceil(m / parts), ...text.uniforms },
    workgroupSize: 64,
    workgroups: Math.ceil(n * parts / 64),
    declarations: () => {
      const helpers = new Map(reducer.helpers(scalar));
      const pair = text.declare("pair", layout.expr, false, helpers);
      return [...helpers.values(), pair].join("\n");
    },
    body: () => {
      const block = (count: number) => {
        const names = Array.from({ length: count }, (_, q) => `v${q}`);
        return [
          ...names.map((v, q) => `let ${v} = pair(${argumentsOf(text, `j + ${q}u`)});`),
          reducer.step("a", names, names.map((_, q) => `(j + ${q}u)`), scalar),
        ].join("\n");
      };
      return [
        "if (id >= p.n * p.parts) { return; }",
        "let i = id % p.n; let part = id / p.n;",
        "let end = min(p.m, (part + 1u) * p.chunk);",
        ...loadOuter(text),
        ...reducer.fields.map((f, k) => `var a_${f.name}: ${f.kind === "index" ? "u32" : scalar} = ${init[k]};`),
        "var j = part * p.chunk;",
        `for (; j + ${UNROLL - 1}u < end; j += ${UNROLL}u) {\n${block(UNROLL)}\n}`,
        `for (; j < end; j++) {\n${block(1)}\n}`,
        ...(parts > 1
          ? reducer.fields.map((f) => `part_${f.name}[id] = a_${f.name};`)
          : [`y[i] = ${out.dtype}(${reducer.finish("a", "p.m", scalar)});`]),
      ].join("\n");
    },
  });
  if (parts > 1) joinScalar(call, reduction, partials, parts, n, m);
}

function recordVector(call: KernelCall<PairwiseParams>, text: PairText): void {
  const { layout } = text, { n, m, scalar } = layout, out = call.outputs.out;
  const d = layout.outLength ?? 1, softmax = call.params.reduction === "softmax";
  const block = Math.min(d, COMPONENTS), tiles = Math.ceil(d / block);
  const parts = partsFor(call, n * tiles, 1 + text.iterations + block, m);
  const total = call.temporary({ shape: [parts, n, d], dtype: scalar });
  const scratch = (): Value => call.temporary({ shape: [parts, n], dtype: scalar });
  const weights: Record<string, Value> = softmax ? { top: scratch(), weight: scratch() } : {};
  const direct = parts === 1 && !softmax && out.dtype === scalar;
  const vector = layout.outLength !== undefined;
  call.launch({
    key: `${call.params.reduction}|${text.key}|${block}|${direct}`,
    read: text.read,
    write: { total: direct ? out : total, ...weights },
    uniforms: { n, m, parts, chunk: Math.ceil(m / parts), d, tiles, ...text.uniforms },
    workgroupSize: 64,
    workgroups: Math.ceil(n * tiles * parts / 64),
    declarations: () => {
      const helpers = new Map(softmax ? REDUCERS.logsumexp.helpers(scalar) : []);
      const functions: string[] = [];
      if (softmax) functions.push(text.declare("pair", layout.expr, false, helpers));
      const summand = layout.value ?? layout.expr;
      functions.push(
        vector
          ? text.declareComponent("summand", summand, false, helpers)
          : text.declare("summand", summand, false, helpers),
      );
      return [...helpers.values(), ...functions].join("\n");
    },
    body: () => {
      const args = argumentsOf(text, "j"), { exp } = floatText(scalar);
      const weighted = softmax
        ? [
          `let f = pair(${args});`,
          "if (f == -infinity()) { continue; }",
          "if (f > top_) {",
          `let c = select(${exp}(top_ - f), ${whole(scalar, 0)}, top_ == -infinity()); weight_ *= c; top_ = f;`,
          `for (var q = 0u; q < ${block}u; q++) { acc[q] *= c; }`,
          "}",
          `let w = ${exp}(f - top_); weight_ += w;`,
        ]
        : [];
      return [
        "if (id >= p.n * p.tiles * p.parts) { return; }",
        "let i = id % p.n; let tile = (id / p.n) % p.tiles; let part = id / (p.n * p.tiles);",
        "let end = min(p.m, (part + 1u) * p.chunk);",
        `let first = tile * ${block}u;`,
        ...loadOuter(text),
        `var acc: array<${scalar}, ${block}>;`,
        ...(softmax ? [`var top_ = -infinity(); var weight_ = ${whole(scalar, 0)};`] : []),
        "for (var j = part * p.chunk; j < end; j++) {",
        ...weighted,
        `for (var q = 0u; q < ${block}u; q++) {`,
        // Components past the end of the last block repeat the last one and are not stored.
        "let k = min(first + q, p.d - 1u);",
        `acc[q] += ${softmax ? "w * " : ""}summand(${vector ? `k, ${args}` : args});`,
        "}",
        "}",
        `for (var q = 0u; q < ${block}u; q++) {`,
        "if (first + q < p.d) { total[(part * p.n + i) * p.d + first + q] = acc[q]; }",
        "}",
        ...(softmax ? ["if (tile == 0u) { top[part * p.n + i] = top_; weight[part * p.n + i] = weight_; }"] : []),
      ].join("\n");
    },
  });
  if (!direct) joinVector(call, { total, ...weights }, parts, n, d);
}
