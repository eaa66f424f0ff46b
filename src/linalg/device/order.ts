import { Tensor } from "../../tensor/mod.ts";
import { positions } from "./parts.ts";

/** Positions in a flattened stack `[count·n]` (i32) of its rows' numbers `[count, n]` in ascending order; equal ones stay in order. */
export function ascending(x: Tensor): Tensor {
  const [count, n] = x.shape, place = positions(x, n), first = positions(x, count).mul(n).reshape([count, 1]);
  const names = { x: x.reshape([count, n, 1]), y: x.reshape([count, 1, n]), i: place.reshape([n, 1]), j: place };
  // Each number's rank is how many others go before it: all pairs, which cost little beside a factorization.
  const rank = Tensor.reduce("sum", "y < x || (y == x && j < i)", names, -1).astype("i32").add(first).flatten();
  const own = place.add(first).flatten();
  return Tensor.apply("scatterAdd", { x: own.mul(0), indices: rank, updates: own }, { axis: 0 }).out;
}

/** Rows of a stack `[count, n, …]` in an order that {@linkcode ascending} gave. */
export function inOrder(x: Tensor, order: Tensor): Tensor {
  const [count, n, ...rest] = x.shape;
  return x.reshape([count * n, ...rest]).take(order).reshape(x.shape);
}
