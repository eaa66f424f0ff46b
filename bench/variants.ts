/**
 * Times every kernel variant of the matrix product on the adapter, by its own clock: `deno run -A bench/variants.ts [n …]`. Beside them the
 * milliseconds of host work that a call takes.
 *
 * @module
 */
import { openDevice } from "../src/device/mod.ts";
import { matmul } from "../src/ops/matmul.ts";
import { run } from "../src/ops/run.ts";
import { Gpu } from "../src/tensor/mod.ts";

const CALLS = 20;

const device = await openDevice({ backend: "webgpu", tune: "off" });
const gpu = new Gpu(device);
const sizes = Deno.args.length > 0 ? Deno.args.map(Number) : [256, 512, 1024, 2048, 4096];
const shapes = [
  ...sizes.map((n) => [[n, n], [n, n]]),
  [[1024, 64, 64], [1024, 64, 64]],
  [[4096, 4096], [4096, 1]],
];
for (const [left, right] of shapes) {
  const a = gpu.random.normal(left, { seed: 1 }), b = gpu.random.normal(right, { seed: 2 });
  const flops = 2 * left.reduce((p, s) => p * s, 1) * right[right.length - 1];
  const inputs = { a: a.value, b: b.value };
  await device.sync();
  for (const { name } of matmul.kernels) {
    const call = () => run(device, matmul, inputs, {}, { variant: name }).out.storage.release();
    try {
      call();
      await device.sync();
      device.startProfile();
      for (let k = 0; k < CALLS; k++) call();
      const rows = await device.stopProfile(), ms = rows.filter((r) => !r.wait).reduce((s, r) => s + r.ms, 0) / CALLS;
      const begun = performance.now();
      for (let k = 0; k < CALLS; k++) call();
      const host = (performance.now() - begun) / CALLS, end = device.time()!;
      const wall = (end - begun) / CALLS;
      console.log(
        `${left.join("x")} by ${right.join("x")}  ${name.padEnd(12)} ${ms.toFixed(4)} ms ${
          (flops / ms / 1e9).toFixed(2)
        } TFLOP/s, by the host's clock ${wall.toFixed(4)} ms, of them ${host.toFixed(4)} ms recording`,
      );
    } catch (error) {
      console.log(`${left.join("x")}  ${name}: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
      device.stopProfile().catch(() => {});
    }
  }
  a.dispose();
  b.dispose();
}
gpu.close();
