import { type LinearOperator, sparse } from "../../operators/mod.ts";
import { Sparse, Tensor } from "../../tensor/mod.ts";
import { tensorLike } from "./host_problem.ts";

/** A sparse plan from its entries, in compressed rows. */
export function sparsePlan(
  like: Tensor,
  shape: [number, number],
  entries: { row: number; column: number; value: number }[],
): LinearOperator {
  entries.sort((p, q) => p.row - q.row || p.column - q.column);
  const starts = new Uint32Array(shape[0] + 1);
  for (const { row } of entries) starts[row + 1]++;
  for (let i = 0; i < shape[0]; i++) starts[i + 1] += starts[i];
  const { device } = like;
  return sparse(
    new Sparse(shape, {
      starts: Tensor.of(device, starts, [starts.length], "u32"),
      columns: Tensor.of(device, Uint32Array.from(entries, (e) => e.column), [entries.length], "u32"),
      values: tensorLike(like, Float64Array.from(entries, (e) => e.value)),
    }),
    { owns: true },
  );
}
