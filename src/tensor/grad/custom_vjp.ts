import { currentScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { opaqueCall } from "./opaque_call.ts";
import type { Cotangents, StepCall } from "./trace.ts";
import { zerosLike } from "./traced_call.ts";
import { type Gradient, mapTree, tensorsIn } from "./tree.ts";
import { finishLike } from "./waiting.ts";

/** What a gradient of one's own is given. */
export interface CustomVjpCall<A extends readonly unknown[], V> {
  /** The arguments. */
  readonly args: A;
  /** What `forward` gave. */
  readonly value: V;
  /** The cotangent of the value, like it; zeros where none arrives. */
  readonly cotangent: Gradient<V>;
}

/**
 * A function with a gradient of one's own. `forward` computes the value from tensors (or nested arrays and objects of them) in any way, also
 * with steps that have no derivative; `backward` gives the cotangents of the arguments from that of the value: an array with an entry like
 * each argument, or `undefined` where there is none. It must be linear in the cotangent; made of tensor methods, it can be differentiated
 * again, and forward mode works.
 *
 * @example
 * ```ts
 * import { customVjp, grad, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * // Rounds, but lets the gradient through ("straight-through estimator").
 * const round = customVjp((x: Tensor) => x.round(), ({ cotangent }) => [cotangent]);
 * console.log(await grad((x: Tensor) => round(x).square().sum())(gpu.tensor([0.6, 1.7])).array()); // [2, 4]
 * ```
 */
export function customVjp<A extends unknown[], R>(
  forward: (...args: A) => R,
  backward: (call: CustomVjpCall<A, Awaited<R>>) => readonly unknown[] | Promise<readonly unknown[]>,
): (...args: A) => R {
  const name = forward.name || "customVjp";
  return (...args) => {
    const vjp = (value: unknown) => ({ inputs, outputs, cotangents, wanted }: StepCall) => {
      const made = backward({
        args: mapTree(args, "args", (_, path) => inputs[path]) as A,
        value: mapTree(value, "value", (x, path) => outputs[path] ?? x) as Awaited<R>,
        cotangent: mapTree(value, "value", (_, path) => {
          if (cotangents[path] || !outputs[path]) return cotangents[path];
          const zeros = zerosLike(outputs[path]);
          currentScope()?.add(zeros);
          return zeros;
        }, () => undefined) as Gradient<Awaited<R>>,
      });
      return made instanceof Promise ? made.then((m) => byPlace(m, args, wanted)) : byPlace(made, args, wanted);
    };
    const rule = (value: unknown) => ({ vjp: vjp(value) });
    return finishLike(opaqueCall({ name, f: forward, args, rule })) as R;
  };

  function byPlace(made: readonly unknown[], args: A, wanted: ReadonlySet<string>): Cotangents {
    if (!Array.isArray(made) || made.length > args.length) {
      throw new TypeError(
        `Expected the gradient of "${name}" to be an array with an entry for each of ${args.length} arguments, got ` +
          `${Array.isArray(made) ? `${made.length} entries` : typeof made}`,
      );
    }
    const places = new Set(tensorsIn(args, "args").map(({ path }) => path)), found: Record<string, Tensor> = {};
    for (const { tensor, path } of tensorsIn(made, "args")) {
      if (!places.has(path)) {
        throw new TypeError(`Expected no gradient of "${name}" by ${path}: it has no tensor there`);
      }
      if (wanted.has(path)) found[path] = tensor;
    }
    return found;
  }
}
