import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { projectFactors } from "../../src/methods/transport/factor_projection.ts";
import { projectOnHost } from "../../src/methods/transport/host_factor_projection.ts";
import { lowRankSinkhorn } from "../../src/methods/transport/mod.ts";
import { lowRank, pairwise } from "../../src/operators/mod.ts";
import { open, type Tensor } from "../../src/tensor/mod.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

const read = async (t: Tensor): Promise<number[][]> => await t.array() as number[][];
const sqdist = (p: number[], q: number[]) => p.reduce((s, v, k) => s + (v - q[k]) ** 2, 0);

onEachDevice("rank 1 is the product of the weights, exactly", async (gpu) => {
  const x = gpu.random.normal([9, 3], { seed: 1 }), y = gpu.random.normal([5, 3], { seed: 2 });
  const a = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => k / 45), b = [0.1, 0.3, 0, 0.4, 0.2];
  using result = await lowRankSinkhorn(x, y, { rank: 1, a, b });
  const P = await read(result.plan.toDense()), X = await read(x), Y = await read(y);
  let cost = 0;
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < 5; j++) {
      assertAlmostEquals(P[i][j], a[i] * b[j], 2e-6 * a[i] * b[j]);
      cost += a[i] * b[j] * sqdist(X[i], Y[j]);
    }
  }
  assert(result.converged && result.marginalError < 1e-5);
  assertAlmostEquals(result.cost, cost, 5e-6 * cost);
});

onEachDevice("two places against many points: the optimal plan has rank 2 and is found", async (gpu) => {
  // From two places with half the mass each, the optimum sends to the first the points with the least difference of costs.
  const places = [[-1, 0.5], [1.5, 0]], count = 12;
  const x = gpu.tensor(Array.from({ length: 6 }, (_, i) => places[i % 2]));
  const y = gpu.random.normal([count, 2], { seed: 3 }), Y = await read(y);
  const byDifference = Y.map((q) => [sqdist(places[0], q), sqdist(places[1], q)]).sort((p, q) =>
    p[0] - p[1] - q[0] + q[1]
  );
  const want = byDifference.reduce((s, c, k) => s + c[k < count / 2 ? 0 : 1], 0) / count;
  using result = await lowRankSinkhorn(x, y, { rank: 2, tolerance: 1e-5 });
  assert(result.converged);
  assert(result.cost >= want * (1 - 1e-4) && result.cost <= want * (1 + 2e-3), `cost ${result.cost}, optimum ${want}`);
});

onEachDevice("plans are feasible, cost no less than POT's optimum, and descend", async (gpu) => {
  const problem = load("sinkhorn_sqeuclidean").cases[0];
  const x = gpu.tensor(problem.x!), y = gpu.tensor(problem.y!), costs: number[] = [];
  for (const rank of gpu.info.backend === "cpu" ? [2, 6] : [2]) {
    using result = await lowRankSinkhorn(x, y, { a: problem.a, b: problem.b, rank, tolerance: 1e-4 });
    assert(result.converged && result.marginalError < 4e-5, `marginal error ${result.marginalError}`);
    const P = await read(result.plan.toDense());
    const off = P.reduce((s, row, i) => s + Math.abs(row.reduce((t, p) => t + p, 0) - problem.a[i]), 0) +
      problem.b.reduce((s, want, j) => s + Math.abs(P.reduce((t, row) => t + row[j], 0) - want), 0);
    assertAlmostEquals(off, result.marginalError, 5e-6);
    const cost = P.reduce(
      (s, row, i) => s + row.reduce((t, p, j) => t + p * sqdist(problem.x![i], problem.y![j]), 0),
      0,
    );
    assertAlmostEquals(result.cost, cost, 2e-5 * cost);
    // What is missing in the marginals may be worth the largest cost.
    assert(result.cost > problem.emd - off * problem.maxCost, `${result.cost} under the optimum ${problem.emd}`);
    const { history } = result;
    history.slice(1).forEach(({ objective }, k) => assert(objective <= history[k].objective * (1 + 3e-6)));
    costs.push(result.cost);
  }
  if (costs.length === 1) return;
  assert(costs[1] < costs[0] && costs[1] < 1.25 * problem.emd, `${costs} against the optimum ${problem.emd}`);
});

