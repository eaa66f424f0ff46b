import { byteSize } from "../device/mod.ts";
import { concatenateCases } from "./concatenate_cases.ts";
import { requireArray, requireAxis } from "./contract_checks.ts";
import { defineOp, type HostArray, type InputTypes, type OpDefinition, type VariantCall } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { type Copy, fourAtOnce, recordCopies } from "./strided_copy.ts";
import { recordHostCopies } from "./strided_copy_wasm.ts";
import { type ArrayType, showShape, sizeOf, type Value } from "./value.ts";

/** Options of `concatenate`. */
export interface ConcatenateParams {
  /** The axis along which the inputs follow each other. */
  readonly axis: number;
}

/** The inputs `x0`, `x1`, … one after the other along an axis (`numpy.concatenate`); they agree in dtype and other axes. */
export const concatenate: OpDefinition<ConcatenateParams> = defineOp({
  name: "concatenate",

  contract(inputs, { axis }) {
    const parts = partsOf(inputs), [first] = parts;
    requireAxis(axis, first.shape);
    let length = 0;
    parts.forEach((part, k) => {
      if (part.dtype !== first.dtype) {
        throw new TypeError(`Cannot concatenate x0 ${first.dtype} and x${k} ${part.dtype}: dtypes differ`);
      }
      const { shape } = part;
      if (shape.length !== first.shape.length || shape.some((s, q) => q !== axis && s !== first.shape[q])) {
        throw new TypeError(
          `Cannot concatenate x0 ${showShape(first.shape)} and x${k} ${showShape(shape)} along axis ${axis}: ` +
            `other axes differ`,
        );
      }
      length += shape[axis];
    });
    return { out: { shape: first.shape.map((s, q) => q === axis ? length : s), dtype: first.dtype } };
  },

  reference(inputs, { axis }, { out }) {
    const inner = sizeOf(out.shape.slice(axis + 1)), outer = sizeOf(out.shape.slice(0, axis));
    let start = 0;
    for (let k = 0; k < Object.keys(inputs).length; k++) {
      const { data, shape } = inputs[`x${k}`] as HostArray, run = shape[axis] * inner;
      for (let o = 0; o < outer; o++) {
        for (let q = 0; q < run; q++) out.data[o * out.shape[axis] * inner + start + q] = data[o * run + q];
      }
      start += run;
    }
  },

  kernels: [
    {
      name: "vec4",
      when: (call) => fourAtOnce(copiesOf(call).filter(({ from }) => sizeOf(from.shape) > 0)),
      rank: () => 1,
      record: (call) => recordCopies(call, call.outputs.out, copiesOf(call), true),
    },
    { name: "strided", record: (call) => recordCopies(call, call.outputs.out, copiesOf(call), false) },
  ],

  natives: [{ name: "wasm", record: (call) => recordHostCopies(call, call.outputs.out, copiesOf(call)) }],

  // y is the inputs side by side, so each input's cotangent is its part of ȳ.
  vjp(k, { inputs, cotangents, params: { axis } }) {
    const g = cotangents.out;
    if (!g) return {};
    let start = 0;
    return Object.fromEntries(
      partsOf(inputs).map(({ shape }, q) => {
        const starts = shape.map((_, a) => a === axis ? start : 0);
        start += shape[axis];
        return [`x${q}`, k.slice(g, starts, shape.map((s, a) => a === axis ? start : s))];
      }),
    );
  },

  keeps: () => ({ inputs: [], outputs: [] }),

  cost: (_inputs, _params, { out }) => ({ bytes: 2 * sizeOf(out.shape) * byteSize(out.dtype), flops: 0 }),

  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),

  cases: [...concatenateCases, ...inDouble(concatenateCases)],
});

/** The inputs in order: by number, not by how they were listed. */
function partsOf(inputs: Readonly<Record<string, ArrayType | number | null>>): ArrayType[] {
  const names = Object.keys(inputs);
  if (names.length === 0) throw new TypeError('Cannot concatenate nothing: expected inputs named "x0", "x1" and so on');
  const types: InputTypes = Object.fromEntries(names.map((n) => [n, asType(inputs[n])]));
  return names.map((_, k) => requireArray(types, `x${k}`));
}

function asType(operand: ArrayType | number | null): ArrayType | null {
  return typeof operand === "number" ? null : operand;
}

function copiesOf(call: VariantCall<ConcatenateParams>): Copy[] {
  const { axis } = call.params, { strides } = call.outputs.out;
  let start = 0;
  return (partsOf(call.inputs) as Value[]).map((from) => {
    const offset = start * strides[axis];
    start += from.shape[axis];
    return { from, strides, offset };
  });
}
