import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SingularMatrixError } from "../../src/linalg/mod.ts";
import {
  circuitParameters,
  doublyStochastic,
  doublyStochasticAttention,
  type DoublyStochasticOptions,
  stochasticity,
} from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

type Method = NonNullable<DoublyStochasticOptions["method"]>;
const METHODS: readonly Method[] = ["softmax", "sinkhorn", "qr", "circuit"];

function optionsOf(gpu: Gpu, method: Method, n: number, dtype: "f32" | "f64" = "f32"): DoublyStochasticOptions {
  if (method !== "circuit") return { method };
  const size = { layers: 3, auxiliary: 1 }, z = gpu.random.normal([circuitParameters(n, size)], { seed: 9 });
  return { method, ...size, theta: z.astype(dtype) };
}

onEachDevice("rows and columns sum to 1 as each method says, in stacks and for one token", async (gpu) => {
  for (const shape of [[2, 2], [8, 8], [3, 2, 4, 4], [16, 16]]) {
    const n = shape.at(-1)!, logits = gpu.random.normal(shape, { seed: n, std: 1.5 });
    for (const method of METHODS) {
      const weights = await doublyStochastic(logits, optionsOf(gpu, method, n));
      assertEquals([...weights.shape], shape);
      const { rowError, columnError, entropy } = await stochasticity(weights);
      // Sums of n numbers, each from a few hundred operations at most.
      const rounding = 32 * n * 2 ** -24;
      assert(rowError < rounding, `${method} ${shape}: rows ${rowError}`);
      if (method === "qr" || method === "circuit") assert(columnError < rounding, `${method} ${shape}: ${columnError}`);
      if (method === "softmax") assert(columnError > 0.01);
      if (method === "sinkhorn") assert(columnError < 1e-2, `${shape}: columns ${columnError}`);
      assert(entropy >= 0 && entropy <= Math.log(n) + rounding);
      assert((await weights.data()).every((w) => w >= 0));
    }
  }
  for (const method of ["softmax", "sinkhorn", "qr"] as const) {
    assertEquals(await (await doublyStochastic(gpu.tensor([[3]]), { method })).array(), [[1]]);
  }
});

Deno.test("more iterations of sinkhorn bring the columns closer to 1, and the limit is the scaling of exp(logits)", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 6, logits = gpu.random.normal([n, n], { seed: 3 }).astype("f64");
  let last = Infinity;
  for (const iterations of [1, 3, 10, 50]) {
    const { columnError } = await stochasticity(await doublyStochastic(logits, { iterations }));
    assert(columnError < last);
    last = columnError;
  }
  const found = await (await doublyStochastic(logits, { iterations: 300 })).data(), data = await logits.data();
  // D₁·exp(logits)·D₂ has the cross ratios of exp(logits).
  for (let i = 1; i < n; i++) {
    for (let j = 1; j < n; j++) {
      const ratio = Math.log(found[0] * found[i * n + j] / (found[j] * found[i * n]));
      assert(Math.abs(ratio - (data[0] + data[i * n + j] - data[j] - data[i * n])) < 1e-12);
    }
  }
  assert((await stochasticity(await doublyStochastic(logits, { iterations: 300 }))).columnError < 1e-14);
  // Logits that exp cannot take.
  const large = await doublyStochastic(logits.mul(1000), { iterations: 5 });
  assert((await large.data()).every((w) => w >= 0 && w <= 1));
});

Deno.test("the weights of qr are squares of the columns that Gram and Schmidt make", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 5, logits = gpu.random.normal([n, n], { seed: 3 }).astype("f64"), a = await logits.data();
  const basis: number[][] = [];
  for (let j = 0; j < n; j++) {
    let v = Array.from({ length: n }, (_, i) => a[i * n + j]);
    for (const q of [...basis, ...basis]) {
      const along = v.reduce((s, x, i) => s + x * q[i], 0);
      v = v.map((x, i) => x - along * q[i]);
    }
    const size = Math.hypot(...v);
    basis.push(v.map((x) => x / size));
  }
  const found = await (await doublyStochastic(logits, { method: "qr" })).data();
  found.forEach((w, t) => assert(Math.abs(w - basis[t % n][Math.floor(t / n)] ** 2) < 1e-12));
});

