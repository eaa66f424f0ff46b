/**
 * Registers the benchmarks of a family with `Deno.bench`: Denovo and the JavaScript peers, those of a quick run.
 * NumPy measures itself in its own process: `deno task bench` has it.
 *
 * @module
 */
import { open } from "../mod.ts";
import { denovoPeer } from "./denovo.ts";
import type { Family } from "./families/mod.ts";
import { jaxWasm, jaxWebgpu } from "./peers/jax_js.ts";
import { mlMatrix } from "./peers/ml_matrix.ts";
import { ortWasm, ortWebgpu } from "./peers/onnxruntime.ts";
import type { Job, Peer } from "./peers/peer.ts";
import { tfjs } from "./peers/tfjs.ts";

/** Measured calls: each also waits for Deno's fixed sleep, which is not measured. */
const CALLS = 20;

/** Registers a family; the device is the default one of `open`. */
export async function registerFamily(family: Family): Promise<void> {
  const gpu = await open();
  const peers: Peer[] = [denovoPeer(gpu, `denovo (${gpu.info.backend})`)];
  for (const peer of [jaxWasm, jaxWebgpu, tfjs, ortWasm, ortWebgpu, mlMatrix]) {
    if (await peer.available() === true) peers.push(peer);
  }
  // One contestant at a time holds memory.
  let current: Job | undefined;
  for (const { name, size, quick, contestants } of family.benchmarks) {
    if (!quick) continue;
    const group = `${family.name}: ${name}, ${size}`;
    const makers = peers.flatMap((peer) => Object.entries(contestants(peer)));
    for (const [k, [contestant, make]] of makers.entries()) {
      if (make === undefined) continue;
      let job: Job | undefined;
      Deno.bench({
        name: contestant,
        group,
        baseline: k === 0,
        n: CALLS,
        warmup: 3,
        fn: async (context) => {
          if (job === undefined) {
            current?.dispose();
            current = job = await make();
          }
          await job({ watch: context });
        },
      });
    }
  }
}
