import { assert, assertEquals, assertRejects } from "@std/assert";
import { type LabeledPoints, type MixtureRun, projektor, sinkhorn } from "../../src/methods/transport/mod.ts";
import { groupDistances } from "../../src/methods/transport/labeled_mixture.ts";
import { projectOnSimplex } from "../../src/methods/transport/simplex.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** Two classes side by side, moved by `shift`; the labels of a share of them wrong. */
function labeled(
  gpu: Gpu,
  seed: number,
  n: number,
  shift: number,
  wrong: number,
  dtype: "f32" | "f64" = "f64",
): LabeledPoints {
  const random = generator(seed), labels: number[] = [], points: number[][] = [];
  for (let i = 0; i < n; i++) {
    const label = i % 2;
    points.push([2 * label + random() + shift, random()]);
    labels.push(random() < wrong ? 1 - label : label);
  }
  return { points: gpu.tensor(points, { dtype }), labels };
}

const OPTIONS = { epsilon: 0.05, tolerance: 1e-8 };
const MIXTURES = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0.2, 0.3, 0.5], [0.4, 0.2, 0.4]];

function scene(gpu: Gpu) {
  const sources = [labeled(gpu, 1, 24, 0, 0), labeled(gpu, 2, 20, 1.5, 0), labeled(gpu, 3, 28, 0, 0.5)];
  return { sources, validation: labeled(gpu, 4, 22, 0, 0) };
}

const free = ({ sources, validation }: ReturnType<typeof scene>) =>
  [...sources, validation].forEach(({ points }) => points.dispose());

/** Runs of a learner whose performance is a law in the distance and log N. */
async function runsOf(
  data: ReturnType<typeof scene>,
  law: (distance: number, size: number) => number,
): Promise<MixtureRun[]> {
  // Distances do not depend on the performances.
  const none = [100, 300].flatMap((size) => MIXTURES.map((mixture, k) => ({ mixture, size, performance: k })));
  using model = await projektor(data.sources, data.validation, none, OPTIONS);
  const runs: MixtureRun[] = [];
  for (const size of [100, 300]) {
    for (const mixture of MIXTURES) runs.push({ mixture, size, performance: law(await model.distance(mixture), size) });
  }
  return runs;
}

Deno.test("a law that is quadratic in the distance and linear in log N is found exactly, beyond the two sizes too", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const data = scene(gpu);
  const law = (d: number, size: number) => 0.6 - 0.2 * d + 0.03 * d * d + (0.05 - 0.01 * d) * Math.log(size);
  const runs = await runsOf(data, law);
  using model = await projektor(data.sources, data.validation, runs, { ...OPTIONS, degree: 2 });
  assert(model.fits.every((fit) => fit.residual < 1e-10 && fit.runs === MIXTURES.length));
  for (const mixture of [[0.1, 0.1, 0.8], [0.3, 0.7, 0]]) {
    const d = await model.distance(mixture);
    for (const size of [50, 100, 200, 300, 1e5]) {
      assert(Math.abs(await model.predict(mixture, size) - law(d, size)) < 1e-8);
    }
  }
});

Deno.test("the distance is the transport with the label-aware cost, worked out as a matrix", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const { sources, validation } = scene(gpu), mixture = [0.5, 0.2, 0.3], labelWeight = 0.7;
  const runs = await runsOf({ sources, validation }, (d, size) => -d + size);
  using model = await projektor(sources, validation, runs, { ...OPTIONS, labelWeight });
  const y = await validation.points.array() as number[][], rows: number[][] = [], a: number[] = [];
  const pick = (p: number[][], labels: ArrayLike<number>, c: number) =>
    gpu.tensor(p.filter((_, i) => labels[i] === c), { dtype: "f64" });
  for (const [k, source] of sources.entries()) {
    const x = await source.points.array() as number[][], between: number[][] = [];
    for (const c of [0, 1]) {
      between[c] = [];
      for (const v of [0, 1]) {
        const [own, other] = [pick(x, source.labels, c), pick(y, validation.labels, v)];
        between[c][v] = (await sinkhorn(own, other, { ...OPTIONS, cost: "euclidean" })).cost;
      }
    }
    x.forEach((p, i) => {
      a.push((mixture[k] + 1e-6) / (1 + 3e-6) / x.length);
      rows.push(
        y.map((q, j) =>
          Math.hypot(p[0] - q[0], p[1] - q[1]) + labelWeight * between[source.labels[i]][validation.labels[j]]
        ),
      );
    });
  }
  const { plan, epsilon } = await sinkhorn(gpu.tensor(rows, { dtype: "f64" }), { ...OPTIONS, a });
  const P = Array.from(await plan.toDense().data()), m = y.length;
  const expected = P.reduce((s: number, w: number, t: number) => {
    const [i, j] = [Math.floor(t / m), t % m];
    return s + w * rows[i][j] + epsilon * w * Math.log(w * m / a[i]);
  }, 0);
  const found = await model.distance(mixture);
  assert(Math.abs(found - expected) < 1e-6 * expected, `${found}, expected ${expected}`);
});

