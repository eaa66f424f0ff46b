import { Tensor } from "../tensor/mod.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { ownership } from "./hold.ts";
import { linearOperator } from "./make_operator.ts";

/** A stored matrix `[n, m]` as an operator. */
export function dense(matrix: Tensor, options: OperatorOptions = {}): LinearOperator {
  if (!(matrix instanceof Tensor)) throw new TypeError(`Expected a tensor for dense, got ${typeof matrix}`);
  if (matrix.rank !== 2) throw new TypeError(`Expected a matrix, got the shape [${matrix.shape.join(", ")}]`);
  const [m, n] = matrix.shape;
  const turned = (y: Tensor) => {
    using transpose = matrix.T;
    return transpose.matmul(y);
  };
  return linearOperator({
    shape: [m, n],
    device: matrix.device,
    dtype: matrix.dtype,
    apply: (x) => matrix.matmul(x),
    applyTransposed: turned,
    applyVector: (v) => matrix.matmul(v),
    applyTransposedVector: turned,
    row: (i) => matrix.slice(i),
    column: (j) => matrix.slice(null, j),
    diagonal: () => {
      const length = Math.min(m, n);
      using flat = matrix.reshape([m * n]);
      return flat.take(Array.from({ length }, (_, k) => k * n + k));
    },
    toDense: () => matrix.slice(null),
    flags: options.flags,
    structure: { kind: "dense", matrix },
    ...ownership([matrix], options.owns),
  });
}

/** A tensor `[n, m]` as an operator (SciPy's `aslinearoperator`); an operator is given back as it is. */
export function asLinearOperator(a: Tensor | LinearOperator): LinearOperator {
  return a instanceof Tensor ? dense(a) : a;
}
