/** How a plan's marginal r is held to a weight a: ρ KL(r | a) = ρ Σ (r log(r/a) − r + a), or ρ TV = ρ Σ |r − a|; ρ = ∞ holds r = a. */
export interface MarginalPenalty {
  readonly kind: "kl" | "tv";
  /** Strength ρ in the cost's unit, up to ∞. */
  readonly rho: number;
}

/** A strength that stands for ∞ in formulas on the device. */
const HUGE = 1e30;

/** Numbers that the formulas below read, for a side with a penalty. */
export function penaltyInputs(
  { rho }: MarginalPenalty,
  epsilon: number,
): Record<"kappa" | "rest" | "bound" | "perRho" | "rho", number> {
  const finite = rho < Infinity;
  return {
    // ρ/(ρ + ε) and 1 minus it, which would cancel.
    kappa: finite ? rho / (rho + epsilon) : 1,
    rest: finite ? epsilon / (rho + epsilon) : 0,
    bound: finite ? Math.min(rho / epsilon, HUGE) : HUGE,
    perRho: finite ? 1 / rho : 0,
    rho: finite ? rho : HUGE,
  };
}

// In the formulas: a the weight, l = log α of the reference, F + ε p the potential with ε l in it (P = exp((F + G − C)/ε + p + q)), and
// h = F/ε + p − l the potential itself over ε. A weight of 0 has log a = −∞, which TV then cuts off.
const LOG_A = "(a > 0 ? log(a) : -1e30)";
const H = "(F / eps + p - l)";

/**
 * The maximum of the dual over a side's potential, over ε, as l + …: by the log-sum-exp s of the other side. For KL
 * h = −κ (s − log(a/α)), for TV h = log(a/α) − s within ±ρ/ε. Source: Chizat, Peyré, Schmitzer and Vialard, "Scaling Algorithms for
 * Unbalanced Optimal Transport Problems" (2018), section 4 and table 1, in the log domain.
 */
export const FROM_SUMS = {
  kl: "l + kappa * (log(a) - l - s)",
  tv: `l + clamp(${LOG_A} - l - s, -bound, bound)`,
};

/** The same from the plan's marginal s at the old potentials: p plus a change that is small near the solution. */
export const FROM_MASSES = {
  kl: `p + kappa * (log(a) - log(clamp(s, 1e-35, 1e35))) - rest * ${H}`,
  tv: `p + clamp(${LOG_A} - log(clamp(s, 1e-35, 1e35)), -bound - ${H}, bound - ${H})`,
};

/** What of the marginal s the potential does not account for: the gradient of the dual (for TV its distance from 0), to be summed. */
export const VIOLATION = {
  kl: `live > 0 ? abs(s - a * exp(-(F + eps * (p - l)) * perRho)) : 0`,
  tv: "live > 0 ? (" +
    `${H} >= bound * (1 - 1e-5) ? max(s - a, 0) : ${H} <= -bound * (1 - 1e-5) ? max(a - s, 0) : abs(s - a)) : 0`,
};

/** −φ*(−f): the part of a point with weight a in the dual value; h = f. */
export const DUAL_PART = {
  kl: "a > 0 ? (perRho > 0 ? -a * rho * expm1(-h * perRho) : a * h) : 0",
  tv: "a > 0 ? a * clamp(h, -rho, rho) : 0",
};

/** The penalty of a marginal r, and the part of the dual value at the potential f, of one point with weight a. */
export function penaltyParts(
  { kind, rho }: MarginalPenalty,
  r: number,
  a: number,
  f: number,
): [primal: number, dual: number] {
  if (rho === Infinity) return [0, a > 0 ? a * f : 0];
  if (kind === "tv") return [rho * Math.abs(r - a), a * Math.max(-rho, Math.min(rho, f))];
  if (a === 0) return [0, 0];
  return [rho * ((r > 0 ? r * Math.log(r / a) : 0) - r + a), -rho * a * Math.expm1(-f / rho)];
}
