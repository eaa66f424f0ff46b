import { assert, assertEquals } from "@std/assert";
import { type Gpu, Tensor, vjp } from "../../mod.ts";

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

/** How a function is compared with differences. */
export interface Comparison {
  /** Outputs that are in the loss. Default: all. */
  readonly names?: readonly string[];
  /** Their weights in the loss. Default: random. */
  readonly weights?: Named;
  /** Directions are made symmetric. */
  readonly symmetric?: boolean;
  /** Longest step. Default 1e-3. */
  readonly step?: number;
  /** Outputs whose columns have arbitrary signs: all follow those of the first at the point. */
  readonly signs?: readonly string[];
}

/** The gradient of Σ ⟨weight, output⟩ by reverse mode. */
export async function gradientOf(
  f: (...inputs: Tensor[]) => Promise<Named>,
  at: readonly Tensor[],
  weights: Named,
): Promise<Tensor[]> {
  const { pullback } = await vjp(f, ...at);
  return await pullback(weights);
}

/**
 * Fails unless the gradient of a loss, a random combination of outputs, agrees with central differences along random directions,
 * extrapolated (Richardson), to within what two extrapolations differ by and the rounding errors of the differences.
 */
export async function assertGradient(
  gpu: Gpu,
  what: string,
  f: (...inputs: Tensor[]) => Promise<Named>,
  at: readonly Tensor[],
  comparison: Comparison = {},
): Promise<void> {
  const { symmetric = false, step = 1e-3, signs = [] } = comparison;
  await gpu.scope(async () => {
    const base = await f(...at), names = comparison.names ?? Object.keys(base);
    const weights = comparison.weights ??
      Object.fromEntries(names.map((name, q) => [name, normal(gpu, base[name].shape, 77 + q)]));
    const gradient = await gradientOf(f, at, weights);
    // Data are of order one: so are the derivatives of an output, though it may itself be zero.
    let size = 0, weight = 0;
    for (const name in weights) {
      weight += await weights[name].abs().sum().item();
      size += await Tensor.reduce("sum", "abs(x * y)", { x: base[name], y: weights[name] }).item();
    }
    const loss = (t: number, direction: readonly Tensor[]): Promise<number> =>
      gpu.scope(async () => {
        const out: Record<string, Tensor> = { ...await f(...at.map((x, q) => x.add(direction[q].mul(t)))) };
        if (signs.length > 0) {
          const [x, y] = [out[signs[0]], base[signs[0]]], sign = x.mul(y).sum(-2, { keepDims: true });
          for (const name of signs) out[name] = Tensor.map("s < 0 ? -x : x", { s: sign, x: out[name] });
        }
        let sum = 0;
        for (const name in weights) sum += await dot(out[name], weights[name]);
        return sum;
      });
    for (const round of [1, 2]) {
      const direction = at.map((x, q) => {
        const e = normal(gpu, x.shape, 1000 * round + q);
        return symmetric && x.rank >= 2 ? e.add(e.T).mul(0.5) : e;
      });
      const difference = async (h: number) => (await loss(h, direction) - await loss(-h, direction)) / (2 * h);
      const [d1, d2, d3] = [await difference(step), await difference(step / 2), await difference(step / 4)];
      const [r1, r2] = [(4 * d2 - d1) / 3, (4 * d3 - d2) / 3], expected = (16 * r2 - r1) / 15;
      let found = 0, magnitude = 0;
      for (let q = 0; q < at.length; q++) {
        assertEquals(gradient[q].shape, at[q].shape, `${what}: shape of the gradient of input ${q}`);
        found += await dot(gradient[q], direction[q]);
        magnitude += await Tensor.reduce("sum", "abs(x * y)", { x: gradient[q], y: direction[q] }).item();
      }
      const bound = 4 * Math.abs(r2 - r1) + 256 * 2 ** -53 * (size / (step / 4) + magnitude + weight);
      assert(bound <= 1e-5 * (magnitude + weight), `${what}: differences are only good to ${bound} of ${magnitude}`);
      assert(
        Math.abs(found - expected) <= bound,
        `${what}: the gradient gives ${found} along a direction, differences ${expected} (bound ${bound})`,
      );
    }
  });
}
