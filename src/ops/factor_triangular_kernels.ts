import type { KernelCall, KernelVariant } from "./define.ts";
import type { Block, Stack } from "./factor_block.ts";
import { checkResult, copyChecked, finiteText, NOT_FINITE, resetInfo, settle } from "./factor_passes.ts";
import type { FactorScalar } from "./factor_passes.ts";
import { recordSolve } from "./factor_solve.ts";
import type { TriangularSolveParams } from "./factor_triangular.ts";
import { indexing } from "./indexing.ts";
import { broadcastStrides, sizeOf, type Value } from "./value.ts";

/** Ways to solve: for software adapters and for graphics processors. */
export const triangularKernels: readonly KernelVariant<TriangularSolveParams>[] = [false, true].map((wide) => ({
  name: wide ? "wide" : "narrow",
  // One is better for all sizes: nothing to be timed.
  rank: (call) => wide === call.info.software ? -1 : 0,
  record: (call) => record(call, wide),
}));

/** Forward substitution by blocks in a copy of the right-hand sides; from the end, by negative strides, where it is backwards. */
function record(call: KernelCall<TriangularSolveParams>, wide: boolean): void {
  const { lower, transpose, unitDiagonal } = call.params, { x, info } = call.outputs, [n, r] = x.shape.slice(-2);
  const a = call.inputs.a as Value, count = sizeOf(info.shape), stack: Stack = { value: x, size: n * r, count, wide };
  resetInfo(call, info);
  if (call.inputs.order) copyOrdered(call, call.inputs.b as Value, call.inputs.order as Value);
  else copyChecked(call, call.inputs.b as Value, x, info);
  const batches = broadcastStrides({ ...a, shape: a.shape.slice(0, -2), strides: a.strides.slice(0, -2) }, info.shape);
  checkTriangle(call, a, batches);
  const [row, column] = a.strides.slice(-2), forward = lower !== transpose, sign = forward ? 1 : -1;
  const triangle: Block = {
    start: forward ? 0 : (n - 1) * (row + column),
    row: sign * (transpose ? column : row),
    column: sign * (transpose ? row : column),
  };
  recordSolve(call, {
    x: stack,
    t: { value: a, index: indexing("b", info.shape, [batches]) },
    triangle,
    unitDiagonal,
    b: { start: forward ? 0 : (n - 1) * r, row: sign * r, column: 1 },
    n,
    r,
  });
  checkResult(call, x, info, true);
  settle(call, x, info, { needed: true });
}

/** Copies the right-hand sides with their rows in an order, and notes matrices of which an element is not finite. */
function copyOrdered(call: KernelCall<TriangularSolveParams>, b: Value, order: Value): void {
  const { x, info } = call.outputs, scalar = x.dtype as FactorScalar, { shape } = x, total = sizeOf(shape);
  if (total === 0) return;
  const rows = shape.length - 2, [step] = b.strides.slice(-2);
  // Without the step along rows, which the order gives.
  const sides = broadcastStrides(b, shape).map((s, k) => k === rows ? 0 : s);
  const orders = [...broadcastStrides(order, shape.slice(0, -1)), 0];
  const index = indexing("k", shape, [sides, orders]);
  call.launch({
    key: `ordered|${index.key}`,
    read: { b, order },
    write: { x, info },
    elements: { info: "atomic<i32>" },
    uniforms: {
      total,
      size: total / sizeOf(info.shape),
      start: b.offset,
      step,
      order_start: order.offset,
      ...index.uniforms,
    },
    workgroupSize: 64,
    workgroups: Math.ceil(total / 64),
    declarations: () => finiteText(scalar),
    body: () =>
      [
        "if (id >= p.total) { return; }",
        ...index.lines("id"),
        `let v = b[p.start + ${index.offset(0)} + u32(order[p.order_start + ${index.offset(1)}]) * p.step];`,
        "x[id] = v;",
        `if (!isFinite(v)) { atomicMin(&info[id / p.size], ${NOT_FINITE}); }`,
      ].join("\n"),
  });
}

/** Notes matrices with elements that are not finite, and the first zero on each diagonal. */
function checkTriangle(call: KernelCall<TriangularSolveParams>, a: Value, batches: readonly number[]): void {
  const { info } = call.outputs, n = a.shape[a.shape.length - 1], scalar = a.dtype as FactorScalar;
  const shape = [...info.shape, n, n], total = sizeOf(shape), { unitDiagonal } = call.params;
  if (total === 0) return;
  const index = indexing("k", shape, [[...batches, ...a.strides.slice(-2)]]);
  call.launch({
    key: `triangle|${unitDiagonal}|${index.key}`,
    read: { a },
    write: { info },
    elements: { info: "atomic<i32>" },
    uniforms: { total, n, start: a.offset, ...index.uniforms },
    workgroupSize: 64,
    workgroups: Math.ceil(total / 64),
    declarations: () => finiteText(scalar),
    body: () =>
      [
        "if (id >= p.total) { return; }",
        ...index.lines("id"),
        `let v = a[p.start + ${index.offset(0)}];`,
        "let q = id / (p.n * p.n);",
        `if (!isFinite(v)) { atomicMin(&info[q], ${NOT_FINITE}); }`,
        ...(unitDiagonal ? [] : [
          "let at = id % (p.n * p.n);",
          `if (v == ${scalar}(0) && at % (p.n + 1u) == 0u) { atomicMin(&info[q], i32(at / (p.n + 1u) + 1u)); }`,
        ]),
      ].join("\n"),
  });
}
