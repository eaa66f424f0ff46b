import { byteSize, type DType } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import {
  f32x4,
  f64x2,
  type FunctionBuilder,
  i32,
  i32x4,
  lanes as laneBytes,
  type Statement,
  type V,
  v128,
  type Value,
} from "../formula/wasm/mod.ts";

/** How many elements of a scalar type are in a vector. */
export function laneCount(scalar: Scalar): number {
  return scalar === "f64" ? 2 : 4;
}

/** Neighbours from `address` on, as lanes of the scalar type. May read up to 15 bytes more than there are elements. */
export function loadLanes(fn: FunctionBuilder, scalar: Scalar, dtype: DType, address: Value<"i32">): V {
  const bytes = laneCount(scalar) * byteSize(dtype);
  const load = bytes === 16 ? v128.load : bytes === 8 ? v128.load64Zero : v128.load32Zero;
  return fromStored(fn, scalar, dtype, load(address));
}

/** One element in all lanes. */
export function loadSplat(fn: FunctionBuilder, scalar: Scalar, dtype: DType, address: Value<"i32">): V {
  const bytes = byteSize(dtype);
  const load = bytes === 8 ? v128.load64Splat : bytes === 4 ? v128.load32Splat : v128.load16Splat;
  return fromStored(fn, scalar, dtype, load(address));
}

/** Lanes that are loaded one at a time: `set` each in turn, then `value`. */
export function gatherLanes(fn: FunctionBuilder, dtype: DType): {
  set: (lane: number, address: Value<"i32">) => void;
  value: (scalar: Scalar) => V;
} {
  const raw = fn.local("v128");
  return {
    set: (lane, address) => {
      switch (byteSize(dtype)) {
        case 8:
          return fn.set(raw, lane === 0 ? v128.load64Zero(address) : v128.load64Lane(address, raw, lane));
        case 4:
          return fn.set(raw, lane === 0 ? v128.load32Zero(address) : v128.load32Lane(address, raw, lane));
        default:
          return fn.set(
            raw,
            lane === 0 ? i32x4.splat(i32.load16U(address)) : i32x4.replaceLane(raw, lane, i32.load16U(address)),
          );
      }
    },
    value: (scalar) =>
      dtype === "f16" ? convertLanes(fn, "f32", scalar, halfToSingle(fn, raw)) : fromStored(fn, scalar, dtype, raw),
  };
}

/** Stored elements at the low end of a vector, as lanes of the scalar type. */
function fromStored(fn: FunctionBuilder, scalar: Scalar, dtype: DType, stored: V): V {
  if (dtype === "f16") return convertLanes(fn, "f32", scalar, halfToSingle(fn, i32x4.extendLowI16x8U(stored)));
  return convertLanes(fn, dtype === "bool" ? "u32" : dtype, scalar, stored);
}

/** Low lanes of one scalar type as lanes of another; floats become integers by truncation, at the ends of the range if need be. */
export function convertLanes(fn: FunctionBuilder, from: Scalar, to: Scalar, value: V): V {
  const signed = from === "i32";
  if (from === to || (to !== "f32" && to !== "f64" && from !== "f32" && from !== "f64")) return fn.let(value);
  if (to === "f32") {
    if (from === "f64") return fn.let(f32x4.demoteF64x2Zero(value));
    return fn.let(signed ? f32x4.convertI32x4S(value) : f32x4.convertI32x4U(value));
  }
  if (to === "f64") {
    if (from === "f32") return fn.let(f64x2.promoteLowF32x4(value));
    return fn.let(signed ? f64x2.convertLowI32x4S(value) : f64x2.convertLowI32x4U(value));
  }
  if (from === "f32") {
    // Held to the largest f32 in the range, as WGSL does; NaN stays NaN through min and becomes 0.
    const most = fn.once(`largest f32 of ${to}`, () => f32x4.const(to === "i32" ? 2 ** 31 - 2 ** 7 : 2 ** 32 - 2 ** 8));
    const held = f32x4.min(value, most);
    return fn.let(to === "i32" ? i32x4.truncSatF32x4S(held) : i32x4.truncSatF32x4U(held));
  }
  return fn.let(to === "i32" ? i32x4.truncSatF64x2SZero(value) : i32x4.truncSatF64x2UZero(value));
}

