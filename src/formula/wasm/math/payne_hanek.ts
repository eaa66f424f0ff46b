import type { FunctionBuilder } from "../function_builder.ts";
import { call, type FunctionReference, type WasmModule } from "../module_builder.ts";
import { f64, i32, i64, select } from "../scalar.ts";
import { f64x2 } from "../simd.ts";
import type { Value } from "../value.ts";

/** The first 1280 bits of 2/π after the point. */
export const TWO_OVER_PI = "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561" +
  "b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484" +
  "e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980f" +
  "ef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b" +
  "3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d";

/** Words of 32 bits that the mantissa is multiplied by. */
const WORDS = 6;

/**
 * The angle x modulo π/2, for doubles of any size: gives r in [-π/4, π/4], and n modulo 4, with x = n π/2 + r.
 *
 * x = mantissa 2^e. The bits of 2/π whose product with x is a multiple of 4 are left out; the mantissa times the next 192
 * bits, of which the first two are the quadrant, is exact in all digits that matter (Payne and Hanek 1983).
 */
export function payneHanek(module: WasmModule): FunctionReference<readonly ["f64"], "v128"> {
  return module.helper("payneHanek", ["f64"], "v128", (fn) => {
    const [x] = fn.params;
    const finite = f64.lt(f64.abs(x), f64.const(Infinity));
    fn.if(i32.eqz(finite), () => fn.return(f64x2.splat(f64.const(NaN))));
    const bits = fn.let(i64.reinterpret(f64.abs(x)));
    const mantissa = i64.or(i64.and(bits, i64.const((1n << 52n) - 1n)), i64.const(1n << 52n));
    const exponent = fn.let(i32.sub(i32.wrap(i64.shrU(bits, i64.const(52))), i32.const(1075)));
    const limbs = product(fn, fn.let(mantissa), fn.let(i32.sub(exponent, i32.const(2))));
    return signedAngle(fn, limbs, x);
  });
}

const LOW_WORD = i64.const(0xffffffff);

/** The product modulo 2^192 with the six words of 2/π from bit `start` on, as six words, lowest first. */
function product(fn: FunctionBuilder, mantissa: Value<"i64">, start: Value<"i32">): Value<"i64">[] {
  const table = wordOfTwoOverPi(fn.module);
  const shift = i64.extendU(i32.and(start, i32.const(31)));
  const words = Array.from(
    { length: WORDS + 1 },
    (_, k) => fn.let(call(table, i32.add(i32.shrS(start, i32.const(5)), i32.const(k)))),
  );
  const shifted = Array.from({ length: WORDS }, (_, k) => {
    const pair = i64.or(i64.shl(words[k], i64.const(32)), words[k + 1]);
    return fn.let(i64.shrU(i64.shl(pair, shift), i64.const(32)));
  }).reverse();
  const limbs = shifted.map(() => fn.variable(i64.const(0)));
  const halves = [i64.and(mantissa, LOW_WORD), i64.shrU(mantissa, i64.const(32))].map((half) => fn.let(half));
  halves.forEach((half, place) => {
    const carry = fn.variable(i64.const(0));
    for (let k = 0; k + place < WORDS; k++) {
      const limb = limbs[k + place];
      const sum = fn.let(i64.add(i64.add(i64.mul(half, shifted[k]), limb), carry));
      fn.set(limb, i64.and(sum, LOW_WORD));
      fn.set(carry, i64.shrU(sum, i64.const(32)));
    }
  });
  return limbs;
}

/** The fraction, moved to [-1/2, 1/2), times π/2, and the quadrant. */
function signedAngle(fn: FunctionBuilder, limbs: readonly Value<"i64">[], x: Value<"f64">): Value<"v128"> {
  const [, one, two, three, four, five] = limbs;
  const join = (high: Value<"i64">, low: Value<"i64">) => i64.or(i64.shl(high, i64.const(32)), low);
  const drop2 = (high: Value<"i64">, below: Value<"i64">) =>
    fn.let(i64.or(i64.shl(high, i64.const(2)), i64.shrU(below, i64.const(30))));
  const high = drop2(join(five, four), three);
  const low = drop2(join(three, two), one);
  const isUpper = fn.let(i64.shrU(high, i64.const(63)));
  const n = fn.let(i64.add(i64.shrU(five, i64.const(30)), isUpper));
  // The magnitude: the two's complement of 128 bits where the fraction is 1/2 or more.
  const all = fn.let(i64.sub(i64.const(0), isUpper));
  const lowMagnitude = fn.let(i64.add(i64.xor(low, all), isUpper));
  const carry = i64.extendU(i32.and(i64.eqz(lowMagnitude), i32.wrap(isUpper)));
  const highMagnitude = fn.let(i64.add(i64.xor(high, all), carry));
  const zeros = fn.let(i64.clz(highMagnitude));
  const leading = fn.let(select(
    i64.eqz(zeros),
    highMagnitude,
    i64.or(i64.shl(highMagnitude, zeros), i64.shrU(lowMagnitude, i64.sub(i64.const(64), zeros))),
  ));
  // The leading 53 bits and the 11 after them, times both parts of π/2.
  const main = fn.let(f64.convertI64U(i64.and(leading, i64.const(-2048))));
  const rest = f64.convertI64U(i64.and(leading, i64.const(2047)));
  const small = f64.add(f64.mul(main, f64.const(6.123233995736766e-17)), f64.mul(rest, f64.const(Math.PI / 2)));
  const scaled = f64.add(f64.mul(main, f64.const(Math.PI / 2)), small);
  const power = f64.reinterpret(i64.shl(i64.sub(i64.const(1023 - 64), zeros), i64.const(52)));
  const angle = fn.let(f64.mul(scaled, power));
  const isNegative = f64.lt(x, f64.const(0));
  const opposite = i32.xor(i32.wrap(isUpper), isNegative);
  const quadrant = fn.let(f64.convertI64U(i64.and(n, i64.const(3))));
  const r = select(opposite, f64.neg(angle), angle);
  return f64x2.replaceLane(f64x2.splat(r), 1, select(isNegative, f64.neg(quadrant), quadrant));
}

/** Word k of 2/π: bits 32 k to 32 k + 31 after the point; 0 before it. */
function wordOfTwoOverPi(module: WasmModule): FunctionReference<readonly ["i32"], "i64"> {
  return module.helper("wordOfTwoOverPi", ["i32"], "i64", (fn) => {
    const [k] = fn.params;
    const word = fn.local("i64");
    const words = TWO_OVER_PI.match(/.{8}/g)!;
    fn.switch(k, [...words.map((hex) => () => fn.set(word, i64.const(Number(`0x${hex}`)))), () => {}]);
    return word;
  });
}
