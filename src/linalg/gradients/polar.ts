import type { Tensor } from "../../tensor/mod.ts";
import { solve } from "../solve.ts";
import { lessTransposed, type PullbackCall, sumOf, symmetricPart } from "./parts.ts";
import { symmetricSylvester } from "./sylvester.ts";

/** Factors of A `[..., m, n]` and their cotangents. */
export interface PolarCotangents {
  /** A. */
  readonly a: Tensor;
  /** U, `[..., m, n]`. */
  readonly u: Tensor;
  /** Ū. */
  readonly uBar?: Tensor;
  /** P̄, of the factor on the side `side`. */
  readonly pBar?: Tensor;
  /** Where P stands. Default `right`. */
  readonly side?: "right" | "left";
  /** What to call it in errors. */
  readonly operation: string;
}

/**
 * The cotangent of A `[m, n]` where A = U·P (side `right`) or A = P·U (`left`).
 *
 * Take m ≥ n, else the transpose of everything, and H = (AᵀA)^{1/2} = UᵀA. From dA = dU·H + U·dH with antisymmetric UᵀdU and symmetric dH,
 *   H·(UᵀdU) + (UᵀdU)·H = UᵀdA − dAᵀU,  (I − UUᵀ)·dU = (I − UUᵀ)·dA·H⁻¹,
 *   H·dH + dH·H = H·UᵀdA + dAᵀU·H   (Higham 2008, §8.2; Kenney & Laub 1991).
 * With S(C) the X of H·X + X·H = C, which is its own adjoint,
 *   Ā from Ū = U·S(UᵀŪ − ŪᵀU) + (I − UUᵀ)·Ū·H⁻¹,  Ā from H̄ = U·H·S(H̄ + H̄ᵀ).
 * The factor on the long side is P = A·Uᵀ `[m, m]`: P̄·U adds to Ā, and P̄ᵀ·A to Ū.
 *
 * There are only sums of singular values in it, so that they may coincide. Throws a `SingularMatrixError` where the result is not
 * differentiable: for two singular values of zero, and for one in P or where m ≠ n.
 */
export async function polarGradient(given: PolarCotangents): Promise<Tensor | undefined> {
  const { uBar, pBar, side = "right", operation } = given, [rows, columns] = given.a.shape.slice(-2);
  // By Aᵀ = Uᵀ·P, or Aᵀ = P·Uᵀ.
  if (rows < columns || (rows === columns && side === "left")) {
    const other = side === "left" ? "right" : "left";
    const turned = { a: given.a.T, u: given.u.T, uBar: uBar?.T, pBar, side: other, operation } as const;
    return (await polarGradient(turned))?.T;
  }
  const { a, u } = given, square = rows === columns, h = symmetricPart(u.T.matmul(a));
  const [short, long] = side === "right" ? [pBar, undefined] : [undefined, pBar];
  const basis = sumOf(uBar, long?.T.matmul(a));
  let fromU: Tensor | undefined, fromH: Tensor | undefined;
  if (basis) {
    const product = u.T.matmul(basis);
    fromU = u.matmul(await symmetricSylvester(h, lessTransposed(product), operation, square));
    if (!square) fromU = fromU.add((await solve(h, basis.sub(u.matmul(product)).T)).T);
  }
  if (short) fromH = u.matmul(h).matmul(await symmetricSylvester(h, short.add(short.T), operation));
  return sumOf(fromU, fromH, long?.matmul(u));
}

/** The same as a pullback. */
export async function polarPullback(
  { inputs, outputs, cotangents }: PullbackCall<"u" | "p">,
  side: "right" | "left",
): Promise<{ a?: Tensor }> {
  const { u: uBar, p: pBar } = cotangents;
  return { a: await polarGradient({ a: inputs.a, u: outputs.u, uBar, pBar, side, operation: "polar" }) };
}
