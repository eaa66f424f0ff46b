/**
 * Whole solves of entropic transport against POT: points of the plane, squared distances, uniform weights, the same marginal
 * error.
 *
 * @module
 */
import { type Gpu, type Tensor, transport } from "../mod.ts";
import { type Contestant, digits, race, type RaceResult } from "./harness.ts";
import { uniform } from "./peers/peer.ts";
import { pot } from "./peers/numpy.ts";
import type { PythonJob } from "./peers/python_process.ts";
import { raceBatch, raceForms } from "./transport_forms.ts";
import { raceGrid } from "./transport_grid.ts";

/** POT's stop rule: the L2 norm of the marginal error. */
const STOP = 1e-6;
/** POT looks every ten iterations and may overshoot to where f64 alone can follow: Denovo is asked for this at most. */
const LEAST = STOP / 4;

/** A solve that POT's log-domain solver takes minutes for: iterations after which it is stopped. */
const LIMIT = 31;
const SLOW = 3_000_000;

/** How the solves are raced. */
export interface SolveOptions {
  /** The device that Denovo solves on. */
  gpu: Gpu;
  /** Whether POT is there. */
  pot: boolean;
  /** Only the smallest size, and none that takes POT long. */
  quick: boolean;
  rounds: number;
}

function points(gpu: Gpu, n: number): [x: Tensor, y: Tensor] {
  return [1, 2].map((seed) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2] })) as [Tensor, Tensor];
}

/** L2 norm of the row marginal's error in f64 on the host, from the potentials that the solver gives. */
async function marginalError(result: transport.SinkhornResult, n: number): Promise<number> {
  const [f, g] = await Promise.all(result.potentials.map((t) => t.data()));
  const x = uniform(2 * n, 1), y = uniform(2 * n, 2);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) {
      const cost = (x[2 * i] - y[2 * j]) ** 2 + (x[2 * i + 1] - y[2 * j + 1]) ** 2;
      sum += Math.exp((f[i] + g[j] - cost) / result.epsilon);
    }
    squares += (sum - 1 / n) ** 2;
  }
  return Math.sqrt(squares);
}

/**
 * Denovo's solve, from points on the device to the result on the host. It stops on the L1 norm: the tolerance is lowered until its
 * L2 error, measured in f64, is no more than `error`.
 */
async function denovoSolve(
  [x, y]: readonly [Tensor, Tensor],
  n: number,
  fraction: number,
  error: number,
  form: transport.SinkhornForm | "auto" = "auto",
): Promise<Contestant> {
  const solve = (tolerance: number) =>
    transport.sinkhorn(x, y, { epsilon: fraction, tolerance, maxIterations: 20_000, form });
  let tolerance = 0.8 * Math.sqrt(n) * error, note = "";
  for (;;) {
    using result = await solve(tolerance);
    const reached = await marginalError(result, n);
    note = `${result.form}, ${result.iterations} iterations, L2 error ${reached.toExponential(1)}, cost ${
      digits(result.cost)
    }`;
    if (reached <= error || !result.converged) break;
    tolerance /= 1.5;
  }
  const run = async () => {
    using _ = await solve(tolerance);
  };
  return Object.assign(run, { note: () => note });
}

/** POT's solve of a stored cost in f64; the time is that of the solver alone. */
function potSolve(job: PythonJob, iterations?: number): Contestant {
  const run = async () => {
    const ms = await job();
    // The same iterations as the plain solver's: what is left out takes as long per iteration as what ran.
    return iterations === undefined ? ms : ms * iterations / job.info().iterations;
  };
  const note = () => {
    const { iterations: ran, marginalError, cost } = job.info();
    if (iterations !== undefined) return `scaled from ${ran} to ${iterations} iterations`;
    return `${ran} iterations, L2 error ${marginalError.toExponential(1)}, cost ${digits(cost)}`;
  };
  return Object.assign(run, { note });
}

async function solves(n: number, fraction: number, options: SolveOptions): Promise<RaceResult> {
  const others: Record<string, Contestant> = {};
  const jobs: PythonJob[] = [];
  let error = STOP;
  if (options.pot) {
    const plain = await pot.sinkhorn(n, fraction, "sinkhorn");
    await plain();
    const { iterations, marginalError } = plain.info();
    error = Math.min(STOP, Math.max(LEAST, marginalError));
    const slow = n * iterations > SLOW / 2;
    const log = await pot.sinkhorn(n, fraction, "sinkhorn_log", slow ? LIMIT : undefined);
    // What it sets up takes as long as many iterations: it cannot be scaled.
    const stabilized = await pot.sinkhorn(n, fraction, "sinkhorn_stabilized");
    jobs.push(plain, log, stabilized);
    others["POT sinkhorn"] = potSolve(plain);
    others["POT sinkhorn_log"] = potSolve(log, slow ? iterations : undefined);
    others["POT sinkhorn_stabilized"] = potSolve(stabilized);
  }
  const cloud = points(options.gpu, n);
  try {
    const own: Record<string, Contestant> = { denovo: await denovoSolve(cloud, n, fraction, error) };
    // Without a matrix of all pairs, where the one that is chosen has one.
    if (n === 4000) own["denovo streaming"] = await denovoSolve(cloud, n, fraction, error, "streaming");
    return await race(
      { family: "transport", name: `sinkhorn, ε = ${fraction} max C`, size: `${n}` },
      { ...own, ...others },
      { rounds: options.rounds, warmup: 1, budget: 3000 },
    );
  } finally {
    for (const held of [...jobs, ...cloud]) held.dispose();
  }
}

