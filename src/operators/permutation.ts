import { type DType, typedArray } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OnDevice } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * The permutation that gives (A·x)[i] = x[indices[i]]; `on` says where: a `gpu`, a tensor or an operator. Throws a
 * `RangeError` if a number is missing.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const p = operators.permutation(gpu, [2, 0, 1]);
 * console.log(await p.apply(gpu.tensor([5, 6, 7])).array()); // [7, 5, 6]
 * ```
 */
export function permutation(on: OnDevice, indices: readonly number[], dtype: DType = "f32"): LinearOperator {
  const n = indices.length, inverse = new Array<number>(n).fill(-1);
  indices.forEach((j, i) => {
    if (!Number.isInteger(j) || j < 0 || j >= n || inverse[j] >= 0) {
      throw new RangeError(
        `Expected each of 0 to ${n - 1} once in a permutation, got ${j} at ${i}${inverse[j] >= 0 ? " again" : ""}`,
      );
    }
    inverse[j] = i;
  });
  const { device } = on;
  const uploaded = (order: readonly number[]) => {
    const data = typedArray("i32", n);
    data.set(order);
    return Tensor.of(device, data, [n], "i32");
  };
  const forward = uploaded(indices), backward = uploaded(inverse);
  const same = indices.every((j, i) => j === i);
  const unit = (at: number) => {
    const data = typedArray(dtype, n);
    data[at] = 1;
    return Tensor.of(device, data, [n], dtype);
  };
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    nnz: n,
    flops: 0,
    apply: (x) => x.take(forward),
    applyTransposed: (y) => y.take(backward),
    row: (i) => unit(indices[i]),
    column: (j) => unit(inverse[j]),
    diagonal: () => {
      const data = typedArray(dtype, n);
      indices.forEach((j, i) => data[i] = Number(i === j));
      return Tensor.of(device, data, [n], dtype);
    },
    slogdet: () => ({ sign: filled(on, [], signOf(indices), dtype), logAbsDet: filled(on, [], 0, dtype) }),
    transpose: () => permutation(on, inverse, dtype),
    flags: { orthogonal: true, symmetric: indices.every((j, i) => indices[j] === i), diagonal: same },
    structure: { kind: "permutation", indices: [...indices] },
    owns: [forward, backward],
  });
}

/** 1 for an even permutation, −1 for an odd one: a cycle of length l is l − 1 exchanges. */
function signOf(indices: readonly number[]): 1 | -1 {
  const seen = new Set<number>();
  let exchanges = 0;
  for (let i = 0; i < indices.length; i++) {
    for (let j = i; !seen.has(j); j = indices[j]) {
      seen.add(j);
      if (indices[j] !== i) exchanges++;
    }
  }
  return exchanges % 2 === 0 ? 1 : -1;
}
