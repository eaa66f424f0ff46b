/**
 * The oracle fixtures: what is in them, and how to read them.
 *
 * @module
 */

/** A number, or an array of numbers nested as deep as the array it stands for has axes. */
export type Nested = number | Nested[];

/** One ε of a transport problem with its optimum. */
export interface SinkhornSolution {
  /** ε over the largest cost, before rounding to single precision. */
  fraction: number;
  epsilon: number;
  /** Row potentials; `null` stands for −∞, at points without weight. */
  f: (number | null)[];
  /** Column potentials; `null` as in `f`. */
  g: (number | null)[];
  /** `⟨P, C⟩`. */
  cost: number;
  /** `−Σ P (log P − 1)`. */
  entropy: number;
  /** `⟨f, a⟩ + ⟨g, b⟩ − ε Σ P`, equal to `cost − ε·entropy` at the optimum. */
  dual: number;
  /** L1 distance of the plan's row and column sums from `a` and `b`. */
  marginalError: { rows: number; columns: number };
}

/** A transport problem; the plan is `P_ij = exp((f_i + g_j − C_ij) / ε)`, without weights in it. */
export interface SinkhornCase {
  name: string;
  metric: "sqeuclidean" | "euclidean" | "greatCircle" | "matrix";
  /** Points `[n, d]`; for `greatCircle` longitude and latitude in degrees, the cost being in km on a sphere of 6371 km. */
  x?: number[][];
  /** Points `[m, d]`. */
  y?: number[][];
  /** The cost `[n, m]` where it is given instead of points. */
  costMatrix?: number[][];
  a: number[];
  b: number[];
  maxCost: number;
  /** The optimal cost without regularisation. */
  emd: number;
  solutions: SinkhornSolution[];
}

/** A Sinkhorn divergence by POT's plans. */
export interface DivergenceCase {
  name: string;
  x: number[][];
  y: number[][];
  a: number[];
  b: number[];
  epsilon: number;
  /** Feydy et al.: regularized values with the Kullback–Leibler divergence from a ⊗ b. */
  divergence: number;
  /** POT's `empirical_sinkhorn_divergence`: transport costs only, negative ones as 0. */
  costs: number;
}

/** A barycenter on a fixed support; on a `grid` the cost is the squared distance of the cells. */
export interface BarycenterCase {
  name: string;
  kind: "points" | "matrix" | "grid";
  distributions: number[][];
  epsilon: number;
  weights: number[];
  barycenter: number[];
  points?: number[][];
  support?: number[][];
  costMatrix?: number[][];
  grid?: [number, number];
}

/** A barycenter of free support, all masses equal; `objective` is Σ λ_k W₂²(support, measure k). */
export interface FreeBarycenterCase {
  name: string;
  measures: number[][][];
  weights: number[];
  init: number[][];
  support: number[][];
  objective: number;
}

/** An entropic Gromov–Wasserstein plan that POT reached from p qᵀ, and its distortion. */
export interface GromovCase {
  name: string;
  c1: number[][];
  c2: number[][];
  p: number[];
  q: number[];
  loss: "square_loss" | "kl_loss";
  epsilon: number;
  plan: number[][];
  distance: number;
}

/** The same of points with squared distances; `least` is the least distortion that POT found without entropy. */
export interface GromovPointsCase {
  name: string;
  x: number[][];
  y: number[][];
  p: number[];
  q: number[];
  epsilon: number;
  plan: number[][];
  distance: number;
  least: number;
}

/** `c = a b`, batched over leading axes. */
export interface MatmulCase {
  name: string;
  a: Nested;
  b: Nested;
  c: Nested;
}

/** Reductions of `x` over one axis, or over all of them where `axis` is `null`; `norm` is Euclidean. */
export interface ReduceCase {
  name: string;
  x: Nested;
  axis: number | null;
  sum: Nested;
  mean: Nested;
  max: Nested;
  min: Nested;
  argmax: Nested;
  argmin: Nested;
  norm: Nested;
  logsumexp: Nested;
}

