import { dense } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { GromovForm, GromovPlan } from "./gromov_descent.ts";
import type { ColumnWeights, Owned } from "./gromov_input.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";

/** L(a, b) = f(a) + g(b) − h(a) k(b), by which the gradient is two matrix products (Peyré, Cuturi and Solomon, proposition 1). */
export const LOSSES = {
  square: { f: "c * c", g: "c * c", h: "c", k: "2 * c" },
  kl: { f: "c > 0 ? c * log(c) - c : 0", g: "c", h: "c", k: "log(c)" },
} as const;

/** A stored plan. */
interface StoredPlan extends GromovPlan {
  readonly P: Tensor;
}

/** The form for stored distances C1 `[n, n]` and C2 `[m, m]`, fused with a share `alpha` of the cost `M` `[n, m]`. */
export async function storedGromov(
  [C1, C2]: readonly [Tensor, Tensor],
  loss: keyof typeof LOSSES,
  { a, b, total }: ColumnWeights,
  { M, alpha }: { M?: Tensor; alpha: number },
  seed: number,
  inner: SinkhornOptions,
  owned: Owned,
): Promise<GromovForm<StoredPlan>> {
  const keep = (t: Tensor): Tensor => {
    void t.value;
    owned.push(t);
    return t;
  };
  const [n, m] = [C1.shape[0], C2.shape[0]], { device, dtype } = C1, formulas = LOSSES[loss], share = M ? 1 - alpha : 1;
  const h = keep(Tensor.map(formulas.h, { c: C1 })), k = keep(Tensor.map(formulas.k, { c: C2 }));
  const row = keep(b.reshape([1, m]));
  const fixed = keep(
    await runScope(() => {
      const left = Tensor.map(formulas.f, { c: C1 }).matmul(a), right = Tensor.map(formulas.g, { c: C2 }).matmul(b);
      const both = Tensor.map("x + y", { x: left, y: right.reshape([1, m]) });
      void both.value;
      return both;
    }),
  );
  /** The distortion's tensor product with a plan; its gradient is twice that. */
  const product = (P: Tensor): Tensor => Tensor.map("c - x", { c: fixed, x: h.matmul(P).matmul(k) });
  const slope = (P: Tensor): Tensor => {
    const t = product(P);
    const out = M ? Tensor.map("2 * s * t + (1 - s) * M", { t, M, s: share }) : Tensor.map("2 * t", { t });
    void out.value;
    return out;
  };
  /** A plan with its distortion and entropy; takes its tensor over. */
  const measured = async (P: Tensor, transport?: GromovPlan["transport"]): Promise<StoredPlan> => {
    const plan = dense(P);
    const dispose = () => {
      plan.dispose();
      P.dispose();
      // A transport's stored plan is delayed and would hold what it is made of.
      for (const part of transport?.plan.parts ?? []) part.dispose();
      transport?.dispose();
    };
    try {
      const [quadratic, fused, entropy] = await runScope(() => {
        const t = product(P), linear = M && Tensor.reduce("sum", "P * M", { P, M });
        return Promise.all([
          Tensor.reduce("sum", "P * t", { P, t }).item(),
          linear?.item() ?? 0,
          Tensor.reduce("sum", "P > 0 ? P * (1 - log(P)) : 0", { P }).item(),
        ]);
      });
      return { P, plan, transport, cost: share * quadratic + (1 - share) * fused, entropy, dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  };
  const independent = keep(Tensor.map("a * b / t", { a, b: row, t: total }));
  return {
    concave: false,
    largestSlope: () => runScope(() => Tensor.reduce("max", "abs(x)", { x: slope(independent) }).item()),
    start: async (number) =>
      await measured(
        number === 0 ? independent.slice(null) : await runScope(() => {
          const params = { distribution: "uniform", shape: [n, m], seed, stream: number };
          const u = Tensor.apply("random", {}, params, device).out.astype(dtype);
          const out = Tensor.map("p * exp(4 * u)", { p: independent, u });
          const scaled = out.mul(Tensor.map("t / s", { t: total, s: out.sum() }));
          void scaled.value;
          return scaled;
        }),
      ),
    step: async ({ P, transport }, epsilon, proximal) => {
      using C = await runScope(() => {
        const s = slope(P);
        if (proximal === 0) return s;
        const out = Tensor.map("s - r * log(max(P, 1e-37))", { s, P, r: proximal });
        void out.value;
        return out;
      });
      // Near the end the potentials hardly change.
      const potentials = transport?.potentials;
      const tried = await sinkhorn(C, { ...inner, potentials, epsilon: epsilon + proximal });
      return await measured(
        await runScope(() => {
          // The plan's entries, held apart from what the result keeps.
          const entries = tried.plan.toDense().add(0);
          void entries.value;
          return entries;
        }),
        tried,
      );
    },
    apart: async (one, other) => {
      using moved = Tensor.reduce("sum", "abs(x - y)", { x: one.P, y: other.P });
      return await moved.item();
    },
  };
}
