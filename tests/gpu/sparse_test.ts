import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { run } from "../../src/ops/run.ts";
import { scan } from "../../src/ops/scan.ts";
import { sparseMatmul } from "../../src/ops/sparse_matmul.ts";
import { sparse as operator } from "../../src/operators/mod.ts";
import { type Gpu, Sparse, Tensor, tensorCalculus } from "../../src/tensor/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";

const TRIPLETS = {
  rows: [3, 0, 3, 1, 3, 0],
  columns: [2, 4, 0, 1, 2, 0],
  values: [1.5, 2, -1, 4, 0.5, -3],
  shape: [5, 6],
} as const;
const DENSE = [
  [-3, 0, 0, 0, 2, 0],
  [0, 4, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
  [-1, 0, 2, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
];

function iota(gpu: Gpu, shape: readonly number[]): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return gpu.tensor(Float32Array.from({ length: n }, (_, k) => (k * 7) % 11 - 5), { shape });
}

function times(a: readonly number[][], b: readonly number[][]): number[][] {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

onEachDevice("triplets are sorted, and those of one place added up", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  const { starts, columns, values } = await s.data();
  assertEquals([...starts], [0, 2, 3, 3, 5, 5]);
  assertEquals([...columns], [0, 4, 1, 0, 2]);
  assertEquals([...values], [-3, 2, 4, -1, 2]);
  assertEquals(await s.nnz(), 5);
  assertEquals(await s.toDense().array(), DENSE);
  assertEquals(await s.row(3).array(), DENSE[3]);
  assertEquals(await s.row(-5).array(), DENSE[0]);
});

onEachDevice("products with vectors, matrices and the transpose are those of the stored matrix", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  const b = iota(gpu, [6, 3]), u = iota(gpu, [5, 4]), v = gpu.tensor([1, 2, 3, 4, 5, 6]);
  assertEquals(await s.matmul(b).array(), times(DENSE, await b.array() as number[][]));
  assertEquals(await s.matmul(v).array(), [7, 8, 0, 5, 0]);
  const turned = DENSE[0].map((_, j) => DENSE.map((row) => row[j]));
  assertEquals(s.T.shape, [6, 5]);
  assertEquals(await s.T.toDense().array(), turned);
  assertEquals(await s.T.matmul(u).array(), times(turned, await u.array() as number[][]));
  assert(s.T.T === s);
});

onEachDevice("a sparse operator acts like the stored matrix", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  const op = operator(s), b = iota(gpu, [6, 2]), u = iota(gpu, [5]);
  assertEquals(await op.apply(b).array(), times(DENSE, await b.array() as number[][]));
  const y = await u.array() as number[];
  const expected = DENSE[0].map((_, j) => DENSE.reduce((sum, row, i) => sum + row[j] * y[i], 0));
  assertEquals(await op.applyTransposed(u).array(), expected);
  assertEquals(await op.row(1).array(), DENSE[1]);
  assertEquals(await op.toDense().array(), DENSE);
  assertThrows(() => op.row(5), RangeError, "out of range");
  assertThrows(() => op.toDense({ maxBytes: 50 }), RangeError, "MB");
});

onEachDevice("sums, maxima and softmax go over the entries alone", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  assertEquals(await s.sum().array(), [-1, 4, 0, 1, 0]);
  assertEquals(await s.sum(0).array(), [-4, 4, 2, 0, 2, 0]);
  assertEquals(await s.max().array(), [2, 4, -Infinity, 2, -Infinity]);
  assertEquals(await s.max(0).array(), [-1, 4, 2, -Infinity, 2, -Infinity]);
  using soft = s.softmax();
  const dense = DENSE.map((row) => {
    const total = row.reduce((sum, v) => sum + (v === 0 ? 0 : Math.exp(v)), 0);
    return row.map((v) => v === 0 ? 0 : Math.exp(v) / total);
  });
  assertClose(await soft.toDense().data(), dense.flat(), { atol: 1e-6 });
});

