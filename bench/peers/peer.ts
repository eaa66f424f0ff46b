/**
 * What every peer offers, and the inputs and the check that all of them share.
 *
 * @module
 */

/** Where a measured section starts and ends, such as a `Deno.BenchContext`. */
export interface Watch {
  start(): void;
  end(): void;
}

/** How a job is measured. */
export interface JobOptions {
  /** Brackets the measured section. */
  watch?: Watch;
  /**
   * How often the section has the computation, one after the other, each result but the last freed at once. Default 1. One short
   * call after a wait is slower than the next ones: the system has to bring its threads onto their cores again.
   */
  repeat?: number;
}

/**
 * A prepared computation. Resolves, once the result is really there, to the milliseconds that the computation alone took: without
 * transfers, and without Deno's fixed 10 ms sleep after a wait for a GPU. With `repeat`, those of one of them.
 */
export interface Job {
  (options?: JobOptions): Promise<number>;
  /** Computes once more and sums the result up, to be compared with another peer's by {@linkcode difference}. */
  checksum(): Promise<Checksum>;
  /** Frees what the job holds. */
  dispose(): void;
  /** What the last call says of itself. */
  note?(): string;
}

/**
 * What is raced, each operation made for given sizes. All inputs come from {@linkcode uniform} and {@linkcode indices}, so all peers
 * compute on the same numbers.
 */
