import type { KernelCall } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { joinScalar } from "./pairwise_join.ts";
import type { PairText } from "./pairwise_text.ts";
import { REDUCERS } from "./reducers.ts";
import type { Value } from "./value.ts";

/** What a kernel over tiles of pairs does with their values. */
export interface PairConsumer {
  readonly key: string;
  readonly write: Readonly<Record<string, Value>>;
  readonly helpers: ReadonlyMap<string, string>;
  /** Statements before the first tile; the invocation meets so many rows i. */
  readonly start: (rows: number) => string[];
  /** Takes the values of neighbouring pairs of row `i`, the invocation's row number `r` (texts); `j` is the first one's position. */
  readonly take: (r: string, i: string, j: string, values: readonly string[]) => string[];
  /** Statements after the last tile, for row `i`; `slot` is the number of this accumulator among those of the row. */
  readonly finish: (r: string, i: string, slot: string) => string[];
  /** Records what is left to do. */
  readonly join: () => void;
}

/** Reduces the pairs; each row has `slots` accumulators, which are joined afterwards. */
export function reducePairs(call: KernelCall<PairwiseParams>, slots: number, text: PairText): PairConsumer {
  const reduction = call.params.reduction as Exclude<typeof call.params.reduction, "softmax">;
  const { n, m, scalar } = text.layout, reducer = REDUCERS[reduction], { fields } = reducer;
  const typeOf = (kind: "value" | "index") => kind === "index" ? "u32" as const : scalar;
  const partials = Object.fromEntries(
    fields.map((f) => [`part_${f.name}`, call.temporary({ shape: [slots * n], dtype: typeOf(f.kind) })]),
  );
  return {
    key: reduction,
    write: partials,
    helpers: reducer.helpers(scalar),
    start: (rows) =>
      fields.flatMap((f, k) => [
        `var kept_${f.name}: array<${typeOf(f.kind)}, ${rows}>;`,
        `for (var r = 0u; r < ${rows}u; r++) { kept_${f.name}[r] = ${reducer.init(scalar)[k]}; }`,
      ]),
    take: (r, _, j, values) => [
      ...fields.map((f) => `var a_${f.name} = kept_${f.name}[${r}];`),
      reducer.step("a", values, values.map((_, q) => `(${j} + ${q}u)`), scalar),
      ...fields.map((f) => `kept_${f.name}[${r}] = a_${f.name};`),
    ],
    finish: (r, i, slot) => fields.map((f) => `part_${f.name}[(${slot}) * p.n + ${i}] = kept_${f.name}[${r}];`),
    join: () => joinScalar(call, reduction, partials, slots, n, m),
  };
}

/** Stores the pairs. */
export function storePairs(out: Value): PairConsumer {
  return {
    key: "store",
    write: { y: out },
    helpers: new Map(),
    start: () => [],
    take: (_, i, j, values) => values.map((v, q) => `y[${i} * p.m + ${j} + ${q}u] = ${v};`),
    finish: () => [],
    join: () => {},
  };
}
