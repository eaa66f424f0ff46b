import { assert, assertEquals } from "@std/assert";
import { realSchur } from "../../../src/linalg/loops/real_schur.ts";
import { schurRoot } from "../../../src/linalg/loops/schur_root.ts";

const U = 2 ** -53;

/** Numbers from −0.5 to 0.5, the same ones every time. */
function numbers(): () => number {
  let state = 1;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648 - 0.5;
}

const rnd = numbers();
type Element = (i: number, j: number) => number;
const KINDS: Readonly<Record<string, (n: number) => Element>> = {
  "random": () => () => rnd(),
  "small whole numbers": () => () => Math.round(4 * rnd()),
  "Jordan block": () => (i, j) => i === j ? 2 : j === i + 1 ? 1 : 0,
  "cyclic permutation": (n) => (i, j) => (i + 1) % n === j ? 1 : 0,
  "reversal": (n) => (i, j) => i + j === n - 1 ? 1 : 0,
  "triangular": () => (i, j) => j >= i ? rnd() : 0,
  "companion": () => (i, j) => i === 0 ? rnd() : i === j + 1 ? 1 : 0,
  "zeros": () => () => 0,
  "rank one": () => (_, j) => j + 1,
  "Hilbert": () => (i, j) => 1 / (i + j + 1),
  "graded": () => (i, j) => rnd() * 10 ** -(i + j),
  "graded rows": () => (i) => rnd() * 10 ** -i,
  "zeros and ones": () => (i, j) => (i * i + 3 * j) % 5 === 0 ? 1 : 0,
  "near the identity": () => (i, j) => (i === j ? 1 : 0) + 1e-8 * rnd(),
  "rounding errors beside the identity": () => (i, j) => (i === j ? 1 : 0) + 1e-15 * rnd(),
  "nearly defective": () => (i, j) => (i === j ? 1 : 0) + (j === i + 1 ? 1 : 0) + 1e-12 * rnd(),
  "nearly a projection": () => (i, j) => (i === j ? i % 2 : 0) + 1e-9 * rnd(),
  "Frank": (n) => (i, j) => j >= i - 1 ? n - Math.max(i, j) : 0,
  "badly scaled": () => (i, j) => rnd() * 10 ** (0.8 * (i - j)),
  "skew": () => (i, j) => Math.sign(j - i),
  "tiny": () => () => rnd() * 1e-200,
  "huge": () => () => rnd() * 1e200,
  "tridiagonal": () => (i, j) => Math.abs(i - j) === 1 ? 1 : 0,
};

/** A·B, or A·Bᵀ, of matrices `[n, n]`. */
function product(a: Float64Array, b: Float64Array, n: number, transposeB = false): Float64Array {
  const c = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) c[i * n + j] += a[i * n + k] * (transposeB ? b[j * n + k] : b[k * n + j]);
    }
  }
  return c;
}

/** ‖a − b‖ / ‖b‖. */
function apart(a: Float64Array, b: Float64Array): number {
  const largest = b.reduce((x, y) => Math.max(x, Math.abs(y)), 0) || 1;
  const norm = (x: Float64Array) => Math.hypot(...x.map((v) => v / largest));
  return norm(a.map((x, k) => x - b[k])) / (norm(b) || 1);
}

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, k) => k % (n + 1) === 0 ? 1 : 0);
}

for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test(`real Schur form: ${name}`, () => {
    for (let n = 1; n <= 30; n++) {
      const element = kind(n), a = Float64Array.from({ length: n * n }, (_, k) => element(Math.floor(k / n), k % n));
      const found = realSchur(a.slice(), n);
      assert(found, `no end for n = ${n}`);
      const { t, z } = found, bound = 32 * n * U;
      const back = product(z, product(t, z, n, true), n);
      assert(apart(back, a) <= bound, `n = ${n}: the backward error is ${apart(back, a)}`);
      assert(apart(product(z, z, n, true), identity(n)) * Math.sqrt(n) <= bound, `n = ${n}: the orthogonality`);
      // By a power of two, which rounds nothing.
      const largest = 2 ** Math.round(Math.log2(t.reduce((x, y) => Math.max(x, Math.abs(y)), 0) || 1));
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i - 1; j++) assertEquals(t[i * n + j], 0);
        const below = i > 0 ? t[i * n + i - 1] / largest : 0;
        if (below === 0) continue;
        // Blocks do not touch, and have complex eigenvalues.
        assert(i + 1 === n || t[(i + 1) * n + i] === 0, `n = ${n}: two blocks touch at ${i}`);
        const half = (t[(i - 1) * n + i - 1] - t[i * n + i]) / 2 / largest;
        assert(half ** 2 + below * (t[(i - 1) * n + i] / largest) <= 0, `n = ${n}: real eigenvalues at ${i}`);
      }
    }
  });
}

Deno.test("roots of Schur forms with real and complex eigenvalues", () => {
  for (let n = 1; n <= 20; n++) {
    // Eigenvalues to the right of 0.
    const a = Float64Array.from({ length: n * n }, (_, k) => rnd() + (k % (n + 1) === 0 ? n / 2 : 0));
    const { t } = realSchur(a.slice(), n)!, root = schurRoot(t, n, 0);
    assert(root instanceof Float64Array, String(root));
    assert(apart(product(root, root, n), t) <= 16 * n * U, `n = ${n}: ${apart(product(root, root, n), t)}`);
  }
});

Deno.test("matrices without a real root are refused in words", () => {
  assertEquals(schurRoot(Float64Array.of(-4), 1, 0), "its eigenvalue -4 is on the negative real axis");
  assertEquals(
    schurRoot(Float64Array.of(0, 1, 0, 0), 2, 0),
    "its eigenvalue 0 has fewer eigenvectors than its multiplicity",
  );
  assertEquals(schurRoot(Float64Array.of(0, 1, 0, 4), 2, 0), Float64Array.of(0, 0.5, 0, 2));
  assertEquals(schurRoot(Float64Array.of(-1e-20), 1, 1e-16), Float64Array.of(0));
});
