import { typedArray } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { SingularMatrixError } from "./errors.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { ownership } from "./hold.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * diag(values) for values of shape `[n]`.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const d = operators.diagonal(gpu.tensor([1, 2, 4]), { flags: { positiveDefinite: true } });
 * console.log(await (await d.solve!(gpu.ones([3]))).array()); // [1, 0.5, 0.25]
 * ```
 */
export function diagonal(values: Tensor, options: OperatorOptions = {}): LinearOperator {
  if (values?.rank !== 1) throw new TypeError(`Expected the diagonal as a vector, got [${values?.shape.join(", ")}]`);
  const { device, dtype } = values, [n] = values.shape;
  const times = (x: Tensor) => {
    using column = values.reshape([n, 1]);
    return column.mul(x);
  };
  const row = (i: number) => {
    const mark = typedArray(dtype, n);
    mark[i] = 1;
    using unit = Tensor.of(device, mark, [n], dtype);
    return placed(unit, values);
  };
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    nnz: n,
    flops: n,
    apply: times,
    applyVector: (v) => values.mul(v),
    row,
    column: row,
    diagonal: () => values.slice(),
    toDense: () => {
      const mark = typedArray(dtype, n * n);
      for (let k = 0; k < n; k++) mark[k * n + k] = 1;
      using unit = Tensor.of(device, mark, [n, n], dtype);
      return placed(unit, values);
    },
    solve: async (b) => {
      await requireNonzero(values);
      using column = values.reshape([n, 1]);
      return b.div(column);
    },
    slogdet: () => slogdetOf(values),
    scale: (factor) =>
      diagonal(values.mul(factor), {
        owns: true,
        flags: typeof factor === "number" && factor > 0
          ? {
            positiveDefinite: options.flags?.positiveDefinite,
            positiveSemidefinite: options.flags?.positiveSemidefinite,
          }
          : {},
      }),
    flags: { ...options.flags, diagonal: true },
    structure: { kind: "diagonal", values },
    ...ownership([values], options.owns),
  });
}

/** The values where the mark is 1; an infinite value elsewhere must not become NaN. */
function placed(mark: Tensor, values: Tensor): Tensor {
  return Tensor.map("m == 0 ? 0 : d", { m: mark, d: values });
}

/** Refuses a diagonal with a zero. */
async function requireNonzero(values: Tensor): Promise<void> {
  const found = await values.data(), at = found.findIndex((v) => v === 0);
  if (at >= 0) {
    throw new SingularMatrixError(
      `The operator [${found.length}, ${found.length}] is singular: its diagonal is 0 at ${at}`,
    );
  }
}

/** Sign and logarithm of the magnitude of the product of all values. */
export function slogdetOf(values: Tensor): { sign: Tensor; logAbsDet: Tensor } {
  return {
    sign: Tensor.reduce("prod", "sign(d)", { d: values }),
    logAbsDet: Tensor.reduce("sum", "log(abs(d))", { d: values }),
  };
}
