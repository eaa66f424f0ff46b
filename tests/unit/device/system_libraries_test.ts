import { assert, assertEquals, assertThrows } from "@std/assert";
import { BLAS_FUNCTIONS, makeBlas } from "../../../src/device/blas.ts";
import { integer, subroutine } from "../../../src/device/fortran.ts";
import { LAPACK_FUNCTIONS, makeLapack } from "../../../src/device/lapack.ts";
import type { NativeSymbols } from "../../../src/device/native_library.ts";

type Call = (...args: readonly unknown[]) => unknown;

/** Symbols of which each does what is given, or nothing. */
const library = (names: Iterable<string>, calls: Record<string, Call> = {}): NativeSymbols =>
  Object.fromEntries([...names].map((name) => [name, calls[name] ?? (() => undefined)]));

/** A Fortran `gemm` in TypeScript, which counts in integers of `words` 32-bit words. */
function gemm(...args: readonly unknown[]): void {
  const [ta, tb, m, n, k, , a, lda, b, ldb, , c, ldc] = args as [
    Uint8Array,
    Uint8Array,
    Int32Array,
    Int32Array,
    Int32Array,
    unknown,
    Float64Array,
    Int32Array,
    Float64Array,
    Int32Array,
    unknown,
    Float64Array,
    Int32Array,
  ];
  for (let j = 0; j < n[0]; j++) {
    for (let i = 0; i < m[0]; i++) {
      let sum = 0;
      for (let q = 0; q < k[0]; q++) {
        sum += (ta[0] === 84 ? a[i * lda[0] + q] : a[q * lda[0] + i]) *
          (tb[0] === 84 ? b[q * ldb[0] + j] : b[j * ldb[0] + q]);
      }
      c[j * ldc[0] + i] = sum;
    }
  }
}

/** A Fortran `gemv` in TypeScript. */
function gemv(...args: readonly unknown[]): void {
  const [t, rows, columns, , a, lda, x, step, , y] = args as [
    Uint8Array,
    Int32Array,
    Int32Array,
    unknown,
    Float64Array,
    Int32Array,
    Float64Array,
    Int32Array,
    unknown,
    Float64Array,
  ];
  const transposed = t[0] === 84, [results, terms] = transposed ? [columns[0], rows[0]] : [rows[0], columns[0]];
  for (let i = 0; i < results; i++) {
    y[i] = 0;
    for (let q = 0; q < terms; q++) y[i] += a[transposed ? i * lda[0] + q : q * lda[0] + i] * x[q * step[0]];
  }
}

Deno.test("a BLAS that computes something else is not believed", () => {
  const names = Object.keys(BLAS_FUNCTIONS), whole = { sgemm: gemm, dgemm: gemm, sgemv: gemv, dgemv: gemv };
  const blas = makeBlas(library(names, whole), true);
  // [1, 2; 3, 4; 5, 6] by a row and a column, each stored both ways, the vector with a gap.
  const matrix = Float64Array.of(1, 2, 3, 4, 5, 6), turned = Float64Array.of(1, 3, 5, 2, 4, 6);
  const row = (b: Float64Array, ldb: number, transposeB: boolean) => {
    const c = new Float64Array(2), a = Float64Array.of(1, NaN, 1, NaN, 2);
    blas.gemm({ m: 1, n: 2, k: 3, a, lda: 2, transposeA: true, b, ldb, transposeB, c });
    return [...c];
  };
  assertEquals([row(matrix, 2, false), row(turned, 3, true)], [[14, 18], [14, 18]]);
  const column = (a: Float64Array, lda: number, transposeA: boolean) => {
    const c = new Float64Array(3), b = Float64Array.of(1, NaN, 2);
    blas.gemm({ m: 3, n: 1, k: 2, a, lda, transposeA, b, ldb: 2, transposeB: false, c });
    return [...c];
  };
  assertEquals([column(matrix, 2, false), column(turned, 3, true)], [[5, 11, 17], [5, 11, 17]]);
  const silent = assertThrows(() => makeBlas(library(names), true));
  assertEquals(
    silent.message,
    "its sgemm computes [NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN] where [15,7,8,31,20,8,12,38] is right",
  );
  const half = assertThrows(() => makeBlas({ ...whole, dgemm: null }, true));
  assertEquals(half.message, "it has no dgemm_");
  const idle = assertThrows(() => makeBlas(library(names, { ...whole, dgemv: () => undefined }), true));
  assertEquals(idle.message, "its dgemv computes [NaN,NaN,NaN,NaN] where [15,7,8,31] is right");
});

/** Elimination of the probe's matrix, as a library with 32- or 64-bit integers writes its pivots. */
const getrf = (pivots: readonly number[]): Call => (...args) => {
  const [, , a, , out] = args as [unknown, unknown, Float64Array, unknown, Int32Array];
  a.set([4, 0.5, 0.25, 8, 6, 0.5, 8, 0, -1]);
  out.set(pivots);
};

Deno.test("a LAPACK with 64-bit integers, or one that computes something else, is not believed", () => {
  const names = Object.keys(LAPACK_FUNCTIONS);
  const wide = getrf([2, 0, 3, 0, 3, 0]), narrow = getrf([2, 3, 3]);
  const longs = assertThrows(() => makeLapack(library(names, { sgetrf: wide, dgetrf: wide })));
  assertEquals(longs.message, "its integers have 64 bits");
  const idle = assertThrows(() => makeLapack(library(names)));
  assertEquals(idle.message, "its sgetrf computes [1,4,2,2,4,8,3,8,4] with the pivots [0,0,0,0,0,0]");
  const wrong = assertThrows(() => makeLapack(library(names, { sgetrf: narrow, dgetrf: narrow })));
  assertEquals(wrong.message, "its sgesdd finds the singular values [0,0] where [4, 3] is right");
});

Deno.test("routines that a LAPACK lacks are named, and the others used", () => {
  const symbols = {
    ...library(Object.keys(LAPACK_FUNCTIONS), { sgetrf: getrf([2, 3, 3]), dgetrf: getrf([2, 3, 3]) }),
    sgesdd: null,
    dgelsd: null,
  };
  const { lapack, missing } = makeLapack(symbols);
  assertEquals(missing, ["gesdd", "gelsd"]);
  assert(!lapack.has("gesdd") && lapack.has("getrf"));
  const none = Object.fromEntries(Object.keys(LAPACK_FUNCTIONS).map((name) => [name, null]));
  assertEquals(assertThrows(() => makeLapack(none)).message, "it has no factorizations");
});

Deno.test("integers go as 64 bits with their sign, and lengths of characters follow the arguments", () => {
  assertEquals([...integer(5)], [5, 0]);
  assertEquals([...integer(-1)], [-1, -1]);
  const { names, parameters } = subroutine("dpotrf", 5, 1);
  assertEquals([names, parameters], [["dpotrf_", "dpotrf"], [...new Array(5).fill("buffer"), "usize"]]);
});
