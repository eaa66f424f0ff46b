import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";

/**
 * Squared distances within a weighted cloud, C = ρ1ᵀ + 1ρᵀ − 2XXᵀ, by points about their weighted mean. All that the distortion needs of C are
 * a few moments, in time O(n d²).
 */
export interface CenteredPoints {
  /** X `[n, d]`, with Xᵀa = 0. */
  readonly x: Tensor;
  /** ρ = |x|² as a column `[n, 1]`. */
  readonly profile: Tensor;
}

/** Moves points `[n, d]` to their mean under weights `[n, 1]` of this total. */
export function centerPoints(points: Tensor, a: Tensor, total: number): CenteredPoints {
  // Twice: far from the origin the first mean is rounded, and what is left of it matters beside a small spread.
  const mean = (x: Tensor) => Tensor.reduce("sum", "a * x / t", { a, x, t: total }, 0);
  const first = mean(points), second = mean(points.sub(first));
  const x = Tensor.map("x - c - e", { x: points, c: first, e: second });
  return { x, profile: Tensor.reduce("sum", "x * x", { x }, 1, { keepDims: true }) };
}

/** (C ∘ C)·a as a column `[n, 1]`. */
export function squaredRows({ x, profile }: CenteredPoints, a: Tensor, total: number): Tensor {
  const weighted = Tensor.map("a * x", { a, x }), second = x.T.matmul(weighted);
  const third = Tensor.reduce("sum", "x * r", { x: weighted, r: profile }, 0, { keepDims: true });
  const spread = Tensor.reduce("sum", "x * (s - w)", { x, s: x.matmul(second), w: third }, 1, { keepDims: true });
  return Tensor.map("t * r * r + 2 * m * r + q + 4 * s", {
    t: total,
    r: profile,
    m: Tensor.reduce("sum", "a * r", { a, r: profile }),
    q: Tensor.reduce("sum", "a * r * r", { a, r: profile }),
    s: spread,
  });
}

/** Runs `fn` with its tensors freed, and reads the numbers that it makes. */
export function readNumbers<K extends string>(fn: () => Record<K, Tensor>): Promise<Record<K, number>> {
  return runScope(async () => {
    const entries = Object.entries<Tensor>(fn()).map(async ([name, t]) => [name, await t.item()] as const);
    return Object.fromEntries(await Promise.all(entries)) as Record<K, number>;
  });
}
