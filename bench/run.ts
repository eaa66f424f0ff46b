/**
 * Races Denovo against its peers on the same inputs, in one run: `deno task bench [--backend cpu] [--only family] [--quick]`.
 * Prints medians, spread and ratios, and stores them in `bench/results/<device>.json`.
 *
 * `--backend` takes the device: `webgpu` or `cpu`, by default the adapter if there is one; whole solves are then made as `open()`
 * makes them, with short calls on the host. `--only` takes one family (map, reduce, scan, matmul,
 * pairwise, sparse, double, linalg, operators, iterations, index, random, overhead, transport), `--quick` the smaller sizes in fewer
 * rounds.
 *
 * The task has a lock file of its own: what some peers depend on would bring the types of Node into every check.
 *
 * @module
 */
import { open } from "../mod.ts";
import { denovoPeer, VERSION } from "./denovo.ts";
import { families } from "./families/mod.ts";
import { type RaceResult, table } from "./harness.ts";
import { jaxWasm, jaxWebgpu } from "./peers/jax_js.ts";
import { mlMatrix } from "./peers/ml_matrix.ts";
import { numpy, pot } from "./peers/numpy.ts";
import { ortWasm, ortWebgpu } from "./peers/onnxruntime.ts";
import type { Peer } from "./peers/peer.ts";
import { tfjs } from "./peers/tfjs.ts";
import { torch } from "./peers/torch.ts";
import { raceFamily } from "./race_family.ts";
import { saveResults } from "./results.ts";
import { raceTransport } from "./transport.ts";

/** Load per core above which a run says that it was disturbed. */
const BUSY = 0.3;

const NAMES = [...families.map(({ name }) => name), "transport"];

interface Arguments {
  backend?: "webgpu" | "cpu";
  only?: string;
  quick: boolean;
}

function parse(args: readonly string[]): Arguments {
  const found: Arguments = { quick: false };
  for (let k = 0; k < args.length; k++) {
    if (args[k] === "--quick") found.quick = true;
    else if (args[k] === "--backend" && /^(webgpu|cpu)$/.test(args[k + 1])) {
      found.backend = args[++k] as Arguments["backend"];
    } else if (args[k] === "--only" && NAMES.includes(args[k + 1])) found.only = args[++k];
    else {
      const usage = `[--backend webgpu|cpu] [--only ${NAMES.join("|")}] [--quick]`;
      console.error(`unexpected "${args.slice(k).join(" ")}": usage is ${usage}`);
      Deno.exit(2);
    }
  }
  return found;
}

/** Those that run here, the others named with the reason. */
async function present(peers: readonly Peer[], versions: Record<string, string>): Promise<Peer[]> {
  const found: Peer[] = [];
  for (const peer of peers) {
    const state = await peer.available();
    if (state !== true) {
      console.log(`without ${peer.name}: ${state.split("\n")[0]}`);
      continue;
    }
    found.push(peer);
    Object.assign(versions, await peer.versions());
  }
  return found;
}

async function main({ backend, only, quick }: Arguments): Promise<void> {
  // Kernel variants are chosen anew: an earlier choice may have been made while the machine was busy.
  const whole = await open({ ...(backend && { backend }), tune: "refresh" });
  const gpu = backend ? whole : await open({ backend: whole.info.backend, tune: "refresh" });
  console.log(`${gpu.info.name} (${gpu.info.reason}), Denovo ${VERSION}, Deno ${Deno.version.deno}`);
  const [load] = Deno.loadavg();
  if (load > BUSY * navigator.hardwareConcurrency) {
    console.log(
      `The load of this machine is ${load.toFixed(1)}: other programs are running, and the times will show it`,
    );
  }
  const versions: Record<string, string> = {};
  const others = [numpy, torch, jaxWasm, jaxWebgpu, tfjs, ortWasm, ortWebgpu, mlMatrix];
  const peers = await present([denovoPeer(gpu), ...others], versions);
  const potState = await pot.available();
  if (potState !== true) console.log(`without POT: ${potState}`);

  const results: RaceResult[] = [];
  const take = async (run: AsyncIterable<RaceResult>) => {
    for await (const result of run) {
      results.push(result);
      console.log(`\n${table([result])}`);
    }
  };
  for (const family of families) {
    if (only !== undefined && only !== family.name) continue;
    const options = quick ? { rounds: 5, warmup: 1, budget: 1500 } : { rounds: 9, warmup: 2, budget: 4000 };
    await take(raceFamily(family, peers, { quick, ...options }));
  }
  if (only === undefined || only === "transport") {
    await take(raceTransport({ gpu: whole, pot: potState === true, quick, rounds: quick ? 3 : 5 }));
  }
  // The results of one family join those of the others.
  const command = ["deno task bench", ...(backend ? ["--backend", backend] : []), ...(quick ? ["--quick"] : [])].join(
    " ",
  );
  const folder = new URL("./results", import.meta.url).pathname;
  await saveResults(folder, { device: gpu.info.name, versions, command }, results);
  console.log(`\nstored ${results.length} results of ${gpu.info.name} in bench/results`);
  for (const peer of peers) await peer.close?.();
}

if (import.meta.main) {
  await main(parse(Deno.args));
  // The worker threads of jax-js and ONNX Runtime would keep the process alive.
  Deno.exit();
}
