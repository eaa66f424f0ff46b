/** An entropic transport problem on the host, and room for its plan. */
export interface HostDual {
  readonly n: number;
  readonly m: number;
  /** Costs `[n, m]`. */
  readonly C: Float64Array;
  /** Weights `[n]` and `[m]`, of one total. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly epsilon: number;
  /** Logarithm up to which an entry of the plan counts as zero: see {@linkcode logOfNothing}. */
  readonly floor: number;
  /** The plan at the potentials, with its row and column sums. */
  readonly P: Float64Array;
  readonly r: Float64Array;
  readonly c: Float64Array;
}

/** Both potentials; −∞ where a weight is zero. */
export interface HostPotentials {
  f: Float64Array;
  g: Float64Array;
}

/**
 * Logarithm up to which entries of a plan with these weights are nothing: together they are less than e⁻⁴⁰ of any weight, below what f64
 * adds up. For small ε nearly all entries are, and need no exponential.
 */
export function logOfNothing(a: Float64Array, b: Float64Array): number {
  let least = Infinity;
  for (const weights of [a, b]) for (const w of weights) if (w > 0 && w < least) least = w;
  return Math.log(least) - Math.log(Math.max(a.length, b.length)) - 40;
}

/** Fills in P = exp((f + g − C)/ε) and its sums; returns ‖P·1 − a‖₁ + ‖Pᵀ·1 − b‖₁. */
export function fillPlan(dual: HostDual, { f, g }: HostPotentials): number {
  const { n, m, C, a, b, epsilon, floor, P, r, c } = dual, least = epsilon * floor;
  P.fill(0);
  c.fill(0);
  let error = 0;
  for (let i = 0; i < n; i++) {
    const own = f[i];
    let s = 0;
    for (let j = 0, k = i * m; j < m; j++, k++) {
      const v = own + g[j] - C[k];
      if (v > least) {
        const p = Math.exp(v / epsilon);
        P[k] = p;
        s += p;
        c[j] += p;
      }
    }
    r[i] = s;
    error += Math.abs(s - a[i]);
  }
  for (let j = 0; j < m; j++) error += Math.abs(c[j] - b[j]);
  return error;
}

/** The largest entries of the plan in compressed rows; their values stay in P. */
export interface Kept {
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

/** The `count` largest entries of P that are not zero: those above the threshold, and as many equal to it as there is room for. */
export function sparsify({ n, m, P }: HostDual, count: number): Kept {
  let positive = 0;
  for (let k = 0; k < P.length; k++) if (P[k] > 0) positive++;
  const starts = new Uint32Array(n + 1), columns = new Uint32Array(positive), values = new Float64Array(positive);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0, k = i * m; j < m; j++, k++) {
      if (P[k] > 0) {
        columns[at] = j;
        values[at++] = P[k];
      }
    }
    starts[i + 1] = at;
  }
  if (count >= positive) return { starts, columns, values };
  const threshold = kthLargest(values.slice(), count);
  let ties = count;
  for (let k = 0; k < positive; k++) if (values[k] > threshold) ties--;
  // Moved up in their places.
  for (let i = 0, k = 0, at = 0; i < n; i++) {
    for (const end = starts[i + 1]; k < end; k++) {
      if (values[k] > threshold || (values[k] === threshold && ties-- > 0)) {
        columns[at] = columns[k];
        values[at++] = values[k];
      }
    }
    starts[i + 1] = at;
  }
  return { starts, columns: columns.subarray(0, count), values: values.subarray(0, count) };
}

