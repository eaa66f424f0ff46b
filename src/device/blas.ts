import { type FloatArray, integer, letter, type Precision, precisionOf, PRECISIONS, subroutine } from "./fortran.ts";
import type { NativeFunction, NativeSymbols } from "./native_library.ts";

/** A dense product `c = op(a) op(b)` of matrices `[m, k]` and `[k, n]` in row-major order, all of one element type. */
export interface Gemm {
  /** Rows of the product. */
  readonly m: number;
  /** Columns of the product. */
  readonly n: number;
  /** Terms of each sum, at least 1. */
  readonly k: number;
  /** `a` from its first element on. */
  readonly a: FloatArray;
  /** Elements from one row of `a`, as stored, to the next. */
  readonly lda: number;
  /** Whether `a` is stored as `[k, m]`. */
  readonly transposeA: boolean;
  /** `b` from its first element on. */
  readonly b: FloatArray;
  /** Elements from one row of `b`, as stored, to the next. */
  readonly ldb: number;
  /** Whether `b` is stored as `[n, k]`. */
  readonly transposeB: boolean;
  /** Where the product goes, dense; what was there is not read. */
  readonly c: FloatArray;
}

/** Matrix products of a system library. */
export interface Blas {
  /** False for the reference implementation, which is slower than WebAssembly. */
  readonly tuned: boolean;
  /** Computes a product. */
  gemm(product: Gemm): void;
}

/** The subroutines that are asked of a library. */
export const BLAS_FUNCTIONS: Readonly<Record<string, NativeFunction>> = {
  sgemm: subroutine("sgemm", 13, 2),
  dgemm: subroutine("dgemm", 13, 2),
};

const ONE = { s: new Float32Array([1]), d: new Float64Array([1]) };
const ZERO = { s: new Float32Array(1), d: new Float64Array(1) };
const PLAIN = letter("N"), TRANSPOSED = letter("T");

/** The products of a library that has both precisions; throws an `Error` in words if it lacks one or computes something else. */
export function makeBlas(symbols: NativeSymbols, tuned: boolean): Blas {
  for (const name of Object.keys(BLAS_FUNCTIONS)) if (!symbols[name]) throw new Error(`it has no ${name}_`);
  const blas: Blas = {
    tuned,
    gemm({ m, n, k, a, lda, transposeA, b, ldb, transposeB, c }) {
      const p = precisionOf(c);
      // Fortran sees transposes: cᵀ = op(b)ᵀ op(a)ᵀ.
      symbols[`${p}gemm`]!(
        transposeB ? TRANSPOSED : PLAIN,
        transposeA ? TRANSPOSED : PLAIN,
        integer(n),
        integer(m),
        integer(k),
        ONE[p],
        b,
        integer(ldb),
        a,
        integer(lda),
        ZERO[p],
        c,
        integer(n),
        1,
        1,
      );
    },
  };
  for (const p of Object.keys(PRECISIONS) as Precision[]) probe(blas, p);
  return blas;
}

/** A small product with one factor transposed, into memory full of NaN. */
function probe(blas: Blas, p: Precision): void {
  const Floats = PRECISIONS[p];
  const a = Floats.of(1, 2, 3, 4, 5, 6),
    b = Floats.of(1, -1, 2, 0, 3, 1, 2, 2, 1, 1, 0, 5),
    c = new Floats(8).fill(NaN);
  blas.gemm({ m: 2, n: 4, k: 3, a, lda: 2, transposeA: true, b, ldb: 4, transposeB: false, c });
  const expected = [15, 7, 8, 31, 20, 8, 12, 38];
  if (!expected.every((x, k) => x === c[k])) {
    throw new Error(`its ${p}gemm computes [${c}] where [${expected}] is right`);
  }
}
