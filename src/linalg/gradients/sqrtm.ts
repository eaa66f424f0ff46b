import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { SingularMatrixError } from "../errors.ts";
import { sqrtm } from "../sqrtm.ts";
import { svdvals } from "../svd.ts";
import { limitsOf } from "./coincident.ts";
import { frechet } from "./frechet.ts";
import type { PullbackCall } from "./parts.ts";
import { symmetricSylvester } from "./sylvester.ts";

/**
 * The cotangent of A where X·X = A.
 *
 * dX·X + X·dX = dA, so that Ā is the solution of Xᵀ·Ā + Ā·Xᵀ = X̄ (Higham 2008, §6.1). For symmetric X it is found by the eigenvalues of
 * X, whose sums alone occur (so they may coincide); for others as the Fréchet derivative at Aᵀ, see {@linkcode frechet}. Throws a
 * `SingularMatrixError` where A is singular: the root has no derivative there.
 */
export async function sqrtmPullback(
  { inputs, outputs, cotangents }: PullbackCall<"x">,
): Promise<{ a?: Tensor }> {
  const { x: g } = cotangents;
  if (!g) return {};
  if (await isSymmetric(inputs.a)) return { a: await symmetricSylvester(outputs.x, g, "sqrtm") };
  await requireRegular(outputs.x);
  return { a: await frechet(sqrtm, inputs.a.T, g) };
}

/** Refuses roots that are singular to rounding. */
async function requireRegular(x: Tensor): Promise<void> {
  using point = stopGradient(x);
  using values = await svdvals(point);
  const n = x.shape.at(-1)!, s = await values.data(), { rounding } = limitsOf(x.dtype, n);
  for (let base = 0; base < s.length; base += n) {
    if (s[base + n - 1] > rounding * s[base]) continue;
    throw new SingularMatrixError("Cannot differentiate sqrtm at a matrix with an eigenvalue of zero");
  }
}

/** Whether all matrices of a stack are symmetric, to the last bit. */
async function isSymmetric(a: Tensor): Promise<boolean> {
  return await Tensor.reduce("all", "x == y", { x: a, y: a.T }).item() === 1;
}
