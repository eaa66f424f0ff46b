import { grad, stopGradient, Tensor, withVjp } from "../../tensor/mod.ts";
import { type Pair, type Problem, type Tensors, tensorsOf, withTensors } from "./problem.ts";

/** Iterations after which the system is given up. */
const MAX_ITERATIONS = 2000;
/** Iterations between two looks at the residual. */
const CHECK = 10;
/** Looks without progress after which rounding is taken to have the last word. */
const PATIENCE = 12;

/** A vector of the dual system: one part per side. */
export interface DualVector {
  readonly u: Tensor;
  readonly w: Tensor;
}

/**
 * Solves M (u, w) = (s, t) for the matrix of the optimality conditions in the potentials, in units of ε,
 *
 *   M = [diag(P·1), P; Pᵀ, diag(Pᵀ·1)],
 *
 * symmetric, positive semidefinite, with the null vector (1, −1): the part of the right side along it is left out, and the solution has
 * none. It is differentiable: with (y, z) = M⁺ (ū, w̄) the cotangent of the right side is (y, z), and that of what P depends on is that of
 * −⟨(y, z), M (u, w)⟩ = −Σ_ij P_ij (y_i + z_j)(u_i + w_j).
 */
export async function solveDual(problem: Problem, { f, g }: Pair, s: Tensor, t: Tensor): Promise<DualVector> {
  const solution = await conjugateGradients(
    withTensors(problem, stopGradient(tensorsOf(problem))),
    stopGradient({ f, g }),
    stopGradient(s),
    stopGradient(t),
  );
  const inputs = { ...tensorsOf(problem), F: f.coarse, p: f.fine, G: g.coarse, q: g.fine, s, t };
  return await withVjp("sinkhorn", inputs, { ...solution }, async ({ inputs, outputs, cotangents, wanted }) => {
    const { F, p, G, q } = inputs, { u, w } = outputs;
    const own = withTensors(problem, inputs), zero = (like: Tensor) => like.mul(0);
    const { u: y, w: z } = await solveDual(
      own,
      { f: { coarse: F, fine: p }, g: { coarse: G, fine: q } },
      cotangents.u ?? zero(u),
      cotangents.w ?? zero(w),
    );
    const names = [...wanted].filter((name) => name !== "s" && name !== "t");
    const result: Record<string, Tensor> = { s: y, t: z };
    if (names.length === 0) return result;
    const bilinear = (given: Tensors): Tensor => {
      const all = { ...inputs, ...given }, { cost, geometryOf, epsilon } = withTensors(problem, all);
      const at = { f: { coarse: F, fine: all.p }, g: { coarse: G, fine: all.q } };
      return geometryOf(cost).weighted(at.f, at.g, epsilon, [[y, z], [u, w]]).sum().neg();
    };
    const given = Object.fromEntries(names.map((name) => [name, inputs[name]]));
    return { ...result, ...grad(bilinear, { unreached: "zeros" })(given) };
  });
}

/**
 * Eliminates w = (t − Pᵀu) / c and solves (diag(r) − P diag(1/c) Pᵀ) u = s − P (t/c) by conjugate gradients, preconditioned by r = P·1;
 * c = Pᵀ·1. Every product streams.
 */
