import { assertEquals } from "@std/assert";
import { defineOp } from "../../src/ops/define.ts";
import { run } from "../../src/ops/run.ts";
import type { Value } from "../../src/ops/value.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { onGpu } from "./devices.ts";

/** How often the kernel of `scaled` was prepared. */
let prepared = 0;

/** `out = by · x + y`, by way of scratch memory. */
const scaled = defineOp<{ by: number }>({
  name: "scaled",
  contract: ({ x }) => ({ out: { shape: x!.shape, dtype: "f32" } }),
  reference() {},
  kernels: [{
    name: "plain",
    record(call) {
      prepared++;
      const [x, y] = [call.inputs.x as Value, call.dense(call.inputs.y as Value)], n = x.shape[0];
      const product = call.temporary({ shape: x.shape, dtype: "f32" });
      const launch = { workgroupSize: 64, workgroups: 1 } as const;
      call.launch({
        ...launch,
        key: "product",
        read: { x },
        write: { product },
        uniforms: { n, at: x.offset, by: { f32: call.params.by } },
        body: () => "if (id < p.n) { product[id] = p.by * x[p.at + id]; }",
      });
      call.launch({
        ...launch,
        key: "sum",
        read: { product, y },
        write: { out: call.outputs.out },
        uniforms: { n, at: y.offset },
        body: () => "if (id < p.n) { out[id] = product[id] + y[p.at + id]; }",
      });
    },
  }],
  cost: () => ({ flops: 0, bytes: 0 }),
  error: () => ({}),
  cases: [{ name: "any", inputs: { x: { shape: [3] }, y: { shape: [3] } }, params: { by: 2 } }],
});

async function call(gpu: Gpu, x: Tensor, y: Tensor, by: number): Promise<number[]> {
  const { out } = run(gpu.device, scaled, { x: x.value, y: y.value }, { by });
  const bytes = await gpu.device.read(out.storage, 0, 12);
  out.storage.release();
  return [...new Float32Array(bytes)];
}

onGpu("a call that comes again is replayed on other memory", async (gpu) => {
  prepared = 0;
  for (let k = 0; k < 6; k++) {
    using x = gpu.tensor([k, 1, 2]), y = gpu.tensor([10, 20, 30 * k]);
    assertEquals(await call(gpu, x, y, 2), [2 * k + 10, 22, 4 + 30 * k]);
  }
  assertEquals(prepared, 2);
});

onGpu("a call with another number, another offset or shared memory is not the same", async (gpu) => {
  using x = gpu.tensor([1, 2, 3, 4, 5, 6]), y = gpu.tensor([10, 20, 30]);
  using first = x.slice([0, 3]), last = x.slice([3, 6]);
  for (let k = 0; k < 3; k++) {
    assertEquals(await call(gpu, first, y, 2), [12, 24, 36]);
    assertEquals(await call(gpu, first, y, 3), [13, 26, 39]);
    assertEquals(await call(gpu, first, y, -0), [10, 20, 30]);
    assertEquals(await call(gpu, last, y, 2), [18, 30, 42]);
    assertEquals(await call(gpu, first, last, 2), [6, 9, 12]);
  }
  using other = gpu.tensor([0, 0, 0, 1, 1, 1]), end = other.slice([3, 6]);
  assertEquals(await call(gpu, first, end, 2), [3, 5, 7]);
});

onGpu("a call that copies an operand is prepared anew", async (gpu) => {
  for (let k = 0; k < 4; k++) {
    using x = gpu.tensor([1, 2, 3]), wide = gpu.tensor([k, 0, 2, 0, 3, 0]), y = wide.slice([0, 6, 2]);
    assertEquals(await call(gpu, x, y, 2), [2 + k, 6, 9]);
  }
});

onGpu("replayed calls leave no memory behind", async (gpu) => {
  using x = gpu.tensor([1, 2, 3]), y = gpu.tensor([4, 5, 6]);
  await call(gpu, x, y, 2);
  const { live } = gpu.memory();
  for (let k = 0; k < 4; k++) await call(gpu, x, y, 2);
  assertEquals(gpu.memory().live, live);
});
