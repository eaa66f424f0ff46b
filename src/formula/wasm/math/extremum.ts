import type { FloatLanes, V } from "../lanes.ts";

/**
 * The smaller or larger one, NaN if one is. Where one is a constant other than NaN that is a single instruction, but for
 * the larger of -0 and 0.
 */
export function extremum(m: FloatLanes, which: "min" | "max", a: V, b: V): V {
  if (m.known(a) !== undefined) [a, b] = [b, a];
  const bound = m.known(b);
  if (bound === undefined || Number.isNaN(bound)) return m[which](a, b);
  if (bound !== 0) return (which === "min" ? m.pmin : m.pmax)(a, b);
  return m[which](a, b);
}
