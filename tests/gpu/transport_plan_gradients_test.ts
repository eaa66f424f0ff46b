import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import {
  barycenter,
  freeSupportBarycenter,
  gromovWasserstein,
  lowRankSinkhorn,
} from "../../src/methods/transport/mod.ts";
import { lowRank } from "../../src/operators/mod.ts";
import { type Gpu, grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { assertFirstOnly, assertGradients, assertSameGradients, draw, type Given } from "./central_differences.ts";
import { onGpu } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const absolute = { epsilonScale: "absolute" as const };
type T = Record<string, Tensor>;
const scalar = (v: number) => ({ data: Float64Array.of(v), shape: [] });

/** In f64 on the host; nothing is left over. */
function onHost(name: string, fn: (gpu: Gpu) => Promise<void>): void {
  Deno.test(name, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await fn(gpu);
    assertEquals(gpu.memory().rows, []);
  });
}

const near = { rank: 2, step: 5, tolerance: 1e-9, marginalTolerance: 1e-7 };

/** Points in two groups, the nearer to each other the smaller `spread`: a plan of rank 2 is then found in few steps. */
function groups(random: () => number, n: number, spread = 0.3): Given[string] {
  return { data: Float64Array.from({ length: 2 * n }, (_, k) => (k >> 1) % 2 + spread * random()), shape: [n, 2] };
}

onHost("lowRankSinkhorn: gradients by points, weights, ε, and what a cost operator is made of", async (gpu) => {
  const random = generator(21),
    given: Given = {
      x: groups(random, 4),
      y: groups(random, 5),
      a: draw(random, [4], true),
      b: draw(random, [5], true),
      epsilon: scalar(0.3),
    };
  const loss = async ({ x, y, a, b, epsilon }: T) => (await lowRankSinkhorn(x, y, { ...near, a, b, epsilon })).value;
  // As near as the factors are stationary: the root of 1e-9.
  await assertGradients(gpu, "points", loss, given, { held: ["a", "b"], h: 2 ** -7, tolerance: 2e-4, together: true });
  await gpu.scope(async () => {
    const [x, y] = [given.x, given.y].map(({ data, shape }) => gpu.tensor(data, { shape, dtype: "f64" }));
    // The same cost as a matrix and as an operator of factors: the same steps, and few will do.
    const few = { rank: 2, maxIterations: 2 };
    const ofMatrix = async (x: Tensor) => (await lowRankSinkhorn(x.matmul(y.T), few)).value;
    const ofOperator = async (x: Tensor) => (await lowRankSinkhorn(lowRank(x, y), few)).value;
    const { result } = await withWarnings(async () => [await grad(ofMatrix)(x), await grad(ofOperator)(x)]);
    const [p, q] = await Promise.all(result.map((t) => t.data()));
    p.forEach((v, k) => assertAlmostEquals(q[k], v, 1e-9));
    await withWarnings(() => assertFirstOnly(gpu, ofMatrix, given.x));
  });
});

/** Distributions `[k, n]`, each of sum 1. */
function distributions(random: () => number, k: number, n: number): Given[string] {
  const rows = Array.from({ length: k }, () => [...draw(random, [n], true).data]);
  return { data: Float64Array.from(rows.flat()), shape: [k, n] };
}

onHost("barycenter: gradients by distributions, λ, ε, points, support and cost matrix; on a grid", async (gpu) => {
  const random = generator(22), h = 2 ** -12;
  const given: Given = { d: distributions(random, 3, 5), weights: draw(random, [3]), epsilon: scalar(0.3) };
  const near = { ...absolute, tolerance: 1e-11 };
  const points = { points: draw(random, [5, 2]), support: draw(random, [4, 2]) };
  // Of one total, whatever d is.
  const loss = async ({ d, ...more }: T) =>
    (await barycenter(d.div(d.sum(1, { keepDims: true })), { ...more, ...near })).value;
  await assertGradients(gpu, "points", loss, { ...given, ...points }, { h, together: true });
  await assertGradients(gpu, "matrix", loss, { d: given.d, costMatrix: draw(random, [5, 4]), epsilon: scalar(0.3) }, {
    h,
    together: true,
  });
  await assertGradients(gpu, "grid", loss, { ...given, d: distributions(random, 3, 4), epsilon: scalar(1) }, {
    h,
    together: true,
  });
  await assertFirstOnly(gpu, async (d) => (await barycenter(d, { epsilon: 0.5, tolerance: 1e-10 })).value, given.d);
  await gpu.scope(async () => {
    const d = gpu.tensor([[1, 0, 0], [0, 0.5, 0.5]], { dtype: "f64" });
    const g = await grad(async (d: Tensor) => (await barycenter(d, { epsilon: 0.5, ...absolute })).value)(d);
    assertEquals((await g.data()).every(Number.isFinite), true);
    await assertRejects(
      () => barycenter(d, { weights: d }),
      TypeError,
      'Expected "weights" to be 2 numbers, got [2, 3]',
    );
  });
});

