import type { Tensor } from "../tensor/mod.ts";
import { commonFlags } from "./flags.ts";
import { folded } from "./folded.ts";
import { filled, identity } from "./identity.ts";
import type { LinearOperator } from "./linear_operator.ts";
import { linearOperator, sameOperator } from "./make_operator.ts";
import { requireOperators } from "./require_operators.ts";

/**
 * The Kronecker product A₁ ⊗ A₂ ⊗ …, never stored: products go through the factors one by one. Kronecker products among
 * the factors are taken apart.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = operators.dense(gpu.tensor([[1, 2], [3, 4]]));
 * const k = operators.kronecker([a, operators.identity(gpu, 2)]);
 * console.log(await k.apply(gpu.tensor([1, 0, 0, 1])).array()); // [1, 2, 3, 4]
 * ```
 */
export function kronecker(operators: readonly LinearOperator[]): LinearOperator {
  requireOperators(operators, "Kronecker factors");
  const factors = operators.flatMap((f) => f.structure.kind === "kronecker" ? f.structure.factors : [f]);
  const { device, dtype } = factors[0];
  const shape = [0, 1].map((axis) => factors.reduce((s, f) => s * f.shape[axis], 1)) as [number, number];
  if (factors.length === 1) return sameOperator(factors[0]);
  if (factors.every((f) => f.structure.kind === "identity")) return identity(factors[0], shape[0], dtype);
  const square = factors.every((f) => f.shape[0] === f.shape[1]);
  const through = (step: (f: LinearOperator, x: Tensor) => Tensor, to: 0 | 1) => (x: Tensor) =>
    throughFactors(factors, x, step, to);
  return linearOperator({
    shape,
    device,
    dtype,
    nnz: factors.reduce((s, f) => s * f.nnz, 1),
    flops: flopsOf(factors),
    apply: through((f, x) => f.apply(x), 0),
    applyTransposed: through((f, x) => f.applyTransposed(x), 1),
    row: (i) => outer(factors, i, 0),
    column: (j) => outer(factors, j, 1),
    ...(square
      ? {
        diagonal: () => outerOf(factors.map((f) => f.diagonal())),
        trace: () => folded(factors.map((f) => f.trace()), "x * y"),
      }
      : {}),
    ...(factors.every((f) => f.solve) ? { solve: (b: Tensor) => solveThrough(factors, b) } : {}),
    ...(factors.every((f) => f.slogdet) ? { slogdet: () => slogdetOf(factors, shape[0]) } : {}),
    transpose: () => {
      const turned = factors.map((f) => f.transpose()), result = kronecker(turned);
      for (const f of turned) f.dispose();
      return result;
    },
    flags: commonFlags(factors, square),
    structure: { kind: "kronecker", factors },
    reads: factors,
  });
}

/**
 * x `[n₁·n₂⋯, k]` with each factor applied along its axis, which then goes to the end: at last the axes are in order
 * behind k.
 */
function throughFactors(
  factors: readonly LinearOperator[],
  x: Tensor,
  step: (f: LinearOperator, x: Tensor) => Tensor,
  to: 0 | 1,
): Tensor {
  const from = 1 - to, k = x.shape[1];
  const rows = factors.reduce((s, f) => s * f.shape[to], 1);
  if (x.size === 0 || rows === 0) return filled(factors[0], [rows, k], 0, factors[0].dtype);
  let state = x.slice();
  for (const f of factors) {
    using before = state;
    using block = before.reshape([f.shape[from], before.size / f.shape[from]]);
    using product = step(f, block);
    state = product.T;
  }
  using last = state;
  using flat = last.reshape([k, rows]);
  return flat.T;
}

async function solveThrough(factors: readonly LinearOperator[], b: Tensor): Promise<Tensor> {
  const [n, k] = b.shape;
  if (b.size === 0) return b.slice();
  let state = b.slice();
  for (const f of factors) {
    using before = state;
    using block = before.reshape([f.shape[0], before.size / f.shape[0]]);
    using x = await f.solve!(block);
    state = x.T;
  }
  using last = state;
  using flat = last.reshape([k, n]);
  return flat.T;
}

/**
 * Row or column number `at` of the product: the outer product of those of the factors, whose numbers are its digits.
 */
function outer(factors: readonly LinearOperator[], at: number, axis: 0 | 1): Tensor {
  const parts: Tensor[] = [];
  let rest = at;
  for (const f of factors.toReversed()) {
    const digit = rest % f.shape[axis];
    parts.unshift(axis === 0 ? f.row(digit) : f.column(digit));
    rest = Math.floor(rest / f.shape[axis]);
  }
  return outerOf(parts);
}

/** The Kronecker product of vectors, which it takes over. */
function outerOf(vectors: readonly Tensor[]): Tensor {
  return vectors.reduce((x, y) => {
    using p = x;
    using q = y;
    using column = p.reshape([p.size, 1]);
    using table = column.mul(q);
    return table.reshape([p.size * q.size]);
  });
}

/** det(A ⊗ B) = det(A)^q · det(B)^p for A of order p and B of order q: each factor counts n / own order times. */
function slogdetOf(factors: readonly LinearOperator[], n: number): { sign: Tensor; logAbsDet: Tensor } {
  const parts = factors.map((f) => {
    const times = f.shape[0] === 0 ? 0 : n / f.shape[0], found = f.slogdet!();
    using sign = found.sign;
    using logAbsDet = found.logAbsDet;
    return { sign: times % 2 === 0 ? sign.square() : sign.slice(), logAbsDet: logAbsDet.mul(times) };
  });
  return {
    sign: folded(parts.map((p) => p.sign), "x * y"),
    logAbsDet: folded(parts.map((p) => p.logAbsDet), "x + y"),
  };
}

function flopsOf(factors: readonly LinearOperator[]): number {
  let flops = 0, done = 1, left = factors.reduce((s, f) => s * f.shape[1], 1);
  for (const f of factors) {
    left /= Math.max(1, f.shape[1]);
    flops += f.flops * done * left;
    done *= f.shape[0];
  }
  return flops;
}
