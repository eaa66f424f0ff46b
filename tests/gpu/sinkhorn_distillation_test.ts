import { assert, assertEquals, assertRejects } from "@std/assert";
import { sinkhornDistillation, type SinkhornDistillationOptions } from "../../src/methods/transport/mod.ts";
import { grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** The loss by plain loops in f64; `fixed`: a plan to hold. */
function reference(
  teacher: ArrayLike<number>,
  student: ArrayLike<number>,
  n: number,
  { temperature = 2, epsilon = 0.1, iterations = 20, p = 1 }: SinkhornDistillationOptions,
  fixed?: Float64Array,
): { loss: number; plan: Float64Array } {
  const V = teacher.length / n;
  const softmax = (logits: ArrayLike<number>) =>
    Array.from({ length: n }, (_, i) => {
      const e = Array.from({ length: V }, (_, v) => Math.exp(logits[i * V + v] / temperature));
      const total = e.reduce((s, x) => s + x, 0);
      return e.map((x) => x / total);
    });
  const T = softmax(teacher), S = softmax(student), D = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const gaps = T[i].map((t, v) => Math.abs(t - S[j][v]));
      D[i * n + j] = p === 1 ? gaps.reduce((s, x) => s + x, 0) : Math.hypot(...gaps);
    }
  }
  let plan = fixed;
  if (!plan) {
    const K = plan = D.map((d) => Math.exp(-d / epsilon));
    for (let k = 0; k < iterations; k++) {
      for (const [a, b] of [[1, n], [n, 1]]) {
        for (let i = 0; i < n; i++) {
          let s = 0;
          for (let j = 0; j < n; j++) s += K[i * a + j * b];
          for (let j = 0; j < n; j++) K[i * a + j * b] /= s * n;
        }
      }
    }
  }
  return { loss: plan.reduce((s, w, t) => s + w * D[t], 0), plan };
}

Deno.test("the distillation loss, its plan and both of its gradients are those of plain loops", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 5, V = 7;
  const teacher = gpu.random.normal([n, V], { seed: 1, std: 2 }).astype("f64");
  const student = gpu.random.normal([n, V], { seed: 2, std: 2 }).astype("f64");
  const [t, s] = [await teacher.data(), await student.data()];
  for (const options of [{}, { p: 2, temperature: 1, epsilon: 0.3 }, { iterations: 2, epsilon: 0.05 }] as const) {
    const expected = reference(t, s, n, options), found = await sinkhornDistillation(teacher, student, options);
    assert(Math.abs(await found.loss.item() - expected.loss) < 1e-13);
    (await found.plan.data()).forEach((w, k) => assert(Math.abs(w - expected.plan[k]) < 1e-13));
    const columns = Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += expected.plan[i * n + j];
      return Math.abs(sum - 1 / n);
    });
    assert(Math.abs(found.marginalError - columns.reduce((a, b) => a + b)) < 1e-13);
    for (const gradient of ["unrolled", "envelope"] as const) {
      const loss = async (x: Tensor) => (await sinkhornDistillation(teacher, x, { ...options, gradient })).loss;
      const slope = await (await grad(loss)(student)).data(), h = 1e-6;
      for (let k = 0; k < n * V; k++) {
        const at = (step: number) => {
          const moved = Float64Array.from(s, (v, i) => i === k ? v + step : v);
          return reference(t, moved, n, options, gradient === "envelope" ? expected.plan : undefined).loss;
        };
        const difference = (at(h) - at(-h)) / (2 * h);
        assert(Math.abs(slope[k] - difference) < 1e-7 * (1 + Math.abs(difference)), `${gradient} ${k}`);
      }
    }
  }
});

Deno.test("a student without overlap still has a gradient, and descending it goes to the teacher", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const V = 6, far = (at: number) => Array.from({ length: V }, (_, v) => v === at ? 12 : 0);
  const teacher = gpu.tensor([far(0), far(1), far(2)]);
  let student = gpu.tensor([far(3), far(4), far(5)]).mul(0.3);
  const loss = async (x: Tensor) => (await sinkhornDistillation(teacher, x)).loss;
  const start = await (await loss(student)).item();
  for (let k = 0; k < 120; k++) student = student.sub((await grad(loss)(student)).mul(20));
  const end = await (await loss(student)).item();
  assert(end < 0.5 * start, `${start} to ${end}`);
  // The order of the samples does not matter to the loss.
  const turned = await (await loss(student.flip(0))).item();
  assert(Math.abs(turned - end) < 1e-4);
});

onEachDevice("the distillation loss holds for extreme logits, and frees what it made", async (gpu) => {
  using teacher = gpu.random.normal([9, 11], { seed: 1, std: 1e4 });
  using student = gpu.random.normal([9, 11], { seed: 2, std: 1e4 });
  using same = teacher.add(0);
  await Promise.all([teacher, student, same].map((t) => t.data()));
  const before = gpu.memory().live;
  for (const p of [1, 2] as const) {
    const { loss, plan } = await sinkhornDistillation(teacher, student, { p, epsilon: 1e-3 });
    using sum = plan.sum();
    const value = await loss.item(), total = await sum.item();
    sum.dispose();
    assert(value >= 0 && value <= 2.0001 && Math.abs(total - 1) < 1e-5, `${value} ${total}`);
    loss.dispose();
    plan.dispose();
    const self = await sinkhornDistillation(teacher, same, { p, epsilon: 1e-3 });
    assert(await self.loss.item() < 1e-3);
    self.loss.dispose();
    self.plan.dispose();
  }
  using slope = await grad(async (x: Tensor) => (await sinkhornDistillation(teacher, x, { p: 2 })).loss)(same);
  assert((await slope.data()).every(Number.isFinite));
  slope.dispose();
  assertEquals(gpu.memory().live, before);
});

Deno.test("distillation refuses what it cannot take, by name", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.ones([3, 4]);
  await assertRejects(() => sinkhornDistillation(x, gpu.ones([3, 5])), TypeError, "[3, 4] and [3, 5]");
  await assertRejects(() => sinkhornDistillation(x, x.astype("f64")), TypeError, "f32 and f64");
  await assertRejects(() => sinkhornDistillation(gpu.zeros([0, 4]), gpu.zeros([0, 4])), RangeError, "at least one");
  await assertRejects(() => sinkhornDistillation(x, gpu.full([3, 4], Infinity)), RangeError, "student");
  await assertRejects(() => sinkhornDistillation(x, x, { temperature: 0 }), RangeError, '"temperature"');
  await assertRejects(() => sinkhornDistillation(x, x, { epsilon: NaN }), RangeError, '"epsilon"');
  await assertRejects(() => sinkhornDistillation(x, x, { iterations: 0.5 }), RangeError, '"iterations"');
});
