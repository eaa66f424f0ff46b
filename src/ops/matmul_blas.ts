import type { Blas, FloatArray } from "../device/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import type { Factor } from "./matmul_factor.ts";
import { nativeProduct, sumsOf } from "./matmul_native.ts";
import { matmulLayout } from "./matmul_layout.ts";
import { typesOf } from "./types_of.ts";

/** Multiplications of one product below which calling the library costs more than it saves. */
const SMALL = 32 ** 3;

/** The product by the system's BLAS, on the memory where the matrices are. */
export const matmulBlas: readonly NativeVariant<MatmulParams>[] = [{
  name: "blas",
  when: (call) => {
    const { layout: { k, sum }, a, b } = nativeProduct(call);
    return (sum === "f32" || sum === "f64") && a.value.dtype === sum && b.value.dtype === sum && k > 0 &&
      library(call) !== undefined;
  },
  rank: (call) => {
    const { m, n, k } = nativeProduct(call).layout;
    if (m * n * k < SMALL) return -1;
    return library(call)!.tuned ? 5 : 0;
  },
  record: (call) => {
    const sums = sumsOf(call, matmulLayout(typesOf(call.inputs), call.params));
    const { layout: { m, n, k, sum, batch }, batches, a, b } = nativeProduct(readable(call));
    const memory = (storage: typeof sums.value.storage) => storage.view(sum) as FloatArray;
    const left = memory(a.value.storage), right = memory(b.value.storage), out = memory(sums.value.storage);
    const readA = stored(m, a.outerStride, k, a.innerStride)!, readB = stored(k, b.innerStride, n, b.outerStride)!;
    const blas = library(call)!;
    sums.value.device.runHost("matmul/blas", () => {
      const index = new Array<number>(batch.length).fill(0);
      let atA = a.value.offset, atB = b.value.offset;
      for (let q = 0; q < batches; q++) {
        blas.gemm({
          m,
          n,
          k,
          a: left.subarray(atA),
          lda: readA.step,
          transposeA: readA.transposed,
          b: right.subarray(atB),
          ldb: readB.step,
          transposeB: readB.transposed,
          c: out.subarray(q * m * n, (q + 1) * m * n),
        });
        for (let axis = batch.length - 1; axis >= 0; axis--) {
          atA += a.batchStrides[axis];
          atB += b.batchStrides[axis];
          if (++index[axis] < batch[axis]) break;
          atA -= a.batchStrides[axis] * batch[axis];
          atB -= b.batchStrides[axis] * batch[axis];
          index[axis] = 0;
        }
      }
    });
    sums.finish();
  },
}];

function library(call: HostCall<MatmulParams>): Blas | undefined {
  return call.outputs.out.device.libraries.blas;
}

/** How BLAS reads a matrix with these sizes and strides: by rows or by columns, so many elements apart; undefined if it cannot. */
function stored(
  rows: number,
  rowStride: number,
  columns: number,
  columnStride: number,
): { step: number; transposed: boolean } | undefined {
  const follow = (stride: number, size: number) => stride === 1 || size === 1;
  if (follow(columnStride, columns) && (rowStride >= columns || rows === 1)) {
    return { step: Math.max(rowStride, columns), transposed: false };
  }
  if (follow(rowStride, rows) && (columnStride >= rows || columns === 1)) {
    return { step: Math.max(columnStride, rows), transposed: true };
  }
  return undefined;
}

/** The call with dense copies of factors that BLAS cannot read. */
function readable(call: HostCall<MatmulParams>): HostCall<MatmulParams> {
  const { layout: { k }, a, b } = nativeProduct(call);
  const ready = ({ value, outer, outerStride, innerStride }: Factor) =>
    stored(outer, outerStride, k, innerStride) ? value : call.dense(value);
  return { ...call, inputs: { ...call.inputs, a: ready(a), b: ready(b) } };
}
