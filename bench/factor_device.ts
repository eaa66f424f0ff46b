/**
 * Factorizations on the adapter beside the host, one JSON line for each routine and size: milliseconds of the kernels alone (`kernels`: until the device
 * is idle), of the call with its wait for the flag (`adapter`), of the same on the host with its transfers (`host`), and the backward error.
 * For a quick look on a machine that is lent for minutes: `deno run -A bench/factor_device.ts [--sizes 256,1024] [--only lu] [--f64]`.
 *
 * @module
 */
import { device, type Gpu, linalg, open, Tensor } from "../mod.ts";
import { choleskyFactor } from "../src/ops/factor_cholesky.ts";
import { luFactor } from "../src/ops/factor_lu.ts";
import { triangularSolve } from "../src/ops/factor_triangular.ts";
import { run } from "../src/ops/run.ts";

/** What is measured: on which matrix, by which op, by which function. */
interface Routine {
  readonly matrix: (gpu: Gpu, n: number, dtype: "f32" | "f64") => Tensor;
  readonly kernels: (gpu: Gpu, a: Tensor) => Record<string, Tensor>;
  readonly call: (a: Tensor, on: linalg.Place) => Promise<object>;
  readonly certified: (a: Tensor, result: object) => linalg.Factorization;
}

const normal = (gpu: Gpu, shape: number[], dtype: "f32" | "f64") => gpu.random.normal(shape, { seed: 1 }).astype(dtype);

const positive = (gpu: Gpu, shape: number[], dtype: "f32" | "f64") => {
  const n = shape[shape.length - 1], x = normal(gpu, shape, dtype);
  return gpu.map("(x + t) / 2 + 2 * r * i", { x, t: x.T, r: Math.sqrt(n), i: gpu.eye(n) }).astype(dtype);
};

const tensors = (outputs: ReturnType<typeof run>) =>
  Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, Tensor.from(value)]));

const ones = (a: Tensor) =>
  Tensor.of(a.device, new Float32Array(a.shape[a.rank - 1]).fill(1), [a.shape[a.rank - 1]]).astype(a.dtype);

const routines: Readonly<Record<string, Routine>> = {
  cholesky: {
    matrix: (gpu, n, dtype) => positive(gpu, [n, n], dtype),
    kernels: (gpu, a) => tensors(run(gpu.device, choleskyFactor, { a: a.value }, {})),
    call: async (a, on) => ({ l: await linalg.cholesky(a, { on }) }),
    certified: (_, result) => result as { l: Tensor },
  },
  lu: {
    matrix: (gpu, n, dtype) => normal(gpu, [n, n], dtype),
    kernels: (gpu, a) => tensors(run(gpu.device, luFactor, { a: a.value }, {})),
    call: (a, on) => linalg.lu(a, { on }),
    certified: (_, result) => result as linalg.Lu,
  },
  solve: {
    matrix: (gpu, n, dtype) => normal(gpu, [n, n], dtype),
    kernels: (gpu, a) => {
      const b = ones(a).reshape([-1, 1]), factors = tensors(run(gpu.device, luFactor, { a: a.value }, {}));
      const { lu, order } = factors, use = { transpose: false, lower: true, unitDiagonal: true };
      const first = run(gpu.device, triangularSolve, { a: lu.value, b: b.value, order: order.value }, use);
      const upper = { ...use, lower: false, unitDiagonal: false };
      const last = tensors(run(gpu.device, triangularSolve, { a: lu.value, b: first.x }, upper));
      Object.values(first).forEach((value) => value.storage.release());
      return { ...factors, x: last.x, last: last.info };
    },
    call: async (a, on) => ({ x: await linalg.solve(a, ones(a), { on }) }),
    certified: (a, result) => ({ ...result as { x: Tensor }, b: ones(a) }),
  },
  triangular: {
    matrix: (gpu, n, dtype) => gpu.map("x / n + i", { x: normal(gpu, [n, n], dtype), n, i: gpu.eye(n) }).astype(dtype),
    kernels: (gpu, a) =>
      tensors(
        run(gpu.device, triangularSolve, { a: a.value, b: a.value }, {
          lower: true,
          transpose: false,
          unitDiagonal: false,
        }),
      ),
    call: async (a, on) => ({ x: await linalg.solveTriangular(a, a, { lower: true, on }) }),
    certified: (a, result) => ({ ...result as { x: Tensor }, b: a }),
  },
};

const lower = (gpu: Gpu, a: Tensor) => {
  const i = gpu.arange(a.shape[0]);
  return gpu.map("i >= j ? a : 0", { a, i: i.reshape([-1, 1]), j: i });
};

const best = async (times: number, measure: () => Promise<number>) => {
  let least = Infinity;
  for (let k = 0; k < times; k++) least = Math.min(least, await measure());
  return least;
};

const option = (name: string) => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};

async function measure(gpu: Gpu, name: string, shape: string, a: Tensor): Promise<void> {
  const { kernels, call, certified } = routines[name];
  void a.value;
  await gpu.sync();
  const once = (on: linalg.Place) => async () => {
    const start = performance.now(), result = await call(a, on);
    const ms = performance.now() - start;
    Object.values(result).forEach((t) => t.dispose());
    return ms;
  };
  const found = await call(a, "adapter");
  // The other triangle is no part of the system.
  const read = name === "triangular" ? lower(gpu, a) : a;
  const { backwardError } = await linalg.certificate(read, certified(a, found));
  const alone = await best(4, async () => {
    await gpu.sync();
    gpu.device.time();
    const start = performance.now(), parts = kernels(gpu, a);
    gpu.device.time();
    const ms = performance.now() - start;
    Object.values(parts).forEach((t) => t.dispose());
    return ms;
  });
  const adapter = await best(3, once("adapter")), host = await best(2, once("host"));
  const round = (x: number) => Number(x.toPrecision(4));
  console.log(JSON.stringify({
    routine: name,
    shape,
    dtype: a.dtype,
    kernels: round(alone),
    adapter: round(adapter),
    host: round(host),
    backwardError: round(backwardError),
    device: gpu.info.name,
  }));
}

if (import.meta.main) {
  await using gpu = await open({ backend: "webgpu" });
  const sizes = (option("sizes") ?? "256,512,1024,2048,4096").split(",").map(Number);
  const only = option("only"), types: ("f32" | "f64")[] = Deno.args.includes("--f64") ? ["f32", "f64"] : ["f32"];
  console.log(JSON.stringify({ libraries: gpu.info.libraries.lapack, unit: device.roundoff("f32") }));
  for (const dtype of types) {
    if (dtype === "f64" && !gpu.info.probes.f64) continue;
    for (const name of Object.keys(routines).filter((r) => !only || r === only)) {
      for (const n of sizes) {
        await gpu.scope(() => measure(gpu, name, `${n}`, routines[name].matrix(gpu, n, dtype)));
      }
    }
    if (only) continue;
    await gpu.scope(() => measure(gpu, "cholesky", "10000 × 16", positive(gpu, [10_000, 16, 16], dtype)));
    await gpu.scope(() => measure(gpu, "lu", "10000 × 16", normal(gpu, [10_000, 16, 16], dtype)));
  }
}
