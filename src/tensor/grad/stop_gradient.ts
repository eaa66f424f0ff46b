import { currentScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { mapTree } from "./tree.ts";

/**
 * The same values as constants: no derivative flows through. Takes a tensor, or nested arrays and objects of them; gives new handles of the
 * same memory.
 *
 * @example
 * ```ts
 * import { grad, open, stopGradient, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const g = grad((x: Tensor) => x.mul(stopGradient(x)).sum())(gpu.tensor([1, 2]));
 * console.log(await g.array()); // [1, 2]
 * ```
 */
export function stopGradient<T>(tree: T): T {
  return mapTree(tree, "", (x: Tensor) => {
    const constant = x.share();
    currentScope()?.add(constant);
    return constant;
  }) as T;
}
