import { Tensor } from "../tensor/mod.ts";

/** Up to this norm the backward error of Taylor's polynomial of degree 12 is below 2^−24 and 2^−53 (Bader, Blanes & Casas 2019, table 1). */
export const TAYLOR_LIMIT = { f32: 1.461661507209034, f64: 0.299615891381158 } as const;

/** The polynomial in blocks of four terms, of a, a², a³, and the block above times a⁴ (Paterson & Stockmeyer 1973). */
const BLOCKS = [0, 4, 8].map((k) =>
  [0, 1, 2, 3].map((j) => {
    let factorial = 1;
    for (let q = 2; q <= k + j; q++) factorial *= q;
    return `${["i", "a", "b", "c"][j]} / ${factorial}`;
  }).join(" + ")
);

/**
 * e^A of each matrix of `[..., n, n]` from tensor operations alone: Taylor's polynomial of degree 12 of A·2^−s, which is 5 products, and s squarings.
 * `squarings` `[..., 1, 1]` says how many of them each matrix takes, `most` how many any of them does.
 */
export function taylorExponential(x: Tensor, one: Tensor, squarings: Tensor, most: number): Tensor {
  using a = Tensor.map("a * exp2(-s)", { a: x, s: squarings });
  using b = a.matmul(a);
  using c = b.matmul(a);
  using d = b.matmul(b);
  const parts = { i: one, a, b, c };
  // 12! = 479001600.
  using top = Tensor.map(`${BLOCKS[2]} + d / 479001600`, { ...parts, d });
  using high = d.matmul(top);
  using middle = Tensor.map(`${BLOCKS[1]} + p`, { ...parts, p: high });
  using low = d.matmul(middle);
  let power = Tensor.map(`${BLOCKS[0]} + p`, { ...parts, p: low });
  for (let k = 0; k < most; k++) {
    using old = power;
    using square = old.matmul(old);
    power = Tensor.map("k < s ? y : x", { x: old, y: square, s: squarings, k });
  }
  return power;
}
