/** Element types of tensors. `bool` is stored as `u32` 0 or 1, because WGSL has no shareable boolean. */
export type DType = "f32" | "f16" | "f64" | "i32" | "u32" | "bool";

/** Typed arrays that hold a dtype on the host. */
export type TypedArray =
  | Float32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>;

/** Every dtype, in the order of {@linkcode promote}. */
export const DTYPES: readonly DType[] = ["bool", "u32", "i32", "f16", "f32", "f64"];

const BYTES: Record<DType, number> = { f32: 4, f16: 2, f64: 8, i32: 4, u32: 4, bool: 4 };

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return BYTES[dtype];
}

/** True for `f16`, `f32`, `f64`. */
export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16" || dtype === "f64";
}

/** Unit roundoff u of a floating dtype (half the distance from 1 to the next number); 0 for the exact dtypes. */
export function roundoff(dtype: DType): number {
  return dtype === "f32" ? 2 ** -24 : dtype === "f16" ? 2 ** -11 : dtype === "f64" ? 2 ** -53 : 0;
}

/** A typed array over `buffer` that reads it as `dtype`. */
export function typedView(dtype: DType, buffer: ArrayBuffer, byteOffset = 0, length?: number): TypedArray {
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, byteOffset, length);
    case "f16":
      return new Float16Array(buffer, byteOffset, length);
    case "f64":
      return new Float64Array(buffer, byteOffset, length);
    case "i32":
      return new Int32Array(buffer, byteOffset, length);
    default:
      return new Uint32Array(buffer, byteOffset, length);
  }
}

/** A new zeroed typed array for `dtype`. */
export function typedArray(dtype: DType, length: number): TypedArray {
  return typedView(dtype, new ArrayBuffer(length * BYTES[dtype]));
}

/**
 * The dtype of the result of arithmetic on the given dtypes: the widest float if there is one; an integer only if all are
 * integers or booleans (mixed `i32` and `u32` give `i32`). An `i32` or `u32` beside an `f16` gives `f32`.
 */
export function promote(...dtypes: DType[]): DType {
  let best: DType = "bool";
  for (const dtype of dtypes) {
    if (DTYPES.indexOf(dtype) > DTYPES.indexOf(best)) best = dtype;
  }
  const integer = dtypes.some((d) => d === "i32" || d === "u32");
  return best === "f16" && integer ? "f32" : best;
}
