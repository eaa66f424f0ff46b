/** A progressive partial problem on the host: n samples, K classes, and a virtual class that takes the mass that is left out. */
export interface ProgressiveProblem {
  readonly n: number;
  readonly K: number;
  /** Costs `[n, K]`. */
  readonly C: Float64Array;
  /** Mass of the plan, up to 1. */
  readonly mass: number;
  readonly epsilon: number;
  /** Strength of the penalty on the classes' sizes. */
  readonly gamma: number;
}

/** Potentials of samples and classes, the virtual one last; they go on from one problem to the next. */
export interface ProgressivePotentials {
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/** What is measured at potentials. */
export interface ProgressiveMeasurement {
  /** The plan `[n, K]`, without the virtual class. */
  Q: Float64Array;
  /** ⟨Q, C⟩ */
  cost: number;
  /** Entropy Σ q (log q − 1), that of the virtual class with it, and divergence of the sizes from mass/K: of ε and γ. */
  entropy: number;
  divergence: number;
  /** What a little more mass would cost. */
  level: number;
  /** primal − dual, summed by points. */
  gap: number;
  /** L1 distance of the sums from what the potentials ask for. */
  error: number;
  /** Sizes of the classes. */
  sizes: Float64Array;
}

/** Measures plan, values and errors. */
export function measureProgressive(
  { n, K, C, mass, epsilon, gamma }: ProgressiveProblem,
  { f, g }: ProgressivePotentials,
): ProgressiveMeasurement {
  const Q = new Float64Array(n * K), sizes = new Float64Array(K), nu = mass / K;
  let cost = 0, left = 0, entropy = 0, gap = 0, error = 0;
  for (let i = 0, k = 0; i < n; i++) {
    // ε q (log q − 1), with ε log q = f + g − C.
    const virtual = mass < 1 ? Math.exp((f[i] + g[K]) / epsilon) : 0;
    let sum = virtual;
    left += virtual;
    if (virtual > 0) entropy += virtual * (f[i] + g[K] - epsilon);
    for (let j = 0; j < K; j++, k++) {
      const exponent = f[i] + g[j] - C[k], q = Q[k] = Math.exp(exponent / epsilon);
      sum += q;
      sizes[j] += q;
      cost += q * C[k];
      entropy += q * (exponent - epsilon);
    }
    gap += f[i] * (sum - 1 / n);
    error += Math.abs(sum - 1 / n);
  }
  let penalty = 0;
  for (let j = 0; j < K; j++) {
    const c = sizes[j], own = gamma * ((c > 0 ? c * Math.log(c / nu) : 0) - c + nu);
    penalty += own;
    gap += g[j] * c + own + gamma * nu * Math.expm1(-g[j] / gamma);
    error += Math.abs(c - nu * Math.exp(-g[j] / gamma));
  }
  if (mass < 1) {
    gap += g[K] * (left - (1 - mass));
    error += Math.abs(left - (1 - mass));
  }
  // The mass is in the bound of the virtual class, and in the sizes that the classes are held to.
  const level = sizes.reduce((s, c) => s + gamma / K * (1 - c / nu), mass < 1 ? -g[K] : 0);
  return { Q, cost, entropy: entropy / epsilon, divergence: penalty / gamma, level, gap, error, sizes };
}

/** Iterations between measurements. */
const CHECK = 10;

/**
 * Scaling in the log domain, each half-step a maximum of the dual over one side: samples give 1/n, the virtual class takes 1 − mass, and the
 * others pay γ KL for differing from mass/K; then the best constant between the two. Changes the potentials.
 */
export async function progressiveScaling(
  problem: ProgressiveProblem,
  { f, g }: ProgressivePotentials,
  { maxIterations, target, signal }: { maxIterations: number; target: number; signal?: AbortSignal },
): Promise<ProgressiveMeasurement & { iterations: number }> {
  const { n, K, C, mass, epsilon, gamma } = problem, damping = gamma / (gamma + epsilon);
  const classes = mass < 1 ? K + 1 : K, top = new Float64Array(classes), sums = new Float64Array(classes);
  const cost = (i: number, j: number) => j < K ? C[i * K + j] : 0;
  for (let iterations = 1;; iterations++) {
    for (let i = 0; i < n; i++) {
      let most = -Infinity, s = 0;
      for (let j = 0; j < classes; j++) most = Math.max(most, g[j] - cost(i, j));
      for (let j = 0; j < classes; j++) s += Math.exp((g[j] - cost(i, j) - most) / epsilon);
      f[i] = -epsilon * Math.log(n * s) - most;
    }
    top.fill(-Infinity);
    sums.fill(0);
    for (let i = 0; i < n; i++) for (let j = 0; j < classes; j++) top[j] = Math.max(top[j], f[i] - cost(i, j));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < classes; j++) sums[j] += Math.exp((f[i] - cost(i, j) - top[j]) / epsilon);
    }
    for (let j = 0; j < K; j++) g[j] = damping * (epsilon * Math.log(mass / K / sums[j]) - top[j]);
    if (classes > K) g[K] = epsilon * Math.log((1 - mass) / sums[K]) - top[K];
    moveConstant(f, g, K, gamma);
    if (iterations % CHECK !== 0 && iterations < maxIterations) continue;
    const measured = measureProgressive(problem, { f, g });
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    if (measured.error <= target || iterations >= maxIterations) return { ...measured, iterations };
  }
}

/**
 * Moves the constant between the potentials to where the dual is largest, which leaves the plan as it is: the classes' sizes that g asks for then add
 * up to the mass. Half-steps alone approach that by a factor of only 1 − mass·ε/(γ + ε). Source: Séjourné, Vialard and Peyré, "Faster Unbalanced
 * Optimal Transport" (2022), section 3.
 */
function moveConstant(f: Float64Array, g: Float64Array, K: number, gamma: number): void {
  let least = Infinity, sum = 0;
  for (let j = 0; j < K; j++) least = Math.min(least, g[j]);
  for (let j = 0; j < K; j++) sum += Math.exp((least - g[j]) / gamma);
  const constant = least + gamma * Math.log(K / sum);
  for (let i = 0; i < f.length; i++) f[i] += constant;
  for (let j = 0; j < g.length; j++) g[j] -= constant;
}
