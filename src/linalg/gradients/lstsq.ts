import { Tensor } from "../../tensor/mod.ts";
import { lstsq, type LstsqOptions } from "../lstsq.ts";
import { gradientOfValues } from "./svd.ts";
import { type PullbackCall, sumOf, unbroadcast } from "./parts.ts";
import { asColumns, sideGradient } from "./solve.ts";

/**
 * The cotangents of A `[m, n]` and B where X = A⁺·B, for A of constant rank.
 *
 * With the residual R = B − A·X and dA⁺ of Golub & Pereyra (1973, eq. 4.12; Wedin 1973),
 *   dX = −A⁺·dA·X + A⁺·A⁺ᵀ·dAᵀ·R + (I − A⁺A)·dAᵀ·A⁺ᵀ·X + A⁺·dB,
 *   B̄ = Z,  Ā = −Z·Xᵀ + R·(A⁺·Z)ᵀ + (A⁺ᵀ·X)·(X̄ − AᵀZ)ᵀ  with Z = A⁺ᵀ·X̄.
 * The second term is zero if A has full row rank, the third if it has full column rank. All three pseudo-inverses are applied by least squares
 * with the `rcond` of the problem, so that they have its rank. For a matrix without full rank this is the gradient among matrices of that
 * rank, and of those within `rcond` of one: x itself jumps where the rank does.
 *
 * The squared residuals ρ_c = ‖R_c‖² are at their minimum in x: dρ_c = 2 R_cᵀ·(dB_c − dA·X_c). The singular values: {@linkcode gradientOfValues}.
 */
export async function lstsqPullback(
  { inputs, outputs, cotangents, wanted }: PullbackCall<"x" | "residuals" | "singularValues">,
  options: LstsqOptions,
): Promise<{ a?: Tensor; b?: Tensor }> {
  const { a, b } = inputs, vector = b.rank === 1;
  const { residuals: residualsBar, singularValues } = cotangents;
  const x = vector ? outputs.x.expandDims(-1) : outputs.x, side = vector ? b.expandDims(-1) : b;
  const residual = side.sub(a.matmul(x)), g = cotangents.x && asColumns(b, outputs.x, cotangents.x).g;
  const fromX = g && (await lstsq(a.T, g, options)).x;
  const weights = vector ? residualsBar?.expandDims(-1) : residualsBar;
  const fromResiduals = weights && Tensor.map("2 * w * r", { w: weights.expandDims(-2), r: residual });
  const right = sumOf(fromX, fromResiduals), bBar = right && sideGradient(right, b);
  if (!wanted.has("a")) return { b: bBar };
  let system = fromResiduals?.matmul(x.T).neg();
  if (g && fromX) {
    const w = (await lstsq(a, fromX, options)).x, y = (await lstsq(a.T, x, options)).x;
    const beyond = g.sub(a.T.matmul(fromX));
    system = sumOf(system, fromX.matmul(x.T).neg(), residual.matmul(w.T), y.matmul(beyond.T));
  }
  const values = singularValues && await gradientOfValues(a, singularValues);
  return { a: sumOf(system && unbroadcast(system, a.shape), values && unbroadcast(values, a.shape)), b: bBar };
}
