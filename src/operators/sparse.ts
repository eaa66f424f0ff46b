import type { Sparse } from "../tensor/mod.ts";
import { type LinearOperator, requireDense, requireProduct, requireRow } from "./linear_operator.ts";

/**
 * A sparse matrix `[n, m]` as an operator. Its transpose is sorted when it is first applied. It does not own the matrix.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const path = gpu.sparse({ rows: [0, 1], columns: [1, 2], values: [1, 1], shape: [3, 3] });
 * const step = operators.sparse(path);
 * console.log(await step.applyTransposed(gpu.tensor([1, 0, 0])).array()); // [0, 1, 0]
 * ```
 */
export function sparse(matrix: Sparse): LinearOperator {
  const { shape, device } = matrix;
  return {
    shape,
    device,
    apply(v) {
      requireProduct(shape, v, false);
      return matrix.matmul(v);
    },
    applyTransposed(u) {
      requireProduct(shape, u, true);
      return matrix.T.matmul(u);
    },
    row(i) {
      requireRow(shape, i);
      return matrix.row(i);
    },
    toDense(options = {}) {
      requireDense(shape, device, options.maxBytes);
      return matrix.toDense();
    },
  };
}
