import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { partial, progressivePartial, sparseTransport, unbalanced } from "../../src/methods/transport/mod.ts";
import { type Gpu, grad, jvp, open, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { assertFirstOnly, assertGradients, assertSameGradients, draw, type Given } from "./central_differences.ts";
import { onGpu } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const absolute = { epsilonScale: "absolute" as const };
type T = Record<string, Tensor>;

/** In f64 on the host; nothing is left over. */
function onHost(name: string, fn: (gpu: Gpu) => Promise<void>): void {
  Deno.test(name, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await fn(gpu);
    assertEquals(gpu.memory().rows, []);
  });
}

function problem(seed: number, n = 5, m = 4): Given {
  const random = generator(seed);
  return {
    x: draw(random, [n, 2]),
    y: draw(random, [m, 2]),
    a: draw(random, [n], true),
    b: draw(random, [m], true),
  };
}

const scalar = (v: number) => ({ data: Float64Array.of(v), shape: [] });
const matrix = (seed: number, n = 5, m = 4) => ({ C: draw(generator(seed), [n, m]) });

/** Of a cost matrix alone. */
const byMatrix = (loss: (t: T) => Promise<Tensor>) => (C: Tensor) => loss({ C });

const sparse = (k?: number) => async ({ x, y, a, b, gamma }: T) =>
  (await sparseTransport(x, y, { a, b, gamma, k, ...absolute, tolerance: 1e-12 })).value;

onHost(
  "sparseTransport: gradients by points, weights, γ and the cost matrix; none where the plan misses the weights",
  async (gpu) => {
    const given = { ...problem(1), gamma: scalar(0.5) }, h = 2 ** -14;
    await assertGradients(gpu, "quadratic", sparse(), given, { held: ["a", "b"], h });
    // More room than it needs.
    await assertGradients(gpu, "k = 4", sparse(4), { ...given, gamma: scalar(0.1) }, { held: ["a", "b"], h });
    // Less: columns have ties, and the semi-dual kinks.
    const tied = async (t: T) => (await withWarnings(() => sparse(2)(t))).result;
    await assertGradients(gpu, "k = 2", tied, { ...given, gamma: scalar(2) }, { held: ["a", "b"], h, tolerance: 1e-5 });
    const ofMatrix = async ({ C }: T) => (await sparseTransport(C, { gamma: 0.3, tolerance: 1e-12 })).value;
    await assertGradients(
      gpu,
      "matrix",
      async ({ C }) => (await sparseTransport(C, { gamma: 0.3, tolerance: 1e-12, ...absolute })).value,
      matrix(2),
      { h },
    );
    await assertFirstOnly(gpu, byMatrix(ofMatrix), matrix(2).C);
    await gpu.scope(async () => {
      // One row takes it all: the next one enters at its price, and not before.
      const C = gpu.tensor([[0, 1], [5, 3]], { dtype: "f64" }), a = gpu.tensor([1, 0], { dtype: "f64" });
      const g = await grad(async (a: Tensor) =>
        (await sparseTransport(C, { a, b: [0.5, 0.5], gamma: 1, ...absolute })).value
      )(a);
      // Column 1: 3 − (1 + γ/2) more, where γ t = γ/2 is saved.
      const [first, second] = await g.data();
      assertAlmostEquals(second - first, 1.5, 1e-9);
      const costs = gpu.tensor(matrix(2).C.data, { shape: [5, 4], dtype: "f64" });
      await withWarnings(async () => {
        const loss = async (C: Tensor) => (await sparseTransport(C, { k: 2, gamma: 1, maxIterations: 2 })).value;
        await assertRejects(
          () => grad(loss)(costs) as Promise<Tensor>,
          RangeError,
          "relaxed plan misses the weights by",
        );
      });
    });
  },
);

onHost("partial: gradients by points, weights, mass, ε and the cost matrix", async (gpu) => {
  const given: Given = { ...problem(3), mass: scalar(0.6) }, h = 2 ** -14;
  // Weights move freely: the totals may differ.
  const exact = async ({ x, y, a, b, mass }: T) => (await partial(x, y, { a, b, mass, method: "exact" })).value;
  await assertGradients(gpu, "exact", exact, given, { h });
  const entropic = async ({ x, y, a, b, mass, epsilon }: T) =>
    (await partial(x, y, { a, b, mass, epsilon, ...absolute, tolerance: 1e-13 })).value;
  await assertGradients(gpu, "entropic", entropic, { ...given, epsilon: scalar(0.1) }, { h });
  const halved = async ({ C, a }: T) =>
    (await partial(C, { a, b: new Array(4).fill(1), epsilon: 0.1, ...absolute, tolerance: 1e-13 })).value;
  await assertGradients(gpu, "half of the total", halved, { ...matrix(4), a: given.a }, { h });
  await assertFirstOnly(gpu, async (C) => (await partial(C, { epsilon: 0.1, ...absolute })).value, matrix(4).C);
  await gpu.scope(async () => {
    const C = gpu.random.uniform([3, 3], { seed: 1 }).astype("f64"), mass = gpu.tensor(1, { dtype: "f64" });
    await assertRejects(
      () => grad(async (mass: Tensor) => (await partial(C, { mass, epsilon: 0.5 })).value)(mass) as Promise<Tensor>,
      RangeError,
      '"partial" has no derivative by a mass of 1',
    );
    await assertRejects(() => partial(C, { mass: C }), TypeError, 'Expected "mass" to be one number, got [3, 3]');
  });
});

