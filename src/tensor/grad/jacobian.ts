import { typedArray } from "../../device/mod.ts";
import { currentScope, newScope, release, withScope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { grad } from "./grad.ts";
import { pushed } from "./jvp.ts";
import { requireFloat } from "./traced_call.ts";
import { linearized } from "./vjp.ts";
import { finishLike, type LikeResult, type Waiting } from "./waiting.ts";

/** Options of `jacobian`. */
export interface JacobianOptions {
  /** Columns, by a Jacobian-vector product each, or rows, by a vector-Jacobian product each. Default: whichever are fewer. */
  mode?: "forward" | "reverse";
}

/**
 * The Jacobian of a function of a tensor `[…n]` to a tensor `[…m]`: a function that gives the tensor `[…m, …n]` of all derivatives. It runs
 * `f` once and walks back once per row, or runs it once per column.
 *
 * @example
 * ```ts
 * import { jacobian, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const J = jacobian((x: Tensor) => x.square())(gpu.tensor([1, 2]));
 * console.log(await J.array()); // [[2, 0], [0, 4]]
 * ```
 */
export function jacobian<R extends Tensor | Promise<Tensor>>(
  f: (x: Tensor) => R,
  options: JacobianOptions = {},
): (x: Tensor) => LikeResult<R, Tensor> {
  return (x) => finishLike(inScope(() => derivatives(f, x, options))) as LikeResult<R, Tensor>;
}

/**
 * The Hessian of a scalar function of a tensor `[…n]`: a function that gives the tensor `[…n, …n]`, a column at a time by forward mode over
 * reverse mode. For a product with one direction take `hvp`.
 *
 * @example
 * ```ts
 * import { hessian, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const H = hessian((x: Tensor) => x.prod())(gpu.tensor([2, 3]));
 * console.log(await H.array()); // [[0, 1], [1, 0]]
 * ```
 */
export function hessian<R extends Tensor | Promise<Tensor>>(f: (x: Tensor) => R): (x: Tensor) => LikeResult<R, Tensor> {
  return jacobian(grad(f) as (x: Tensor) => Tensor, { mode: "forward" }) as (x: Tensor) => LikeResult<R, Tensor>;
}

function* derivatives(f: (x: Tensor) => unknown, x: Tensor, { mode }: JacobianOptions): Waiting<Tensor> {
  if (!(x instanceof Tensor)) throw new TypeError(`Expected a tensor to differentiate by, got ${typeof x}`);
  requireFloat(x, "args[0]");
  const { value, pullback, dispose } = yield* linearized(f, [x]);
  try {
    if (!(value instanceof Tensor)) throw new TypeError(`Expected the function to give a tensor, got ${typeof value}`);
    const { shape, size } = value, lines: Tensor[] = [];
    if (mode === "forward" || (mode === undefined && x.size < size)) {
      for (let k = 0; k < x.size; k++) {
        const { value: again, tangent } = yield* pushed(f, [x], [unit(x, k)]);
        (again as Tensor).dispose();
        lines.push((tangent as Tensor).reshape([size, 1]));
      }
      return joined(lines, 1, x, size).reshape([...shape, ...x.shape]);
    }
    for (let k = 0; k < size; k++) {
      let row = pullback(unit(value, k), { keep: true });
      if (row instanceof Promise) row = yield { promise: row };
      lines.push((row as Tensor[])[0].reshape([1, x.size]));
    }
    return joined(lines, 0, x, size).reshape([...shape, ...x.shape]);
  } finally {
    dispose();
  }
}

/** Work in a scope of its own, from which only its result comes out. */
function* inScope(start: () => Waiting<Tensor>): Waiting<Tensor> {
  const outer = currentScope(), scope = newScope();
  try {
    const work = start();
    let step = withScope(scope, () => work.next());
    while (!step.done) {
      let value: unknown;
      try {
        value = yield step.value;
      } catch (error) {
        step = withScope(scope, () => work.throw(error));
        continue;
      }
      step = withScope(scope, () => work.next(value));
    }
    release(scope, step.value, outer);
    return step.value;
  } finally {
    for (const tensor of scope) tensor.dispose();
  }
}

/** Zeros like `x` with a one at a position in row-major order. */
function unit({ device, dtype, shape, size }: Tensor, at: number): Tensor {
  const data = typedArray(dtype, size);
  data[at] = 1;
  return Tensor.of(device, data, shape, dtype);
}

function joined(lines: Tensor[], axis: number, { device, dtype, size }: Tensor, rows: number): Tensor {
  if (lines.length === 0) return Tensor.of(device, typedArray(dtype, 0), [rows, size], dtype);
  return Tensor.apply("concatenate", Object.fromEntries(lines.map((t, k) => [`x${k}`, t])), { axis }).out;
}
