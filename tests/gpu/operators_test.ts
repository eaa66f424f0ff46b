import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Gpu, operators, type Tensor } from "../../mod.ts";
import { grad } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { type Data, drawFrom, type OperatorCase, operatorCases, squareCases } from "./operator_cases.ts";
import {
  determinant,
  frobenius,
  isDefinite,
  magnitude,
  type Matrix,
  matrixOf,
  plus,
  times,
  transposed,
} from "./plain_matrix.ts";

type Operator = operators.LinearOperator;
const UNIT = { f32: 2 ** -24, f64: 2 ** -53 };
type Float = keyof typeof UNIT;

const typesOf = (gpu: Gpu): Float[] => gpu.info.probes.f64 ? ["f32", "f64"] : ["f32"];

function upload(gpu: Gpu, values: number[] | Matrix | Matrix[], dtype: Float): Tensor {
  const shape: number[] = [];
  for (let v: unknown = values; Array.isArray(v); v = v[0]) shape.push(v.length);
  return gpu.tensor(Float64Array.from(values.flat(2) as number[]), { shape, dtype });
}

const uploadAll = (gpu: Gpu, data: Data, dtype: Float) =>
  Object.fromEntries(Object.entries(data).map(([name, values]) => [name, upload(gpu, values, dtype)]));

/** How far a product may be off: element by element from |A|·|x|, or in the norm. */
interface Model {
  /** Bound of the sums of products, per element and column. */
  readonly scale: Matrix;
  readonly norm: boolean;
  readonly u: number;
}

/** Reads a result, frees it, and compares it with numbers. */
async function assertProduct(result: Tensor, expected: number[], scale: number[], model: Model, what: string) {
  const found = await result.data();
  result.dispose();
  assertEquals(found.length, expected.length, what);
  const total = Math.hypot(...scale, 0);
  for (let k = 0; k < found.length; k++) {
    const bound = 16 * model.u * (model.norm ? total : scale[k]);
    if (!(Math.abs(found[k] - expected[k]) <= bound)) {
      throw new Error(`${what}: got ${found[k]} at ${k}, expected ${expected[k]} ± ${bound}`);
    }
  }
}

/** Everything that an operator does, against its matrix. */
async function checkOperator(gpu: Gpu, op: Operator, matrix: Matrix, model: Model, seed: number): Promise<void> {
  const [m, n] = op.shape, dtype = op.dtype as Float, draw = drawFrom(seed);
  // Sums of n products: n·u·|A||x|, or log n·u·‖A‖‖x‖ of transforms, for which n is more than enough.
  const grown = model.scale.map((row) => row.map((v) => v * Math.max(m, n, 1)));
  for (const [turned, a, s] of [[false, matrix, grown], [true, transposed(matrix, n), transposed(grown, n)]] as const) {
    const size = turned ? m : n, x = draw.matrix(size, 3), act = turned ? op.applyTransposed : op.apply;
    const xs = upload(gpu, x, dtype), v = upload(gpu, x.map((row) => row[0]), dtype);
    const rest = times(a, x, 3), bounds = times(s, magnitude(x), 3);
    const result = act(xs);
    assertEquals([result.shape, result.dtype], [[turned ? n : m, 3], dtype]);
    await assertProduct(result, rest.flat(), bounds.flat(), model, turned ? "applyTransposed" : "apply");
    const single = act(v);
    assertEquals(single.shape, [turned ? n : m]);
    await assertProduct(single, rest.map((row) => row[0]), bounds.map((row) => row[0]), model, "product with a vector");
    // A strided view is a matrix like any other.
    using wide = upload(gpu, transposed(x), dtype);
    using view = wide.T;
    await assertProduct(act(view), rest.flat(), bounds.flat(), model, "product with a view");
    xs.dispose();
    v.dispose();
    assertThrows(() => act(gpu.ones([size + 1])), TypeError, `expected [${size}]`);
    assertThrows(() => act(gpu.ones([size, 1, 1])), TypeError, "expected");
    assertThrows(() => act(gpu.ones([size], "i32")), TypeError, "dtypes differ");
  }
  const i = (seed * 5) % m, j = (seed * 3) % n;
  const row = op.row(i), column = op.column(j), dense = op.toDense(), main = op.diagonal();
  assertEquals([row.shape, column.shape, dense.shape, main.shape], [[n], [m], [m, n], [Math.min(m, n)]]);
  await assertProduct(row, matrix[i], grown[i], model, "row");
  await assertProduct(column, matrix.map((r) => r[j]), grown.map((r) => r[j]), model, "column");
  await assertProduct(dense, matrix.flat(), grown.flat(), model, "toDense");
  const diagonal = matrix.slice(0, n).map((r, k) => r[k]), bounds = grown.slice(0, n).map((r, k) => r[k]);
  await assertProduct(main, diagonal, bounds, model, "diagonal");
  if (m === n) {
    const total = diagonal.reduce((s, v) => s + v, 0), bound = bounds.reduce((s, v) => s + v, 0) + frobenius(matrix);
    await assertProduct(op.trace(), [total], [bound], model, "trace");
  } else assertThrows(() => op.trace(), TypeError, "not square");
  assertThrows(() => op.row(m), RangeError, "out of range");
  assertThrows(() => op.column(-1), RangeError, "out of range");
  assertThrows(() => op.toDense({ maxBytes: 1 }), RangeError, "MB");
  checkFlags(op, matrix);
  await checkInverse(gpu, op, matrix, model);
}

