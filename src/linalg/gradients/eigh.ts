import type { FloatArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";
import { clustersOf, ratioWithin, scales } from "./cluster.ts";
import { areConstants, columnNorms, type Degenerate, limitsOf } from "./coincident.ts";
import { constant, type PullbackCall, scaleColumns, sumOf, symmetricPart } from "./parts.ts";

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
 *   2 f'(λ)·(VᵀHV)_ij, while M_ij = 2 f(λ)·(VᵀHV)_ij and λ̄_i = f'(λ)·(VᵀHV)_ii; see {@linkcode ratioWithin}.
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
    const { use, ratio } = await separatePairs({ values, valuesBar, vectorsBar, m }, degenerate);
    const [left, right] = [values.expandDims(-1), values.expandDims(-2)];
    turned = vectors.matmul(
      Tensor.map("use > 0 ? (m - t) / (2 * (y - x)) : ratio * (m + t) / 2", {
        use,
        ratio,
        m,
        t: m.T,
        x: left,
        y: right,
      }),
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

/** What is done with the pairs of eigenvalues, each `[..., n, n]`. */
interface Pairs {
  /** 1 where W_ij is to be divided by their difference, else 0. */
  readonly use: Tensor;
  /** Where it is not: what the symmetric part of M_ij is to be multiplied by. */
  readonly ratio: Tensor;
}

async function separatePairs(
  { values, valuesBar, vectorsBar, m }: Cotangents,
  degenerate: Degenerate,
): Promise<Pairs> {
  const n = values.shape.at(-1)!, { rounding, agreement } = limitsOf(values.dtype, n);
  const [lambda, lambdaBar, norms, products] = await Promise.all([
    values.data(),
    valuesBar?.data(),
    columnNorms(vectorsBar),
    m.data(),
  ]) as [FloatArray, FloatArray | undefined, FloatArray, FloatArray];
  const constants = areConstants(vectorsBar), dtype = values.dtype as FloatType;
  const use = floats(dtype, products.length), ratio = floats(dtype, products.length);
  for (let base = 0; base < lambda.length; base += n) {
    // Of eigenvalues i and j of the whole stack, in one matrix.
    const at = (i: number, j: number) => i * n + j - base, product = (i: number, j: number) => products[at(i, j)];
    const size = Math.max(Math.abs(lambda[base]), Math.abs(lambda[base + n - 1]));
    const barOf = (i: number) => lambdaBar?.[i] ?? 0;
    let largestBar = 0, largest = 0;
    for (let i = base; i < base + n; i++) {
      largestBar = Math.max(largestBar, Math.abs(barOf(i)));
      largest = Math.max(largest, norms[i]);
    }
    const scaleOf = scales(norms, largest, { rounding, agreement });
    for (const [first, end] of clustersOf(lambda, base, base + n, rounding * size)) {
      for (let i = first; i < end; i++) {
        // Those before the cluster.
        for (let j = base; j < first; j++) {
          const turn = Math.abs(product(i, j) - product(j, i));
          use[at(i, j)] = use[at(j, i)] = Number(!constants || turn > rounding * scaleOf(i, j));
        }
      }
      if (end - first === 1 || largest === 0) continue;
      const turn = (i: number, j: number) => product(i, j) - product(j, i);
      const along = (i: number, j: number) => (product(i, j) + product(j, i)) / 2;
      const found = ratioWithin({ first, end, turn, along, bar: barOf, scale: scaleOf }, {
        what: "eigh",
        names: "eigenvalues",
        values: lambda,
        base,
        valuesMatter: lambdaBar !== undefined,
        largest: largestBar,
        constants,
        agreement,
        degenerate,
      });
      for (let i = first; i < end; i++) for (let j = first; j < end; j++) if (i !== j) ratio[at(i, j)] = found;
    }
  }
  return { use: constant(values, use, m.shape), ratio: constant(values, ratio, m.shape) };
}
