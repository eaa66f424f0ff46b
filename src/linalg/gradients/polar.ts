import type { Tensor } from "../../tensor/mod.ts";
import { solve } from "../solve.ts";
import { lessTransposed, type PullbackCall, sumOf, symmetricPart } from "./parts.ts";
import { symmetricSylvester } from "./sylvester.ts";

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
export async function polarPullback(
  { inputs, outputs, cotangents }: PullbackCall<"u" | "p">,
  side: "right" | "left",
  operation = "polar",
): Promise<{ a?: Tensor }> {
  const [rows, columns] = inputs.a.shape.slice(-2), wide = rows < columns;
  const tall = (x: Tensor) => wide ? x.T : x;
  const a = tall(inputs.a), u = tall(outputs.u), { p: pBar } = cotangents;
  const short = rows === columns || (side === "left") === wide;
  const long = pBar && rows !== columns && !short ? tall(pBar) : undefined;
  // P stands before U if the transpose is on the right, and so on: a square A with P on the left is turned too.
  if (rows === columns && side === "left") return await turned({ inputs, outputs, cotangents }, operation);
  const h = symmetricPart(u.T.matmul(a));
  const uBar = sumOf(cotangents.u && tall(cotangents.u), long && long.T.matmul(a));
  let fromU: Tensor | undefined, fromH: Tensor | undefined;
  if (uBar) {
    const square = rows === columns, product = u.T.matmul(uBar);
    fromU = u.matmul(await symmetricSylvester(h, lessTransposed(product), operation, square));
    if (!square) {
      const outside = uBar.sub(u.matmul(product));
      fromU = fromU.add((await solve(h, outside.T)).T);
    }
  }
  if (pBar && short) {
    fromH = u.matmul(h).matmul(await symmetricSylvester(h, pBar.add(pBar.T), operation));
  }
  const sum = sumOf(fromU, fromH, long && long.matmul(u));
  return sum ? { a: wide ? sum.T : sum } : {};
}

/** The same for A = P·U with a square A, by Aᵀ = Uᵀ·P. */
async function turned(
  { inputs, outputs, cotangents }: PullbackCall<"u" | "p">,
  operation: string,
): Promise<{ a?: Tensor }> {
  const { a } = await polarPullback(
    {
      inputs: { a: inputs.a.T },
      outputs: { u: outputs.u.T, p: outputs.p },
      cotangents: { u: cotangents.u?.T, p: cotangents.p },
    },
    "right",
    operation,
  );
  return { a: a?.T };
}
