/**
 * Sinkhorn on a regular grid, axis by axis, against POT's plain solver with the cost of all pairs of cells.
 *
 * @module
 */
import { type Gpu, type Tensor, transport } from "../mod.ts";
import { type Contestant, digits, race, type RaceResult } from "./harness.ts";
import { pot } from "./peers/numpy.ts";
import { uniform } from "./peers/peer.ts";

/** POT's stop rule: the L2 norm of the marginal error. */
const STOP = 1e-6;

/** Masses of side × side cells, absolute values of sum 1, as POT's job has them. */
function masses(side: number, seed: number): Float32Array<ArrayBuffer> {
  const drawn = uniform(side * side, seed).map(Math.abs), total = drawn.reduce((s, x) => s + x, 0);
  return Float32Array.from(drawn, (x) => x / total);
}

/** L2 norm of the row marginal's error, summed in f64 on the host axis by axis from the potentials that the solver gives. */
async function marginalError(result: transport.SinkhornResult, a: Float32Array, side: number): Promise<number> {
  const [f, g] = await Promise.all(result.potentials.map((t) => t.data()));
  const kernel = Float64Array.from(
    { length: side * side },
    (_, k) => Math.exp(-((Math.floor(k / side) - k % side) ** 2) / result.epsilon),
  );
  const times = (x: Float64Array) => {
    const out = new Float64Array(side * side);
    for (let i = 0; i < side; i++) {
      for (let k = 0; k < side; k++) {
        const w = kernel[i * side + k];
        for (let j = 0; j < side; j++) out[j * side + i] += w * x[k * side + j];
      }
    }
    return out;
  };
  // The output is transposed: twice brings it back.
  const sums = times(times(Float64Array.from(g, (v) => Math.exp(v / result.epsilon))));
  return Math.sqrt(sums.reduce((s, x, k) => s + (Math.exp(f[k] / result.epsilon) * x - a[k]) ** 2, 0));
}

/** Denovo's solve, with the tolerance lowered until its L2 error is no more than POT's. */
async function gridSolve(a: Tensor, b: Tensor, side: number, fraction: number): Promise<Contestant> {
  const solve = (tolerance: number) =>
    transport.sinkhornGrid(a, b, { epsilon: fraction, tolerance, maxIterations: 20_000 });
  let tolerance = 0.8 * side * STOP, note = "";
  for (;;) {
    using result = await solve(tolerance);
    const error = await marginalError(result, masses(side, 1), side);
    note = `${result.iterations} iterations, L2 error ${error.toExponential(1)}, cost ${digits(result.cost)}`;
    if (error <= STOP || !result.converged) break;
    tolerance /= 1.5;
  }
  const run = async () => {
    using _ = await solve(tolerance);
  };
  return Object.assign(run, { note: () => note });
}

/** Histograms on side × side cells at distance 1, squared distances. */
export async function raceGrid(
  { gpu, pot: withPot, rounds }: { gpu: Gpu; pot: boolean; rounds: number },
  side: number,
  fraction: number,
): Promise<RaceResult> {
  const [a, b] = [1, 2].map((seed) => gpu.tensor(masses(side, seed), { shape: [side, side] }));
  const job = withPot ? await pot.sinkhornGrid(side, fraction) : undefined;
  try {
    const others: Record<string, Contestant> = {};
    if (job) {
      const note = () => {
        const { iterations, marginalError, cost } = job.info();
        return `${iterations} iterations, L2 error ${marginalError.toExponential(1)}, cost ${digits(cost)}`;
      };
      others["POT sinkhorn, all pairs"] = Object.assign(() => job(), { note });
    }
    return await race(
      { family: "transport", name: `sinkhorn on a grid, ε = ${fraction} max C`, size: `${side} x ${side}` },
      { denovo: await gridSolve(a, b, side, fraction), ...others },
      { rounds, warmup: 1, budget: 3000 },
    );
  } finally {
    for (const held of [a, b, job]) held?.dispose();
  }
}
