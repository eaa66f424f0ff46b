import { call, element, type Expr, name, substitute } from "../../formula/mod.ts";
import { type LinearOperator, pairwise } from "../../operators/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { centerPoints, readNumbers, squaredRows } from "./centered_points.ts";
import type { GromovForm, GromovPlan } from "./gromov_descent.ts";
import type { ColumnWeights, Owned } from "./gromov_input.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";

/** A plan by the products with the points of both spaces that the distortion and its gradient are made of. */
interface StreamedPlan extends GromovPlan {
  /** XᵀPY `[d, e]`, XᵀPσ `[d, 1]` and ρᵀPY `[1, e]`. */
  readonly covariance: Tensor;
  readonly rows: Tensor;
  readonly columns: Tensor;
  /** ρᵀPσ. */
  readonly profiles: number;
}

/** The cost of a step: p_i + q_j − ⟨x_i, y_j⟩. */
interface Linear {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly p: Tensor;
  readonly q: Tensor;
}

const FORMULA = "p[i] + q[j] - dot(x[i], y[j])";

/**
 * The form for points x `[n, d]` and y `[m, e]` with squared distances and the square loss. With the points about their means X, Y and ρ = |X|²,
 * σ = |Y|², up to what is constant along rows or columns
 *
 *   C1·P·C2 = t ρσᵀ + 4 X (XᵀPY) Yᵀ,
 *
 * so that the cost of a step is itself one of few coordinates, and Sinkhorn's iterations stream over it: memory O((n + m)(d + e)). As
 * −2⟨C1·P·C2, P⟩ has the one quadratic term −8‖XᵀPY‖², the distortion is concave. Source: Peyré, Cuturi and Solomon (2016), remark 1;
 * Scetbon, Peyré and Cuturi, "Linear-Time Gromov Wasserstein Distances using Low Rank Couplings and Costs" (2022), section 3.
 *
 * @param features Points `[n, k]` and `[m, k]` whose squared distances are fused with, in a share `alpha`.
 */
