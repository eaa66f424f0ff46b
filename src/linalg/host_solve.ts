import type { Device } from "../device/mod.ts";
import { type HostMatrix, hostMatrix } from "./host_product.ts";
import { eliminate, substitute } from "./loops/elimination.ts";
import { lapackWith, requireArguments, transposed } from "./matrix_stack.ts";

/** Factors of a square matrix on the host in f64, with which systems are solved. */
export interface HostFactors {
  /** x with x·A = b for the rows of b `[r, n]`. */
  divideRows(b: HostMatrix): HostMatrix;
  /** Logarithm of |det A|. */
  readonly logAbsDet: number;
}

/** Eliminates a square matrix in f64, by the system's LAPACK where there is one; undefined if a pivot is zero. It overwrites the matrix. */
export function factor(device: Device, { columns: n, data }: HostMatrix): HostFactors | undefined {
  const lapack = lapackWith(device, "getrf", "getrs"), pivots = new Int32Array(n);
  let info: number;
  if (lapack) {
    // By columns this is Aᵀ, and x·A = b is Aᵀ·xᵀ = bᵀ: nothing need be turned.
    info = n === 0 ? 0 : lapack.getrf(n, n, data, pivots);
    requireArguments("getrf", info);
  } else {
    data.set(transposed(data, n, n));
    info = eliminate(data, n, n, pivots);
  }
  if (info > 0) return undefined;
  let logAbsDet = 0;
  for (let k = 0; k < n; k++) logAbsDet += Math.log(Math.abs(data[k * n + k]));
  return {
    logAbsDet,
    divideRows: (b) => {
      const x = hostMatrix(b.rows, n, b.data.slice());
      if (n === 0 || b.rows === 0) return x;
      if (lapack) requireArguments("getrs", lapack.getrs(false, n, b.rows, data, pivots, x.data));
      else {
        const columns = transposed(b.data, b.rows, n);
        exchangeRows(columns, b.rows, pivots);
        substitute(data, n, columns, b.rows, { lower: true, transpose: false, unitDiagonal: true });
        substitute(data, n, columns, b.rows, { lower: false, transpose: false, unitDiagonal: false });
        transposed(columns, n, b.rows, x.data);
      }
      return x;
    },
  };
}

/** Exchanges the rows of `b` `[n, r]` as an elimination did. */
export function exchangeRows(b: Float64Array, r: number, pivots: Int32Array): void {
  pivots.forEach((row, i) => {
    const other = row - 1;
    for (let c = 0; c < r && other !== i; c++) [b[i * r + c], b[other * r + c]] = [b[other * r + c], b[i * r + c]];
  });
}

/** The inverse in f64; undefined if a pivot is zero. */
export function inverted(device: Device, a: HostMatrix): { inverse: HostMatrix; logAbsDet: number } | undefined {
  const n = a.columns, factors = factor(device, hostMatrix(n, n, a.data.slice()));
  return factors && { inverse: factors.divideRows(hostIdentity(n)), logAbsDet: factors.logAbsDet };
}

/** The identity matrix. */
export function hostIdentity(n: number): HostMatrix {
  const one = hostMatrix(n, n);
  for (let k = 0; k < n; k++) one.data[k * n + k] = 1;
  return one;
}
