import { type Device, roundoff, typedArray } from "../device/mod.ts";
import {
  type Case,
  type HostArray,
  type HostCall,
  hostTypes,
  type KernelCall,
  type OpDefinition,
  type Variant,
} from "../ops/define.ts";
import { run } from "../ops/run.ts";
import { typesOf } from "../ops/types_of.ts";
import { denseStrides, type Operand, sizeOf, type Value } from "../ops/value.ts";
import { Tensor } from "../tensor/mod.ts";
import { compare } from "./assert_close.ts";
import { deviceInputs, hostInputs, seedOf } from "./case_inputs.ts";

/** What {@linkcode checkOp} found for one case and one kernel variant. */
export interface CheckResult {
  /** Name of the case. */
  case: string;
  /** Kernel variant; on the CPU device also `reference`. */
  variant: string;
  /** Worst error in units of its bound; at most 1. */
  ratio: number;
}

/**
 * Runs every case of an op through every kernel variant that can take it and compares with the reference, within the op's own error
 * model. Checks too that nothing is left allocated. Throws an `Error` that lists every failure.
 */
export async function checkOp<P>(device: Device, op: OpDefinition<P>): Promise<CheckResult[]> {
  const results: CheckResult[] = [], failures: string[] = [];
  for (const testCase of op.cases) {
    const host = hostInputs(testCase, seedOf(`${op.name} ${testCase.name}`));
    const { expected, bounds } = expectation(op, testCase, host);
    const arrays = [...Object.values(host), ...Object.values(expected)];
    const needs = arrays.map((a) => typeof a === "number" ? undefined : a.dtype);
    if (needs.includes("f16") && !device.info.probes.f16) continue;
    if (needs.includes("f64") && !device.info.probes.f64) continue;
    const before = device.ledger.count;
    const inputs = deviceInputs(device, testCase, host);
    for (const variant of variantsFor(device, op, testCase, inputs)) {
      try {
        const ratio = await runCase(device, op, testCase, inputs, variant, expected, bounds);
        results.push({ case: testCase.name, variant: variant ?? "default", ratio });
      } catch (error) {
        failures.push(`${op.name}/${variant ?? "default"}, ${testCase.name}: ${(error as Error).message}`);
      }
    }
    for (const input of Object.values(inputs)) if (typeof input !== "number") input.dispose();
    if (device.ledger.count !== before) {
      failures.push(`${op.name}, ${testCase.name}: ${device.ledger.count - before} buffers were not released`);
    }
  }
  if (failures.length) throw new Error(`${failures.length} failures on ${device.info.name}:\n${failures.join("\n")}`);
  return results;
}

/** The reference's outputs, rounded to their dtypes, and how far a device may be from them. */
function expectation<P>(
  op: OpDefinition<P>,
  testCase: Case<P>,
  host: Record<string, HostArray | number>,
): { expected: Record<string, HostArray>; bounds: Record<string, Float64Array> } {
  const types = op.contract(hostTypes(host), testCase.params);
  const outputs = Object.fromEntries(
    Object.entries(types).map(([n, t]): [string, HostArray] => [n, { ...t, data: new Float64Array(sizeOf(t.shape)) }]),
  );
  op.reference(host, testCase.params, outputs);
  const u = Math.max(...Object.values(types).map((t) => roundoff(t.dtype)), 0);
  const bounds = op.error(host, testCase.params, outputs, u);
  for (const { dtype, data } of Object.values(outputs)) {
    const rounded = typedArray(dtype, data.length);
    rounded.set(data);
    data.set(rounded);
  }
  return { expected: outputs, bounds };
}

/** Variants to try: all that can take the call; on the CPU device the reference as well. */
function variantsFor<P>(
  device: Device,
  op: OpDefinition<P>,
  testCase: Case<P>,
  inputs: Record<string, Tensor | number>,
): (string | undefined)[] {
  const operands = toOperands(inputs);
  const types = op.contract(typesOf(operands), testCase.params);
  if (Object.values(types).every((t) => sizeOf(t.shape) === 0)) return [undefined];
  const probe: KernelCall<P> & HostCall<P> = {
    info: device.info,
    inputs: operands,
    // `when` may look at types, strides and offsets, never at memory.
    outputs: Object.fromEntries(
      Object.entries(types).map((
        [n, t],
      ) => [n, { ...t, device, strides: denseStrides(t.shape), offset: 0 } as unknown as Value]),
    ),
    params: testCase.params,
    launch: () => {},
    temporary: () => {
      throw new Error("A kernel's `when` must not allocate");
    },
    image: () => {
      throw new Error("A kernel's `when` must not allocate");
    },
    dense: (v) => v,
  };
  const able = (variants: readonly Variant<typeof probe>[]) =>
    variants.filter((k) => !k.when || k.when(probe)).map((k) => k.name);
  if (device.info.backend === "webgpu") return able(op.kernels);
  return [...able(op.natives ?? []), "reference"];
}

function toOperands(inputs: Record<string, Tensor | number>): Record<string, Operand> {
  return Object.fromEntries(Object.entries(inputs).map(([n, v]) => [n, typeof v === "number" ? v : v.value]));
}

async function runCase<P>(
  device: Device,
  op: OpDefinition<P>,
  testCase: Case<P>,
  inputs: Record<string, Tensor | number>,
  variant: string | undefined,
  expected: Record<string, HostArray>,
  bounds: Record<string, Float64Array>,
): Promise<number> {
  const outputs = run(device, op, toOperands(inputs), testCase.params, variant === undefined ? {} : { variant });
  const tensors = Object.entries(outputs).map(([name, value]) => [name, Tensor.from(value)] as const);
  try {
    let worst = 0;
    for (const [name, tensor] of tensors) {
      const want = expected[name];
      if (tensor.shape.join() !== want.shape.join() || tensor.dtype !== want.dtype) {
        throw new Error(`Expected ${name} to be ${want.dtype} [${want.shape}], got ${tensor.dtype} [${tensor.shape}]`);
      }
      const actual = await tensor.data();
      const result = compare(actual, want.data, { atol: overflowing(bounds[name], actual, want) });
      if (!result.ok) throw new Error(`output ${name}: ${result.message}`);
      worst = Math.max(worst, result.ratio);
    }
    return worst;
  } finally {
    for (const [, tensor] of tensors) tensor.dispose();
  }
}

const LARGEST_F32 = 3.4028234663852886e38;

/** Where a value is within its error of overflow, an infinity of its sign is as right as a large number. */
function overflowing(
  bounds: Float64Array,
  actual: ArrayLike<number>,
  { dtype, data: expected }: HostArray,
): Float64Array {
  const largest = dtype === "f64" ? Number.MAX_VALUE : LARGEST_F32;
  return bounds.map((b, k) => {
    const large = Math.abs(expected[k]) + b >= largest && !Number.isNaN(expected[k]);
    const infinite = Math.abs(actual[k]) === Infinity || Math.abs(expected[k]) === Infinity;
    return large && infinite && Math.sign(actual[k]) === Math.sign(expected[k]) ? Infinity : b;
  });
}
