import { Tensor } from "../../tensor/mod.ts";
import { positions } from "./parts.ts";

/** An order of the rows of a stack `[count, n, …]`: positions in the flattened `[count·n, …]` (i32). */
export interface Order {
  /** Which row comes to a place. */
  readonly order: Tensor;
  /** Which place a row goes to. */
  readonly rank: Tensor;
}

/** The order of numbers `[count, n]` from the smallest on; equal ones stay in order. */
export function ascending(x: Tensor): Order {
  const [count, n] = x.shape, place = positions(x, n), first = positions(x, count).mul(n).reshape([count, 1]);
  const names = { x: x.reshape([count, n, 1]), y: x.reshape([count, 1, n]), i: place.reshape([n, 1]), j: place };
  // Each number's rank is how many others go before it: all pairs, which cost little beside a factorization.
  const rank = Tensor.reduce("sum", "y < x || (y == x && j < i)", names, -1).astype("i32").add(first).flatten();
  const own = place.add(first).flatten();
  return { rank, order: Tensor.apply("scatterAdd", { x: own.mul(0), indices: rank, updates: own }, { axis: 0 }).out };
}

/** Rows of a stack `[count, n, …]` taken from places. */
export function rowsFrom(x: Tensor, places: Tensor): Tensor {
  const [count, n, ...rest] = x.shape;
  return x.reshape([count * n, ...rest]).take(places).reshape(x.shape);
}
