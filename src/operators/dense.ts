import { Tensor } from "../tensor/mod.ts";
import { type LinearOperator, requireDense, requireProduct, requireRow } from "./linear_operator.ts";

/** A stored matrix `[n, m]` as an operator. It does not own the tensor. */
export function dense(matrix: Tensor): LinearOperator {
  if (matrix.rank !== 2) throw new TypeError(`Expected a matrix, got the shape [${matrix.shape.join(", ")}]`);
  const shape = [matrix.shape[0], matrix.shape[1]] as const;
  return {
    shape,
    device: matrix.device,
    apply(v) {
      requireProduct(shape, v, false);
      return v.rank === 1 ? Tensor.reduce("sum", "a * v", { a: matrix, v }, 1) : matrix.matmul(v);
    },
    applyTransposed(u) {
      requireProduct(shape, u, true);
      using column = u.rank === 1 ? u.reshape([shape[0], 1]) : undefined;
      if (column) return Tensor.reduce("sum", "a * u", { a: matrix, u: column }, 0);
      using turned = matrix.T;
      return turned.matmul(u);
    },
    row(i) {
      requireRow(shape, i);
      return matrix.slice(i);
    },
    toDense(options = {}) {
      requireDense(shape, matrix.device, options.maxBytes);
      return matrix.slice(null);
    },
  };
}
