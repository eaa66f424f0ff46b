import type { Tensor } from "../tensor/mod.ts";
import { ownership } from "./hold.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * A Monarch matrix M = P·L·Pᵀ·R (Dao et al. 2022, "Monarch: Expressive Structured Matrices for Efficient and Accurate
 * Training", definition 3.1): R is block-diagonal with the blocks `right` `[k, q, p]`, L with the blocks `left`
 * `[q, s, k]`, and P transposes the blocks with their elements. The shape is `[s·q, k·p]`; for n = m² all four sizes
 * are m. With rows (c, i) and columns (b, j), M = left[i, c, b]·right[b, i, j].
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const blocks = gpu.random.normal([32, 32, 32], { seed: 1 });
 * const m = operators.monarch(blocks, blocks);
 * console.log(m.shape, m.flops); // [1024, 1024] 131072
 * ```
 */
export function monarch(left: Tensor, right: Tensor, options: OperatorOptions = {}): LinearOperator {
  const fits = left?.rank === 3 && right?.rank === 3 && left.shape[0] === right.shape[1] &&
    left.shape[2] === right.shape[0];
  if (!fits || left.dtype !== right.dtype || left.device !== right.device) {
    throw new TypeError(
      `Expected Monarch factors left [q, s, k] and right [k, q, p] of one dtype and device, got ${left?.dtype} [${
        left?.shape.join(", ")
      }] and ${right?.dtype} [${right?.shape.join(", ")}]`,
    );
  }
  const [q, s, k] = left.shape, p = right.shape[2];
  /**
   * `[b, ·, n]` of the first blocks, their transpose through the second ones, and the result with the blocks inside.
   */
  const through = (first: Tensor, x: Tensor, second: Tensor): Tensor => {
    using inner = first.matmul(x);
    using turned = inner.transpose([1, 0, 2]);
    return second.matmul(turned);
  };
  return linearOperator({
    shape: [s * q, k * p],
    device: left.device,
    dtype: left.dtype,
    flops: 2 * q * k * (s + p),
    apply: (x) => {
      const n = x.shape[1];
      using blocks = x.reshape([k, p, n]);
      using outer = through(right, blocks, left);
      using ordered = outer.transpose([1, 0, 2]);
      return ordered.reshape([s * q, n]);
    },
    applyTransposed: (y) => {
      const n = y.shape[1];
      using parts = y.reshape([s, q, n]);
      using blocks = parts.transpose([1, 0, 2]);
      using first = left.T;
      using second = right.T;
      using outer = through(first, blocks, second);
      return outer.reshape([k * p, n]);
    },
    toDense: () => {
      // M[c, i, b, j] = left[i, c, b]·right[b, i, j].
      using l = left.transpose([1, 0, 2]);
      using a = l.reshape([s, q, k, 1]);
      using r = right.transpose([1, 0, 2]);
      using product = a.mul(r);
      return product.reshape([s * q, k * p]);
    },
    scale: (factor) => {
      const scaled = left.mul(factor);
      return monarch(scaled, right, { owns: [scaled] });
    },
    flags: options.flags,
    structure: { kind: "monarch", left, right },
    ...ownership([left, right], options.owns),
  });
}
