import type { FloatArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";
import { arbitrary, areConstants, columnNorms, type Degenerate, limitsOf, undetermined } from "./coincident.ts";
import { constant, lessTransposed, type PullbackCall, scaleColumns, sumOf, symmetricPart } from "./parts.ts";

/**
 * The cotangent of A where A = V·diag(λ)·Vᵀ.
 *
 * From dA·V + A·dV = dV·diag(λ) + V·diag(dλ) and the antisymmetry of VᵀdV, with P = Vᵀ·dA·V,
 *   dλ_i = P_ii,  (VᵀdV)_ij = P_ij / (λ_j − λ_i),
 *   Ā = V·[diag(λ̄) + ½ W_ij / (λ_j − λ_i)]·Vᵀ,  W = M − Mᵀ,  M = Vᵀ·V̄   (Giles 2008, §3.1; Seeger et al. 2017, §4.2).
 * It is symmetric: A stands for a symmetric matrix, though one triangle is read, and ⟨Ā, dA⟩ is the change for symmetric dA.
 *
 * **Where eigenvalues coincide** their vectors are arbitrary but for their span, and dV has no bound. A loss of that span has W_ij = 0:
 * - A pair with |λ_j − λ_i| ≤ 4√n·u·‖A‖₂ coincides as far as can be known, and W_ij / (λ_j − λ_i) is taken for 0. That is right for sums
 *   over the cluster and for projections onto it. If |W_ij| > √u·(‖V̄_i‖ + ‖V̄_j‖), the loss depends on the choice: refused.
 * - If the loss also depends on how the pair comes apart, W_ij / (λ_j − λ_i) has a limit that is not 0: for ⟨H, V·f(Λ)·Vᵀ⟩ it is
 *   2 f'(λ)·(VᵀHV)_ij, of which the cotangents only tell the diagonal, λ̄_i. So where the loss depends on vectors and λ̄_i ≠ λ̄_j, it is
 *   refused too; and where they agree, but M_ij = M_ji ≠ 0 and M_ii = M_jj, they may do so by chance, as for A = I: refused. A
 *   loss that has no λ̄ at all does not depend on how eigenvalues come apart: allowed.
 * - Without V̄, λ̄_i ≠ λ̄_j is allowed: λ_i is not differentiable there, and V·diag(λ̄)·Vᵀ is the gradient at a matrix within rounding
 *   errors of A (an element of Clarke's subdifferential).
 * - Other pairs are divided by their difference. Where |W_ij| ≤ 4√n·u·(‖V̄_i‖ + ‖V̄_j‖) it is a rounding error of Vᵀ·V̄ and taken for 0: divided
 *   by a small difference it would spoil projections onto eigenvalues that almost coincide, and to leave it out is no larger an error.
 *   Not so where cotangents are themselves differentiated, see {@linkcode areConstants}.
 *
 * Forward mode asks for tangents of both outputs, and so is refused wherever eigenvalues coincide.
 */
export async function eighPullback(
  { outputs, cotangents }: PullbackCall<"values" | "vectors">,
  degenerate: Degenerate,
): Promise<{ a?: Tensor }> {
  const { values, vectors } = outputs, { values: valuesBar, vectors: vectorsBar } = cotangents;
  const diagonal = valuesBar && scaleColumns(vectors, valuesBar);
  let turned: Tensor | undefined;
  if (vectorsBar) {
    const m = vectors.T.matmul(vectorsBar);
    const use = await separatePairs({ values, valuesBar, vectorsBar, m }, degenerate);
    const [left, right] = [values.expandDims(-1), values.expandDims(-2)];
    turned = vectors.matmul(
      Tensor.map("use > 0 ? w / (2 * (y - x)) : 0", { use, w: lessTransposed(m), x: left, y: right }),
    );
  }
  const half = sumOf(diagonal, turned);
  return half ? { a: symmetricPart(half.matmul(vectors.T)) } : {};
}

interface Cotangents {
  readonly values: Tensor;
  readonly valuesBar?: Tensor;
  readonly vectorsBar: Tensor;
  /** Vᵀ·V̄. */
  readonly m: Tensor;
}

/** 1 for the pairs `[..., n, n]` of eigenvalues whose W_ij is to be divided by their difference, else 0. */
async function separatePairs(
  { values, valuesBar, vectorsBar, m }: Cotangents,
  degenerate: Degenerate,
): Promise<Tensor> {
  const n = values.shape.at(-1)!, { rounding, agreement } = limitsOf(values.dtype, n);
  const [lambda, lambdaBar, norms, products] = await Promise.all([
    values.data(),
    valuesBar?.data(),
    columnNorms(vectorsBar),
    m.data(),
  ]) as [FloatArray, FloatArray | undefined, FloatArray, FloatArray];
  const constants = areConstants(vectorsBar), use = floats(values.dtype as FloatType, products.length);
  for (let base = 0; base < lambda.length; base += n) {
    const at = (i: number, j: number) => (base + i) * n + j, product = (i: number, j: number) => products[at(i, j)];
    const size = Math.max(Math.abs(lambda[base]), Math.abs(lambda[base + n - 1]));
    let largestBar = 0, vectorsMatter = false;
    for (let i = base; i < base + n; i++) {
      largestBar = Math.max(largestBar, Math.abs(lambdaBar?.[i] ?? 0));
      vectorsMatter ||= norms[i] > 0;
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const scale = norms[base + i] + norms[base + j], turn = Math.abs(product(i, j) - product(j, i));
        if (lambda[base + i] - lambda[base + j] > rounding * size) {
          use[at(i, j)] = use[at(j, i)] = Number(!constants || turn > rounding * scale);
          continue;
        }
        if (degenerate === "zero" || !vectorsMatter) continue;
        const which = `eigenvalues ${j} and ${i}`;
        const why = `which coincide (${lambda[base + j]} and ${lambda[base + i]})`;
        if (turn > agreement * scale) throw arbitrary("eigh", `eigenvectors of ${which}`, `${why}, `);
        const apart = Math.abs((lambdaBar?.[base + i] ?? 0) - (lambdaBar?.[base + j] ?? 0)) > agreement * largestBar;
        const mixed = Math.abs(product(i, j) + product(j, i)) > agreement * scale;
        const alike = Math.abs(product(i, i) - product(j, j)) <= agreement * scale;
        if (apart || (lambdaBar && mixed && alike)) throw undetermined("eigh", which, why);
      }
    }
  }
  return constant(values, use, m.shape);
}
