import type { Tensor } from "../tensor/mod.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { linearOperator, sameOperator } from "./make_operator.ts";
import { mergedSum } from "./merge_sum.ts";
import { requireMatching } from "./require_operators.ts";
import { transposeOperator } from "./transpose_operator.ts";
import { zero } from "./zero.ts";

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
        // Terms that cancel leave nothing.
        terms.splice(k, 1, ...termsOf(merged));
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
