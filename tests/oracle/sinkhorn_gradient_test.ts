import { sinkhorn } from "../../src/methods/transport/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import { grad, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

/** What is asked of the agreement with POT, relative to the largest element, as of its costs and potentials. */
const RELATIVE = 2e-4;

onEachDevice("the gradient of sinkhorn's value is what POT's potentials and plan make it", async (gpu) => {
  for (const problem of load("sinkhorn_sqeuclidean").cases) {
    // The largest regularization: there POT's potentials are compared too, and every weight counts.
    const solution = [...problem.solutions].sort((s, t) => t.epsilon - s.epsilon)[0];
    const { a, b } = problem, x = problem.x!, y = problem.y!;
    await gpu.scope(async () => {
      const loss = async (x: Tensor, y: Tensor, a: Tensor, b: Tensor) => {
        const options = { a, b, epsilon: solution.epsilon, epsilonScale: "absolute" as const, tolerance: 1e-6 };
        return (await sinkhorn(x, y, options)).value;
      };
      const [gx, gy, ga, gb] = await grad(loss, { argnums: [0, 1, 2, 3] })(
        gpu.tensor(x),
        gpu.tensor(y),
        gpu.tensor(a),
        gpu.tensor(b),
      );
      // dV = ⟨P, dC⟩ + ⟨f, da⟩ + ⟨g, db⟩; the last two are determined up to constants.
      const wantX = x.map((p) => p.map(() => 0)), wantY = y.map((q) => q.map(() => 0));
      x.forEach((p, i) =>
        y.forEach((q, j) => {
          const f = solution.f[i], g = solution.g[j];
          if (f === null || g === null) return;
          const cost = p.reduce((s, v, k) => s + (v - q[k]) ** 2, 0),
            mass = Math.exp((f + g - cost) / solution.epsilon);
          p.forEach((v, k) => {
            wantX[i][k] += 2 * mass * (v - q[k]);
            wantY[j][k] -= 2 * mass * (v - q[k]);
          });
        })
      );
      await near(gx, wantX.flat());
      await near(gy, wantY.flat());
      await near(ga, solution.f, problem.maxCost);
      await near(gb, solution.g, problem.maxCost);
    });
  }
});

async function near(found: Tensor, want: readonly (number | null)[], unit?: number): Promise<void> {
  const kept = want.flatMap((v, k) => v === null ? [] : [k]), data = await found.data();
  const ours = kept.map((k) => data[k]), theirs = kept.map((k) => want[k]!);
  const mean = (v: number[]) => unit === undefined ? 0 : v.reduce((s, t) => s + t, 0) / v.length;
  const scale = unit ?? Math.max(...theirs.map(Math.abs));
  assertClose(ours.map((v) => v - mean(ours)), theirs.map((v) => v - mean(theirs)), { atol: RELATIVE * scale });
}
