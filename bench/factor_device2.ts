/**
 * QR, symmetric eigenvalues and singular values on the adapter and on the host, one line of JSON per routine and size:
 * `deno run -A bench/factor_device2.ts [seconds]`. It begins no further size after so many seconds (default 80).
 */
import { linalg, open, type Tensor } from "../mod.ts";

type On = "adapter" | "host";

interface Problem {
  readonly routine: string;
  readonly shape: readonly number[];
  readonly dtype: "f32" | "f64";
  readonly matrix: Tensor;
  readonly run: (a: Tensor, on: On) => Promise<Record<string, Tensor>>;
}

const begun = performance.now(), limit = 1e3 * Number(Deno.args[0] ?? 80);
await using gpu = await open({ backend: "webgpu", tune: "off" });
console.log(JSON.stringify({ device: gpu.info.name, lapack: gpu.info.libraries.lapack }));

const ROUTINES: Record<string, Problem["run"]> = {
  qr: async (a, on) => ({ ...await linalg.qr(a, { on }) }),
  eigh: async (a, on) => ({ ...await linalg.eigh(a, { on }) }),
  svd: async (a, on) => ({ ...await linalg.svd(a, { on }) }),
  svdvals: async (a, on) => ({ s: await linalg.svdvals(a, { on }) }),
};

const SIZES: [string, number[], ("f32" | "f64")?][] = [
  ...[256, 512, 1024, 2048, 4096].map((n): [string, number[]] => ["qr", [n, n]]),
  ["qr", [100_000, 32]],
  ["qr", [10_000, 32, 16]],
  ...[128, 256, 512, 1024].flatMap((n): [string, number[]][] => [["eigh", [n, n]], ["svd", [n, n]]]),
  ["svdvals", [1024, 1024]],
  ...["eigh", "svd"].flatMap((
    routine,
  ): [string, number[]][] => [[routine, [10_000, 16, 16]], [routine, [10_000, 32, 32]]]),
  ["svd", [20_000, 64]],
  ["qr", [1024, 1024], "f64"],
  ["eigh", [512, 512], "f64"],
  ["svd", [512, 512], "f64"],
  ["eigh", [2048, 2048]],
];

for (const [routine, shape, dtype = "f32"] of SIZES) {
  if (performance.now() - begun > limit) {
    console.log(JSON.stringify({ routine, shape, dtype, skipped: "out of time" }));
    continue;
  }
  if (dtype === "f64" && !gpu.info.probes.f64) continue;
  try {
    await gpu.scope(async () => {
      const x = gpu.random.normal(shape, { seed: 1 }).astype(dtype), matrix = routine === "eigh" ? x.add(x.T) : x;
      void matrix.value;
      console.log(JSON.stringify(await measure({ routine, shape, dtype, matrix, run: ROUTINES[routine] })));
    });
  } catch (error) {
    console.log(JSON.stringify({ routine, shape, dtype, error: `${error}` }));
  }
}

async function measure(problem: Problem): Promise<Record<string, unknown>> {
  const { routine, shape, dtype, matrix, run } = problem;
  const first = await timed(problem, "adapter"),
    adapter = await timed(problem, "adapter"),
    host = await timed(problem, "host");
  return {
    routine,
    shape,
    dtype,
    adapterMs: adapter,
    hostMs: host,
    firstMs: first,
    ...await errors(matrix, await run(matrix, "adapter")),
  };
}

/** Milliseconds until the results are there; what is on a software adapter's queue counts as well. */
async function timed({ matrix, run }: Problem, on: On): Promise<number> {
  await gpu.device.sync();
  const start = performance.now(), results = await run(matrix, on);
  for (const tensor of Object.values(results)) void tensor.value;
  // Small, but it waits for all that was recorded before.
  await gpu.device.sync();
  const ms = performance.now() - start;
  for (const tensor of Object.values(results)) tensor.dispose();
  return Math.round(100 * ms) / 100;
}

/** Relative backward error and ‖QᵀQ − I‖, in Frobenius norms, the worst of a stack; in f64 on the adapter where it has it. */
async function errors(matrix: Tensor, parts: Record<string, Tensor>): Promise<Record<string, number>> {
  const fine = gpu.info.probes.f64 ? "f64" : matrix.dtype, a = matrix.astype(fine);
  const p = Object.fromEntries(Object.entries(parts).map(([name, t]) => [name, t.astype(fine)]));
  const norm = (x: Tensor) => gpu.reduce("sum", "x^2", { x }, [-2, -1]).sqrt();
  const apart = async (q: Tensor) => await norm(q.T.matmul(q).sub(gpu.eye(q.shape.at(-1)!).astype(fine))).max().item();
  const off = async (b: Tensor) => await gpu.map("x / y", { x: norm(b.sub(a)), y: norm(a) }).max().item();
  if (p.q) return { backwardError: await off(p.q.matmul(p.r)), orthogonality: await apart(p.q) };
  if (p.vectors) {
    const scaled = p.vectors.mul(p.values.expandDims(-2));
    return { backwardError: await off(scaled.matmul(p.vectors.T)), orthogonality: await apart(p.vectors) };
  }
  if (!p.u) return {};
  return {
    backwardError: await off(p.u.mul(p.s.expandDims(-2)).matmul(p.v.T)),
    orthogonality: Math.max(await apart(p.u), await apart(p.v)),
  };
}
