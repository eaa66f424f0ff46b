import { Tensor } from "../../tensor/mod.ts";
import { requireCount, requirePositiveNumber, requireProblem } from "./host_problem.ts";
import { requireForm } from "./sinkhorn_form.ts";
import type { SinkhornOptions } from "./sinkhorn.ts";

/** The options with their defaults, checked against the points. */
export function requireOptions(
  x: Tensor,
  y: Tensor | undefined,
  options: SinkhornOptions & { epsilon?: number },
): { epsilon: number; relative: boolean; maxIterations: number; tolerance: number; unrolled: boolean } {
  const unrolled = requireSolver(options, y !== undefined);
  requireProblem(x, y, options.cost);
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
  requirePositiveNumber("epsilon", epsilon);
  requirePositiveNumber("tolerance", tolerance);
  requireCount("maxIterations", maxIterations);
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