onEachDevice("a sampled product has the pattern of the matrix and the values of the formula", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  const a = iota(gpu, [5, 7]), b = iota(gpu, [6, 7]);
  const [x, y] = [await a.array(), await b.array()] as number[][][];
  const expected = (f: (product: number, value: number) => number) =>
    DENSE.map((row, i) => row.map((v, j) => v === 0 ? 0 : f(x[i].reduce((sum, z, k) => sum + z * y[j][k], 0), v)));
  using plain = s.sampledMatmul(a, b);
  assertEquals(await plain.toDense().array(), expected((p) => p));
  using scaled = s.sampledMatmul(a, b, { formula: "values * product + c", inputs: { c: 0.5 } });
  s.dispose();
  assertEquals(await scaled.toDense().array(), expected((p, v) => v * p + 0.5));
});

onEachDevice("a stored matrix goes to a sparse one and back", async (gpu) => {
  const x = gpu.tensor([[0, 1, -0], [NaN, 0, 0], [0, 0, 0], [2, 0, 3]]);
  using s = await Sparse.fromDense(x);
  assertEquals(await s.nnz(), 4);
  assertEquals(await s.toDense().array(), [[0, 1, 0], [NaN, 0, 0], [0, 0, 0], [2, 0, 3]]);
  using none = await Sparse.fromDense(gpu.zeros([2, 3]));
  assertEquals(await none.nnz(), 0);
  assertEquals(await none.matmul(gpu.ones([3])).array(), [0, 0]);
});

onEachDevice("a sparse matrix without rows, columns or entries multiplies", async (gpu) => {
  for (const shape of [[0, 3], [3, 0], [2, 3]] as const) {
    using s = gpu.sparse({ rows: [], columns: [], values: [], shape });
    assertEquals(await s.matmul(gpu.ones([shape[1], 2])).array(), Array(shape[0]).fill([0, 0]));
    assertEquals(await s.T.matmul(gpu.ones([shape[0], 1])).array(), Array(shape[1]).fill([0]));
    assertEquals(await s.nnz(), 0);
    assertEquals((await s.data()).columns.length, 0);
  }
});

onEachDevice("places outside of the shape are refused as numbers and dropped from tensors", async (gpu) => {
  const make = (rows: number[], columns: number[]) => () =>
    gpu.sparse({ rows, columns, values: rows.map(() => 1), shape: [2, 3] });
  assertThrows(make([0, 2], [0, 0]), RangeError, "rows[1]");
  assertThrows(make([0], [-1]), RangeError, "columns[0]");
  assertThrows(make([0], [0.5]), RangeError, "got 0.5");
  assertThrows(make([0, 1], [0]), TypeError, "2, 1, 2");
  using s = gpu.sparse({
    rows: gpu.tensor([0, 2, -1, 1], { dtype: "i32" }),
    columns: gpu.tensor([0, 0, 1, 3], { dtype: "i32" }),
    values: gpu.tensor([1, 2, 3, 4]),
    shape: [2, 3],
  });
  assertEquals(await s.toDense().array(), [[1, 0, 0], [0, 0, 0]]);
  assertThrows(() => s.matmul(gpu.ones([2])), TypeError, "Cannot multiply a sparse matrix [2, 3] by [2]");
  assertThrows(() => s.matmul(gpu.ones([3], "i32")), TypeError, "dtypes differ");
  assertThrows(() => s.row(2), RangeError, "Row 2");
});