export interface Operations {
  /** `2x + y` of `x = uniform(n, 1)`, `y = uniform(n, 2)`. */
  axpy?(n: number): Promise<Job>;
  /** `exp(uniform(n, 1))`. */
  exp?(n: number): Promise<Job>;
  /** The elementwise chain `sqrt(2|x| + 1)·exp(−x²) + x/2` of `uniform(n, 1)`. */
  chain?(n: number): Promise<Job>;
  /** The sum of `|uniform(n, 1)|`. */
  sum?(n: number): Promise<Job>;
  /** Sums of the columns of `|uniform(rows·columns, 1)|`. */
  sumColumns?(rows: number, columns: number): Promise<Job>;
  /** The position of the largest of `uniform(n, 1)`. */
  argmax?(n: number): Promise<Job>;
  /** Log-sum-exp of each row of `8·uniform(rows·columns, 1)`. */
  logsumexp?(rows: number, columns: number): Promise<Job>;
  /** Softmax of each row of `8·uniform(rows·columns, 1)`. */
  softmax?(rows: number, columns: number): Promise<Job>;
  /** Prefix sums of `uniform(n, 1)`. */
  cumsum?(n: number): Promise<Job>;
  /** `A B` with `A = uniform(m·k, 1)` as `[m, k]` and `B = uniform(k·n, 2)` as `[k, n]`. */
  matmul?(m: number, k: number, n: number): Promise<Job>;
  /** `A Bᵀ` with `A = uniform(n·n, 1)` and `B = uniform(n·n, 2)`. */
  matmulTransposed?(n: number): Promise<Job>;
  /** `batch` products of `[n, n]` matrices, `uniform(batch·n·n, 1)` and `uniform(batch·n·n, 2)`. */
  matmulBatched?(batch: number, n: number): Promise<Job>;
  /**
   * One potential update of log-domain Sinkhorn, `f_i = −log Σ_j exp(g_j − C_ij/ε)`, for the squared distances of `n` points in
   * the plane, ε a hundredth of the largest, and `g = uniform(n, 3)`; by contestant, every form in which the library can do it.
   */
  sinkhornHalfStep?(n: number): Readonly<Record<string, () => Promise<Job>>>;
  /** For each of `uniform(n·d, 1)` as `[n, d]`, the position of the nearest of `uniform(m·d, 2)` as `[m, d]`. */
  nearest?(n: number, m: number, d: number): Promise<Job>;
  /** Rows `indices(m, n)` of `uniform(n·d, 1)` seen as `[n, d]`. */
  gather?(n: number, d: number, m: number): Promise<Job>;
  /** `uniform(n·d, 1)` seen as `[n, d]`, plus the rows of `uniform(m·d, 2)` added at `indices(m, n)`. */
  scatterAdd?(n: number, d: number, m: number): Promise<Job>;
  /** `uniform(n·d, 1)` and `uniform(n·d, 2)`, seen as `[n, d]`, side by side. */
  concatenate?(n: number, d: number): Promise<Job>;
  /**
   * `S B` for the sparse `S` `[n, n]` of `count` triplets, rows `indices(count, n, 5)`, columns `indices(count, n, 6)` and values
   * `uniform(count, 1)`, those of one place added up, and `B = uniform(n·p, 2)` as `[n, p]`.
   */
  sparseMatmul?(n: number, count: number, p: number): Promise<Job>;
  /** `S v` for the same `S` and `v = uniform(n, 2)`. */
  sparseVector?(n: number, count: number): Promise<Job>;
  /** The entries of `S` in the order of compressed rows, from its triplets. */
  csrFromCoo?(n: number, count: number): Promise<Job>;
  /** The entries of `Sᵀ` in the order of compressed rows, from those of `S`. */
  csrTranspose?(n: number, count: number): Promise<Job>;
  /** The products aᵢ · bⱼ at the entries of `S`, `A = uniform(n·d, 2)` and `B = uniform(n·d, 3)` as `[n, d]`. */
  sampledMatmul?(n: number, count: number, d: number): Promise<Job>;
  /** Real parts of the Fourier transforms of `batch` rows of `uniform(batch·n, 1) + i·uniform(batch·n, 2)`. */
  fft?(batch: number, n: number): Promise<Job>;
  /** Real parts of the Fourier transforms of `batch` rows of the real `uniform(batch·n, 1)`, half of each. */
  rfft?(batch: number, n: number): Promise<Job>;
  /** Cosine transforms of type 2 of `batch` rows of `uniform(batch·n, 1)`. */
  dct?(batch: number, n: number): Promise<Job>;
  /** The symmetric Toeplitz matrix of `uniform(n, 1)` times `uniform(n·k, 2)` as `[n, k]`, from its column. */
  toeplitz?(n: number, k: number): Promise<Job>;
  /** `n` numbers uniform on [0, 1): of each library's own generator, so sums agree only roughly. */
  randomUniform?(n: number): Promise<Job>;
  /** `n` standard normal numbers: likewise; the checksum is that of their squares. */
  randomNormal?(n: number): Promise<Job>;
  /** Singular values of `uniform(n·n, 1)`, with both sets of vectors computed. */
  svd?(n: number): Promise<Job>;
  /** Eigenvalues of `(U + Uᵀ)/2`, `U = uniform(n·n, 1)`, with the vectors computed. */
  eigh?(n: number): Promise<Job>;
  /** Magnitudes of R of `uniform(n·n, 1)`, with Q computed: signs are each library's own. */
  qr?(n: number): Promise<Job>;
  /** The Cholesky factor of `(U + Uᵀ)/2 + 2√n·I`, `U = uniform(n·n, 1)`. */
  cholesky?(n: number): Promise<Job>;
  /** The Cholesky factors of `batch` such matrices. */
  choleskyBatched?(batch: number, n: number): Promise<Job>;
  /** Magnitudes of U of `uniform(n·n, 1)` by elimination with row exchanges, with L computed. */
  lu?(n: number): Promise<Job>;
  /** The solution of `(U + √n·I) x = uniform(n, 2)`, `U = uniform(n·n, 1)`. */
  solve?(n: number): Promise<Job>;
  /** The `rank` largest singular values, vectors computed, of X Y + E/1000 with X, Y and E of `uniform`: `[n, rank]`, `[rank, n]`, `[n, n]`. */
  lowRankSvd?(n: number, rank: number): Promise<Job>;
  /**
   * The solution of (L + I/100) x = `uniform(n, 1)` to a relative residual of 1e-5, with the Laplacian L of a square grid of n = side²
   * points in compressed rows, by conjugate gradients.
   */
  laplacianCg?(side: number): Promise<Job>;
}

/** A library to be compared with: what it computes in single precision, and in others where it has them. */
export interface Peer extends Operations {
  readonly name: string;
  /** `true`, or one line that says why the peer cannot run here. */
  available(): Promise<string | true>;
  /** Versions of what runs, by name; the peer must be available. */
  versions(): Promise<Record<string, string>>;
  /** The same in double precision. */
  readonly double?: Operations;
  /** The same in half precision, products being added up in single precision. */
  readonly half?: Operations;
  /** Ends what the peer has started, such as a process. */
  close?(): Promise<void>;
}

