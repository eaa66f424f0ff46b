import type { Tensor } from "../tensor/mod.ts";
import { folded } from "./folded.ts";
import { identity } from "./identity.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { linearOperator, requireSquareOperator, sameOperator } from "./make_operator.ts";
import { mergedProduct } from "./merge_product.ts";
import { requireMatching } from "./require_operators.ts";
import { scaleOperator } from "./scale_operator.ts";
import { areTransposes, transposeOperator } from "./transpose_operator.ts";
import { zero } from "./zero.ts";

/** A·B; neighbours whose product has their structure are multiplied. */
export function composeOperators(a: LinearOperator, b: LinearOperator): LinearOperator {
  requireMatching(a, b, "compose");
  if (a.shape[1] !== b.shape[0]) {
    throw new TypeError(
      `Cannot compose operators [${a.shape.join(", ")}] and [${b.shape.join(", ")}]: inner sizes ${a.shape[1]} and ${
        b.shape[0]
      } differ`,
    );
  }
  if (a.structure.kind === "zero" || b.structure.kind === "zero") return zero(a, [a.shape[0], b.shape[1]], a.dtype);
  for (const [x, isLeft] of [[a, true], [b, false]] as const) {
    if (x.structure.kind !== "scaled") continue;
    using inner = isLeft ? composeOperators(x.structure.of, b) : composeOperators(a, x.structure.of);
    return scaleOperator(inner, x.structure.factor);
  }
  const made: LinearOperator[] = [], factors: LinearOperator[] = [...factorsOf(a)];
  for (const factor of factorsOf(b)) {
    factors.push(factor);
    while (factors.length > 1) {
      const merged = mergedProduct(factors[factors.length - 2], factors[factors.length - 1]);
      if (!merged) break;
      made.push(merged);
      factors.splice(-2, 2, ...factorsOf(merged));
    }
  }
  const result = factors.length === 0
    ? identity(a, a.shape[0], a.dtype)
    : factors.length === 1
    ? sameOperator(factors[0])
    : product(factors);
  for (const operator of made) operator.dispose();
  return result;
}

function factorsOf(a: LinearOperator): readonly LinearOperator[] {
  return a.structure.kind === "product" ? a.structure.factors : a.structure.kind === "identity" ? [] : [a];
}

function product(factors: readonly LinearOperator[]): LinearOperator {
  const { device, dtype } = factors[0], shape = [factors[0].shape[0], factors.at(-1)!.shape[1]] as const;
  const chain = (x: Tensor, order: readonly LinearOperator[], step: (a: LinearOperator, x: Tensor) => Tensor): Tensor =>
    order.reduce((y, factor, k) => {
      const next = step(factor, y);
      if (k > 0) y.dispose();
      return next;
    }, x);
  const backwards = factors.toReversed();
  const apply = (x: Tensor) => chain(x, backwards, (a, y) => a.apply(y));
  const applyTransposed = (y: Tensor) => chain(y, factors, (a, x) => a.applyTransposed(x));
  const all = (flag: keyof LinearOperator["flags"]) => factors.every(({ flags }) => flags[flag]);
  const square = factors.every((f) => f.shape[0] === f.shape[1]);
  return linearOperator({
    shape,
    device,
    dtype,
    flops: factors.reduce((s, { flops }) => s + flops, 0),
    apply,
    applyTransposed,
    applyVector: apply,
    applyTransposedVector: applyTransposed,
    row: (i) => chainFrom(factors[0].row(i), factors.slice(1), (a, x) => a.applyTransposed(x)),
    column: (j) => chainFrom(factors.at(-1)!.column(j), backwards.slice(1), (a, x) => a.apply(x)),
    ...(factors.every((f) => f.solve)
      ? {
        solve: async (b: Tensor) => {
          let x = b;
          for (const factor of factors) {
            const next = await factor.solve!(x);
            if (x !== b) x.dispose();
            x = next;
          }
          return x;
        },
      }
      : {}),
    ...(square && factors.every((f) => f.slogdet)
      ? {
        slogdet: () => {
          const parts = factors.map((f) => f.slogdet!());
          const sign = folded(parts.map((p) => p.sign), "x * y");
          const logAbsDet = folded(parts.map((p) => p.logAbsDet), "x + y");
          return { sign, logAbsDet };
        },
      }
      : {}),
    transpose: () => {
      const turned = backwards.map(transposeOperator), result = product(turned);
      for (const operator of turned) operator.dispose();
      return result;
    },
    flags: {
      positiveSemidefinite: isGram(factors),
      orthogonal: all("orthogonal"),
      diagonal: all("diagonal"),
      lowerTriangular: all("lowerTriangular"),
      upperTriangular: all("upperTriangular"),
    },
    structure: { kind: "product", factors },
    reads: factors,
  });
}

function chainFrom(
  first: Tensor,
  order: readonly LinearOperator[],
  step: (a: LinearOperator, x: Tensor) => Tensor,
): Tensor {
  return order.reduce((y, factor) => {
    using before = y;
    return step(factor, before);
  }, first);
}

/** Whether the factors are those of B·Bᵀ, with a semidefinite one in the middle if they are odd in number. */
function isGram(factors: readonly LinearOperator[]): boolean {
  const half = Math.floor(factors.length / 2), middle = factors[half];
  if (factors.length % 2 === 1 && !middle.flags.positiveSemidefinite) return false;
  for (let k = 0; k < half; k++) if (!areTransposes(factors[k], factors[factors.length - 1 - k])) return false;
  return true;
}

/** Aᵏ. */
export function powerOperator(a: LinearOperator, exponent: number): LinearOperator {
  requireSquareOperator(a.shape, "take a power of");
  if (!Number.isInteger(exponent) || exponent < 0) {
    throw new RangeError(`Expected a whole exponent from 0 for an operator, got ${exponent}`);
  }
  let result = identity(a, a.shape[0], a.dtype);
  for (let k = 0; k < exponent; k++) {
    using before = result;
    result = composeOperators(before, a);
  }
  return result;
}
