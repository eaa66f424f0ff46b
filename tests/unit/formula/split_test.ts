import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  call,
  compilePairwise,
  type Expr,
  type Fold,
  leaves,
  parse,
  type Signature,
  splitFolds,
  splitScalars,
  substitute,
} from "../../../src/formula/mod.ts";

const signature: Signature = {
  e: { kind: "plain" },
  x: { kind: "row", length: 9 },
  y: { kind: "row", length: 9 },
  a: { kind: "row", length: 2 },
  b: { kind: "row", length: 2 },
  g: { kind: "row" },
};
const rows = (width: number, seed: number) => ({
  data: Float64Array.from({ length: 3 * width }, (_, k) => Math.sin(seed + 1.7 * k)),
  width,
});
const inputs = { e: 0.3, x: rows(9, 1), y: rows(9, 2), a: rows(2, 3), b: rows(2, 4), g: rows(1, 5) };

/** The value of a formula at rows 1 and 2. */
const valueOf = (expr: Expr, k = 0) => compilePairwise(expr, signature, inputs)(1, 2, k);

/** A formula with what its names stand for in their places. */
function filled(expr: Expr, meaning: ReadonlyMap<string, Expr>): Expr {
  return substitute(expr, (leaf) => {
    const found = leaf.kind === "name" ? meaning.get(leaf.name) : undefined;
    return found && filled(found, meaning);
  });
}

/** A fold written as a function of the language. */
function asCall({ by, term }: Fold): Expr {
  if (by === "add") return call("sum", term);
  // The one maximum that there is: of |u − v|.
  assert(term.kind === "call" && term.fn === "abs" && term.args[0].kind === "call");
  return call("maxdist", ...term.args[0].args);
}

const formulas = [
  "sqdist(x[i], y[j])",
  "g[j] - dist(x[i], y[j]) * e + sqdist(a[i], b[j])",
  "dot(x[i], y[j]) / (norm(x[i]) * norm(y[j]))",
  "sum(square(x[i] * norm(y[j]) - y[j] * dist(a[i], b[j]))) + maxdist(x[i] * norm(a[i]), y[j])",
  "dot(x[i], y[j]) + exp(dot(x[i], y[j]))",
];

for (const text of formulas) {
  Deno.test(`a formula is the same with its long folds taken out and put back: ${text}`, () => {
    for (const alone of [false, true]) {
      const { exprs: [expr], folds } = splitFolds([parse(text)], signature, 8, (k) => `fold${k}`, alone);
      const meaning = new Map(folds.map((f) => [f.name, asCall(f)]));
      assertAlmostEquals(valueOf(filled(expr, meaning)), valueOf(parse(text)), 1e-12);
      // In order: a fold names only those of rounds before its own.
      folds.forEach((fold, k) => {
        for (const id of leaves(fold.term).names.filter((n) => meaning.has(n))) {
          const other = folds.findIndex((f) => f.name === id);
          assert(other < k && folds[other].round < fold.round);
        }
        const found = leaves(filled(fold.term, meaning)).elements;
        assertEquals(fold.outer, found.some((leaf) => leaf.index === "i"));
        assertEquals(fold.inner, found.some((leaf) => leaf.index === "j"));
      });
      // No long fold of two rows is left.
      assert(!leaves(expr).elements.some((leaf) => leaf.name === "y"));
      assertEquals(leaves(expr).elements.some((leaf) => leaf.name === "x"), !alone && text.includes("norm(x[i])"));
    }
  });
}

Deno.test("equal folds are taken out once", () => {
  const { folds } = splitFolds([parse(formulas[4]), parse("dot(x[i], y[j])")], signature, 8, (k) => `fold${k}`);
  assertEquals(folds.length, 1);
});

Deno.test("a formula of vectors is the same with its scalar parts taken out and put back", () => {
  const expr = parse("exp(g[i] - sqdist(x[i], y[j])) * (x[i] - y[j]) * x[i, 3] + g[j] * y[j] * e");
  const { term, scalars } = splitScalars(expr, signature, (k) => `scalar${k}`);
  assertEquals(scalars.length, 2);
  const meaning = new Map(scalars.map((s) => [s.name, s.expr]));
  for (let k = 0; k < 9; k++) assertAlmostEquals(valueOf(filled(term, meaning), k), valueOf(expr, k), 1e-12);
  assert(leaves(term).elements.every((leaf) => leaf.component === undefined));
});
