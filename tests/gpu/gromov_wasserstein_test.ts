import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { gromovWasserstein } from "../../src/methods/transport/mod.ts";
import { load } from "../oracle/fixtures.ts";
import { onEachDevice } from "./devices.ts";
import { withWarnings } from "./quiet.ts";

/** Σ L(C1_ik, C2_jl) P_ij P_kl by four loops in f64. */
function distortion(C1: number[][], C2: number[][], P: number[][], loss: (a: number, b: number) => number): number {
  let sum = 0;
  P.forEach((row, i) =>
    row.forEach((p, j) => P.forEach((other, k) => other.forEach((q, l) => sum += p * q * loss(C1[i][k], C2[j][l]))))
  );
  return sum;
}

const LOSSES = {
  square: (a: number, b: number) => (a - b) ** 2,
  kl: (a: number, b: number) => (a > 0 ? a * Math.log(a / b) : 0) - a + b,
};

onEachDevice("entropic plans agree with POT's, and their distortion with its definition", async (gpu) => {
  for (const problem of load("gromov_wasserstein").cases) {
    // The most iterations: once is enough.
    if (gpu.info.backend !== "cpu" && /sharper/.test(problem.name)) continue;
    await gpu.scope(async () => {
      const loss = problem.loss === "kl_loss" ? "kl" : "square";
      using result = await gromovWasserstein(gpu.tensor(problem.c1), gpu.tensor(problem.c2), {
        a: problem.p,
        b: problem.q,
        epsilon: problem.epsilon,
        loss,
        tolerance: 2e-5,
        marginalTolerance: 3e-6,
      });
      assert(result.converged, `${problem.name}: change ${result.change} after ${result.iterations}`);
      const P = await result.plan.toDense().array() as number[][];
      const off = P.reduce((s, row, i) => s + row.reduce((t, x, j) => t + Math.abs(x - problem.plan[i][j]), 0), 0);
      assert(off < 5e-3, `${problem.name}: the plans differ by ${off} in L1`);
      const want = distortion(problem.c1, problem.c2, P, LOSSES[loss]);
      assertAlmostEquals(result.cost, want, 2e-5 * Math.max(1, want));
      assertAlmostEquals(result.cost, problem.distance, 2e-3 * problem.distance);
      const rows = P.map((row) => row.reduce((s, x) => s + x, 0));
      assert(rows.reduce((s, x, i) => s + Math.abs(x - problem.p[i]), 0) < 1e-5);
      result.history.slice(1).forEach(({ objective }, k) =>
        assert(objective <= result.history[k].objective + 1e-4 * Math.abs(objective), `${problem.name}: it rose`)
      );
    });
  }
});

onEachDevice("a space and its turned, renumbered copy are matched point by point", async (gpu) => {
  const x = [[0, 0], [1, 0], [3, 0.5], [0, 4], [2, 2.5]], order = [3, 0, 4, 1, 2];
  const distances = (p: number[][]) => p.map((u) => p.map((v) => Math.hypot(u[0] - v[0], u[1] - v[1])));
  const turned = order.map((i) => [-x[i][1] + 5, x[i][0] - 2]);
  using result = await gromovWasserstein(gpu.tensor(distances(x)), gpu.tensor(distances(turned)), {
    epsilon: 0.2,
    starts: 2,
  });
  assert(result.converged && result.cost < 0.3, `distortion ${result.cost}, change ${result.change}`);
  assertEquals(result.starts.length, 2);
  assertEquals(result.objective, Math.min(...result.starts));
  using P = result.plan.toDense();
  const to = await P.argmax(1).array() as number[];
  assertEquals(to.map((j) => order[j]), [0, 1, 2, 3, 4]);
});

onEachDevice("fused: the features alone decide at α = 1, and tell symmetric matches apart", async (gpu) => {
  const line = gpu.tensor([[0, 1, 2], [1, 0, 1], [2, 1, 0]]);
  const M = gpu.tensor([[1, 1, 0], [1, 0, 1], [0, 1, 1]]);
  for (const alpha of [0.3, 1]) {
    using result = await gromovWasserstein(line, line, { features: M, alpha, epsilon: 0.03 });
    using P = result.plan.toDense();
    assertEquals(await P.argmax(1).array(), [2, 1, 0]);
    assert(result.converged && result.cost < 0.02, `${result.cost}`);
  }
});

onEachDevice("it frees what it made, says when it stopped early and refuses bad input", async (gpu) => {
  const C = gpu.tensor([[0, 1, 2], [1, 0, 1.5], [2, 1.5, 0]]), D = gpu.tensor([[0, 1], [1, 0]]);
  await Promise.all([C.data(), D.data()]);
  const before = gpu.device.ledger.count;
  const { result, warnings } = await withWarnings(() =>
    gromovWasserstein(C, D, { maxIterations: 1, tolerance: 1e-12, starts: 2, epsilon: 0.2 })
  );
  assert(!result.converged && warnings.length === 1 && /not converged/.test(Deno.inspect(result)));
  result.dispose();
  assertEquals(gpu.device.ledger.count, before);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  const options = { tolerance: 1e-12, epsilon: 0.2, signal: controller.signal, onProgress };
  await assertRejects(() => gromovWasserstein(C, D, options), Error, "enough");
  assertEquals(gpu.device.ledger.count, before);
  await assertRejects(() => gromovWasserstein(gpu.ones([2, 3]), D), TypeError, "C1");
  await assertRejects(() => gromovWasserstein(gpu.tensor([[0, 1], [2, 0]]), D), RangeError, "symmetric");
  await assertRejects(() => gromovWasserstein(C, D, { loss: "l1" as "kl" }), TypeError, "loss");
  await assertRejects(() => gromovWasserstein(C, D, { loss: "kl" }), RangeError, "C2");
  await assertRejects(() => gromovWasserstein(C, D, { epsilon: -1 }), RangeError, "epsilon");
  await assertRejects(() => gromovWasserstein(C, D, { features: C }), TypeError, "features");
  await assertRejects(() => gromovWasserstein(C, D, { a: [1, 1] }), TypeError, '"a"');
  await assertRejects(() => gromovWasserstein(gpu.tensor([[NaN]]), D), RangeError, "C1");
});
