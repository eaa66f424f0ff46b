import { call, element, type Expr, leaves, parse, substitute } from "../formula/mod.ts";
import { Tensor, type TensorLike } from "../tensor/mod.ts";
import { type LinearOperator, requireDense, requireProduct, requireRow } from "./linear_operator.ts";

/**
 * The matrix `A[i, j] = F(x[i], y[j], …)` of a formula over rows, never stored: products stream over the pairs.
 *
 * @param formula Formula over `x[i]`, `y[j]` and plain scalars, as text or tree; at least one input at each index.
 * @param inputs Tensors `[n]`, `[n, d]` (rows) or scalars by name. The operator does not own them.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0, 0], [1, 0], [0, 2]]);
 * const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]))", { x });
 * const smoothed = await kernel.apply(gpu.tensor([1, 0, 0])).array();
 * ```
 */
export function pairwise(formula: string | Expr, inputs: Readonly<Record<string, TensorLike>>): LinearOperator {
  const expr = typeof formula === "string" ? parse(formula) : formula;
  const rows = (index: "i" | "j"): number => {
    const found = leaves(expr).elements.find((e) => e.index === index);
    const input = found && inputs[found.name];
    if (!(input instanceof Tensor)) throw new TypeError(`Expected the formula to use a tensor at [${index}]`);
    return input.shape[0];
  };
  const shape = [rows("i"), rows("j")] as const;
  const first = Object.values(inputs).find((v) => v instanceof Tensor) as Tensor;
  const device = first.device;
  const product = (entries: Expr, v: Tensor, kept: Readonly<Record<string, TensorLike>>): Tensor => {
    const id = fresh("v", kept);
    const formula = call("mul", entries, element(id, "j"));
    return Tensor.apply("pairwise", { ...kept, [id]: v }, { reduction: "sum", formula }, device).out;
  };
  return {
    shape,
    device,
    apply(v) {
      requireProduct(shape, v, false);
      return product(expr, v, inputs);
    },
    applyTransposed(u) {
      requireProduct(shape, u, true);
      return product(swapped(expr), u, inputs);
    },
    row(i) {
      requireRow(shape, i);
      // The one row i as the rows of a problem of its own: an input that is used at both indices goes by two names.
      const one: Record<string, TensorLike> = { ...inputs };
      const cut: Tensor[] = [];
      const single = substitute(expr, (leaf) => {
        if (leaf.kind !== "element" || leaf.index !== "i") return undefined;
        const id = `${leaf.name}_row`;
        if (!(id in one)) {
          const part = (inputs[leaf.name] as Tensor).slice([i, i + 1]);
          cut.push(part);
          one[id] = part;
        }
        return element(id, "i", leaf.component);
      });
      const used = new Set([...leaves(single).names, ...leaves(single).elements.map((e) => e.name)]);
      const kept = Object.fromEntries(Object.entries(one).filter(([id]) => used.has(id)));
      using whole = Tensor.apply("pairMatrix", kept, { formula: single }, device).out;
      for (const part of cut) part.dispose();
      return whole.reshape([shape[1]]);
    },
    toDense(options = {}) {
      requireDense(shape, device, options.maxBytes);
      return Tensor.apply("pairMatrix", inputs, { formula: expr }, device).out;
    },
  };
}

function swapped(expr: Expr): Expr {
  return substitute(
    expr,
    (leaf) => leaf.kind === "element" ? element(leaf.name, leaf.index === "i" ? "j" : "i", leaf.component) : undefined,
  );
}

function fresh(name: string, taken: object): string {
  while (Object.hasOwn(taken, name)) name += "_";
  return name;
}
