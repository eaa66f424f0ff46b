import { stopGradient, Tensor, withVjp } from "../../tensor/mod.ts";
import { eigh } from "../eigh.ts";
import { SingularMatrixError } from "../errors.ts";
import { limitsOf } from "./coincident.ts";
import { symmetricPart } from "./parts.ts";

/**
 * The X with P·X + X·P = C, for symmetric positive semidefinite P `[..., n, n]` of which at most one eigenvalue is zero: with P = V·diag(s)·Vᵀ,
 *   X = V·[(VᵀCV)_ij / (s_i + s_j)]·Vᵀ   (Higham 2008, §6.1).
 * If C is antisymmetric the diagonal of VᵀCV is zero, and so is that of the quotient, whatever s is. Else a zero eigenvalue is refused with
 * a `SingularMatrixError` naming `operation`.
 *
 * Its own derivative needs no vectors, so that eigenvalues may coincide: P·dX + dX·P = dC − dP·X − X·dP gives
 *   C̄ = the solution for X̄,  P̄ = −sym(C̄·Xᵀ + Xᵀ·C̄).
 */
export async function symmetricSylvester(
  p: Tensor,
  c: Tensor,
  operation: string,
  antisymmetric = false,
): Promise<Tensor> {
  const [point, side] = [stopGradient(p), stopGradient(c)];
  const { values, vectors } = await eigh(point);
  await requireSums(values, operation, antisymmetric);
  const inner = vectors.T.matmul(side).matmul(vectors);
  const [x, y] = [values.expandDims(-1), values.expandDims(-2)];
  // Zeros of an antisymmetric matrix are not divided.
  const divided = Tensor.map(antisymmetric ? "c == 0 || x + y <= 0 ? 0 : c / (x + y)" : "c / (x + y)", {
    c: inner,
    x,
    y,
  });
  const solution = vectors.matmul(divided).matmul(vectors.T);
  const { out } = await withVjp(
    "sylvester",
    { p, c },
    { out: solution },
    async ({ inputs, outputs, cotangents, wanted }) => {
      const g = cotangents.out;
      if (!g) return {};
      const cBar = await symmetricSylvester(inputs.p, g, operation, antisymmetric);
      if (!wanted.has("p")) return { c: cBar };
      const xt = outputs.out.T;
      return { c: cBar, p: symmetricPart(cBar.matmul(xt).add(xt.matmul(cBar))).neg() };
    },
  );
  return out;
}

/** Refuses sums of eigenvalues, ascending, that are zero to rounding. */
async function requireSums(values: Tensor, operation: string, antisymmetric: boolean): Promise<void> {
  const n = values.shape.at(-1)!, data = await values.data(), { rounding } = limitsOf(values.dtype, n);
  for (let base = 0; base < data.length; base += n) {
    const smallest = data[base] + (antisymmetric ? (n > 1 ? data[base + 1] : Infinity) : data[base]);
    if (smallest > rounding * Math.abs(data[base + n - 1])) continue;
    throw new SingularMatrixError(
      `Cannot differentiate ${operation} at a matrix with ${
        antisymmetric ? "two singular values of zero" : "a singular value of zero"
      }`,
    );
  }
}
