import type { Device } from "../device/mod.ts";

/** A matrix on the host in f64, row-major. */
export interface HostMatrix {
  /** Rows. */
  readonly rows: number;
  /** Columns. */
  readonly columns: number;
  /** Elements. */
  readonly data: Float64Array;
}

/** A matrix on the host. */
export function hostMatrix(
  rows: number,
  columns: number,
  data: Float64Array = new Float64Array(rows * columns),
): HostMatrix {
  return { rows, columns, data };
}

/** op(a)·op(b) in f64, by the system's BLAS where there is one. Throws a `TypeError` if the inner sizes differ. */
export function multiply(
  device: Device,
  a: HostMatrix,
  b: HostMatrix,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
): HostMatrix {
  const [m, k] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
  const [inner, n] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns];
  if (k !== inner) {
    throw new TypeError(`Cannot multiply [${m}, ${k}] by [${inner}, ${n}]: inner sizes ${k} and ${inner} differ`);
  }
  const c = hostMatrix(m, n);
  if (m * n * k === 0) return c;
  const { blas } = device.libraries;
  if (blas) {
    blas.gemm({ m, n, k, a: a.data, lda: a.columns, transposeA, b: b.data, ldb: b.columns, transposeB, c: c.data });
    return c;
  }
  const right = transposeB ? turned(b) : b;
  for (let i = 0; i < m; i++) {
    for (let q = 0; q < k; q++) {
      const x = a.data[transposeA ? q * m + i : i * k + q];
      if (x === 0) continue;
      for (let j = 0; j < n; j++) c.data[i * n + j] += x * right.data[q * n + j];
    }
  }
  return c;
}

function turned({ rows, columns, data }: HostMatrix): HostMatrix {
  const t = hostMatrix(columns, rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) t.data[j * rows + i] = data[i * columns + j];
  return t;
}

/** The Euclidean norm of all elements, without squares that leave the range of numbers. */
export function frobenius(data: Float64Array): number {
  let largest = 0;
  for (const x of data) largest = Math.max(largest, Math.abs(x));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let squares = 0;
  for (const x of data) squares += (x / largest) ** 2;
  return largest * Math.sqrt(squares);
}
