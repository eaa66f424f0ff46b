/**
 * Forms of Sinkhorn's iterations against each other, and many small problems at once against a loop over POT.
 *
 * @module
 */
import { type Gpu, type Tensor, transport } from "../mod.ts";
import { type Contestant, digits, race, type RaceResult } from "./harness.ts";
import { pot } from "./peers/numpy.ts";
import { uniform } from "./peers/peer.ts";

/** POT's stop rule: the L2 norm of the marginal error. */
const STOP = 1e-6;

/** L2 norm of the row marginals' error, the largest of all problems, summed in f64 over the plans given. */
async function largestError(result: transport.SinkhornBatchResult, count: number, n: number): Promise<number> {
  using plans = result.plans();
  const P = await plans.data();
  let largest = 0;
  for (let k = 0; k < count; k++) {
    let squares = 0;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += P[(k * n + i) * n + j];
      squares += (sum - 1 / n) ** 2;
    }
    largest = Math.max(largest, Math.sqrt(squares));
  }
  return largest;
}

/** Denovo's batch, with the tolerance lowered until every problem is as accurate as POT's. */
async function batchSolve(x: Tensor, y: Tensor, fraction: number): Promise<Contestant> {
  const [count, n] = x.shape;
  let tolerance = 0.8 * Math.sqrt(n) * STOP, note = "";
  for (;;) {
    using result = await transport.sinkhornBatch(x, y, { epsilon: fraction, tolerance });
    const error = await largestError(result, count, n);
    const mean = result.iterations.reduce((s, k) => s + k, 0) / count;
    note = `${digits(mean)} iterations on average, L2 error ${error.toExponential(1)}, cost ${digits(result.cost[0])}`;
    if (error <= STOP || !result.converged.every((done) => done)) break;
    tolerance /= 1.5;
  }
  const run = async () => {
    using _ = await transport.sinkhornBatch(x, y, { epsilon: fraction, tolerance });
  };
  return Object.assign(run, { note: () => note });
}

/** `count` problems of n points each. */
export async function raceBatch(
  { gpu, pot: withPot, rounds }: { gpu: Gpu; pot: boolean; rounds: number },
  count: number,
  n: number,
  fraction: number,
): Promise<RaceResult> {
  const [x, y] = [1, 2].map((seed) => gpu.tensor(uniform(2 * n * count, seed), { shape: [count, n, 2] }));
  const job = withPot ? await pot.sinkhornLoop(count, n, fraction) : undefined;
  try {
    const others: Record<string, Contestant> = {};
    if (job) {
      const note = () => {
        const { iterations, marginalError, cost } = job.info();
        return `${digits(iterations)} iterations on average, L2 error ${marginalError.toExponential(1)}, cost ${
          digits(cost)
        }`;
      };
      others["a loop over POT sinkhorn"] = Object.assign(() => job(), { note });
    }
    return await race(
      { family: "transport", name: `${count} problems at once, ε = ${fraction} max C`, size: `${n}` },
      { denovo: await batchSolve(x, y, fraction), ...others },
      { rounds, warmup: 1, budget: 3000 },
    );
  } finally {
    for (const held of [x, y, job]) held?.dispose();
  }
}

/** One problem by each form, to the same tolerance. */
export async function raceForms(
  { gpu, rounds }: { gpu: Gpu; rounds: number },
  n: number,
  fraction: number,
): Promise<RaceResult> {
  const [x, y] = [1, 2].map((seed) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2] }));
  const solve = (form: transport.SinkhornForm | "auto"): Contestant => {
    let note = "";
    const run = async () => {
      const options = { epsilon: fraction, tolerance: 0.8 * Math.sqrt(n) * STOP, maxIterations: 20_000, form };
      using result = await transport.sinkhorn(x, y, options);
      note = `${result.form}, ${result.iterations} iterations, cost ${digits(result.cost)}`;
    };
    return Object.assign(run, { note: () => note });
  };
  try {
    return await race(
      { family: "transport", name: `forms of sinkhorn, ε = ${fraction} max C`, size: `${n}` },
      { denovo: solve("auto"), kernel: solve("kernel"), stored: solve("stored"), streaming: solve("streaming") },
      { rounds, warmup: 1, budget: 3000 },
    );
  } finally {
    x.dispose();
    y.dispose();
  }
}
