import { dense, kronecker, type LinearOperator } from "../operators/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { requireMatrix } from "./matrix_stack.ts";
import { relativeDistance } from "./relative_distance.ts";
import { svd } from "./svd.ts";

/** Options of {@linkcode nearestKronecker}. */
export interface NearestKroneckerOptions {
  /** Shape `[m₁, n₁]` of the left factors; it divides that of the matrix. */
  left: readonly [number, number];
  /** How many products are summed. Default 1. */
  terms?: number;
}

/** The sum of Kronecker products that is nearest to a given matrix. */
export interface NearestKronecker {
  /** Σ left[r] ⊗ right[r]; it owns its factors. */
  readonly operator: LinearOperator;
  /** Left factors, `[terms, m₁, n₁]`, of descending weight. */
  readonly left: Tensor;
  /** Right factors, `[terms, m₂, n₂]`. */
  readonly right: Tensor;
  /** ‖A − Σ left ⊗ right‖/‖A‖ in Frobenius norms, measured; 0 for A = 0. */
  readonly relativeError: number;
}

/**
 * The sum of r Kronecker products nearest to A `[m₁·m₂, n₁·n₂]` in the Frobenius norm (Van Loan & Pitsianis 1993,
 * "Approximation with Kronecker products"): with the blocks of A as rows, A ≈ Σ B ⊗ C becomes an approximation of rank
 * r, which the SVD gives. Each pair has factors of one norm, √σ. Throws a `TypeError` for what is no matrix of f32 or
 * f64, a `RangeError` for shapes that do not divide it or elements that are not finite.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = linalg.kron(gpu.tensor([[1, 2], [3, 4]]), gpu.tensor([[0, 1, 1]]));
 * const { relativeError } = await linalg.nearestKronecker(a, { left: [2, 2] });
 * console.log(relativeError < 1e-6); // true
 * ```
 */
export async function nearestKronecker(a: Tensor, options: NearestKroneckerOptions): Promise<NearestKronecker> {
  requireMatrix(a, "nearestKronecker");
  if (a.rank !== 2) {
    throw new TypeError(`Expected a matrix for nearestKronecker, got the shape [${a.shape.join(", ")}]`);
  }
  const [m, n] = a.shape, { left: [m1, n1], terms = 1 } = options, m2 = m / m1, n2 = n / n1;
  if ([m1, n1, m2, n2].some((size) => !Number.isInteger(size) || size < 1)) {
    throw new RangeError(`Expected a left factor whose shape divides [${m}, ${n}], got [${m1}, ${n1}]`);
  }
  const most = Math.min(m1 * n1, m2 * n2);
  if (!Number.isInteger(terms) || terms < 1 || terms > most) {
    throw new RangeError(`Expected "terms" to be from 1 to ${most}, got ${terms}`);
  }
  using blocks = a.reshape([m1, m2, n1, n2]);
  using ordered = blocks.transpose([0, 2, 1, 3]);
  using rearranged = ordered.reshape([m1 * n1, m2 * n2]);
  const { u, s, v } = await svd(rearranged, { rank: terms });
  using _u = u;
  using _s = s;
  using _v = v;
  const factors = (vectors: Tensor, shape: readonly [number, number]) => {
    using scaled = Tensor.map("sqrt(s) * x", { s, x: vectors });
    using rows = scaled.T;
    return rows.reshape([terms, ...shape]);
  };
  const left = factors(u, [m1, n1]), right = factors(v, [m2, n2]);
  const made: LinearOperator[] = [];
  const keep = (operator: LinearOperator) => {
    made.push(operator);
    return operator;
  };
  const products = Array.from({ length: terms }, (_, r) => {
    const b = keep(dense(left.slice(r), { owns: true })), c = keep(dense(right.slice(r), { owns: true }));
    return keep(kronecker([b, c]));
  });
  const operator = products.reduce((sum, term) => keep(sum.add(term)));
  for (const other of made) if (other !== operator) other.dispose();
  using found = operator.toDense({ maxBytes: Infinity });
  return { operator, left, right, relativeError: await relativeDistance(a, found) };
}
