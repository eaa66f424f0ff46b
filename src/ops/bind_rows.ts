import type { HostInputs } from "./define.ts";

/** Host inputs as a compiled pairwise formula reads them: numbers, or rows of a width. */
export function bindRows(inputs: HostInputs): Record<string, { data: ArrayLike<number>; width: number } | number> {
  const bound: Record<string, { data: ArrayLike<number>; width: number } | number> = Object.create(null);
  for (const [name, v] of Object.entries(inputs)) {
    bound[name] = typeof v === "number"
      ? v
      : v.shape.length === 0
      ? v.data[0]
      : { data: v.data, width: v.shape[1] ?? 1 };
  }
  return bound;
}
