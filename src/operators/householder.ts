import { Tensor } from "../tensor/mod.ts";
import { requireVector } from "./circulant.ts";
import { ownership } from "./hold.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";

/** The reflection I − 2vvᵀ/(vᵀv) for v `[n]`; for v = 0 the identity. */
export function householder(v: Tensor, options: OperatorOptions = {}): LinearOperator {
  requireVector(v, "vector", "Householder");
  const { device, dtype } = v, [n] = v.shape;
  // Of a vector scaled by its largest element: its square neither over- nor underflows.
  using largest = Tensor.reduce("max", "abs(v)", { v });
  const unit = Tensor.map("m == 0 ? 0 : v / m", { v, m: largest }), column = unit.reshape([n, 1]);
  using square = Tensor.reduce("sum", "v^2", { v: unit });
  const factor = Tensor.map("s == 0 ? 0 : 2 / s", { s: square });
  unit.dispose();
  const { reads, owns } = ownership([v], options.owns);
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    flops: 4 * n,
    apply: (x) => {
      using turned = column.T;
      using along = turned.matmul(x);
      return Tensor.map("x - c * v * p", { x, c: factor, v: column, p: along });
    },
    diagonal: () => {
      using flat = column.reshape([n]);
      return Tensor.map("1 - c * v^2", { c: factor, v: flat });
    },
    slogdet: () => {
      using sign = Tensor.map("c == 0 ? 1 : -1", { c: factor });
      return { sign: sign.astype(dtype), logAbsDet: filled(v, [], 0, dtype) };
    },
    flags: { symmetric: true, orthogonal: true },
    structure: { kind: "householder", vector: v },
    reads,
    owns: [...owns, column, factor],
  });
}
