import { type Gpu, operators, type Tensor } from "../../mod.ts";
import { blocks, kron, type Matrix, matrixOf, plus, times, transposed } from "./plain_matrix.ts";

type Operator = operators.LinearOperator;
type Float = "f32" | "f64";

/** Numbers of an operator, nested as deep as their tensor has axes. */
export type Data = Record<string, number[] | Matrix | Matrix[]>;

/** Where random numbers come from: multiples of 1/64, which both precisions hold exactly. */
export interface Draw {
  vector(n: number): number[];
  matrix(m: number, n: number): Matrix;
  stack(b: number, m: number, n: number): Matrix[];
}

/** An operator and the matrix that it stands for. */
export interface OperatorCase {
  readonly name: string;
  /** What it is made of. */
  readonly data: (draw: Draw) => Data;
  readonly make: (tensors: Record<string, Tensor>, on: { gpu: Gpu; dtype: Float }) => Operator;
  /** The matrix in f64; the only place that says what is right. */
  readonly matrix: (data: Data) => Matrix;
  /** Set where products go through transforms, whose errors are small beside the norm and not element by element. */
  readonly norm?: true;
  /** Shape where the matrix cannot say it. */
  readonly shape?: [number, number];
}

/** Reproducible numbers in (−1, 1). */
export function drawFrom(seed: number): Draw {
  let state = seed * 2654435761 % 2 ** 32;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 31 - 1) * 64) / 64;
  };
  const vector = (n: number) => Array.from({ length: n }, next);
  const matrix = (m: number, n: number) => Array.from({ length: m }, () => vector(n));
  return { vector, matrix, stack: (b, m, n) => Array.from({ length: b }, () => matrix(m, n)) };
}

const eye = (n: number) => matrixOf(n, n, (i, j) => Number(i === j));
const diag = (d: number[]) => matrixOf(d.length, d.length, (i, j) => i === j ? d[i] : 0);
const offDiagonal = (d: number[]) => d.map((v) => v + 2 * Math.sign(v || 1));
const { PI, cos, sin, sqrt } = Math;

/** Σ over pairs of blocks, as the definition of a Monarch matrix says it. */
function monarchMatrix(left: Matrix[], right: Matrix[]): Matrix {
  const q = left.length, s = left[0].length, k = left[0][0].length, p = right[0][0].length;
  return matrixOf(s * q, k * p, (row, column) => {
    const c = Math.floor(row / q), i = row % q, b = Math.floor(column / p), j = column % p;
    return left[i][c][b] * right[b][i][j];
  });
}

function bandedMatrix(m: number, n: number, diagonals: number[][], offsets: number[]): Matrix {
  return matrixOf(m, n, (i, j) => {
    const k = offsets.indexOf(j - i);
    return k < 0 ? 0 : diagonals[k][Math.min(i, j)];
  });
}

function dftMatrix(n: number, scale: number, sign: number): Matrix {
  const c = matrixOf(n, n, (k, j) => scale * cos(2 * PI * ((j * k) % n) / n));
  const s = matrixOf(n, n, (k, j) => scale * sign * sin(2 * PI * ((j * k) % n) / n));
  return [...c.map((row, k) => [...row, ...s[k].map((v) => -v)]), ...s.map((row, k) => [...row, ...c[k]])];
}

