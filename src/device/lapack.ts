import { blockedGetrf } from "./blocked_getrf.ts";
import {
  type FloatArray,
  integer,
  letter,
  type Precision,
  precisionOf,
  PRECISIONS,
  result,
  subroutine,
} from "./fortran.ts";
import type { NativeFunction, NativeSymbols } from "./native_library.ts";

/**
 * Factorizations of a system library. Matrices are arrays in column-major order without gaps, overwritten as the routine of that
 * name says (LAPACK Users' Guide); each function returns the routine's `info`: 0, or what went wrong.
 */
export interface Lapack {
  /** Whether the library has a routine in both precisions. */
  has(routine: LapackRoutine): boolean;
  /** A = U Σ Vᵀ by divide and conquer; `job` is `N` (no vectors), `S` (thin) or `A` (all). */
  gesdd(
    job: "N" | "S" | "A",
    m: number,
    n: number,
    a: FloatArray,
    s: FloatArray,
    u: FloatArray,
    vt: FloatArray,
  ): number;
  /** The same by bidiagonal QR: slower, and an end is found where that of `gesdd` is not. */
  gesvd(
    job: "N" | "S" | "A",
    m: number,
    n: number,
    a: FloatArray,
    s: FloatArray,
    u: FloatArray,
    vt: FloatArray,
  ): number;
  /** Eigenvalues of a symmetric matrix of which one triangle is read, and the vectors in its place if `job` is `V`. */
  syevd(job: "N" | "V", triangle: Triangle, n: number, a: FloatArray, w: FloatArray): number;
  /** A = Z T Zᵀ, T in the place of A with 1×1 and 2×2 blocks on its diagonal, of which the latter have complex eigenvalues. */
  gees(n: number, a: FloatArray, z: FloatArray): number;
  /** A = Q R by reflectors. */
  geqrf(m: number, n: number, a: FloatArray, tau: FloatArray): number;
  /** The first n columns of Q from k reflectors. */
  orgqr(m: number, n: number, k: number, a: FloatArray, tau: FloatArray): number;
  /** Cholesky factor of the triangle that is read. */
  potrf(triangle: Triangle, n: number, a: FloatArray): number;
  /** P A = L U with row exchanges `pivots`, counted from 1. */
  getrf(m: number, n: number, a: FloatArray, pivots: Int32Array): number;
  /** Solves with the factors of `getrf`. */
  getrs(transposed: boolean, n: number, right: number, a: FloatArray, pivots: Int32Array, b: FloatArray): number;
  /** The inverse from the factors of `getrf`. */
  getri(n: number, a: FloatArray, pivots: Int32Array): number;
  /** Solves with a triangle. */
  trtrs(
    how: { triangle: Triangle; transposed: boolean; unitDiagonal: boolean },
    n: number,
    right: number,
    a: FloatArray,
    b: FloatArray,
  ): number;
  /** Least squares by the singular values `s`; `b` has max(m, n) rows; gives the rank too. */
  gelsd(
    m: number,
    n: number,
    right: number,
    a: FloatArray,
    b: FloatArray,
    s: FloatArray,
    rcond: number,
  ): { info: number; rank: number };
}

/** Which triangle of a column-major matrix is read. */
export type Triangle = "L" | "U";

/** The routines that are used. */
export type LapackRoutine =
  | "gesdd"
  | "gesvd"
  | "syevd"
  | "gees"
  | "geqrf"
  | "orgqr"
  | "potrf"
  | "getrf"
  | "getrs"
  | "getri"
  | "trtrs"
  | "gelsd";

/** Arguments and, among them, characters of each routine. */
const ROUTINES: Readonly<Record<LapackRoutine, readonly [number, number]>> = {
  gesdd: [14, 1],
  gesvd: [14, 2],
  syevd: [11, 2],
  gees: [15, 2],
  geqrf: [8, 0],
  orgqr: [9, 0],
  potrf: [5, 1],
  getrf: [6, 0],
  getrs: [9, 1],
  getri: [7, 0],
  trtrs: [10, 3],
  gelsd: [14, 0],
} as const;