/** The k-th largest of v, which it reorders: Hoare's selection, with the middle of three as pivot. */
export function kthLargest(v: Float64Array, k: number): number {
  let low = 0, high = v.length - 1;
  while (low < high) {
    const [x, y, z] = [v[low], v[(low + high) >> 1], v[high]];
    const pivot = Math.max(Math.min(x, y), Math.min(Math.max(x, y), z));
    let i = low, j = high;
    while (i <= j) {
      while (v[i] > pivot) i++;
      while (v[j] < pivot) j--;
      if (i <= j) {
        const t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
  return v[k - 1];
}

/**
 * Solves ε⁻¹ [diag(r), K; Kᵀ, diag(c)] (df, dg) = (a − r, b − c) for the kept entries K of the plan and its own sums r and c, by
 * conjugate gradients on the Schur complement diag(r) − K diag(c)⁻¹ Kᵀ, preconditioned by diag(r).
 *
 * With all entries kept, 1 is a null vector of the complement (that of a constant moved from g to f): the residual is kept
 * orthogonal to it. With entries left out the matrix is diagonally dominant, so it stays semidefinite.
 */
export function newtonDirection(
  dual: HostDual,
  kept: Kept,
  tolerance: number,
  maxIterations: number,
): { df: Float64Array; dg: Float64Array; iterations: number } {
  const { n, m, a, b, r, c, epsilon } = dual, { starts, columns, values } = kept;
  const under = new Float64Array(m), image = new Float64Array(m);
  for (let j = 0; j < m; j++) under[j] = b[j] > 0 && c[j] > 0 ? (b[j] - c[j]) / c[j] : 0;
  const times = (v: Float64Array, out: Float64Array) => {
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let k = starts[i]; k < starts[i + 1]; k++) s += values[k] * v[columns[k]];
      out[i] = s;
    }
  };
  const transposed = (u: Float64Array, out: Float64Array) => {
    out.fill(0);
    for (let i = 0; i < n; i++) for (let k = starts[i]; k < starts[i + 1]; k++) out[columns[k]] += values[k] * u[i];
    for (let j = 0; j < m; j++) out[j] = c[j] > 0 ? out[j] / c[j] : 0;
  };
  const mass = r.reduce((s, x) => s + x, 0);
  const balance = (v: Float64Array) => {
    const drift = v.reduce((s, x) => s + x, 0) / mass;
    for (let i = 0; i < n; i++) v[i] -= r[i] * drift;
  };
  const residual = new Float64Array(n), u = new Float64Array(n), z = new Float64Array(n), d = new Float64Array(n);
  const product = new Float64Array(n);
  times(under, product);
  for (let i = 0; i < n; i++) residual[i] = r[i] > 0 ? a[i] - r[i] - product[i] : 0;
  balance(residual);
  const precondition = () => {
    let rz = 0;
    for (let i = 0; i < n; i++) {
      z[i] = r[i] > 0 ? residual[i] / r[i] : 0;
      rz += z[i] * residual[i];
    }
    return rz;
  };
  let rz = precondition(), iterations = 0;
  d.set(z);
  const target = rz * tolerance ** 2;
  while (rz > target && iterations < maxIterations) {
    transposed(d, image);
    times(image, product);
    let curvature = 0;
    for (let i = 0; i < n; i++) curvature += d[i] * (product[i] = r[i] * d[i] - product[i]);
    if (!(curvature > 0)) break;
    const alpha = rz / curvature;
    for (let i = 0; i < n; i++) {
      u[i] += alpha * d[i];
      residual[i] -= alpha * product[i];
    }
    balance(residual);
    const next = precondition(), beta = next / rz;
    for (let i = 0; i < n; i++) d[i] = z[i] + beta * d[i];
    rz = next;
    iterations++;
  }
  const dg = new Float64Array(m);
  transposed(u, image);
  // Without the part along (1, −1), which changes no entry of the plan and would only cost digits.
  let shift = 0;
  for (let j = 0; j < m; j++) dg[j] = under[j] - image[j];
  for (let i = 0; i < n; i++) shift += u[i];
  for (let j = 0; j < m; j++) shift -= dg[j];
  shift /= n + m;
  for (let i = 0; i < n; i++) u[i] = a[i] > 0 ? epsilon * (u[i] - shift) : 0;
  for (let j = 0; j < m; j++) dg[j] = b[j] > 0 ? epsilon * (dg[j] + shift) : 0;
  return { df: u, dg, iterations };
}

/** Smallest part of the increase that the gradient promises which a step must reach (Armijo). */
const ARMIJO = 1e-4;
/** Halvings of the step before the direction is given up. */
const HALVINGS = 40;

/**
 * The largest step t of 1, ½, ¼, … along (df, dg), down to `shortest`, with the increase of the dual that Armijo's rule asks for; 0 if there
 * is none. The increase is summed from the changes of the entries, so that it has its digits where it is far below the rounding of the dual:
 *
 *   D(t) − D(0) = t ⟨∇D, d⟩ − ε Σ P (e^x − 1 − x),  x = t (df_i + dg_j)/ε.
 */
export function lineSearch(
  dual: HostDual,
  at: HostPotentials,
  { f: df, g: dg }: HostPotentials,
  shortest = 0,
): number {
  const { n, m, C, a, b, P, r, c, epsilon, floor } = dual, { f, g } = at;
  let slope = 0;
  for (let i = 0; i < n; i++) slope += (a[i] - r[i]) * df[i];
  for (let j = 0; j < m; j++) slope += (b[j] - c[j]) * dg[j];
  if (!(slope > 0)) return 0;
  const least = epsilon * floor;
  for (let halvings = 0, t = 1; halvings < HALVINGS && t >= shortest; halvings++, t /= 2) {
    let excess = 0;
    const most = (1 - ARMIJO) * t * slope / epsilon;
    const moved = g.map((x, j) => x + t * dg[j]), changes = dg.map((x) => t * x / epsilon);
    for (let i = 0; i < n && excess <= most; i++) {
      const own = f[i] + t * df[i], change = t * df[i] / epsilon;
      for (let j = 0, k = i * m; j < m; j++, k++) {
        const p = P[k];
        if (p > 0) {
          const x = change + changes[j];
          excess += p *
            (x > -0.05 && x < 0.05
              ? x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x / 720))))
              : Math.exp(x) - 1 - x);
        } else {
          // Entries that were nothing may come back.
          const v = own + moved[j] - C[k];
          if (v > least) excess += Math.exp(v / epsilon);
        }
      }
    }
    if (excess <= most) return t;
  }
  return 0;
}