/** Cases of order n (of a length n, for rectangular ones). */
function casesOf(n: number): OperatorCase[] {
  const kernel = (x: Matrix, y: Matrix) =>
    x.map((p) => y.map((q) => 1 / (1 + p.reduce((s, v, k) => s + (v - q[k]) ** 2, 0))));
  const outer = (u: Matrix, v: Matrix) => times(u, transposed(v), v.length);
  return [
    {
      name: `identity ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.identity(gpu, n, dtype),
      matrix: () => eye(n),
    },
    {
      name: `zero ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.zero(gpu, [n, n + 2], dtype),
      matrix: () => matrixOf(n, n + 2, () => 0),
    },
    {
      name: `dense ${n}`,
      data: (draw) => ({ a: draw.matrix(n, n + 1) }),
      make: ({ a }) => operators.dense(a),
      matrix: ({ a }) => a as Matrix,
    },
    {
      name: `diagonal ${n}`,
      data: (draw) => ({ d: offDiagonal(draw.vector(n)) }),
      make: ({ d }) => operators.diagonal(d),
      matrix: ({ d }) => diag(d as number[]),
    },
    {
      name: `low rank ${n}`,
      data: (draw) => ({ u: draw.matrix(n, 2), v: draw.matrix(n + 3, 2) }),
      make: ({ u, v }) => operators.lowRank(u, v),
      matrix: ({ u, v }) => outer(u as Matrix, v as Matrix),
    },
    {
      name: `low rank, semidefinite ${n}`,
      data: (draw) => ({ u: draw.matrix(n, 3) }),
      make: ({ u }) => operators.lowRank(u),
      matrix: ({ u }) => outer(u as Matrix, u as Matrix),
    },
    {
      name: `circulant ${n}`,
      data: (draw) => ({ c: [4, ...draw.vector(n - 1)] }),
      make: ({ c }) => operators.circulant(c),
      matrix: ({ c }) => matrixOf(n, n, (i, j) => (c as number[])[(i - j + n) % n]),
      norm: true,
    },
    {
      name: `toeplitz ${n}`,
      data: (draw) => ({ c: draw.vector(n), r: draw.vector(n + 4) }),
      make: ({ c, r }) => operators.toeplitz(c, r),
      matrix: ({ c, r }) => matrixOf(n, n + 4, (i, j) => i >= j ? (c as number[])[i - j] : (r as number[])[j - i]),
      norm: true,
    },
    {
      name: `toeplitz, symmetric ${n}`,
      data: (draw) => ({ c: draw.vector(n) }),
      make: ({ c }) => operators.toeplitz(c),
      matrix: ({ c }) => matrixOf(n, n, (i, j) => (c as number[])[Math.abs(i - j)]),
      norm: true,
    },
    {
      name: `hankel ${n}`,
      data: (draw) => ({ c: draw.vector(n), r: draw.vector(n) }),
      make: ({ c, r }) => operators.hankel(c, r),
      matrix: ({ c, r }) => {
        const v = [...c as number[], ...(r as number[]).slice(1)];
        return matrixOf(n, n, (i, j) => v[i + j]);
      },
      norm: true,
    },
    {
      name: `permutation ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.permutation(gpu, shuffled(n), dtype),
      matrix: () => matrixOf(n, n, (i, j) => Number(shuffled(n)[i] === j)),
    },
    {
      name: `banded ${n}`,
      data: (draw) => ({ a: draw.vector(n), b: draw.vector(n) }),
      make: ({ a, b }) => operators.banded([a, b], [0, 2], { shape: [n, n + 2] }),
      matrix: ({ a, b }) => bandedMatrix(n, n + 2, [a as number[], b as number[]], [0, 2]),
    },
    {
      name: `householder ${n}`,
      data: (draw) => ({ v: offDiagonal(draw.vector(n)) }),
      make: ({ v }) => operators.householder(v),
      matrix: ({ v }) => {
        const w = v as number[], square = w.reduce((s, x) => s + x * x, 0);
        return matrixOf(n, n, (i, j) => Number(i === j) - 2 * w[i] * w[j] / square);
      },
    },
    {
      name: `kronecker ${n}`,
      data: (draw) => ({ a: draw.matrix(2, 3), b: draw.matrix(n, 2), d: offDiagonal(draw.vector(2)) }),
      make: ({ a, b, d }) => {
        using p = operators.dense(a);
        using q = operators.dense(b);
        using r = operators.diagonal(d);
        return operators.kronecker([p, q, r]);
      },
      matrix: ({ a, b, d }) => kron(kron(a as Matrix, b as Matrix), diag(d as number[])),
    },
    {
      name: `kronecker, square ${n}`,
      data: (draw) => ({ d: offDiagonal(draw.vector(3)), c: [4, ...draw.vector(n - 1)] }),
      make: ({ d, c }) => {
        using p = operators.diagonal(d);
        using q = operators.circulant(c);
        return p.kronecker(q);
      },
      matrix: ({ d, c }) => kron(diag(d as number[]), matrixOf(n, n, (i, j) => (c as number[])[(i - j + n) % n])),
      norm: true,
    },
    {
      name: `block diagonal, stack ${n}`,
      data: (draw) => ({ a: draw.stack(3, n, 2) }),
      make: ({ a }) => operators.blockDiagonal(a),
      matrix: ({ a }) => blocks(a as Matrix[]),
    },
    {
      name: `block diagonal, operators ${n}`,
      data: (draw) => ({ a: draw.matrix(n, 2), d: draw.vector(n) }),
      make: ({ a, d }) => {
        using p = operators.dense(a);
        using q = operators.diagonal(d);
        return operators.blockDiagonal([p, q]);
      },
      matrix: ({ a, d }) => blocks([a as Matrix, diag(d as number[])]),
    },
    {
      name: `monarch ${n}`,
      data: (draw) => ({ l: draw.stack(3, 2, n), r: draw.stack(n, 3, 4) }),
      make: ({ l, r }) => operators.monarch(l, r),
      matrix: ({ l, r }) => monarchMatrix(l as Matrix[], r as Matrix[]),
    },
    {
      name: `concatenated ${n}`,
      data: (draw) => ({ a: draw.matrix(n, 3), d: draw.vector(3), b: draw.matrix(n + 3, 2) }),
      make: ({ a, d, b }) => {
        using p = operators.dense(a);
        using q = operators.diagonal(d);
        using r = operators.dense(b);
        using below = operators.concatenate([p, q]);
        return operators.concatenate([below, r], 1);
      },
      matrix: ({ a, d, b }) => [...a as Matrix, ...diag(d as number[])].map((row, i) => [...row, ...(b as Matrix)[i]]),
    },
    {
      name: `pairwise ${n}`,
      data: (draw) => ({ x: draw.matrix(n, 3), y: draw.matrix(n + 2, 3) }),
      make: ({ x, y }) => operators.pairwise("1 / (1 + sqdist(x[i], y[j]))", { x, y }),
      matrix: ({ x, y }) => kernel(x as Matrix, y as Matrix),
    },
    {
      name: `sparse ${n}`,
      data: (draw) => ({ a: draw.matrix(n, 4).map((row, i) => row.map((v, j) => (i + 2 * j) % 3 === 0 ? v : 0)) }),
      make: ({ a }, { gpu }) => {
        const rows: number[] = [], columns: number[] = [];
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < 4; j++) {
            if ((i + 2 * j) % 3 !== 0) continue;
            rows.push(i);
            columns.push(j);
          }
        }
        using flat = a.reshape([4 * n]);
        using values = flat.take(rows.map((i, k) => 4 * i + columns[k]));
        return operators.sparse(gpu.sparse({ rows, columns, values, shape: [n, 4] }), { owns: true });
      },
      matrix: ({ a }) => a as Matrix,
    },
    {
      name: `custom ${n}`,
      data: (draw) => ({ v: draw.vector(n) }),
      make: ({ v }, { dtype }) =>
        operators.linearOperator({
          shape: [n, n],
          device: v.device,
          dtype,
          // I + 1·vᵀ.
          apply: (x) => {
            using product = v.matmul(x);
            return x.add(product);
          },
          applyTransposed: (y) => {
            using total = y.sum(0);
            using column = v.reshape([n, 1]);
            using spread = column.mul(total);
            return y.add(spread);
          },
        }),
      matrix: ({ v }) => matrixOf(n, n, (i, j) => Number(i === j) + (v as number[])[j]),
    },
    ...[-1, 1].flatMap((sign) =>
      [false, true].map((ortho): OperatorCase => ({
        name: `fft ${n} ${sign} ${ortho}`,
        data: () => ({}),
        make: (_, { gpu, dtype }) =>
          operators.fft(gpu, n, { dtype, inverse: sign === 1, norm: ortho ? "ortho" : "backward" }),
        matrix: () => dftMatrix(n, ortho ? 1 / sqrt(n) : sign === 1 ? 1 / n : 1, sign),
        norm: true,
      }))
    ),
    {
      name: `dct ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.dct(gpu, n, { dtype }),
      matrix: () => matrixOf(n, n, (k, j) => 2 * cos(PI * k * (2 * j + 1) / (2 * n))),
      norm: true,
    },
    {
      name: `dct, orthogonal ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.dct(gpu, n, { dtype, type: 3, norm: "ortho" }),
      matrix: () => matrixOf(n, n, (k, j) => sqrt((j === 0 ? 1 : 2) / n) * cos(PI * j * (2 * k + 1) / (2 * n))),
      norm: true,
    },
    {
      name: `dst ${n}`,
      data: () => ({}),
      make: (_, { gpu, dtype }) => operators.dst(gpu, n, { dtype, type: 1, norm: "ortho" }),
      matrix: () => matrixOf(n, n, (k, j) => sqrt(2 / (n + 1)) * sin(PI * (j + 1) * (k + 1) / (n + 1))),
      norm: true,
    },
  ];
}

/** A permutation of n with cycles. */
function shuffled(n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = (i * 7919 + 3) % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function hadamardCase(n: number, order: "natural" | "sequency" | "dyadic", normalized: boolean): OperatorCase {
  const natural = matrixOf(n, n, (i, j) => [...(i & j).toString(2)].filter((b) => b === "1").length % 2 === 0 ? 1 : -1);
  const changes = (row: number[]) => row.reduce((s, v, j) => s + Number(j > 0 && v !== row[j - 1]), 0);
  const bits = Math.log2(n);
  const rows = order === "sequency"
    ? natural.toSorted((a, b) => changes(a) - changes(b))
    : order === "dyadic"
    ? natural.map((_, k) => natural[parseInt([...k.toString(2).padStart(bits, "0")].reverse().join(""), 2) || 0])
    : natural;
  return {
    name: `hadamard ${order} ${n} ${normalized}`,
    data: () => ({}),
    make: (_, { gpu, dtype }) => operators.hadamard(gpu, n, { order, normalized, dtype }),
    matrix: () => rows.map((row) => row.map((v) => normalized ? v / sqrt(n) : v)),
    norm: true,
  };
}

/** Every kind of operator, at 1, small primes, composites, and lengths that transforms treat in other ways. */
export const operatorCases: readonly OperatorCase[] = [
  ...[1, 7, 12].flatMap(casesOf),
  ...casesOf(80).filter(({ norm }) => norm),
  ...([[1, "natural"], [2, "sequency"], [8, "natural"], [16, "sequency"], [16, "dyadic"], [128, "sequency"]] as const)
    .map(
      ([n, order]) => hadamardCase(n, order, n > 2 && n < 20),
    ),
];

/** Square operators of order 6 for the algebra. */
export const squareCases: readonly OperatorCase[] = [
  ...casesOf(6).filter(({ name }) =>
    /^(identity|diagonal|circulant|permutation|householder|custom|hankel|low rank, s)/.test(name)
  ),
  ...casesOf(6).filter(({ name }) => /^(toeplitz, s|dct, o|dst)/.test(name)),
  ...casesOf(3).filter(({ name }) => /^fft 3 -1 true/.test(name)),
  {
    name: "dense",
    data: (draw) => ({ a: draw.matrix(6, 6) }),
    make: ({ a }) => operators.dense(a),
    matrix: ({ a }) => a as Matrix,
  },
  {
    name: "toeplitz",
    data: (draw) => ({ c: draw.vector(6), r: draw.vector(6) }),
    make: ({ c, r }) => operators.toeplitz(c, r),
    matrix: ({ c, r }) => matrixOf(6, 6, (i, j) => i >= j ? (c as number[])[i - j] : (r as number[])[j - i]),
    norm: true,
  },
  {
    name: "tridiagonal",
    data: (draw) => ({ a: draw.vector(5), b: draw.vector(6), c: draw.vector(5) }),
    make: ({ a, b, c }) => operators.tridiagonal(a, b, c),
    matrix: ({ a, b, c }) => bandedMatrix(6, 6, [a, b, c] as number[][], [-1, 0, 1]),
  },
  {
    name: "lower bidiagonal",
    data: (draw) => ({ a: draw.vector(6), b: draw.vector(4) }),
    make: ({ a, b }) => operators.banded([a, b], [0, -2]),
    matrix: ({ a, b }) => bandedMatrix(6, 6, [a, b] as number[][], [0, -2]),
  },
  {
    name: "block diagonal",
    data: (draw) => ({ a: draw.stack(2, 3, 3) }),
    make: ({ a }) => operators.blockDiagonal(a),
    matrix: ({ a }) => blocks(a as Matrix[]),
  },
  {
    name: "block diagonal of operators",
    data: (draw) => ({ a: draw.matrix(2, 2), d: draw.vector(4) }),
    make: ({ a, d }) => {
      using p = operators.dense(a);
      using q = operators.diagonal(d);
      return operators.blockDiagonal([p, q]);
    },
    matrix: ({ a, d }) => blocks([a as Matrix, diag(d as number[])]),
  },
  {
    name: "kronecker",
    data: (draw) => ({ a: draw.matrix(2, 2), b: draw.matrix(3, 3) }),
    make: ({ a, b }) => {
      using p = operators.dense(a);
      using q = operators.dense(b);
      return operators.kronecker([p, q]);
    },
    matrix: ({ a, b }) => kron(a as Matrix, b as Matrix),
  },
  {
    name: "monarch",
    data: (draw) => ({ l: draw.stack(3, 2, 2), r: draw.stack(2, 3, 3) }),
    make: ({ l, r }) => operators.monarch(l, r),
    matrix: ({ l, r }) => monarchMatrix(l as Matrix[], r as Matrix[]),
  },
  {
    name: "low rank",
    data: (draw) => ({ u: draw.matrix(6, 2), v: draw.matrix(6, 2) }),
    make: ({ u, v }) => operators.lowRank(u, v),
    matrix: ({ u, v }) => times(u as Matrix, transposed(v as Matrix)),
  },
  {
    name: "zero",
    data: () => ({}),
    make: (_, { gpu, dtype }) => operators.zero(gpu, [6, 6], dtype),
    matrix: () => matrixOf(6, 6, () => 0),
  },
  {
    name: "definite diagonal",
    data: (draw) => ({ d: draw.vector(6).map((v) => v + 2) }),
    make: ({ d }) => operators.diagonal(d, { flags: { positiveDefinite: true } }),
    matrix: ({ d }) => plus(diag(d as number[]), matrixOf(6, 6, () => 0)),
  },
];
