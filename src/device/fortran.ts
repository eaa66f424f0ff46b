import type { NativeFunction } from "./native_library.ts";

/** Arrays that BLAS and LAPACK compute with. */
export type FloatArray = Float32Array | Float64Array;

/** The precisions of BLAS and LAPACK, by the letter with which their routines begin. */
export const PRECISIONS = { s: Float32Array, d: Float64Array } as const;

/** A letter with which routines begin. */
export type Precision = keyof typeof PRECISIONS;

/** The letter for an array. */
export function precisionOf(array: FloatArray): Precision {
  return array instanceof Float32Array ? "s" : "d";
}

/**
 * A Fortran subroutine of so many arguments, `letters` of which are characters. All go by address; compilers add the lengths of
 * the characters at the end, and who needs none does not look.
 */
export function subroutine(name: string, count: number, letters: number): NativeFunction {
  return {
    names: [`${name}_`, name],
    parameters: [...new Array(count).fill("buffer" as const), ...new Array(letters).fill("usize" as const)],
    result: "void",
  };
}

/** Arguments that are only read are made once. */
const integers: Int32Array[] = [], letters = new Map<string, Uint8Array>();

/**
 * A whole number as an argument that is only read. It has 64 bits, of which libraries read the lower half, so that those with 64-bit
 * integers are not led astray before they are found out.
 */
export function integer(value: number): Int32Array {
  if (value < 0 || value > 1024) return new Int32Array([value, value < 0 ? -1 : 0]);
  return integers[value] ??= new Int32Array([value, 0]);
}

/** A whole number that is written, in 64 bits too. */
export function result(): Int32Array {
  return new Int32Array(2);
}

/** A character as an argument. */
export function letter(value: string): Uint8Array {
  let made = letters.get(value);
  if (!made) letters.set(value, made = new Uint8Array([value.charCodeAt(0)]));
  return made;
}
