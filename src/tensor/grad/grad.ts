import { typedArray } from "../../device/mod.ts";
import { showShape } from "../../ops/value.ts";
import { currentScope, newScope, release } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { closeTrace, openTrace } from "./trace.ts";
import { detach, tracedCall, zerosLike } from "./traced_call.ts";
import { type Gradient, mapTree, refuseSparse, tensorsIn } from "./tree.ts";
import { finishLike, type LikeResult, type Waiting } from "./waiting.ts";
import { stepsBetween, walk } from "./walk.ts";

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions {
  /** The argument, or the list of arguments, to differentiate by. Default 0, the first. */
  argnums?: number | readonly number[];
  /** The function gives `[loss, aux]`: the loss, and something to hand through. Default false. */
  hasAux?: boolean;
  /** What the gradient by a tensor is that the loss does not depend on: an error (default), or zeros. */
  unreached?: "error" | "zeros";
}

/** Gradients by the arguments that the options choose. */
export type Gradients<A extends readonly unknown[], O> = O extends { argnums: infer N }
  ? N extends readonly number[] ? { -readonly [K in keyof N]: Gradient<A[N[K] & number]> }
  : N extends number ? Gradient<A[N]>
  : Gradient<A[0]>
  : Gradient<A[0]>;

/** What a function that gives `[loss, aux]` hands through. */
export type Aux<R> = R extends Promise<infer V> ? Aux<V> : R extends readonly [unknown, infer X] ? X : never;

/** What `valueAndGrad` gives. */
export type ValueAndGrad<A extends readonly unknown[], R, O> = O extends { hasAux: true }
  ? { value: Tensor; grad: Gradients<A, O>; aux: Aux<R> }
  : { value: Tensor; grad: Gradients<A, O> };

/** What `grad` gives. */
export type Grad<A extends readonly unknown[], R, O> = O extends { hasAux: true }
  ? { grad: Gradients<A, O>; aux: Aux<R> }
  : Gradients<A, O>;

/**
 * The gradient of a scalar function of tensors, by reverse mode: a function of the same arguments that gives, for each tensor in the first
 * argument (a tensor, or nested arrays and objects of them), the derivative of the loss by it, in its shape and dtype.
 *
 * Every op, view, formula and reduction is differentiated; comparisons, positions and integers are constants. The gradient is made of
 * tensor operations, so it can be differentiated again. If `f` is async the gradient is a promise.
 *
 * As in `gpu.scope`, tensors that `f` makes and does not return are disposed of. Throws a `TypeError` if the loss is not one number, if it
 * does not depend on one of the tensors (see `unreached`), or if one of these is not of a floating dtype.
 *
 * @example
 * ```ts
 * import { grad, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const loss = ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor) => x.matmul(w).add(b).tanh().square().sum();
 * const g = grad(loss)({ w: gpu.ones([2, 3]), b: gpu.zeros([3]) }, gpu.tensor([[1, 2]]));
 * console.log(g.w.shape, await g.b.array());
 * ```
 */
export function grad<A extends unknown[], R, const O extends GradOptions = Record<never, never>>(
  f: (...args: A) => R,
  options?: O,
): (...args: A) => LikeResult<R, Grad<A, R, O>> {
  return (...args) => {
    const work = gradients(f as (...args: never[]) => unknown, args, options ?? {}, false);
    return finishLike(work) as LikeResult<R, Grad<A, R, O>>;
  };
}

/**
 * The value of a scalar function of tensors and its gradient in one go; see {@linkcode grad}.
 *
 * @example
 * ```ts
 * import { open, type Tensor, valueAndGrad } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const f = valueAndGrad((x: Tensor) => x.mul(x).sum());
 * const { value, grad } = f(gpu.tensor([1, 2, 3]));
 * console.log(await value.item(), await grad.array()); // 14 [2, 4, 6]
 * ```
 */
export function valueAndGrad<A extends unknown[], R, const O extends GradOptions = Record<never, never>>(
  f: (...args: A) => R,
  options?: O,
): (...args: A) => LikeResult<R, ValueAndGrad<A, R, O>> {
  return (...args) => {
    const work = gradients(f as (...args: never[]) => unknown, args, options ?? {}, true);
    return finishLike(work) as LikeResult<R, ValueAndGrad<A, R, O>>;
  };
}