/** Elements of scratch memory that are kept for the next call. */
const KEPT = 1 << 16;

const PRECISION_LETTERS = Object.keys(PRECISIONS) as Precision[];

/** The subroutines that are asked of a library. */
export const LAPACK_FUNCTIONS: Readonly<Record<string, NativeFunction>> = Object.fromEntries(
  Object.entries(ROUTINES).flatMap(([name, [count, letters]]) =>
    PRECISION_LETTERS.map((p) => [p + name, subroutine(p + name, count, letters)])
  ),
);

/**
 * The factorizations of a library; throws an `Error` in words if it has none or computes something else. `serially` runs its work on one
 * thread, for libraries whose threaded elimination is not to be used.
 */
export function makeLapack(
  symbols: NativeSymbols,
  serially?: (work: () => void) => void,
): { lapack: Lapack; missing: LapackRoutine[] } {
  const names = Object.keys(ROUTINES) as LapackRoutine[];
  const missing = names.filter((name) => PRECISION_LETTERS.some((p) => !symbols[p + name]));
  if (missing.length === names.length) throw new Error("it has no factorizations");
  const lapack = wrap(symbols, missing, serially);
  for (const p of PRECISION_LETTERS) probe(lapack, p);
  return { lapack, missing };
}

function wrap(
  symbols: NativeSymbols,
  missing: readonly LapackRoutine[],
  serially: ((work: () => void) => void) | undefined,
): Lapack {
  /** Calls a routine whose last argument is `info`, and returns that. */
  const call = (routine: LapackRoutine, like: FloatArray, ...args: (string | number | ArrayBufferView)[]): number => {
    const info = result();
    symbols[precisionOf(like) + routine]!(
      ...args.map((x) => typeof x === "number" ? integer(x) : typeof x === "string" ? letter(x) : x),
      info,
      ...new Array(ROUTINES[routine][1]).fill(1),
    );
    return info[0];
  };
  /** The scratch memory of the last routine that was asked, if it is small: a stack of matrices asks for the same again and again. */
  let last: { key: string; work: FloatArray } | undefined;
  /** Calls it with the scratch memory that it wants for such a call, for which it has to be called once more. */
  const withScratch = (like: FloatArray, key: string, run: (work: FloatArray, length: number) => number): number => {
    const p = precisionOf(like), own = `${p}${key}`;
    if (last?.key === own) return run(last.work, last.work.length);
    const ask = new PRECISIONS[p](1), info = run(ask, -1);
    if (info !== 0) return info;
    // As a float it may have been rounded down.
    const work = new PRECISIONS[p](Math.max(1, Math.ceil(ask[0] * (1 + 2 ** -22))));
    last = work.length <= KEPT ? { key: own, work } : undefined;
    return run(work, work.length);
  };
  const step = (rows: number) => Math.max(1, rows);
  return {
    has: (routine) => !missing.includes(routine),
    gesdd(job, m, n, a, s, u, vt) {
      const k = Math.min(m, n), rows = job === "A" ? n : job === "S" ? k : 1, whole = new Int32Array(8 * k + 8);
      return withScratch(
        a,
        `gesdd ${job} ${m} ${n}`,
        (work, length) => call("gesdd", a, job, m, n, a, step(m), s, u, step(m), vt, step(rows), work, length, whole),
      );
    },
    gesvd(job, m, n, a, s, u, vt) {
      const rows = job === "A" ? n : job === "S" ? Math.min(m, n) : 1;
      return withScratch(
        a,
        `gesvd ${job} ${m} ${n}`,
        (work, length) => call("gesvd", a, job, job, m, n, a, step(m), s, u, step(m), vt, step(rows), work, length),
      );
    },
    syevd(job, triangle, n, a, w) {
      const whole = new Int32Array(job === "V" ? 3 + 5 * n : 1);
      return withScratch(
        a,
        `syevd ${job} ${n}`,
        (work, length) =>
          call("syevd", a, job, triangle, n, a, step(n), w, work, length, whole, length < 0 ? -1 : whole.length),
      );
    },
    gees(n, a, z) {
      // No order of the eigenvalues is asked for: the function that would tell it is not called.
      const none = result(), wr = a.slice(0, n), wi = a.slice(0, n);
      return withScratch(
        a,
        `gees ${n}`,
        (work, length) =>
          call("gees", a, "V", "N", none, n, a, step(n), result(), wr, wi, z, step(n), work, length, none),
      );
    },
    geqrf: (m, n, a, tau) =>
      withScratch(a, `geqrf ${m} ${n}`, (work, length) => call("geqrf", a, m, n, a, step(m), tau, work, length)),
    orgqr: (m, n, k, a, tau) =>
      withScratch(
        a,
        `orgqr ${m} ${n} ${k}`,
        (work, length) => call("orgqr", a, m, n, k, a, step(m), tau, work, length),
      ),
    potrf: (triangle, n, a) => call("potrf", a, triangle, n, a, step(n)),
    getrf: (m, n, a, pivots) =>
      serially ? blockedGetrf(symbols, serially, [m, n], a, pivots) : call("getrf", a, m, n, a, step(m), pivots),
    getrs: (transposed, n, right, a, pivots, b) =>
      call("getrs", a, transposed ? "T" : "N", n, right, a, step(n), pivots, b, step(n)),
    getri: (n, a, pivots) =>
      withScratch(a, `getri ${n}`, (work, length) => call("getri", a, n, a, step(n), pivots, work, length)),
    trtrs({ triangle, transposed, unitDiagonal }, n, right, a, b) {
      const [trans, diagonal] = [transposed ? "T" : "N", unitDiagonal ? "U" : "N"];
      return call("trtrs", a, triangle, trans, diagonal, n, right, a, step(n), b, step(n));
    },
    gelsd(m, n, right, a, b, s, rcond) {
      const rank = result(), rows = Math.max(1, m, n), limit = PRECISIONS[precisionOf(a)].of(rcond);
      // 3·k for each of at most 32 levels of division, and 11·k.
      const whole = new Int32Array(107 * Math.max(1, Math.min(m, n)));
      const info = withScratch(
        a,
        `gelsd ${m} ${n} ${right}`,
        (work, length) => call("gelsd", a, m, n, right, a, step(m), b, rows, s, limit, rank, work, length, whole),
      );
      return { info, rank: rank[0] };
    },
  };
}

/** A matrix with known pivots, and one with known singular values. */
function probe(lapack: Lapack, p: Precision): void {
  const Floats = PRECISIONS[p];
  if (lapack.has("getrf")) {
    // Room for pivots of 64 bits, should it write those.
    const pivots = new Int32Array(6), a = Floats.of(1, 4, 2, 2, 4, 8, 3, 8, 4);
    const info = lapack.getrf(3, 3, a, pivots);
    if (info === 0 && pivots.join() === "2,0,3,0,3,0") throw new Error("its integers have 64 bits");
    if (info !== 0 || pivots.join() !== "2,3,3,0,0,0" || a[0] !== 4 || a[4] !== 6) {
      throw new Error(`its ${p}getrf computes [${a}] with the pivots [${pivots}]`);
    }
  }
  if (lapack.has("gesdd")) {
    const s = new Floats(2), one = new Floats(1);
    const info = lapack.gesdd("N", 3, 2, Floats.of(3, 0, 0, 0, 4, 0), s, one, one);
    if (info !== 0 || !(Math.abs(s[0] - 4) < 1e-5 && Math.abs(s[1] - 3) < 1e-5)) {
      throw new Error(`its ${p}gesdd finds the singular values [${s}] where [4, 3] is right`);
    }
  }
}