onHost("progressivePartial: gradients by costs, mass, ε, γ and λ, also at a stationary point", async (gpu) => {
  const given = {
    ...matrix(5, 6, 3),
    mass: scalar(0.4),
    epsilon: scalar(0.2),
    gamma: scalar(0.7),
    similarityWeight: scalar(0.3),
  };
  const u = draw(generator(6), [6, 2]), near = 1e-13, h = 2 ** -12;
  const at = Array.from({ length: 36 }, (_, k) => [Math.floor(k / 6), k % 6]),
    [p, q] = [0, 1].map((k) => (i: number) => u.data[2 * i + k]);
  const values = gpu.tensor(Float64Array.from(at, ([i, j]) => p(i) * p(j) + q(i) * q(j)), { dtype: "f64" });
  const similarity = gpu.sparse({ rows: at.map(([i]) => i), columns: at.map(([, j]) => j), values, shape: [6, 6] });
  const loss = (more: object) => async ({ C, ...numbers }: T) =>
    (await progressivePartial(C, { ...numbers, ...more, tolerance: near })).value;
  const { similarityWeight: _, ...convex } = given;
  await assertGradients(gpu, "convex", loss({}), convex, { h });
  const stationary = loss({ similarity, maxMajorizations: 2000, objectiveTolerance: 1e-14 });
  await assertGradients(gpu, "with similarity", stationary, given, { h });
  await assertGradients(
    gpu,
    "all of the mass",
    async ({ C }) => (await progressivePartial(C, { mass: 1, tolerance: near })).value,
    matrix(7),
    { h },
  );
  await gpu.scope(async () => {
    const C = gpu.random.uniform([3, 3], { seed: 1 }).astype("f64"), mass = gpu.tensor(1, { dtype: "f64" });
    await assertRejects(
      () => grad(async (mass: Tensor) => (await progressivePartial(C, { mass })).value)(mass) as Promise<Tensor>,
      RangeError,
      '"progressivePartial" has no derivative by a mass of 1',
    );
  });
  for (const t of [similarity, values]) t.dispose();
});

onHost("unbalanced: gradients by ε, and none of second order; by both modes", async (gpu) => {
  const given = { ...problem(8), epsilon: scalar(0.1) };
  // With TV where not all mass moves; else the constant between the potentials is slow.
  for (
    const [penalty, reference, rho] of [["kl", "product", 0.3], [
      "tv",
      "product",
      0.08,
    ]] as const
  ) {
    const loss = async ({ x, y, a, b, epsilon }: T) =>
      (await unbalanced(x, y, { a, b, epsilon, penalty, reference, rho, ...absolute, tolerance: 1e-14 })).value;
    await assertGradients(gpu, `${penalty} ${reference}`, loss, given, { h: 2 ** -14 });
  }
  const ofMatrix = async (C: Tensor) => (await unbalanced(C, { epsilon: 0.1, tolerance: 1e-12 })).value;
  await assertFirstOnly(gpu, ofMatrix, matrix(8).C);
  await gpu.scope(async () => {
    const C = gpu.tensor(matrix(8).C.data, { shape: [5, 4], dtype: "f64" }), v = C.mul(C);
    const { tangent } = await jvp(ofMatrix, [C], [v]), g = await grad(ofMatrix)(C);
    assertAlmostEquals(await (tangent as Tensor).item(), await g.mul(v).sum().item(), 1e-12);
  });
});

onGpu("gradients of sparse, partial and unbalanced transport in f32 are those in f64", async (gpu) => {
  await using host = await open({ backend: "cpu", tune: "off" });
  const given = problem(9), held = ["a", "b"];
  await assertSameGradients(
    gpu,
    host,
    async ({ x, y, a, b }) => (await sparseTransport(x, y, { a, b, gamma: 0.5 })).value,
    given,
    { held },
  );
  await assertSameGradients(
    gpu,
    host,
    async ({ x, y, a, b }) => (await partial(x, y, { a, b, mass: 0.5, epsilon: 0.1 })).value,
    given,
  );
  await assertSameGradients(
    gpu,
    host,
    async ({ x, y, a, b }) => (await partial(x, y, { a, b, mass: 0.5, method: "exact" })).value,
    given,
  );
  await assertSameGradients(
    gpu,
    host,
    async ({ x, y, a, b }) => (await unbalanced(x, y, { a, b, epsilon: 0.1, tolerance: 1e-6 })).value,
    given,
  );
  await assertSameGradients(gpu, host, async ({ C }) => (await progressivePartial(C)).value, matrix(10));
  assertEquals(gpu.memory().rows, []);
});

Deno.test("the gradient of unbalanced transport between points needs memory for the points alone", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 1500, x = gpu.random.uniform([n, 2], { seed: 1 }), y = gpu.random.uniform([n, 2], { seed: 2 });
  await gpu.sync();
  gpu.device.ledger.resetPeak();
  const g = await grad(async (x: Tensor) => (await unbalanced(x, y, { epsilon: 0.2, tolerance: 1e-2 })).value)(x);
  await g.data();
  assert(gpu.memory().peak < 4 * n * n / 20, `peak ${gpu.memory().peak}, all pairs take ${4 * n * n}`);
  for (const t of [x, y, g]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});
