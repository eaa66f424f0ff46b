/**
 * Matrices as nested arrays in f64: what operators are compared with.
 *
 * @module
 */

/** Rows of numbers. */
export type Matrix = number[][];

/** The matrix with these entries. */
export function matrixOf(m: number, n: number, entry: (i: number, j: number) => number): Matrix {
  return Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => entry(i, j)));
}

/** A·B; `columns` says how many there are where B has no rows. */
export function times(a: Matrix, b: Matrix, columns: number = b[0]?.length ?? 0): Matrix {
  return a.map((row) => Array.from({ length: columns }, (_, j) => row.reduce((s, x, k) => s + x * b[k][j], 0)));
}

/** a·A + b·B. */
export function plus(a: Matrix, b: Matrix, factor = 1): Matrix {
  return a.map((row, i) => row.map((x, j) => x + factor * b[i][j]));
}

/** Aᵀ. */
export function transposed(a: Matrix, columns: number = a[0]?.length ?? 0): Matrix {
  return matrixOf(columns, a.length, (j, i) => a[i][j]);
}

/** |A|. */
export function magnitude(a: Matrix): Matrix {
  return a.map((row) => row.map(Math.abs));
}

/** A ⊗ B. */
export function kron(a: Matrix, b: Matrix): Matrix {
  const [p, q] = [b.length, b[0].length];
  return matrixOf(
    a.length * p,
    a[0].length * q,
    (i, j) => a[Math.floor(i / p)][Math.floor(j / q)] * b[i % p][j % q],
  );
}

/** Blocks along the diagonal. */
export function blocks(parts: readonly Matrix[]): Matrix {
  const n = parts.reduce((s, p) => s + (p[0]?.length ?? 0), 0), rows: Matrix = [];
  let start = 0;
  for (const part of parts) {
    for (const row of part) rows.push(Array.from({ length: n }, (_, j) => row[j - start] ?? 0));
    start += part[0]?.length ?? 0;
  }
  return rows;
}

/** The Frobenius norm. */
export function frobenius(a: Matrix): number {
  return Math.hypot(...a.flat(), 0);
}

/** Sign and logarithm of the magnitude of the determinant, by elimination with pivoting. */
export function determinant(a: Matrix): { sign: number; log: number } {
  const u = a.map((row) => [...row]), n = u.length;
  let sign = 1, log = 0;
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(u[i][k]) > Math.abs(u[p][k])) p = i;
    if (u[p][k] === 0) return { sign: 0, log: -Infinity };
    if (p !== k) {
      [u[p], u[k]] = [u[k], u[p]];
      sign = -sign;
    }
    sign *= Math.sign(u[k][k]);
    log += Math.log(Math.abs(u[k][k]));
    for (let i = k + 1; i < n; i++) {
      const f = u[i][k] / u[k][k];
      for (let j = k; j < n; j++) u[i][j] -= f * u[k][j];
    }
  }
  return { sign, log };
}

/** Whether A + shift·I has a Cholesky factor. */
export function isDefinite(a: Matrix, shift: number): boolean {
  const n = a.length, l = matrixOf(n, n, () => 0);
  for (let j = 0; j < n; j++) {
    let d = a[j][j] + shift;
    for (let k = 0; k < j; k++) d -= l[j][k] ** 2;
    if (!(d > 0)) return false;
    l[j][j] = Math.sqrt(d);
    for (let i = j + 1; i < n; i++) {
      let s = a[i][j];
      for (let k = 0; k < j; k++) s -= l[i][k] * l[j][k];
      l[i][j] = s / l[j][j];
    }
  }
  return true;
}
