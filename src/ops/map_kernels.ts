import { size } from "../formula/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import { formulaFunction, formulaInputs, planFormula, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { type Indexing, indexing } from "./indexing.ts";
import type { MapParams } from "./map.ts";
import { oncePerCall } from "./once_per_call.ts";
import { typesOf } from "./types_of.ts";
import { broadcastStrides, collapse, sizeOf } from "./value.ts";
import { vectorsAtOnce, vectorType } from "./vectors.ts";

const WORKGROUP = 128;

type Call = KernelCall<MapParams>;
type Prepared = ReturnType<typeof mapCall>;

/** What both kernels ask of a call. */
const mapCall = oncePerCall((call: Call) => {
  const types = typesOf(call.inputs);
  const plans = Object.keys(call.outputs).map((name) => planFormula(call.params[name].formula, types));
  const inputs = formulaInputs(call.inputs, plans);
  const outputs = Object.values(call.outputs), [{ shape, strides }] = outputs;
  const joint = collapse(shape, [...inputs.arrays.map((a) => broadcastStrides(a.value, shape)), strides]);
  return { ...inputs, plans, outputs, shape: joint.shape, strides: joint.strides.slice(0, -1) };
});

/** How an output is walked in blocks of 4·`vectors` neighbours along its last axis. */
interface Blocks {
  /** Vectors in a block: on a software adapter several are read at once. */
  readonly vectors: number;
  /** Whether the last block may be shorter. */
  readonly ragged: boolean;
  /** Vectors in the output. */
  readonly count: number;
  /** For each array, whether it moves along the last axis: then it is read as vectors, else one element serves the block. */
  readonly wide: readonly boolean[];
  /** Offsets of the block's first vector, or of the element. */
  readonly index: Indexing;
}

/** The blocks of a call; undefined if some array cannot be read by aligned vectors. */
const blocks = oncePerCall((call: Call): Blocks | { index: undefined } => {
  const { shape, strides, arrays, plans } = mapCall(call), last = shape.length - 1;
  const n = sizeOf(shape), row = last < 0 ? 1 : shape[last];
  // One long axis may end within a vector, since buffers are whole vectors; several cannot.
  if (last > 0 && row % 4 > 0) return { index: undefined };
  const wide = strides.map((s) => last >= 0 && s[last] !== 0);
  const aligned = strides.every((s, k) =>
    !wide[k] || (s[last] === 1 && arrays[k].value.offset % 4 === 0 && s.slice(0, last).every((step) => step % 4 === 0))
  );
  if (!aligned) return { index: undefined };
  const nodes = plans.reduce((sum, plan) => sum + size(plan.expr), 0);
  let vectors = vectorsAtOnce(call.info, n, 4 * nodes);
  while (last > 0 && row % (4 * vectors) > 0) vectors /= 2;
  const inner = last < 0 ? [] : [Math.ceil(row / (4 * vectors))];
  const steps = strides.map((s, k) => [
    ...s.slice(0, Math.max(0, last)).map((step) => wide[k] ? step / 4 : step),
    ...(last < 0 ? [] : [wide[k] ? vectors : 0]),
  ]);
  return {
    vectors,
    ragged: last <= 0 && vectors > 1,
    count: Math.ceil(n / 4),
    wide,
    index: indexing("i", [...shape.slice(0, Math.max(0, last)), ...inner], steps),
  };
});

/** Several neighbours per invocation, read and written as vectors: more than twice the bandwidth of single elements. */
const vec4: KernelVariant<MapParams> = {
  name: "vec4",
  when: (call) => blocks(call).index !== undefined,
  rank: () => 1,
  record: (call) => {
    const prepared = mapCall(call), { plans, arrays, outputs, apply } = prepared;
    const { vectors, ragged, count, wide, index } = blocks(call) as Blocks;
    const uniforms = { ...prepared.uniforms };
    arrays.forEach(({ value }, k) => wide[k] && (uniforms[`o${k}`] = value.offset / 4));
    const each = Array.from({ length: vectors }, (_, q) => q);
    call.launch({
      key: `${plansKey(plans)}|${prepared.key}|${index.key}|${vectors}|${ragged}|${wide}`,
      read: prepared.read,
      write: Object.fromEntries(outputs.map((v, k) => [`y${k}`, v])),
      elements: Object.fromEntries([
        ...arrays.flatMap((a, k) => wide[k] ? [[`x${k}`, vectorType(a.value.dtype)]] : []),
        ...outputs.map((v, k) => [`y${k}`, vectorType(v.dtype)]),
      ]),
      uniforms: { count, ...index.uniforms, ...uniforms },
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(Math.ceil(count / vectors) / WORKGROUP),
      declarations: () => functions(prepared),
      body: () => {
        const element = (q: number, lane: string) => (k: number) => wide[k] ? `v${k}_${q}.${lane}` : `s${k}`;
        return [
          `let first = id * ${vectors}u;`,
          "if (first >= p.count) { return; }",
          ...index.lines("id"),
          // All reads before the first write: the compiler cannot know that they do not overlap.
          ...arrays.flatMap((_, k) => {
            const at = `p.o${k} + ${index.offset(k)}`;
            return wide[k] ? each.map((q) => `let v${k}_${q} = x${k}[${at} + ${q}u];`) : [`let s${k} = x${k}[${at}];`];
          }),
          ...each.flatMap((q) =>
            outputs.map((out, k) => {
              const values = [..."xyzw"].map((lane) => apply(`formula${k}`, plans[k], element(q, lane)));
              const store = `y${k}[first + ${q}u] = ${vectorType(out.dtype)}(${values.join(", ")});`;
              return ragged && q > 0 ? `if (first + ${q}u < p.count) { ${store} }` : store;
            })
          ),
        ].join("\n");
      },
    });
  },
};

/** One element per invocation, in any layout. */
const strided: KernelVariant<MapParams> = {
  name: "strided",
  record: (call) => {
    const prepared = mapCall(call), { plans, arrays, outputs, apply, shape, strides } = prepared;
    const index = indexing("i", shape, strides), n = sizeOf(shape);
    call.launch({
      key: `${plansKey(plans)}|${prepared.key}|${index.key}`,
      read: prepared.read,
      write: Object.fromEntries(outputs.map((v, k) => [`y${k}`, v])),
      uniforms: { n, ...index.uniforms, ...prepared.uniforms },
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(n / WORKGROUP),
      declarations: () => functions(prepared),
      body: () =>
        [
          "if (id >= p.n) { return; }",
          ...index.lines("id"),
          ...arrays.map((_, k) => `let v${k} = x${k}[p.o${k} + ${index.offset(k)}];`),
          ...outputs.map((_, k) => `y${k}[id] = ${apply(`formula${k}`, plans[k], (q) => `v${q}`)};`),
        ].join("\n"),
    });
  },
};

/** The formulas as WGSL functions whose results are as the outputs store them. */
function functions({ plans, outputs }: Prepared): string {
  const helpers = new Map<string, string>();
  const texts = plans.map((plan, k) => {
    const { dtype } = outputs[k], returns = dtype === "bool" ? "u32" : dtype;
    return formulaFunction(`formula${k}`, plan, returns, (v, b) => storeAs(dtype, plan.scalar, b, v), helpers);
  });
  return [...helpers.values(), ...texts].join("\n");
}

/** Ways to map on WebGPU. */
export const mapKernels: readonly KernelVariant<MapParams>[] = [vec4, strided];
