import { assert, assertEquals } from "@std/assert";
import { generator } from "../../src/testing/case_inputs.ts";
import { onEachDevice } from "./devices.ts";

// Sizes at which rows j come in several blocks to an item of rows i, and the last rows i do not fill a tile: too many pairs for the
// error analysis of the op's own cases.
const n = 70, m = 3000, d = 150, u = 2 ** -24;
const random = generator(7);
const points = (count: number) => Float32Array.from({ length: count * d }, () => random() - 0.5);
const X = points(n), Y = points(m), weights = Float32Array.from({ length: m }, () => random());

const squares = Array.from({ length: n }, (_, i) =>
  Float64Array.from({ length: m }, (_, j) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += (X[i * d + k] - Y[j * d + k]) ** 2;
    return sum;
  }));

onEachDevice("reductions over several blocks of long rows", async (gpu) => {
  using x = gpu.tensor(X, { shape: [n, d] });
  using y = gpu.tensor(Y, { shape: [m, d] });
  using g = gpu.tensor(weights);
  const reduced = async (reduction: "sum" | "min" | "argmin" | "logsumexp", formula: string) => {
    using result = gpu.pairwise(reduction, formula, formula.includes("g[j]") ? { x, y, g } : { x, y });
    return await result.data();
  };
  const sums = await reduced("sum", "sqdist(x[i], y[j]) * g[j]"), least = await reduced("min", "sqdist(x[i], y[j])");
  const nearest = await reduced("argmin", "sqdist(x[i], y[j])");
  const logs = await reduced("logsumexp", "-sqdist(x[i], y[j]) * g[j]");
  squares.forEach((row, i) => {
    const total = row.reduce((sum, s, j) => sum + s * weights[j], 0);
    assert(Math.abs(sums[i] - total) <= (m + 2 * d) * u * total, `sum ${i}: ${sums[i]}, expected ${total}`);
    const best = row.reduce((a, b) => Math.min(a, b), Infinity), near = 2 * d * u * best;
    assert(Math.abs(least[i] - best) <= near, `min ${i}: ${least[i]}, expected ${best}`);
    assert(
      row[nearest[i]] <= best + 2 * near,
      `argmin ${i}: ${nearest[i]} is at ${row[nearest[i]]}, the nearest at ${best}`,
    );
    const scores = row.map((s, j) => -s * weights[j]), top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
    const log = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
    assert(Math.abs(logs[i] - log) <= (m + 4 * d * 40) * u, `logsumexp ${i}: ${logs[i]}, expected ${log}`);
  });
});

onEachDevice("softmax and sums of vectors over several blocks", async (gpu) => {
  using x = gpu.tensor(X.subarray(0, n * 2), { shape: [n, 2] });
  using y = gpu.tensor(Y.subarray(0, m * 2), { shape: [m, 2] });
  using v = gpu.tensor(Y.subarray(0, m * 5), { shape: [m, 5] });
  using mean = gpu.pairwise("softmax", "9 * dot(x[i], y[j])", { x, y, v }, { value: "v[j]" });
  using sum = gpu.pairwise("sum", "exp(9 * dot(x[i], y[j])) * v[j]", { x, y, v });
  assertEquals(mean.shape, [n, 5]);
  const [means, sums] = [await mean.data(), await sum.data()];
  for (let i = 0; i < n; i++) {
    const w = Float64Array.from(
      { length: m },
      (_, j) => Math.exp(9 * (X[2 * i] * Y[2 * j] + X[2 * i + 1] * Y[2 * j + 1])),
    );
    const total = w.reduce((a, b) => a + b, 0);
    for (let k = 0; k < 5; k++) {
      const terms = w.map((weight, j) => weight * Y[5 * j + k]), size = terms.reduce((a, b) => a + Math.abs(b), 0);
      const expected = terms.reduce((a, b) => a + b, 0), bound = (2 * m + 100) * u * size;
      assert(Math.abs(sums[5 * i + k] - expected) <= bound, `sum ${i}, ${k}: ${sums[5 * i + k]}, expected ${expected}`);
      assert(
        Math.abs(means[5 * i + k] - expected / total) <= 2 * bound / total,
        `mean ${i}, ${k}: ${means[5 * i + k]}, expected ${expected / total}`,
      );
    }
  }
});
