import { inDouble } from "./via_double.ts";
import type { FloatLanes, V } from "../lanes.ts";
import { call, type FunctionReference, type WasmModule } from "../module_builder.ts";
import { f64, i32, i64, select } from "../scalar.ts";
import { f64x2 } from "../simd.ts";

/** Quotients up to this have a product with each half of the divisor that is exact. */
const SMALL_QUOTIENT = 2 ** 24;

/**
 * The remainder with the sign of the divisor, exact. For small quotients q = round(a / b), a - q b is computed in two
 * exact steps with the leading and trailing bits of b. Otherwise by long division, lane by lane.
 */
export const mod = inDouble("mod", (m, a, b) => {
  const { fn } = m;
  const q = m.nearest(m.div(a, b));
  const leading = m.and(b, m.bits(-(1n << 26n)));
  const rest = m.sub(b, leading);
  const r = fn.variable(m.sub(m.sub(a, m.mul(q, leading)), m.mul(q, rest)));
  const easy = m.and(
    m.and(m.lt(m.abs(q), m.constant(SMALL_QUOTIENT)), m.gt(m.abs(b), m.constant(2 ** -900))),
    m.lt(m.abs(b), m.constant(2 ** 900)),
  );
  fn.if(m.any(m.not(easy)), () => {
    const long = remainder(fn.module);
    const lane = (k: number) => call(long, f64x2.extractLane(a, k), f64x2.extractLane(b, k));
    const exact = fn.let(f64x2.replaceLane(f64x2.splat(lane(0)), 1, lane(1)));
    fn.set(r, m.select(easy, r, exact));
  });
  return floored(m, r, a, b);
});

/** The remainder moved to the sign of the divisor; a zero takes the sign of the dividend. */
function floored(m: FloatLanes, r: V, a: V, b: V): V {
  const zero = m.constant(0);
  const opposite = m.or(m.and(m.lt(r, zero), m.gt(b, zero)), m.and(m.gt(r, zero), m.lt(b, zero)));
  const moved = m.select(opposite, m.add(r, b), r);
  return m.select(m.eq(r, zero), m.copySign(zero, a), moved);
}

/** The remainder of |a| by |b| with the sign of a, as C's fmod: by long division of the mantissas. */
function remainder(module: WasmModule): FunctionReference<readonly ["f64", "f64"], "f64"> {
  return module.helper("fmod", ["f64", "f64"], "f64", (fn) => {
    const [a, b] = fn.params;
    const x = fn.variable(f64.abs(a));
    const y = fn.let(f64.abs(b));
    const infinity = f64.const(Infinity);
    const zero = f64.const(0);
    // Not a number, infinite dividend, or a divisor of 0.
    fn.if(i32.eqz(i32.and(f64.lt(x, infinity), f64.gt(y, zero))), () => fn.return(f64.const(NaN)));
    fn.if(f64.lt(x, y), () => fn.return(a));
    // Mantissas and exponents, such that each is mantissa 2^exponent.
    const parts = (value: typeof y) => {
      const bits = fn.let(i64.reinterpret(value));
      const field = fn.let(i64.shrU(bits, i64.const(52)));
      const fraction = fn.let(i64.and(bits, i64.const((1n << 52n) - 1n)));
      const normal = i64.or(fraction, i64.const(1n << 52n));
      const mantissa = fn.variable(select(i64.eqz(field), fraction, normal));
      const exponent = fn.let(i32.wrap(select(i64.eqz(field), i64.const(1), field)));
      return { mantissa, exponent };
    };
    const p = parts(x);
    const d = parts(y);
    const steps = fn.variable(i32.sub(p.exponent, d.exponent));
    const reduce = () => fn.set(p.mantissa, i64.remU(p.mantissa, d.mantissa));
    // A remainder has 53 bits, so eleven more can be brought in at once.
    fn.loop((again) => {
      reduce();
      const by = fn.let(select(i32.ltS(steps, i32.const(11)), steps, i32.const(11)));
      fn.set(p.mantissa, i64.shl(p.mantissa, i64.extendU(by)));
      fn.set(steps, i32.sub(steps, by));
      fn.br(again, by);
    });
    // mantissa 2^(exponent - 1075), a power that may be below the normal numbers.
    const exponent = fn.let(i64.extendU(d.exponent));
    const isNormal = i32.geS(d.exponent, i32.const(53));
    const normal = i64.shl(i64.sub(exponent, i64.const(52)), i64.const(52));
    const small = i64.shl(i64.const(1), i64.sub(exponent, i64.const(1)));
    const value = f64.mul(f64.convertI64U(p.mantissa), f64.reinterpret(select(isNormal, normal, small)));
    return f64.copysign(value, a);
  });
}
