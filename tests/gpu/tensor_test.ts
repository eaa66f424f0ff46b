import { assert, assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../src/device/mod.ts";
import { errorBound, parse } from "../../src/formula/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../unit/formula/random.ts";
import { onEachDevice } from "./devices.ts";
import { promoted } from "./exact_ops.ts";

const U = 2 ** -24;

/** The error function by Simpson's rule: nothing that the library uses. */
function erf(x: number): number {
  const n = 2000, h = x / n, f = (k: number) => Math.exp(-((k * h) ** 2));
  let sum = f(0) + f(n);
  for (let k = 1; k < n; k++) sum += (k % 2 ? 4 : 2) * f(k);
  return 2 / Math.sqrt(Math.PI) * sum * h / 3;
}

/** Each function with the formula that it stands for, from which its error bound comes, and its definition in f64. */
const FUNCTIONS: readonly [formula: string, apply: (t: Tensor) => Tensor, f: (x: number) => number][] = [
  ["exp(x)", (t) => t.exp(), Math.exp],
  ["expm1(x)", (t) => t.expm1(), Math.expm1],
  ["log(x)", (t) => t.log(), Math.log],
  ["log1p(x)", (t) => t.log1p(), Math.log1p],
  ["sqrt(x)", (t) => t.sqrt(), Math.sqrt],
  ["rsqrt(x)", (t) => t.rsqrt(), (x) => 1 / Math.sqrt(x)],
  ["1 / x", (t) => t.reciprocal(), (x) => 1 / x],
  ["sin(x)", (t) => t.sin(), Math.sin],
  ["cos(x)", (t) => t.cos(), Math.cos],
  ["tan(x)", (t) => t.tan(), Math.tan],
  ["tanh(x)", (t) => t.tanh(), Math.tanh],
  ["sigmoid(x)", (t) => t.sigmoid(), (x) => 1 / (1 + Math.exp(-x))],
  ["relu(x)", (t) => t.relu(), (x) => Math.max(0, x)],
  ["gelu(x)", (t) => t.gelu(), (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))],
  ["silu(x)", (t) => t.silu(), (x) => x / (1 + Math.exp(-x))],
  ["softplus(x)", (t) => t.softplus(), (x) => Math.log(1 + Math.exp(x))],
  ["erf(x)", (t) => t.erf(), erf],
  ["x^2", (t) => t.square(), (x) => x * x],
  ["x^5", (t) => t.pow(5), (x) => x ** 5],
  ["x^(-2)", (t) => t.pow(-2), (x) => x ** -2],
  ["x^1.5", (t) => t.pow(1.5), (x) => x ** 1.5],
  ["1.5 / x", (t) => t.reciprocal().mul(1.5), (x) => 1.5 / x],
  ["x % 0.75", (t) => t.mod(0.75), (x) => x - 0.75 * Math.floor(x / 0.75)],
  ["clamp(x, 0.7, 1.9)", (t) => t.clamp(0.7, 1.9), (x) => Math.min(Math.max(x, Math.fround(0.7)), Math.fround(1.9))],
];

onEachDevice("every elementwise function is within its error bound of its definition", async (gpu) => {
  const random = generator(5), x = Float32Array.from({ length: 500 }, () => 0.05 + 3.9 * random());
  using t = gpu.tensor(x);
  const read = await Promise.all(FUNCTIONS.map(([, apply]) => apply(t).data()));
  FUNCTIONS.forEach(([formula, , f], k) => {
    const expr = parse(formula), expected = Array.from(x, f);
    const atol = Array.from(x, (v, q) => (errorBound(expr, () => v, U).bound as number) + U * Math.abs(expected[q]));
    try {
      assertClose(read[k], expected, { atol });
    } catch (error) {
      throw new Error(`${formula}: ${(error as Error).message}`);
    }
  });
});

