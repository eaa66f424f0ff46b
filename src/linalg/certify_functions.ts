import type { Device } from "../device/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import type { Certificate } from "./certificate.ts";
import { deviation, partsOf, ratio, worse } from "./certificate_parts.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import { hostIdentity } from "./host_solve.ts";
import { smallEigh } from "./iterative/small_eigh.ts";
import { realSchur } from "./loops/real_schur.ts";
import type { MatrixSign } from "./matrix_sign.ts";
import { nth, readMatrices } from "./matrix_stack.ts";
import type { Polar } from "./polar.ts";

/** Functions of a matrix that can be certified. */
export type MatrixFunction =
  | Polar
  | Pick<MatrixSign, "sign" | "of">
  | { readonly pinv: Tensor }
  | { readonly inverse: Tensor }
  | { readonly sqrt: Tensor };

/** Compares a function of each matrix with what defines it, in f64 on the host. Throws a `TypeError` where shapes do not fit. */
export async function certifyFunction(a: Tensor, result: MatrixFunction): Promise<Certificate> {
  const stack = await readMatrices(a, "certificate"), { device, rows: m, columns: n, count } = stack;
  const parts = await partsOf(tensorsOf(result), stack.batch);
  let backwardError = 0, orthogonality: number | undefined;
  let penrose: [number, number, number, number] = [0, 0, 0, 0];
  for (let q = 0; q < count; q++) {
    const matrix = hostMatrix(m, n, Float64Array.from(nth(stack.data, q, m * n)));
    let error: number;
    if ("pinv" in result) {
      const x = fitting(parts.pinv(q), n, m, "pinv"), found = penroseErrors(device, matrix, x);
      penrose = penrose.map((before, k) => worse(before, found[k])) as typeof penrose;
      error = found.reduce(worse, 0);
    } else if ("inverse" in result) {
      const x = fitting(parts.inverse(q), n, m, "inverse"), off = minus(multiply(device, matrix, x), hostIdentity(n));
      error = ratio(frobenius(off.data), frobenius(matrix.data) * frobenius(x.data));
    } else if ("sqrt" in result) {
      const x = fitting(parts.sqrt(q), m, n, "sqrt"), off = minus(multiply(device, x, x), matrix);
      error = worse(ratio(frobenius(off.data), frobenius(matrix.data)), wrongSide(x));
    } else if ("sign" in result && result.of === "eigenvalues") {
      error = spectralSignError(device, matrix, fitting(parts.sign(q), m, n, "sign"));
    } else {
      const u = fitting("sign" in result ? parts.sign(q) : parts.u(q), m, n, "sign" in result ? "sign" : "u");
      orthogonality = worse(orthogonality ?? 0, deviation(device, m < n ? turned(u) : u));
      error = "p" in result
        ? await polarError(device, matrix, u, parts.p(q))
        : await rightError(device, matrix, u, multiply(device, u, matrix, { transposeA: true }));
    }
    backwardError = worse(backwardError, error);
  }
  if ("pinv" in result) return { backwardError, penrose };
  return orthogonality === undefined ? { backwardError } : { backwardError, orthogonality };
}

/** The tensors among the parts of a result that are looked at. */
function tensorsOf(result: MatrixFunction): Record<string, Tensor> {
  if ("sign" in result) return { sign: result.sign };
  if ("p" in result) return { u: result.u, p: result.p };
  return { ...result };
}

function fitting(x: HostMatrix, rows: number, columns: number, name: string): HostMatrix {
  if (x.rows === rows && x.columns === columns) return x;
  throw new TypeError(`Expected "${name}" of shape [..., ${rows}, ${columns}], got [..., ${x.rows}, ${x.columns}]`);
}

function minus(a: HostMatrix, b: HostMatrix): HostMatrix {
  return hostMatrix(a.rows, a.columns, a.data.map((x, k) => x - b.data[k]));
}

function turned({ rows, columns, data }: HostMatrix): HostMatrix {
  const t = hostMatrix(columns, rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) t.data[j * rows + i] = data[i * columns + j];
  return t;
}

