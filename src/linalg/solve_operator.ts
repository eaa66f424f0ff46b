import type { LinearOperator } from "../operators/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { type Slogdet, slogdet } from "./inverse.ts";
import { solve } from "./solve.ts";

/**
 * x with A·x = b for a square operator and b of shape `[n]` or `[n, k]`, by its structure: what an operator solves
 * itself, dense matrices by LU, Kronecker and block-diagonal operators factor by factor, products from the left, and a
 * sum of such an operator D and one of low rank U·Vᵀ by Woodbury's identity A⁻¹ = D⁻¹ − D⁻¹U(I + VᵀD⁻¹U)⁻¹VᵀD⁻¹, which
 * loses digits if D is nearer to singular than A. Any other operator is stored and factored; see `cg`, `minres` and
 * `gmres` for those that are too large (`maxBytes`, default 256 MB). Rejects with a {@linkcode SingularMatrixError} if
 * there is no inverse, a `TypeError` for shapes that do not fit.
 *
 * @example
 * ```ts
 * import { linalg, open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const u = gpu.random.normal([1000, 5], { seed: 1 });
 * const a = operators.lowRank(u).add(operators.identity(gpu, 1000));
 * const x = await linalg.solveOperator(a, gpu.ones([1000])); // no matrix of 1000 × 1000
 * ```
 */
export async function solveOperator(
  a: LinearOperator,
  b: Tensor,
  options: { maxBytes?: number } = {},
): Promise<Tensor> {
  requireSquare(a, "solve with");
  if (!(b instanceof Tensor) || b.rank < 1 || b.rank > 2 || b.shape[0] !== a.shape[0]) {
    throw new TypeError(
      `Cannot solve the operator [${a.shape.join(", ")}] for ${
        b instanceof Tensor ? `[${b.shape.join(", ")}]` : typeof b
      }: expected [${a.shape[0]}] or [${a.shape[0]}, k]`,
    );
  }
  if (b.rank === 2) return await solveBlock(a, b, options);
  using column = b.reshape([b.size, 1]);
  using x = await solveBlock(a, column, options);
  return x.reshape([b.size]);
}

async function solveBlock(a: LinearOperator, b: Tensor, options: { maxBytes?: number }): Promise<Tensor> {
  if (a.solve) return await a.solve(b);
  const { structure } = a, k = b.shape[1];
  switch (structure.kind) {
    case "dense":
      return await solve(structure.matrix, b);
    case "transposed":
      if (structure.of.structure.kind === "dense") {
        using turned = structure.of.structure.matrix.T;
        return await solve(turned, b);
      }
      break;
    case "scaled": {
      using x = await solveBlock(structure.of, b, options);
      return x.div(structure.factor);
    }
    case "kronecker": {
      const { factors } = structure;
      if (b.size === 0 || !factors.every(isSquare)) break;
      // As products go through the factors: each along its axis, which then goes to the end.
      let state = b.slice();
      for (const factor of factors) {
        using before = state;
        using block = before.reshape([factor.shape[0], before.size / factor.shape[0]]);
        using x = await solveBlock(factor, block, options);
        state = x.T;
      }
      using last = state;
      using flat = last.reshape([k, b.shape[0]]);
      return flat.T;
    }
    case "blockDiagonal": {
      const { blocks } = structure;
      if (blocks instanceof Tensor) {
        if (blocks.shape[1] !== blocks.shape[2]) break;
        using sides = b.reshape([blocks.shape[0], blocks.shape[1], k]);
        using x = await solve(blocks, sides);
        return x.reshape(b.shape);
      }
      if (!blocks.every(isSquare)) break;
      const parts: Record<string, Tensor> = {};
      let start = 0;
      for (const [q, block] of blocks.entries()) {
        using side = b.slice([start, start += block.shape[0]]);
        parts[`x${q}`] = await solveBlock(block, side, options);
      }
      const { out } = Tensor.apply("concatenate", parts, { axis: 0 });
      for (const part of Object.values(parts)) part.dispose();
      return out;
    }
    case "product": {
      if (!structure.factors.every(isSquare)) break;
      let x = b.slice();
      for (const factor of structure.factors) {
        using before = x;
        x = await solveBlock(factor, before, options);
      }
      return x;
    }
    case "sum": {
      const split = splitLowRank(a);
      if (split) return await woodbury(split, b, options);
    }
  }
  using stored = a.toDense(options);
  return await solve(stored, b);
}

/** A = D + U·Vᵀ. */
interface Split {
  readonly rest: LinearOperator;
  readonly u: Tensor;
  readonly v: Tensor;
}

