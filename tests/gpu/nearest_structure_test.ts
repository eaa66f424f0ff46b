import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { drawFrom } from "./operator_cases.ts";
import { determinant, frobenius, kron, type Matrix, matrixOf, plus, times } from "./plain_matrix.ts";

const UNIT = { f32: 2 ** -24, f64: 2 ** -53 };
type Float = keyof typeof UNIT;
const typesOf = (gpu: Gpu): Float[] => gpu.info.probes.f64 ? ["f32", "f64"] : ["f32"];

const upload = (gpu: Gpu, a: Matrix, dtype: Float) =>
  gpu.tensor(Float64Array.from(a.flat()), { shape: [a.length, a[0].length], dtype });

/** Runs `fn` in each precision, in a scope, and checks that nothing is left behind. */
async function inEachType(gpu: Gpu, fn: (dtype: Float, u: number) => Promise<void>): Promise<void> {
  for (const dtype of typesOf(gpu)) {
    await gpu.sync();
    const before = gpu.device.ledger.count;
    await gpu.scope(() => fn(dtype, UNIT[dtype]));
    assertEquals(gpu.device.ledger.count, before);
  }
}

/** A[:, i, b, :] of a matrix with rows (c, i) and columns (b, j). */
const slice = (a: Matrix, q: number, p: number, i: number, b: number) =>
  matrixOf(a.length / q, p, (c, j) => a[c * q + i][b * p + j]);

onEachDevice("a Monarch matrix is its own nearest one, of any sizes", async (gpu) => {
  await inEachType(gpu, async (dtype, u) => {
    for (const [s, q, k, p] of [[4, 4, 4, 4], [3, 2, 5, 4], [1, 3, 2, 1], [6, 1, 1, 2]]) {
      const draw = drawFrom(s + q), left = draw.stack(q, s, k), right = draw.stack(k, q, p);
      const a = matrixOf(s * q, k * p, (row, column) => {
        const b = Math.floor(column / p), i = row % q;
        return left[i][Math.floor(row / q)][b] * right[b][i][column % p];
      });
      const found = await linalg.nearestMonarch(upload(gpu, a, dtype), { rows: [s, q], columns: [k, p] });
      assertEquals([found.left.shape, found.right.shape, found.operator.shape], [[q, s, k], [k, q, p], [s * q, k * p]]);
      const dense = await found.operator.toDense().array() as Matrix;
      const error = frobenius(plus(a, dense, -1)), bound = 16 * Math.max(s, p) * u * frobenius(a);
      assert(error <= bound, `${error} over ${bound}`);
      assert(found.relativeError <= 16 * Math.max(s, p) * u, `relativeError ${found.relativeError}`);
    }
  });
});

onEachDevice("the distance to the nearest Monarch matrix is what the singular values leave", async (gpu) => {
  await inEachType(gpu, async (dtype, u) => {
    const [s, q, k, p] = [3, 2, 2, 4], a = drawFrom(9).matrix(s * q, k * p);
    const { relativeError } = await linalg.nearestMonarch(upload(gpu, a, dtype), { rows: [s, q], columns: [k, p] });
    let tail = 0;
    for (let i = 0; i < q; i++) {
      for (let b = 0; b < k; b++) {
        const values = await (await linalg.svdvals(upload(gpu, slice(a, q, p, i, b), dtype))).data();
        for (const v of values.slice(1)) tail += v * v;
      }
    }
    const expected = Math.sqrt(tail) / frobenius(a);
    assert(Math.abs(relativeError - expected) <= 64 * u, `${relativeError}, expected ${expected}`);
    assert(relativeError > 0.1);
  });
});