onEachDevice("NaN and infinities go through functions as IEEE 754 has it", async (gpu) => {
  using x = gpu.tensor([NaN, Infinity, -Infinity, 0]);
  const of = async (t: Tensor) => Array.from(await t.data());
  assertEquals(await of(x.exp()), [NaN, Infinity, 0, 1]);
  assertEquals(await of(x.log()), [NaN, Infinity, NaN, -Infinity]);
  assertEquals(await of(x.sqrt()), [NaN, Infinity, NaN, 0]);
  assertEquals(await of(x.tanh()), [NaN, 1, -1, 0]);
  assertEquals(await of(x.sigmoid()), [NaN, 1, 0, 0.5]);
  assertEquals(await of(x.sub(x)), [NaN, NaN, NaN, 0]);
  assertEquals(await of(x.mul(0)), [NaN, NaN, NaN, 0]);
  assertEquals(await of(x.maximum(1)), [NaN, Infinity, 1, 1]);
  assertEquals(await of(x.relu()), [NaN, Infinity, 0, 0]);
  assertEquals(await x.equal(x).array(), [false, true, true, true]);
  assertEquals(await x.notEqual(x).array(), [true, false, false, false]);
  assertEquals(await x.astype("bool").array(), [true, true, true, false]);
  assertEquals(await x.where(1, 2).array(), [1, 1, 1, 2]);
  assertEquals(await of(x.max()), [NaN]);
  assertEquals(await of(x.sum()), [NaN]);
  assertEquals(await of(x.slice([1, null]).sum()), [NaN]);
  assertEquals(await of(x.slice([1, null]).logsumexp()), [Infinity]);
  assertEquals(await of(x.argmin()), [0]);
  assertEquals(await of(x.slice([1, null]).argmin()), [1]);
});

function dtypesOf(gpu: Gpu): DType[] {
  const all: DType[] = ["bool", "u32", "i32", "f32"];
  if (gpu.info.probes.f16) all.push("f16");
  if (gpu.info.probes.f64) all.push("f64");
  return all;
}

onEachDevice("arithmetic on two dtypes gives the promoted one, and the numbers of both", async (gpu) => {
  const dtypes = dtypesOf(gpu);
  for (const a of dtypes) {
    for (const b of dtypes) {
      using x = gpu.tensor([1, 0, 1], { dtype: a }), y = gpu.tensor([1, 1, 0], { dtype: b });
      using sum = x.add(y), larger = x.greater(y);
      assertEquals([a, b, sum.dtype, larger.dtype], [a, b, promoted(a, b), "bool"]);
      assertEquals([await sum.array(), await larger.array()], [[2, 1, 1], [false, false, true]], `${a} and ${b}`);
    }
  }
});

onEachDevice("a plain number keeps the tensor's dtype if that can hold it", async (gpu) => {
  for (const dtype of dtypesOf(gpu)) {
    const float = dtype.startsWith("f"), integer = dtype === "bool" ? "i32" : dtype;
    using x = gpu.tensor([1, 0], { dtype });
    using whole = x.add(2), fraction = x.mul(0.5), infinite = x.add(Infinity), quotient = x.div(4);
    assertEquals(
      [whole.dtype, fraction.dtype, infinite.dtype, quotient.dtype],
      float ? [dtype, dtype, dtype, dtype] : [integer, "f32", "f32", "f32"],
    );
    assertEquals(await whole.array(), [3, 2]);
    assertEquals(await fraction.array(), [0.5, 0], dtype);
    assertEquals(await infinite.array(), [Infinity, Infinity]);
    assertEquals(await quotient.array(), [0.25, 0]);
  }
});

onEachDevice("a fraction stays a fraction wherever integers meet it", async (gpu) => {
  using i = gpu.tensor([1, 2, 3], { dtype: "i32" });
  assertEquals(await gpu.map("i * c + d", { i, c: 0.5, d: 1 }).array(), [1.5, 2, 2.5]);
  assertEquals(await i.greater(1.5).array(), [false, true, true]);
  assertEquals(await i.clamp(1.5, 2.5).array(), [1.5, 2, 2.5]);
  assertEquals(await gpu.reduce("sum", "i * c", { i, c: 0.5 }).item(), 3);
  const { a, b } = gpu.map({ a: "i * c", b: "i + 1" }, { i, c: 0.25 });
  assertEquals([a.dtype, await a.array(), b.dtype, await b.array()], ["f32", [0.25, 0.5, 0.75], "i32", [2, 3, 4]]);
  // A delayed formula of numbers alone is f32, and stays it beside integers, which would overflow.
  assertEquals(await i.add(gpu.map("h * h", { h: 100_000 })).array(), [1e10, 1e10, 1e10]);
  assertEquals(await i.less(5e9).array(), [true, true, true]);
});

