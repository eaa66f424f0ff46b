import { assert, assertAlmostEquals } from "@std/assert";
import { heatKernel, sinkhorn, sinkhornGrid, sinkhornKernel } from "../../src/methods/transport/mod.ts";
import { sparse } from "../../src/operators/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { type HeatCase, load } from "./fixtures.ts";

/** Potentials agree up to the constant between them, to `bound`. */
async function assertPotentials(
  potentials: readonly { data(): Promise<ArrayLike<number>> }[],
  want: readonly (readonly (number | null)[])[],
  bound: number,
): Promise<void> {
  const [f, g] = await Promise.all(potentials.map((t) => t.data()));
  const pivot = want[0].findIndex((v) => v !== null), shift = f[pivot] - want[0][pivot]!;
  [f, g].forEach((found, side) =>
    want[side].forEach((v, k) => {
      if (v === null) assert(found[k] === -Infinity, `${found[k]} at ${k}, which has no weight`);
      else assertAlmostEquals(found[k] + (side === 0 ? -shift : shift), v, bound, `potential ${side} at ${k}`);
    })
  );
}

onEachDevice("sinkhornGrid agrees with POT on all cells", async (gpu) => {
  for (const { name, shape, spacing, metric, a, b, epsilon, f, g, cost, dual } of load("sinkhorn_grid").cases) {
    const [A, B] = [a, b].map((w) => gpu.tensor(w).reshape(shape));
    using result = await sinkhornGrid(A, B, {
      cost: metric,
      spacing,
      epsilon,
      epsilonScale: "absolute",
      tolerance: 1e-6,
    });
    assertAlmostEquals(result.cost, cost, 1e-4 * cost, `${name}: cost`);
    assertAlmostEquals(result.dual, dual, 1e-4 * Math.abs(dual), `${name}: dual`);
    await assertPotentials(result.potentials, [f, g], 2e-3 * epsilon + 1e-4 * cost);
  }
});

/** The Laplacian of a fixture's graph as triplets. */
function laplacianOf({ nodes, edges, weights }: HeatCase) {
  const rows: number[] = [], columns: number[] = [], values: number[] = [];
  edges.forEach(([i, j], k) => {
    for (const [r, c, sign] of [[i, i, 1], [j, j, 1], [i, j, -1], [j, i, -1]]) {
      rows.push(r);
      columns.push(c);
      values.push(sign * weights[k]);
    }
  });
  return { rows, columns, values, shape: [nodes, nodes] as const };
}

onEachDevice("heat kernels are SciPy's, entry by entry, and transport by them is POT's", async (gpu) => {
  for (const problem of load("heat_kernels").cases) {
    const { name, epsilon, steps, kernel, implicit, a, b, f, g, cost, dual } = problem;
    const laplacian = sparse(gpu.sparse(laplacianOf(problem)));
    for (const [want, options] of [[kernel, { epsilon }], [implicit, { time: epsilon / 4, steps }]] as const) {
      using K = await heatKernel(laplacian, options);
      const found = await K.toDense().array() as number[][];
      want.forEach((row, i) =>
        row.forEach((v, j) => assertAlmostEquals(found[i][j], v, 1e-4 * v, `${name}, ${steps} steps: ${i}, ${j}`))
      );
    }
    using K = await heatKernel(laplacian, { epsilon });
    using result = await sinkhornKernel(K, a, b, { epsilon, tolerance: 1e-6 });
    assertAlmostEquals(await result.transportCost(), cost, 1e-4 * cost, name);
    assertAlmostEquals(result.dual, dual, 1e-4 * Math.abs(dual), name);
    assertAlmostEquals(result.gap, 0, 1e-5 * cost);
    await assertPotentials(result.potentials, [f, g], 1e-3 * epsilon);
    const C = gpu.tensor(kernel.map((row) => row.map((v) => -epsilon * Math.log(v))));
    using stored = await sinkhorn(C, { a, b, epsilon, epsilonScale: "absolute", tolerance: 1e-6 });
    const [P, Q] = await Promise.all([result, stored].map(({ plan }) => plan.toDense().data()));
    const off = Array.from(P).reduce((s, p, k) => s + Math.abs(p - Q[k]), 0);
    assert(off < 1e-4, `${name}: the plans differ by ${off}`);
  }
});
