import type { Scalar } from "../formula/mod.ts";
import type { KernelCall } from "./define.ts";
import { formulaFunction, formulaInputs, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { storedType, type Uniform } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { type MatmulLayout, PRODUCT } from "./matmul_layout.ts";
import { broadcastStrides, type Value } from "./value.ts";

/** How kernels finish and store elements of the product. */
export interface Epilogue {
  /** True if the product is stored as it is. */
  readonly plain: boolean;
  /** WGSL type in which elements are stored. */
  readonly stored: string;
  /** Bindings of the further inputs. */
  readonly read: Record<string, Value>;
  /** Their offsets and strides, and the values of plain numbers. */
  readonly uniforms: Record<string, Uniform>;
  /** Identifies the text. */
  readonly key: string;
  /** Strides of the further inputs along the leading axes. */
  readonly batchStrides: readonly (readonly number[])[];
  /** Strides of the further inputs along the rows. */
  readonly rowStrides: readonly number[];
  /** Functions that `value` calls. */
  readonly declarations: () => string;
  /**
   * WGSL expression of the element to store, from expressions of the product (of the sum's type) and its row and
   * column; `offset(k)` is the offset of further input `k` along the leading axes.
   */
  readonly value: (product: string, row: string, column: string, offset: (k: number) => string) => string;
}

/** The epilogue of a call. */
export function epilogueOf(call: KernelCall<MatmulParams>, layout: MatmulLayout): Epilogue {
  const { plan, plain, sum, shape, batch } = layout, { out } = call.outputs;
  // The product takes part as an input that is read from a register.
  const inputs: Record<string, Value | number> = Object.create(null);
  for (const [name, value] of Object.entries(call.inputs)) if (name !== "a" && name !== "b") inputs[name] = value;
  inputs[PRODUCT] = { ...out, dtype: sum };
  const { arrays, read, uniforms, key, apply } = formulaInputs(inputs, [plan]);
  const isProduct = (k: number) => arrays[k].name === PRODUCT;
  const extras = [...arrays.keys()].filter((k) => !isProduct(k));
  const strides = arrays.map((x) => broadcastStrides(x.value, shape));
  const own: Record<string, Uniform> = { ...uniforms }, bound: Record<string, Value> = {};
  extras.forEach((k) => {
    own[`r${k}`] = strides[k][batch.length];
    own[`s${k}`] = strides[k][batch.length + 1];
    bound[`x${k}`] = read[`x${k}`];
  });
  return {
    plain,
    stored: storedType(out.dtype),
    read: bound,
    uniforms: own,
    key: `${plansKey([plan])}|${key}`,
    batchStrides: extras.map((k) => strides[k].slice(0, batch.length)),
    rowStrides: extras.map((k) => strides[k][batch.length]),
    declarations: () => {
      if (plain) return "";
      const helpers = new Map<string, string>();
      const finish = (v: string, boolean: boolean) => storeAs(out.dtype, plan.scalar, boolean, v);
      const text = formulaFunction("epilogue", plan, storedType(out.dtype), finish, helpers);
      return [...helpers.values(), text].join("\n");
    },
    value: (product, row, column, offset) => {
      if (plain) return storeAs(out.dtype, sum, false, product);
      return apply(
        "epilogue",
        plan,
        (k) =>
          isProduct(k)
            ? product
            : `x${k}[p.o${k} + ${offset(extras.indexOf(k))} + (${row}) * p.r${k} + (${column}) * p.s${k}]`,
      );
    },
  };
}

/** Stores sums as they are, to be joined later. */
export function sumsOnly(sum: Scalar): Epilogue {
  return {
    plain: true,
    stored: sum,
    read: {},
    uniforms: {},
    key: "sums",
    batchStrides: [],
    rowStrides: [],
    declarations: () => "",
    value: (product) => product,
  };
}

/**
 * Lines that store the four neighbours `vector` of a row from `column` on (a multiple of 4) at `base + row * n +
 * column` of the output; columns from n on are left out. `whole` says that n is a multiple of 4 and the output is bound
 * as vectors of four.
 */
export function storeFour(
  epilogue: Epilogue,
  whole: boolean,
  vector: string,
  row: string,
  column: string,
  offset: (k: number) => string,
): string[] {
  const value = (q: number) => epilogue.value(`${vector}.${"xyzw"[q]}`, row, `${column} + ${q}u`, offset);
  const at = `base + (${row}) * p.n + ${column}`;
  if (!whole) {
    return [0, 1, 2, 3].map((q) => `if (${column} + ${q}u < p.n) { out[${at} + ${q}u] = ${value(q)}; }`);
  }
  const four = epilogue.plain && epilogue.stored !== "u32" ? vector : [0, 1, 2, 3].map(value).join(", ");
  return [`if (${column} < p.n) { out[(${at}) >> 2u] = vec4<${epilogue.stored}>(${four}); }`];
}