export async function streamedGromov(
  [x, y]: readonly [Tensor, Tensor],
  { a, b, total }: ColumnWeights,
  { features, alpha }: { features?: readonly [Tensor, Tensor]; alpha: number },
  seed: number,
  inner: SinkhornOptions,
  owned: Owned,
): Promise<GromovForm<StreamedPlan>> {
  const share = features ? 1 - alpha : 1, [d, e] = [x.shape[1], y.shape[1]], { device, dtype } = x;
  const keep = (t: Tensor): Tensor => {
    void t.value;
    owned.push(t);
    return t;
  };
  const space = async (points: Tensor, w: Tensor) => {
    const made = await runScope(() => {
      const own = centerPoints(points, w, total), squares = squaredRows(own, w, total);
      for (const t of [own.x, own.profile, squares]) void t.value;
      return { ...own, rows: squares };
    });
    Object.values(made).forEach(keep);
    const numbers = await readNumbers(() => ({
      mean: Tensor.reduce("sum", "w * r", { w, r: made.profile }),
      squares: Tensor.reduce("sum", "w * s", { w, s: made.rows }),
    }));
    return { ...made, ...numbers };
  };
  const one = await space(x, a), other = await space(y, b);
  const vectors = features && await runScope(() => {
    // One center for both: only differences count.
    const [u, v] = features, mean = Tensor.reduce("sum", "a * u / t", { a, u, t: total }, 0);
    const moved = { u: u.sub(mean), v: v.sub(mean) };
    for (const t of Object.values(moved)) void t.value;
    return moved;
  });
  if (vectors) Object.values(vectors).forEach(keep);
  const squared = (z: Tensor) => keep(Tensor.reduce("sum", "z * z", { z }, 1, { keepDims: true }));
  const norms = vectors && { u: squared(vectors.u), v: squared(vectors.v) };
  const linear = norms && await readNumbers(() => ({
    fixed: Tensor.map("x + y", {
      x: Tensor.reduce("sum", "a * u", { a, u: norms.u }),
      y: Tensor.reduce("sum", "b * v", { b, v: norms.v }),
    }),
  }));
  // What the plan is multiplied by, and the side on which the covariance is taken in.
  const join = (...parts: Tensor[]) =>
    Tensor.apply("concatenate", Object.fromEntries(parts.map((t, k) => [`x${k}`, t])), { axis: 1 }).out;
  const probes = keep(join(other.x, other.profile, ...vectors ? [vectors.v] : []));
  const left = d < e;

  /** The cost of the step from a plan, twice its tensor product (fused). */
  const slope = (at: Pick<StreamedPlan, "covariance" | "rows" | "columns" | "profiles">): Promise<Linear> =>
    runScope(() => {
      const s = share, h = 1 - share, scaled = (c: string, z: Tensor, by: number) => Tensor.map(c, { z, k: by });
      const times = (z: Tensor, by: number) => scaled("z * k", z, by);
      const parts = (vary: boolean, z: Tensor, profile: Tensor, extra: Tensor | undefined) =>
        join(
          ...(vary ? [times(z, 16 * s), times(profile, 4 * s * total)] : [z, profile]),
          ...(extra ? [vary ? times(extra, 2 * h) : extra] : []),
        );
      const turned = at.covariance.T;
      const L = parts(!left, left ? one.x : one.x.matmul(at.covariance), one.profile, vectors?.u);
      const R = parts(left, left ? other.x.matmul(turned) : other.x, other.profile, vectors?.v);
      const side = (
        F: Tensor,
        Z: Tensor,
        cross: Tensor,
        profile: Tensor,
        mean: number,
        more: number,
        norm?: Tensor,
      ) => {
        const inputs = { F, z: Z.matmul(cross), r: profile, mean, more, s };
        const own = Tensor.map("2 * s * (F + 4 * z - 2 * mean * r - 2 * more)", inputs);
        const whole = norm ? Tensor.map("x + h * u", { x: own, u: norm, h }) : own;
        return whole.reshape([Z.shape[0]]);
      };
      const made = {
        x: L,
        y: R,
        p: side(one.rows, one.x, at.rows, one.profile, other.mean, at.profiles, norms?.u),
        q: side(other.rows, other.x, at.columns.T, other.profile, one.mean, 0, norms?.v),
      };
      for (const t of Object.values(made)) void t.value;
      return made;
    });
  const measured = async (
    plan: LinearOperator,
    entropy: number,
    parts: readonly { dispose(): void }[],
    transport?: SinkhornResult,
  ): Promise<StreamedPlan> => {
    const made = await runScope(async () => {
      const image = plan.apply(probes), cut = (from: number, to: number) => image.slice(null, [from, to]);
      const xs = one.x.T, r = one.profile.T, Y = cut(0, e), sigma = cut(e, e + 1);
      const kept = { covariance: xs.matmul(Y), rows: xs.matmul(sigma), columns: r.matmul(Y) };
      const [energy, profiles, fused] = await Promise.all([
        Tensor.reduce("sum", "c * c", { c: kept.covariance }).item(),
        r.matmul(sigma).item(),
        vectors ? Tensor.reduce("sum", "u * w", { u: vectors.u, w: cut(e + 1, image.shape[1]) }).item() : 0,
      ]);
      return { ...kept, energy, profiles, fused };
    });
    const { energy, profiles, fused, ...kept } = made;
    const distortion = one.squares + other.squares - 4 * one.mean * other.mean - 8 * energy - 4 * total * profiles;
    return {
      ...kept,
      profiles,
      plan,
      transport,
      cost: share * distortion + (1 - share) * ((linear?.fixed ?? 0) - 2 * fused),
      entropy,
      dispose: () => [...Object.values(kept), plan, ...parts].forEach((part) => part.dispose()),
    };
  };
  const product = async (): Promise<StreamedPlan> => {
    const { u, v } = await runScope(() => {
      const made = { u: a.reshape([a.shape[0]]).mul(1), v: b.reshape([b.shape[0]]).mul(1 / total) };
      for (const t of Object.values(made)) void t.value;
      return made;
    });
    const logs = await readNumbers(() => ({
      u: Tensor.reduce("sum", "u > 0 ? u * log(u) : 0", { u }),
      v: Tensor.reduce("sum", "v > 0 ? v * log(v) : 0", { v }),
    }));
    return await measured(pairwise("u[i] * v[j]", { u, v }), total - logs.u - total * logs.v, [u, v]);
  };
  const solve = async (at: Parameters<typeof slope>[0], epsilon: number, warm?: SinkhornResult) => {
    const { x, y, p, q } = await slope(at), parts = [x, y, p, q];
    try {
      const potentials = warm?.potentials;
      const transport = await sinkhorn(x, y, {
        ...inner,
        cost: { formula: FORMULA, inputs: { p, q } },
        epsilon,
        potentials,
      });
      const entropy = (transport.cost - transport.primal) / epsilon;
      return await measured(transport.plan, entropy, [transport, ...parts], transport);
    } catch (error) {
      for (const part of parts) part.dispose();
      throw error;
    }
  };
  return {
    concave: true,
    largestSlope: async () => {
      const start = await product();
      const cost = await slope(start);
      try {
        return await runScope(() =>
          Tensor.apply("pairwise", { ...cost }, { reduction: "max", formula: `abs(${FORMULA})` }).out.max().item()
        );
      } finally {
        start.dispose();
        for (const t of Object.values(cost)) t.dispose();
      }
    },
    start: async (number, epsilon) => {
      if (number === 0) return await product();
      // The plan of a random covariance, of the size that a match of the spaces has.
      const random = await runScope(() => {
        const drawn = Tensor.apply(
          "random",
          {},
          { distribution: "normal", shape: [d, e], seed, stream: number },
          device,
        );
        const spread = (z: Tensor, w: Tensor) => Tensor.reduce("sum", "w * z * z", { z, w }, 0, { keepDims: true });
        const covariance = Tensor.map("g * sqrt(u * v / k)", {
          g: drawn.out.astype(dtype),
          u: spread(one.x, a).T,
          v: spread(other.x, b),
          k: Math.max(d, e),
        });
        const zero = (shape: number[]) => Tensor.map("0 * c", { c: covariance.slice([0, shape[0]], [0, shape[1]]) });
        const made = { covariance, rows: zero([d, 1]), columns: zero([1, e]) };
        for (const t of Object.values(made)) void t.value;
        return made;
      });
      try {
        return await solve({ ...random, profiles: one.mean * other.mean / total }, epsilon);
      } finally {
        for (const t of Object.values(random)) t.dispose();
      }
    },
    step: (from, epsilon) => solve(from, epsilon, from.transport),
    apart: (p, q) => differenceOf(p.plan, q.plan),
  };
}

/** Σ |P_ij − Q_ij| of two plans that are formulas over pairs, by streaming. */
async function differenceOf(P: LinearOperator, Q: LinearOperator): Promise<number> {
  if (P.structure.kind !== "pairwise" || Q.structure.kind !== "pairwise") {
    throw new TypeError(`Expected plans by formulas, got ${P.structure.kind} and ${Q.structure.kind}`);
  }
  const inputs: Record<string, TensorLike> = {};
  const renamed = (
    { formula, inputs: own }: { formula: Expr; inputs: Readonly<Record<string, TensorLike>> },
    mark: string,
  ) => {
    for (const [id, value] of Object.entries(own)) inputs[id + mark] = value;
    return substitute(formula, (leaf) => {
      if (leaf.kind === "name") return name(leaf.name + mark);
      return leaf.kind === "element" ? element(leaf.name + mark, leaf.index, leaf.component) : undefined;
    });
  };
  const apart = call("abs", call("sub", renamed(P.structure, "_one"), renamed(Q.structure, "_other")));
  using rows = Tensor.apply("pairwise", inputs, { reduction: "sum", formula: apart }).out;
  using sum = rows.sum();
  return await sum.item();
}
