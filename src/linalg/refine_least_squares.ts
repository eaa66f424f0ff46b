import type { Device, FloatArray } from "../device/mod.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import { substitute } from "./loops/elimination.ts";
import { householder } from "./loops/householder.ts";
import { lapackWith, requireArguments, transposed } from "./matrix_stack.ts";

const U = 2 ** -53;
const STEPS = 10;

/**
 * Refines the columns `xt` `[r, n]` of least-squares solutions of A·x = b, of full rank, in their place: x and its residual together, as the solution of a system
 * that is not more sensitive than the problem (Björck 1967; Golub & Van Loan, §5.3.8), with the QR decomposition and all sums in f64. Of a wide matrix it is
 * the solution of least norm.
 */
export function refineLeastSquares(device: Device, a: HostMatrix, b: FloatArray, xt: FloatArray): void {
  const { rows: m, columns: n } = a, wide = m < n, r = xt.length / n;
  // [I M; Mᵀ 0]·[p; z] = [f; g] with a tall M. Of a tall A: M = A, p = b − A·x, z = x. Of a wide one: M = Aᵀ, p = x, z the multipliers.
  const tall = wide ? hostMatrix(n, m, transposed(a.data, m, n)) : a;
  const { q, r: triangle } = thinQr(device, tall), x = hostMatrix(n, r, transposed(Float64Array.from(xt), r, n));
  const right = hostMatrix(m, r, Float64Array.from(b)), k = tall.columns;
  const [f, g] = wide ? [hostMatrix(n, r), right] : [right, hostMatrix(n, r)];
  let p: HostMatrix, z: HostMatrix;
  if (wide) {
    p = x;
    z = multiply(device, q, minus(f, p), { transposeA: true });
    substitute(triangle.data, k, z.data, r, { lower: false, transpose: false, unitDiagonal: false });
  } else {
    z = x;
    p = minus(right, multiply(device, a, x));
  }
  let before = Infinity;
  for (let step = 0; step < STEPS; step++) {
    const first = minus(minus(f, p), multiply(device, tall, z));
    const h = minus(g, multiply(device, tall, p, { transposeA: true }));
    substitute(triangle.data, k, h.data, r, { lower: false, transpose: true, unitDiagonal: false });
    const projected = multiply(device, q, first, { transposeA: true });
    const dp = plus(first, multiply(device, q, minus(h, projected))), dz = minus(projected, h);
    substitute(triangle.data, k, dz.data, r, { lower: false, transpose: false, unitDiagonal: false });
    const [change, size] = wide ? [frobenius(dp.data), frobenius(p.data)] : [frobenius(dz.data), frobenius(z.data)];
    // Where steps do not shrink, the triangle is too near to singular for them; NaN is no help either.
    if (!(change <= before / 2 && change <= size / 2)) break;
    [p, z] = [plus(p, dp), plus(z, dz)];
    before = change;
    if (change <= U * size) break;
  }
  xt.set(transposed((wide ? p : z).data, n, r));
}

function minus(a: HostMatrix, b: HostMatrix): HostMatrix {
  return hostMatrix(a.rows, a.columns, a.data.map((v, k) => v - b.data[k]));
}

function plus(a: HostMatrix, b: HostMatrix): HostMatrix {
  return hostMatrix(a.rows, a.columns, a.data.map((v, k) => v + b.data[k]));
}

/** Orthonormal columns `[m, n]` and a triangle `[n, n]` of a tall matrix. */
function thinQr(device: Device, { rows: m, columns: n, data }: HostMatrix): { q: HostMatrix; r: HostMatrix } {
  const lapack = lapackWith(device, "geqrf", "orgqr");
  if (!lapack) {
    const found = householder(data, m, n, n);
    return { q: hostMatrix(m, n, found.q), r: hostMatrix(n, n, found.r) };
  }
  const columns = transposed(data, m, n), tau = new Float64Array(n), r = hostMatrix(n, n);
  requireArguments("geqrf", lapack.geqrf(m, n, columns, tau));
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) r.data[i * n + j] = columns[j * m + i];
  requireArguments("orgqr", lapack.orgqr(m, n, n, columns, tau));
  return { q: hostMatrix(m, n, transposed(columns, n, m)), r };
}