onEachDevice("with entropy the conditions of a stationary point hold, in f64 from the factors", async (gpu) => {
  const x = gpu.random.normal([14, 2], { seed: 4 }), y = gpu.random.normal([11, 2], { seed: 5 });
  const epsilon = 0.3, r = 3;
  using result = await lowRankSinkhorn(x, y, { rank: r, epsilon, tolerance: 3e-6 });
  assert(result.converged, `stationarity ${result.stationarity}`);
  const [Q, R] = await Promise.all([read(result.factors.q), read(result.factors.r)]);
  const g = Array.from(await result.factors.g.data()), X = await read(x), Y = await read(y);
  const slope = (A: number[][], own: number[][], B: number[][], other: number[][]) =>
    A.map((p, i) =>
      g.map((gk, k) => B.reduce((s, q, j) => s + sqdist(p, q) * other[j][k] / gk, 0) + epsilon * Math.log(own[i][k]))
    );
  // ∇Q = f_i + μ_k, ∇R = h_j + ν_k, ∇g = −μ_k − ν_k: differences to the first row and column vanish.
  const dQ = slope(X, Q, Y, R), dR = slope(Y, R, X, Q);
  const dg = g.map((gk, k) =>
    epsilon * Math.log(gk) - Q.reduce((s, row, i) => s + row[k] / gk * (dQ[i][k] - epsilon * Math.log(row[k])), 0)
  );
  let worst = 0;
  for (const d of [dQ, dR]) {
    d.forEach((row) => row.forEach((v, k) => worst = Math.max(worst, Math.abs(v - row[0] - d[0][k] + d[0][0]))));
  }
  const balance = dg.map((v, k) => v + dQ[0][k] + dR[0][k]);
  balance.forEach((v) => worst = Math.max(worst, Math.abs(v - balance[0])));
  const largest = Math.max(...dQ.flat().map(Math.abs));
  assert(worst < 2e-2 * largest, `conditions missed by ${worst}, gradient ${largest}`);
});

onEachDevice("points, their matrix, a formula and an operator give one solution", async (gpu) => {
  const x = gpu.random.normal([10, 2], { seed: 6 }).add(50), y = gpu.random.normal([13, 2], { seed: 7 }).add(50);
  const options = { rank: 2, epsilon: 0.5, tolerance: 1e-4 };
  using C = pairwise("sqdist(x[i], y[j])", { x, y });
  using points = await lowRankSinkhorn(x, y, options);
  using formula = await lowRankSinkhorn(x, y, { ...options, cost: "sqdist(x[i], y[j])" });
  using matrix = await lowRankSinkhorn(C.toDense(), options);
  using operator = await lowRankSinkhorn(C, options);
  for (const other of [formula, matrix, operator]) assertAlmostEquals(other.cost, points.cost, 1e-3 * points.cost);
});

onEachDevice("small factors are projected on the host to what the device gives", async (gpu) => {
  const n = 9, m = 6, rank = 3, b = [0.3, 0, 0.2, 0.4, 0.05, 0.05];
  const host = { a: new Float64Array(n).fill(1 / n), b: Float64Array.from(b) };
  const column = (w: Float64Array) => gpu.tensor(Array.from(w, (x) => [x]));
  const constraints = {
    ...{ a: column(host.a), b: column(host.b), logA: column(host.a.map(Math.log)), logB: column(host.b.map(Math.log)) },
    ...{ logFloor: Math.log(1e-3), target: 1e-5 },
  };
  const kernel = {
    q: gpu.random.normal([n, rank], { seed: 1 }).mul(3),
    r: gpu.random.normal([m, rank], { seed: 2 }).mul(3),
    g: gpu.random.normal([rank], { seed: 3 }).mul(3),
  };
  const found = [await projectFactors(kernel, constraints), await projectFactors(kernel, { ...constraints, host })];
  for (const { error } of found) assert(error <= 1e-5, `error ${error}`);
  for (const part of ["q", "r", "g"] as const) {
    using apart = found[0].factors[part].exp().sub(found[1].factors[part].exp()).abs().max();
    assert(await apart.item() < 3e-4, `${part} differs by ${await apart.item()}`);
  }
  // From the multipliers found, both are there at once.
  const again = await projectFactors(kernel, { ...constraints, host }, { duals: found[1].duals, ratio: 1 });
  assert(again.iterations <= 8 && again.error <= 1e-5, `${again.iterations} iterations`);
});

