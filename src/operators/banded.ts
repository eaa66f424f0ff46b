import { Tensor } from "../tensor/mod.ts";
import { ownership } from "./hold.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { join } from "./toeplitz.ts";

/** Options of {@linkcode banded}. */
export interface BandedOptions extends OperatorOptions {
  /** Rows and columns. Default: the square that the first diagonal fits in. */
  shape?: readonly [number, number];
}

/**
 * A matrix with a few diagonals: `diagonals[k]` lies `offsets[k]` places above the main one (below it if negative) and
 * has its whole length (SciPy's `diags_array`).
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = operators.banded([gpu.tensor([2, 2, 2]), gpu.tensor([-1, -1])], [0, 1]);
 * console.log(await a.toDense().array()); // [[2, -1, 0], [0, 2, -1], [0, 0, 2]]
 * ```
 */
export function banded(
  diagonals: readonly Tensor[],
  offsets: readonly number[],
  options: BandedOptions = {},
): LinearOperator {
  if (diagonals.length === 0 || diagonals.length !== offsets.length) {
    throw new TypeError(`Expected a diagonal for each offset, got ${diagonals.length} and ${offsets.length}`);
  }
  const size = diagonals[0].size + Math.abs(offsets[0]), shape = options.shape ?? [size, size], [m, n] = shape;
  const { device, dtype } = diagonals[0];
  diagonals.forEach((d, k) => {
    const offset = offsets[k], length = Math.min(m - Math.max(0, -offset), n - Math.max(0, offset));
    if (!Number.isInteger(offset) || offsets.indexOf(offset) !== k || length < 1) {
      throw new RangeError(`Expected distinct whole offsets inside of [${m}, ${n}], got ${offset} at ${k}`);
    }
    if (d.rank !== 1 || d.size !== length || d.dtype !== dtype || d.device !== device) {
      throw new TypeError(
        `Expected the diagonal of offset ${offset} to be ${dtype} [${length}], got ${d.dtype} [${d.shape.join(", ")}]`,
      );
    }
  });
  const forward = rowWise(diagonals, offsets, m), negative = offsets.map((o) => -o);
  const backward = rowWise(diagonals, negative, n);
  const main = offsets.indexOf(0), { reads, owns } = ownership(diagonals, options.owns);
  const lengths = diagonals.reduce((s, d) => s + d.size, 0);
  return linearOperator({
    shape,
    device,
    dtype,
    nnz: lengths,
    apply: (x) => sumOfBands(forward, offsets, x, m),
    applyTransposed: (y) => sumOfBands(backward, negative, y, n),
    diagonal: () => main < 0 ? filled(diagonals[0], [Math.min(m, n)], 0, dtype) : diagonals[main].slice(),
    transpose: () => banded(diagonals, negative, { shape: [n, m] }),
    scale: (factor) => banded(diagonals.map((d) => d.mul(factor)), offsets, { shape, owns: true }),
    flags: {
      ...options.flags,
      diagonal: offsets.every((o) => o === 0),
      lowerTriangular: offsets.every((o) => o <= 0),
      upperTriangular: offsets.every((o) => o >= 0),
    },
    structure: { kind: "banded", diagonals, offsets },
    reads,
    owns: [...owns, ...forward, ...backward],
  });
}

/** The tridiagonal matrix of order n with diagonals `[n − 1]`, `[n]` and `[n − 1]`. */
export function tridiagonal(
  lower: Tensor,
  main: Tensor,
  upper: Tensor,
  options: OperatorOptions = {},
): LinearOperator {
  return main.size === 1 ? banded([main], [0], options) : banded([lower, main, upper], [-1, 0, 1], options);
}

/** Each diagonal by the rows that it lies in, with zeros in the others, `[m, 1]`. */
function rowWise(diagonals: readonly Tensor[], offsets: readonly number[], m: number): Tensor[] {
  return diagonals.map((d, k) => {
    const before = Math.max(0, -offsets[k]), after = m - before - d.size;
    using head = filled(d, [before], 0, d.dtype);
    using tail = filled(d, [after], 0, d.dtype);
    using rows = join([head, d, tail]);
    return rows.reshape([m, 1]);
  });
}

/** Σ_k D_k · (x shifted by offset k), x `[n, p]`. */
function sumOfBands(bands: readonly Tensor[], offsets: readonly number[], x: Tensor, m: number): Tensor {
  const low = Math.max(0, -Math.min(...offsets)), high = Math.max(0, m + Math.max(...offsets) - x.shape[0]);
  using above = filled(x, [low, x.shape[1]], 0, x.dtype);
  using below = filled(x, [high, x.shape[1]], 0, x.dtype);
  using padded = join([above, x, below]);
  let sum: Tensor | undefined;
  bands.forEach((d, k) => {
    using part = padded.slice([low + offsets[k], low + offsets[k] + m]);
    if (!sum) sum = d.mul(part);
    else {
      using before = sum;
      sum = Tensor.map("s + d * x", { s: before, d, x: part });
    }
  });
  return sum!;
}
