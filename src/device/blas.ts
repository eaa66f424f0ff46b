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
  sgemv: subroutine("sgemv", 11, 1),
  dgemv: subroutine("dgemv", 11, 1),
};

const ONE = { s: new Float32Array([1]), d: new Float64Array([1]) };
const ZERO = { s: new Float32Array(1), d: new Float64Array(1) };
const PLAIN = letter("N"), TRANSPOSED = letter("T");

/** The products of a library that has both precisions; throws an `Error` in words if it lacks one or computes something else. */
export function makeBlas(symbols: NativeSymbols, tuned: boolean): Blas {
  for (const name of Object.keys(BLAS_FUNCTIONS)) if (!symbols[name]) throw new Error(`it has no ${name}_`);
  const blas: Blas = {
    tuned,
    gemm(product) {
      const { m, n, k, a, lda, transposeA, b, ldb, transposeB, c } = product, p = precisionOf(c);
      if (m === 1 || n === 1) return gemv(symbols, product);
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

/** A product one of whose factors is a vector. Libraries seldom see by themselves that such a product is one. */
function gemv(symbols: NativeSymbols, { m, n, k, a, lda, transposeA, b, ldb, transposeB, c }: Gemm): void {
  const p = precisionOf(c), column = n === 1;
  // The matrix, whether it is stored as [terms, results], and the vector.
  const [matrix, step, across] = column ? [a, lda, transposeA] : [b, ldb, !transposeB];
  const [vector, apart] = column ? [b, transposeB ? 1 : ldb] : [a, transposeA ? lda : 1];
  const results = column ? m : n;
  symbols[`${p}gemv`]!(
    across ? PLAIN : TRANSPOSED,
    integer(across ? results : k),
    integer(across ? k : results),
    ONE[p],
    matrix,
    integer(step),
    vector,
    integer(apart),
    ZERO[p],
    c,
    integer(1),
    1,
  );
}

/** A small product with one factor transposed, and its first row and column, into memory full of NaN. */
function probe(blas: Blas, p: Precision): void {
  const Floats = PRECISIONS[p];
  const a = Floats.of(1, 2, 3, 4, 5, 6),
    b = Floats.of(1, -1, 2, 0, 3, 1, 2, 2, 1, 1, 0, 5),
    c = new Floats(8).fill(NaN);
  blas.gemm({ m: 2, n: 4, k: 3, a, lda: 2, transposeA: true, b, ldb: 4, transposeB: false, c });
  require(`${p}gemm`, c, [15, 7, 8, 31, 20, 8, 12, 38]);
  const row = new Floats(4).fill(NaN), column = new Floats(2).fill(NaN);
  blas.gemm({ m: 1, n: 4, k: 3, a, lda: 2, transposeA: true, b, ldb: 4, transposeB: false, c: row });
  blas.gemm({ m: 2, n: 1, k: 3, a, lda: 2, transposeA: true, b, ldb: 4, transposeB: false, c: column });
  require(`${p}gemv`, row, [15, 7, 8, 31]);
  require(`${p}gemv`, column, [15, 20]);
}

function require(name: string, found: FloatArray, expected: readonly number[]): void {
  if (expected.every((x, k) => x === found[k])) return;
  throw new Error(`its ${name} computes [${found}] where [${expected}] is right`);
}
