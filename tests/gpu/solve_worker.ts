// Solves a large system on a worker's thread, whose stack is small, and says how well.
import { linalg, open } from "../../mod.ts";

await using gpu = await open({ backend: "cpu", threads: 2, tune: "off" });
const a = gpu.random.normal([1500, 1500], { seed: 1 }), b = gpu.ones([1500]);
const x = await linalg.solve(a, b);
(self as unknown as Worker).postMessage((await linalg.certificate(a, { x, b })).backwardError);
