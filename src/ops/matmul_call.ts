import type { KernelCall } from "./define.ts";
import { formulaFunction, formulaInputs, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { type Indexing, indexing } from "./indexing.ts";
import { type KernelText, storedType, type Uniform } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { type MatmulLayout, matmulLayout, PRODUCT } from "./matmul_layout.ts";
import { typesOf } from "./types_of.ts";
import { broadcastStrides, denseStrides, sizeOf, type Value } from "./value.ts";

/** One operand as the kernels see it: a stack of matrices `[outer, inner]` whose rows are multiplied along `inner`. */
export interface Factor {
  /** Name of the binding. */
  readonly name: "a" | "b";
  /** Memory and dtype. */
  readonly value: Value;
  /** m for `a`, n for `b`. */
  readonly outer: number;
  /** Elements between neighbours along the outer axis. */
  readonly outerStride: number;
  /** Elements between neighbours along the inner axis, which has k elements. */
  readonly innerStride: number;
  /** Strides along the broadcast leading axes. */
  readonly batchStrides: readonly number[];
}

/** A call of `matmul`, prepared for its kernels. */
export interface MatmulCall {
  /** Shapes and types. */
  readonly layout: MatmulLayout;
  /** Number of products. */
  readonly batches: number;
  /** Left operand, `[m, k]`. */
  readonly a: Factor;
  /** Right operand, read as `[n, k]`. */
  readonly b: Factor;
  /** What follows the product. */
  readonly epilogue: Epilogue;
}

/** How kernels finish and store elements of the product. */
export interface Epilogue {
  /** Bindings of the further inputs. */
  readonly read: Record<string, Value>;
  /** Their offsets and strides, and the values of plain numbers. */
  readonly uniforms: Record<string, Uniform>;
  /** Identifies the text. */
  readonly key: string;
  /** Strides of the further inputs along the leading axes. */
  readonly batchStrides: readonly (readonly number[])[];
  /** Functions that `value` calls. */
  readonly declarations: () => string;
  /**
   * WGSL expression of the element to store, from expressions of the product (of the sum's type) and its row and column; `offset(k)`
   * is the offset of further input `k` along the leading axes.
   */
  readonly value: (product: string, row: string, column: string, offset: (k: number) => string) => string;
}

/** Prepares a call. */
export function matmulCall(call: KernelCall<MatmulParams>): MatmulCall {
  const { transposeA = false, transposeB = false } = call.params;
  const layout = matmulLayout(typesOf(call.inputs), call.params);
  const factor = (name: "a" | "b", outer: number, outerAxis: 1 | 2): Factor => {
    const value = call.inputs[name] as Value, rank = value.shape.length;
    const leading = { ...value, shape: value.shape.slice(0, -2), strides: value.strides.slice(0, -2) };
    return {
      name,
      value,
      outer,
      outerStride: value.strides[rank - outerAxis],
      innerStride: value.strides[rank - (3 - outerAxis)],
      batchStrides: broadcastStrides(leading, layout.batch),
    };
  };
  return {
    layout,
    batches: sizeOf(layout.batch),
    a: factor("a", layout.m, transposeA ? 1 : 2),
    b: factor("b", layout.n, transposeB ? 2 : 1),
    epilogue: epilogueOf(call, layout),
  };
}

function epilogueOf(call: KernelCall<MatmulParams>, layout: MatmulLayout): Epilogue {
  const { plan, plain, sum, shape, batch } = layout, { out } = call.outputs;
  // The product takes part as an input that is read from a register.
  const inputs: Record<string, Value | number> = Object.create(null);
  for (const [name, value] of Object.entries(call.inputs)) if (name !== "a" && name !== "b") inputs[name] = value;
  inputs[PRODUCT] = { ...out, dtype: sum };
  const { arrays, read, uniforms, key, apply } = formulaInputs(inputs, [plan]);
  const isProduct = (k: number) => arrays[k].name === PRODUCT;
  const extras = [...arrays.keys()].filter((k) => !isProduct(k));
  const strides = arrays.map((x) => broadcastStrides(x.value, shape));
  const own: Record<string, Uniform> = { ...uniforms };
  const bound: Record<string, Value> = {};
  extras.forEach((k) => {
    own[`r${k}`] = strides[k][batch.length];
    own[`c${k}_`] = strides[k][batch.length + 1];
    bound[`x${k}`] = read[`x${k}`];
  });
  return {
    read: bound,
    uniforms: own,
    key: `${plansKey([plan])}|${key}`,
    batchStrides: extras.map((k) => strides[k].slice(0, batch.length)),
    declarations: () => {
      if (plain) return "";
      const helpers = new Map<string, string>();
      const finish = (v: string, boolean: boolean) => storeAs(out.dtype, plan.scalar, boolean, v);
      const text = formulaFunction("epilogue", plan, storedType(out.dtype), finish, helpers);
      return [...helpers.values(), text].join("\n");
    },
    value: (product, row, column, offset) => {
      if (plain) return storeAs(out.dtype, sum, false, product);
      return apply("epilogue", plan, (k) =>
        isProduct(k)
          ? product
          : `x${k}[p.o${k} + ${offset(extras.indexOf(k))} + (${row}) * p.r${k} + (${column}) * p.c${k}_]`);
    },
  };
}

/** Indexing along the leading axes: operands 0 and 1 are the factors, the following ones the epilogue's inputs. */
export function batchIndexing(
  { layout, a, b, epilogue }: MatmulCall,
  strides: readonly [readonly number[], readonly number[]] = [a.batchStrides, b.batchStrides],
): Indexing {
  return indexing("l", layout.batch, [...strides, ...epilogue.batchStrides]);
}

/** How many terms one invocation may sum with `perIteration` of them in each loop iteration. */
export function longestSum(call: KernelCall<MatmulParams>, perIteration: number): number {
  // Some software adapters stop after 65,535 iterations without a word; half of that leaves room for loops within loops.
  return call.info.probes.longLoops ? Infinity : 32_768 * perIteration;
}

/** Where the partial sums of a product go whose k is split into parts, and how they become the output. */
export interface Parts {
  /** Number of parts. */
  readonly count: number;
  /** Terms in each part but the last, a multiple of the step asked for. */
  readonly length: number;
  /** Output binding of the kernel. */
  readonly write: Record<string, Value>;
  /** Records the addition of the parts and the epilogue; nothing if there is one part. */
  readonly join: () => void;
}

/** Splits k into `wanted` parts or as many as loops need; parts are multiples of `step`. */
export function splitSum(call: KernelCall<MatmulParams>, product: MatmulCall, wanted: number, step: number, longest: number): Parts {
  const { layout, epilogue } = product, { out } = call.outputs;
  const least = Math.ceil(layout.k / longest);
  const length = Math.max(step, Math.ceil(Math.ceil(layout.k / Math.max(1, least, wanted)) / step) * step);
  const count = Math.max(1, Math.ceil(layout.k / length));
  if (count === 1) return { count, length, write: { out }, join: () => {} };
  const total = sizeOf(layout.shape);
  const sums = call.temporary({ shape: [count * total], dtype: layout.sum });
  const join = () => {
    const index = indexing("l", layout.batch, epilogue.batchStrides, [denseStrides(layout.batch)]);
    call.launch({
      key: `join|${epilogue.key}|${index.key}`,
      read: { sums, ...epilogue.read },
      write: { out },
      uniforms: { total, parts: count, m: layout.m, n: layout.n, ...index.uniforms, ...epilogue.uniforms },
      workgroupSize: 64,
      workgroups: Math.ceil(total / 64),
      declarations: epilogue.declarations,
      body: () =>
        [
          "if (id >= p.total) { return; }",
          `var sum = ${layout.sum}(0);`,
          "for (var part = 0u; part < p.parts; part++) { sum += sums[part * p.total + id]; }",
          "let row = id / p.n;",
          ...index.lines("row / p.m"),
          `out[id] = ${epilogue.value("sum", "row % p.m", "id - row * p.n", index.offset)};`,
        ].join("\n"),
    });
  };
  return { count, length, write: { out: sums }, join };
}

/** Records a launch over tiles of each product: `workgroup.x` and `.y` are the tile, `p.first + workgroup.z` the product and part. */
export function launchTiles(
  call: KernelCall<MatmulParams>,
  text: Omit<KernelText, "workgroups">,
  columns: number,
  rows: number,
  count: number,
): void {
  const limit = call.info.limits.workgroups;
  for (let first = 0; first < count; first += limit) {
    call.launch({
      ...text,
      uniforms: { ...text.uniforms, first },
      workgroups: [columns, rows, Math.min(limit, count - first)],
    });
  }
}
