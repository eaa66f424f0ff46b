import { assert } from "@std/assert";
import { type Gpu, Tensor } from "../../mod.ts";

/** Named results of a function. */
export type Named = Readonly<Record<string, Tensor>>;

/** Standard normal numbers in f64, the same on every device. */
export function normal(gpu: Gpu, shape: readonly number[], seed: number, dtype: "f32" | "f64" = "f64"): Tensor {
  return gpu.random.normal(shape, { seed }).astype(dtype);
}

/** ⟨x, y⟩. */
export async function dot(x: Tensor, y: Tensor): Promise<number> {
  return await Tensor.reduce("sum", "x * y", { x, y }).item();
}

/** What is to be compared with differences. */
export interface Comparison {
  /** The function, of tensors in f64. */
  readonly f: (inputs: Tensor[]) => Promise<Named>;
  /** Where. */
  readonly at: readonly Tensor[];
  /** Weights of the outputs in the loss; those left out are not in it. */
  readonly weights: Named;
  /** The gradient of the loss for each input. */
  readonly gradient: readonly (Tensor | undefined)[];
  /** Directions of the inputs are made symmetric. */
  readonly symmetric?: boolean;
  /** Directions, instead of random ones. */
  readonly directions?: readonly (readonly Tensor[])[];
  /** Longest step. Default 1e-3. */
  readonly step?: number;
  /** Signs of the columns of these outputs are arbitrary: they follow those at the point, for each pair of names together. */
  readonly signs?: readonly string[];
}

/**
 * Fails unless a gradient agrees with central differences along directions, extrapolated twice (Richardson), to within what the two
 * extrapolations differ by and the rounding errors of the differences.
 */
export async function assertGradient(what: string, gpu: Gpu, comparison: Comparison): Promise<void> {
  const { f, at, weights, gradient, symmetric = false, step = 1e-3, signs = [] } = comparison;
  const base = await f([...at]);
  let size = 0;
  for (const [name, weight] of Object.entries(weights)) {
    size += await Tensor.reduce("sum", "abs(x * y)", { x: base[name], y: weight }).item();
  }
  const value = (t: number, direction: readonly Tensor[]): Promise<number> =>
    gpu.scope(async () => {
      const out: Record<string, Tensor> = { ...await f(at.map((x, q) => x.add(direction[q].mul(t)))) };
      if (signs.length > 0) {
        const [first] = signs, sign = Tensor.map("x * y", { x: out[first], y: base[first] }).sum(-2, { keepDims: true });
        for (const name of signs) out[name] = Tensor.map("s < 0 ? -x : x", { s: sign, x: out[name] });
      }
      let loss = 0;
      for (const [name, weight] of Object.entries(weights)) loss += await dot(out[name], weight);
      return loss;
    });
  const directions = comparison.directions ?? [1, 2].map((round) =>
    at.map((x, q) => {
      const e = normal(gpu, x.shape, 1000 * round + q);
      return symmetric && x.rank >= 2 ? e.add(e.T).mul(0.5) : e;
    })
  );
  for (const direction of directions) {
    const difference = async (h: number) => (await value(h, direction) - await value(-h, direction)) / (2 * h);
    const [d1, d2, d3] = [await difference(step), await difference(step / 2), await difference(step / 4)];
    const [r1, r2] = [(4 * d2 - d1) / 3, (4 * d3 - d2) / 3], expected = (16 * r2 - r1) / 15;
    let found = 0, magnitude = 0;
    for (let q = 0; q < at.length; q++) {
      const g = gradient[q];
      if (!g) continue;
      assert(g.shape.join() === at[q].shape.join(), `${what}: the gradient has the shape [${g.shape}]`);
      found += await dot(g, direction[q]);
      magnitude += await Tensor.reduce("sum", "abs(x * y)", { x: g, y: direction[q] }).item();
    }
    const rounding = 256 * 2 ** -53 * size / (step / 4);
    const bound = 4 * Math.abs(r2 - r1) + rounding + 1e-13 * magnitude;
    assert(bound < 1e-4 * (magnitude + 1), `${what}: differences are good to ${bound} only, of ${magnitude}`);
    assert(
      Math.abs(found - expected) <= bound,
      `${what}: the gradient gives ${found} along a direction, differences ${expected} (bound ${bound})`,
    );
  }
}
