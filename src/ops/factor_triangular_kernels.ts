import type { KernelCall, KernelVariant } from "./define.ts";
import type { Block, Stack } from "./factor_block.ts";
import { checkResult, copyChecked, finiteText, NOT_FINITE, resetInfo, settle } from "./factor_passes.ts";
import type { FactorScalar } from "./factor_passes.ts";
import { recordSolve } from "./factor_solve.ts";
import type { TriangularSolveParams } from "./factor_triangular.ts";
import { indexing } from "./indexing.ts";
import { broadcastStrides, sizeOf, type Value } from "./value.ts";

/** Forward substitution by blocks in a copy of the right-hand sides; from the end, by negative strides, where it is backwards. */
export const triangularBlocked: KernelVariant<TriangularSolveParams> = {
  name: "blocked",
  record: (call) => {
    const { lower, transpose, unitDiagonal } = call.params, { x, info } = call.outputs, [n, r] = x.shape.slice(-2);
    const a = call.inputs.a as Value, count = sizeOf(info.shape), stack: Stack = { value: x, size: n * r, count };
    resetInfo(call, info);
    copyChecked(call, call.inputs.b as Value, x, info);
    const batches = broadcastStrides(
      { ...a, shape: a.shape.slice(0, -2), strides: a.strides.slice(0, -2) },
      info.shape,
    );
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
  },
};

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
