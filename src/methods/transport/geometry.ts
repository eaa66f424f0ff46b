import { call, check, element, type Expr, leaves, name, parse, type Signature, substitute } from "../../formula/mod.ts";
import { dense, type LinearOperator, pairwise } from "../../operators/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";

/**
 * Dual potentials in two parts, f = coarse + ε·fine. The coarse parts are multiples of a power of two so large that sums of two
 * are exact in f32, and the fine parts are small: f_i + g_j − C_ij keeps the precision of its small result, where the plan has
 * mass, instead of that of the large potentials.
 */
export interface Potential {
  /** Multiple of the quantum; −∞ where the weight is zero. */
  coarse: Tensor;
  /** Remainder in units of ε; 0 where the weight is zero. */
  fine: Tensor;
}

/** Which potential a half-step renews: the rows' from the columns', or the other way round. */
export type Side = "rows" | "columns";

/** What Sinkhorn needs of a cost: reductions of plan-like formulas over one side, and the plan itself. */
export interface Geometry {
  readonly n: number;
  readonly m: number;
  /** Largest cost per row, `[n]`, or largest absolute value. */
  maxCost(absolute?: boolean): Tensor;
  /** The costs, stored: `[n, m]`. */
  costs(): Tensor;
  /** log Σ exp((g − C)/ε) over the other side. */
  logSum(side: Side, other: Potential, epsilon: Epsilon): Tensor;
  /** Σ exp((f + g − C)/ε) over the other side: the marginal of the plan. */
  marginal(side: Side, f: Potential, g: Potential, epsilon: Epsilon): Tensor;
  /** Σ_j P_ij C_ij for each row. */
  rowCost(f: Potential, g: Potential, epsilon: Epsilon): Tensor;
  /** The plan P = exp((f + g − C)/ε), stored: `[n, m]`. */
  matrix(f: Potential, g: Potential, epsilon: Epsilon): Tensor;
  /** The plan as an operator. */
  plan(f: Potential, g: Potential, epsilon: Epsilon): LinearOperator;
  /** Σ_j P_ij Π_k (u^k_i + w^k_j) for each row, with factors [u^k, w^k] of vectors `[n]` and `[m]`. */
  weighted(f: Potential, g: Potential, epsilon: Epsilon, factors: readonly Factor[]): Tensor;
}

/** What a solution is measured, applied and differentiated by: nothing of it is of size n×m. */
export type SolutionGeometry = Omit<Geometry, "maxCost" | "costs" | "matrix">;

/** The regularization: a number, or a tensor of one where it is differentiated by. */
export type Epsilon = number | Tensor;

/** A factor u_i + w_j of the plan's entries. */
export type Factor = readonly [rows: Tensor, columns: Tensor];

/** 1/ε; a tensor is made for one that is a tensor. */
function rateOf(epsilon: Epsilon): TensorLike {
  return typeof epsilon === "number" ? 1 / epsilon : Tensor.map("1 / eps", { eps: epsilon });
}

/** A name for a vector of a factor. */
const factorName = (side: "u" | "w", k: number) => `factor_${side}${k}`;

/** Costs between points: everything streams over pairs, nothing of size n×m is stored. */
export function pointGeometry(cost: PreparedCost): Geometry {
  const expr = parse(cost.formula);
  check(expr, signatureOf(cost.inputs), cost.formula);
  const id = (base: string) => {
    while (Object.hasOwn(cost.inputs, base)) base += "_";
    return base;
  };
  const names = { F: id("F"), p: id("p"), G: id("G"), q: id("q"), rate: id("rate") };
  const at = (n: string, index: "i" | "j") => element(n, index);
  // exp(((F_i + G_j) − C_ij)/ε + (p_i + q_j)): the brackets are what keeps the precision.
  const slack = call("sub", call("add", at(names.F, "i"), at(names.G, "j")), expr);
  const exponent = call("add", call("mul", slack, name(names.rate)), call("add", at(names.p, "i"), at(names.q, "j")));
  const entry = call("exp", exponent);
  const score = call("add", call("mul", call("sub", at(names.G, "j"), expr), name(names.rate)), at(names.q, "j"));
  const inputs = (f: Potential, g: Potential, epsilon: Epsilon): Record<string, TensorLike> => ({
    ...cost.inputs,
    [names.F]: f.coarse,
    [names.p]: f.fine,
    [names.G]: g.coarse,
    [names.q]: g.fine,
    [names.rate]: rateOf(epsilon),
  });
  const rowsOf = (index: "i" | "j") => {
    const found = leaves(expr).elements.find((e) => e.index === index);
    const input = found && cost.inputs[found.name];
    if (!(input instanceof Tensor)) {
      throw new TypeError(`Expected the cost to use a tensor at [${index}], got "${cost.formula}"`);
    }
    return input.shape[0];
  };
  const used = (formula: Expr, all: Record<string, TensorLike>): Record<string, TensorLike> => {
    const found = leaves(formula);
    return Object.fromEntries([...found.names, ...found.elements.map((e) => e.name)].map((key) => [key, all[key]]));
  };
  const run = (reduction: string, formula: Expr, all: Record<string, TensorLike>): Tensor =>
    Tensor.apply("pairwise", used(formula, all), { reduction, formula }).out;
  const n = rowsOf("i"), m = rowsOf("j");
  // For the columns i and j change places: the cost's transpose, summed over the rows' potential.
  const back = swap(expr);
  const turnedScore = call("add", call("mul", call("sub", at(names.F, "j"), back), name(names.rate)), at(names.p, "j"));
  const turnedEntry = swap(entry);
  return {
    n,
    m,
    maxCost: (absolute) => run("max", absolute ? call("abs", expr) : expr, cost.inputs),
    costs: () => Tensor.apply("pairMatrix", used(expr, cost.inputs), { formula: expr }).out,
    logSum: (side, other, epsilon) =>
      run("logsumexp", side === "rows" ? score : turnedScore, inputs(other, other, epsilon)),
    marginal: (side, f, g, epsilon) => run("sum", side === "rows" ? entry : turnedEntry, inputs(f, g, epsilon)),
    rowCost: (f, g, epsilon) => run("sum", call("mul", entry, expr), inputs(f, g, epsilon)),
    matrix: (f, g, epsilon) => Tensor.apply("pairMatrix", used(entry, inputs(f, g, epsilon)), { formula: entry }).out,
    plan: (f, g, epsilon) => pairwise(entry, inputs(f, g, epsilon)),
    weighted: (f, g, epsilon, factors) => {
      const all = inputs(f, g, epsilon);
      let product = entry;
      factors.forEach(([u, w], k) => {
        const row = id(factorName("u", k)), col = id(factorName("w", k));
        [all[row], all[col]] = [u, w];
        product = call("mul", call("add", at(row, "i"), at(col, "j")), product);
      });
      return run("sum", product, all);
    },
  };
}

