import { eliminate, substitute } from "./elimination.ts";

/** Where a block on the diagonal begins, and its size. */
interface Block {
  readonly at: number;
  readonly size: 1 | 2;
}

/**
 * The principal square root of a matrix `[n, n]` with 1×1 and 2×2 blocks on its diagonal, the latter with complex eigenvalues, by columns of blocks
 * (Björck & Hammarling 1983; Higham 1987, for real arithmetic). Eigenvalues down to −`zero` count as zero. In words if there is none.
 */
export function schurRoot(t: Float64Array, n: number, zero: number): Float64Array | string {
  const blocks: Block[] = [];
  for (let at = 0; at < n;) {
    const size = at + 1 < n && t[(at + 1) * n + at] !== 0 ? 2 : 1;
    blocks.push({ at, size });
    at += size;
  }
  // By columns, which the loops run along.
  const root = new Float64Array(n * n);
  for (let j = 0; j < blocks.length; j++) {
    const right = blocks[j], rest = new Float64Array(right.size * n);
    for (let c = 0; c < right.size; c++) for (let i = 0; i < n; i++) rest[c * n + i] = t[i * n + right.at + c];
    const own = rootOfBlock(rest, n, right, zero);
    if (typeof own === "string") return own;
    put(root, n, right, right, own);
    // What R's column j makes of the rows above: T_ij = Σ R_ik R_kj, from the bottom up.
    subtract(rest, root, n, right, right);
    for (let i = j - 1; i >= 0; i--) {
      const x = sylvester(root, n, blocks[i], right, rest, zero);
      if (typeof x === "string") return x;
      put(root, n, blocks[i], right, x);
      subtract(rest, root, n, blocks[i], right);
    }
  }
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) rows[i * n + j] = root[j * n + i];
  return rows;
}

/** The root of a block whose columns are given; row-major. */
function rootOfBlock(columns: Float64Array, n: number, { at, size }: Block, zero: number): number[] | string {
  if (size === 1) {
    const value = columns[at];
    if (value < -zero) return `its eigenvalue ${value} is on the negative real axis`;
    return [Math.sqrt(Math.max(0, value))];
  }
  const [a, c, b, d] = [columns[at], columns[at + 1], columns[n + at], columns[n + at + 1]];
  // Eigenvalues θ ± iμ, whose roots are α ± iμ/(2α) (Higham 2008, eq. 6.9 and lemma 6.4).
  const theta = (a + d) / 2, half = (a - d) / 2, mu = Math.sqrt(Math.max(0, -(half * half + b * c)));
  const length = Math.hypot(theta, mu);
  const alpha = theta > 0 ? Math.sqrt((length + theta) / 2) : mu / Math.sqrt(2 * (length - theta));
  if (!(alpha > 0)) return `its eigenvalues ${theta} ± ${mu}i are on the closed negative real axis`;
  return [alpha + half / (2 * alpha), b / (2 * alpha), c / (2 * alpha), alpha - half / (2 * alpha)];
}

/** X with R_i X + X R_j = W, which are the rows of block i in `rest`; row-major. */
function sylvester(
  root: Float64Array,
  n: number,
  left: Block,
  right: Block,
  rest: Float64Array,
  zero: number,
): ArrayLike<number> | string {
  const [p, q] = [left.size, right.size], w = new Float64Array(p * q);
  for (let i = 0; i < p; i++) for (let c = 0; c < q; c++) w[i * q + c] = rest[c * n + left.at + i];
  const of = ({ at }: Block, i: number, j: number) => root[(at + j) * n + at + i];
  if (p * q === 1) {
    const sum = of(left, 0, 0) + of(right, 0, 0);
    if (sum !== 0) return [w[0] / sum];
    return Math.abs(w[0]) <= zero ? [0] : "its eigenvalue 0 has fewer eigenvectors than its multiplicity";
  }
  const system = new Float64Array((p * q) ** 2), pivots = new Int32Array(p * q);
  for (let i = 0; i < p; i++) {
    for (let c = 0; c < q; c++) {
      const row = (i * q + c) * p * q;
      for (let k = 0; k < p; k++) system[row + k * q + c] += of(left, i, k);
      for (let k = 0; k < q; k++) system[row + i * q + k] += of(right, k, c);
    }
  }
  if (eliminate(system, p * q, p * q, pivots) > 0) return "its eigenvalues are on the closed negative real axis";
  pivots.forEach((row, i) => [w[i], w[row - 1]] = [w[row - 1], w[i]]);
  substitute(system, p * q, w, 1, { lower: true, transpose: false, unitDiagonal: true });
  substitute(system, p * q, w, 1, { lower: false, transpose: false, unitDiagonal: false });
  return w;
}

function put(root: Float64Array, n: number, rows: Block, columns: Block, x: ArrayLike<number>): void {
  for (let i = 0; i < rows.size; i++) {
    for (let c = 0; c < columns.size; c++) root[(columns.at + c) * n + rows.at + i] = x[i * columns.size + c];
  }
}

/** Takes R_{·k} R_kj from the rows above block k. */
function subtract(rest: Float64Array, root: Float64Array, n: number, k: Block, j: Block): void {
  for (let c = 0; c < j.size; c++) {
    for (let q = 0; q < k.size; q++) {
      const factor = root[(j.at + c) * n + k.at + q], column = (k.at + q) * n;
      if (factor === 0) continue;
      for (let i = 0; i < k.at; i++) rest[c * n + i] -= root[column + i] * factor;
    }
  }
}