/** What an operator says of itself is true of its matrix, which has rounding errors in f64. */
function checkFlags({ flags, shape: [m, n], nnz, flops }: Operator, matrix: Matrix): void {
  const tiny = 64 * Math.max(m, n) * UNIT.f64 * (1 + frobenius(matrix));
  const near = (a: Matrix, b: Matrix) => frobenius(plus(a, b, -1)) <= tiny * (1 + frobenius(matrix));
  const zeros = (where: (i: number, j: number) => boolean) =>
    matrix.every((row, i) => row.every((v, j) => !where(i, j) || Math.abs(v) <= tiny));
  if (flags.symmetric) assert(near(matrix, transposed(matrix)), "symmetric");
  if (flags.positiveSemidefinite) assert(flags.symmetric && isDefinite(matrix, tiny), "positiveSemidefinite");
  if (flags.positiveDefinite) assert(flags.positiveSemidefinite && isDefinite(matrix, 0), "positiveDefinite");
  if (flags.orthogonal) {
    assert(near(times(transposed(matrix), matrix), matrixOf(n, n, (i, j) => Number(i === j))), "orthogonal");
  }
  if (flags.diagonal) assert(zeros((i, j) => i !== j), "diagonal");
  if (flags.lowerTriangular) assert(zeros((i, j) => i < j), "lowerTriangular");
  if (flags.upperTriangular) assert(zeros((i, j) => i > j), "upperTriangular");
  assert(matrix.flat().filter((v) => Math.abs(v) > tiny).length <= nnz, "nnz");
  assert(flops >= 0 && Number.isFinite(flops), "flops");
}

/** A solution solves, up to n·u·(‖A‖‖x‖ + ‖b‖); the determinant is that of elimination. */
async function checkInverse(gpu: Gpu, op: Operator, matrix: Matrix, model: Model): Promise<void> {
  const n = matrix.length, dtype = op.dtype as Float, found = determinant(matrix);
  const size = Math.max(...model.scale.map((row) => row.reduce((s, v) => s + v, 0)));
  if (op.solve && found.log > n * Math.log(0.05 * size)) {
    const b = drawFrom(n).matrix(n, 2);
    using sides = upload(gpu, b, dtype);
    using x = await op.solve(sides);
    const solution = await x.array() as Matrix, residual = frobenius(plus(times(matrix, solution), b, -1));
    const bound = 64 * n * model.u * (frobenius(model.scale) * frobenius(solution) + frobenius(b));
    assert(residual <= bound, `the residual is ${residual}, over ${bound}`);
    using first = sides.slice(null, 0);
    using y = await op.solve(first);
    assertEquals(y.shape, [n]);
  }
  if (op.slogdet && found.sign !== 0 && found.log > n * Math.log(0.05 * size)) {
    const { sign, logAbsDet } = op.slogdet();
    assertEquals(await sign.item(), found.sign);
    const bound = 64 * n * model.u * (n + Math.abs(found.log) + frobenius(matrix) ** 2);
    assert(Math.abs(await logAbsDet.item() - found.log) <= bound, `log |det|: ${await logAbsDet.item()}, ${found.log}`);
    sign.dispose();
    logAbsDet.dispose();
  }
}