onEachDevice("integers wrap, and are exact beyond what f32 holds", async (gpu) => {
  using i = gpu.tensor([2147483647, -2147483648, 16777217], { dtype: "i32" });
  using u = gpu.tensor([4294967295, 0, 16777217], { dtype: "u32" });
  assertEquals(await i.add(1).array(), [-2147483648, -2147483647, 16777218]);
  assertEquals(await i.mul(3).array(), [2147483645, -2147483648, 50331651]);
  assertEquals(await u.add(u).array(), [4294967294, 0, 33554434]);
  assertEquals(await u.sub(1).array(), [4294967294, 4294967295, 16777216]);
  assertEquals(await i.sum().item(), 16777216);
  assertEquals(await u.max().item(), 4294967295);
  assertEquals(
    await gpu.tensor([7, -7, 7, -7], { dtype: "i32" }).mod(gpu.tensor([3, 3, -3, -3], { dtype: "i32" })).array(),
    [
      1,
      2,
      -2,
      -1,
    ],
  );
});

onEachDevice("tensors are made from arrays, typed arrays and ranges", async (gpu) => {
  const cases: [Tensor, DType, readonly number[], unknown][] = [
    [gpu.tensor(3), "f32", [], 3],
    [gpu.tensor([[true, false]]), "bool", [1, 2], [[true, false]]],
    [gpu.tensor([true, 2]), "f32", [2], [1, 2]],
    [gpu.tensor([]), "f32", [0], []],
    [gpu.tensor([[], []]), "f32", [2, 0], [[], []]],
    [gpu.tensor([new Float32Array([1, 2]), [3, 4]]), "f32", [2, 2], [[1, 2], [3, 4]]],
    [gpu.tensor(new Float64Array([1, 2])), "f32", [2], [1, 2]],
    [gpu.tensor(new Int16Array([-1, 2])), "i32", [2], [-1, 2]],
    [gpu.tensor(new Uint8Array([255, 2, 3, 4]), { shape: [2, 2] }), "u32", [2, 2], [[255, 2], [3, 4]]],
    [gpu.tensor(new Uint8Array([255, 0]), { dtype: "bool" }), "bool", [2], [true, false]],
    [gpu.tensor([1.9, -1.9], { dtype: "i32" }), "i32", [2], [1, -1]],
    [gpu.tensor(new Float32Array([9, 1, 2, 3]).subarray(1)), "f32", [3], [1, 2, 3]],
    [gpu.zeros([2, 2]), "f32", [2, 2], [[0, 0], [0, 0]]],
    [gpu.ones([2], "bool"), "bool", [2], [true, true]],
    [gpu.full([1, 3], -7, "i32"), "i32", [1, 3], [[-7, -7, -7]]],
    [gpu.full([2], 5, "bool"), "bool", [2], [true, true]],
    [gpu.arange(4), "i32", [4], [0, 1, 2, 3]],
    [gpu.arange(5, 0, -2), "i32", [3], [5, 3, 1]],
    [gpu.arange(0, 1, 0.25), "f32", [4], [0, 0.25, 0.5, 0.75]],
    [gpu.arange(3, 1), "i32", [0], []],
    [gpu.arange(0, 3, 1, "u32"), "u32", [3], [0, 1, 2]],
    [gpu.linspace(-1, 1, 5), "f32", [5], [-1, -0.5, 0, 0.5, 1]],
    [gpu.linspace(2, 3, 1), "f32", [1], [2]],
    [gpu.linspace(2, 3, 0), "f32", [0], []],
    [gpu.eye(2, 3), "f32", [2, 3], [[1, 0, 0], [0, 1, 0]]],
  ];
  for (const [t, dtype, shape, array] of cases) {
    assertEquals([t.dtype, [...t.shape], await t.array()], [dtype, [...shape], array]);
  }
});

