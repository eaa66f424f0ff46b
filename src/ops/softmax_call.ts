import type { KernelCall } from "./define.ts";
import { floatText, whole } from "./float_text.ts";
import { storeAs } from "./formulas.ts";
import { oncePerCall } from "./once_per_call.ts";
import { declarations, describeReduction, type ReduceCall } from "./reduce_call.ts";
import { type SoftmaxParams, sumOf } from "./softmax.ts";
import { broadcastStrides, collapse, denseStrides } from "./value.ts";

/** A softmax as its kernels see it: the reduction, and where results go. */
export interface SoftmaxCall extends ReduceCall {
  /** Elements between neighbours of a row in the output. */
  readonly step: number;
  /** Identifies the formula and what is made of it. */
  readonly key: string;
}

/** What all kernels of a softmax ask of a call. */
export const softmaxCall = oncePerCall((call: KernelCall<SoftmaxParams>): SoftmaxCall => {
  const { axis, log = false } = call.params, { shape } = call.outputs.out;
  const prepared = describeReduction(call.inputs, sumOf(call.params));
  const others = (list: readonly number[]) => list.filter((_, k) => k !== axis);
  const strides = prepared.arrays.map((a) => others(broadcastStrides(a.value, shape)));
  return {
    ...prepared,
    // The output is the last operand here.
    kept: collapse(others(shape), [...strides, others(denseStrides(shape))]),
    step: denseStrides(shape)[axis],
    key: `${log}|${prepared.formulaKey}`,
  };
});

/** WGSL shared by all kernels. */
export function softmaxDeclarations(prepared: SoftmaxCall, { log = false }: SoftmaxParams): string {
  const { scalar } = prepared, { exp, log: logarithm, quiet } = floatText(scalar);
  return `${declarations(prepared)}
// What exp(v − m) is multiplied with, or what v − m is lessened by; NaN where the sum s of exp(v − m) says nothing.
fn normalizer(m: ${scalar}, s: ${scalar}) -> ${scalar} {
  let fine = !isNan(s) && abs(m) < infinity();
  return select(bitcast<${scalar}>(infinity_bits | ${quiet}), ${
    log ? `${logarithm}(s)` : `${whole(scalar, 1)} / s`
  }, fine);
}
// v − m where no compiler may take its terms elsewhere: m plus a logarithm can be m.
fn above(v: ${scalar}, m: ${scalar}) -> ${scalar} {
  return bitcast<${scalar}>(min(bitcast<${scalar === "f64" ? "u64" : "u32"}>(v - m), ${
    scalar === "f64" ? "0xfffffffffffffffelu" : "0xfffffffeu"
  }));
}
fn normalized(v: ${scalar}, m: ${scalar}, by: ${scalar}) -> ${scalar} {
  return ${log ? "above(v, m) - by" : `${exp}(v - m) * by`};
}`;
}

/** WGSL of an element of the output, from the text of its value. */
export function normalizedValue(call: KernelCall<SoftmaxParams>, { scalar }: SoftmaxCall, value: string): string {
  return storeAs(call.outputs.out.dtype, scalar, false, `normalized(${value}, a_m, by)`);
}