/** The circuit's weights by a simulation of its gates on each basis state. */
function simulated(
  m: ArrayLike<number>,
  theta: ArrayLike<number>,
  n: number,
  layers: number,
  auxiliary: number,
): number[] {
  const qubits = Math.log2(n) + auxiliary, N = 2 ** qubits, angles = 2 * qubits * layers;
  const angle = new Float64Array(angles);
  for (let t = 0; t < theta.length; t++) angle[t % angles] += theta[t] * m[t % (n * n)];
  const weights = new Array(n * n).fill(0), s = 2 ** auxiliary;
  for (let start = 0; start < N; start++) {
    const re = new Float64Array(N), im = new Float64Array(N);
    re[start] = 1;
    for (let l = 0; l < layers; l++) {
      for (let k = 0; k < qubits; k++) {
        const bit = N >> (k + 1), ry = angle[(l * qubits + k) * 2] / 2, rz = angle[(l * qubits + k) * 2 + 1] / 2;
        for (let z = 0; z < N; z++) {
          const phase = z & bit ? rz : -rz, [x, y] = [re[z], im[z]];
          re[z] = x * Math.cos(phase) - y * Math.sin(phase);
          im[z] = x * Math.sin(phase) + y * Math.cos(phase);
        }
        for (let z = 0; z < N; z++) {
          if (z & bit) continue;
          for (const part of [re, im]) {
            const [zero, one] = [part[z], part[z | bit]];
            part[z] = Math.cos(ry) * zero - Math.sin(ry) * one;
            part[z | bit] = Math.sin(ry) * zero + Math.cos(ry) * one;
          }
        }
      }
      for (let k = 0; k < (qubits === 2 ? 1 : qubits); k++) {
        const bits = (N >> (k + 1)) | (N >> ((k + 1) % qubits + 1));
        if (qubits === 1) break;
        for (let z = 0; z < N; z++) {
          if ((z & bits) !== bits) continue;
          re[z] = -re[z];
          im[z] = -im[z];
        }
      }
    }
    for (let z = 0; z < N; z++) {
      weights[Math.floor(z / s) * n + Math.floor(start / s)] += (re[z] ** 2 + im[z] ** 2) / s;
    }
  }
  return weights;
}

Deno.test("the circuit's weights are those of its gates, applied to one state after another", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  for (const [n, layers, auxiliary] of [[2, 1, 0], [2, 3, 0], [2, 2, 1], [4, 2, 0], [4, 3, 2], [8, 2, 1]]) {
    const count = circuitParameters(n, { layers, auxiliary });
    const logits = gpu.random.normal([2, n, n], { seed: 1 }).astype("f64");
    const theta = gpu.random.normal([count], { seed: 2 }).astype("f64");
    const found = await (await doublyStochastic(logits, { method: "circuit", layers, auxiliary, theta })).data();
    const [m, t] = [await logits.data(), await theta.data()];
    const expected = [0, 1].flatMap((k) => simulated(m.slice(k * n * n, (k + 1) * n * n), t, n, layers, auxiliary));
    found.forEach((w, i) => assert(Math.abs(w - expected[i]) < 1e-13, `${n} ${layers} ${auxiliary} ${i}`));
  }
});

