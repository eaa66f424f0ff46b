/**
 * Compares the peers with each other, without Denovo: `deno run -A bench/peers/compare.ts [operation [size …]]`.
 * Says which peers run here, whether their results agree, and how fast each is.
 *
 * @module
 */
import { type Benchmark, race, type RaceResult, table } from "../harness.ts";
import { jaxWasm, jaxWebgpu } from "./jax_js.ts";
import { mlMatrix } from "./ml_matrix.ts";
import { type Checksum, difference, type Job, type Peer } from "./peer.ts";
import { numpy } from "./python.ts";
import { tfjs } from "./tfjs.ts";

const PEERS: readonly Peer[] = [numpy, jaxWasm, jaxWebgpu, tfjs, mlMatrix];

type Work = Pick<Benchmark, "flops" | "bytes"> & { prepare: (peer: Peer) => Promise<Job> | undefined };

// What single precision keeps of a sum of many terms, if it is added up with some care.
const TOLERANCE = 1e-5;

// `n` is the one number of the command line; the other sizes follow from it.
const OPERATIONS: Record<string, (n: number) => Work> = {
  matmul: (n) => ({ flops: 2 * n ** 3, prepare: (peer) => peer.matmul?.(n) }),
  matmulF64: (n) => ({ flops: 2 * n ** 3, prepare: (peer) => peer.matmulF64?.(n) }),
  chain: (n) => ({ bytes: 8 * n * n, prepare: (peer) => peer.chain?.(n * n) }),
  sum: (n) => ({ bytes: 4 * n * n, prepare: (peer) => peer.sum?.(n * n) }),
  logsumexp: (n) => ({ bytes: 4 * n * n, prepare: (peer) => peer.logsumexp?.(n, n) }),
  softmax: (n) => ({ bytes: 8 * n * n, prepare: (peer) => peer.softmax?.(n, n) }),
  sqdist: (n) => ({ prepare: (peer) => peer.sqdist?.(n, 16) }),
  gather: (n) => ({ bytes: 8 * 16 * n, prepare: (peer) => peer.gather?.(n, 16, n) }),
  scatterAdd: (n) => ({ bytes: 12 * 16 * n, prepare: (peer) => peer.scatterAdd?.(n, 16, n) }),
  sinkhornHalfStep: (n) => ({ bytes: 4 * n * n, prepare: (peer) => peer.sinkhornHalfStep?.(n) }),
  svd: (n) => ({ prepare: (peer) => peer.svd?.(n) }),
  eigh: (n) => ({ prepare: (peer) => peer.eigh?.(n) }),
};

async function compare(name: string, n: number, peers: readonly Peer[]): Promise<RaceResult | undefined> {
  const { prepare, ...work } = OPERATIONS[name](n);
  const jobs: Record<string, Job> = {};
  for (const peer of peers) {
    const prepared = await prepare(peer);
    if (prepared) jobs[peer.name] = prepared;
  }
  let first: [string, Checksum] | undefined;
  for (const [peer, job] of Object.entries(jobs)) {
    const checksum = await job.checksum();
    first ??= [peer, checksum];
    const apart = difference(first[1], checksum);
    // A NaN among the results makes the difference NaN, which is not small either.
    if (!(apart <= TOLERANCE)) console.log(`${name} ${n}: ${peer} is ${apart.toPrecision(2)} away from ${first[0]}`);
  }
  if (first === undefined) return undefined;
  const result = await race({ family: "peers", name, size: String(n), ...work }, jobs);
  for (const job of Object.values(jobs)) job.dispose();
  return result;
}

if (import.meta.main) {
  const [name = "matmul", ...sizes] = Deno.args;
  if (!(name in OPERATIONS)) {
    console.error(`unknown operation "${name}", expected one of ${Object.keys(OPERATIONS).join(", ")}`);
    Deno.exit(2);
  }
  const peers: Peer[] = [];
  for (const peer of PEERS) {
    const state = await peer.available();
    console.log(state === true ? `${peer.name}: ${JSON.stringify(await peer.versions())}` : `${peer.name}: ${state}`);
    if (state === true) peers.push(peer);
  }
  const results: RaceResult[] = [];
  for (const size of sizes.length > 0 ? sizes.map(Number) : [512, 1024]) {
    const result = await compare(name, size, peers);
    if (result) results.push(result);
  }
  console.log(table(results));
  for (const peer of peers) await peer.close?.();
  // The worker threads of jax-js would keep the process alive.
  Deno.exit();
}
