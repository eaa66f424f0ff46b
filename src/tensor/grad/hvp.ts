import type { Tensor } from "../tensor.ts";
import { grad } from "./grad.ts";
import { jvp } from "./jvp.ts";
import { type Gradient, tensorsIn } from "./tree.ts";
import type { LikeResult } from "./waiting.ts";

/**
 * The Hessian of a scalar function times a direction, by forward mode over reverse mode: about four times the work of the function, and the
 * Hessian is never formed. One result per primal.
 *
 * @example
 * ```ts
 * import { hvp, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const [h] = hvp((x: Tensor) => x.pow(3).sum(), [gpu.tensor([1, 2])], [gpu.tensor([1, 1])]);
 * console.log(await h.array()); // [6, 12]
 * ```
 */
export function hvp<A extends unknown[], R extends Tensor | Promise<Tensor>>(
  f: (...args: A) => R,
  primals: readonly [...A],
  tangents: readonly unknown[],
): LikeResult<R, Gradient<A>> {
  const gradient = grad(f, { argnums: primals.map((_, k) => k) });
  const result = jvp((...args: A) => gradient(...args) as unknown, primals, tangents) as
    | Promise<{ value: unknown; tangent: unknown }>
    | { value: unknown; tangent: unknown };
  const take = ({ value, tangent }: { value: unknown; tangent: unknown }): unknown => {
    for (const { tensor } of tensorsIn(value, "")) tensor.dispose();
    return tangent;
  };
  return (result instanceof Promise ? result.then(take) : take(result)) as LikeResult<R, Gradient<A>>;
}
