import { byteSize } from "../device/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { defineOp, type HostArray, type InputTypes, type OpDefinition } from "./define.ts";
import { jacobiCases } from "./jacobi_cases.ts";
import { jacobiBlocks } from "./jacobi_kernels.ts";
import { diagonalize, pairsOfRound, type Sensitivity } from "./jacobi_order.ts";
import { type ArrayType, showShape, sizeOf } from "./value.ts";

/** Rows of a block pair: the size of the problems that one workgroup solves. */
export const PAIR = 32;

/** Options of `jacobi`. */
export interface JacobiParams {
  /** What is made diagonal: `symmetric` matrices A, or the products A·Aᵀ of the `rows`. */
  readonly of: "symmetric" | "rows";
  /** How many times all pairs of rows meet. */
  readonly sweeps: number;
  /** Most sweeps within each pair of blocks, which end once nothing is left to rotate. */
  readonly inner: number;
}

/**
 * Sweeps of block Jacobi rotations: an orthogonal Q that brings A `[..., n, n]` nearer to a diagonal QᵀAQ (`symmetric`), or the rows
 * of A `[..., n, c]` nearer to being orthogonal, QᵀA (`rows`: one-sided Jacobi, Hestenes 1958). `a` becomes that, `v` `[..., n, l]` becomes Qᵀv.
 * n is at most 32 and even, or a multiple of 32; then the n/16 blocks of rows meet in pairs by a round-robin tournament, all
 * pairs of a round at once (Brent & Luk 1985). What is up to `level` `[...]` counts as zero: elements (`symmetric`), or the cosines of the
 * angles between rows (`rows`). Rows that are zero or not coupled to others stay as they are.
 */
export const jacobi: OpDefinition<JacobiParams> = defineOp({
  name: "jacobi",

  contract(inputs, params) {
    const { batch, n, columns, carried, dtype } = jacobiLayout(inputs, params);
    const of = (width: number): ArrayType => ({ shape: [...batch, n, width], dtype });
    return { a: of(columns), v: of(carried) };
  },

  reference(inputs, params, outputs) {
    const layout = jacobiLayout(inputs as InputTypes, params), { n, columns, carried } = layout;
    const levels = (inputs.level as HostArray).data;
    for (let q = 0; q < layout.count; q++) {
      const [a, v] = [["a", columns], ["v", carried]].map(([name, width]) => {
        const size = n * (width as number), out = outputs[name as string].data.subarray(q * size, (q + 1) * size);
        out.set((inputs[name as string] as HostArray).data.subarray(q * size, (q + 1) * size));
        return out;
      });
      sweepOver(a, v, layout, params, levels[q]);
    }
  },

  kernels: [jacobiBlocks],

  // A sweep has n/w·(n/w − 1)/2 meetings of two blocks of w = 16 rows: their rotations, and the products with them.
  cost(inputs, { of, sweeps }) {
    const { count, n, columns, carried, dtype } = jacobiLayout(inputs, { of });
    const width = of === "symmetric" ? 2 * columns + carried : columns + carried;
    return { bytes: 2 * count * n * (columns + carried) * byteSize(dtype), flops: 3 * sweeps * count * n * n * width };
  },

  // After R rounds elements are off by some R·u times the norm, and an angle by as much over ρ, which is the distance of the two diagonal
  // elements, more or less. The wrong angle leaves little where it was meant to leave nothing, no more than the elements' errors, and
  // moves other elements by their size times the angle's error: those beside the diagonal of A, but all of the rows. The reference tells
  // the sums over its rounds.
  error(inputs, params, outputs, u) {
    const layout = jacobiLayout(inputs as InputTypes, params),
      { n, columns, carried, count } = layout,
      c = 4 * Math.sqrt(columns + 16) * u;
    const bounds = { a: new Float64Array(outputs.a.data.length), v: new Float64Array(outputs.v.data.length) };
    for (let q = 0; q < count; q++) {
      const part = (x: Float64Array, width: number) => x.subarray(q * n * width, (q + 1) * n * width);
      const a = part((inputs.a as HostArray).data, columns).slice(),
        v = part((inputs.v as HostArray).data, carried).slice();
      const longest = (x: Float64Array, width: number, skip: boolean) =>
        Math.max(
          0,
          ...Array.from({ length: n }, (_, i) =>
            Math.hypot(...x.slice(i * width, (i + 1) * width).map((y, j) => skip && i === j ? 0 : y))),
        );
      const [size, off, carry] = [
        longest(a, columns, false),
        longest(a, columns, true),
        Math.sqrt(n) * longest(v, carried, false),
      ];
      const met = sweepOver(a, v, layout, params, (inputs.level as HostArray).data[q]);
      const angles = params.of === "rows" ? met.relative : size * met.inverse;
      part(bounds.a, columns).fill(
        c * (params.of === "rows" ? size * (met.rounds + angles) : size * met.rounds + off * angles),
      );
      part(bounds.v, carried).fill(c * carry * (met.rounds + angles));
    }
    return bounds;
  },

  cases: jacobiCases,
});

