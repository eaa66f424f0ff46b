import { call, element, type Expr, leaves, parse, size, substitute } from "../formula/mod.ts";
import { Tensor, type TensorLike } from "../tensor/mod.ts";
import { opNamed } from "../ops/registry.ts";
import { numberType } from "../ops/value.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { ownership } from "./hold.ts";
import { linearOperator } from "./make_operator.ts";

/**
 * The matrix `A[i, j] = F(x[i], y[j], …)` of a formula over rows, never stored: products stream over the pairs.
 *
 * @param formula Formula over `x[i]`, `y[j]` and plain scalars, as text or tree; at least one input at each index.
 * @param inputs Tensors `[n]`, `[n, d]` (rows) or scalars by name. The operator borrows them.
 * @param options Flags of the operator: a kernel that is known to be positive definite, for instance.
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
export function pairwise(
  formula: string | Expr,
  inputs: Readonly<Record<string, TensorLike>>,
  options: OperatorOptions = {},
): LinearOperator {
  const expr = typeof formula === "string" ? parse(formula) : formula;
  const rows = (index: "i" | "j"): number => {
    const found = leaves(expr).elements.find((e) => e.index === index);
    const input = found && inputs[found.name];
    if (!(input instanceof Tensor)) throw new TypeError(`Expected the formula to use a tensor at [${index}]`);
    return input.shape[0];
  };
  const shape = [rows("i"), rows("j")] as const;
  const tensors = Object.values(inputs).filter((v) => v instanceof Tensor);
  const { device } = tensors[0];
  const types = Object.fromEntries(
    Object.entries(inputs).map(([id, v]) => [id, v instanceof Tensor ? v : numberType(Number(v))]),
  );
  const { dtype } = opNamed("pairMatrix").contract(types, { formula: expr }).out;
  const product = (entries: Expr) => (v: Tensor): Tensor => {
    const id = fresh("v", inputs);
    const formula = call("mul", entries, element(id, "j"));
    return Tensor.apply("pairwise", { ...inputs, [id]: v }, { reduction: "sum", formula }, device).out;
  };
  const apply = product(expr), turned = swapped(expr), applyTransposed = product(turned);
  /** The one row `at` as the rows of a problem of its own: an input that is used at both indices goes by two names. */
  const line = (entries: Expr, at: number, length: number): Tensor => {
    const one: Record<string, TensorLike> = { ...inputs };
    const cut: Tensor[] = [];
    const single = substitute(entries, (leaf) => {
      if (leaf.kind !== "element" || leaf.index !== "i") return undefined;
      const id = `${leaf.name}_row`;
      if (!(id in one)) {
        const part = (inputs[leaf.name] as Tensor).slice([at, at + 1]);
        cut.push(part);
        one[id] = part;
      }
      return element(id, "i", leaf.component);
    });
    const used = new Set([...leaves(single).names, ...leaves(single).elements.map((e) => e.name)]);
    const kept = Object.fromEntries(Object.entries(one).filter(([id]) => used.has(id)));
    using whole = Tensor.apply("pairMatrix", kept, { formula: single }, device).out;
    for (const part of cut) part.dispose();
    return whole.reshape([length]);
  };
  const [n, m] = shape;
  return linearOperator({
    shape,
    device,
    dtype,
    flops: n * m * (size(expr) + 1),
    apply,
    applyTransposed,
    applyVector: apply,
    applyTransposedVector: applyTransposed,
    row: (i) => line(expr, i, m),
    column: (j) => line(turned, j, n),
    toDense: () => Tensor.apply("pairMatrix", inputs, { formula: expr }, device).out,
    flags: options.flags,
    structure: { kind: "pairwise", formula: expr, inputs },
    ...ownership(tensors, options.owns),
  });
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
