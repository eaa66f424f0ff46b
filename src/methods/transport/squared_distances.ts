import { type LinearOperator, lowRank } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";

/**
 * Squared distances between rows as an operator of rank d + 2, |x|² + |y|² − 2⟨x, y⟩, on points that are centred first: what the rounding
 * of f32 then leaves is small against the spread of the points, wherever they lie.
 *
 * @param x Points `[n, d]`.
 * @param y Points `[m, d]`; with `x` itself the operator is symmetric.
 */
export function squaredDistances(x: Tensor, y: Tensor = x): LinearOperator {
  using meanX = x.mean(0);
  using meanY = y.mean(0);
  const centre = x === y ? meanX.add(0) : Tensor.map("(a + b) / 2", { a: meanX, b: meanY });
  const factor = (points: Tensor, left: boolean): Tensor => {
    using moved = points.sub(centre);
    using norms = Tensor.reduce("sum", "p * p", { p: moved }, 1, { keepDims: true });
    using ones = Tensor.map("0 * s + 1", { s: norms });
    using scaled = moved.mul(left ? -2 : 1);
    const [first, second] = left ? [norms, ones] : [ones, norms];
    return Tensor.apply("concatenate", { x0: first, x1: second, x2: scaled }, { axis: 1 }).out;
  };
  const u = factor(x, true), v = factor(y, false);
  centre.dispose();
  return lowRank(u, v, { owns: true, flags: { symmetric: x === y } });
}