function named<R>(name: string, fn: () => Promise<R>): Promise<R> {
  return fn().catch((error) => {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  });
}

onEachDevice("every operator acts like its matrix, says what is true of it, and leaves nothing behind", async (gpu) => {
  for (const [k, { name, data, make, matrix, norm = false }] of operatorCases.entries()) {
    // Both precisions of order 7, the others in turn; so do the transposes.
    const types = typesOf(gpu), both = / 7\b/.test(name);
    for (const dtype of both ? types : [types[k % types.length]]) {
      await named(`${name} ${dtype}`, async () => {
        const before = gpu.device.ledger.count, given = data(drawFrom(k + 1)), tensors = uploadAll(gpu, given, dtype);
        const op = make(tensors, { gpu, dtype }), a = matrix(given);
        await gpu.scope(() => checkOperator(gpu, op, a, { scale: magnitude(a), norm, u: UNIT[dtype] }, k + 1));
        if (both || k % 3 === 0) {
          using turned = op.T;
          using back = turned.transpose();
          await gpu.scope(() =>
            checkOperator(gpu, turned, transposed(a, op.shape[1]), {
              scale: transposed(magnitude(a), op.shape[1]),
              norm,
              u: UNIT[dtype],
            }, k)
          );
          assertEquals(back.shape, op.shape);
        }
        op.dispose();
        for (const t of Object.values(tensors)) t.dispose();
        assertEquals(gpu.device.ledger.count, before);
      });
    }
  }
});

/** What can be made of an operator; `keep` is given what else is made. */
const DERIVED: ((op: Operator, gpu: Gpu, keep: <T extends Tensor | Operator>(t: T) => T) => Operator)[] = [
  (op) => op.T,
  (op) => op.scale(0.5),
  (op) => op.scale(0),
  (op, gpu, keep) => op.scale(keep(gpu.tensor([2]))),
  (op, _, keep) => keep(op.scale(3)).scale(-2),
  (op) => op.add(op),
  (op) => op.subtract(op),
  (op, _, keep) => op.compose(keep(op.T)),
  (op, gpu, keep) => keep(operators.identity(gpu, op.shape[0]).scale(2)).compose(op),
  (op, gpu, keep) => op.kronecker(keep(operators.identity(gpu, 2))),
  (op, _, keep) => keep(keep(op.T).compose(op)).power(2),
];

onEachDevice("products of operators free what they make on the way", async (gpu) => {
  for (const [k, { name, data, make }] of operatorCases.entries()) {
    await named(name, async () => {
      await gpu.sync();
      const empty = gpu.device.ledger.count;
      const tensors = uploadAll(gpu, data(drawFrom(k)), "f32"), op = make(tensors, { gpu, dtype: "f32" });
      const [m, n] = op.shape, x = gpu.ones([n, 2]), y = gpu.ones([m]);
      await gpu.sync();
      const before = gpu.device.ledger.count;
      const results = [op.apply(x), op.applyTransposed(y), op.row(m - 1), op.column(0), op.toDense(), op.diagonal()];
      if (m === n) results.push(op.trace(), ...Object.values(op.slogdet?.() ?? {}));
      for (const result of results) void result.value;
      await gpu.sync();
      for (const result of results) result.dispose();
      // The transpose of a sparse matrix is sorted once and kept with it.
      const after = gpu.device.ledger.count;
      if (!name.startsWith("sparse")) assertEquals(after, before);
      for (const make of DERIVED) {
        const owned: (Tensor | Operator)[] = [],
          derived = make(op, gpu, (t) => {
            owned.push(t);
            return t;
          });
        const v = gpu.ones([derived.shape[1]]), product = derived.apply(v);
        void product.value;
        for (const t of [...owned, derived, v, product]) t.dispose();
        assertEquals(gpu.device.ledger.count, after, String(make));
      }
      for (const t of [x, y, ...Object.values(tensors), op]) t.dispose();
      assertEquals(gpu.device.ledger.count, empty);
    });
  }
});

