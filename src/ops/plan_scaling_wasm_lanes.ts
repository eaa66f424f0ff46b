import { exp, type FloatLanes, lanes as laneBytes, log, type V, v128, type Value } from "../formula/wasm/mod.ts";
import { HELD } from "./plan_scaling_layout.ts";

/** Lanes of two vectors by their numbers: those of the second come after those of the first. */
function take(m: FloatLanes, x: V, y: V, ...indices: number[]): V {
  return m.fn.let(v128.shuffle(x, y, laneBytes(m.pick(4, 8), ...indices)));
}

/** The sum of the lanes of each of as many vectors, in its lane. */
export function sumEach(m: FloatLanes, totals: readonly V[]): V {
  const [a, b, c, d] = totals;
  if (m.scalar === "f64") return m.add(take(m, a, b, 0, 2), take(m, a, b, 1, 3));
  const low = m.add(take(m, a, b, 0, 4, 1, 5), take(m, a, b, 2, 6, 3, 7));
  const high = m.add(take(m, c, d, 0, 4, 1, 5), take(m, c, d, 2, 6, 3, 7));
  return m.add(take(m, low, high, 0, 1, 4, 5), take(m, low, high, 2, 3, 6, 7));
}

/** One lane in all. */
export function spreadLane(m: FloatLanes, x: V, lane: number): V {
  return take(m, x, x, ...Array<number>(m.count).fill(lane));
}

/** The largest lane in all, NaN if one is. */
export function largestLane(m: FloatLanes, x: V): V {
  let largest = x;
  for (let half = m.count / 2; half >= 1; half /= 2) {
    largest = m.max(largest, take(m, largest, largest, ...Array.from({ length: m.count }, (_, k) => k ^ half)));
  }
  return largest;
}

/** u (w / (u s))^ω in bounds, 0 without weight w. */
export function renewScaling(
  m: FloatLanes,
  u: V,
  s: V,
  w: V,
  { omega, relaxed }: { omega: V; relaxed: Value<"i32"> },
): V {
  const within = (x: V) => m.pmin(m.pmax(x, m.constant(1 / HELD)), m.constant(HELD));
  const by = m.fn.variable(m.div(w, within(m.mul(u, s))));
  m.fn.if(relaxed, () => m.fn.set(by, exp(m, m.mul(omega, log(m, by)))));
  return m.and(within(m.mul(u, by)), m.gt(w, m.constant(0)));
}
