import { Tensor } from "../tensor/mod.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { definitionOf, linearOperator, sameOperator } from "./make_operator.ts";
import { transposeOperator } from "./transpose_operator.ts";
import { zero } from "./zero.ts";

/** c·A. */
export function scaleOperator(a: LinearOperator, factor: number | Tensor): LinearOperator {
  requireFactor(a, factor);
  if (factor === 1) return sameOperator(a);
  if (factor === 0) return zero(a, a.shape, a.dtype);
  if (a.structure.kind === "scaled") {
    const { of, factor: inner } = a.structure;
    if (typeof factor === "number" && typeof inner === "number") return scaleOperator(of, factor * inner);
    const both = Tensor.map("a * b", { a: factor, b: inner });
    return scaled(of, both, [both]);
  }
  const own = definitionOf(a).scale;
  return own ? own(factor) : scaled(a, factor);
}

function scaled(a: LinearOperator, factor: number | Tensor, owns: readonly Tensor[] = []): LinearOperator {
  const { shape, device, dtype, nnz, flops, flags } = a, c = scalarOf(factor);
  const times = (t: Tensor): Tensor => {
    const result = Tensor.map("c * t", { c, t });
    t.dispose();
    return result;
  };
  const positive = typeof factor === "number" && factor > 0;
  return linearOperator({
    shape,
    device,
    dtype,
    nnz,
    flops: flops + shape[0],
    apply: (x) => times(a.apply(x)),
    applyTransposed: (y) => times(a.applyTransposed(y)),
    applyVector: (x) => times(a.apply(x)),
    applyTransposedVector: (y) => times(a.applyTransposed(y)),
    row: (i) => times(a.row(i)),
    column: (j) => times(a.column(j)),
    diagonal: () => times(a.diagonal()),
    toDense: () => times(a.toDense({ maxBytes: Infinity })),
    ...(typeof factor === "number" && a.solve
      ? {
        solve: async (b: Tensor) => {
          using x = await a.solve!(b);
          return x.div(factor);
        },
      }
      : {}),
    flags: {
      ...flags,
      positiveDefinite: positive && flags.positiveDefinite,
      positiveSemidefinite: positive && flags.positiveSemidefinite,
      orthogonal: factor === -1 && flags.orthogonal,
    },
    transpose: () => {
      using turned = transposeOperator(a);
      return scaleOperator(turned, factor);
    },
    structure: { kind: "scaled", factor, of: a },
    reads: typeof factor === "number" || owns.length > 0 ? [a] : [a, factor],
    owns: [...owns, ...(c instanceof Tensor && c !== factor ? [c] : [])],
  });
}

/** A factor as a number or a tensor of rank 0. */
function scalarOf(factor: number | Tensor): number | Tensor {
  return typeof factor === "number" || factor.rank === 0 ? factor : factor.reshape([]);
}

function requireFactor(a: LinearOperator, factor: number | Tensor): void {
  if (typeof factor === "number") {
    if (!Number.isFinite(factor)) throw new RangeError(`Expected a finite factor for an operator, got ${factor}`);
  } else if (!(factor instanceof Tensor)) {
    throw new TypeError(`Expected a number or a tensor as factor of an operator, got ${typeof factor}`);
  } else if (factor.size !== 1 || factor.dtype !== a.dtype || factor.device !== a.device) {
    throw new TypeError(
      `Expected a factor of one ${a.dtype} on ${a.device.info.name}, got ${factor.dtype} [${
        factor.shape.join(", ")
      }] on ` +
        factor.device.info.name,
    );
  }
}