/** A random expression over operators of order 6, and its matrix with the sizes of what it sums. */
function randomTree(
  gpu: Gpu,
  dtype: Float,
  pick: (n: number) => number,
  depth: number,
  made: Operator[],
): { op: Operator; matrix: Matrix; scale: Matrix; norm: boolean; text: string } {
  const keep = (op: Operator) => {
    made.push(op);
    return op;
  };
  const kind = depth === 0 ? 0 : 1 + pick(6);
  if (kind === 0) {
    const chosen: OperatorCase = squareCases[pick(squareCases.length)], data = chosen.data(drawFrom(pick(1000) + 1));
    const matrix = chosen.matrix(data), op = keep(chosen.make(uploadAll(gpu, data, dtype), { gpu, dtype }));
    return { op, matrix, scale: magnitude(matrix), norm: chosen.norm ?? false, text: chosen.name };
  }
  const a = randomTree(gpu, dtype, pick, depth - 1, made);
  if (kind === 1) {
    return {
      ...a,
      op: keep(a.op.transpose()),
      matrix: transposed(a.matrix),
      scale: transposed(a.scale),
      text: `(${a.text})ᵀ`,
    };
  }
  if (kind === 2) {
    const c = [0.5, -1, 3, -0.25][pick(4)], byTensor = pick(2) === 0;
    const op = keep(a.op.scale(byTensor ? upload(gpu, [c], dtype) : c));
    return {
      ...a,
      op,
      matrix: a.matrix.map((row) => row.map((v) => c * v)),
      scale: a.scale.map((row) => row.map((v) => Math.abs(c) * v)),
      text: `${c}·(${a.text})`,
    };
  }
  const b = randomTree(gpu, dtype, pick, depth - 1, made), norm = a.norm || b.norm;
  if (kind === 3) {
    const op = keep(a.op.add(b.op));
    return {
      op,
      matrix: plus(a.matrix, b.matrix),
      scale: plus(a.scale, b.scale),
      norm,
      text: `(${a.text} + ${b.text})`,
    };
  }
  if (kind === 4) {
    const op = keep(a.op.subtract(b.op));
    return {
      op,
      matrix: plus(a.matrix, b.matrix, -1),
      scale: plus(a.scale, b.scale),
      norm,
      text: `(${a.text} − ${b.text})`,
    };
  }
  const op = keep(a.op.compose(b.op));
  return {
    op,
    matrix: times(a.matrix, b.matrix),
    scale: times(a.scale, b.scale),
    norm,
    text: `(${a.text})·(${b.text})`,
  };
}

