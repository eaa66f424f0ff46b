import { type Range, Tensor } from "../../tensor/mod.ts";
import { svd } from "../svd.ts";
import { type Degenerate, requireInvariant } from "./coincident.ts";
import { lessTransposed, type PullbackCall, scaleColumns, sumOf } from "./parts.ts";
import { separateSingularValues } from "./singular_pairs.ts";

/**
 * The cotangent of A `[m, n]` where A = U·diag(s)·Vᵀ, with k = min(m, n) columns in U and V.
 *
 * With P = Uᵀ·dA·V, ds_i = P_ii; the antisymmetric UᵀdU and VᵀdV follow from P_ij and P_ji, and (I − UUᵀ)·dU = (I − UUᵀ)·dA·V·S⁻¹
 * (Townsend 2016; Giles 2008, §3.2; Seeger et al. 2017, §4.4). With G = UᵀŪ − ŪᵀU and K = VᵀV̄ − V̄ᵀV:
 *   Ā = U·[diag(s̄) + ½ (G + K)_ij / (s_j − s_i) + ½ (G − K)_ij / (s_j + s_i)]·Vᵀ + N_U·S⁻¹·Vᵀ + U·S⁻¹·N_Vᵀ,
 *   N_U = (I − UUᵀ)·Ū,  N_V = (I − VVᵀ)·V̄.
 * G + K is what turning u and v together does to the loss, G − K what turning them against each other does. It is the gradient of the
 * eigenvalues ±s and eigenvectors [u; ±v] of [0, A; Aᵀ, 0].
 *
 * With `full`, U = [U₁, U₂] (and V alike): the basis U₂ of the complement is arbitrary, so that the loss may only depend on its span,
 * which is that U₂ᵀŪ₂ is symmetric; anything else is refused. As U₁ᵀdU₂ = −(U₂ᵀdU₁)ᵀ, −U₂·Ū₂ᵀ·U₁ adds to N_U.
 *
 * **Where singular values coincide, or are zero**: as for eigenvalues, see {@linkcode eighPullback} and
 * {@linkcode separateSingularValues}. Without Ū and V̄, U·diag(s̄)·Vᵀ is the gradient at a matrix within rounding errors of A; at s = 0,
 * where s has a kink, that is one of the subgradients.
 */
export async function svdPullback(
  { outputs, cotangents }: PullbackCall<"u" | "s" | "v">,
  degenerate: Degenerate,
): Promise<{ a?: Tensor }> {
  const { s } = outputs, { s: sBar } = cotangents, k = s.shape.at(-1)!;
  const [u, v] = [splitBasis(outputs.u, k), splitBasis(outputs.v, k)];
  if (!cotangents.u && !cotangents.v) return sBar ? { a: scaleColumns(u.first, sBar).matmul(v.first.T) } : {};
  const [uBar, vBar] = [cotangents.u && splitBasis(cotangents.u, k), cotangents.v && splitBasis(cotangents.v, k)];
  const g = uBar && u.first.T.matmul(uBar.first), h = vBar && v.first.T.matmul(vBar.first);
  const left = uBar && await beyondSpan(u, uBar, g!, "u", degenerate);
  const right = vBar && await beyondSpan(v, vBar, h!, "v", degenerate);
  const rows = Math.max(outputs.u.shape.at(-2)!, outputs.v.shape.at(-2)!);
  const square = outputs.u.shape.at(-2) === outputs.v.shape.at(-2);
  const use = await separateSingularValues(
    { s, sBar, uBar: uBar?.first, vBar: vBar?.first, g, h, left, right, rows, square },
    degenerate,
  );
  const turnU = g && lessTransposed(g), turnV = h && lessTransposed(h), [x, y] = [s.expandDims(-1), s.expandDims(-2)];
  const together = sumOf(turnU, turnV)!, against = turnU && turnV ? turnU.sub(turnV) : turnU ?? turnV!.neg();
  const differences = Tensor.map("use > 0 ? w / (2 * (y - x)) : 0", { use: use.differences, w: together, x, y });
  const sums = Tensor.map("use > 0 ? w / (2 * (y + x)) : 0", { use: use.sums, w: against, x, y });
  const along = sumOf(g, h)!, within = Tensor.map("ratio * (a + t) / 2", { ratio: use.ratio, a: along, t: along.T });
  const inner = sumOf(sBar && scaleColumns(u.first, sBar), u.first.matmul(sumOf(differences, sums, within)!))!;
  const byValue = (n: Tensor) =>
    Tensor.map("use > 0 ? n / s : 0", { use: use.nonzero.expandDims(-2), n, s: s.expandDims(-2) });
  const a = sumOf(
    (left ? inner.add(byValue(left)) : inner).matmul(v.first.T),
    right && u.first.matmul(byValue(right).T),
  );
  return { a };
}

/**
 * The cotangent of A for the cotangents s̄ of its singular values alone: Ā = U·diag(s̄)·Vᵀ, with vectors that are computed for it. Where
 * singular values coincide or are zero, see {@linkcode svdPullback}.
 */
export async function gradientOfValues(a: Tensor, sBar: Tensor): Promise<Tensor> {
  const { u, v } = await svd(a);
  return scaleColumns(u, sBar).matmul(v.T);
}

/** The first k columns of a basis, and those beyond if there are any. */
interface Basis {
  readonly first: Tensor;
  readonly beyond?: Tensor;
}

function splitBasis(x: Tensor, k: number): Basis {
  const columns = x.shape.at(-1)!, all: null[] = new Array(x.rank - 1).fill(null);
  const range = (start: number, stop: number): Range[] => [...all, [start, stop]];
  return columns === k ? { first: x } : { first: x.slice(...range(0, k)), beyond: x.slice(...range(k, columns)) };
}

/** N = (I − Q₁Q₁ᵀ)·Q̄₁ − Q₂·Q̄₂ᵀ·Q₁, undefined for a square Q₁, where it is zero; `product` is Q₁ᵀQ̄₁. */
async function beyondSpan(
  q: Basis,
  bar: Basis,
  product: Tensor,
  name: string,
  degenerate: Degenerate,
): Promise<Tensor | undefined> {
  const [m, k] = q.first.shape.slice(-2);
  if (m === k) return undefined;
  const outside = bar.first.sub(q.first.matmul(product));
  if (!q.beyond) return outside;
  if (degenerate === "refuse") {
    const inner = q.beyond.T.matmul(bar.beyond!);
    await requireInvariant(inner, bar.beyond!, "svd", `the columns of ${name} beyond the singular values`);
  }
  return outside.sub(q.beyond.matmul(bar.beyond!.T.matmul(q.first)));
}
