import { Tensor } from "../../tensor/mod.ts";
import type { CostFormula } from "./cost.ts";
import { requirePoints } from "./schrodinger_bridge.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** Points with a label each. */
export interface LabeledPoints {
  /** Points `[n, d]`, f32 or f64. */
  readonly points: Tensor;
  /** A label for each, any numbers. */
  readonly labels: ArrayLike<number>;
}

/** Samples of sources and of the data that they are compared to, with the label-aware cost. */
export interface MixtureGeometry {
  /** Points per source. */
  readonly counts: readonly number[];
  /** All sources' points, one source after another. */
  readonly points: Tensor;
  /** The validation points. */
  readonly target: Tensor;
  /** |x − x'| + w·W(y, y'). */
  readonly cost: CostFormula;
  dispose(): void;
}

/**
 * Joins the sources and works out the distance W between each label of each source and each label of the validation data: the transport cost between
 * their points (Alvarez-Melis and Fusi 2020). The cost reads it as the product of a row per point with a unit vector per validation point.
 */
export async function prepareMixtures(
  sources: readonly LabeledPoints[],
  validation: LabeledPoints,
  labelWeight: number,
  options: SinkhornOptions,
): Promise<MixtureGeometry> {
  if (sources.length === 0) throw new RangeError("Expected at least one source, got none");
  const { device, dtype } = validation.points, d = validation.points.shape[1];
  for (const [k, { points, labels }] of [validation, ...sources].entries()) {
    const name = k === 0 ? "validation" : `sources[${k - 1}]`;
    requirePoints(name, points, k === 0 ? undefined : d);
    if (points.shape[0] === 0) throw new RangeError(`Expected at least one point in ${name}, got none`);
    if (points.dtype !== dtype || points.device !== device || (dtype !== "f32" && dtype !== "f64")) {
      throw new TypeError(`Expected points of one type, f32 or f64, on one device; ${name} has ${points.dtype}`);
    }
    if (labels.length !== points.shape[0]) {
      throw new TypeError(
        `Expected a label for each of the ${points.shape[0]} points of ${name}, got ${labels.length}`,
      );
    }
    await requireFinite(name, points);
  }
  const classes = groupsOf(validation.labels), width = classes.size, rows: number[] = [];
  for (const { points, labels } of sources) {
    const distances = new Map<number, number[]>();
    for (const [label, own] of groupsOf(labels)) {
      const found: number[] = [];
      for (const other of classes.values()) {
        using x = points.take(own, 0);
        using y = validation.points.take(other, 0);
        using result = await sinkhorn(x, y, { ...options, cost: "euclidean" });
        found.push(labelWeight * result.cost);
      }
      distances.set(label, found);
    }
    for (let i = 0; i < labels.length; i++) rows.push(...distances.get(labels[i])!);
  }
  const order = [...classes.keys()], n = rows.length / width, m = validation.labels.length;
  const units = Array.from(validation.labels).flatMap((label) => order.map((c) => c === label ? 1 : 0));
  const tensor = (v: number[], shape: number[]) =>
    Tensor.of(device, dtype === "f64" ? Float64Array.from(v) : Float32Array.from(v), shape, dtype);
  const far = tensor(rows, [n, width]), unit = tensor(units, [m, width]);
  const inputs = Object.fromEntries(sources.map(({ points }, k) => [`x${k}`, points]));
  const { out: points } = Tensor.apply("concatenate", inputs, { axis: 0 });
  const target = validation.points.share();
  return {
    counts: sources.map((s) => s.points.shape[0]),
    points,
    target,
    cost: { formula: "dist(x[i], y[j]) + dot(far[i], unit[j])", inputs: { far, unit } },
    dispose: () => [far, unit, points, target].forEach((t) => t.dispose()),
  };
}

/** Places of each label, in the order of their first occurrence. */
function groupsOf(labels: ArrayLike<number>): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const own = groups.get(labels[i]);
    if (own) own.push(i);
    else groups.set(labels[i], [i]);
  }
  return groups;
}
