import { type DType, promote } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import type { InputTypes } from "./define.ts";
import { type Plan, planFormula } from "./formula_kernel.ts";
import { resultType } from "./formulas.ts";
import type { MatmulParams } from "./matmul.ts";
import { type ArrayType, broadcastShapes, showShape } from "./value.ts";

/** Everything about the shapes and types of a product. */
export interface MatmulLayout {
  /** Broadcast leading axes. */
  readonly batch: readonly number[];
  /** Rows of the product. */
  readonly m: number;
  /** Columns of the product. */
  readonly n: number;
  /** Terms of each sum. */
  readonly k: number;
  /** Shape of the output, `[...batch, m, n]`. */
  readonly shape: readonly number[];
  /** What the sums are computed in. */
  readonly sum: Scalar;
  /** The checked epilogue, with `product` among its names. */
  readonly plan: Plan;
  /** True if the epilogue is the product itself. */
  readonly plain: boolean;
  /** Element type of the output. */
  readonly dtype: DType;
}

/** Name by which an epilogue reads the product. */
export const PRODUCT = "product";

/** Checks a call and describes it; throws a `TypeError` for wrong kinds and shapes. */
export function matmulLayout(inputs: InputTypes, params: MatmulParams): MatmulLayout {
  const a = matrix(inputs, "a"), b = matrix(inputs, "b");
  const { transposeA = false, transposeB = false } = params;
  const [m, k] = lastTwo(a.shape, transposeA), [inner, n] = lastTwo(b.shape, transposeB);
  if (k !== inner) {
    const show = (type: ArrayType, transposed: boolean) => `${showShape(type.shape)}${transposed ? " transposed" : ""}`;
    throw new TypeError(
      `Cannot multiply a ${show(a, transposeA)} by b ${show(b, transposeB)}: inner sizes ${k} and ${inner} differ`,
    );
  }
  const batch = broadcastShapes({ "the leading axes of a": a.shape.slice(0, -2), "those of b": b.shape.slice(0, -2) });
  const shape = [...batch, m, n];

  const own = promote(a.dtype, b.dtype), product = own === "bool" ? "i32" : own;
  const types: Record<string, ArrayType | null> = Object.create(null);
  types[PRODUCT] = { shape, dtype: product };
  for (const [name, type] of Object.entries(inputs)) {
    if (name === "a" || name === "b") continue;
    if (name === PRODUCT) {
      throw new TypeError(`Cannot call an input "${PRODUCT}": the epilogue reads the product by this name`);
    }
    if (type && broadcastShapes({ "the product": shape, [name]: type.shape }).join() !== shape.join()) {
      throw new TypeError(`Cannot broadcast ${name} ${showShape(type.shape)} to the product ${showShape(shape)}`);
    }
    types[name] = type;
  }
  const plan = planFormula(params.epilogue ?? PRODUCT, types);
  for (const name of Object.keys(types)) {
    if (name !== PRODUCT && !plan.names.includes(name)) {
      throw new TypeError(`Input "${name}" is not used: the epilogue reads ${plan.names.join(", ") || "no input"}`);
    }
  }
  return {
    batch,
    m,
    n,
    k,
    shape,
    sum: product === "f16" ? "f32" : product as Scalar,
    plan,
    plain: plan.expr.kind === "name" && plan.expr.name === PRODUCT,
    dtype: params.dtype ?? resultType(plan.scalar, plan.boolean, types, plan.names),
  };
}

function matrix(inputs: InputTypes, name: string): ArrayType {
  const type = inputs[name];
  const wanted = `Expected "${name}" to be a matrix [..., rows, columns]`;
  if (type === undefined) throw new TypeError(`${wanted}, got nothing`);
  if (type === null) throw new TypeError(`${wanted}, got a number`);
  if (type.shape.length < 2) throw new TypeError(`${wanted}, got shape ${showShape(type.shape)}`);
  return type;
}

function lastTwo(shape: readonly number[], transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}
