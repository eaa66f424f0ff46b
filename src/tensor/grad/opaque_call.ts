import { currentScope, newScope, release, type Seeds, withScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { record } from "./record.ts";
import type { Rule } from "./rules.ts";
import { liveHistory } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";
import type { Waiting } from "./waiting.ts";

/** Tensors of nested arguments or results by their places: `args[0].w`. */
export type ByPlace = Record<string, Tensor>;

/** A function of tensors as one step of a differentiation: run on constants, and joined to its arguments by a rule of its own. */
export interface OpaqueCall {
  readonly name: string;
  readonly f: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** Where seeds of what it draws at random are kept. */
  readonly seeds?: Seeds;
  /** The rule for its step, given the result. */
  readonly rule: (result: unknown, waits: boolean) => Pick<Rule, "vjp" | "keeps">;
}

/**
 * Runs the function and records it as one step. It may read tensors that are being differentiated only as arguments: the derivative through
 * one that it finds elsewhere would be lost, so that is refused.
 */
export function* opaqueCall({ name, f, args, seeds, rule }: OpaqueCall): Waiting<unknown> {
  const outer = currentScope(), scope = newScope(seeds);
  let waits = false;
  try {
    const inputs: ByPlace = Object.create(null);
    const bare = mapTree(args, "args", (x, path) => {
      inputs[path] = x;
      const constant = x.share();
      scope.add(constant);
      return constant;
    }) as unknown[];
    let result = withScope(scope, () => f(...bare as never[]));
    if (result instanceof Promise) {
      waits = true;
      result = yield { promise: result };
    }
    const outputs: ByPlace = Object.create(null);
    for (const { tensor, path } of tensorsIn(result, "value")) {
      const { tracks } = tensor;
      if (liveHistory(tracks) || [...tracks?.tangents?.keys() ?? []].some((level) => level.recording)) {
        throw new TypeError(
          `Cannot differentiate ${name}: it reads a tensor that is being differentiated and is not among its arguments`,
        );
      }
      // What was made elsewhere is a constant.
      if (scope.has(tensor)) outputs[path] = tensor;
    }
    const done = record({ name, waits, ...rule(result, waits) }, inputs, outputs);
    if (done) yield { promise: done };
    release(scope, result, outer);
    return result;
  } finally {
    for (const tensor of scope) tensor.dispose();
  }
}