/** Penrose 1955, eq. 1–4, in relation to what rounding errors of the factors A and X make of them. */
function penroseErrors(device: Device, a: HostMatrix, x: HostMatrix): [number, number, number, number] {
  const ax = multiply(device, a, x), xa = multiply(device, x, a), [p, q] = [frobenius(a.data), frobenius(x.data)];
  const size = (t: HostMatrix) => frobenius(t.data);
  // A zero matrix has the pseudoinverse zero: then any other is wrong altogether.
  const share = (error: number, whole: number) => error === 0 ? 0 : whole === 0 ? Infinity : error / whole;
  return [
    share(size(minus(multiply(device, ax, a), a)) / (p || 1), p * q),
    share(size(minus(multiply(device, xa, x), x)) / (q || 1), p * q),
    share(size(minus(ax, turned(ax))), p * q),
    share(size(minus(xa, turned(xa))), p * q),
  ];
}

/** A = u·p or p·u, whichever the shape of p says, for square ones whichever is nearer. */
async function polarError(device: Device, a: HostMatrix, u: HostMatrix, p: HostMatrix): Promise<number> {
  if (p.rows !== p.columns || p.rows !== a.rows && p.rows !== a.columns) {
    throw new TypeError(`Expected "p" of shape [..., ${a.columns}, ${a.columns}], got [..., ${p.rows}, ${p.columns}]`);
  }
  const right = p.rows === a.columns ? await rightError(device, a, u, p) : Infinity;
  const left = p.rows === a.rows ? await rightError(device, turned(a), turned(u), turned(p)) : Infinity;
  return Math.min(right, left);
}

/** Of A = u·p with a symmetric positive semidefinite p. */
async function rightError(device: Device, a: HostMatrix, u: HostMatrix, p: HostMatrix): Promise<number> {
  const size = frobenius(a.data), transposed = turned(p);
  const symmetric = hostMatrix(p.rows, p.rows, p.data.map((x, k) => (x + transposed.data[k]) / 2));
  const errors = [
    frobenius(minus(multiply(device, u, symmetric), a).data),
    frobenius(minus(p, transposed).data),
    await negativePart(device, symmetric),
  ];
  return errors.reduce((worst, error) => worse(worst, ratio(error, size)), 0);
}

/** Of X² = I, A·X = X·A, and of eigenvalues of X·A = (A²)^½, which have no negative real parts. */
function spectralSignError(device: Device, a: HostMatrix, x: HostMatrix): number {
  const size = frobenius(x.data), n = x.columns, ax = multiply(device, a, x), xa = multiply(device, x, a);
  const square = frobenius(minus(multiply(device, x, x), hostIdentity(n)).data) / Math.max(size ** 2, Number.MIN_VALUE);
  const apart = ratio(frobenius(minus(ax, xa).data), frobenius(a.data) * size);
  return worse(worse(n === 0 ? 0 : square, apart), wrongSide(xa));
}

/** How far below zero an eigenvalue of a symmetric matrix lies. */
async function negativePart(device: Device, x: HostMatrix): Promise<number> {
  const size = frobenius(x.data);
  if (size === 0) return 0;
  if (!Number.isFinite(size)) return NaN;
  // Shifted by 1: of a low rank the elements would become subnormal numbers on the way, with which processors are slow.
  const shifted = x.data.map((value, k) => value / size + (k % (x.columns + 1) === 0 ? 1 : 0));
  const { values } = await smallEigh(device, shifted, x.rows);
  return size * Math.max(0, 1 - values[0]);
}

/** How far to the left of zero an eigenvalue lies, in relation to the matrix. */
function wrongSide(x: HostMatrix): number {
  const n = x.columns, size = frobenius(x.data);
  if (size === 0) return 0;
  const found = Number.isFinite(size) ? realSchur(x.data.map((value) => value / size), n) : undefined;
  if (!found) return NaN;
  let least = 0;
  for (let k = 0; k < n; k++) {
    const pair = k + 1 < n && found.t[(k + 1) * n + k] !== 0;
    least = Math.min(least, pair ? (found.t[k * n + k] + found.t[(k + 1) * n + k + 1]) / 2 : found.t[k * n + k]);
    if (pair) k++;
  }
  return -least;
}
