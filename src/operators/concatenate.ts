import type { Tensor } from "../tensor/mod.ts";
import { joined } from "./block_diagonal.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { requireOperators } from "./require_operators.ts";

/** Operators below each other (axis 0, default) or beside each other (axis 1); they agree in the other size. */
export function concatenate(operators: readonly LinearOperator[], axis: 0 | 1 = 0): LinearOperator {
  requireOperators(operators, "parts");
  if (axis !== 0 && axis !== 1) throw new RangeError(`Expected "axis" to be 0 or 1, got ${axis}`);
  const [{ device, dtype, shape: [m, n] }] = operators, other = axis === 0 ? 1 : 0;
  const odd = operators.find((a) => a.shape[other] !== operators[0].shape[other]);
  if (odd) {
    throw new TypeError(
      `Cannot concatenate operators [${m}, ${n}] and [${
        odd.shape.join(", ")
      }] along axis ${axis}: the other sizes differ`,
    );
  }
  const total = operators.reduce((s, a) => s + a.shape[axis], 0);
  const spread = (x: Tensor, step: (a: LinearOperator, x: Tensor) => Tensor) =>
    joined(operators.map((a) => step(a, x)));
  const collect = (x: Tensor, step: (a: LinearOperator, x: Tensor) => Tensor) => {
    let start = 0, sum: Tensor | undefined;
    for (const a of operators) {
      using part = x.slice([start, start += a.shape[axis]]);
      const next = step(a, part);
      if (!sum) sum = next;
      else {
        using before = sum;
        using own = next;
        sum = before.add(own);
      }
    }
    return sum!;
  };
  const forward = (a: LinearOperator, x: Tensor) => a.apply(x);
  const backward = (a: LinearOperator, y: Tensor) => a.applyTransposed(y);
  return linearOperator({
    shape: axis === 0 ? [total, n] : [m, total],
    device,
    dtype,
    nnz: operators.reduce((s, { nnz }) => s + nnz, 0),
    flops: operators.reduce((s, { flops }) => s + flops, 0),
    apply: (x) => axis === 0 ? spread(x, forward) : collect(x, forward),
    applyTransposed: (y) => axis === 0 ? collect(y, backward) : spread(y, backward),
    transpose: () => {
      const turned = operators.map((a) => a.transpose()), result = concatenate(turned, other);
      for (const a of turned) a.dispose();
      return result;
    },
    structure: { kind: "concatenated", axis, of: operators },
    reads: operators,
  });
}
