import { circulant } from "./circulant.ts";
import { diagonal } from "./diagonal.ts";
import { identity } from "./identity.ts";
import { kronecker } from "./kronecker.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { lowRank } from "./low_rank.ts";
import { isDiagonal } from "./merge_sum.ts";
import { blockProducts } from "./paired_blocks.ts";
import { permutation } from "./permutation.ts";
import { areTransposes } from "./transpose_operator.ts";

/** A·B as one operator of their structure; undefined where there is none. */
export function mergedProduct(a: LinearOperator, b: LinearOperator): LinearOperator | undefined {
  const x = a.structure, y = b.structure;
  if (a.flags.orthogonal && b.flags.orthogonal && areTransposes(a, b)) return identity(a, a.shape[0], a.dtype);
  if (isDiagonal(a) && isDiagonal(b)) {
    using p = a.diagonal();
    using q = b.diagonal();
    const positiveDefinite = a.flags.positiveDefinite && b.flags.positiveDefinite;
    const positiveSemidefinite = a.flags.positiveSemidefinite && b.flags.positiveSemidefinite;
    return diagonal(p.mul(q), {
      owns: true,
      flags: { positiveDefinite, positiveSemidefinite, orthogonal: a.flags.orthogonal && b.flags.orthogonal },
    });
  }
  // A low rank stays low: A·(UVᵀ) = (AU)Vᵀ and (UVᵀ)·B = U(BᵀV)ᵀ.
  if (y.kind === "lowRank") {
    const u = a.apply(y.u);
    return lowRank(u, y.v, { owns: [u] });
  }
  if (x.kind === "lowRank") {
    const v = b.applyTransposed(x.v);
    return lowRank(x.u, v, { owns: [v] });
  }
  if (x.kind === "circulant" && y.kind === "circulant") return circulant(a.apply(y.column), { owns: true });
  // P_a·P_b·x takes x[b[a[i]]].
  if (x.kind === "permutation" && y.kind === "permutation") {
    return permutation(a, x.indices.map((i) => y.indices[i]), a.dtype);
  }
  if (x.kind === "blockDiagonal" && y.kind === "blockDiagonal") {
    return blockProducts(x.blocks, y.blocks);
  }
  // (A ⊗ B)(C ⊗ D) = AC ⊗ BD where the inner sizes agree.
  if (
    x.kind === "kronecker" && y.kind === "kronecker" && x.factors.length === y.factors.length &&
    x.factors.every((f, k) => f.shape[1] === y.factors[k].shape[0])
  ) {
    const products = x.factors.map((f, k) => f.compose(y.factors[k])), result = kronecker(products);
    for (const product of products) product.dispose();
    return result;
  }
  return undefined;
}
