/** Multipliers of the second and first half of a counter. */
export const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** What is added to the key after each round. */
export const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
/** Rounds of Philox4x32-10. */
export const ROUNDS = 10;

/** High word of the product of two 32-bit words. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const middle = Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16) | 0;
  const low = Math.imul(a0, b1) + (middle & 0xffff) | 0;
  return Math.imul(a1, b1) + (middle >>> 16) + (low >>> 16) >>> 0;
}

/** Low and high word of a whole number under 2^53. */
export function toWords(value: number): [low: number, high: number] {
  return [value >>> 0, Math.floor(value / 2 ** 32)];
}

/**
 * Philox4x32-10: four random words for a counter of four words under a key of two (Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011, section 3.2).
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  // As signed integers throughout, which is what engines keep in registers.
  let c0 = counter[0] | 0,
    c1 = counter[1] | 0,
    c2 = counter[2] | 0,
    c3 = counter[3] | 0,
    k0 = key[0] | 0,
    k1 = key[1] | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const first = mulHigh(MULTIPLIERS[0], c0) | 0, second = mulHigh(MULTIPLIERS[1], c2) | 0;
    const low = Math.imul(MULTIPLIERS[0], c0);
    c0 = second ^ c1 ^ k0;
    c1 = Math.imul(MULTIPLIERS[1], c2);
    c2 = first ^ c3 ^ k1;
    c3 = low;
    k0 = k0 + WEYL[0] | 0;
    k1 = k1 + WEYL[1] | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * WGSL `mul_high(a, b) -> u32` and `philox(counter, key) -> vec4<u32>`, word for word the functions above; `int64` multiplies in
 * 64 bits where a device has them.
 */
export function philoxText(int64: boolean): string {
  const product = int64 ? "return u32((u64(a) * u64(b)) >> 32u);" : `let a0 = a & 0xffffu; let a1 = a >> 16u;
  let b0 = b & 0xffffu; let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let low = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (low >> 16u);`;
  return `fn mul_high(a: u32, b: u32) -> u32 {
  ${product}
}
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    c = vec4<u32>(
      mul_high(${MULTIPLIERS[1]}u, c.z) ^ c.y ^ k.x,
      ${MULTIPLIERS[1]}u * c.z,
      mul_high(${MULTIPLIERS[0]}u, c.x) ^ c.w ^ k.y,
      ${MULTIPLIERS[0]}u * c.x,
    );
    k += vec2<u32>(${WEYL[0]}u, ${WEYL[1]}u);
  }
  return c;
}`;
}