/** Softmax and its relatives along the last axis. */
export interface SoftmaxCase {
  name: string;
  x: Nested;
  axis: number;
  softmax: Nested;
  logSoftmax: Nested;
  logsumexp: Nested;
}

/** `take`: rows of `x` along `axis`; `scatterAdd`: `updates` added onto a copy of `x` at rows that may repeat. */
export interface IndexCase {
  op: "take" | "scatterAdd";
  name: string;
  x: Nested;
  axis: number;
  indices: number[];
  updates?: Nested;
  result: Nested;
}

/** Philox4x32-10: four output words for a counter and a key; the first `published` cases are the authors' own vectors. */
export interface PhiloxCase {
  counter: [number, number, number, number];
  key: [number, number];
  output: [number, number, number, number];
}

/** A sparse matrix from triplets, and what SciPy makes of it: CSR arrays, products, reductions of rows. */
export interface SparseCase {
  name: string;
  shape: [number, number];
  rows: number[];
  columns: number[];
  values: number[];
  /** SciPy's `indptr`, `indices` and `data`, sorted and without duplicates. */
  starts: number[];
  indices: number[];
  data: number[];
  b: number[][];
  u: number[][];
  /** S b. */
  product: number[][];
  /** Sᵀ u. */
  transposed: number[][];
  /** u bᵀ at the entries. */
  sampled: number[];
  sum: number[];
  max: number[];
  /** Over the entries of each row. */
  softmax: number[];
}

/** Prefix sums, maxima and the recurrence h_t = a h_{t−1} + x_t along an axis. */
export interface ScanCase {
  name: string;
  x: Nested;
  axis: number;
  a: number;
  sum: Nested;
  max: Nested;
  linear: Nested;
}

/** A matrix and what SciPy finds of it in double precision. */
export interface LinalgCase {
  name: string;
  shape: [number, number];
  /** Elements in row-major order. */
  a: number[];
  /** Singular values, descending. */
  s: number[];
  /** Singular values above 1e-5 of the largest. */
  rank: number;
  /** The largest of them over the smallest. */
  kappa: number;
  /** Of the symmetric matrix with this lower triangle, ascending; of square matrices, like the next two. */
  eigenvalues?: number[];
  sign?: number;
  logAbsDet?: number;
  /** Two right-hand sides, `[m, 2]`; where there are elements, like the next two. */
  b?: number[];
  /** Least squares with singular values below 1e-5 of the largest taken for zero, `[n, 2]`. */
  x?: number[];
  residuals?: number[];
}

/** Norms of a matrix of `linalg` or `linalg_adversarial` by NumPy, by the name of `ord`; `null` where it refuses. */
export interface NormsCase {
  name: string;
  norm: Record<string, number | null>;
  /** Vector norms of the rows, of small matrices. */
  rows: Record<string, number[] | null> | null;
  cond: Record<string, number | null>;
}

/** Pseudoinverse of such a matrix with singular values below 1e-5 of the largest taken for zero, `[n, m]`, and ranks by `rtol`. */
export interface PinvCase {
  name: string;
  pinv: number[];
  ranks: Record<string, number>;
}

/** A matrix and a function of it, to all digits of double precision. */
export interface FunctionCase {
  name: string;
  of: "expm" | "sqrtm" | "sign" | "polar";
  shape: [number, number];
  a: number[];
  /** Of `polar` the factor p. */
  result: number[];
  /** By how much a relative change of the matrix grows in the result, in Frobenius norms. */
  kappa: number;
  /** The other factor and its condition, where the rank is full. */
  u?: number[];
  kappaU?: number;
}

/** SciPy's `fft` and `ifft` of x + iy along an axis. */
export interface FftCase {
  name: string;
  shape: number[];
  axis: number;
  norm: "backward" | "ortho" | "forward";
  x: number[];
  y: number[];
  re: number[];
  im: number[];
  inverseRe: number[];
  inverseIm: number[];
}

