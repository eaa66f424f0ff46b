import type { Expr } from "../formula/mod.ts";
import type { Sparse, Tensor, TensorLike } from "../tensor/mod.ts";
import type { LinearOperator } from "./linear_operator.ts";

/** What an operator is made of: solvers and the algebra look here for a way that is cheaper than products. */
export type Structure =
  /** By functions of the user. */
  | { readonly kind: "custom" }
  | { readonly kind: "zero" }
  | { readonly kind: "identity" }
  /** A stored matrix `[m, n]`. */
  | { readonly kind: "dense"; readonly matrix: Tensor }
  /** diag(values), `[n]`. */
  | { readonly kind: "diagonal"; readonly values: Tensor }
  /** U·Vᵀ with U `[m, r]`, V `[n, r]`. */
  | { readonly kind: "lowRank"; readonly u: Tensor; readonly v: Tensor }
  /** A₁ ⊗ A₂ ⊗ …. */
  | { readonly kind: "kronecker"; readonly factors: readonly LinearOperator[] }
  /** Blocks on the diagonal: operators, or a stack `[b, p, q]`. */
  | { readonly kind: "blockDiagonal"; readonly blocks: readonly LinearOperator[] | Tensor }
  /** Two block-diagonal matrices with permutations between them: `left` `[q, s, k]`, `right` `[k, q, p]`. */
  | { readonly kind: "monarch"; readonly left: Tensor; readonly right: Tensor }
  /** Constant along diagonals: first column `[m]` and first row `[n]`. */
  | { readonly kind: "toeplitz"; readonly column: Tensor; readonly row: Tensor }
  /** Cyclic convolution with the first column `[n]`. */
  | { readonly kind: "circulant"; readonly column: Tensor }
  /** Constant along diagonals that rise: a Toeplitz operator after reversal. */
  | { readonly kind: "hankel"; readonly column: Tensor; readonly row: Tensor }
  /** Row i has its one in column `indices[i]`. */
  | { readonly kind: "permutation"; readonly indices: readonly number[] }
  /** `diagonals[k]` lies `offsets[k]` above the main diagonal. */
  | { readonly kind: "banded"; readonly diagonals: readonly Tensor[]; readonly offsets: readonly number[] }
  /** I − 2vvᵀ/(vᵀv). */
  | { readonly kind: "householder"; readonly vector: Tensor }
  /** A fixed orthogonal or cosine transform. */
  | { readonly kind: "hadamard" | "dct" | "dst" | "fft" }
  | { readonly kind: "sparse"; readonly matrix: Sparse }
  /** A formula over pairs of rows. */
  | { readonly kind: "pairwise"; readonly formula: Expr; readonly inputs: Readonly<Record<string, TensorLike>> }
  | { readonly kind: "transposed"; readonly of: LinearOperator }
  | { readonly kind: "scaled"; readonly factor: number | Tensor; readonly of: LinearOperator }
  | { readonly kind: "sum"; readonly terms: readonly LinearOperator[] }
  /** The last factor is applied first. */
  | { readonly kind: "product"; readonly factors: readonly LinearOperator[] }
  /** Operators below (axis 0) or beside (axis 1) each other. */
  | { readonly kind: "concatenated"; readonly axis: 0 | 1; readonly of: readonly LinearOperator[] };
