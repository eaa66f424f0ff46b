import { errorBound, type Expr } from "../formula/mod.ts";

/** For an elementwise formula: a function from the values of its names to the bound of a device's error at unit roundoff `u`. */
export function formulaBounds(expr: Expr, names: readonly string[], u: number): (values: readonly number[]) => number {
  return (values) =>
    errorBound(expr, (leaf) => {
      if (leaf.kind !== "name") throw new TypeError("Expected a formula of plain names");
      return values[names.indexOf(leaf.name)];
    }, u).bound as number;
}
