/**
 * What every peer offers, and the inputs and the check that all of them share.
 *
 * @module
 */

/**
 * One call of a prepared computation. Resolves, once the result is really there, to the milliseconds that the computation
 * alone took: without transfers, and without Deno's fixed 10 ms sleep after a wait for a GPU.
 */
export interface Job {
  (): Promise<number>;
  /** Computes once more and sums the result up, to be compared with another peer's by {@linkcode difference}. */
  checksum(): Promise<Checksum>;
  /** Frees what the job holds. */
  dispose(): void;
}

/** A library to be compared with. All inputs come from {@linkcode uniform}, so all peers compute on the same numbers. */
export interface Peer {
  readonly name: string;
  /** `true`, or one line that says why the peer cannot run here. */
  available(): Promise<string | true>;
  /** Versions of what runs, by name; the peer must be available. */
  versions(): Promise<Record<string, string>>;
  /** `A B` with `A = uniform(n·n, 1)` and `B = uniform(n·n, 2)`, in single precision. */
  matmul?(n: number): Promise<Job>;
  /** The same in double precision. */
  matmulF64?(n: number): Promise<Job>;
  /** The elementwise chain `sqrt(2|x| + 1)·exp(−x²) + x/2` of `uniform(n, 1)`. */
  chain?(n: number): Promise<Job>;
  /** The sum of `|uniform(n, 1)|`. */
  sum?(n: number): Promise<Job>;
  /** Log-sum-exp of each row of `8·uniform(rows·columns, 1)`. */
  logsumexp?(rows: number, columns: number): Promise<Job>;
  /** Softmax of each row of `8·uniform(rows·columns, 1)`. */
  softmax?(rows: number, columns: number): Promise<Job>;
  /** Squared distances `[n, n]` between `uniform(n·d, 1)` and `uniform(n·d, 2)`, seen as `[n, d]`. */
  sqdist?(n: number, d: number): Promise<Job>;
  /** Rows `indices(m, n)` of `uniform(n·d, 1)` seen as `[n, d]`. */
  gather?(n: number, d: number, m: number): Promise<Job>;
  /** `uniform(n·d, 1)` seen as `[n, d]`, plus the rows of `uniform(m·d, 2)` added at `indices(m, n)`. */
  scatterAdd?(n: number, d: number, m: number): Promise<Job>;
  /**
   * One potential update of log-domain Sinkhorn on a stored cost, `f_i = −log Σ_j exp(g_j − C_ij/ε)`, for the squared
   * distances of `n` points in the plane, ε a hundredth of the largest, and `g = uniform(n, 3)`.
   */
  sinkhornHalfStep?(n: number): Promise<Job>;
  /** Singular values of `uniform(n·n, 1)`, with both sets of vectors computed. */
  svd?(n: number): Promise<Job>;
  /** Eigenvalues of `(U + Uᵀ)/2`, `U = uniform(n·n, 1)`, with the vectors computed. */
  eigh?(n: number): Promise<Job>;
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

/** `n` numbers in [−1/2, 1/2), multiples of 2⁻²⁴. */
export function uniform(n: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: n }, (_, i) => (bits(i, seed) >>> 8) * 2 ** -24 - 0.5);
}

/** `m` indices below `n`, with repetitions. */
export function indices(m: number, n: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: m }, (_, i) => bits(i, 4) % n);
}

/**
 * Milliseconds from the launch until the queue is idle. In Deno the *call* of `onSubmittedWorkDone` returns when the queue is
 * idle, and its promise only 10 ms later: the clock is read between the two.
 */
export async function deviceTime(queue: GPUQueue, launch: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await launch();
  const done = queue.onSubmittedWorkDone();
  const elapsed = performance.now() - start;
  await done;
  return elapsed;
}

/** A job from its three parts. */
export function job(run: () => Promise<number>, checksum: () => Promise<Checksum>, dispose: () => void): Job {
  return Object.assign(run, { checksum, dispose });
}
