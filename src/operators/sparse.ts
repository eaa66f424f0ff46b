import type { Sparse, Tensor } from "../tensor/mod.ts";
import type { LinearOperator, OperatorFlags } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * A sparse matrix `[n, m]` as an operator. Its transpose is sorted when it is first applied. It borrows the matrix.
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
export function sparse(
  matrix: Sparse,
  options: { flags?: Partial<OperatorFlags>; owns?: boolean } = {},
): LinearOperator {
  const { shape, device, dtype } = matrix;
  const apply = (x: Tensor) => matrix.matmul(x), applyTransposed = (y: Tensor) => matrix.T.matmul(y);
  return linearOperator({
    shape,
    device,
    dtype,
    nnz: matrix.values.size,
    apply,
    applyTransposed,
    applyVector: apply,
    applyTransposedVector: applyTransposed,
    row: (i) => matrix.row(i),
    toDense: () => matrix.toDense(),
    scale: (factor) => sparse(matrix.withValues(matrix.values.mul(factor)), { owns: true }),
    flags: options.flags,
    structure: { kind: "sparse", matrix },
    [options.owns ? "owns" : "reads"]: [matrix],
  });
}