/** Sizes of a call. */
export interface JacobiLayout {
  readonly batch: readonly number[];
  readonly count: number;
  readonly n: number;
  /** Columns of `a`, and of `v`. */
  readonly columns: number;
  readonly carried: number;
  readonly dtype: "f32" | "f64";
  /** Rows of a block, and pairs of blocks. */
  readonly block: number;
  readonly pairs: number;
}

/** Sizes of a call; refuses what does not fit together. */
export function jacobiLayout(inputs: InputTypes, { of }: Pick<JacobiParams, "of">): JacobiLayout {
  const a = requireArray(inputs, "a"),
    v = requireArray(inputs, "v"),
    level = requireArray(inputs, "level"),
    batch = a.shape.slice(0, -2);
  if (a.dtype !== "f32" && a.dtype !== "f64" || v.dtype !== a.dtype) {
    throw new TypeError(`Cannot rotate ${a.dtype} and ${v.dtype}: expected both to be f32 or f64`);
  }
  const [n, columns] = a.shape.slice(-2), carried = v.shape.at(-1)!;
  if (a.shape.length < 2 || v.shape.join() !== [...batch, n, carried].join() || of === "symmetric" && n !== columns) {
    throw new TypeError(
      `Cannot rotate ${showShape(a.shape)} and ${showShape(v.shape)}: expected [..., n, c] and [..., n, l]`,
    );
  }
  if (level.shape.join() !== batch.join() || level.dtype !== a.dtype) {
    throw new TypeError(`Expected ${a.dtype} levels ${showShape(batch)}, got ${level.dtype} ${showShape(level.shape)}`);
  }
  if (n > PAIR ? n % PAIR !== 0 : n % 2 !== 0) {
    throw new RangeError(`Expected an even number of rows up to ${PAIR}, or a multiple of ${PAIR}, got ${n}`);
  }
  const block = Math.min(n, PAIR) / 2, pairs = n === 0 ? 0 : n / (2 * block);
  return { batch, count: sizeOf(batch), n, columns, carried, dtype: a.dtype, block, pairs };
}

const KEYS = ["rounds", "inverse", "relative"] as const;

/** Runs the sweeps in place, and tells how sensitive they were. */
function sweepOver(
  a: Float64Array,
  v: Float64Array,
  { n, columns, carried, block, pairs }: JacobiLayout,
  { of, sweeps, inner }: JacobiParams,
  level: number,
): Sensitivity {
  const w = 2 * block, met: Sensitivity = { rounds: 0, inverse: 0, relative: 0 };
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let round = 0; round < Math.max(1, 2 * pairs - 1) && n > 0; round++) {
      const worst: Sensitivity = { rounds: 0, inverse: 0, relative: 0 };
      for (const pair of pairsOfRound(pairs, round)) {
        const rows = pair.flatMap((b) => Array.from({ length: block }, (_, i) => b * block + i));
        const s = new Float64Array(w * w);
        for (let i = 0; i < w; i++) {
          for (let j = 0; j < w; j++) {
            if (of === "symmetric") s[i * w + j] = a[Math.min(rows[i], rows[j]) * n + Math.max(rows[i], rows[j])];
            else for (let c = 0; c < columns; c++) s[i * w + j] += a[rows[i] * columns + c] * a[rows[j] * columns + c];
          }
        }
        const found = diagonalize(s, w, { inner, relative: of === "rows", level });
        for (const key of KEYS) worst[key] = Math.max(worst[key], found.met[key]);
        combineRows(a, columns, rows, found.q);
        combineRows(v, carried, rows, found.q);
        if (of === "symmetric") combineColumns(a, n, rows, found.q);
      }
      for (const key of KEYS) met[key] += worst[key];
    }
  }
  return met;
}

/** Rows `rows` of x become Qᵀ times them. */
function combineRows(x: Float64Array, width: number, rows: readonly number[], q: Float64Array): void {
  const w = rows.length, column = new Float64Array(w);
  for (let c = 0; c < width; c++) {
    rows.forEach((row, i) => column[i] = x[row * width + c]);
    rows.forEach((row, j) => {
      let sum = 0;
      for (let i = 0; i < w; i++) sum += q[i * w + j] * column[i];
      x[row * width + c] = sum;
    });
  }
}

/** Columns `columns` of x become them times Q. */
function combineColumns(x: Float64Array, n: number, columns: readonly number[], q: Float64Array): void {
  const w = columns.length, row = new Float64Array(w);
  for (let r = 0; r < n; r++) {
    columns.forEach((c, i) => row[i] = x[r * n + c]);
    columns.forEach((c, j) => {
      let sum = 0;
      for (let i = 0; i < w; i++) sum += q[i * w + j] * row[i];
      x[r * n + c] = sum;
    });
  }
}
