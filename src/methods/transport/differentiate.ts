import { grad, Tensor, withVjp } from "../../tensor/mod.ts";
import { solveDual } from "./dual_system.ts";
import { dualValue, type Pair, type Problem, type Tensors, tensorsOf, withTensors } from "./problem.ts";

/** What a solution carries its derivative in: the potentials, and the dual value. */
export interface Joined extends Pair {
  /** The dual value, a scalar. */
  readonly value: Tensor;
}

/**
 * Joins the solution of a problem to what the problem is made of, by implicit differentiation. With p and q the fine parts of the potentials,
 * the solution satisfies P·1 = a and Pᵀ·1 = b for P = exp((F_i + G_j − C_ij)/ε + p_i + q_j), so
 *
 *   M d(p, q) = d(a, b) − ∂(P·1, Pᵀ·1) dθ  at fixed p and q,
 *
 * with the matrix M of `solveDual`. With (u, w) = M⁺ (p̄, q̄) the cotangent of θ is that of ⟨u, a⟩ + ⟨w, b⟩ − Σ P_ij (u_i + w_j), which
 * streams over the pairs like the iterations. The dual value needs no system: at its maximum over the potentials its derivative is that at
 * fixed potentials (the envelope theorem; Peyré and Cuturi, "Computational Optimal Transport", 2019, section 9.1). M is singular, as
 * the potentials are determined up to a constant; the derivative is that of least norm. Rows and columns of weight 0 have none.
 */
export async function joinSolution(problem: Problem, { f, g }: Pair, value: Tensor): Promise<Joined> {
  // −∞ where a weight is zero would be multiplied by 0.
  const finite = (x: Tensor) => Tensor.map("max(x, -1e30)", { x });
  using F = finite(f.coarse);
  using G = finite(g.coarse);
  const inputs = { ...tensorsOf(problem), F, G };
  const outputs = { p: f.fine, q: g.fine, value };
  await withVjp("sinkhorn", inputs, outputs, async ({ inputs, outputs, cotangents, wanted }) => {
    const { F, G } = inputs, { p, q } = outputs;
    const at: Pair = { f: { coarse: F, fine: p }, g: { coarse: G, fine: q } };
    const through = cotangents.p || cotangents.q
      ? await solveDual(withTensors(problem, inputs), at, cotangents.p ?? p.mul(0), cotangents.q ?? q.mul(0))
      : undefined;
    const lagrangian = (given: Tensors): Tensor => {
      const own = withTensors(problem, { ...inputs, ...given });
      const parts: Tensor[] = [];
      if (cotangents.value) parts.push(dualValue(own, at).mul(cotangents.value));
      if (through) {
        const { u, w } = through, weights = own.a.mul(u).sum().add(own.b.mul(w).sum());
        parts.push(weights.sub(own.geometryOf(own.cost).weighted(at.f, at.g, own.epsilon, [[u, w]]).sum()));
      }
      return parts.reduce((x, y) => x.add(y));
    };
    return grad(lagrangian, { unreached: "zeros" })(
      Object.fromEntries([...wanted].map((name) => [name, inputs[name]])),
    );
  });
  return { f, g, value };
}

/**
 * Sinkhorn's plain iterations in the log domain, from zero potentials, each of them a step of the differentiation: memory grows with their
 * number. Stops as `sinkhorn` does.
 */
export async function unrolled(
  problem: Problem,
  settings: { maxIterations: number; target: number; signal?: AbortSignal },
): Promise<Joined & { iterations: number; error: number }> {
  const { a, b, cost, epsilon } = problem, geometry = problem.geometryOf(cost), { n, m } = geometry;
  const zeros = (count: number) => Tensor.of(a.device, new Float32Array(count), [count]);
  const [F, G] = [zeros(n), zeros(m)];
  let p = zeros(n), q = zeros(m);
  for (let iteration = 1;; iteration++) {
    p = a.log().sub(geometry.logSum("rows", { coarse: G, fine: q }, epsilon));
    q = b.log().sub(geometry.logSum("columns", { coarse: F, fine: p }, epsilon));
    if (iteration % 10 !== 0 && iteration < settings.maxIterations) continue;
    settings.signal?.throwIfAborted();
    const f = { coarse: F, fine: p }, g = { coarse: G, fine: q };
    const error = await Tensor.reduce("sum", "abs(s - a)", { s: geometry.marginal("rows", f, g, epsilon), a }).item();
    if (error <= settings.target || iteration >= settings.maxIterations) {
      return { f, g, value: dualValue(problem, { f, g }), iterations: iteration, error };
    }
  }
}
