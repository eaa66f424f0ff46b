import { assertEquals } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";

/** Types that linear algebra is tested in. */
export type Type = "f32" | "f64";

/** Runs on both types where the device has them, and checks that nothing is left of it. */
export async function onTypes(gpu: Gpu, fn: (dtype: Type) => Promise<void>): Promise<void> {
  for (const dtype of gpu.info.probes.f64 ? ["f32", "f64"] as const : ["f32"] as const) {
    const before = gpu.memory().live;
    await gpu.scope(async () => await fn(dtype));
    assertEquals(gpu.memory().live, before, `memory, ${dtype}`);
  }
}

/** Normal numbers of a type. */
export const normal = (gpu: Gpu, shape: number[], seed: number, dtype: Type): Tensor =>
  gpu.random.normal(shape, { seed }).astype(dtype);

/** A symmetric matrix with these eigenvalues, made in the type. */
export async function symmetric(gpu: Gpu, values: number[], seed: number, dtype: Type): Promise<Tensor> {
  const { q } = await linalg.qr(normal(gpu, [values.length, values.length], seed, dtype));
  const a = q.mul(gpu.tensor(Float64Array.from(values), { dtype })).matmul(q.T);
  return a.add(a.T).mul(0.5);
}