/** A position-weighted sum of a result, and the sum of the weighted magnitudes that says how exact it can be. */
export interface Checksum {
  sum: number;
  magnitude: number;
}

/** `Σ y_i w_i` and `Σ |y_i| w_i` with `w_i = 1 + i mod 7`, in row-major order. */
export function checksumOf(values: ArrayLike<number>): Checksum {
  let sum = 0, magnitude = 0;
  for (let i = 0; i < values.length; i++) {
    const term = values[i] * (1 + i % 7);
    sum += term;
    magnitude += Math.abs(term);
  }
  return { sum, magnitude };
}

/** How far two results are apart, relative to their magnitude. */
export function difference(a: Checksum, b: Checksum): number {
  const scale = Math.max(a.magnitude, b.magnitude);
  return scale === 0 ? 0 : Math.max(Math.abs(a.sum - b.sum), Math.abs(a.magnitude - b.magnitude)) / scale;
}

/** 32 random bits from a counter and a seed (the finaliser of MurmurHash3): the same numbers for every peer. */
function bits(counter: number, seed: number): number {
  let h = Math.imul(counter + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// Every peer asks for the same numbers, one after the other.
const drawn = new Map<string, Float32Array<ArrayBuffer>>();

/** `n` numbers in [−1/2, 1/2), multiples of 2⁻²⁴; not to be changed. */
export function uniform(n: number, seed: number): Float32Array<ArrayBuffer> {
  const key = `${n} ${seed}`;
  let values = drawn.get(key);
  if (values === undefined) {
    values = new Float32Array(n);
    for (let i = 0; i < n; i++) values[i] = (bits(i, seed) >>> 8) * 2 ** -24 - 0.5;
    if (drawn.size === 4) drawn.clear();
    drawn.set(key, values);
  }
  return values;
}

/** `m` indices below `n`, with repetitions. */
export function indices(m: number, n: number, seed = 4): Int32Array<ArrayBuffer> {
  const found = new Int32Array(m);
  for (let i = 0; i < m; i++) found[i] = bits(i, seed) % n;
  return found;
}

/** Milliseconds of work that is done when its promise resolves; `finish` ends the measured section. */
export async function hostTime(
  work: () => void | Promise<void>,
  { watch, repeat = 1 }: JobOptions = {},
  finish?: () => void,
): Promise<number> {
  const start = performance.now();
  watch?.start();
  for (let k = 0; k < repeat; k++) await work();
  finish?.();
  watch?.end();
  return (performance.now() - start) / repeat;
}

/**
 * Milliseconds from the launch until the queue is idle. In Deno the *call* of `onSubmittedWorkDone` returns when the queue is
 * idle, and its promise only 10 ms later: the clock is read between the two.
 */
export async function deviceTime(
  queue: GPUQueue,
  launch: () => void | Promise<void>,
  options: JobOptions = {},
  submit?: () => void,
): Promise<number> {
  let done: Promise<undefined> | undefined;
  const elapsed = await hostTime(launch, options, () => {
    submit?.();
    done = queue.onSubmittedWorkDone();
  });
  await done;
  return elapsed;
}

/** A job from its three parts. */
export function job(
  run: (options?: JobOptions) => Promise<number>,
  checksum: () => Promise<Checksum>,
  dispose: () => void,
): Job {
  return Object.assign(run, { checksum, dispose });
}

/** The largest squared distance between `uniform(2n, 1)` and `uniform(2n, 2)` as points of the plane. */
export function largestCost(n: number): number {
  let largest = 0;
  eachCost(n, (cost) => largest = Math.max(largest, cost));
  return largest;
}

/** `C/ε` of {@linkcode Peer.sinkhornHalfStep}, stored, `[n, n]`. */
export function scaledCost(n: number): Float32Array<ArrayBuffer> {
  const scaled = new Float32Array(n * n), rate = 100 / largestCost(n);
  let at = 0;
  eachCost(n, (cost) => scaled[at++] = cost * rate);
  return scaled;
}

function eachCost(n: number, visit: (cost: number) => void): void {
  const x = uniform(2 * n, 1), y = uniform(2 * n, 2);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) visit((x[2 * i] - y[2 * j]) ** 2 + (x[2 * i + 1] - y[2 * j + 1]) ** 2);
  }
}
