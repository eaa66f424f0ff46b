import { wgslLiteral } from "../../wgsl_literal.ts";

/** A double as a WGSL literal. */
export function lf(value: number): string {
  return wgslLiteral(value, "f64")!;
}

/** c_0 + c_1 x + … + c_n x^n in WGSL, one step after the other; `x` is a variable. */
export function polynomial(x: string, coefficients: readonly number[]): string {
  const last = lf(coefficients.at(-1)!);
  return coefficients.slice(0, -1).reduceRight((sum, c) => `(${lf(c)} + ${x} * ${sum})`, last);
}
