import { check, compilePairwise, nearest, parse, type Signature } from "../../formula/mod.ts";

/**
 * A cost between the cells of a grid that is a sum over the axes, Σ_k c_k(x_k, y_k): by name, or the formula of a term over the cells'
 * coordinates `x[i]` and `y[j]` on one axis, for all axes or one per axis.
 * `sqeuclidean` |x − y|² · `cityblock` Σ |x_k − y_k| · `"abs(x[i] - y[j])^1.5"` Σ |x_k − y_k|^1.5.
 */
export type GridCost = "sqeuclidean" | "cityblock" | (string & Record<never, never>) | readonly string[];

const NAMES: Readonly<Record<string, string>> = {
  sqeuclidean: "square(x[i] - y[j])",
  cityblock: "abs(x[i] - y[j])",
};

/** Costs on one axis of s cells. */
export interface AxisCost {
  readonly size: number;
  /** `[s, s]`, row by row. */
  readonly values: Float64Array;
  /** The largest and the smallest of them. */
  readonly largest: number;
  readonly smallest: number;
  readonly symmetric: boolean;
}

/** The costs of every axis; cell i of an axis lies at i times its spacing. */
export function axisCosts(cost: GridCost, sizes: readonly number[], spacing: readonly number[]): AxisCost[] {
  if (typeof cost !== "string" && !(Array.isArray(cost) && cost.every((c) => typeof c === "string"))) {
    throw new TypeError(`Expected "cost" to be a name, a formula or one of these per axis, got ${typeof cost}`);
  }
  const all = typeof cost === "string" ? sizes.map(() => cost) : cost;
  if (all.length !== sizes.length) {
    throw new TypeError(`Expected ${sizes.length} formulas in "cost", one per axis, got ${all.length}`);
  }
  return sizes.map((size, axis) => axisCost(formulaOf(all[axis]), size, spacing[axis], axis));
}

function formulaOf(cost: string): string {
  if (Object.hasOwn(NAMES, cost)) return NAMES[cost];
  if (cost === "euclidean") {
    throw new TypeError(
      'The cost "euclidean" is no sum over the axes of a grid: take "sqeuclidean" or "cityblock", or sinkhorn between points',
    );
  }
  if (/^[A-Za-z]+$/.test(cost)) {
    const hint = nearest(cost, Object.keys(NAMES));
    throw new TypeError(
      `Unknown cost "${cost}" on a grid${
        hint ? `, did you mean "${hint}"?` : ""
      }; a formula looks like "abs(x[i] - y[j])"`,
    );
  }
  return cost;
}

function axisCost(formula: string, size: number, spacing: number, axis: number): AxisCost {
  const expr = parse(formula), places = Float64Array.from({ length: size }, (_, k) => k * spacing);
  const signature: Signature = { x: { kind: "row" }, y: { kind: "row" } };
  check(expr, signature, formula);
  const at = compilePairwise(expr, signature, { x: { data: places, width: 1 }, y: { data: places, width: 1 } });
  const values = new Float64Array(size * size);
  let largest = -Infinity, smallest = Infinity, symmetric = true;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const c = values[i * size + j] = at(i, j, 0);
      if (!Number.isFinite(c)) {
        throw new RangeError(`Expected finite costs, got ${c} between cells ${i} and ${j} of axis ${axis}`);
      }
      largest = Math.max(largest, c);
      smallest = Math.min(smallest, c);
      if (j < i && c !== values[j * size + i]) symmetric = false;
    }
  }
  return { size, values, largest, smallest, symmetric };
}

/** Distances between neighbors, one for all axes or one per axis. */
export function requireSpacing(spacing: number | readonly number[] = 1, axes: number): readonly number[] {
  const all = typeof spacing === "number" ? new Array<number>(axes).fill(spacing) : spacing;
  if (all.length !== axes) throw new TypeError(`Expected ${axes} numbers in "spacing", got ${all.length}`);
  for (const s of all) {
    if (!(s > 0 && s < Infinity)) throw new RangeError(`Expected "spacing" to be positive, got ${s}`);
  }
  return all;
}
