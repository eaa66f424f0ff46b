import { broadcastShapes, showShape } from "../ops/value.ts";
import { Tensor } from "../tensor/mod.ts";

function requireRank(t: Tensor, name: string, operation: string, least: number): void {
  if (!(t instanceof Tensor)) throw new TypeError(`Expected a tensor "${name}" for ${operation}, got ${typeof t}`);
  if (t.rank < least) {
    throw new TypeError(
      `Expected ${least === 1 ? "a vector or " : ""}a matrix "${name}" for ${operation}, got the shape ${
        showShape(t.shape)
      }`,
    );
  }
}

/**
 * Kronecker product: of matrices `[..., m, n]` and `[..., p, q]` that of shape `[..., m·p, n·q]` whose block (i, j) is a[i, j]·b, with
 * broadcast leading axes; of vectors `[m]` and `[p]` that of shape `[m·p]`. A vector beside a matrix is a row, as in NumPy. One elementwise
 * operation on the device, for every element type. Throws a `TypeError` for shapes that do not fit.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * console.log(await linalg.kron(gpu.tensor([1, 10]), gpu.tensor([1, 2, 3])).array()); // [1, 2, 3, 10, 20, 30]
 * ```
 */
export function kron(a: Tensor, b: Tensor): Tensor {
  requireRank(a, "a", "kron", 1);
  requireRank(b, "b", "kron", 1);
  const vectors = a.rank === 1 && b.rank === 1;
  const [ra, m, n] = partsOf(a), [rb, p, q] = partsOf(b);
  const batch = broadcastShapes({ a: ra, b: rb });
  using x = a.reshape([...ra, m, 1, n, 1]);
  using y = b.reshape([...rb, 1, p, 1, q]);
  using product = x.mul(y);
  return product.reshape(vectors ? [n * q] : [...batch, m * p, n * q]);
}

/** Leading axes, rows and columns; a vector is a row. */
function partsOf({ shape }: Tensor): [readonly number[], number, number] {
  return [shape.slice(0, -2), shape.at(-2) ?? 1, shape.at(-1)!];
}

/**
 * Khatri–Rao product of matrices `[..., m, k]` and `[..., p, k]`: the matrix `[..., m·p, k]` whose column j is the Kronecker product of the two
 * columns j, with broadcast leading axes. One elementwise operation on the device, for every element type. Throws a `TypeError` for
 * shapes that do not fit.
 */
export function khatriRao(a: Tensor, b: Tensor): Tensor {
  requireRank(a, "a", "khatriRao", 2);
  requireRank(b, "b", "khatriRao", 2);
  const [ra, m, k] = partsOf(a), [rb, p, columns] = partsOf(b);
  if (k !== columns) {
    throw new TypeError(
      `Cannot take the Khatri-Rao product of ${showShape(a.shape)} and ${
        showShape(b.shape)
      }: ${k} and ${columns} columns differ`,
    );
  }
  const batch = broadcastShapes({ a: ra, b: rb });
  using x = a.reshape([...ra, m, 1, k]);
  using y = b.reshape([...rb, 1, p, k]);
  using product = x.mul(y);
  return product.reshape([...batch, m * p, k]);
}
