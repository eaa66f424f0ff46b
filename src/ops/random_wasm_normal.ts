import { f32x4, f64x2, type FunctionBuilder, i32, i32x4, lanes, type V, v128 } from "../formula/wasm/mod.ts";
import { FRACTION, R, S, TWO_LN2 } from "./random_normal.ts";
import { mulHighLanes, mulShifted } from "./random_wasm_words.ts";

/** `boxMuller` of `random_normal.ts` in four lanes, step for step. There are no shifts by lane: powers of two multiply instead. */
export function boxMullerLanes(fn: FunctionBuilder, first: V, second: V): [V, V] {
  const word = (value: number) => fn.once(`word ${value | 0}`, () => i32x4.const(value | 0));
  const high = (a: V, b: V) => mulHighLanes(fn, a, b), by = (count: number) => i32.const(count);
  const polynomial = (coefficients: readonly number[], x: V): V =>
    coefficients.slice(1).reduce((y, c) => {
      const negative = v128.and(x, i32x4.shrS(y, by(31)));
      return fn.let(i32x4.add(word(c), i32x4.sub(high(y, x), negative)));
    }, word(coefficients[0]));

  const zeros = leadingZeros(fn, first);
  const odd = v128.or(i32x4.shl(first, by(1)), word(1));
  const g = fn.let(i32x4.neg(i32x4.mul(odd, powerOfTwo(fn, v128.and(zeros, word(31))))));
  const ratio = polynomial(R, g);
  const scaledHigh = high(g, ratio), scaledLow = i32x4.mul(g, ratio);
  const partLow = fn.let(v128.or(i32x4.shl(scaledHigh, by(28)), i32x4.shrU(scaledLow, by(4))));
  const low = fn.let(i32x4.add(i32x4.mul(zeros, word(TWO_LN2[1])), partLow));
  const sum = i32x4.add(
    i32x4.add(i32x4.mul(zeros, word(TWO_LN2[0])), high(zeros, word(TWO_LN2[1]))),
    i32x4.shrU(scaledHigh, by(4)),
  );
  // A mask is −1, so that subtracting it carries.
  const radius = squareRoot(fn, fn.let(i32x4.sub(sum, i32x4.ltU(low, partLow))), low);

  const quarter = fn.let(i32x4.shrU(second, by(30))), x = fn.let(v128.or(i32x4.shl(second, by(2)), word(2)));
  const quarterSine = (x: V) => high(polynomial(S, high(x, x)), x);
  const sine = quarterSine(x), cosine = quarterSine(fn.let(i32x4.neg(x)));
  const isOdd = fn.let(i32x4.eq(v128.and(quarter, word(1)), word(1)));
  const number = (part: V, negative: V): V => {
    const rounded = fn.let(i32x4.shrU(i32x4.add(high(radius, part), word(32)), by(6)));
    const signed = v128.bitselect(negative, i32x4.neg(rounded), rounded);
    return fn.let(f32x4.mul(f32x4.convertI32x4S(signed), f32x4.const(2 ** -FRACTION)));
  };
  const middle = v128.or(i32x4.eq(quarter, word(1)), i32x4.eq(quarter, word(2)));
  return [
    number(fn.let(v128.bitselect(isOdd, sine, cosine)), middle),
    number(fn.let(v128.bitselect(isOdd, cosine, sine)), i32x4.geU(quarter, word(2))),
  ];
}

/** Unsigned lanes as doubles, the first two and the last two. */
function doubles(fn: FunctionBuilder, x: V): [V, V] {
  return [fn.let(f64x2.convertLowI32x4U(x)), fn.let(f64x2.convertLowI32x4U(v128.shuffle(x, x, lanes(4, 2, 3, 2, 3))))];
}

/** Doubles as unsigned lanes, cut off. */
function words(fn: FunctionBuilder, [low, high]: readonly V[]): V {
  const [a, b] = [low, high].map((half) => i32x4.truncSatF64x2UZero(half));
  return fn.let(v128.shuffle(a, b, lanes(4, 0, 1, 4, 5)));
}

/** From the exponents as doubles; 32 for 0. */
function leadingZeros(fn: FunctionBuilder, x: V): V {
  const [low, high] = doubles(fn, x),
    exponent = i32x4.shrU(v128.shuffle(low, high, lanes(4, 1, 3, 5, 7)), i32.const(20));
  return fn.let(i32x4.minS(i32x4.sub(i32x4.const(1023 + 31), exponent), i32x4.const(32)));
}

/** 2^k for k from 0 to 31. */
function powerOfTwo(fn: FunctionBuilder, k: V): V {
  return fn.let(i32x4.truncSatF32x4U(i32x4.shl(i32x4.add(k, i32x4.const(127)), i32.const(23))));
}

/** Square roots of positive 64-bit numbers: the upper half by a root in double precision, cut off, which is exact. */
function squareRoot(fn: FunctionBuilder, high: V, low: V): V {
  const small = fn.let(i32x4.eq(high, i32x4.const(0)));
  const begin = fn.let(v128.bitselect(small, low, high)), after = fn.let(v128.andnot(low, small));
  const shift = fn.let(v128.and(leadingZeros(fn, begin), i32x4.const(30))), power = powerOfTwo(fn, shift);
  const top = fn.let(i32x4.add(i32x4.mul(begin, power), mulHighLanes(fn, after, power)));
  const rest = fn.let(i32x4.mul(after, power));
  const root = words(fn, doubles(fn, top).map((x) => f64x2.sqrt(x)));
  const remainder = i32x4.sub(top, i32x4.mul(root, root));
  const numerator = fn.let(i32x4.add(i32x4.shl(remainder, i32.const(15)), i32x4.shrU(rest, i32.const(17))));
  const [above, below] = [doubles(fn, numerator), doubles(fn, root)];
  const quotient = i32x4.minU(words(fn, above.map((n, half) => f64x2.div(n, below[half]))), i32x4.const(0xffff));
  const whole = fn.let(i32x4.add(i32x4.shl(root, i32.const(16)), quotient));
  const back = i32x4.add(v128.and(small, i32x4.const(16)), i32x4.shrU(shift, i32.const(1)));
  return mulShifted(fn, whole, powerOfTwo(fn, fn.let(i32x4.sub(i32x4.const(31), back))), 31);
}