/** SciPy's `rfft` of x with length n, and `irfft` of u + iv. */
export interface RfftCase {
  name: string;
  n: number;
  norm: "backward" | "ortho" | "forward";
  x: number[];
  re: number[];
  im: number[];
  u: number[];
  v: number[];
  inverse: number[];
}

/** SciPy's `dct` or `dst` of x, and `idct` or `idst` of it. */
export interface TrigonometricCase {
  type: 1 | 2 | 3 | 4;
  norm: "backward" | "ortho" | "forward";
  x: number[];
  y: number[];
  inverse: number[];
}

/** Products with SciPy's Hadamard matrix, and with its rows in the order of their changes of sign. */
export interface HadamardCase {
  x: number[];
  natural: number[];
  sequency: number[];
}

/** Products with a Toeplitz matrix `[m, n]` and with TᵀT, with a Hankel matrix of the column and `hankelRow`, and with the circulant of the row. */
export interface ToeplitzCase {
  shape: [number, number];
  column: number[];
  row: number[];
  x: number[][];
  product: number[][];
  transposed: number[][];
  hankelRow: number[];
  hankel: number[][];
  circulant: number[][];
}

/** What an iterative method of SciPy found: its verdict (0: converged), its iterations and the residual recomputed. */
export interface IterativeAnswer {
  x: number[];
  info: number;
  iterations: number;
  residual: number;
}

/** A problem for the iterative and randomized methods; which fields there are depends on `kind`. */
export interface IterativeCase {
  name: string;
  kind: "system" | "leastSquares" | "eigen" | "lowRank";
  shape: [number, number];
  a: number[];
  /** The right-hand side; of a pencil the other matrix. */
  b?: number[];
  /** Condition number. */
  kappa?: number;
  /** The solution, or all eigenvalues, by a factorization. */
  exact?: number[];
  cg?: IterativeAnswer;
  minres?: IterativeAnswer;
  gmres?: IterativeAnswer;
  damp?: number;
  lsmr?: { x: number[]; iterations: number; residual: number; normalResidual: number };
  k?: number;
  /** The k largest eigenvalues. */
  eigsh?: number[];
  /** The k smallest. */
  lobpcg?: number[];
  /** Singular values. */
  s?: number[];
  tolerance?: number;
  /** Rank and error of SciPy's interpolative decomposition to the tolerance, and its error at `rank`. */
  toleranceRank?: number;
  toleranceError?: number;
  rank?: number;
  rankError?: number;
}

/** A transport problem whose marginals need not be the weights; see `unbalanced_fixtures.py`. */
export interface RelaxedCase {
  cost: number[][];
  a: number[];
  b: number[];
}

/** A transport problem with POT's optimal cost; an assignment with SciPy's, of which `a` and `b` are absent. */
export interface ExactCase {
  name: string;
  costMatrix: number[][];
  a?: number[];
  b?: number[];
  cost: number;
}

/** Weighted points on a line or on the circle of length 1, and the least Σ P |x − y|^p. */
export interface LineCase {
  name: string;
  x: number[];
  y: number[];
  a: number[];
  b: number[];
  p: number;
  cost: number;
}

/** Points, projections `[L, d]`, and POT's sliced distances: the p-mean over the projections, and the largest. */
export interface SlicedCase {
  name: string;
  x: number[][];
  y: number[][];
  a?: number[];
  b?: number[];
  p: number;
  projections: number[][];
  sliced: number;
  largest: number;
}

/** A transport problem between the cells of a grid; see `grid_fixtures.py`. Potentials as in {@linkcode SinkhornSolution}. */
export interface GridCase {
  name: string;
  shape: number[];
  spacing: number[];
  metric: string;
  a: number[];
  b: number[];
  epsilon: number;
  f: (number | null)[];
  g: (number | null)[];
  cost: number;
  dual: number;
}