Deno.test("distances of groups are those of their transports, in batches of any size and one by one", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const random = generator(9), cloud = (n: number) => Array.from({ length: n }, () => [random(), 3 * random()]);
  const x = gpu.tensor(cloud(12), { dtype: "f64" }), y = gpu.tensor(cloud(9), { dtype: "f64" });
  const ofX = new Map([[7, [0, 3, 4, 5, 6, 11]], [2, [1]], [5, [2, 7, 8, 9, 10]]]);
  const ofY = new Map([[1, [8, 0]], [0, [1, 2, 3, 4, 5, 6, 7]]]), each: number[] = [];
  for (const from of ofX.values()) {
    for (const to of ofY.values()) {
      each.push((await sinkhorn(x.take(from), y.take(to), { ...OPTIONS, cost: "euclidean" })).cost);
    }
  }
  // All pairs at once, four at a time, and one by one.
  for (const batch of [undefined, 4 * 6 * 7, 1]) {
    const found = await groupDistances(x, ofX, y, ofY, OPTIONS, batch);
    assertEquals(found.map((row) => row.length), [2, 2, 2]);
    found.flat().forEach((w, k) => assert(Math.abs(w - each[k]) < 1e-6 * each[k], `${w}, expected ${each[k]}`));
  }
});

Deno.test("the best mixture is mostly the source that is like the validation data, and no worse than any on a grid", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const data = scene(gpu), runs = await runsOf(data, (d, size) => 0.5 - 0.1 * d + 0.02 * Math.log(size));
  using model = await projektor(data.sources, data.validation, runs, OPTIONS);
  const best = await model.optimize(1000);
  // The shifted source is of no use; that with wrong labels, which has the same points, of some.
  assert(best.converged && best.mixture[0] > 0.5 && best.mixture[1] < 0.02, `${best.mixture}`);
  assert(Math.abs(best.mixture.reduce((s, p) => s + p, 0) - 1) < 1e-12);
  best.history.forEach(({ performance }, k) => assert(k === 0 || performance > best.history[k - 1].performance));
  for (let i = 0; i <= 4; i++) {
    for (let j = 0; i + j <= 4; j++) {
      // The distance is convex in the mixture, so that the climb ends at the best of all.
      assert(await model.predict([i / 4, j / 4, 1 - (i + j) / 4], 1000) <= best.performance + 1e-4);
    }
  }
});

Deno.test("the projection on the simplex is the nearest point", () => {
  const random = generator(1);
  for (const n of [1, 2, 5]) {
    for (let trial = 0; trial < 50; trial++) {
      const x = Array.from({ length: n }, () => 4 * random() - 2), p = projectOnSimplex(x);
      assert(p.every((v) => v >= 0) && Math.abs(p.reduce((s, v) => s + v, 0) - 1) < 1e-12);
      // ⟨x − p, q − p⟩ ≤ 0 for all vertices q, which says that p is nearest.
      for (let k = 0; k < n; k++) {
        const product = x.reduce((s, v, i) => s + (v - p[i]) * ((i === k ? 1 : 0) - p[i]), 0);
        assert(product < 1e-12);
      }
    }
  }
});

onEachDevice("projektor frees what it made, as it does when it refuses", async (gpu) => {
  const sources = [labeled(gpu, 1, 8, 0, 0, "f32"), labeled(gpu, 2, 8, 1, 0, "f32")];
  const validation = labeled(gpu, 3, 8, 0, 0, "f32");
  const runs = [1, 2].flatMap((size) => [0, 0.5, 1].map((p) => ({ mixture: [p, 1 - p], size, performance: p })));
  const options = { epsilon: 0.1 }, before = gpu.memory().live;
  const model = await projektor(sources, validation, runs, options);
  assert(Number.isFinite(await model.predict([0.5, 0.5], 4)));
  await model.optimize(4, { steps: 2 });
  await assertRejects(() => model.predict([0.5, 0.6], 4), RangeError, "of sum 1");
  await assertRejects(() => model.predict([1, 0], 0), RangeError, '"size"');
  model.dispose();
  const refused = (r: readonly MixtureRun[], more: object = {}) => () =>
    projektor(sources, validation, r, { ...options, ...more });
  await assertRejects(refused(runs.slice(0, 3)), RangeError, "two positive sizes, got 1");
  await assertRejects(refused([]), RangeError, "got none");
  await assertRejects(refused([...runs.slice(0, 3), runs[3]]), RangeError, "at least 2 mixtures of different distance");
  await assertRejects(refused([{ ...runs[0], performance: NaN }, ...runs]), RangeError, "finite performance");
  await assertRejects(refused(runs, { labelWeight: -1 }), RangeError, '"labelWeight"');
  await assertRejects(refused(runs, { degree: 3 }), RangeError, '"degree"');
  const short = { points: validation.points, labels: [1, 2] };
  await assertRejects(
    () => projektor(sources, short, runs, options),
    TypeError,
    "each of the 8 points of validation, got 2",
  );
  await assertRejects(
    () => projektor([], validation, [{ mixture: [1], size: 1, performance: 1 }], options),
    RangeError,
  );
  assertEquals(gpu.memory().live, before);
  free({ sources, validation });
});