/** Transport without regularization, both by the network simplex method on one thread in f64; POT's cost matrix is ready, Denovo's is computed. */
async function exact(n: number, { gpu, pot: hasPot }: SolveOptions): Promise<RaceResult> {
  const [x, y] = points(gpu, n), job = hasPot ? await pot.emd(n) : undefined;
  let note = "";
  const run = async () => {
    using result = await transport.exact(x, y);
    note = `${result.iterations} pivots, gap ${result.gap.toExponential(1)}, cost ${digits(result.cost)}`;
  };
  try {
    const contestants = { denovo: Object.assign(run, { note: () => note }), ...(job ? { "POT emd": job } : {}) };
    return await race({ family: "transport", name: "exact", size: `${n}` }, contestants, {
      rounds: 3,
      warmup: 1,
      budget: 3000,
    });
  } finally {
    for (const held of [x, y]) held.dispose();
    job?.dispose();
  }
}

/**
 * The same from coarse to fine, against the method with all costs: the same optimum, in memory that grows with the points. The other two store 8n²
 * bytes of costs.
 */
async function fromCoarseToFine(n: number, { gpu, pot: hasPot }: SolveOptions): Promise<RaceResult> {
  const [x, y] = points(gpu, n), job = hasPot ? await pot.emd(n) : undefined;
  const solver = (solve: typeof transport.exact | typeof transport.multiscale): Contestant => {
    let note = "";
    const run = async () => {
      gpu.device.ledger.resetPeak();
      using result = await solve(x, y);
      const stored = result instanceof transport.MultiscaleResult
        ? `${result.history.at(-1)!.arcs} arcs`
        : `${digits(8 * n * n / 1e6)} MB of costs`;
      note =
        `${result.iterations} pivots, gap ${result.gap.toExponential(1)}, cost ${digits(result.cost)}, ${stored} ` +
        `and ${digits(gpu.memory().peak / 1e6)} MB in tensors`;
    };
    return Object.assign(run, { note: () => note });
  };
  try {
    const contestants = {
      denovo: solver(transport.multiscale),
      "denovo exact": solver(transport.exact),
      ...(job ? { "POT emd": job } : {}),
    };
    const long = n > 4000;
    return await race({ family: "transport", name: "exact, from coarse to fine", size: `${n}` }, contestants, {
      rounds: long ? 1 : 3,
      warmup: long ? 0 : 1,
      budget: 3000,
    });
  } finally {
    for (const held of [x, y]) held.dispose();
    job?.dispose();
  }
}

/** A problem for whose cost matrix POT would need 80 GB, to a marginal error of 1e-4. */
async function whole(gpu: Gpu): Promise<RaceResult> {
  const n = 100_000, [x, y] = points(gpu, n);
  gpu.device.ledger.resetPeak();
  let note = "";
  const run = async () => {
    using result = await transport.sinkhorn(x, y, { epsilon: 0.1, tolerance: 1e-4 });
    const memory = `peak ${digits(gpu.memory().peak / 1e6)} MB in tensors, where n·m costs in f64 take 80,000 MB`;
    note = `${result.iterations} iterations, L1 error ${result.marginalError.toExponential(1)}, ${memory}`;
  };
  try {
    const about = { family: "transport", name: "sinkhorn, ε = 0.1 max C", size: `${n}` };
    return await race(about, { denovo: Object.assign(run, { note: () => note }) }, { rounds: 1, warmup: 0 });
  } finally {
    x.dispose();
    y.dispose();
  }
}

/** A size at which no n·m array would fit: seconds per iteration and the most memory that tensors ever took. */
async function large(gpu: Gpu): Promise<RaceResult> {
  const n = 50_000;
  const [x, y] = points(gpu, n);
  gpu.device.ledger.resetPeak();
  const solve = async (maxIterations: number) => {
    const start = performance.now();
    // Unconverged on purpose.
    using _ = await transport.sinkhorn(x, y, { epsilon: 0.01, maxIterations });
    return performance.now() - start;
  };
  // Compiles the kernels and chooses among them.
  await solve(3);
  // The first two iterations are of another kind.
  const run = async () => (-await solve(2) + await solve(6)) / 4;
  const note = () => `peak ${digits(gpu.memory().peak / 1e6)} MB in tensors; its n·m costs would take 10,000 MB`;
  try {
    const about = { family: "transport", name: "one iteration, ε = 0.01 max C", size: `${n}`, pairs: 2 * n * n };
    return await race(about, { denovo: Object.assign(run, { note }) }, { rounds: 1, warmup: 0 });
  } finally {
    x.dispose();
    y.dispose();
  }
}

/** Races the solves. */
export async function* raceTransport(options: SolveOptions): AsyncGenerator<RaceResult> {
  for (const n of options.quick ? [1000] : [1000, 2000, 4000]) {
    for (const fraction of options.quick ? [0.1, 0.01] : [0.1, 0.01, 0.001]) yield await solves(n, fraction, options);
    yield await exact(n, options);
  }
  // POT takes minutes for the larger one where the machine is busy.
  for (const n of options.quick ? [2000] : [2000, 8000]) yield await fromCoarseToFine(n, options);
  if (!options.quick) yield await solves(8000, 0.01, options);
  for (const n of options.quick ? [1000] : [1000, 2000, 4000]) {
    for (const fraction of options.quick ? [0.01] : [0.1, 0.01, 0.001]) yield await raceForms(options, n, fraction);
  }
  for (const fraction of [0.1, 0.01]) yield await raceBatch(options, options.quick ? 100 : 1000, 64, fraction);
  for (const side of options.quick ? [32] : [32, 64]) yield await raceGrid(options, side, 0.01);
  if (options.quick) return;
  yield await large(options.gpu);
  yield await whole(options.gpu);
}
