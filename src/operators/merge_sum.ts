import { Tensor } from "../tensor/mod.ts";
import { banded } from "./banded.ts";
import { circulant } from "./circulant.ts";
import { dense } from "./dense.ts";
import { diagonal } from "./diagonal.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { lowRank } from "./low_rank.ts";
import { blockSums } from "./paired_blocks.ts";
import { scaleOperator } from "./scale_operator.ts";
import { toeplitz } from "./toeplitz.ts";

/** A + B as one operator of their structure; undefined where they have none in common. */
export function mergedSum(a: LinearOperator, b: LinearOperator): LinearOperator | undefined {
  const x = a.structure, y = b.structure;
  if (isDiagonal(a) && isDiagonal(b)) {
    using p = a.diagonal();
    using q = b.diagonal();
    const semidefinite = a.flags.positiveSemidefinite && b.flags.positiveSemidefinite;
    const definite = semidefinite && (a.flags.positiveDefinite || b.flags.positiveDefinite);
    return diagonal(p.add(q), {
      owns: true,
      flags: { positiveSemidefinite: semidefinite, positiveDefinite: definite },
    });
  }
  if (x.kind === "circulant" && y.kind === "circulant") {
    return circulant(x.column.add(y.column), { owns: true, flags: sumFlags(a, b) });
  }
  if (x.kind === "toeplitz" && y.kind === "toeplitz") {
    const row = x.row === x.column && y.row === y.column ? undefined : x.row.add(y.row);
    return toeplitz(x.column.add(y.column), row, { owns: true, flags: sumFlags(a, b) });
  }
  if (x.kind === "blockDiagonal" && y.kind === "blockDiagonal") {
    return blockSums(x.blocks, y.blocks);
  }
  if (x.kind === "banded" && y.kind === "banded") {
    const offsets = [...new Set([...x.offsets, ...y.offsets])];
    const of = (s: typeof x, offset: number) => s.diagonals[s.offsets.indexOf(offset)] as Tensor | undefined;
    const owns: Tensor[] = [];
    const diagonals = offsets.map((offset) => {
      const p = of(x, offset), q = of(y, offset);
      if (!p || !q) return (p ?? q)!;
      const sum = p.add(q);
      owns.push(sum);
      return sum;
    });
    return banded(diagonals, offsets, { shape: a.shape, owns, flags: sumFlags(a, b) });
  }
  const p = scaledCore(a), q = scaledCore(b);
  if (p && q && p.core.structure === q.core.structure) return scaleOperator(p.core, p.factor + q.factor);
  if (p?.core.structure.kind === "dense" && q?.core.structure.kind === "dense") {
    const sum = Tensor.map("p * a + q * b", {
      a: p.core.structure.matrix,
      b: q.core.structure.matrix,
      p: p.factor,
      q: q.factor,
    });
    return dense(sum, { owns: true, flags: sumFlags(a, b) });
  }
  if (x.kind === "lowRank" && y.kind === "lowRank") {
    const join = (p: Tensor, q: Tensor) => Tensor.apply("concatenate", { x0: p, x1: q }, { axis: 1 }).out;
    const u = join(x.u, y.u);
    return lowRank(u, x.u === x.v && y.u === y.v ? u : join(x.v, y.v), { owns: true, flags: sumFlags(a, b) });
  }
  return undefined;
}

/** An operator as a number times another one; undefined where the factor is a tensor. */
function scaledCore(a: LinearOperator): { factor: number; core: LinearOperator } | undefined {
  if (a.structure.kind !== "scaled") return { factor: 1, core: a };
  const { factor, of } = a.structure;
  return typeof factor === "number" ? { factor, core: of } : undefined;
}

/** Whether the operator is a stored diagonal or the identity. */
export function isDiagonal({ structure }: LinearOperator): boolean {
  return structure.kind === "diagonal" || structure.kind === "identity";
}

/** What is known of a sum. */
export function sumFlags(a: LinearOperator, b: LinearOperator): Partial<LinearOperator["flags"]> {
  const both = (flag: keyof LinearOperator["flags"]) => a.flags[flag] && b.flags[flag];
  const positiveSemidefinite = both("positiveSemidefinite");
  return {
    symmetric: both("symmetric"),
    positiveSemidefinite,
    positiveDefinite: positiveSemidefinite && (a.flags.positiveDefinite || b.flags.positiveDefinite),
    lowerTriangular: both("lowerTriangular"),
    upperTriangular: both("upperTriangular"),
  };
}