/** The parts of a sum of two, one of them of a rank below its order. */
function splitLowRank({ structure, shape }: LinearOperator): Split | undefined {
  if (structure.kind !== "sum" || structure.terms.length !== 2) return undefined;
  for (const [k, { structure: part }] of structure.terms.entries()) {
    if (part.kind === "lowRank" && part.u.shape[1] < shape[0]) {
      return { rest: structure.terms[1 - k], u: part.u, v: part.v };
    }
  }
  return undefined;
}

/** I + Vᵀ·D⁻¹·U, `[r, r]`. */
function capacitance(v: Tensor, solved: Tensor): Tensor {
  const r = v.shape[1];
  using turned = v.T;
  using inner = turned.matmul(solved);
  using one = Tensor.of(v.device, Float32Array.from({ length: r * r }, (_, q) => Number(q % (r + 1) === 0)), [r, r]);
  using identity = one.astype(v.dtype);
  return inner.add(identity);
}

async function woodbury({ rest, u, v }: Split, b: Tensor, options: { maxBytes?: number }): Promise<Tensor> {
  const r = u.shape[1], k = b.shape[1];
  // One call for U and b: what is factored on the way is factored once.
  using both = Tensor.apply("concatenate", { x0: u, x1: b }, { axis: 1 }).out;
  using solved = await solveBlock(rest, both, options);
  using su = solved.slice(null, [0, r]);
  using sb = solved.slice(null, [r, r + k]);
  using inner = capacitance(v, su);
  using turned = v.T;
  using right = turned.matmul(sb);
  using small = await solve(inner, right);
  using correction = su.matmul(small);
  return sb.sub(correction);
}

/**
 * Sign and logarithm of the magnitude of a square operator's determinant, by its structure as {@linkcode solveOperator}
 * does: a sum D + U·Vᵀ has det D · det(I + VᵀD⁻¹U).
 */
export async function slogdetOperator(a: LinearOperator, options: { maxBytes?: number } = {}): Promise<Slogdet> {
  requireSquare(a, "take the determinant of");
  if (a.slogdet) return a.slogdet();
  const { structure } = a;
  switch (structure.kind) {
    case "dense":
      return await slogdet(structure.matrix);
    case "transposed":
      return await slogdetOperator(structure.of, options);
    case "kronecker":
      if (structure.factors.every(isSquare)) {
        return await combined(structure.factors, (f) => a.shape[0] / Math.max(1, f.shape[0]), options);
      }
      break;
    case "blockDiagonal":
      if (!(structure.blocks instanceof Tensor) && structure.blocks.every(isSquare)) {
        return await combined(structure.blocks, () => 1, options);
      }
      if (structure.blocks instanceof Tensor && structure.blocks.shape[1] === structure.blocks.shape[2]) {
        const found = await slogdet(structure.blocks);
        using signs = found.sign;
        using logs = found.logAbsDet;
        return { sign: signs.prod(), logAbsDet: logs.sum() };
      }
      break;
    case "product":
      if (structure.factors.every(isSquare)) return await combined(structure.factors, () => 1, options);
      break;
    case "sum": {
      const split = splitLowRank(a);
      if (!split) break;
      using solved = await solveBlock(split.rest, split.u, options);
      using inner = capacitance(split.v, solved);
      const rest = await slogdetOperator(split.rest, options), small = await slogdet(inner);
      return multiplied(rest, small);
    }
  }
  using stored = a.toDense(options);
  return await slogdet(stored);
}

/** The product of determinants, each to a power. */
async function combined(
  operators: readonly LinearOperator[],
  times: (a: LinearOperator) => number,
  options: { maxBytes?: number },
): Promise<Slogdet> {
  let total: Slogdet | undefined;
  for (const operator of operators) {
    const found = await slogdetOperator(operator, options), power = times(operator);
    using sign = found.sign;
    using logAbsDet = found.logAbsDet;
    const own = { sign: power % 2 === 0 ? sign.square() : sign.slice(), logAbsDet: logAbsDet.mul(power) };
    total = total ? multiplied(total, own) : own;
  }
  return total!;
}

/** Two determinants multiplied; they are freed. */
function multiplied(a: Slogdet, b: Slogdet): Slogdet {
  const result = { sign: a.sign.mul(b.sign), logAbsDet: a.logAbsDet.add(b.logAbsDet) };
  for (const { sign, logAbsDet } of [a, b]) {
    sign.dispose();
    logAbsDet.dispose();
  }
  return result;
}

const isSquare = ({ shape }: LinearOperator): boolean => shape[0] === shape[1];

function requireSquare(a: LinearOperator, what: string): void {
  if (typeof a?.applyTransposed !== "function") throw new TypeError(`Expected an operator, got ${typeof a}; see dense`);
  if (!isSquare(a)) throw new TypeError(`Cannot ${what} the operator [${a.shape.join(", ")}]: it is not square`);
}
