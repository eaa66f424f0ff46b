import type { Scalar } from "../formula/mod.ts";
import { floatLanes, type FunctionBuilder, integerLanes, type Lanes, type V } from "../formula/wasm/mod.ts";

/** Lanes of a scalar type with `a * b + c`: fused for floats where the engine can, modulo 2³² for integers. */
export function multiplyLanes(fn: FunctionBuilder, scalar: Scalar): Lanes & { madd: (a: V, b: V, c: V) => V } {
  if (scalar === "f32" || scalar === "f64") return floatLanes(fn, scalar);
  const integer = integerLanes(fn, scalar);
  return { ...integer, madd: (a, b, c) => integer.add(integer.mul(a, b), c) };
}
