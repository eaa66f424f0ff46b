import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import { dense, diagonal, type LinearOperator, linearOperator, lowRank, pairwise } from "../../src/operators/mod.ts";
import { type Gpu, grad, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";
import { logDomainSinkhorn } from "./plain_sinkhorn.ts";

const factors = (gpu: Gpu, n: number, m: number, r: number) =>
  [n, m].map((k, at) => gpu.random.normal([k, r], { seed: 1 + at })) as [Tensor, Tensor];

/** Costs of every structure that streams, and of some that are stored. */
function costs(gpu: Gpu): Record<string, [cost: LinearOperator, form: string]> {
  const [u, v] = factors(gpu, 9, 7, 3), [x, y] = factors(gpu, 9, 7, 2), [p, q] = factors(gpu, 7, 9, 2);
  const distance = pairwise("scale * dist(x[i], y[j])", { x, y, scale: 2 }), low = lowRank(u, v);
  return {
    "of low rank": [low, "streaming"],
    "of points, named as the others are": [distance, "streaming"],
    "a multiple": [low.scale(-0.5), "streaming"],
    "a multiple by a tensor": [distance.scale(gpu.tensor(0.7)), "streaming"],
    "a transpose": [pairwise("sqdist(p[i], q[j])", { p, q }).T, "streaming"],
    "a sum": [
      low.add(distance.scale(3)).add(pairwise("a[i] * b[j]", { a: u.slice(null, 0), b: v.slice(null, 1) })),
      "streaming",
    ],
    "a matrix": [dense(gpu.random.uniform([9, 7], { seed: 5 })), "stored"],
    "a sum with a matrix": [low.add(dense(gpu.random.uniform([9, 7], { seed: 6 }))), "stored"],
    "by a function": [
      linearOperator({ shape: [9, 7], device: gpu.device, apply: (x) => u.matmul(v.T.matmul(x)) }),
      "stored",
    ],
  };
}

onEachDevice("sinkhorn for a cost operator is plain Sinkhorn for its matrix, and streams where it can", async (gpu) => {
  const a = Float64Array.from({ length: 9 }, (_, k) => (k % 4) / 12), b = new Float64Array(7).fill(1 / 7);
  for (const [what, [cost, form]] of Object.entries(costs(gpu))) {
    const C = await cost.toDense().data(), epsilon = 2;
    const want = logDomainSinkhorn(C, a, b, epsilon, 1e-8, 50_000);
    using result = await sinkhorn(cost, {
      a,
      b,
      epsilon,
      epsilonScale: "absolute",
      tolerance: 1e-6,
      form: form as "streaming",
    });
    assertEquals([result.converged, result.form], [true, form], what);
    assertAlmostEquals(result.cost, want.cost, 1e-4 * (1 + Math.abs(want.cost)), what);
    assertAlmostEquals(result.dual, want.dual, 1e-5 * (1 + Math.abs(want.dual)), what);
    const P = await result.plan.toDense().data();
    const off = want.plan.reduce((s, p, k) => s + Math.abs(p - P[k]), 0);
    assert(off < 1e-3, `${what}: the plans differ by ${off}`);
  }
});

onEachDevice(
  "the factors of a cost are differentiated by as the matrix is, and nothing of its size is kept",
  async (gpu) => {
    const [u, v] = factors(gpu, 8, 6, 2),
      options = { epsilon: 0.5, epsilonScale: "absolute" as const, tolerance: 1e-6 };
    const value =
      (cost: (u: Tensor, v: Tensor) => Tensor | LinearOperator) => async ({ u, v }: { u: Tensor; v: Tensor }) =>
        (await sinkhorn(cost(u, v) as Tensor, options)).value;
    const got = await grad(value((u, v) => lowRank(u, v).scale(2)))({ u, v });
    const want = await grad(value((u, v) => u.matmul(v.T).mul(2)))({ u, v });
    for (const name of ["u", "v"] as const) {
      const [x, y] = await Promise.all([got[name].data(), want[name].data()]);
      x.forEach((g, k) => assertAlmostEquals(g, y[k], 2e-5, `${name}[${k}]`));
    }
    const [n, m] = [900, 1100], [A, B] = factors(gpu, n, m, 4);
    await Promise.all([A.data(), B.data()]);
    gpu.device.ledger.resetPeak();
    const before = gpu.device.ledger.count, peak = gpu.memory().peak;
    using cost = lowRank(A, B);
    const result = await sinkhorn(cost, { epsilon: 0.2, form: "streaming", tolerance: 1e-3 });
    result.dispose();
    assert(gpu.memory().peak - peak < n * m, `${gpu.memory().peak - peak} bytes`);
    assertEquals(gpu.device.ledger.count, before);
  },
);

onEachDevice("cost operators that do not fit are refused by name", async (gpu) => {
  const low = lowRank(gpu.ones([4, 2]), gpu.ones([3, 2]));
  // deno-lint-ignore no-explicit-any
  const refused = (message: string, kind: any, ...args: any[]) =>
    // deno-lint-ignore no-explicit-any
    assertRejects(() => (sinkhorn as any)(...args), kind, message);
  await refused("Expected points as a tensor, got object", TypeError, {});
  await refused("Expected points as a tensor beside y, got an operator", TypeError, low, gpu.ones([3, 2]));
  await refused('"cost" is for points: a cost operator is the cost itself', TypeError, low, { cost: "euclidean" });
  await refused('The form "streaming" is for points', TypeError, dense(gpu.ones([2, 2])), { form: "streaming" });
  await refused('one weight per point in "a", [4]', TypeError, low, { a: [1, 1, 1] });
  await refused(
    "finite numbers in what the cost operator is made of",
    RangeError,
    lowRank(gpu.full([4, 2], NaN), gpu.ones([3, 2])),
  );
  const wide = linearOperator({
    shape: [5000, 4000],
    device: gpu.device,
    apply: (x) => x.slice([0, 1]).broadcastTo([5000, x.shape[1]]),
  });
  await refused('structure "custom" as a cost: 20000000 costs would have to be stored', TypeError, wide);
  await refused("What streams is operators.lowRank and operators.pairwise", TypeError, diagonal(gpu.ones([5000])));
  const before = gpu.device.ledger.count;
  await refused('Expected "epsilon" of', RangeError, low.add(dense(gpu.ones([4, 3]), { owns: true })), {
    epsilon: 1e-9,
  });
  assert(gpu.device.ledger.count <= before + 1);
});
