import { Tensor } from "../tensor/mod.ts";
import { blockDiagonal } from "./block_diagonal.ts";
import type { LinearOperator } from "./linear_operator.ts";

type Blocks = Tensor | readonly LinearOperator[];

/** The sum of two block-diagonal operators if their blocks have equal shapes. */
export function blockSums(a: Blocks, b: Blocks): LinearOperator | undefined {
  if (a instanceof Tensor && b instanceof Tensor) {
    return a.shape.join() === b.shape.join() ? blockDiagonal(a.add(b), { owns: true }) : undefined;
  }
  return paired(a, b, (p, q) => p.shape.join() === q.shape.join(), (p, q) => p.add(q));
}

/** The product of two block-diagonal operators if their blocks can be multiplied one by one. */
export function blockProducts(a: Blocks, b: Blocks): LinearOperator | undefined {
  if (a instanceof Tensor && b instanceof Tensor) {
    const fits = a.shape[0] === b.shape[0] && a.shape[2] === b.shape[1];
    return fits ? blockDiagonal(a.matmul(b), { owns: true }) : undefined;
  }
  return paired(a, b, (p, q) => p.shape[1] === q.shape[0], (p, q) => p.compose(q));
}

function paired(
  a: Blocks,
  b: Blocks,
  fit: (a: LinearOperator, b: LinearOperator) => boolean,
  join: (a: LinearOperator, b: LinearOperator) => LinearOperator,
): LinearOperator | undefined {
  if (a instanceof Tensor || b instanceof Tensor || a.length !== b.length) return undefined;
  if (!a.every((block, k) => fit(block, b[k]))) return undefined;
  const parts = a.map((block, k) => join(block, b[k])), result = blockDiagonal(parts);
  for (const part of parts) part.dispose();
  return result;
}
