import type { HostArgument } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import {
  f32,
  f32x4,
  f64,
  f64x2,
  type FunctionBuilder,
  i32,
  i32x4,
  type Section,
  type V,
  type Value,
  wasmEmitter,
  type WasmFormula,
} from "../formula/wasm/mod.ts";
import { type Plan, plansKey } from "./formula_kernel.ts";
import { plainSignature } from "./formulas.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { Operand, Value as ArrayValue } from "./value.ts";

/** The inputs of WebAssembly kernels of elementwise formulas: arrays have addresses `x0…`, numbers are `c0…` and, wrapped, `j0…`. */
export interface WasmInputs {
  /** The arrays that the formulas read. */
  readonly arrays: readonly { readonly name: string; readonly value: ArrayValue }[];
  /** Names of the numbers that they read. */
  readonly numbers: readonly string[];
  /** Addresses and numbers. */
  readonly args: Record<string, HostArgument>;
  /** Identifies formulas, names and element types. */
  readonly key: string;
}

/** Sorts the inputs that the plans use into arrays and numbers. */
export function wasmInputs(inputs: Readonly<Record<string, Operand>>, plans: readonly Plan[]): WasmInputs {
  const used = new Set(plans.flatMap((q) => q.names));
  const arrays: { name: string; value: ArrayValue }[] = [], numbers: string[] = [];
  const args: Record<string, HostArgument> = {};
  for (const [name, value] of Object.entries(inputs)) {
    if (!used.has(name)) continue;
    if (typeof value === "number") {
      args[`c${numbers.length}`] = { f64: value };
      args[`j${numbers.length}`] = { i32: value };
      numbers.push(name);
    } else {
      args[`x${arrays.length}`] = addressOf(value);
      arrays.push({ name, value });
    }
  }
  const shown = arrays.map((a) => `${a.name} ${a.value.dtype}`);
  return { arrays, numbers, args, key: `${plansKey(plans)}|${shown}|${numbers}` };
}

/** Arguments of a kernel, read where the function begins. */
export class Arguments {
  readonly #fn: FunctionBuilder;
  readonly #base: Value<"i32">;
  readonly #target: HostTarget;

  /** `base` is the address of the argument block. */
  constructor(fn: FunctionBuilder, base: Value<"i32">, target: HostTarget) {
    this.#fn = fn;
    this.#base = base;
    this.#target = target;
  }

  /** An address or a size. */
  i32(name: string): Value<"i32"> {
    return this.#fn.once(`argument ${name}`, () => i32.load(this.#base, this.#target.at(name)));
  }

  /** A number of the formulas in all lanes. */
  number(k: number, scalar: Scalar): V {
    return this.#fn.once(`number ${k} ${scalar}`, () => {
      if (scalar === "i32" || scalar === "u32") return i32x4.splat(i32.load(this.#base, this.#target.at(`j${k}`)));
      const value = f64.load(this.#base, this.#target.at(`c${k}`));
      return scalar === "f64" ? f64x2.splat(value) : f32x4.splat(f32.demote(value));
    });
  }
}

/**
 * Writes the formulas of some plans where the function stands; `element` reads array `k` as lanes of a scalar type. What depends on
 * the names in `fixed` alone is computed at `section`.
 */
export function writeFormulas(
  fn: FunctionBuilder,
  plans: readonly Plan[],
  inputs: WasmInputs,
  args: Arguments,
  element: (k: number, scalar: Scalar) => V,
  hoist?: { readonly section: Section; readonly leaves: ReadonlySet<string> },
): WasmFormula[] {
  const emitters = new Map<Scalar, ReturnType<typeof wasmEmitter>>();
  return plans.map(({ expr, scalar, names }) => {
    let emit = emitters.get(scalar);
    if (!emit) {
      const name = (name: string): V => {
        const c = inputs.numbers.indexOf(name);
        return c >= 0 ? args.number(c, scalar) : element(inputs.arrays.findIndex((a) => a.name === name), scalar);
      };
      const target = {
        name,
        element: (name: string): V => {
          throw new TypeError(`Cannot index "${name}" in an elementwise formula`);
        },
      };
      const every = plans.filter((p) => p.scalar === scalar).flatMap((p) => p.names);
      emit = wasmEmitter(target, { fn, scalar, signature: plainSignature([...every, ...names]), hoist });
      emitters.set(scalar, emit);
    }
    return emit(expr);
  });
}

/** Adds to each of the byte offsets where an operand is at the flat index `index` over axes of these sizes. */
export function writeOffsets(
  fn: FunctionBuilder,
  index: Value<"i32">,
  sizes: readonly Value<"i32">[],
  strides: readonly (readonly Value<"i32">[])[],
  bases: readonly Value<"i32">[],
): Value<"i32">[] {
  const at = bases.map((base) => fn.variable(base));
  if (sizes.length === 0) return at;
  const rest = fn.variable(index);
  for (let k = sizes.length - 1; k >= 0; k--) {
    const coordinate = fn.let(k > 0 ? i32.remU(rest, sizes[k]) : rest);
    at.forEach((variable, q) => fn.set(variable, i32.add(variable, i32.mul(coordinate, strides[q][k]))));
    if (k > 0) fn.set(rest, i32.divU(rest, sizes[k]));
  }
  return at;
}
