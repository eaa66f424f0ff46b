/**
 * Fast transforms of tensors along an axis, batched, of any length: {@linkcode fft} and its relatives, {@linkcode dct},
 * {@linkcode dst}, {@linkcode hadamard}. All are made of products with small matrices, so they are fast where products
 * are, and differentiable.
 *
 * @module
 */
export { dct, type DctOptions, dst, idct, idst, type TrigonometricType } from "./dct.ts";
export { type Complex, fft, type FftOptions, ifft, irfft, type Norm, rfft } from "./fft.ts";
export { hadamard, type HadamardOptions, type HadamardOrder } from "./hadamard.ts";
