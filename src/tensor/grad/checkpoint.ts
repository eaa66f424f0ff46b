import { currentScope, type Seeds } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { opaqueCall } from "./opaque_call.ts";
import { closeTrace, type Cotangents, liveHistory, openTrace, type StepCall } from "./trace.ts";
import { tracedCall } from "./traced_call.ts";
import { mapTree, tensorsIn } from "./tree.ts";
import { finish, finishLike, finishNow, type Waiting } from "./waiting.ts";
import { type Seed, walk } from "./walk.ts";

/**
 * The same function, of which reverse mode keeps only the arguments: what it needs in between is computed again on the way back (random numbers
 * drawn without a seed are drawn again alike). A chain of n steps in √n checkpointed parts needs memory for about 2√n steps instead of n, for one
 * more run of each.
 *
 * Tensors that are being differentiated must be arguments (nested arrays and objects will do): a function that reads them from outside is refused
 * with a `TypeError`.
 *
 * @example
 * ```ts
 * import { checkpoint, grad, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const block = checkpoint((x: Tensor) => x.sin().exp().sin());
 * console.log((await grad((x: Tensor) => block(block(x)).sum())(gpu.ones([3])).array()));
 * ```
 */
export function checkpoint<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  const name = f.name || "checkpoint";
  return (...args) => {
    if (!tensorsIn(args, "").some(({ tensor }) => liveHistory(tensor.tracks))) return f(...args);
    const list: number[] = [];
    const rule = (_: unknown, waits: boolean) => ({
      vjp: (call: StepCall) => {
        const work = again(f, args, call, { list, used: 0 });
        if (waits) return finish(work);
        return finishNow(work, (step) => `The gradient of "${step}" is asynchronous: make the function async`);
      },
      keeps: () => ({ outputs: [] }),
    });
    return finishLike(opaqueCall({ name, f, args, seeds: { list, used: 0 }, rule })) as R;
  };
}

/** Runs the function again with variables in the place of what is asked for, and walks back. */
function* again(
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  { inputs, cotangents, wanted }: StepCall,
  seeds: Seeds,
): Waiting<Cotangents> {
  const trace = openTrace(), places = [...wanted];
  try {
    const call = (...variables: Tensor[]) => {
      return f(...mapTree(args, "args", (_, path) => variables[places.indexOf(path)] ?? inputs[path]) as never[]);
    };
    const run = yield* tracedCall(trace, call, places.map((path) => inputs[path]), [...places.keys()], seeds);
    const found: Seed[] = [];
    for (const { tensor, path } of tensorsIn(run.result, "value")) {
      const history = tensor.tracks?.history, cotangent = cotangents[path];
      if (history && cotangent) found.push({ history, cotangent });
    }
    for (const tensor of run.scope) tensor.dispose();
    const arrived = yield* walk(found, run.leaves.map((leaf) => leaf.step), trace);
    const result: Record<string, Tensor | undefined> = Object.create(null);
    places.forEach((path, k) => {
      const cotangent = result[path] = arrived.get(run.leaves[k].step);
      if (cotangent) currentScope()?.add(cotangent);
    });
    return result;
  } finally {
    closeTrace(trace);
  }
}
