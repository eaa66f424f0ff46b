import { type Device, roundoff } from "../device/mod.ts";
import { type Tensor, withVjp } from "../tensor/mod.ts";
import { ConvergenceError } from "./errors.ts";
import { sqrtmPullback } from "./gradients/sqrtm.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import { eighByMlMatrix, loadMlMatrix, type MlMatrix } from "./loops/ml_matrix.ts";
import { realSchur } from "./loops/real_schur.ts";
import { schurRoot } from "./loops/schur_root.ts";
import {
  lapackWith,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireSquare,
  toTensor,
  transposed,
} from "./matrix_stack.ts";

const U = 2 ** -53;

/**
 * Principal square root of each matrix of `[..., n, n]`: the X with X² = A whose eigenvalues have positive real parts. On the host in f64, whatever the
 * type: of symmetric matrices by {@linkcode eigh}, of others by the real Schur decomposition (Higham 1987; LAPACK's `gees`, else Francis's
 * algorithm). Every root is verified in f64 before it is returned: ‖X² − A‖ is at most 64·n·u·‖X‖² in Frobenius norms, which is what rounding of X
 * alone may cost, and at most 1e-4·‖A‖; {@linkcode certificate} measures it of what was returned.
 *
 * Throws a `RangeError` for a matrix with an eigenvalue on the negative real axis, which has no real principal root, for one with too few eigenvectors for an
 * eigenvalue of zero, which has none at all, and if an element is not finite; a {@linkcode ConvergenceError} if no root could be
 * verified; and a `TypeError` for other types than f32 and f64 and matrices that are not square. Eigenvalues that are rounding errors (n·u
 * of the norm, with the u of the type) of zero count as zero; the root of a singular matrix has no gradient, which is a
 * {@linkcode SingularMatrixError}.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * console.log(await (await linalg.sqrtm(gpu.tensor([[4, 1], [0, 9]]))).array()); // [[2, 0.2], [0, 3]]
 * ```
 */
export async function sqrtm(a: Tensor): Promise<Tensor> {
  return (await withVjp("sqrtm", { a }, { x: await roots(a) }, sqrtmPullback)).x;
}

async function roots(a: Tensor): Promise<Tensor> {
  requireSquare(a, "sqrtm");
  const stack = await readMatrices(a, "sqrtm"), { device, dtype, data, rows: n, count } = stack;
  const loops = lapackWith(device, "syevd") ? undefined : await loadMlMatrix();
  onHost(device, lapackWith(device, "gees", "syevd") ? "sqrtm/lapack" : "sqrtm/loops", () => {
    for (let i = 0; i < count && n > 0; i++) {
      const matrix = nth(data, i, n * n), which = count > 1 ? `Matrix ${i}` : "The matrix";
      matrix.set(rootOf(device, loops, hostMatrix(n, n, Float64Array.from(matrix)), n * roundoff(dtype), which).data);
      if (!matrix.every(Number.isFinite)) {
        throw new RangeError(`${which} has a square root out of the range of ${dtype}`);
      }
    }
  });
  return toTensor(stack, data, [n, n]);
}

function rootOf(device: Device, loops: MlMatrix | undefined, a: HostMatrix, zero: number, which: string): HostMatrix {
  const n = a.columns, size = frobenius(a.data);
  if (size === 0) return a;
  // By an even power of two, whose root rounds nothing either.
  const shift = 2 * Math.max(-500, Math.min(500, Math.round(Math.log2(size) / 2)));
  const scaled = hostMatrix(n, n, a.data.map((x) => x * 2 ** -shift)), unit = frobenius(scaled.data);
  const symmetric = scaled.data.every((x, k) => x === scaled.data[(k % n) * n + Math.floor(k / n)]);
  const found = symmetric ? byEigen(device, loops, scaled, zero * unit) : bySchur(device, scaled, zero * unit);
  if (typeof found === "string") throw new RangeError(`${which} has no real principal square root: ${found}`);
  const square = multiply(device, found, found), length = frobenius(found.data);
  const error = frobenius(square.data.map((x, k) => x - scaled.data[k]));
  // What was taken for zero is an error too, of at most `zero` in each eigenvalue.
  if (!(error <= 64 * n * U * length ** 2 + Math.sqrt(n) * zero * unit) || !(error <= 1e-4 * unit)) {
    throw new ConvergenceError(
      `${which} has no square root that could be verified: ‖X² − A‖ / ‖A‖ is ${error / unit} with ‖X‖² / ‖A‖ of ${
        length ** 2 / unit
      }`,
    );
  }
  return hostMatrix(n, n, found.data.map((x) => x * 2 ** (shift / 2)));
}

/** V·√Λ·Vᵀ. */
function byEigen(device: Device, loops: MlMatrix | undefined, a: HostMatrix, zero: number): HostMatrix | string {
  const n = a.columns, rows = a.data.slice(), values = new Float64Array(n);
  if (loops) eighByMlMatrix(loops, rows, n, values);
  else {
    const info = lapackWith(device, "syevd")!.syevd("V", "U", n, rows, values);
    requireArguments("syevd", info);
    if (info > 0) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
  }
  const bad = values.find((value) => value < -zero);
  if (bad !== undefined) return `its eigenvalue ${bad} is on the negative real axis`;
  const scaled = hostMatrix(n, n, rows.map((x, k) => x * Math.sqrt(Math.max(0, values[Math.floor(k / n)]))));
  const root = multiply(device, hostMatrix(n, n, rows), scaled, { transposeA: true });
  return hostMatrix(n, n, root.data.map((x, k) => (x + root.data[(k % n) * n + Math.floor(k / n)]) / 2));
}

/** Z·√T·Zᵀ. */
function bySchur(device: Device, a: HostMatrix, zero: number): HostMatrix | string {
  const n = a.columns, lapack = lapackWith(device, "gees");
  let t = a.data.slice(), z = new Float64Array(n * n);
  if (lapack) {
    t = transposed(t, n, n);
    const info = lapack.gees(n, t, z);
    requireArguments("gees", info);
    if (info > 0) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
    [t, z] = [transposed(t, n, n), transposed(z, n, n)];
  } else {
    const found = realSchur(t, n);
    if (!found) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
    ({ t, z } = found as { t: typeof t; z: typeof z });
  }
  const root = schurRoot(t, n, zero);
  if (typeof root === "string") return root;
  const basis = hostMatrix(n, n, z);
  return multiply(device, basis, multiply(device, hostMatrix(n, n, root), basis, { transposeB: true }));
}
