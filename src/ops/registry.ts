import type { OpDefinition } from "./define.ts";
import { broadcast } from "./broadcast.ts";
import { concatenate } from "./concatenate.ts";
import { choleskyFactor } from "./factor_cholesky.ts";
import { luFactor } from "./factor_lu.ts";
import { triangularSolve } from "./factor_triangular.ts";
import { gather } from "./gather.ts";
import { householder } from "./householder.ts";
import { jacobi } from "./jacobi.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { pairMatrix } from "./pair_matrix.ts";
import { pairwise } from "./pairwise.ts";
import { random } from "./random.ts";
import { planScaling } from "./plan_scaling.ts";
import { reduce } from "./reduce.ts";
import { softmax } from "./softmax.ts";
import { sort } from "./sort.ts";
import { csrFromCoo } from "./csr_from_coo.ts";
import { csrFromDense } from "./csr_from_dense.ts";
import { csrRows } from "./csr_rows.ts";
import { csrToDense } from "./csr_to_dense.ts";
import { csrTranspose } from "./csr_transpose.ts";
import { scan } from "./scan.ts";
import { scatterAdd } from "./scatter_add.ts";
import { sparseMatmul } from "./sparse_matmul.ts";
import { sampledMatmul } from "./sparse_sampled.ts";
import { segmentReduce } from "./sparse_segment.ts";

/** Every op of the library: the conformance driver, the documentation and the tape walk this list. */
// deno-lint-ignore no-explicit-any
export const registry: readonly OpDefinition<any>[] = [
  map,
  reduce,
  softmax,
  matmul,
  pairwise,
  pairMatrix,
  gather,
  scatterAdd,
  concatenate,
  broadcast,
  random,
  scan,
  sort,
  csrFromCoo,
  csrFromDense,
  csrRows,
  csrToDense,
  csrTranspose,
  sparseMatmul,
  sampledMatmul,
  segmentReduce,
  householder,
  jacobi,
  choleskyFactor,
  luFactor,
  triangularSolve,
  planScaling,
];

const byName = new Map(registry.map((op) => [op.name, op]));

/** The op of a name; throws a `TypeError` if there is none. */
// deno-lint-ignore no-explicit-any
export function opNamed(name: string): OpDefinition<any> {
  const op = byName.get(name);
  if (!op) throw new TypeError(`Unknown op "${name}"`);
  return op;
}
