import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { type Cost, prepareCost } from "./cost.ts";
import { resultBundle, resultText } from "./result_table.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** A cost matrix on the host, for the solvers that work in f64 there. */
export interface HostCost {
  readonly n: number;
  readonly m: number;
  /** Costs `[n, m]`, row by row. */
  readonly C: Float64Array;
  /** The largest cost. */
  readonly largest: number;
  /** The cost matrix on its device. */
  readonly tensor: Tensor;
  /** Tensors made here, to be disposed of with the result. */
  readonly owned: Tensor[];
}

/**
 * Reads the costs: of the matrix `x` `[n, m]`, or between the points x `[n, d]` and y `[m, d]`, computed on their device (in its
 * dtype: what is solved is the problem of that matrix).
 */
export async function readCost(x: Tensor, y: Tensor | undefined, cost: Cost | undefined): Promise<HostCost> {
  requireProblem(x, y, cost);
  const owned: Tensor[] = [];
  try {
    if (y) {
      await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
      const prepared = await prepareCost(x, y, cost ?? "sqeuclidean");
      owned.push(...prepared.owned);
      owned.push(Tensor.apply("pairMatrix", prepared.inputs, { formula: prepared.formula }).out);
    }
    const tensor = y ? owned[owned.length - 1] : x;
    const [n, m] = tensor.shape;
    if (n === 0 || m === 0) {
      throw new RangeError(`Cannot transport between ${n} and ${m} points: both sides need at least one`);
    }
    using constant = stopGradient(tensor);
    const C = Float64Array.from(await constant.data());
    let largest = -Infinity;
    for (let k = 0; k < C.length; k++) {
      if (!Number.isFinite(C[k])) {
        throw new RangeError(`Expected finite costs, got ${C[k]} in row ${Math.floor(k / m)}, column ${k % m}`);
      }
      if (C[k] > largest) largest = C[k];
    }
    return { n, m, C, largest, tensor, owned };
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
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
  if (epsilonScale === "relative" && largest < 0) {
    throw new RangeError(`Cannot take "epsilon" relative to the largest cost ${largest}: use epsilonScale: "absolute"`);
  }
  return epsilonScale === "relative" && largest > 0 ? epsilon * largest : epsilon;
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
