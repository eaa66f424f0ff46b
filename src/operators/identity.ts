import { type DType, typedArray } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { diagonal } from "./diagonal.ts";
import type { LinearOperator, OnDevice } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { identityColumns } from "./probe.ts";

/** The identity of order n; `on` says where: a `gpu`, a tensor or an operator. Nothing is stored. */
export function identity(on: OnDevice, n: number, dtype: DType = "f32"): LinearOperator {
  const { device } = on, same = (x: Tensor) => x.slice(null);
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    nnz: n,
    flops: 0,
    apply: same,
    applyVector: same,
    diagonal: () => filled(on, [n], 1, dtype),
    trace: () => filled(on, [], n, dtype),
    toDense: () => identityColumns({ device, dtype }, n, 0, n),
    solve: (b) => Promise.resolve(same(b)),
    slogdet: () => ({ sign: filled(on, [], 1, dtype), logAbsDet: filled(on, [], 0, dtype) }),
    scale: (factor) => {
      if (typeof factor !== "number") {
        using one = factor.reshape([1]);
        return diagonal(one.broadcastTo([n]), { owns: true });
      }
      const flags = { positiveDefinite: factor > 0, orthogonal: factor === -1 };
      return diagonal(filled(on, [n], factor, dtype), { owns: true, flags });
    },
    flags: { diagonal: true, positiveDefinite: true, orthogonal: true },
    structure: { kind: "identity" },
  });
}

/** One value everywhere, in the memory of one element. */
export function filled({ device }: OnDevice, shape: readonly number[], value: number, dtype: DType): Tensor {
  const data = typedArray(dtype, 1);
  data[0] = value;
  using one = Tensor.of(device, data, [], dtype);
  return one.broadcastTo(shape);
}
