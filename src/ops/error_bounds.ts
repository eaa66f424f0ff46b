import { errorAnalysis, type Expr } from "../formula/mod.ts";

/** For an elementwise formula: a function from the values of its names to the bound of a device's error at unit roundoff `u`. */
export function formulaBounds(expr: Expr, names: readonly string[], u: number): (values: readonly number[]) => number {
  const analyse = errorAnalysis(expr, u), places = new Map(names.map((name, k) => [name, k]));
  return (values) =>
    analyse((leaf) => {
      if (leaf.kind !== "name") throw new TypeError("Expected a formula of plain names");
      return values[places.get(leaf.name)!];
    }).bound as number;
}
