/**
 * NumPy, SciPy and POT, in one Python process.
 *
 * @module
 */
import type { Peer } from "./peer.ts";
import { pythonOperations } from "./python_operations.ts";
import { type PythonJob, pythonProcess } from "./python_process.ts";

const python = pythonProcess(
  "./numpy_peers.py",
  ["numpy"],
  "install numpy, scipy and pot for the figures of these peers",
);

async function versions(): Promise<Record<string, string>> {
  const found = await python.start();
  if (typeof found === "string") throw new Error(found);
  return found;
}

const name = "numpy";

/** NumPy and SciPy; its products of halves are loops, not to be compared with. */
export const numpy: Peer = {
  name,
  available: async () => {
    const found = await python.start();
    return typeof found === "string" ? found : true;
  },
  versions,
  ...pythonOperations(python, () => name),
  double: pythonOperations(python, () => name, "f8"),
  close: () => python.close(),
};

/** POT's solvers of the entropic problem. */
export type PotMethod = "sinkhorn" | "sinkhorn_log" | "sinkhorn_stabilized";

/** POT on `n` by `n` points of the plane, `uniform(2n, 1)` and `uniform(2n, 2)`, squared distances, uniform weights. */
export interface Pot {
  readonly name: string;
  /** `true`, or one line that says why POT cannot run here. */
  available(): Promise<string | true>;
  /**
   * Entropic transport at ε = `fraction`·max(C), to an L2 marginal error under 1e-6 looked at every 10 iterations, or until
   * `limit` iterations.
   */
  sinkhorn(n: number, fraction: number, method: PotMethod, limit?: number): Promise<PythonJob>;
  /** Unregularised transport by the network simplex; the checksum is that of the cost. */
  emd(n: number): Promise<PythonJob>;
  /** `sinkhorn` on `count` problems of n points, one after the other; `iterations` is their mean, `marginalError` the largest. */
  sinkhornLoop(count: number, n: number, fraction: number): Promise<PythonJob>;
  /** `sinkhorn` between histograms on side × side cells at distance 1, `uniform(side², 1)` and `uniform(side², 2)`, with the cost of all pairs. */
  sinkhornGrid(side: number, fraction: number): Promise<PythonJob>;
}

/** The POT peer; it shares NumPy's process, and `numpy.close()` ends it. */
export const pot: Pot = {
  name: "POT",
  available: async () => {
    const found = await python.start();
    if (typeof found === "string") return found;
    return "ot" in found || `Python ${found.python} has no POT: install the package pot`;
  },
  sinkhorn: (n, fraction, method, limit = 100_000) =>
    python.job("sinkhorn", { n, fraction, method, limit }, [[2 * n, 1], [2 * n, 2]]),
  emd: (n) => python.job("emd", { n }, [[2 * n, 1], [2 * n, 2]]),
  sinkhornLoop: (count, n, fraction) =>
    python.job("sinkhornLoop", { count, n, fraction }, [[2 * n * count, 1], [2 * n * count, 2]]),
  sinkhornGrid: (side, fraction) =>
    python.job("sinkhornGrid", { side, fraction }, [[side * side, 1], [side * side, 2]]),
};
