import type { Tensor } from "../tensor.ts";
import { isTracked, record } from "./record.ts";

/** What a vector-Jacobian product given to {@linkcode withVjp} is called with. */
export interface WithVjpCall<O> {
  /** The inputs. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The outputs. */
  readonly outputs: Readonly<O>;
  /** Cotangents of the outputs, of their shapes and dtypes; absent where none arrives. */
  readonly cotangents: Partial<Readonly<Record<keyof O, Tensor>>>;
  /** The inputs whose cotangents are used: those of others may be left out. */
  readonly wanted: ReadonlySet<string>;
}

/**
 * Joins tensors that were computed outside of the ops (by a solver, on the host, by other means) to the inputs that they came from. If an
 * input is being differentiated, the outputs get their history, or their tangents, in place of what they carried; else they are returned
 * unchanged.
 *
 * `vjp` gives the cotangents of the inputs, in their shapes, from those of the outputs. It must be linear in these, made of tensor methods
 * and functions that are differentiable themselves; then higher derivatives and forward mode work too. It may be async: the function that is
 * differentiated must then be async. Everything in `inputs` and `outputs` is kept until the derivative is done.
 *
 * @example
 * ```ts
 * import { grad, open, type Tensor, withVjp } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * // A cube root that was computed on the host.
 * async function cubeRoot(x: Tensor): Promise<Tensor> {
 *   const y = gpu.tensor((await x.data()).map(Math.cbrt));
 *   const outputs = await withVjp("cubeRoot", { x }, { y }, ({ outputs, cotangents }) => {
 *     return { x: cotangents.y!.div(outputs.y.square().mul(3)) };
 *   });
 *   return outputs.y;
 * }
 * const g = await grad(async (x: Tensor) => (await cubeRoot(x)).sum())(gpu.tensor([1, 8]));
 * console.log(await g.array()); // [1/3, 1/12]
 * ```
 */
export async function withVjp<O extends Record<string, Tensor>>(
  name: string,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: O,
  vjp: (call: WithVjpCall<O>) => Partial<Record<string, Tensor>> | Promise<Partial<Record<string, Tensor>>>,
): Promise<O> {
  if (isTracked(inputs)) {
    await record({ name, waits: true, vjp: (call) => vjp(call as unknown as WithVjpCall<O>) }, inputs, outputs);
  }
  return outputs;
}
