import type { LinearOperator } from "./linear_operator.ts";
import { definitionOf, linearOperator, sameOperator } from "./make_operator.ts";
import type { Structure } from "./structure.ts";

/** Whose transposes structures are that were made as such. */
const origins = new WeakMap<Structure, Structure>();

/** Aᵀ: the operator itself if it is symmetric, what it was the transpose of, or its parts transposed. */
export function transposeOperator(a: LinearOperator): LinearOperator {
  if (a.flags.symmetric) return sameOperator(a);
  if (a.structure.kind === "transposed") return sameOperator(a.structure.of);
  const own = definitionOf(a).transpose;
  if (own) {
    const turned = own();
    origins.set(turned.structure, a.structure);
    return turned;
  }
  const { flags, shape, device, dtype, nnz, flops } = a;
  return linearOperator({
    shape: [shape[1], shape[0]],
    device,
    dtype,
    nnz,
    flops,
    apply: a.applyTransposed,
    applyTransposed: a.apply,
    applyVector: a.applyTransposed,
    applyTransposedVector: a.apply,
    row: (i) => a.column(i),
    column: (j) => a.row(j),
    diagonal: () => a.diagonal(),
    toDense: () => {
      using dense = a.toDense({ maxBytes: Infinity });
      return dense.T;
    },
    slogdet: a.slogdet,
    flags: { ...flags, lowerTriangular: flags.upperTriangular, upperTriangular: flags.lowerTriangular },
    structure: { kind: "transposed", of: a },
    reads: [a],
  });
}

/** Whether one is known to be the transpose of the other. */
export function areTransposes(a: LinearOperator, b: LinearOperator): boolean {
  if (a.structure.kind === "transposed") return a.structure.of.structure === b.structure;
  if (b.structure.kind === "transposed") return b.structure.of.structure === a.structure;
  if (origins.get(a.structure) === b.structure || origins.get(b.structure) === a.structure) return true;
  return a.flags.symmetric && a.structure === b.structure;
}
