import type { Device } from "../device/mod.ts";
import type { HostArray, OpDefinition } from "./define.ts";
import { denseStrides, type Operand, sizeOf, type Value } from "./value.ts";

/** Runs an op's reference on f64 copies of its inputs. Gives the name of what ran. */
export function runLoops<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  outputs: Readonly<Record<string, Value>>,
  wanted: string | undefined,
): string {
  if (wanted !== undefined && wanted !== "reference") {
    throw new TypeError(`Op "${op.name}" has no kernel "${wanted}"`);
  }
  device.runHost(`${op.name}/reference`, () => {
    const hostInputs: Record<string, HostArray | number> = {};
    for (const [name, v] of Object.entries(inputs)) hostInputs[name] = typeof v === "number" ? v : toHost(v);
    const hostOutputs: Record<string, HostArray> = {};
    for (const [name, v] of Object.entries(outputs)) {
      hostOutputs[name] = { shape: v.shape, dtype: v.dtype, data: new Float64Array(sizeOf(v.shape)) };
    }
    op.reference(hostInputs, params, hostOutputs);
    for (const [name, v] of Object.entries(outputs)) v.storage.view(v.dtype).set(hostOutputs[name].data);
  });
  return "reference";
}

/** A dense f64 copy of a view in host memory (CPU device). */
function toHost(value: Value): HostArray {
  const n = sizeOf(value.shape);
  const data = new Float64Array(n);
  gather(value.storage.view(value.dtype), value, data);
  return { shape: value.shape, dtype: value.dtype, data };
}

/** Copies a strided view out of `memory` in row-major order. */
export function gather(
  memory: ArrayLike<number>,
  view: { shape: readonly number[]; strides: readonly number[]; offset: number },
  out: { [k: number]: number },
): void {
  const { shape, strides } = view;
  const n = sizeOf(shape);
  if (n === 0) return;
  const rank = shape.length;
  const dense = denseStrides(shape).every((s, k) => shape[k] === 1 || s === strides[k]);
  if (dense) {
    for (let k = 0; k < n; k++) out[k] = memory[view.offset + k];
    return;
  }
  const index = new Array<number>(rank).fill(0);
  let at = view.offset;
  for (let k = 0; k < n; k++) {
    out[k] = memory[at];
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}
