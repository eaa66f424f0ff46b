import { call } from "../../formula/mod.ts";
import { type LinearOperator, pairwise } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { centerPoints, readNumbers, squaredRows } from "./centered_points.ts";

/**
 * A space as low-rank plans see it: a symmetric cost C = ρ1ᵀ + 1ρᵀ + C̃ with C̃·a = 0 for its weights a. Between plans with given marginals only
 * C̃ and ρ tell, so that the steps go by them: their gradients are small where there is nothing to gain.
 */
export interface GromovSpace {
  /** Points in it. */
  readonly size: number;
  /** ρ as a column `[n, 1]`. */
  readonly profile: Tensor;
  /** aᵀρ. */
  readonly mean: number;
  /** aᵀ(C ∘ C)a. */
  readonly squares: number;
  /** (C ∘ C)·a as a column `[n, 1]`. */
  squaredRows(): Tensor;
  /** C̃·v for columns v `[n, k]`. */
  core(v: Tensor): Tensor;
  /** aᵀ(C ∘ C)a as a tensor of one number, and QᵀCQ for a factor Q `[n, k]` with column sums g: differentiable by what the cost is made of. */
  live(q: Tensor, g: Tensor): { squares: Tensor; within: Tensor };
  /** Tensors made for it. */
  readonly owned: readonly Tensor[];
}

/** The space of points `[n, d]` and their squared distances, all in time O(n d). */
export async function pointSpace(points: Tensor, a: Tensor, total: number): Promise<GromovSpace> {
  const { x, profile } = await runScope(() => {
    const made = centerPoints(stopGradient(points), a, total);
    for (const t of [made.x, made.profile]) void t.value;
    return made;
  });
  return {
    size: points.shape[0],
    profile,
    ...await moments(profile, () => squaredRows({ x, profile }, a, total), a),
    squaredRows: () => squaredRows({ x, profile }, a, total),
    core: (v) => {
      using turned = x.T;
      using inner = turned.matmul(v);
      using out = x.matmul(inner);
      return out.mul(-2);
    },
    live: (q, g) => {
      const own = centerPoints(points, a, total), r = q.T.matmul(own.profile), z = q.T.matmul(own.x);
      const row = g.reshape([1, g.shape[0]]), column = g.reshape([g.shape[0], 1]);
      return {
        squares: Tensor.reduce("sum", "a * s", { a, s: squaredRows(own, a, total) }),
        within: Tensor.map("r * h + g * s - 2 * z", { r, h: row, g: column, s: r.T, z: z.matmul(z.T) }),
      };
    },
    owned: [x, profile],
  };
}

/** The space of a symmetric cost that is known by its products; `exact` is what it stands for, if it is an approximation. */
export async function operatorSpace(
  cost: LinearOperator,
  a: Tensor,
  total: number,
  exact: LinearOperator = cost,
): Promise<GromovSpace> {
  const profile = await runScope(() => {
    const rows = cost.apply(a), mean = Tensor.reduce("sum", "a * r", { a, r: rows });
    const made = stopGradient(Tensor.map("r / t - m / (2 * t * t)", { r: rows, m: mean, t: total }));
    void made.value;
    return made;
  });
  return {
    size: cost.shape[0],
    profile,
    ...await moments(profile, () => squaredTimes(cost, a), a),
    squaredRows: () => squaredTimes(cost, a),
    core: (v) => {
      using product = cost.apply(v);
      using sums = Tensor.reduce("sum", "v", { v }, 0, { keepDims: true });
      using along = Tensor.reduce("sum", "r * v", { r: profile, v }, 0, { keepDims: true });
      return Tensor.map("c - r * s - w", { c: product, r: profile, s: sums, w: along });
    },
    live: (q) => ({
      squares: Tensor.reduce("sum", "a * s", { a, s: squaredTimes(exact, a) }),
      within: q.T.matmul(exact.apply(q)),
    }),
    owned: [profile],
  };
}

/** Columns of the identity that an operator is multiplied by at a time. */
const BLOCK = 64;

/** (C ∘ C)·a by what C is made of; of others by its columns. */
function squaredTimes(cost: LinearOperator, a: Tensor): Tensor {
  const { structure } = cost,
    sums = (formula: string, inputs: Record<string, Tensor>) =>
      Tensor.reduce("sum", formula, inputs, 1, { keepDims: true });
  if (structure.kind === "dense") return sums("b * c * c", { b: a.T, c: structure.matrix });
  if (structure.kind === "lowRank") {
    const { u, v } = structure, gram = v.T.matmul(Tensor.map("a * v", { a, v }));
    return sums("u * p", { u, p: u.matmul(gram) });
  }
  if (structure.kind === "pairwise") {
    using squared = pairwise(call("mul", structure.formula, structure.formula), structure.inputs);
    return squared.apply(a);
  }
  const [n] = cost.shape, { device, dtype } = a;
  let all: Tensor | undefined;
  for (let from = 0; from < n; from += BLOCK) {
    const width = Math.min(BLOCK, n - from), data = new (dtype === "f64" ? Float64Array : Float32Array)(n * width);
    for (let k = 0; k < width; k++) data[(from + k) * width + k] = 1;
    const columns = cost.apply(Tensor.of(device, data, [n, width], dtype));
    const part = sums("b * c * c", { b: a.slice([from, from + width]).T, c: columns });
    all = all ? all.add(part) : part;
    void all.value;
  }
  return all!;
}

/** aᵀρ and aᵀ(C ∘ C)a on the host. */
function moments(profile: Tensor, rows: () => Tensor, a: Tensor): Promise<{ mean: number; squares: number }> {
  return readNumbers(() => ({
    mean: Tensor.reduce("sum", "a * r", { a, r: profile }),
    squares: Tensor.reduce("sum", "a * s", { a, s: rows() }),
  }));
}
