import type { Case } from "./define.ts";
import { sizeOf } from "./value.ts";

/** Elements that a case may read to be run once more. */
const MOST = 4000;
/** Elements up to which its gradient is too: differences take long. */
const MOST_FOR_GRADIENT = 100;

/** The small ones of some input sets in single precision, in double precision. */
export function inDouble<P>(cases: readonly Case<P>[]): Case<P>[] {
  return cases.flatMap((one): Case<P>[] => {
    const arrays = Object.values(one.inputs).filter((input) => typeof input !== "number");
    const size = arrays.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const isSingle = arrays.some(({ dtype }) => dtype === undefined) &&
      arrays.every(({ dtype }) => dtype !== "f16" && dtype !== "f64");
    if (!isSingle || size > MOST) return [];
    return [{
      ...one,
      name: `f64, ${one.name}`,
      inputs: Object.fromEntries(
        Object.entries(one.inputs).map((
          [name, input],
        ) => [name, typeof input === "number" ? input : { dtype: "f64" as const, ...input }]),
      ),
      gradient: one.gradient !== false && size <= MOST_FOR_GRADIENT,
    }];
  });
}