onEachDevice("a disposed sparse matrix frees everything and says so", async (gpu) => {
  const before = gpu.device.ledger.count;
  const s = gpu.sparse(TRIPLETS), half = s.withValues(s.values.mul(0.5));
  const turned = s.T;
  s.dispose();
  assert(s.disposed && turned.disposed);
  assertThrows(() => s.sum(), Error, "disposed");
  assertStringIncludes(s.toString(), "disposed");
  await assertRejects(() => s.nnz(), Error, "disposed");
  const sums = half.sum();
  assertEquals(await sums.array(), [-0.5, 2, 0, 0.5, 0]);
  sums.dispose();
  half.dispose();
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("a sparse matrix outlives the scope that returns it, but not one that does not", async (gpu) => {
  const before = gpu.device.ledger.count;
  let lost: Sparse | undefined;
  const kept = await gpu.scope(() => {
    lost = gpu.sparse(TRIPLETS);
    return { half: lost.withValues(lost.values.mul(0.5)) };
  });
  assert(lost!.disposed);
  await gpu.scope(async () => assertEquals(await kept.half.T.sum().array(), [-2, 2, 1, 0, 1, 0]));
  const dense = kept.half.T.toDense();
  assertEquals(await dense.array(), DENSE[0].map((_, j) => DENSE.map((row) => row[j] / 2)));
  dense.dispose();
  kept.half.dispose();
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("a sparse matrix shows its number of entries and its density", async (gpu) => {
  using s = gpu.sparse(TRIPLETS);
  const text = await s.show();
  assertMatch(text, /^Sparse \[5, 6\] f32, nnz 5, density 16\.667 %\n {2}\(0, 0\) {2}-3\n/);
  const display = (s as unknown as Record<symbol, () => Promise<Record<string, string>>>)[
    Symbol.for("Jupyter.display")
  ];
  const bundle = await display.call(s);
  assertEquals(bundle["text/plain"], text);
  assertStringIncludes(bundle["text/html"], "data:image/png;base64,");
});

/** A graph with a few long rows and many short ones. */
function graph(gpu: Gpu, n: number, entries: number): Sparse {
  const rows = Array.from({ length: entries }, (_, k) => Math.floor(n * ((k * 7919 % 10_007) / 10_007) ** 3));
  const columns = Array.from({ length: entries }, (_, k) => (k * 104_729) % n);
  const values = Array.from({ length: entries }, (_, k) => Math.sin(k) * 10 ** (k % 7 - 3));
  return gpu.sparse({ rows, columns, values, shape: [n, n] });
}

onGpu("equal bits in every run, and in whichever part of a factor the columns are", async (gpu) => {
  using s = graph(gpu, 500, 20_000);
  const b = gpu.random.normal([500, 40], { seed: 3 });
  const bits = async (variant: string, columns: Tensor) => {
    const inputs = { starts: s.starts.value, columns: s.columns.value, values: s.values.value, b: columns.value };
    const { out } = run(gpu.device, sparseMatmul, inputs, {}, { variant });
    const data = new Uint32Array(await gpu.device.read(out.storage, 0, 500 * columns.shape[1] * 4));
    out.storage.release();
    return data;
  };
  for (const variant of ["subgroup", "lane", "team"]) {
    if (variant === "subgroup" && !gpu.info.probes.subgroups) continue;
    const whole = await bits(variant, b);
    assertEquals(await bits(variant, b), whole);
    const some = await bits(variant, b.slice(null, [3, 10]));
    assertEquals(some, whole.filter((_, k) => k % 40 >= 3 && k % 40 < 10), variant);
  }
});

onEachDevice("the gradient of an exclusive maximum goes to the element that set it", async (gpu) => {
  const x = gpu.tensor([1, 3, 2, 5, 4]), g = gpu.tensor([100, 1, 2, 4, 8]);
  const params = { scan: "max", axis: 0, exclusive: true } as const;
  using out = Tensor.from(run(gpu.device, scan, { x: x.value }, params).out);
  assertEquals(await out.array(), [-Infinity, 1, 3, 3, 5]);
  const found = scan.vjp!(tensorCalculus(gpu.device), {
    inputs: { x },
    outputs: { out },
    cotangents: { out: g },
    params,
  });
  assertEquals(await found.x!.array(), [1, 6, 0, 8, 0]);
});
