import type { KernelCall } from "./define.ts";
import { type Indexing, indexing } from "./indexing.ts";
import type { KernelText } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { type Epilogue, epilogueOf } from "./matmul_epilogue.ts";
import { type Factor, factorsOf } from "./matmul_factor.ts";
import { type MatmulLayout, matmulLayout } from "./matmul_layout.ts";
import { typesOf } from "./types_of.ts";
import { sizeOf } from "./value.ts";

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
  const layout = matmulLayout(typesOf(call.inputs), call.params);
  return foldRows({
    layout,
    batches: sizeOf(layout.batch),
    ...factorsOf(call, layout),
    epilogue: epilogueOf(call, layout),
  });
}

/**
 * Makes one tall product of many that share their right factor, where the rows of the left ones follow each other in
 * memory.
 */
export function foldRows(call: MatmulCall): MatmulCall {
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
