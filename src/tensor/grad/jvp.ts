import { showShape } from "../../ops/value.ts";
import { currentScope, newScope, release, withScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { closeTrace, liveHistory, openTrace } from "./trace.ts";
import { detach, requireFloat, zerosLike } from "./traced_call.ts";
import { type Gradient, mapTree, refuseSparse, tensorsIn } from "./tree.ts";
import { finishLike, type LikeResult, type Waiting } from "./waiting.ts";

/** A function's value and its directional derivative. */
export interface Jvp<V> {
  /** What the function gave. */
  readonly value: V;
  /** Its derivative in the direction of the tangents: like the value. */
  readonly tangent: Gradient<V>;
}

/**
 * Runs `f` and gives its value with the derivative in the direction of `tangents` (the Jacobian-vector product) by forward mode: both are
 * computed together, so nothing is kept, however long the computation (tensors that `f` itself disposes of are freed with their
 * tangents).
 *
 * `tangents` has one entry per primal: like it, with `undefined` where the direction is zero.
 *
 * @example
 * ```ts
 * import { jvp, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { value, tangent } = jvp((x: Tensor) => x.exp().sum(), [gpu.tensor([0, 1])], [gpu.tensor([1, 0])]);
 * console.log(await value.item(), await tangent.item()); // 3.718… 1
 * ```
 */
export function jvp<A extends unknown[], R>(
  f: (...args: A) => R,
  primals: readonly [...A],
  tangents: readonly unknown[],
): LikeResult<R, Jvp<Awaited<R>>> {
  const work = pushed(f as (...args: never[]) => unknown, primals, tangents);
  return finishLike(work) as LikeResult<R, Jvp<Awaited<R>>>;
}

/** The work of `jvp`. */
export function* pushed(
  f: (...args: never[]) => unknown,
  primals: readonly unknown[],
  tangents: readonly unknown[],
): Waiting<{ value: unknown; tangent: unknown }> {
  if (tangents.length !== primals.length) {
    throw new TypeError(`Expected a tangent for each of ${primals.length} primals, got ${tangents.length}`);
  }
  const outer = currentScope(), trace = openTrace(), scope = newScope();
  try {
    const given = new Map(tensorsIn(tangents, "primals").map(({ path, tensor }) => [path, tensor]));
    const args = mapTree(primals, "primals", (x, path) => {
      const tangent = given.get(path);
      given.delete(path);
      if (tangent) requireLike(tangent, x, path);
      const own = new Map(x.tracks?.tangents);
      if (tangent) own.set(trace, tangent);
      const handle = x.share({ history: liveHistory(x.tracks), tangents: own });
      scope.add(handle);
      return handle;
    }, refuseSparse) as unknown[];
    const [odd] = given.keys();
    if (odd !== undefined) throw new TypeError(`Expected no tangent for ${odd}: the primals have no tensor there`);

    let value = withScope(scope, () => f(...args as never[]));
    if (value instanceof Promise) value = yield { promise: value };
    const tangent = mapTree(value, "value", (x) => {
      const own = x.tracks?.tangents?.get(trace), handle = own ? own.share(own.tracks) : zerosLike(x);
      outer?.add(handle);
      return handle;
    }, () => undefined);
    for (const { tensor } of tensorsIn(value, "value")) detach(tensor, trace);
    release(scope, value, outer);
    return { value, tangent };
  } finally {
    closeTrace(trace);
    for (const tensor of scope) tensor.dispose();
  }
}

function requireLike(tangent: Tensor, x: Tensor, path: string): void {
  requireFloat(x, path);
  if (tangent.rank !== x.rank || tangent.shape.some((s, k) => s !== x.shape[k]) || tangent.dtype !== x.dtype) {
    throw new TypeError(
      `Expected the tangent of ${path} to be ${x.dtype} of shape ${showShape(x.shape)}, got ${tangent.dtype} of ${
        showShape(tangent.shape)
      }`,
    );
  }
  if (tangent.device !== x.device) {
    throw new TypeError(`Cannot mix devices: the tangent of ${path} is on ${tangent.device.info.name}`);
  }
}
