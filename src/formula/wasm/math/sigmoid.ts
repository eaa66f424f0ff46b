import type { FloatLanes, V } from "../lanes.ts";
import { expOfNegative } from "./exponential.ts";

/** 1 / (1 + exp(-x)); for negative x exp(x) / (1 + exp(x)), so that small values keep their digits. */
export function sigmoid(m: FloatLanes, x: V): V {
  const one = m.constant(1);
  const e = expOfNegative(m, m.neg(m.abs(x)));
  const numerator = m.select(m.lt(x, m.constant(0)), e, one);
  return m.div(numerator, m.add(one, e));
}
