import { type Device, type DType, typedArray } from "../device/mod.ts";
import type { Case, CaseInput, HostArray, HostInputs } from "../ops/define.ts";
import { denseStrides, sizeOf } from "../ops/value.ts";
import { Tensor } from "../tensor/mod.ts";

/** A small seeded generator (mulberry32) for test data: not the library's own, which is itself under test. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed from a text, so that each case has its own data and keeps it. */
export function seedOf(text: string): number {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0)!, 16777619);
  return h >>> 0;
}

/** Values that trip kernels up: not finite, zero of both signs, near the ends of the range. */
const SPECIAL = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  3.4e38,
  -3.4e38,
  1.2e-38,
  88.5,
  -88.5,
  2 ** 24 + 2,
  -1e-6,
];

/** Inputs of a case on the host, rounded to their dtypes. */
export function hostInputs<P>(testCase: Case<P>, seed: number): Record<string, HostArray | number> {
  const random = generator(seed);
  return Object.fromEntries(
    Object.entries(testCase.inputs).map((
      [name, input],
    ) => [name, typeof input === "number" ? input : hostInput(input, random)]),
  );
}

function hostInput(input: Exclude<CaseInput, number>, random: () => number): HostArray {
  const dtype = input.dtype ?? "f32", n = sizeOf(input.shape), fill = input.fill ?? "normal";
  const draw = (k: number): number => {
    if (typeof fill !== "string") return fill[k % fill.length];
    switch (fill) {
      case "uniform":
        return random();
      case "positive":
        return 0.1 + 3 * random();
      case "ties":
        return Math.floor(random() * 4) - 1;
      case "special":
        return SPECIAL[Math.floor(random() * SPECIAL.length)];
      case "index":
        return Math.floor(random() * (input.below ?? 1));
      default:
        return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    }
  };
  // Large arrays repeat a block: drawing millions of normals would be most of the test's time.
  const block = Math.min(n, 65_521), values = Float64Array.from({ length: block }, (_, k) => draw(k));
  const rounded = typedArray(dtype, n);
  for (let k = 0; k < n; k++) rounded[k] = typeof fill === "string" || block === n ? values[k % block] : draw(k);
  if (dtype === "bool") { for (let k = 0; k < n; k++) rounded[k] = Number(rounded[k] !== 0); }
  return { shape: input.shape, dtype, data: Float64Array.from(rounded) };
}

/** The inputs of a case on a device, in the memory layouts it asks for. */
export function deviceInputs<P>(
  device: Device,
  testCase: Case<P>,
  host: HostInputs,
  dtypeOf: (dtype: DType) => DType = (d) => d,
): Record<string, Tensor | number> {
  return Object.fromEntries(
    Object.entries(host).map(([name, v]) => {
      if (typeof v === "number") return [name, v];
      const input = testCase.inputs[name] as Exclude<CaseInput, number>;
      return [name, laidOut(device, { ...v, dtype: dtypeOf(v.dtype) }, input.layout ?? "dense")];
    }),
  );
}

function laidOut(device: Device, host: HostArray, layout: "dense" | "transposed" | "strided" | "offset"): Tensor {
  const { shape, dtype } = host, n = sizeOf(shape), dense = denseStrides(shape), rank = shape.length;
  let strides = dense, offset = 0, room = n;
  if (layout === "transposed") {
    const reversed = denseStrides([...shape].reverse()).reverse();
    strides = reversed;
  } else if (layout === "strided" && rank > 0) {
    strides = dense.map((s) => s * 2);
    room = 2 * n + 3;
    offset = 3;
  } else if (layout === "offset") {
    offset = 5;
    room = n + 9;
  }
  // What lies between the elements must not matter: fill it with something that would show.
  const block = typedArray(dtype, Math.max(1, room)).fill(dtype === "bool" ? 1 : 77);
  for (let k = 0; k < n; k++) {
    let at = offset;
    for (let axis = 0; axis < rank; axis++) at += (Math.floor(k / dense[axis]) % shape[axis]) * strides[axis];
    block[at] = host.data[k];
  }
  return Tensor.from({ device, storage: device.upload(block, "case"), dtype, shape, strides, offset });
}
