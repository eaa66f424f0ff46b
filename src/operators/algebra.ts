import { Tensor } from "../tensor/mod.ts";
import { identity } from "./identity.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { definitionOf, linearOperator, requireSquareOperator, sameOperator } from "./make_operator.ts";
import { mergedProduct } from "./merge_product.ts";
import { mergedSum } from "./merge_sum.ts";
import { zero } from "./zero.ts";

/** Aᵀ: the operator itself if it is symmetric, what it was the transpose of, or its parts transposed. */
export function transposeOperator(a: LinearOperator): LinearOperator {
  if (a.flags.symmetric) return sameOperator(a);
  if (a.structure.kind === "transposed") return sameOperator(a.structure.of);
  const own = definitionOf(a).transpose;
  if (own) return own();
  const { flags, shape, device, dtype, nnz, flops } = a;
  return linearOperator({
    shape: [shape[1], shape[0]],
    device,
    dtype,
    nnz,
    flops,
    apply: a.applyTransposed,
    applyTransposed: a.apply,
    applyVector: a.applyTransposed,
    applyTransposedVector: a.apply,
    row: (i) => a.column(i),
    column: (j) => a.row(j),
    diagonal: () => a.diagonal(),
    toDense: () => {
      using dense = a.toDense({ maxBytes: Infinity });
      return dense.T;
    },
    slogdet: a.slogdet,
    flags: { ...flags, lowerTriangular: flags.upperTriangular, upperTriangular: flags.lowerTriangular },
    structure: { kind: "transposed", of: a },
    reads: [a],
  });
}

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

/** A + B; terms of one structure are joined into one of it. */
export function addOperators(a: LinearOperator, b: LinearOperator): LinearOperator {
  requireMatching(a, b, "add");
  if (a.shape.join() !== b.shape.join()) {
    throw new TypeError(`Cannot add operators [${a.shape.join(", ")}] and [${b.shape.join(", ")}]: shapes differ`);
  }
  const made: LinearOperator[] = [], terms: LinearOperator[] = [...termsOf(a)];
  for (const term of termsOf(b)) {
    let joined = false;
    for (let k = 0; k < terms.length && !joined; k++) {
      const merged = mergedSum(terms[k], term);
      if (merged) {
        made.push(merged);
        terms[k] = merged;
        joined = true;
      }
    }
    if (!joined) terms.push(term);
  }
  if (terms.length === 0) return zero(a, a.shape, a.dtype);
  const result = terms.length === 1 ? sameOperator(terms[0]) : sum(terms);
  for (const operator of made) operator.dispose();
  return result;
}

function termsOf(a: LinearOperator): readonly LinearOperator[] {
  return a.structure.kind === "sum" ? a.structure.terms : a.structure.kind === "zero" ? [] : [a];
}

function sum(terms: readonly LinearOperator[]): LinearOperator {
  const [{ shape, device, dtype }] = terms;
  const total = (part: (term: LinearOperator) => Tensor): Tensor => {
    let result = part(terms[0]);
    for (const term of terms.slice(1)) {
      using before = result;
      using next = part(term);
      result = before.add(next);
    }
    return result;
  };
  const all = (flag: keyof LinearOperator["flags"]) => terms.every(({ flags }) => flags[flag]);
  const semidefinite = all("positiveSemidefinite");
  return linearOperator({
    shape,
    device,
    dtype,
    nnz: Math.min(shape[0] * shape[1], terms.reduce((s, { nnz }) => s + nnz, 0)),
    flops: terms.reduce((s, { flops }) => s + flops, 0) + (terms.length - 1) * shape[0],
    apply: (x) => total((t) => t.apply(x)),
    applyTransposed: (y) => total((t) => t.applyTransposed(y)),
    applyVector: (x) => total((t) => t.apply(x)),
    applyTransposedVector: (y) => total((t) => t.applyTransposed(y)),
    row: (i) => total((t) => t.row(i)),
    column: (j) => total((t) => t.column(j)),
    diagonal: () => total((t) => t.diagonal()),
    ...(shape[0] === shape[1] ? { trace: () => total((t) => t.trace()) } : {}),
    toDense: () => total((t) => t.toDense({ maxBytes: Infinity })),
    transpose: () => {
      const turned = terms.map(transposeOperator), result = sum(turned);
      for (const operator of turned) operator.dispose();
      return result;
    },
    flags: {
      symmetric: all("symmetric"),
      positiveSemidefinite: semidefinite,
      positiveDefinite: semidefinite && terms.some(({ flags }) => flags.positiveDefinite),
      diagonal: all("diagonal"),
      lowerTriangular: all("lowerTriangular"),
      upperTriangular: all("upperTriangular"),
    },
    structure: { kind: "sum", terms },
    reads: terms,
  });
}

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
          const sign = parts.map((p) => p.sign).reduce((s, t) => s.mul(t));
          const logAbsDet = parts.map((p) => p.logAbsDet).reduce((s, t) => s.add(t));
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

/** Whether one is known to be the transpose of the other. */
export function areTransposes(a: LinearOperator, b: LinearOperator): boolean {
  if (a.structure.kind === "transposed") return a.structure.of.structure === b.structure;
  if (b.structure.kind === "transposed") return b.structure.of.structure === a.structure;
  return a.flags.symmetric && a.structure === b.structure;
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

function requireMatching(a: LinearOperator, b: LinearOperator, what: string): void {
  if (typeof b?.applyTransposed !== "function") {
    throw new TypeError(
      `Expected an operator to ${what}, got ${b === null ? "null" : typeof b}; see dense for a matrix`,
    );
  }
  if (a.dtype !== b.dtype) throw new TypeError(`Cannot ${what} operators of ${a.dtype} and ${b.dtype}: dtypes differ`);
  if (a.device !== b.device) {
    throw new TypeError(`Cannot ${what} operators on ${a.device.info.name} and ${b.device.info.name}: devices differ`);
  }
}
