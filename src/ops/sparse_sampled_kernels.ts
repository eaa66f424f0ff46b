import type { KernelCall, KernelVariant } from "./define.ts";
import { whole } from "./float_text.ts";
import { formulaFunction, formulaInputs, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { storedType, texelPlace } from "./kernel.ts";
import { denseVectors, ROW_OF_ENTRY } from "./sparse_pattern.ts";
import { asImage, asQuads, quadsOf } from "./sparse_quads.ts";
import { PRODUCT, type SampledMatmulParams, sampledPlan } from "./sparse_sampled.ts";
import { typesOf } from "./types_of.ts";
import { broadcastStrides, type Value } from "./value.ts";

const WORKGROUP = 64;
/** Entries of one invocation: the row of the first is found by bisection, those of the others from there on. */
const EACH = 8;
/** Lanes of the `team` variant that share an entry. */
const TEAM = 8;
/** Vectors of four in a dispatch: a loop over so many for each entry stays under what software adapters run. */
const LONGEST = 6144;

/** The row of entry `k`, not before row `from`: steps that double, then bisection. */
const ROW_FROM = `fn row_from(known: u32, k: u32) -> u32 {
  var low = known;
  var step = 1u;
  while (low + step < p.rows && starts[p.starts_0 + low + step] <= k) { low += step; step *= 2u; }
  var high = min(low + step, p.rows);
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (starts[p.starts_0 + middle + 1u] <= k) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}`;

/** How the factors are read: four inner indices at once. */
type Reading = "image" | "buffer";

function factors(call: KernelCall<SampledMatmulParams>, reading: Reading) {
  const a = call.inputs.a as Value, b = call.inputs.b as Value, quads = quadsOf(a);
  const scalar = sumType(a), make = (m: Value) => reading === "image" ? asImage(call, m) : asQuads(call, m);
  const read = quads === 0 ? {} : { a: make(a), b: make(b) };
  const load = (name: string, at: string) =>
    reading === "buffer"
      ? `vec4<${scalar}>(${name}[p.${name}_0 + ${at}])`
      : `textureLoad(${name}, vec2<u32>(${texelPlace(`(${at})`).x}, ${texelPlace(`(${at})`).y}))`;
  const first = (m: Value | undefined) => m && reading === "buffer" ? m.offset / 4 : 0;
  return {
    quads,
    read: read as Record<string, Value>,
    elements: (quads > 0 && reading === "buffer" ? { a: `vec4<${a.dtype}>`, b: `vec4<${b.dtype}>` } : {}) as Record<
      string,
      string
    >,
    uniforms: { quads, a_0: first(read.a), b_0: first(read.b) },
    load,
  };
}

/** What sums are taken in. */
function sumType({ dtype }: Value): "f32" | "f64" {
  return dtype === "f64" ? "f64" : "f32";
}

/** What becomes of a product: texts of the epilogue. */
function epilogueOf(call: KernelCall<SampledMatmulParams>) {
  const { out } = call.outputs, { plan } = sampledPlan(typesOf(call.inputs), call.params);
  const inputs: Record<string, Value | number> = Object.create(null);
  for (const name of plan.names) {
    const x = call.inputs[name];
    inputs[name] = name === PRODUCT ? { ...out, dtype: sumType(call.inputs.a as Value) } : x;
  }
  const { arrays, read, uniforms, key, apply } = formulaInputs(inputs, [plan]);
  const bound: Record<string, Value> = {}, own = { ...uniforms };
  arrays.forEach(({ name, value }, k) => {
    if (name === PRODUCT) return;
    bound[`x${k}`] = read[`x${k}`];
    own[`e${k}`] = broadcastStrides(value, out.shape)[0];
  });
  return {
    read: bound,
    uniforms: own,
    key: `${plansKey([plan])}|${key}`,
    declarations: () => {
      const helpers = new Map<string, string>();
      const finish = (v: string, boolean: boolean) => storeAs(out.dtype, plan.scalar, boolean, v);
      const text = formulaFunction("epilogue", plan, storedType(out.dtype), finish, helpers);
      return [...helpers.values(), text].join("\n");
    },
    value: (product: string, k: string) =>
      apply("epilogue", plan, (q) => arrays[q].name === PRODUCT ? product : `x${q}[p.o${q} + ${k} * p.e${q}]`),
  };
}

function record(call: KernelCall<SampledMatmulParams>, reading: Reading, team: boolean): void {
  const { out } = call.outputs, room = out.shape[0], stored = storedType(out.dtype);
  const scalar = sumType(call.inputs.a as Value), zero = whole(scalar, 0);
  const factor = factors(call, reading), { quads } = factor, epilogue = epilogueOf(call);
  const { read, uniforms } = denseVectors(call, ["starts", "columns"]);
  const parts = Math.max(1, Math.ceil(quads / LONGEST));
  const sums = parts > 1 ? call.temporary({ shape: [room], dtype: scalar }) : undefined;
  for (let part = 0; part < parts; part++) {
    const last = part === parts - 1;
    // Sums of the parts before wait in memory: the last part is the one that knows the epilogue.
    const finish = (k: string) => {
      const total = part > 0 ? `(sums[${k}] + s)` : "s";
      return last ? `y[${k}] = ${epilogue.value(total, k)};` : `sums[${k}] = ${total};`;
    };
    const nothing = (k: string) => last ? `y[${k}] = ${stored}(0);` : `sums[${k}] = ${zero};`;
    const sum = (k: string, first: string, step: string) =>
      quads === 0 ? `let s = ${zero};` : `let at_a = row * p.quads; let at_b = columns[p.columns_0 + ${k}] * p.quads;
var four = vec4<${scalar}>();
for (var q = ${first}; q < p.end; q += ${step}) { four += ${factor.load("a", "at_a + q")} * ${
        factor.load("b", "at_b + q")
      }; }
${team ? "var" : "let"} s = (four.x + four.y) + (four.z + four.w);`;
    const each = team ? WORKGROUP / TEAM : EACH * WORKGROUP;
    call.launch({
      key: `${reading}|${scalar}|${quads === 0}|${part > 0}|${last}|${last ? epilogue.key : ""}`,
      read: { ...read, ...factor.read, ...(last ? epilogue.read : {}), ...(sums && last ? { sums } : {}) },
      write: last ? { y: out } : { sums: sums! },
      elements: factor.elements,
      uniforms: {
        room,
        rows: read.starts.shape[0] - 1,
        begin: part * LONGEST,
        end: Math.min(quads, (part + 1) * LONGEST),
        ...uniforms,
        ...factor.uniforms,
        ...(last ? epilogue.uniforms : {}),
      },
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(room / each),
      declarations: () =>
        [
          ROW_OF_ENTRY,
          team ? `var<workgroup> shares: array<${scalar}, ${WORKGROUP}>;` : ROW_FROM,
          last ? epilogue.declarations() : "",
        ].join("\n"),
      body: () =>
        team
          ? [
            `let k = group * ${each}u + lane / ${TEAM}u; let member = lane % ${TEAM}u;`,
            "var row = p.rows;",
            "if (k < p.room) { row = row_of_entry(k); }",
            `var share = ${zero};`,
            `if (row < p.rows) {\n${sum("k", "p.begin + member", `${TEAM}u`)}\nshare = s;\n}`,
            "shares[lane] = share;",
            `for (var half = ${TEAM / 2}u; half > 0u; half /= 2u) {`,
            "workgroupBarrier();",
            "if (member < half) { shares[lane] += shares[lane + half]; }",
            "}",
            "if (member > 0u || k >= p.room) { return; }",
            "let s = shares[lane];",
            `if (row < p.rows) { ${finish("k")} } else { ${nothing("k")} }`,
          ].join("\n")
          : [
            `let begin = group * ${each}u + lane;`,
            "if (begin >= p.room) { return; }",
            "var row = row_of_entry(begin);",
            `let end = min(p.room, begin + ${each}u);`,
            `for (var k = begin; k < end; k += ${WORKGROUP}u) {`,
            `if (row < p.rows && starts[p.starts_0 + row + 1u] <= k) { row = row_from(row, k); }`,
            `if (row < p.rows) {\n${sum("k", "p.begin", "1u")}\n${finish("k")}\n} else { ${nothing("k")} }`,
            "}",
          ].join("\n"),
    });
  }
}

/** Ways to compute products at the entries of a pattern. */
export const sampledKernels: readonly KernelVariant<SampledMatmulParams>[] = [
  {
    // Software adapters read images faster than buffers.
    name: "image",
    when: (call) => {
      const a = call.inputs.a as Value, b = call.inputs.b as Value;
      return a.dtype === "f32" && Math.max(a.shape[0], b.shape[0]) * quadsOf(a) <= call.info.limits.imageTexels;
    },
    rank: (call) => call.info.software ? 2 : -1,
    record: (call) => record(call, "image", false),
  },
  { name: "lane", rank: () => 1, record: (call) => record(call, "buffer", false) },
  {
    // Neighbours read neighbouring parts of one row: what graphics processors like.
    name: "team",
    rank: (call) => !call.info.software && quadsOf(call.inputs.a as Value) >= TEAM ? 2 : -1,
    record: (call) => record(call, "buffer", true),
  },
];