onHost("freeSupportBarycenter: gradients by points, masses, λ and ε at the support found", async (gpu) => {
  const random = generator(23), start = draw(random, [3, 2]);
  const given: Given = {
    x: draw(random, [5, 2]),
    y: draw(random, [4, 2]),
    a: draw(random, [5], true),
    b: draw(random, [3], true),
    weights: draw(random, [2]),
    epsilon: scalar(0.05),
  };
  const from = start.data;
  const loss = async ({ x, y, a, epsilon, ...more }: T) => {
    // The unit of ε is the largest cost at the start: held.
    const unit = await largestCost(from, [x, y]);
    const support = gpu.tensor(from.slice(), { shape: start.shape, dtype: "f64" });
    const near = { tolerance: 1e-6, marginalTolerance: 1e-9, maxIterations: 1000, epsilon: epsilon.mul(1 / unit) };
    return (await freeSupportBarycenter([x, y], support, { masses: [a, undefined], ...more, ...near })).value;
  };
  await assertGradients(gpu, "all", loss, given, { held: ["a", "b"], h: 2 ** -9, tolerance: 1e-5, together: true });
});

onHost("the free support itself is differentiated through its steps", async (gpu) => {
  const random = generator(26),
    start = draw(random, [2, 2]),
    given = { x: draw(random, [3, 2]), y: draw(random, [3, 2]) };
  const loss = async ({ x, y }: T) => {
    const from = gpu.tensor(start.data.slice(), { shape: start.shape, dtype: "f64" });
    const few = { epsilon: 0.2 / await largestCost(start.data, [x, y]), marginalTolerance: 1e-11, maxIterations: 2 };
    const { result } = await withWarnings(() => freeSupportBarycenter([x, y], from, few));
    return result.support.square().mul(gpu.tensor([1, 2], { dtype: "f64" })).sum();
  };
  await assertGradients(gpu, "support", loss, given, { together: true, tolerance: 1e-5 });
});

/** Between a start and measures: the unit of ε, which counts as a constant. */
async function largestCost(start: Float64Array, measures: Tensor[]): Promise<number> {
  let most = 0;
  for (const p of await Promise.all(measures.map((t) => t.data()))) {
    for (let i = 0; i < p.length; i += 2) {
      for (let j = 0; j < start.length; j += 2) {
        most = Math.max(most, (p[i] - start[j]) ** 2 + (p[i + 1] - start[j + 1]) ** 2);
      }
    }
  }
  return most;
}

onHost("gromovWasserstein: gradients by both matrices, features, weights and ε at a stationary plan", async (gpu) => {
  const random = generator(24);
  const symmetric = (n: number) => {
    const { data, shape } = draw(random, [n, n]);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) data[i * n + j] = data[j * n + i];
    return { data, shape };
  };
  const given: Given = {
    C1: symmetric(4),
    C2: symmetric(3),
    features: draw(random, [4, 3]),
    a: draw(random, [4], true),
    b: draw(random, [3], true),
    epsilon: scalar(0.2),
  };
  for (const loss of ["square", "kl"] as const) {
    const value = async ({ C1, C2, ...more }: T) =>
      (await gromovWasserstein(C1, C2, {
        ...more,
        loss,
        alpha: 0.3,
        tolerance: 1e-10,
        marginalTolerance: 1e-10,
        maxIterations: 2000,
      })).value;
    await assertGradients(gpu, loss, value, given, {
      held: ["a", "b"],
      symmetric: ["C1", "C2"],
      together: true,
    });
  }
});

onGpu(
  "gradients of low-rank and Gromov–Wasserstein transport and of barycenters in f32 are those in f64",
  async (gpu) => {
    await using host = await open({ backend: "cpu", tune: "off" });
    const random = generator(25), d = distributions(random, 2, 6), x = draw(random, [5, 2]), y = draw(random, [6, 2]);
    const loose = { tolerance: 1e-3 };
    await assertSameGradients(
      gpu,
      host,
      async ({ d, weights }) => (await barycenter(d, { weights, epsilon: 0.2, tolerance: 1e-6 })).value,
      { d, weights: draw(random, [2]) },
      loose,
    );
    const few = { rank: 2, maxIterations: 2, epsilon: 0.3 };
    await withWarnings(() =>
      assertSameGradients(gpu, host, async ({ x, y }) => (await lowRankSinkhorn(x, y, few)).value, { x, y }, loose)
    );
    const start = gpu.tensor([[0.2, 0.2], [0.9, 0.8]]), from = host.tensor([[0.2, 0.2], [0.9, 0.8]], { dtype: "f64" });
    const free = async ({ x, y }: T) =>
      (await freeSupportBarycenter([x, y], x.dtype === "f64" ? from : start, { epsilon: 0.1, tolerance: 1e-4 })).value;
    await assertSameGradients(gpu, host, free, { x, y }, loose);
    const spaces = async ({ x, y }: T) => {
      const [C1, C2] = [x, y].map((t) => t.matmul(t.T));
      return (await gromovWasserstein(C1, C2, { epsilon: 0.2, tolerance: 1e-5, marginalTolerance: 1e-6 })).value;
    };
    await assertSameGradients(gpu, host, spaces, { x, y }, loose);
    for (const t of [start, from]) t.dispose();
    assertEquals(gpu.memory().rows, []);
  },
);