function* gradients(
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  options: GradOptions,
  withValue: boolean,
): Waiting<unknown> {
  const { argnums = 0, hasAux = false, unreached = "error" } = options;
  const chosen = [...new Set(typeof argnums === "number" ? [argnums] : argnums)].sort((a, b) => a - b);
  for (const k of chosen) {
    if (!(Number.isInteger(k) && k >= 0 && k < args.length)) {
      throw new RangeError(`Expected "argnums" to be from 0 to ${args.length - 1}, got ${k}`);
    }
    mapTree(args[k], `args[${k}]`, (x) => x, refuseSparse);
    if (tensorsIn(args[k], "").length === 0) throw new TypeError(`Expected a tensor in args[${k}] to differentiate by`);
  }
  const outer = currentScope(), trace = openTrace(), held = newScope();
  try {
    const { result, leaves, scope } = yield* tracedCall(trace, f, args, chosen);
    let loss: Tensor, aux: unknown, history;
    try {
      [loss, aux] = lossOf(result, hasAux);
      history = loss.tracks?.history;
    } finally {
      // The steps have handles of their own.
      const kept = withValue ? [result, aux] : [aux];
      release(scope, kept, held);
    }
    for (const { tensor } of tensorsIn([withValue ? loss : undefined, aux], "")) {
      if (held.has(tensor)) detach(tensor, trace);
    }
    const one = typedArray(loss.dtype, 1);
    one[0] = 1;
    const cotangent = Tensor.of(loss.device, one, loss.shape, loss.dtype);
    currentScope()?.delete(cotangent);
    let found;
    try {
      const seeds = history ? [{ history, cotangent }] : [], steps = leaves.map((leaf) => leaf.step);
      const reached = stepsBetween(seeds, new Set(steps)), missed = leaves.find((leaf) => !reached.has(leaf.step));
      if (missed && unreached === "error") {
        throw new TypeError(
          `The loss does not depend on ${missed.path}: take it out of what is differentiated by, or ask for zeros with ` +
            `{ unreached: "zeros" }`,
        );
      }
      found = yield* walk(seeds, steps, trace);
    } finally {
      cotangent.dispose();
    }
    let at = 0;
    const take = (): Tensor => {
      const { step, like } = leaves[at++], gradient = found.get(step) ?? zerosLike(like);
      outer?.add(gradient);
      return gradient;
    };
    const trees = new Map(
      chosen.map((k) => [k, mapTree(args[k], "", take, () => undefined)] as const),
    );
    const gradient = typeof argnums === "number" ? trees.get(argnums) : argnums.map((k) => trees.get(k));
    for (const tensor of held) outer?.add(tensor);
    held.clear();
    if (withValue) return hasAux ? { value: loss, grad: gradient, aux } : { value: loss, grad: gradient };
    return hasAux ? { grad: gradient, aux } : gradient;
  } finally {
    for (const tensor of held) tensor.dispose();
    closeTrace(trace);
  }
}

/** The loss in what a function gave, which must be one floating number. */
function lossOf(result: unknown, hasAux: boolean): [Tensor, unknown] {
  if (hasAux && !(Array.isArray(result) && result.length === 2)) {
    throw new TypeError(`Expected the function to give [loss, aux] with "hasAux", got ${kindOf(result)}`);
  }
  const [loss, aux] = hasAux ? result as [unknown, unknown] : [result, undefined];
  if (!(loss instanceof Tensor)) throw new TypeError(`Expected the loss to be a tensor, got ${kindOf(loss)}`);
  if (loss.size !== 1) {
    throw new TypeError(
      `Expected the loss to be one number, got the shape ${showShape(loss.shape)}: sum it, or use vjp or jacobian`,
    );
  }
  if (loss.dtype !== "f32" && loss.dtype !== "f64" && loss.dtype !== "f16") {
    throw new TypeError(`Expected the loss to be of a floating dtype, got ${loss.dtype}`);
  }
  return [loss, aux];
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? `an array of ${value.length}` : value instanceof Tensor ? "a tensor" : typeof value;
}