onEachDevice("f16 holds eleven bits and overflows at 65520", async (gpu) => {
  if (!gpu.info.probes.f16) {
    const error = assertThrows(() => gpu.tensor([1], { dtype: "f16" }), TypeError);
    assertEquals(error.message, `Cannot compute with f16 on ${gpu.info.name}: the adapter lacks it; use f32`);
    return;
  }
  using x = gpu.tensor([2049, 1 / 3, 65504, 65520, -0, NaN, 2 ** -24], { dtype: "f16" });
  const stored = [2048, new Float16Array([1 / 3])[0], 65504, Infinity, -0, NaN, 2 ** -24];
  assertEquals(await x.array(), stored);
  assert((await x.data()) instanceof Float16Array);
  assertEquals(await x.slice([1, 4]).flip().array(), [Infinity, 65504, stored[1]]);
  assertEquals(await x.slice([0, 3]).add(x.slice([0, 3])).array(), [4096, 2 * stored[1], Infinity]);
});

onEachDevice("statistics of f16 and of integers do not overflow on the way", async (gpu) => {
  const values = [300, -300, 400, 0], mean = 100, variance = (200 ** 2 + 400 ** 2 + 300 ** 2 + 100 ** 2) / 4;
  const dtypes: DType[] = gpu.info.probes.f16 ? ["f16", "f32"] : ["f32"];
  for (const dtype of dtypes) {
    using x = gpu.tensor(values, { dtype });
    const near = (a: number, b: number) => assertClose([a], [b], { rtol: dtype === "f16" ? 2 ** -10 : 2 ** -20 });
    near(await x.mean().item(), mean);
    near(await x.std().item(), Math.sqrt(variance));
    near(await x.norm().item(), Math.sqrt(340000));
    near(await x.norm(null, { ord: 1 }).item(), 1000);
    assertEquals([x.std().dtype, x.norm().dtype, x.softmax().dtype], [dtype, dtype, dtype]);
    // Logits near 300 lose their fractions in f16, not their softmax.
    assertClose(await x.sub(100).softmax().data(), [0, 0, 1, 0], { atol: 1e-6 });
  }
  using large = gpu.tensor([50000, 50000, -50000], { dtype: "i32" });
  assertClose(await large.norm().data(), [50000 * Math.sqrt(3)], { rtol: 4 * U });
  assertClose(await large.variance().data(), [(8 / 9) * 2.5e9], { rtol: 16 * U });
  assertEquals(await gpu.full([4], 2147483647, "i32").mean().item(), 2147483648);
});

onEachDevice("statistics agree with their definitions along any axes", async (gpu) => {
  const random = generator(8), [n, m, k] = [5, 7, 3];
  const data = Float32Array.from({ length: n * m * k }, () => 4 * random() - 2);
  using x = gpu.tensor(data, { shape: [n, m, k] });
  const column = (i: number, l: number) => Array.from({ length: m }, (_, j) => data[(i * m + j) * k + l]);
  const columns = Array.from({ length: n * k }, (_, q) => column(Math.floor(q / k), q % k));
  const mean = (v: number[]) => v.reduce((s, a) => s + a, 0) / v.length;
  const variance = (v: number[], ddof: number) => v.reduce((s, a) => s + (a - mean(v)) ** 2, 0) / (v.length - ddof);
  const lse = (v: number[]) => Math.log(v.reduce((s, a) => s + Math.exp(a), 0));
  // Values below 2, seven of them: a few dozen roundings of numbers below 32.
  const atol = 64 * 32 * U;
  assertClose(await x.variance(1).data(), columns.map((v) => variance(v, 0)), { atol });
  assertClose(await x.std(-2, { ddof: 1, keepDims: true }).data(), columns.map((v) => Math.sqrt(variance(v, 1))), {
    atol,
  });
  assertClose(await x.norm(1).data(), columns.map((v) => Math.hypot(...v)), { atol });
  assertClose(await x.norm(1, { ord: Infinity }).data(), columns.map((v) => Math.max(...v.map(Math.abs))));
  assertClose(await x.logsumexp(1).data(), columns.map(lse), { atol });
  const soft = await x.softmax(1).transpose([0, 2, 1]).data(), logs = await x.logSoftmax(1).transpose([0, 2, 1]).data();
  assertClose(soft, columns.flatMap((v) => v.map((a) => Math.exp(a - lse(v)))), { atol });
  assertClose(logs, columns.flatMap((v) => v.map((a) => a - lse(v))), { atol });
  assertEquals(x.std(-2, { keepDims: true }).shape, [n, 1, k]);
});