/** A weighted graph with SciPy's exp(−(ε/4) L), the same by implicit steps, and the transport problem of the cost −ε log K. */
export interface HeatCase {
  name: string;
  nodes: number;
  edges: [number, number][];
  weights: number[];
  epsilon: number;
  steps: number;
  kernel: number[][];
  implicit: number[][];
  a: number[];
  b: number[];
  f: (number | null)[];
  g: (number | null)[];
  cost: number;
  dual: number;
}

/** What each fixture file holds. */
export interface Fixtures {
  sinkhorn_sqeuclidean: { convention: string; cases: SinkhornCase[] };
  sinkhorn_euclidean: { convention: string; cases: SinkhornCase[] };
  sinkhorn_great_circle: { convention: string; cases: SinkhornCase[] };
  sinkhorn_matrix: { convention: string; cases: SinkhornCase[] };
  sinkhorn_degenerate: { convention: string; cases: SinkhornCase[] };
  sinkhorn_divergence: { cases: DivergenceCase[] };
  exact_plans: { cases: ExactCase[] };
  assignments: { cases: ExactCase[] };
  wasserstein_1d: { cases: LineCase[] };
  wasserstein_circle: { cases: LineCase[] };
  sliced_wasserstein: { cases: SlicedCase[] };
  sinkhorn_grid: { cases: GridCase[] };
  heat_kernels: { cases: HeatCase[] };
  barycenters: { convention: string; cases: BarycenterCase[] };
  free_barycenters: { convention: string; cases: FreeBarycenterCase[] };
  gromov_wasserstein: { convention: string; cases: GromovCase[] };
  gromov_points: { convention: string; cases: GromovPointsCase[] };
  matmul: { cases: MatmulCase[] };
  reduce: { cases: ReduceCase[] };
  softmax: { cases: SoftmaxCase[] };
  index: { cases: IndexCase[] };
  sparse: { cases: SparseCase[] };
  linalg: { cases: LinalgCase[] };
  norms: { cases: NormsCase[] };
  pinv: { cases: PinvCase[] };
  matrix_functions: { cases: FunctionCase[] };
  linalg_adversarial: { cases: LinalgCase[] };
  iterative: { tolerance: number; cases: IterativeCase[] };
  scan: { cases: ScanCase[] };
  fft: { cases: FftCase[] };
  rfft: { cases: RfftCase[] };
  dct: { cases: TrigonometricCase[] };
  dst: { cases: TrigonometricCase[] };
  hadamard: { cases: HadamardCase[] };
  toeplitz: { cases: ToeplitzCase[] };
  /** Entropy ε Σ P (log P − 1), penalties ρ KL. */
  unbalanced: { cases: (RelaxedCase & { epsilon: number; rho: number; plan: number[][] })[] };
  /** Optimal values without entropy, for penalties ρ KL and ρ TV. */
  unbalanced_limits: { cases: (RelaxedCase & { rho: number; kl: number; tv: number })[] };
  /** `exact` is the cost of the best plan of this mass, `plan` the one with entropy. */
  partial_transport: {
    cases: (RelaxedCase & { mass: number; epsilon: number; exact: number; plan: number[][] })[];
  };
  /** Value of ⟨P, C⟩ + γ/2 ‖P‖², and the least cost. */
  quadratic_transport: {
    cases: (RelaxedCase & { gamma: number; value: number; marginalError: number; emd: number })[];
  };
  philox: { generator: string; published: number; cases: PhiloxCase[] };
}

// JSON has no numbers for these three, so the script writes their names.
const NON_FINITE = new Map([["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]]);

/** Reads `fixtures/<name>.json`, with NaN and the infinities as numbers again. */
export function load<Name extends keyof Fixtures>(name: Name): Fixtures[Name] {
  const text = Deno.readTextFileSync(new URL(`./fixtures/${name}.json`, import.meta.url));
  return JSON.parse(text, (_, value) => NON_FINITE.get(value) ?? value);
}
