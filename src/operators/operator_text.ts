import type { LinearOperator, OperatorFlags } from "./linear_operator.ts";

const WORDS: Record<keyof OperatorFlags, string> = {
  symmetric: "symmetric",
  positiveDefinite: "positive definite",
  positiveSemidefinite: "positive semidefinite",
  orthogonal: "orthogonal",
  diagonal: "diagonal",
  lowerTriangular: "lower triangular",
  upperTriangular: "upper triangular",
};

/** What follows from another flag is not said. */
const IMPLIED: Partial<Record<keyof OperatorFlags, (keyof OperatorFlags)[]>> = {
  symmetric: ["positiveSemidefinite", "diagonal"],
  positiveSemidefinite: ["positiveDefinite"],
  lowerTriangular: ["diagonal"],
  upperTriangular: ["diagonal"],
};

/** What `console.log` and notebooks show: `LinearOperator [4, 4] f32 circulant, symmetric; 93 operations a product`. */
export function operatorText({ shape, dtype, structure, flags, flops, disposed }: LinearOperator): string {
  const known = (Object.keys(WORDS) as (keyof OperatorFlags)[])
    .filter((flag) => flags[flag] && !IMPLIED[flag]?.some((other) => flags[other]))
    .map((flag) => WORDS[flag]);
  const what = [structure.kind.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`), ...known].filter((word, k, all) =>
    all.indexOf(word) === k
  );
  return `LinearOperator [${shape.join(", ")}] ${dtype} ${what.join(", ")}; ${flops} operations a product${
    disposed ? " (disposed)" : ""
  }`;
}
