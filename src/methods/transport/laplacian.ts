import type { Device } from "../../device/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";

/** A graph's Laplacian on the host. */
export interface GraphLaplacian {
  readonly n: number;
  /** Triplets of its entries. */
  readonly rows: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
  /** The largest diagonal entry. */
  readonly degree: number;
  readonly device: Device;
  readonly dtype: "f32" | "f64";
}

/** Difference of two entries, and sum of a row, that count as rounding, relative to the largest degree. */
const ROUNDING = { f32: 1e-5, f64: 1e-12 };

/** Reads a Laplacian: of sparse matrices the entries, of others the stored matrix, where they have at most `most` rows. */
export async function readLaplacian(laplacian: LinearOperator, most: number): Promise<GraphLaplacian> {
  if (typeof laplacian?.apply !== "function" || !Array.isArray(laplacian.shape)) {
    throw new TypeError(
      `Expected a graph's Laplacian as an operator, got ${
        laplacian instanceof Tensor ? "a tensor: see operators.dense" : laplacian === null ? "null" : typeof laplacian
      }`,
    );
  }
  const { shape: [n, m], device, dtype } = laplacian;
  if (n !== m || n === 0) throw new TypeError(`Expected a square Laplacian, got [${n}, ${m}]`);
  if (dtype !== "f32" && dtype !== "f64") throw new TypeError(`Expected a Laplacian in f32 or f64, got ${dtype}`);
  const entries = await entriesOf(laplacian, most), { rows, columns, values } = entries;
  let degree = 0;
  const sums = new Float64Array(n);
  values.forEach((v, k) => {
    if (!Number.isFinite(v)) throw new RangeError(`Expected finite entries, got ${v} at ${rows[k]}, ${columns[k]}`);
    if (rows[k] === columns[k]) degree = Math.max(degree, v);
    else if (v > 0) {
      throw new RangeError(
        `Expected a Laplacian D − W with weights of 0 or more, got ${v} at ${rows[k]}, ${
          columns[k]
        }: entries off its diagonal are −W`,
      );
    }
    sums[rows[k]] += v;
  });
  const off = ROUNDING[dtype] * degree, low = sums.findIndex((s) => s < -off);
  if (low >= 0) {
    throw new RangeError(`Expected rows of a Laplacian to sum to 0 or more, got ${sums[low]} in row ${low}`);
  }
  requireSymmetric(n, entries, off);
  // Without any edge nothing flows, and any scale will do.
  return { n, ...entries, degree: degree || 1, device, dtype };
}

type Entries = Pick<GraphLaplacian, "rows" | "columns" | "values">;

async function entriesOf({ structure, shape, toDense }: LinearOperator, most: number): Promise<Entries> {
  const [n] = shape, rows: number[] = [], columns: number[] = [], values: number[] = [];
  const add = (i: number, j: number, v: number) => {
    rows.push(i);
    columns.push(j);
    values.push(v);
  };
  if (structure.kind === "sparse") {
    const { starts, columns: at, values: given } = await structure.matrix.data();
    for (let i = 0; i < n; i++) for (let k = starts[i]; k < starts[i + 1]; k++) add(i, at[k], Number(given[k]));
  } else {
    if (n > most) {
      throw new TypeError(
        `Expected a Laplacian of ${n} nodes as a sparse operator, got "${structure.kind}": see operators.sparse`,
      );
    }
    using stored = toDense();
    const data = await stored.data();
    for (let k = 0; k < n * n; k++) if (data[k] !== 0) add(Math.floor(k / n), k % n, data[k]);
  }
  return { rows: Uint32Array.from(rows), columns: Uint32Array.from(columns), values: Float64Array.from(values) };
}

function requireSymmetric(n: number, { rows, columns, values }: Entries, off: number): void {
  const found = new Map<number, number>();
  values.forEach((v, k) => found.set(rows[k] * n + columns[k], v));
  values.forEach((v, k) => {
    const other = found.get(columns[k] * n + rows[k]) ?? 0;
    if (!(Math.abs(v - other) <= off)) {
      throw new RangeError(
        `Expected a symmetric Laplacian, got ${v} at ${rows[k]}, ${columns[k]} and ${other} at ${columns[k]}, ${
          rows[k]
        }`,
      );
    }
  });
}