onEachDevice("random expressions of operators are those of their matrices", async (gpu) => {
  let state = 12345;
  const pick = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  for (let round = 0; round < 60; round++) {
    const dtype = typesOf(gpu)[round % typesOf(gpu).length];
    const made: Operator[] = [], before = gpu.device.ledger.count;
    await gpu.scope(async () => {
      const { op, matrix, scale, norm, text } = randomTree(gpu, dtype, pick, 1 + round % 3, made);
      await named(
        text,
        () => checkOperator(gpu, op, matrix, { scale: grownBy(6, scale), norm, u: UNIT[dtype] }, round),
      );
    });
    for (const op of made) op.dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
});

/** Each of a chain of products rounds anew. */
function grownBy(factor: number, scale: Matrix): Matrix {
  return scale.map((row) => row.map((v) => factor * v + Number.MIN_VALUE));
}

onEachDevice("gradients with respect to what operators are made of are those of their matrices", async (gpu) => {
  const chosen = operatorCases.filter(({ name }) => / 7$| 12$| 80$/.test(name));
  for (const [k, { name, data, make, matrix }] of chosen.entries()) {
    const given = data(drawFrom(k + 7));
    if (Object.keys(given).length === 0) continue;
    const dtype = typesOf(gpu).at(-1)!;
    await named(name, () =>
      gpu.scope(async () => {
        const tensors = uploadAll(gpu, given, dtype), a = matrix(given), draw = drawFrom(k);
        const m = a.length, n = a[0].length, x = draw.vector(n), w = draw.matrix(m, 1);
        const loss = (d: Data) => times(matrix(d), x.map((v) => [v])).reduce((s, [v], i) => s + v * w[i][0], 0);
        const xs = upload(gpu, x, dtype), ws = upload(gpu, w.map(([v]) => v), dtype);
        const found = grad((t: Record<string, Tensor>) => make(t, { gpu, dtype }).apply(xs).mul(ws).sum())(tensors);
        const reach = Math.hypot(...x) * Math.hypot(...w.flat()) * (1 + frobenius(a));
        for (const [id, values] of Object.entries(given)) {
          const flat = values.flat(2) as number[], gradient = await found[id].data();
          // A few places of each input, by differences in f64 that are exact to about 1e-9.
          for (let step = 0; step < Math.min(5, flat.length); step++) {
            const at = (step * 7919 + k) % flat.length, h = 2 ** -17;
            const moved = (by: number) => ({ ...given, [id]: placed(values, at, flat[at] + by) });
            if (name.startsWith("sparse") && flat[at] === 0) continue;
            const expected = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
            const bound = 16 * (m + n) * UNIT[dtype] * reach + 1e-8 * (1 + Math.abs(expected)) * (1 + reach);
            assert(
              Math.abs(gradient[at] - expected) <= bound,
              `∂/∂${id}[${at}] is ${gradient[at]}, expected ${expected} ± ${bound}`,
            );
          }
        }
      }));
  }
});

onEachDevice(
  "the gradient with respect to what an operator is applied to is the product with its transpose",
  async (gpu) => {
    for (const [k, { name, data, make, matrix }] of operatorCases.entries()) {
      if (!/ (7|80)\b|hadamard/.test(name)) continue;
      const given = data(drawFrom(k + 3)),
        a = matrix(given),
        [m, n] = [a.length, a[0].length],
        dtype = typesOf(gpu).at(-1)!;
      await named(name, () =>
        gpu.scope(async () => {
          const op = make(uploadAll(gpu, given, dtype), { gpu, dtype }), w = drawFrom(k).matrix(m, 2);
          const ws = upload(gpu, w, dtype), xs = upload(gpu, drawFrom(k + 1).matrix(n, 2), dtype);
          // The product with a zero operator does not depend on its factor.
          const found = grad((x: Tensor) => op.apply(x).mul(ws).sum(), { unreached: "zeros" })(xs);
          const expected = times(transposed(a), w), model = { scale: a, norm: true, u: UNIT[dtype] };
          const scale = times(magnitude(transposed(a)), magnitude(w)).flat().map((v) => (m + n) * v);
          await assertProduct(found, expected.flat(), scale, model, "the gradient");
        }));
    }
  },
);

onEachDevice("the energy of a spectrum has the gradient 2n·x", async (gpu) => {
  for (const n of [5, 12, 100, 257]) {
    await gpu.scope(async () => {
      const x = gpu.random.normal([3, n], { seed: n });
      const found = grad((x: Tensor) => {
        const { re, im } = operators.transforms.fft(x);
        return re.square().add(im.square()).sum();
      })(x);
      const expected = (await x.data()).map((v) => 2 * n * v), total = Math.hypot(...expected);
      const data = await found.data(), error = Math.hypot(...data.map((v, k) => v - expected[k]));
      assert(error <= 16 * Math.log2(2 * n) * UNIT.f32 * total, `n = ${n}: ${error}, ${total}`);
    });
  }
});

/** The nested numbers with another one at a flat place. */
function placed(values: number[] | Matrix | Matrix[], at: number, value: number): number[] | Matrix | Matrix[] {
  let k = 0;
  const walk = (v: unknown): unknown => Array.isArray(v) ? v.map(walk) : k++ === at ? value : v;
  return walk(values) as number[];
}