onEachDevice("Hadamard's and Fourier's matrices are Monarch matrices", async (gpu) => {
  await inEachType(gpu, async (dtype, u) => {
    for (const n of [4, 16, 64]) {
      const h = operators.hadamard(gpu, n, { dtype }).toDense();
      const { relativeError } = await linalg.nearestMonarch(h);
      assert(relativeError <= 16 * Math.sqrt(n) * u, `Hadamard ${n}: ${relativeError}`);
    }
    for (const m of [2, 3, 4, 6]) {
      const n = m * m, angle = (k: number, j: number) => -2 * Math.PI * ((j * k) % n) / n;
      // Column b·m + j of the permuted matrix is column b + m·j: the table of m × m numbers transposed.
      const order = (column: number) => Math.floor(column / m) + m * (column % m);
      const re = matrixOf(n, n, (k, c) => Math.cos(angle(k, order(c))));
      const im = matrixOf(n, n, (k, c) => Math.sin(angle(k, order(c))));
      const found = await linalg.nearestComplexMonarch({ re: upload(gpu, re, dtype), im: upload(gpu, im, dtype) });
      assert(found.relativeError <= 16 * m * u, `Fourier ${n}: ${found.relativeError}`);
      const [lr, li, rr, ri] = await Promise.all(
        [found.left.re, found.left.im, found.right.re, found.right.im].map((t) => t.array()),
      ) as Matrix[][];
      for (const [row, column] of [[1, 1], [n - 1, n - 2], [m, n - 1]]) {
        const b = Math.floor(column / m), j = column % m, c = Math.floor(row / m), i = row % m;
        const real = lr[i][c][b] * rr[b][i][j] - li[i][c][b] * ri[b][i][j];
        const imaginary = lr[i][c][b] * ri[b][i][j] + li[i][c][b] * rr[b][i][j];
        const error = Math.hypot(real - re[row][column], imaginary - im[row][column]);
        assert(error <= 16 * n * u, `Fourier ${n} at (${row}, ${column}): ${error}`);
      }
      // In its own order it is none.
      if (m > 2) {
        const plain = matrixOf(n, n, (k, j) => Math.cos(angle(k, j))),
          other = matrixOf(n, n, (k, j) => Math.sin(angle(k, j)));
        const far = await linalg.nearestComplexMonarch({
          re: upload(gpu, plain, dtype),
          im: upload(gpu, other, dtype),
        });
        assert(far.relativeError > 0.1, `${far.relativeError}`);
      }
    }
  });
});

onEachDevice(
  "the nearest sum of Kronecker products is that of the rearranged matrix's singular values",
  async (gpu) => {
    await inEachType(gpu, async (dtype, u) => {
      const draw = drawFrom(4), exact = kron(draw.matrix(2, 3), draw.matrix(3, 2));
      const one = await linalg.nearestKronecker(upload(gpu, exact, dtype), { left: [2, 3] });
      assert(one.relativeError <= 16 * 6 * u, `${one.relativeError}`);
      const error = frobenius(plus(exact, await one.operator.toDense().array() as Matrix, -1));
      assert(error <= 16 * 6 * u * frobenius(exact), `${error}`);

      const a = draw.matrix(6, 6), [m1, n1, m2, n2] = [2, 3, 3, 2];
      const rearranged = matrixOf(m1 * n1, m2 * n2, (r, c) => {
        const [i, j, k, l] = [Math.floor(r / n1), r % n1, Math.floor(c / n2), c % n2];
        return a[i * m2 + k][j * n2 + l];
      });
      const values = [...await (await linalg.svdvals(upload(gpu, rearranged, dtype))).data()];
      for (const terms of [1, 2, 6]) {
        const found = await linalg.nearestKronecker(upload(gpu, a, dtype), { left: [m1, n1], terms });
        assertEquals([found.left.shape, found.right.shape], [[terms, m1, n1], [terms, m2, n2]]);
        const expected = Math.sqrt(values.slice(terms).reduce((s, v) => s + v * v, 0)) / frobenius(a);
        assert(Math.abs(found.relativeError - expected) <= 64 * 6 * u, `${found.relativeError}, expected ${expected}`);
      }
    });
  },
);