async function conjugateGradients(problem: Problem, { f, g }: Pair, s: Tensor, t: Tensor): Promise<DualVector> {
  const { epsilon, a, b } = problem, geometry = problem.geometryOf(problem.cost);
  using r = geometry.marginal("rows", f, g, epsilon);
  using c = geometry.marginal("columns", f, g, epsilon);
  const { n, m } = geometry, plan = geometry.plan(f, g, epsilon);
  // Rows and columns without weight take no part.
  using gap = Tensor.map("s - t", { s: masked(s, a).sum(), t: masked(t, b).sum() });
  using count = Tensor.map("x + y", { x: a.greater(0).sum(), y: b.greater(0).sum() });
  using right = Tensor.map("w > 0 ? s - d / k : 0", { w: a, s, d: gap, k: count });
  using below = Tensor.map("w > 0 ? t + d / k : 0", { w: b, t, d: gap, k: count });
  const over = (v: Tensor, by: Tensor) => Tensor.map("c > 0 ? v / c : 0", { v, c: by });
  const system = (u: Tensor): Tensor => {
    using back = plan.applyTransposed(u);
    using scaled = over(back, c);
    using image = plan.apply(scaled);
    return Tensor.map("w > 0 ? r * u - x : 0", { w: a, r, u, x: image });
  };
  using scaled = over(below, c);
  using image = plan.apply(scaled);
  using mass = r.sum();
  // The right side has no part along the null vector 1, but rounding gives it one, on which the iterations would run away.
  const balanced = (v: Tensor): Tensor => {
    using drift = v.sum();
    return Tensor.map("v - r * drift / mass", { v, r, drift, mass });
  };
  using start = Tensor.map("w > 0 ? s - x : 0", { w: a, s: right, x: image });
  let residual = balanced(start);
  let u = residual.mul(0), z = over(residual, r), d = z.add(0), rz = dot(residual, z);
  using size = dot(right, over(right, r));
  using size2 = dot(below, over(below, c));
  const scale = await size.item() + await size2.item(), unit = residual.dtype === "f64" ? 2 ** -53 : 2 ** -24;
  // As far as rounding of sums over n + m terms lets it go, in the norm of the preconditioner.
  const target = (64 * unit) ** 2 * Math.sqrt(n + m) * scale;
  let left = await rz.item(), since = 0, best = { left, u: u.add(0) };
  for (let k = 1; k <= MAX_ITERATIONS && left > target && since < PATIENCE; k++) {
    using Ad = system(d);
    using dAd = dot(d, Ad);
    using alpha = Tensor.map("q > 0 ? x / q : 0", { x: rz, q: dAd });
    using drifting = Tensor.map("r - x * y", { r: residual, x: alpha, y: Ad });
    const next = { u: Tensor.map("u + x * d", { u, x: alpha, d }), residual: balanced(drifting) };
    const nextZ = over(next.residual, r), nextRz = dot(next.residual, nextZ);
    using beta = Tensor.map("y > 0 ? x / y : 0", { x: nextRz, y: rz });
    const nextD = Tensor.map("z + x * d", { z: nextZ, x: beta, d });
    for (const part of [next.u, next.residual, nextD]) void part.value;
    for (const old of [u, residual, z, rz, d]) old.dispose();
    [u, residual, z, rz, d] = [next.u, next.residual, nextZ, nextRz, nextD];
    if (k % CHECK === 0) {
      left = await rz.item();
      since = left < 0.5 * best.left ? 0 : since + 1;
      if (left < best.left) {
        best.u.dispose();
        best = { left, u: u.add(0) };
      }
    }
  }
  if (!(best.left <= 1e4 * target)) {
    console.warn(
      `the gradient of sinkhorn: its linear system was solved to a relative residual of ${
        Math.sqrt(best.left / scale).toExponential(1)
      } only: try a larger epsilon`,
    );
  }
  for (const part of [u, residual, z, rz, d]) part.dispose();
  u = best.u;
  using last = plan.applyTransposed(u);
  using w = Tensor.map("c > 0 ? (t - x) / c : 0", { c, t: below, x: last });
  // Without the part along the null vector.
  using shift = Tensor.map("(x - y) / k", { x: masked(u, a).sum(), y: masked(w, b).sum(), k: count });
  const solution = {
    u: Tensor.map("w > 0 ? u - h : 0", { w: a, u, h: shift }),
    w: Tensor.map("b > 0 ? w + h : 0", { b, w, h: shift }),
  };
  for (const part of [solution.u, solution.w]) void part.value;
  u.dispose();
  return solution;
}

function dot(x: Tensor, y: Tensor): Tensor {
  return Tensor.reduce("sum", "x * y", { x, y });
}

function masked(x: Tensor, weight: Tensor): Tensor {
  return Tensor.map("w > 0 ? x : 0", { x, w: weight });
}
