import { isFloat, typedArray } from "../../device/mod.ts";
import { newScope, type Scope, type Seeds, withScope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { addLeaf } from "./leaf.ts";
import { outside, type Step, type Trace } from "./trace.ts";
import { mapTree, refuseSparse } from "./tree.ts";
import type { Waiting } from "./waiting.ts";

/** A tensor by which a function is differentiated. */
export interface Leaf {
  /** Where it is in the arguments: `args[0].layers[2].w`. */
  readonly path: string;
  /** The step that stands for it. */
  readonly step: Step;
  /** Its shape, dtype and device; its values may be gone. */
  readonly like: Tensor;
}

/** A function's result, what it was differentiated by, and the tensors that it made. */
export interface TracedCall {
  readonly result: unknown;
  /** In the order of `mapTree` over the chosen arguments. */
  readonly leaves: readonly Leaf[];
  readonly scope: Scope;
  /** Whether the function was async. */
  readonly waits: boolean;
}

/** Refuses what has no derivative, with its place. */
export function requireFloat(x: Tensor, path: string): void {
  if (!isFloat(x.dtype)) throw new TypeError(`${path} is ${x.dtype}: only floating dtypes can be differentiated by`);
}

/** Calls a function with variables in the place of the tensors in the chosen arguments. The trace records until it is done. */
export function* tracedCall(
  trace: Trace,
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  chosen: readonly number[],
  seeds?: Seeds,
): Waiting<TracedCall> {
  const scope = newScope(seeds), leaves: Leaf[] = [];
  try {
    const variable = (x: Tensor, path: string): Tensor => {
      requireFloat(x, path);
      const { tensor, step } = addLeaf(trace, x);
      scope.add(tensor);
      leaves.push({ path, step, like: step.inputs.x as Tensor });
      return tensor;
    };
    const given = args.map((arg, k) => chosen.includes(k) ? mapTree(arg, `args[${k}]`, variable, refuseSparse) : arg);
    let result = withScope(scope, () => f(...given as never[]));
    const waits = result instanceof Promise;
    if (result instanceof Promise) result = yield { promise: result };
    return { result, leaves, scope, waits };
  } catch (error) {
    for (const tensor of scope) tensor.dispose();
    throw error;
  } finally {
    trace.recording = false;
  }
}

/** Takes off what a closed trace gave to a tensor. */
export function detach(x: Tensor, trace: Trace): void {
  const { tracks } = x;
  const inner = tracks?.history?.step.owner === trace || tracks?.tangents?.has(trace);
  if (inner) x.tracks = outside(tracks, trace);
}

/** Zeros like a tensor, in no scope and in the memory of one element. */
export function zerosLike({ device, dtype, shape }: Tensor): Tensor {
  using one = Tensor.of(device, typedArray(dtype, 1), [], dtype);
  using wide = one.broadcastTo(shape);
  return wide.share();
}
