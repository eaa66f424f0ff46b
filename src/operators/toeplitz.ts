import { Tensor } from "../tensor/mod.ts";
import { convolution, requireVector } from "./circulant.ts";
import { ownership } from "./hold.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { indices } from "./transforms/cosine_core.ts";

/**
 * The Toeplitz operator with a first column `[m]` and a first row `[n]`, whose first element is not used (SciPy's
 * `toeplitz`): A[i, j] depends on i − j alone. Without a row it is symmetric. Products go through the FFT of a
 * circulant operator around it.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = operators.toeplitz(gpu.tensor([1, 2]), gpu.tensor([1, 3, 4]));
 * console.log(await a.toDense().array()); // [[1, 3, 4], [2, 1, 3]]
 * ```
 */
export function toeplitz(column: Tensor, row?: Tensor, options: OperatorOptions = {}): LinearOperator {
  requireVector(column, "column", "Toeplitz");
  const symmetric = row === undefined;
  row ??= column;
  requireVector(row, "row", "Toeplitz");
  if (row.dtype !== column.dtype || row.device !== column.device) {
    throw new TypeError(`Expected column and row of one dtype and device, got ${column.dtype} and ${row.dtype}`);
  }
  const { device, dtype } = column, [m] = column.shape, [n] = row.shape, length = smoothLength(m + n - 1);
  using tail = row.slice([1, null]);
  using backwards = tail.flip();
  // By diagonals from the upper right corner to the lower left one.
  const values = join([backwards, column]);
  using gap = filled(column, [length - m - n + 1], 0, dtype);
  using filter = join([column, gap, backwards]);
  const convolve = convolution(filter);
  const product = (x: Tensor, size: number, correlate: boolean): Tensor => {
    using zeros = filled(column, [length - x.shape[0], x.shape[1]], 0, dtype);
    using padded = join([x, zeros]);
    using whole = convolve.apply(padded, correlate);
    return whole.slice([0, size]);
  };
  const picked = (size: number, first: number, step: 1 | -1) => {
    using places = indices(device, `toeplitz/${size}/${first}/${step}`, size, (k) => first + step * k);
    return values.take(places);
  };
  const { reads, owns } = ownership([column, row], options.owns);
  return linearOperator({
    shape: [m, n],
    device,
    dtype,
    flops: Math.ceil(10 * length * Math.log2(length + 1)),
    apply: (x) => product(x, m, false),
    applyTransposed: (y) => product(y, n, true),
    row: (i) => picked(n, n - 1 + i, -1),
    column: (j) => picked(m, n - 1 - j, 1),
    diagonal: () => {
      using first = column.slice([0, 1]);
      return first.broadcastTo([Math.min(m, n)]);
    },
    toDense: () => {
      const places = Array.from({ length: m * n }, (_, p) => n - 1 + Math.floor(p / n) - p % n);
      using flat = values.take(places);
      return flat.reshape([m, n]);
    },
    transpose: () => {
      // Its first element is the column's.
      using head = column.slice([0, 1]);
      using rest = row.slice([1, null]);
      const turned = join([head, rest]);
      return toeplitz(turned, column, { owns: [turned] });
    },
    scale: (factor) =>
      symmetric
        ? toeplitz(column.mul(factor), undefined, { owns: true })
        : toeplitz(column.mul(factor), row.mul(factor), {
          owns: true,
        }),
    flags: { ...options.flags, symmetric: symmetric || options.flags?.symmetric },
    structure: { kind: "toeplitz", column, row },
    reads,
    owns: [...owns, values, ...convolve.tensors],
  });
}

/**
 * The Hankel operator with a first column `[m]` and a last row `[n]`, whose first element is not used (SciPy's
 * `hankel`): A[i, j] depends on i + j alone. Without a row it is zero below the first rising diagonal.
 */
export function hankel(column: Tensor, row?: Tensor, options: OperatorOptions = {}): LinearOperator {
  requireVector(column, "column", "Hankel");
  using zeros = row ? undefined : filled(column, column.shape, 0, column.dtype);
  const last = row ?? zeros!;
  requireVector(last, "row", "Hankel");
  const { device, dtype } = column, [m] = column.shape, [n] = last.shape;
  using tail = last.slice([1, null]);
  const values = join([column, tail]);
  // A = T·R with the reversal R: the Toeplitz operator has the columns in reverse.
  using head = values.slice([0, n]);
  const first = head.flip(), lower = values.slice([n - 1, null]), inner = toeplitz(lower, first, { owns: true });
  const { reads, owns } = ownership(row ? [column, row] : [column], options.owns);
  const stored = row ?? values.slice([m - 1, null]), own = row ? [] : [stored];
  return linearOperator({
    shape: [m, n],
    device,
    dtype,
    flops: inner.flops,
    apply: (x) => {
      using reversed = x.flip(0);
      return inner.apply(reversed);
    },
    applyTransposed: (y) => {
      using product = inner.applyTransposed(y);
      return product.flip(0);
    },
    row: (i) => values.slice([i, i + n]),
    column: (j) => values.slice([j, j + m]),
    diagonal: () => values.slice([0, 2 * Math.min(m, n) - 1, 2]),
    toDense: () => {
      const places = Array.from({ length: m * n }, (_, p) => Math.floor(p / n) + p % n);
      using flat = values.take(places);
      return flat.reshape([m, n]);
    },
    flags: { ...options.flags, symmetric: m === n },
    structure: { kind: "hankel", column, row: stored },
    reads,
    owns: [...owns, inner, values, ...own],
  });
}

/** The least length from `least` whose only prime factors are 2, 3 and 5. */
function smoothLength(least: number): number {
  let best = Infinity;
  for (let fives = 1; fives < 5 * least; fives *= 5) {
    for (let odd = fives; odd < 3 * least; odd *= 3) {
      let length = odd;
      while (length < least) length *= 2;
      best = Math.min(best, length);
    }
  }
  return best;
}

/** Tensors one after the other along the first axis. */
export function join(tensors: readonly Tensor[]): Tensor {
  return Tensor.apply("concatenate", Object.fromEntries(tensors.map((t, k) => [`x${k}`, t])), { axis: 0 }).out;
}
