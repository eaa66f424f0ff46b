import { showShape } from "../../ops/value.ts";
import { currentScope, release } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { closeTrace, type History, openTrace, type Trace } from "./trace.ts";
import { detach, type Leaf, tracedCall, zerosLike } from "./traced_call.ts";
import { type Gradient, mapTree, tensorsIn } from "./tree.ts";
import { finish, finishLike, finishNow, type Waiting } from "./waiting.ts";
import { type Seed, walk } from "./walk.ts";

/** A function's value and the map from cotangents of the value to those of the primals. */
export interface Vjp<A extends readonly unknown[], V, P = Gradient<A>> {
  /** What the function gave. */
  readonly value: V;
  /**
   * Cotangents of the primals from one of the value: a tensor, or nested arrays and objects as the value is, with `undefined` for zero. Zeros
   * where the value does not depend on a primal. What was kept is freed by the first call, and a second one refused, unless `keep` is set.
   * A promise if the function was async.
   */
  readonly pullback: (cotangent: unknown, options?: { keep?: boolean }) => P;
  /** Frees what is kept for the pullback. */
  dispose(): void;
  /** `using` does so at the end of the block. */
  [Symbol.dispose](): void;
}

/** What `vjp` gives: a promise, whose pullback gives promises, for an async function. */
export type VjpResult<A extends readonly unknown[], R> = R extends Promise<infer V>
  ? Promise<Vjp<A, V, Promise<Gradient<A>>>>
  : Vjp<A, R>;

/**
 * Runs `f` and gives its value with the vector-Jacobian product there: reverse mode for values of any shape. See `grad` for what is
 * differentiated; every tensor in `primals` is.
 *
 * @example
 * ```ts
 * import { open, type Tensor, vjp } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { value, pullback } = vjp((x: Tensor) => x.square(), gpu.tensor([1, 2, 3]));
 * const [x] = pullback(gpu.tensor([1, 0, 10]));
 * console.log(await value.array(), await x.array()); // [1, 4, 9] [2, 0, 60]
 * ```
 */
export function vjp<A extends unknown[], R>(f: (...args: A) => R, ...primals: A): VjpResult<A, R> {
  return finishLike(linearized(f as (...args: never[]) => unknown, primals)) as VjpResult<A, R>;
}

/** The work of `vjp`. */
export function* linearized(
  f: (...args: never[]) => unknown,
  primals: readonly unknown[],
): Waiting<Vjp<readonly unknown[], unknown, unknown>> {
  const outer = currentScope(), trace = openTrace();
  try {
    const { result, leaves, scope, waits } = yield* tracedCall(trace, f, primals, [...primals.keys()]);
    const outputs = tensorsIn(result, "value").map(({ tensor, path }) => {
      const like = tensor.share(), { tracks } = tensor;
      like.dispose();
      if (scope.has(tensor)) detach(tensor, trace);
      return { path, history: tracks?.history, like };
    });
    release(scope, result, outer);
    let state: "ready" | "used" | "freed" = "ready";
    const dispose = () => {
      if (state === "ready") state = "freed";
      closeTrace(trace);
    };
    const pullback = (cotangent: unknown, { keep = false }: { keep?: boolean } = {}): unknown => {
      if (state !== "ready") {
        const why = state === "used"
          ? "was called: what it needs was freed; keep it with { keep: true }"
          : "was disposed of";
        throw new TypeError(`Cannot call a pullback after it ${why}`);
      }
      const seeds = seedsOf(outputs, cotangent);
      if (!keep) state = "used";
      const work = pulled(trace, leaves, primals, seeds, keep);
      if (waits) return finish(work);
      return finishNow(work, (name) => `The gradient of "${name}" is asynchronous: make the function async`);
    };
    return { value: result, pullback, dispose, [Symbol.dispose]: dispose };
  } catch (error) {
    closeTrace(trace);
    throw error;
  }
}

interface Output {
  readonly path: string;
  readonly history: History | undefined;
  readonly like: Tensor;
}

/** The cotangents in a tree like the value's, each with the place where it arrives. */
function seedsOf(outputs: readonly Output[], cotangent: unknown): Seed[] {
  const given = new Map<string, Tensor>();
  mapTree(cotangent, "value", (tensor, path) => given.set(path, tensor));
  const seeds: Seed[] = [];
  for (const { path, history, like } of outputs) {
    const own = given.get(path);
    given.delete(path);
    if (!own) continue;
    if (own.shape.join() !== like.shape.join() || own.rank !== like.rank || own.dtype !== like.dtype) {
      throw new TypeError(
        `Expected the cotangent of ${path} to be ${like.dtype} of shape ${showShape(like.shape)}, got ${own.dtype} of ${
          showShape(own.shape)
        }`,
      );
    }
    if (own.device !== like.device) {
      throw new TypeError(`Cannot mix devices: the cotangent of ${path} is on ${own.device.info.name}`);
    }
    if (history) seeds.push({ history, cotangent: own });
  }
  const [odd] = given.keys();
  if (odd !== undefined) throw new TypeError(`Expected no cotangent at ${odd}: the value has no tensor there`);
  return seeds;
}

function* pulled(
  trace: Trace,
  leaves: readonly Leaf[],
  primals: readonly unknown[],
  seeds: readonly Seed[],
  keep: boolean,
): Waiting<unknown> {
  const outer = currentScope();
  try {
    const found = yield* walk(seeds, leaves.map((leaf) => leaf.step), keep ? undefined : trace);
    let at = 0;
    const take = (): Tensor => {
      const { step, like } = leaves[at++], cotangent = found.get(step) ?? zerosLike(like);
      outer?.add(cotangent);
      return cotangent;
    };
    return primals.map((primal) => mapTree(primal, "", take, () => undefined));
  } finally {
    if (!keep) closeTrace(trace);
  }
}
