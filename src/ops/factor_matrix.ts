/** A row-major matrix in f64: what references and error models of factorizations compute with. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** A matrix from its elements. */
export function matrixOf(rows: number, columns: number, element: (i: number, j: number) => number): Matrix {
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[i * columns + j] = element(i, j);
  return { rows, columns, data };
}

/** a·b. */
export function times(a: Matrix, b: Matrix): Matrix {
  const c = matrixOf(a.rows, b.columns, () => 0);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const x = a.data[i * a.columns + k];
      if (x === 0) continue;
      for (let j = 0; j < b.columns; j++) c.data[i * b.columns + j] += x * b.data[k * b.columns + j];
    }
  }
  return c;
}

/** aᵀ. */
export function transposeOf(a: Matrix): Matrix {
  return matrixOf(a.columns, a.rows, (i, j) => a.data[j * a.columns + i]);
}

/** |a|, element by element. */
export function magnitudes(a: Matrix): Matrix {
  return { ...a, data: a.data.map(Math.abs) };
}

/** The inverse of a lower triangle; infinite where a diagonal element is zero. */
export function lowerInverse(l: Matrix): Matrix {
  const n = l.rows, x = matrixOf(n, n, (i, j) => i === j ? 1 : 0);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) {
      const f = l.data[i * n + k];
      for (let j = 0; j <= k; j++) x.data[i * n + j] -= f * x.data[k * n + j];
    }
    for (let j = 0; j <= i; j++) x.data[i * n + j] /= l.data[i * n + i];
  }
  return x;
}

/** The part of a matrix where `kept` is true, zero elsewhere. */
export function masked(a: Matrix, kept: (i: number, j: number) => boolean): Matrix {
  return matrixOf(a.rows, a.columns, (i, j) => kept(i, j) ? a.data[i * a.columns + j] : 0);
}
