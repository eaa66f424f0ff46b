import type { LinearOperator, OperatorFlags } from "./linear_operator.ts";

/** The flags with what follows from them. */
export function completeFlags(shape: readonly [number, number], given: Partial<OperatorFlags>): OperatorFlags {
  for (const name of ["symmetric", "positiveDefinite", "positiveSemidefinite", "orthogonal"] as const) {
    if (given[name] && shape[0] !== shape[1]) {
      throw new TypeError(`The operator [${shape.join(", ")}] cannot be ${WORDS[name]}: it is not square`);
    }
  }
  const lower = given.lowerTriangular ?? false, upper = given.upperTriangular ?? false;
  const diagonal = given.diagonal || (lower && upper);
  const positiveDefinite = given.positiveDefinite ?? false;
  const positiveSemidefinite = positiveDefinite || (given.positiveSemidefinite ?? false);
  return {
    symmetric: given.symmetric || positiveSemidefinite || (diagonal && shape[0] === shape[1]),
    positiveDefinite,
    positiveSemidefinite,
    orthogonal: given.orthogonal ?? false,
    diagonal,
    lowerTriangular: lower || diagonal,
    upperTriangular: upper || diagonal,
  };
}

/** The flags that an operator has if all its parts have them; those of a diagonal and of triangles where every part is square. */
export function commonFlags(parts: readonly LinearOperator[], square: boolean): Partial<OperatorFlags> {
  const all = (flag: keyof OperatorFlags) => parts.every(({ flags }) => flags[flag]);
  return {
    symmetric: all("symmetric"),
    positiveDefinite: all("positiveDefinite"),
    positiveSemidefinite: all("positiveSemidefinite"),
    orthogonal: all("orthogonal"),
    diagonal: square && all("diagonal"),
    lowerTriangular: square && all("lowerTriangular"),
    upperTriangular: square && all("upperTriangular"),
  };
}

const WORDS = {
  symmetric: "symmetric",
  positiveDefinite: "positive definite",
  positiveSemidefinite: "positive semidefinite",
  orthogonal: "orthogonal",
} as const;
