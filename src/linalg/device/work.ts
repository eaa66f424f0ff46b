import { PANEL_ROWS } from "../../ops/householder.ts";
import { showShape, sizeOf } from "../../ops/value.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { placeOf, type PlaceOptions, type Work } from "../place.ts";
import { firstSweeps, jacobiRows } from "./sweeps.ts";

/**
 * What the host takes beside the operations that a method is counted by: as LAPACK's rate is that of elimination, its vectors of
 * symmetric matrices and singular vectors, which wait for memory, count for more; and so do small matrices, which one thread factors.
 */
const HOST = { qr: 3, eigh: 45, svd: 110, matrix: 4e5 };

function sizes(a: Tensor): { count: number; m: number; n: number; k: number } {
  const [m, n] = a.shape.slice(-2);
  return { count: sizeOf(a.shape.slice(0, -2)), m, n, k: Math.min(m, n) };
}

/** The work of the QR decomposition with p columns of Q: per panel of 32 columns a dispatch of 32 steps, and products. */
export function qrWork(a: Tensor, p: number): Work {
  const { count, m, n, k } = sizes(a), flops = count * (4 * m * n * k + 2 * m * p * k - 2 * k ** 3);
  return {
    flops,
    hostFlops: count * (HOST.qr * flops / Math.max(1, count) + HOST.matrix),
    dispatches: 10 + 16 * Math.ceil(k / 32),
    steps: k * (1 + m / 2048),
    largest: count * m * Math.max(n, p),
    results: count * p * (m + n),
  };
}

/** Rounds of all sweeps over n rows, each with 31 rounds of rotations. */
function roundsOf(n: number, dtype: string): number {
  const rows = jacobiRows(n);
  return rows <= 32 ? 6 : firstSweeps(rows, dtype) * (rows / 16 - 1);
}

/** The work of eigenvalues and eigenvectors. */
export function eighWork(a: Tensor): Work {
  const { count, n } = sizes(a), rounds = roundsOf(n, a.dtype);
  return {
    flops: count * 6 * 32 * rounds * n * n,
    hostFlops: count * (HOST.eigh * n ** 3 + HOST.matrix),
    dispatches: 20 + 3 * rounds,
    steps: 10 * rounds,
    largest: count * jacobiRows(n) ** 2,
    results: count * n * (n + 1),
  };
}

/** The work of singular values and vectors. */
export function svdWork(a: Tensor, full: boolean): Work {
  const { count, m, n, k } = sizes(a), rounds = roundsOf(k, a.dtype), long = Math.max(m, n), before = qrWork(a, k);
  return {
    flops: before.flops + count * (6 * 32 * rounds * k * k + 2 * long * k * k),
    hostFlops: count * (HOST.svd * k ** 3 + HOST.qr * 4 * long * k * k + HOST.matrix),
    dispatches: before.dispatches + 30 + 3 * rounds,
    steps: before.steps + 12 * rounds,
    largest: count * Math.max(m * n, jacobiRows(k) ** 2, full ? long * long : 0),
    results: count * (full ? m * m + n * n : k * (m + n)),
  };
}

/** The work of least squares with r right-hand sides each, for `stack` matrices that may be the same. */
export function lstsqWork(a: Tensor, r: number, stack: number): Work {
  const { count, m, n } = sizes(a),
    work = svdWork(a, false),
    times = count === 0 ? 0 : stack / count,
    sides = 4 * stack * m * n * r;
  return {
    ...work,
    flops: times * work.flops + sides,
    hostFlops: times * work.hostFlops! + sides,
    largest: Math.max(times * work.largest, stack * m * n, stack * Math.max(m, n) * r),
    results: stack * (n * r + n),
  };
}

/** Whether a call runs on the adapter; `fits` is false where no kernel takes its size. */
export function runsOnAdapter(operation: string, a: Tensor, work: Work, fits: boolean, options: PlaceOptions): boolean {
  if (placeOf(operation, [a], work, options) === "host" || a.size === 0) return false;
  if (!fits && options.on === "adapter") {
    throw new RangeError(
      `Cannot compute ${operation} of ${showShape(a.shape)} on an adapter: ` +
        `expected at most ${PANEL_ROWS} rows, or at least eight for each column`,
    );
  }
  return fits;
}
