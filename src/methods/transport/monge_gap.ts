import { Tensor } from "../../tensor/mod.ts";
import { prepareCost } from "./cost.ts";
import { resultBundle, resultText } from "./result_table.ts";
import { requirePoints } from "./schrodinger_bridge.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";

/** Options of {@linkcode mongeGap}: those of `sinkhorn`, but for weights, which are equal. */
export type MongeGapOptions = Omit<SinkhornOptions, "a" | "b">;

/** What {@linkcode mongeGap} found. */
export class MongeGap {
  /** The gap as a tensor of one number, to differentiate. */
  readonly value: Tensor;
  /** The gap, in the cost's unit: never below that without regularization. */
  readonly gap: number;
  /** The gap less ε log n: never above that without regularization. */
  readonly lower: number;
  /** Mean cost (1/n) Σ c(x_i, T(x_i)) of the map. */
  readonly mapCost: number;
  /** The transport between the points and their images, with its certificate. */
  readonly transport: SinkhornResult;

  /** From what was measured. */
  constructor(value: Tensor, gap: number, lower: number, mapCost: number, transport: SinkhornResult) {
    this.value = value;
    this.gap = gap;
    this.lower = lower;
    this.mapCost = mapCost;
    this.transport = transport;
  }

  /** Frees the gap and the transport. */
  dispose(): void {
    this.value.dispose();
    this.transport.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    return [
      ["Monge gap", `${this.lower.toPrecision(4)} … ${this.gap.toPrecision(4)}`],
      ["mean cost of the map", this.mapCost.toPrecision(6)],
      ["transport cost ⟨P, C⟩", this.transport.cost.toPrecision(6)],
      ["marginal error (L1)", this.transport.marginalError.toExponential(1)],
      ["ε", this.transport.epsilon.toPrecision(4)],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("MongeGap", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}

/**
 * How far a map T is from optimal, for the points x_i and their images y_i = T(x_i): what the map costs more than the cheapest way to get from
 * the points to the images,
 *
 *   gap = (1/n) Σ c(x_i, y_i) − W_c(x, y) ≥ 0,
 *
 * zero exactly where T is c-cyclically monotone on the points. As a regularizer beside a loss of the images it makes a map that is learned an
 * optimal one, whatever the cost. Source: Uscidda and Cuturi, "The Monge Gap" (2023), definition 1 and section 3.
 *
 * W_c is estimated by the entropic value min ⟨P, C⟩ − ε H(P), H(P) = −Σ P (log P − 1). The plan of T itself, 1/n on the diagonal, has the entropy
 * log n + 1, and every plan between equal weights one from log n + 1 (of a permutation) to 2 log n + 1. So the paper's estimate is at least
 * ε (log n + 1), even for a perfect map; this constant is taken away here, after which
 *
 *   gap − ε log n ≤ exact gap of the points ≤ gap.
 *
 * The gradient is the same: by y_j it is (1/n) ∇₂c(x_j, y_j) − Σ_i P_ij ∇₂c(x_i, y_j), at the optimal plan (Danskin). An unconverged transport
 * makes the gap too large, and warns.
 *
 * @param x Points `[n, d]`.
 * @param images Their images `[n, d]`, through which the gap is differentiated (and through the points, if they are).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { grad, open, type Tensor, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([100, 2], { seed: 1 }), quarterTurn = gpu.tensor([[0, 1], [-1, 0]]);
 * const stretched = await transport.mongeGap(x, x.mul(gpu.tensor([2, 0.5])));
 * const turned = await transport.mongeGap(x, x.matmul(quarterTurn));
 * console.log(stretched.lower <= 0, turned.lower > 1); // true true
 * const gap = async (images: Tensor) => (await transport.mongeGap(x, images)).value;
 * const uphill = await grad(gap)(x.matmul(quarterTurn)); // [100, 2]
 * ```
 */
export async function mongeGap(x: Tensor, images: Tensor, options: MongeGapOptions = {}): Promise<MongeGap> {
  requirePoints("x", x);
  requirePoints("images", images, x.shape[1]);
  const n = x.shape[0];
  if (images.shape[0] !== n) {
    throw new TypeError(`Expected an image for each of the ${n} points, got ${images.shape[0]}`);
  }
  if (n === 0) throw new RangeError("Expected at least one point, got none");
  const transport = await sinkhorn(x, images, options);
  try {
    const mean = await costOfMap(x, images, options.cost);
    const constant = transport.epsilon * (Math.log(n) + 1);
    const epsilon = options.epsilon instanceof Tensor ? scaled(options.epsilon, transport.epsilon) : transport.epsilon;
    const value = Tensor.map("mean - ot - eps * k", {
      mean,
      ot: transport.value,
      eps: await epsilon,
      k: Math.log(n) + 1,
    });
    void value.value;
    const mapCost = await mean.item();
    mean.dispose();
    // In f64: the difference of two nearly equal numbers.
    const gap = mapCost - transport.dual - constant;
    return new MongeGap(value, gap, gap - transport.epsilon * Math.log(n), mapCost, transport);
  } catch (error) {
    transport.dispose();
    throw error;
  }
}

/** ε in the cost's unit, as a tensor of the option's. */
async function scaled(option: Tensor, epsilon: number): Promise<Tensor> {
  return option.mul(epsilon / await option.item());
}

/** (1/n) Σ c(x_i, y_i): the pairs with i = j of a streaming sum, so that every cost has it. */
async function costOfMap(x: Tensor, images: Tensor, cost: MongeGapOptions["cost"]): Promise<Tensor> {
  const { formula, inputs, owned } = await prepareCost(x, images, cost ?? "sqeuclidean");
  const n = x.shape[0], id = (base: string): string => Object.hasOwn(inputs, base) ? id(`${base}_`) : base;
  const row = id("row"), column = id("column");
  const places = Tensor.of(x.device, Float32Array.from({ length: n }, (_, i) => i), [n], "f32");
  using at = x.dtype === "f64" ? places.astype("f64") : places.share();
  places.dispose();
  using sums = Tensor.apply("pairwise", { ...inputs, [row]: at, [column]: at }, {
    reduction: "sum",
    formula: `${row}[i] == ${column}[j] ? (${formula}) : 0`,
  }).out;
  const mean = sums.mean();
  void mean.value;
  for (const t of owned) t.dispose();
  return mean;
}
