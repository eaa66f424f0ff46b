import { call, constant, element, type Expr, name, print, substitute } from "../../formula/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";
import { STORED_AT_MOST } from "./sinkhorn_form.ts";

/** A cost operator as Sinkhorn reads it: a formula over rows that streams, or a matrix. */
export interface OperatorCost {
  readonly prepared?: PreparedCost;
  readonly matrix?: Tensor;
  /** A tensor of its device and type: the matrix, or rows of the formula. */
  readonly like: Tensor;
  /** Tensors made here. */
  readonly owned: readonly Tensor[];
}

/**
 * Reads a cost operator. Those of low rank and pairwise formulas stream with memory O(n + m), and so do their multiples, transposes and sums;
 * others are stored, if they have up to 16 million entries.
 */
export function readCostOperator(cost: LinearOperator): OperatorCost {
  const { shape: [n, m], dtype, structure } = cost, owned: Tensor[] = [];
  if (dtype !== "f32" && dtype !== "f64") throw new TypeError(`Expected a cost in f32 or f64, got ${dtype}`);
  if (structure.kind === "dense") return { matrix: structure.matrix, like: structure.matrix, owned };
  const inputs: Record<string, TensorLike> = {}, formula = streamed(cost, inputs, owned);
  const rows = Object.values(inputs).find((v) => v instanceof Tensor && v.rank > 0);
  if (formula && rows instanceof Tensor) {
    return { prepared: { formula: print(formula), inputs, owned }, like: rows, owned };
  }
  if (n * m > STORED_AT_MOST) {
    throw new TypeError(
      `Cannot take an operator [${n}, ${m}] of the structure "${structure.kind}" as a cost: ${
        n * m
      } costs would have to be stored, ` +
        `allowed are ${STORED_AT_MOST}. What streams is operators.lowRank and operators.pairwise, and their multiples, transposes and sums`,
    );
  }
  const matrix = cost.toDense();
  return { matrix, like: matrix, owned: [...owned, matrix] };
}

/** The formula of an operator's entries, with its inputs under names of their own; undefined if there is none. */
function streamed(cost: LinearOperator, inputs: Record<string, TensorLike>, owned: Tensor[]): Expr | undefined {
  const { structure } = cost;
  const add = (value: TensorLike): string => {
    const id = `c${Object.keys(inputs).length}`;
    inputs[id] = value;
    return id;
  };
  switch (structure.kind) {
    case "lowRank":
      if (structure.u.shape[1] === 0) return undefined;
      return call("dot", element(add(structure.u), "i"), element(add(structure.v), "j"));
    case "pairwise": {
      const names: Record<string, string> = {};
      for (const [id, value] of Object.entries(structure.inputs)) names[id] = add(value);
      return substitute(structure.formula, (leaf) => {
        if (leaf.kind === "name") return Object.hasOwn(names, leaf.name) ? name(names[leaf.name]) : undefined;
        return leaf.kind === "element" ? element(names[leaf.name], leaf.index, leaf.component) : undefined;
      });
    }
    case "scaled": {
      const inner = streamed(structure.of, inputs, owned), { factor } = structure;
      if (!inner) return undefined;
      if (typeof factor === "number") return call("mul", constant(factor), inner);
      const scalar = factor.reshape([]);
      owned.push(scalar);
      return call("mul", name(add(scalar)), inner);
    }
    case "transposed": {
      const inner = streamed(structure.of, inputs, owned);
      return inner && substitute(
        inner,
        (leaf) =>
          leaf.kind === "element" ? element(leaf.name, leaf.index === "i" ? "j" : "i", leaf.component) : undefined,
      );
    }
    case "sum": {
      let total: Expr | undefined;
      for (const term of structure.terms) {
        const next = streamed(term, inputs, owned);
        if (!next) return undefined;
        total = total ? call("add", total, next) : next;
      }
      return total;
    }
  }
}
