import type { DType } from "../device/mod.ts";
import type { GatherParams } from "./gather.ts";
import type { Uniform } from "./kernel.ts";

/** What stands where an index is out of range, rounded to what the dtype holds. */
export function fillOf(dtype: DType, { fill }: GatherParams): number {
  switch (dtype) {
    case "f64":
      return fill ?? NaN;
    case "f32":
      return Math.fround(fill ?? NaN);
    case "f16":
      return Math.f16round(fill ?? NaN);
    case "i32":
      return (fill ?? 0) | 0;
    case "u32":
      return (fill ?? 0) >>> 0;
    case "bool":
      return Number((fill ?? 0) !== 0);
  }
}

/** The fill as a uniform: the bits in which a device stores it, or a double. */
export function fillUniform(dtype: DType, params: GatherParams): Uniform {
  const fill = fillOf(dtype, params);
  return dtype === "f64" ? { f64: fill } : storedBits(dtype, fill);
}

/** The bits in which a device stores a number of at most 32 bits. */
export function storedBits(dtype: DType, value: number): number {
  if (dtype === "f16") return new Uint16Array(new Float16Array([value]).buffer)[0];
  return dtype === "f32" ? new Uint32Array(new Float32Array([value]).buffer)[0] : value >>> 0;
}