for (const method of METHODS) {
  Deno.test(`the gradient of ${method} is that of central differences`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await gpu.scope(async () => {
      const normal = (shape: number[], seed: number) => gpu.random.normal(shape, { seed }).astype("f64");
      const options = optionsOf(gpu, method, 4, "f64"), weigh = normal([2, 4, 4], 3);
      const theta = options.theta ?? normal([1], 4);
      const loss = async (logits: Tensor, theta: Tensor) => {
        const weights = await doublyStochastic(logits, method === "circuit" ? { ...options, theta } : options);
        return weights.mul(weigh).sum().add(theta.sum());
      };
      const points = [normal([2, 4, 4], 1), theta] as const, h = 1e-5;
      const found = await grad(loss, { argnums: [0, 1] })(...points);
      for (const [which, point] of points.entries()) {
        const base = await point.data(), got = await found[which].data();
        for (let k = 0; k < base.length; k += which === 0 ? 1 : 5) {
          const at = async (step: number) => {
            const t = gpu.tensor(Float64Array.from(base, (v, i) => i === k ? v + step : v), {
              shape: [...point.shape],
              dtype: "f64",
            });
            return await (await (which === 0 ? loss(t, points[1]) : loss(points[0], t))).item();
          };
          const difference = (await at(h) - await at(-h)) / (2 * h);
          // QR magnifies by the condition of the logits.
          assert(
            Math.abs(got[k] - difference) < 1e-6 * (1 + Math.abs(difference)),
            `${which} ${k} ${got[k]} ${difference}`,
          );
        }
      }
    });
  });
}

onEachDevice("attention multiplies the weights with the values, and everything is freed", async (gpu) => {
  using q = gpu.random.normal([2, 4, 5], { seed: 1 });
  using k = gpu.random.normal([2, 4, 5], { seed: 2 });
  using v = gpu.random.normal([2, 4, 3], { seed: 3 });
  using theta = gpu.random.normal([circuitParameters(4)], { seed: 4 });
  await Promise.all([q, k, v, theta].map((t) => t.data()));
  const before = gpu.memory().live;
  for (const method of METHODS) {
    const { out, weights } = await doublyStochasticAttention(q, k, v, { method, theta });
    const [o, w, x] = [await out.data(), await weights.data(), await v.data()];
    for (let b = 0; b < 2; b++) {
      for (let i = 0; i < 4; i++) {
        for (let e = 0; e < 3; e++) {
          let s = 0;
          for (let j = 0; j < 4; j++) s += w[(b * 4 + i) * 4 + j] * x[(b * 4 + j) * 3 + e];
          assert(Math.abs(o[(b * 4 + i) * 3 + e] - s) < 1e-5);
        }
      }
    }
    await stochasticity(weights);
    out.dispose();
    weights.dispose();
    assertEquals(gpu.memory().live, before, method);
  }
});

Deno.test("doubly stochastic weights refuse what they cannot take, by name", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const square = gpu.random.normal([4, 4], { seed: 1 }), thin = gpu.random.normal([4, 2], { seed: 2 });
  const refused = (logits: Tensor, options: object) => () =>
    doublyStochastic(logits, options as DoublyStochasticOptions);
  await assertRejects(refused(thin, {}), TypeError, "[..., n, n] with n from 1, got [4, 2]");
  await assertRejects(refused(square, { method: "sinkorn" }), TypeError, "softmax, sinkhorn, qr, circuit");
  await assertRejects(refused(square, { iterations: 0 }), RangeError, '"iterations"');
  await assertRejects(refused(gpu.tensor([[NaN]]), {}), RangeError, "logits");
  await assertRejects(refused(gpu.ones([2, 2]).astype("i32"), {}), TypeError, "f32 or f64, got i32");
  // Queries and keys of two numbers give logits of rank 2.
  await assertRejects(refused(thin.matmul(thin.T), { method: "qr" }), SingularMatrixError, "rank below 4");
  await assertRejects(refused(square, { method: "circuit" }), TypeError, '"theta"');
  await assertRejects(refused(gpu.ones([3, 3]), { method: "circuit" }), RangeError, "power of 2");
  await assertRejects(refused(square, { method: "circuit", auxiliary: 5 }), RangeError, '"auxiliary"');
  assertThrows(() => circuitParameters(4, { layers: 0 }), RangeError, '"layers"');
  await assertRejects(() => doublyStochasticAttention(square, thin, square), TypeError, "[4, 4], [4, 2], [4, 4]");
});