/** Whether lanes are not 0, as a mask; NaN is not. */
export function notZero(scalar: Scalar, value: V): V {
  if (scalar === "f64") return f64x2.ne(value, f64x2.const(0));
  return scalar === "f32" ? f32x4.ne(value, f32x4.const(0)) : i32x4.ne(value, i32x4.const(0));
}

/** Stores lanes as neighbours from `address` on; `only` one of them if asked for. */
export function storeLanes(
  fn: FunctionBuilder,
  scalar: Scalar,
  dtype: DType,
  address: Value<"i32">,
  value: V,
  only?: "first",
): void {
  const lanes = only ? 1 : laneCount(scalar);
  if (dtype === "bool") {
    const mask = fn.let(notZero(scalar, value));
    const words = scalar === "f64" ? v128.shuffle(mask, mask, laneBytes(4, 0, 2, 0, 2)) : mask;
    return put(fn, 4 * lanes, address, v128.and(words, i32x4.const(1)));
  }
  if (dtype === "f16") {
    const half = singleToHalf(fn, convertLanes(fn, scalar, "f32", value));
    const packed = v128.shuffle(half, half, [0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13]);
    return put(fn, 2 * lanes, address, packed);
  }
  if (dtype === "f64" && lanes === 4) {
    const high = v128.shuffle(value, value, laneBytes(4, 2, 3, 2, 3));
    put(fn, 16, address, convertLanes(fn, scalar, "f64", value));
    return put(fn, 16, i32.add(address, i32.const(16)), convertLanes(fn, scalar, "f64", high));
  }
  put(fn, byteSize(dtype) * lanes, address, convertLanes(fn, scalar, dtype, value));
}

/** Stores the first bytes of a vector. */
function put(fn: FunctionBuilder, bytes: number, address: Value<"i32">, value: V): void {
  const lane: (a: Value<"i32">, v: V, lane: number) => Statement = bytes === 8
    ? v128.store64Lane
    : bytes === 4
    ? v128.store32Lane
    : v128.store16Lane;
  fn.run(bytes === 16 ? v128.store(address, value) : lane(address, value, 0));
}

/**
 * Half-precision bits in 32-bit lanes as f32. Exponent and mantissa move into place and are scaled by 2^112, which makes subnormal
 * numbers right too; infinities and NaN get the full exponent.
 */
function halfToSingle(fn: FunctionBuilder, half: V): V {
  const bits = fn.let(half), magnitude = fn.let(v128.and(bits, i32x4.const(0x7fff)));
  const scaled = f32x4.mul(i32x4.shl(magnitude, i32.const(13)), f32x4.const(2 ** 112));
  const special = v128.and(i32x4.gtS(magnitude, i32x4.const(0x7bff)), i32x4.const(0x7f800000));
  const sign = i32x4.shl(v128.and(bits, i32x4.const(0x8000)), i32.const(16));
  return fn.let(v128.or(v128.or(scaled, special), sign));
}

/** f32 lanes as half-precision bits in 32-bit lanes, rounded to nearest, ties to even. */
function singleToHalf(fn: FunctionBuilder, single: V): V {
  const magnitude = fn.let(v128.and(single, i32x4.const(0x7fffffff)));
  const sign = v128.and(i32x4.shrU(single, i32.const(16)), i32x4.const(0x8000));
  const odd = v128.and(i32x4.shrU(magnitude, i32.const(13)), i32x4.const(1));
  // Normal numbers: another exponent bias, and half of the last place (less one, plus the last bit) before cutting off.
  const normal = i32x4.shrU(
    i32x4.add(i32x4.add(magnitude, i32x4.const(((15 - 127) << 23) + 0xfff)), odd),
    i32.const(13),
  );
  // Below them the last place is 2^-24, that of 0.5 in f32: the addition rounds.
  const small = i32x4.sub(f32x4.add(magnitude, f32x4.const(0.5)), f32x4.const(0.5));
  const large = v128.bitselect(
    i32x4.gtS(magnitude, i32x4.const(0x7f800000)),
    i32x4.const(0x7e00),
    i32x4.const(0x7c00),
  );
  const finite = v128.bitselect(i32x4.ltS(magnitude, i32x4.const(0x38800000)), small, normal);
  const bits = v128.bitselect(i32x4.gtS(magnitude, i32x4.const(0x477fffff)), large, finite);
  return fn.let(v128.or(bits, sign));
}