onEachDevice("operators are solved by their structure", async (gpu) => {
  await inEachType(gpu, async (dtype, u) => {
    const draw = drawFrom(11), { dense, diagonal, identity, kronecker, lowRank } = operators;
    const well = (n: number) => plus(draw.matrix(n, n), matrixOf(n, n, (i, j) => i === j ? 4 : 0));
    const of = (a: Matrix) => dense(upload(gpu, a, dtype));
    const vector = (v: number[]) => gpu.tensor(Float64Array.from(v), { dtype });
    const d = vector(draw.vector(6).map((v) => v + 3)), thin = () => upload(gpu, draw.matrix(6, 2), dtype);
    const stack = gpu.tensor(Float64Array.from([well(3), well(3)].flat(2)), { shape: [2, 3, 3], dtype });
    const rotation = operators.dct(gpu, 6, { norm: "ortho", dtype });
    const list: [string, operators.LinearOperator][] = [
      ["dense", of(well(6))],
      ["transposed", of(well(6)).T],
      ["scaled", of(well(6)).scale(0.5)],
      ["scaled by a tensor", of(well(6)).scale(vector([-2]))],
      ["Kronecker", kronecker([of(well(2)), diagonal(vector([2, -1])), of(well(3))])],
      ["blocks of a stack", operators.blockDiagonal(stack)],
      ["blocks", operators.blockDiagonal([of(well(2)), diagonal(vector([1, 2])), of(well(2))])],
      ["product", of(well(6)).compose(rotation).compose(diagonal(d))],
      ["identity and low rank", identity(gpu, 6, dtype).add(lowRank(thin()))],
      ["low rank and diagonal", lowRank(thin(), thin()).add(diagonal(d))],
      ["circulant and low rank", operators.circulant(vector([5, 1, 0, 0, 0, 1])).add(lowRank(thin()))],
      ["Kronecker and low rank", kronecker([of(well(2)), of(well(3))]).add(lowRank(thin()))],
      ["a sum of others", of(well(6)).add(rotation)],
      ["Toeplitz", operators.toeplitz(vector([3, 1, 0.5, 0, 0, 0]))],
    ];
    for (const [name, a] of list) {
      const n = a.shape[0], matrix = await a.toDense().array() as Matrix, b = draw.matrix(n, 2);
      const x = await linalg.solveOperator(a, upload(gpu, b, dtype)), solution = await x.array() as Matrix;
      const residual = frobenius(plus(times(matrix, solution), b, -1));
      const bound = 64 * n * u * (frobenius(matrix) * frobenius(solution) + frobenius(b));
      assert(residual <= bound, `${name}: the residual is ${residual}, over ${bound}`);
      const single = await linalg.solveOperator(a, vector(b.map((row) => row[0])));
      assertEquals(single.shape, [n]);
      const { sign, logAbsDet } = await linalg.slogdetOperator(a), expected = determinant(matrix);
      assertEquals(await sign.item(), expected.sign, name);
      const log = await logAbsDet.item();
      assert(
        Math.abs(log - expected.log) <= 64 * n * u * (n + Math.abs(expected.log)),
        `${name}: ${log}, ${expected.log}`,
      );
    }
  });
});

onEachDevice("what has no inverse or does not fit is refused", async (gpu) => {
  const { diagonal, dense, lowRank, circulant } = operators, { SingularMatrixError } = linalg;
  const ones = gpu.ones([3]), a = gpu.ones([4, 6]);
  await assertRejects(() => diagonal(gpu.tensor([1, 0, 2])).solve!(ones), SingularMatrixError, "diagonal is 0 at 1");
  const ring = circulant(gpu.tensor([2, -1, 0, 0, -1]));
  await assertRejects(() => ring.solve!(gpu.ones([5])), SingularMatrixError, "its eigenvalue 0");
  await assertRejects(() => linalg.solveOperator(dense(gpu.ones([3, 3])), ones), SingularMatrixError);
  const cancelled = diagonal(gpu.tensor([1, 1, 1])).add(
    lowRank(gpu.tensor([[1], [0], [0]]), gpu.tensor([[-1], [0], [0]])),
  );
  await assertRejects(() => linalg.solveOperator(cancelled, ones), SingularMatrixError);
  await assertRejects(() => linalg.solveOperator(dense(a), gpu.ones([4])), TypeError, "not square");
  await assertRejects(() => linalg.solveOperator(ring, ones), TypeError, "expected [5] or [5, k]");
  await assertRejects(() => linalg.slogdetOperator(dense(a)), TypeError, "not square");
  await assertRejects(() => linalg.nearestMonarch(a, { rows: [3, 2] }), RangeError, "4 rows and 6 columns");
  await assertRejects(() => linalg.nearestMonarch(gpu.ones([4])), TypeError, "[4]");
  await assertRejects(() => linalg.nearestMonarch(gpu.tensor([[1, NaN]])), RangeError, "NaN");
  await assertRejects(() => linalg.nearestKronecker(a, { left: [3, 2] }), RangeError, "divides [4, 6]");
  await assertRejects(() => linalg.nearestKronecker(a, { left: [2, 2], terms: 5 }), RangeError, "from 1 to 4");
  const zero: Tensor = gpu.zeros([4, 4]);
  assertEquals((await linalg.nearestMonarch(zero)).relativeError, 0);
  assertEquals((await linalg.nearestKronecker(zero, { left: [2, 2] })).relativeError, 0);
});