/** How the formula may use each input: rows of numbers or vectors, or scalars. */
function signatureOf(inputs: Readonly<Record<string, TensorLike>>): Signature {
  const slots: Record<string, Signature[string]> = Object.create(null);
  for (const [id, v] of Object.entries(inputs)) {
    const shape = v instanceof Tensor ? v.shape : [];
    slots[id] = shape.length === 0 ? { kind: "plain" } : { kind: "row", length: shape[1] };
  }
  return slots;
}

function swap(expr: Expr): Expr {
  return substitute(
    expr,
    (leaf) => leaf.kind === "element" ? element(leaf.name, leaf.index === "i" ? "j" : "i", leaf.component) : undefined,
  );
}

/** A stored cost matrix `[n, m]`. */
export function matrixGeometry(C: Tensor): Geometry {
  const column = (t: Tensor) => t.reshape([t.shape[0], 1]);
  const over = (
    reduction: "sum" | "logsumexp" | "max",
    formula: string,
    f: Potential,
    g: Potential,
    epsilon: Epsilon,
    axis: number,
    more: Record<string, Tensor> = {},
  ) => {
    using F = column(f.coarse);
    using p = column(f.fine);
    return Tensor.reduce(reduction, formula, { C, F, p, G: g.coarse, q: g.fine, rate: rateOf(epsilon), ...more }, axis);
  };
  const entry = "exp(((F + G) - C) * rate + (p + q))";
  const matrix = (f: Potential, g: Potential, epsilon: Epsilon): Tensor => {
    using F = column(f.coarse);
    using p = column(f.fine);
    return Tensor.map(entry, { C, F, p, G: g.coarse, q: g.fine, rate: rateOf(epsilon) });
  };
  return {
    n: C.shape[0],
    m: C.shape[1],
    maxCost: (absolute) => Tensor.reduce("max", absolute ? "abs(C)" : "C", { C }, 1),
    costs: () => C.slice(null),
    logSum: (side, other, epsilon) => {
      const rate = rateOf(epsilon);
      if (side === "rows") {
        return Tensor.reduce("logsumexp", "(G - C) * rate + q", { C, G: other.coarse, q: other.fine, rate }, 1);
      }
      using F = column(other.coarse);
      using p = column(other.fine);
      return Tensor.reduce("logsumexp", "(F - C) * rate + p", { C, F, p, rate }, 0);
    },
    marginal: (side, f, g, epsilon) => over("sum", entry, f, g, epsilon, side === "rows" ? 1 : 0),
    rowCost: (f, g, epsilon) => over("sum", `${entry} * C`, f, g, epsilon, 1),
    matrix,
    plan: (f, g, epsilon) => dense(matrix(f, g, epsilon), { owns: true }),
    weighted: (f, g, epsilon, factors) => {
      const more: Record<string, Tensor> = {};
      let formula = entry;
      factors.forEach(([u, w], k) => {
        const row = factorName("u", k), col = factorName("w", k);
        [more[row], more[col]] = [column(u), w];
        formula = `(${row} + ${col}) * ${formula}`;
      });
      const sums = over("sum", formula, f, g, epsilon, 1, more);
      factors.forEach((_, k) => more[factorName("u", k)].dispose());
      return sums;
    },
  };
}
