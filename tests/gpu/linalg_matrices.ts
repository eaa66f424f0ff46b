import type { Gpu, Tensor } from "../../mod.ts";

/** Standard normal numbers, the same on every device. */
export const normal = (gpu: Gpu, shape: number[], seed: number, dtype: "f32" | "f64" = "f32"): Tensor =>
  gpu.random.normal(shape, { seed }).astype(dtype);

/** The largest difference of two tensors. */
export const apart = (gpu: Gpu, x: Tensor, y: Tensor): Promise<number> =>
  gpu.reduce("max", "abs(x - y)", { x, y }).item();
