import { Tensor } from "../../tensor/mod.ts";
import type { CostFormula } from "./cost.ts";
import { requirePoints } from "./schrodinger_bridge.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import { sinkhornBatch } from "./sinkhorn_batch.ts";
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
    const groups = groupsOf(labels), found = await groupDistances(points, groups, validation.points, classes, options);
    const distances = new Map([...groups.keys()].map((label, k) => [label, found[k].map((w) => labelWeight * w)]));
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

/** Entries of all plans of a batch, at most: 16 MiB in f32. */
const BATCH = 2 ** 22;

/** Transport costs between each group of points of x and each of y, many at once; those of which `batch` holds no two by themselves. */
export async function groupDistances(
  x: Tensor,
  ofX: Map<number, number[]>,
  y: Tensor,
  ofY: Map<number, number[]>,
  options: SinkhornOptions,
  batch = BATCH,
): Promise<number[][]> {
  const most = (groups: Map<number, number[]>) => Math.max(...[...groups.values()].map((own) => own.length));
  const n = most(ofX), m = most(ofY), perBatch = Math.floor(batch / (n * m));
  const pairs = [...ofX.values()].flatMap((from) => [...ofY.values()].map((to) => ({ from, to }))),
    costs: number[] = [];
  if (perBatch < 2) {
    for (const { from, to } of pairs) {
      using u = x.take(from, 0);
      using v = y.take(to, 0);
      using result = await sinkhorn(u, v, { ...options, cost: "euclidean" });
      costs.push(result.cost);
    }
  }
  for (let start = 0; start < pairs.length && perBatch >= 2; start += perBatch) {
    const some = pairs.slice(start, start + perBatch);
    // Groups are filled up with their own first point, of weight 0, which leaves the largest cost as it is.
    const fill = (own: readonly number[], size: number) => Array.from({ length: size }, (_, i) => own[i] ?? own[0]);
    const weigh = (own: readonly number[], size: number) =>
      Array.from({ length: size }, (_, i) => i < own.length ? 1 / own.length : 0);
    using u = x.take(some.flatMap(({ from }) => fill(from, n)), 0);
    using v = y.take(some.flatMap(({ to }) => fill(to, m)), 0);
    using batchU = u.reshape([some.length, n, x.shape[1]]);
    using batchV = v.reshape([some.length, m, y.shape[1]]);
    using result = await sinkhornBatch(batchU, batchV, {
      cost: "euclidean",
      a: some.map(({ from }) => weigh(from, n)),
      b: some.map(({ to }) => weigh(to, m)),
      epsilon: options.epsilon as number,
      tolerance: options.tolerance,
      maxIterations: options.maxIterations,
      signal: options.signal,
    });
    costs.push(...result.cost);
  }
  const width = ofY.size;
  return Array.from({ length: ofX.size }, (_, k) => costs.slice(k * width, (k + 1) * width));
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
