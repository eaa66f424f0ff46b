import type { FloatArray } from "../../device/mod.ts";
import { stopGradient, type Tensor } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";
import { clustersOf } from "./cluster.ts";
import { limitsOf } from "./coincident.ts";
import { constant } from "./parts.ts";

/**
 * Turns bases `[..., m, p]` within the spans of columns whose values `[..., k]`, in order of size, coincide; all by the same rotations. Such
 * a basis is as good as any, but that of a special matrix is special: for I it is I, and cotangents may agree there by chance that a
 * gradient tells from each other otherwise (see `eighPullback`). So while a function is being differentiated a basis in general position is
 * given. Replaces the bases, if there is anything to turn.
 */
export async function inGeneralPosition(
  values: Tensor,
  bases: readonly Tensor[],
  rows: number,
): Promise<readonly Tensor[]> {
  const k = values.shape.at(-1)!, data = await values.data() as FloatArray, { rounding } = limitsOf(values.dtype, rows);
  const clusters: [matrix: number, first: number, size: number][] = [];
  for (let base = 0; base < data.length; base += k) {
    const limit = rounding * Math.max(Math.abs(data[base]), Math.abs(data[base + k - 1]));
    for (const [first, end] of clustersOf(data, base, base + k, limit)) {
      if (end - first > 1) clusters.push([base / k, first - base, end - first]);
    }
  }
  if (clusters.length === 0) return bases;
  return bases.map((basis) => {
    using old = basis;
    using point = stopGradient(old);
    using turn = rotations(values, clusters, basis.shape.at(-1)!);
    return point.matmul(turn);
  });
}

/** Block-diagonal rotations `[..., p, p]`: of each cluster the product of two reflections in fixed, scattered vectors. */
function rotations(values: Tensor, clusters: readonly [number, number, number][], p: number): Tensor {
  const k = values.shape.at(-1)!, count = values.size / k, data = floats(values.dtype as FloatType, count * p * p);
  for (let q = 0; q < count; q++) for (let i = 0; i < p; i++) data[(q * p + i) * p + i] = 1;
  for (const [matrix, first, size] of clusters) {
    const [v, w] = [scattered(size, Math.SQRT2), scattered(size, Math.sqrt(3))];
    const product = v.reduce((sum, x, i) => sum + x * w[i], 0);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        // (I − 2vvᵀ)(I − 2wwᵀ)
        const value = (i === j ? 1 : 0) - 2 * v[i] * v[j] - 2 * w[i] * w[j] + 4 * v[i] * product * w[j];
        data[(matrix * p + first + i) * p + first + j] = value;
      }
    }
  }
  return constant(values, data, [...values.shape.slice(0, -1), p, p]);
}

/** A unit vector of numbers without a pattern: fractional parts of multiples. */
function scattered(n: number, step: number): Float64Array {
  const v = Float64Array.from({ length: n }, (_, i) => ((i + 1) * step) % 1 - 0.45);
  const size = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  return v.map((x) => x / size);
}
