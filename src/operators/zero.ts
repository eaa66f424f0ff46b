import type { DType } from "../device/mod.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OnDevice } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";

/** The zero operator `[m, n]`; `on` says where: a `gpu`, a tensor or an operator. Nothing is stored. */
export function zero(on: OnDevice, shape: readonly [number, number], dtype: DType = "f32"): LinearOperator {
  const [m, n] = shape, of = (sizes: readonly number[]) => filled(on, sizes, 0, dtype);
  return linearOperator({
    shape,
    device: on.device,
    dtype,
    nnz: 0,
    flops: 0,
    apply: (x) => of([m, x.shape[1]]),
    applyTransposed: (y) => of([n, y.shape[1]]),
    row: () => of([n]),
    column: () => of([m]),
    diagonal: () => of([Math.min(m, n)]),
    toDense: () => of([m, n]),
    transpose: () => zero(on, [n, m], dtype),
    scale: () => zero(on, shape, dtype),
    flags: { diagonal: true, positiveSemidefinite: m === n },
    structure: { kind: "zero" },
  });
}
