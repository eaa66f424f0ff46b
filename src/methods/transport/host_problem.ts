import { Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { resultBundle, resultText } from "./result_table.ts";
import { costUnit } from "./sinkhorn_limits.ts";

/** What a solver was called with: `(x, y, options)` for points, or `(costMatrix, options)`. Throws if the signal says so already. */
export function readArguments<O extends { signal?: AbortSignal }>(
  second: Tensor | Omit<O, "cost"> | undefined,
  third: O | undefined,
): { y: Tensor | undefined; options: O } {
  const y = second instanceof Tensor ? second : undefined;
  const options = (y ? third : second as O | undefined) ?? {} as O;
  options.signal?.throwIfAborted();
  return { y, options };
}

/** Refuses what is neither a cost matrix nor points that fit. */
export function requireProblem(x: Tensor, y: Tensor | undefined, cost: Cost | undefined): void {
  if (!(x instanceof Tensor)) throw new TypeError(`Expected points as a tensor, got ${x === null ? "null" : typeof x}`);
  if (!y) {
    if (x.rank !== 2) {
      throw new TypeError(`Expected a cost matrix [n, m], got [${x.shape.join(", ")}]; for points give x and y`);
    }
    if (cost !== undefined) throw new TypeError('"cost" is for points: a cost matrix is the cost itself');
    return;
  }
  if (x.rank < 1 || x.rank > 2 || y.rank !== x.rank || (x.rank === 2 && x.shape[1] !== y.shape[1])) {
    throw new TypeError(
      `Expected points x [n, d] and y [m, d], got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`,
    );
  }
  if (x.device !== y.device) throw new TypeError("Cannot transport between points on two devices");
  if (x.rank === 1 && cost === "greatcircle") {
    throw new TypeError('The cost "greatcircle" needs points [n, 2], got [n]');
  }
}

/** The number that an option is: of a tensor, by which it may be differentiated, its one element. */
export async function numberOf(name: string, value: number | Tensor): Promise<number> {
  if (!(value instanceof Tensor)) return value;
  if (value.size !== 1) throw new TypeError(`Expected "${name}" to be one number, got [${value.shape.join(", ")}]`);
  return await value.item();
}

/** Refuses a number that is not positive and finite. */
export function requirePositiveNumber(name: string, value: unknown): number {
  if (!(typeof value === "number" && value > 0 && value < Infinity)) {
    throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
  }
  return value;
}

/** Refuses what is not a whole number of at least `from`. */
export function requireCount(name: string, value: unknown, from = 1): number {
  if (!Number.isInteger(value) || (value as number) < from) {
    throw new RangeError(`Expected "${name}" to be a whole number from ${from}, got ${value}`);
  }
  return value as number;
}

/** ε in the cost's unit. */
export function absoluteEpsilon(
  options: { epsilon?: number; epsilonScale?: "relative" | "absolute" },
  largest: number,
  otherwise = 0.01,
): number {
  const { epsilonScale = "relative" } = options;
  const epsilon = requirePositiveNumber("epsilon", options.epsilon ?? otherwise);
  if (epsilonScale !== "relative" && epsilonScale !== "absolute") {
    throw new TypeError(`Expected "epsilonScale" to be "relative" or "absolute", got ${JSON.stringify(epsilonScale)}`);
  }
  return epsilon * costUnit(epsilonScale === "relative", largest);
}

/** Numbers as a tensor in the dtype of another, on its device. */
export function tensorLike(
  like: Pick<Tensor, "device" | "dtype">,
  data: Float64Array,
  shape: readonly number[] = [data.length],
): Tensor {
  return like.dtype === "f64"
    ? Tensor.of(like.device, Float64Array.from(data), shape, "f64")
    : Tensor.of(like.device, Float32Array.from(data), shape);
}

/** What every result has: it can be freed, and it draws itself. */
export interface Freeable {
  /** Frees the tensors of the result. */
  dispose(): void;
  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void;
}

/** Gives a result its methods: to be freed, and to be shown by `console.log` and in notebooks as a table of `rows`. */
export function asResult<T extends object>(
  name: string,
  fields: T,
  rows: readonly [string, string][],
  owned: readonly { dispose(): void }[],
): T & Freeable {
  const dispose = () => owned.forEach((t) => t.dispose());
  const hidden = (value: unknown) => ({ value, enumerable: false });
  return Object.defineProperties(fields, {
    dispose: hidden(dispose),
    [Symbol.dispose]: hidden(dispose),
    [Symbol.for("Deno.customInspect")]: hidden(() => resultText(name, rows)),
    [Symbol.for("Jupyter.display")]: hidden(() => resultBundle(rows)),
  }) as T & Freeable;
}
