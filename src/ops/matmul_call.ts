import type { KernelCall } from "./define.ts";
import { type Indexing, indexing } from "./indexing.ts";
import type { KernelText } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { type Epilogue, epilogueOf } from "./matmul_epilogue.ts";
import { type MatmulLayout, matmulLayout } from "./matmul_layout.ts";
import { typesOf } from "./types_of.ts";
import { broadcastStrides, sizeOf, type Value } from "./value.ts";

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

// Every variant asks before one is chosen: the answer is the same for all.
const prepared = new WeakMap<KernelCall<MatmulParams>, MatmulCall>();

/** Prepares a call. */
export function matmulCall(call: KernelCall<MatmulParams>): MatmulCall {
  let found = prepared.get(call);
  if (!found) prepared.set(call, found = prepare(call));
  return found;
}

function prepare(call: KernelCall<MatmulParams>): MatmulCall {
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
  return foldRows({
    layout,
    batches: sizeOf(layout.batch),
    a: factor("a", layout.m, transposeA ? 1 : 2),
    b: factor("b", layout.n, transposeB ? 2 : 1),
    epilogue: epilogueOf(call, layout),
  });
}

/**
 * Makes one tall product of many that share their right factor, where the rows of the left ones follow each other in
 * memory.
 */
function foldRows(call: MatmulCall): MatmulCall {
  const { layout, a, b, epilogue } = call, { batch, m, n } = layout;
  const axis = batch.length - 1, count = batch[axis];
  if (axis < 0) return call;
  const follows = (strides: readonly number[], rowStride: number) => count === 1 || strides[axis] === m * rowStride;
  const extrasFollow = epilogue.batchStrides.every((strides, k) => follows(strides, epilogue.rowStrides[k]));
  if (!follows(b.batchStrides, 0) || !follows(a.batchStrides, a.outerStride) || !extrasFollow) return call;
  const less = (strides: readonly number[]) => strides.slice(0, axis);
  return foldRows({
    layout: { ...layout, batch: less(batch), m: count * m, shape: [...less(batch), count * m, n] },
    batches: call.batches / count,
    a: { ...a, outer: count * m, batchStrides: less(a.batchStrides) },
    b: { ...b, batchStrides: less(b.batchStrides) },
    epilogue: { ...epilogue, batchStrides: epilogue.batchStrides.map(less) },
  });
}

/**
 * Indexing along the leading axes: operands 0 and 1 are the factors (or what stands for them), the others the
 * epilogue's inputs.
 */
export function batchIndexing(
  { layout, a, b }: MatmulCall,
  epilogue: Epilogue,
  strides: readonly (readonly number[])[] = [a.batchStrides, b.batchStrides],
): Indexing {
  return indexing("l", layout.batch, [...strides, ...epilogue.batchStrides]);
}

/**
 * Records a launch over tiles of each of `count` matrices: `workgroup.x` and `.y` are the column and row of the tile,
 * `p.first + workgroup.z` is the matrix.
 */
export function launchTiles(
  call: KernelCall<MatmulParams>,
  [columns, rows, count]: readonly [number, number, number],
  text: Omit<KernelText, "workgroups">,
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
