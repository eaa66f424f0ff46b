import { Tensor } from "../tensor/mod.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { ownership } from "./hold.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * U·Vᵀ for U of shape `[m, r]` and V of shape `[n, r]`; without V the semidefinite U·Uᵀ.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = operators.lowRank(gpu.tensor([[1], [2]]), gpu.tensor([[3], [4], [5]]));
 * console.log(await a.toDense().array()); // [[3, 4, 5], [6, 8, 10]]
 * ```
 */
export function lowRank(u: Tensor, v: Tensor = u, options: OperatorOptions = {}): LinearOperator {
  if (u?.rank !== 2 || v?.rank !== 2 || u.shape[1] !== v.shape[1]) {
    throw new TypeError(
      `Expected factors [m, r] and [n, r] of a low-rank operator, got [${u?.shape.join(", ")}] and [${
        v?.shape.join(", ")
      }]`,
    );
  }
  if (u.dtype !== v.dtype) throw new TypeError(`The factors' dtypes differ: ${u.dtype} and ${v.dtype}`);
  const [m, r] = u.shape, [n] = v.shape;
  const through = (left: Tensor, right: Tensor) => (x: Tensor) => {
    using turned = right.T;
    using inner = turned.matmul(x);
    return left.matmul(inner);
  };
  const scalesBoth = u === v;
  return linearOperator({
    shape: [m, n],
    device: u.device,
    dtype: u.dtype,
    flops: 2 * r * (m + n),
    apply: through(u, v),
    applyTransposed: through(v, u),
    applyVector: through(u, v),
    applyTransposedVector: through(v, u),
    row: (i) => {
      using part = u.slice(i);
      return v.matmul(part);
    },
    column: (j) => {
      using part = v.slice(j);
      return u.matmul(part);
    },
    diagonal: () => {
      const length = Math.min(m, n);
      using a = u.slice([0, length]);
      using b = v.slice([0, length]);
      return Tensor.reduce("sum", "a * b", { a, b }, 1);
    },
    ...(m === n ? { trace: () => Tensor.reduce("sum", "a * b", { a: u, b: v }) } : {}),
    toDense: () => {
      using turned = v.T;
      return u.matmul(turned);
    },
    transpose: () => lowRank(v, u),
    scale: (factor) => {
      // √c on both sides keeps the form U·Uᵀ.
      if (scalesBoth && typeof factor === "number" && factor > 0) {
        return lowRank(u.mul(Math.sqrt(factor)), undefined, { owns: true });
      }
      const scaled = u.mul(factor);
      return lowRank(scaled, v, { owns: [scaled] });
    },
    flags: { ...options.flags, positiveSemidefinite: scalesBoth || options.flags?.positiveSemidefinite },
    structure: { kind: "lowRank", u, v },
    ...ownership([u, v], options.owns),
  });
}
