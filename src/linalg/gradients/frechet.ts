import { stopGradient, Tensor, withVjp } from "../../tensor/mod.ts";
import { concatenate, zerosLike } from "./parts.ts";

/** A function of square matrices that is analytic on their spectra, and of real matrices real. */
export type MatrixFunction = (a: Tensor) => Promise<Tensor>;

/**
 * The Fréchet derivative L(A, E) of a matrix function at A `[..., n, n]` in the direction E, both of one shape: the part of f(A + E) that is
 * linear in E. It is a block of the function of a matrix twice as large (Mathias 1996, theorem 2.1; Higham 2008, eq. 3.16),
 *   f([A, E; 0, A]) = [f(A), L(A, E); 0, f(A)].
 * The size of E is arbitrary, so it is given that of A: the method's error is relative to that of the whole.
 *
 * ⟨Ȳ, L(A, E)⟩ = ⟨L(Aᵀ, Ȳ), E⟩ (Higham 2008, §3.4, for real A and f): so L(Aᵀ, Ȳ) is the cotangent of A where Y = f(A), and Ē = L(Aᵀ, Ȳ) here.
 * Ā follows from the same of the large matrix, the sum of the cotangents of its two diagonal blocks.
 */
export async function frechet(f: MatrixFunction, a: Tensor, e: Tensor): Promise<Tensor> {
  if (a.size === 0) return zerosLike(a);
  const [point, direction] = [stopGradient(a), stopGradient(e)];
  const size = (x: Tensor) => Tensor.reduce("max", "abs(x)", { x }, [-2, -1], { keepDims: true });
  // A power of two, which rounds nothing.
  const scale = Tensor.map("m > 0 ? exp2(floor(log2(m / (n > 0 ? n : 1)))) : 1", {
    m: size(direction),
    n: size(point),
  });
  const large = await f(blockTriangular(point, direction.div(scale)));
  const out = quarter(large, 0, 1).mul(scale);
  const found = await withVjp("frechet", { a, e }, { out }, async ({ inputs, cotangents, wanted }) => {
    const g = cotangents.out;
    if (!g) return {};
    if (!wanted.has("a")) return { e: await frechet(f, inputs.a.T, g) };
    const whole = blockTriangular(inputs.a, inputs.e), zero = zerosLike(g);
    const corner = concatenate([concatenate([zero, g], -1), concatenate([zero, zero], -1)], -2);
    const bar = await frechet(f, whole.T, corner);
    return { a: quarter(bar, 0, 0).add(quarter(bar, 1, 1)), e: quarter(bar, 0, 1) };
  });
  return found.out;
}

/** [A, E; 0, A]. */
function blockTriangular(a: Tensor, e: Tensor): Tensor {
  return concatenate([concatenate([a, e], -1), concatenate([zerosLike(a), a], -1)], -2);
}

/** One of the four blocks of a matrix `[..., 2n, 2n]`. */
function quarter(x: Tensor, row: number, column: number): Tensor {
  const n = x.shape.at(-1)! / 2, all: null[] = new Array(x.rank - 2).fill(null);
  return x.slice(...all, [row * n, (row + 1) * n], [column * n, (column + 1) * n]);
}
