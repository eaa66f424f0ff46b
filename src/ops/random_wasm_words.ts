import { type FunctionBuilder, i32, i32x4, i64x2, lanes, type V, v128 } from "../formula/wasm/mod.ts";
import { MULTIPLIERS, ROUNDS, WEYL } from "./philox.ts";

/** The even 32-bit words of two vectors, or the odd ones. */
const EVEN = lanes(4, 0, 2, 4, 6), ODD = lanes(4, 1, 3, 5, 7);

/** High words of the products of unsigned lanes. */
export function mulHighLanes(fn: FunctionBuilder, a: V, b: V): V {
  return fn.let(v128.shuffle(i64x2.extmulLowI32x4U(a, b), i64x2.extmulHighI32x4U(a, b), ODD));
}

/** Low words of a · b / 2^by, the products taken in full. */
export function mulShifted(fn: FunctionBuilder, a: V, b: V, by: number): V {
  const part = (product: V) => i64x2.shrU(product, i32.const(by));
  return fn.let(v128.shuffle(part(i64x2.extmulLowI32x4U(a, b)), part(i64x2.extmulHighI32x4U(a, b)), EVEN));
}

/** Four words for each of four counters (`philox` of `philox.ts`, word for word): a vector for each word. */
export function philoxLanes(fn: FunctionBuilder, counter: readonly [V, V, V, V], key: readonly [V, V]): V[] {
  const [first, second] = MULTIPLIERS.map((m) => fn.once(`multiplier ${m}`, () => i32x4.const(m | 0)));
  let [c0, c1, c2, c3] = counter, [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = [[first, c0], [second, c2]].map(([m, c]) => [
      fn.let(i64x2.extmulLowI32x4U(m, c)),
      fn.let(i64x2.extmulHighI32x4U(m, c)),
    ]);
    const high = ([low, top]: V[]) => v128.shuffle(low, top, ODD),
      low = ([low, top]: V[]) => v128.shuffle(low, top, EVEN);
    [c0, c1, c2, c3] = [
      fn.let(v128.xor(v128.xor(high(b), c1), k0)),
      fn.let(low(b)),
      fn.let(v128.xor(v128.xor(high(a), c3), k1)),
      fn.let(low(a)),
    ];
    [k0, k1] = [k0, k1].map((k, q) => fn.let(i32x4.add(k, i32x4.const(WEYL[q] | 0))));
  }
  return [c0, c1, c2, c3];
}

/** Rows of four vectors as columns. */
export function transposed(fn: FunctionBuilder, [a, b, c, d]: readonly V[]): V[] {
  const low = lanes(4, 0, 4, 1, 5), high = lanes(4, 2, 6, 3, 7), first = lanes(8, 0, 2), second = lanes(8, 1, 3);
  return [low, high].flatMap((half) => {
    const ab = fn.let(v128.shuffle(a, b, half)), cd = fn.let(v128.shuffle(c, d, half));
    return [fn.let(v128.shuffle(ab, cd, first)), fn.let(v128.shuffle(ab, cd, second))];
  });
}
