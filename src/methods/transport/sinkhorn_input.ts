import { Tensor } from "../../tensor/mod.ts";
import { requireForm } from "./sinkhorn_form.ts";
import type { SinkhornOptions } from "./sinkhorn.ts";

/** The options with their defaults, checked against the points. */
export function requireOptions(
  x: Tensor,
  y: Tensor | undefined,
  options: SinkhornOptions & { epsilon?: number },
): { epsilon: number; relative: boolean; maxIterations: number; tolerance: number; unrolled: boolean } {
  const unrolled = requireSolver(options, y !== undefined);
  if (!(x instanceof Tensor)) throw new TypeError(`Expected points as a tensor, got ${x === null ? "null" : typeof x}`);
  if (!y) {
    if (x.rank !== 2) {
      throw new TypeError(`Expected a cost matrix [n, m], got [${x.shape.join(", ")}]; for points give x and y`);
    }
    if (options.cost !== undefined) throw new TypeError('"cost" is for points: a cost matrix is the cost itself');
  } else {
    if (x.rank < 1 || x.rank > 2 || y.rank !== x.rank || (x.rank === 2 && x.shape[1] !== y.shape[1])) {
      throw new TypeError(
        `Expected points x [n, d] and y [m, d], got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`,
      );
    }
    if (x.device !== y.device) throw new TypeError("Cannot transport between points on two devices");
    if (x.rank === 1 && (options.cost === undefined || options.cost === "greatcircle")) {
      if (options.cost === "greatcircle") throw new TypeError('The cost "greatcircle" needs points [n, 2], got [n]');
    }
  }
  return { ...requireNumbers(options), unrolled };
}

/** The same beside a cost operator; whether the form fits it is not yet known. */
export function requireOperatorOptions(
  y: Tensor | undefined,
  options: SinkhornOptions & { epsilon?: number },
): ReturnType<typeof requireOptions> {
  const unrolled = requireSolver(options, true);
  if (y) throw new TypeError("Expected points as a tensor beside y, got an operator");
  if (options.cost !== undefined) throw new TypeError('"cost" is for points: a cost operator is the cost itself');
  return { ...requireNumbers(options), unrolled };
}

/** Checks how it is to be solved and differentiated; gives whether by unrolling. */
function requireSolver(options: SinkhornOptions, streams: boolean): boolean {
  const { differentiate = "implicit" } = options;
  if (differentiate !== "implicit" && differentiate !== "unrolled") {
    throw new TypeError(
      `Expected "differentiate" to be "implicit" or "unrolled", got ${JSON.stringify(differentiate)}`,
    );
  }
  requireForm(options.form ?? "auto", streams, differentiate === "unrolled");
  const { epsilonScaling: factor } = options;
  requireFactor(factor);
  if (differentiate === "unrolled" && (factor !== undefined || options.potentials !== undefined)) {
    throw new TypeError('"epsilonScaling" and "potentials" cannot be unrolled: take differentiate: "implicit"');
  }
  return differentiate === "unrolled";
}

/** As {@linkcode requireNumbers}, of a solver that knows stages of ε. */
export function requireStages(
  options: Parameters<typeof requireNumbers>[0] & { epsilonScaling?: number },
): ReturnType<typeof requireNumbers> {
  requireFactor(options.epsilonScaling);
  return requireNumbers(options);
}

function requireFactor(factor: number | undefined): void {
  if (factor !== undefined && !(typeof factor === "number" && factor > 0 && factor < 1)) {
    throw new RangeError(`Expected "epsilonScaling" between 0 and 1, got ${factor}`);
  }
}

/** The number in a tensor of one. */
export async function scalarOf(epsilon: Tensor): Promise<number> {
  if (epsilon.size !== 1) throw new TypeError(`Expected "epsilon" to be one number, got [${epsilon.shape.join(", ")}]`);
  return await epsilon.item();
}

/** The numbers that every solver of the entropic problem takes, with their defaults, checked. */
export function requireNumbers(
  options: {
    epsilon?: number;
    epsilonScale?: "relative" | "absolute";
    maxIterations?: number;
    tolerance?: number;
  },
): { epsilon: number; relative: boolean; maxIterations: number; tolerance: number } {
  const { epsilon = 0.01, epsilonScale = "relative", maxIterations = 10_000, tolerance = 1e-5 } = options;
  for (const [name, value] of Object.entries({ epsilon, tolerance })) {
    if (!(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
    }
  }
  if (!Number.isInteger(maxIterations) || maxIterations < 1) {
    throw new RangeError(`Expected "maxIterations" to be a whole number from 1, got ${maxIterations}`);
  }
  if (epsilonScale !== "relative" && epsilonScale !== "absolute") {
    throw new TypeError(`Expected "epsilonScale" to be "relative" or "absolute", got ${JSON.stringify(epsilonScale)}`);
  }
  return { epsilon, relative: epsilonScale === "relative", maxIterations, tolerance };
}

/** Refuses a tensor with NaN or infinite elements. */
export async function requireFinite(name: string, t: Tensor): Promise<void> {
  using finite = Tensor.reduce("all", "isfinite(x)", { x: t });
  if (await finite.item()) return;
  const data = await t.data(), at = data.findIndex((v) => !Number.isFinite(v));
  throw new RangeError(`Expected finite numbers in ${name}, got ${data[at]} at element ${at}`);
}