Deno.test("on the host kernels far out of the range of exponentials are projected, too", () => {
  const n = 7, rank = 3, bits = (k: number) => 900 * Math.sin(12.9898 * k + 1);
  const K = Float64Array.from({ length: n * rank }, (_, k) => bits(k)), L = K.map((x) => -x / 2);
  const rows = new Float64Array(n).fill(1 / n), logG = Float64Array.of(0, 500, -800);
  const limits = { logFloor: Math.log(1e-3), target: 1e-9, maxIterations: 100_000 };
  const { q, r, g, error } = projectOnHost({ K, rows }, { K: L, rows }, logG, undefined, limits);
  assert(error <= 1e-9, `error ${error}`);
  for (const [factor, own] of [[q, K], [r, L]]) {
    for (let i = 0; i < n; i++) {
      const row = Array.from(factor.subarray(i * rank, (i + 1) * rank), Math.exp);
      assertAlmostEquals(row.reduce((s, x) => s + x, 0), 1 / n, 1e-9);
      // What was added to the kernel is a row's number and a column's.
      for (let k = 0; k < rank; k++) {
        const added = (i: number, k: number) => factor[i * rank + k] - own[i * rank + k];
        assertAlmostEquals(added(i, k) - added(i, 0), added(0, k) - added(0, 0), 1e-9);
      }
    }
    for (let k = 0; k < rank; k++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += Math.exp(factor[i * rank + k]);
      assertAlmostEquals(sum, Math.exp(g[k]), 1e-8);
    }
  }
});

onEachDevice("several starts keep the best; a seed gives the same again", async (gpu) => {
  const x = gpu.random.normal([8, 2], { seed: 8 }), y = gpu.random.normal([7, 2], { seed: 9 });
  const options = { rank: 3, starts: 3, epsilon: 0.3, maxIterations: 3, seed: 5 };
  const solve = async () => (await withWarnings(() => lowRankSinkhorn(x, y, options))).result;
  using result = await solve();
  using again = await solve();
  assertEquals(result.starts.length, 3);
  assertEquals(result.objective, Math.min(...result.starts));
  assertAlmostEquals(again.cost, result.cost, 1e-5 * result.cost);
});

onEachDevice("it frees what it made, also when aborted, and says when it stopped early", async (gpu) => {
  const x = gpu.random.normal([12, 2], { seed: 1 }), y = gpu.random.normal([9, 2], { seed: 2 });
  await Promise.all([x.data(), y.data()]);
  const before = gpu.device.ledger.count;
  for (const cost of ["sqeuclidean", "euclidean"]) {
    const { result, warnings } = await withWarnings(() => lowRankSinkhorn(x, y, { rank: 3, maxIterations: 2, cost }));
    assert(!result.converged && warnings.length === 1 && /stationarity/.test(warnings[0]), warnings.join());
    assert(/not converged/.test(Deno.inspect(result)));
    result.dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
  const controller = new AbortController();
  const stopped = lowRankSinkhorn(x, y, {
    rank: 2,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await assertRejects(() => stopped, Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
});

onEachDevice("bad input of low-rank transport is refused by name", async (gpu) => {
  const x = gpu.ones([4, 2]), y = gpu.ones([3, 2]);
  const refused = (fn: () => Promise<unknown>, kind: new (message: string) => Error, text: string) =>
    assertRejects(fn, kind, text);
  await refused(() => lowRankSinkhorn(x, y, { rank: 4 }), RangeError, "rank");
  await refused(() => lowRankSinkhorn(x, y, { rank: 1.5 }), RangeError, "rank");
  await refused(() => lowRankSinkhorn(x, y, { epsilon: -1 }), RangeError, "epsilon");
  await refused(() => lowRankSinkhorn(x, y, { step: 0 }), RangeError, "step");
  await refused(() => lowRankSinkhorn(x, y, { a: [1, 1, 1] }), TypeError, '"a"');
  await refused(() => lowRankSinkhorn(x, gpu.ones([3, 5])), TypeError, "points");
  await refused(() => lowRankSinkhorn(x, gpu.tensor([[NaN, 0]])), RangeError, "finite");
  await refused(() => lowRankSinkhorn(gpu.zeros([0, 2]), y), RangeError, "0 and 3");
  using C = lowRank(x, y);
  await refused(() => lowRankSinkhorn(C, { cost: "euclidean" } as object), TypeError, "cost");
});

Deno.test("many points do not keep a random start at the product of the weights", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const n = 4000, x = gpu.random.normal([n, 2], { seed: 1 }), y = gpu.random.normal([n, 2], { seed: 2 });
  // Of independent Gaussians in the plane; the best plan of rank 4 is near half of it.
  const product = 4;
  using result = await lowRankSinkhorn(x, y, { rank: 4, maxIterations: 60, tolerance: 1e-4 });
  assert(result.cost < 0.7 * product, `cost ${result.cost}`);
});
