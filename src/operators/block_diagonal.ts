import { Tensor } from "../tensor/mod.ts";
import { commonFlags } from "./flags.ts";
import { folded } from "./folded.ts";
import { ownership } from "./hold.ts";
import type { LinearOperator, OperatorOptions } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { requireOperators } from "./require_operators.ts";
import { join } from "./toeplitz.ts";

/**
 * Blocks along the diagonal: a stack `[b, p, q]`, which is one batched product, or a list of operators of any shapes.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = operators.blockDiagonal(gpu.tensor([[[1, 2]], [[3, 4]]]));
 * console.log(await a.toDense().array()); // [[1, 2, 0, 0], [0, 0, 3, 4]]
 * ```
 */
export function blockDiagonal(
  blocks: Tensor | readonly LinearOperator[],
  options: OperatorOptions = {},
): LinearOperator {
  return blocks instanceof Tensor ? ofStack(blocks, options) : ofOperators(blocks, options);
}

function ofStack(blocks: Tensor, options: OperatorOptions): LinearOperator {
  if (blocks.rank !== 3) {
    throw new TypeError(`Expected blocks as a stack [b, p, q], got the shape [${blocks.shape.join(", ")}]`);
  }
  const { device, dtype } = blocks, [b, p, q] = blocks.shape;
  const product = (matrices: Tensor, x: Tensor, rows: number, columns: number): Tensor => {
    const k = x.shape[1];
    using parts = x.reshape([b, columns, k]);
    using result = matrices.matmul(parts);
    return result.reshape([b * rows, k]);
  };
  return linearOperator({
    shape: [b * p, b * q],
    device,
    dtype,
    nnz: b * p * q,
    apply: (x) => product(blocks, x, p, q),
    applyTransposed: (y) => {
      using turned = blocks.T;
      return product(turned, y, q, p);
    },
    ...(p === q
      ? {
        diagonal: () => {
          using flat = blocks.reshape([b * p * p]);
          return flat.take(Array.from({ length: b * p }, (_, i) => Math.floor(i / p) * p * p + (i % p) * (p + 1)));
        },
      }
      : {}),
    transpose: () => blockDiagonal(blocks.T, { owns: true }),
    scale: (factor) => blockDiagonal(blocks.mul(factor), { owns: true }),
    flags: options.flags,
    structure: { kind: "blockDiagonal", blocks },
    ...ownership([blocks], options.owns),
  });
}

function ofOperators(blocks: readonly LinearOperator[], options: OperatorOptions): LinearOperator {
  requireOperators(blocks, "blocks");
  const [{ device, dtype }] = blocks;
  const shape = [0, 1].map((axis) => blocks.reduce((s, a) => s + a.shape[axis], 0)) as [number, number];
  const square = blocks.every((a) => a.shape[0] === a.shape[1]);
  const product = (x: Tensor, axis: 0 | 1, step: (a: LinearOperator, part: Tensor) => Tensor): Tensor => {
    let start = 0;
    return joined(blocks.map((a) => {
      using part = x.slice([start, start += a.shape[axis]]);
      return step(a, part);
    }));
  };
  return linearOperator({
    shape,
    device,
    dtype,
    nnz: blocks.reduce((s, { nnz }) => s + nnz, 0),
    flops: blocks.reduce((s, { flops }) => s + flops, 0),
    apply: (x) => product(x, 1, (a, part) => a.apply(part)),
    applyTransposed: (y) => product(y, 0, (a, part) => a.applyTransposed(part)),
    ...(square
      ? {
        diagonal: () => joined(blocks.map((a) => a.diagonal())),
      }
      : {}),
    ...(blocks.every((a) => a.solve)
      ? {
        solve: async (b: Tensor) => {
          let start = 0;
          const parts: Tensor[] = [];
          for (const a of blocks) {
            using part = b.slice([start, start += a.shape[0]]);
            parts.push(await a.solve!(part));
          }
          return joined(parts);
        },
      }
      : {}),
    ...(blocks.every((a) => a.slogdet)
      ? {
        slogdet: () => {
          const found = blocks.map((a) => a.slogdet!());
          return {
            sign: folded(found.map((f) => f.sign), "x * y"),
            logAbsDet: folded(found.map((f) => f.logAbsDet), "x + y"),
          };
        },
      }
      : {}),
    transpose: () => fromParts(blocks.map((a) => a.transpose())),
    scale: (factor) => fromParts(blocks.map((a) => a.scale(factor))),
    flags: {
      ...options.flags,
      ...commonFlags(blocks, square),
    },
    structure: { kind: "blockDiagonal", blocks },
    reads: blocks,
  });
}

/** Blocks that nobody else needs. */
function fromParts(parts: readonly LinearOperator[]): LinearOperator {
  const result = blockDiagonal(parts);
  for (const part of parts) part.dispose();
  return result;
}

/** Parts one after the other; they are freed. */
export function joined(parts: readonly Tensor[]): Tensor {
  const result = join(parts);
  for (const part of parts) part.dispose();
  return result;
}
