import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { load, type Nested, type SinkhornCase } from "./fixtures.ts";

const TRANSPORT = [
  "sinkhorn_sqeuclidean",
  "sinkhorn_euclidean",
  "sinkhorn_great_circle",
  "sinkhorn_matrix",
  "sinkhorn_degenerate",
] as const;

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function greatCircle([lon1, lat1]: number[], [lon2, lat2]: number[]): number {
  const [l1, p1, l2, p2] = [lon1, lat1, lon2, lat2].map((degrees) => degrees * Math.PI / 180);
  // The angle between unit vectors by their chord: another formula than the script's haversine.
  const chord = Math.hypot(
    Math.cos(p1) * Math.cos(l1) - Math.cos(p2) * Math.cos(l2),
    Math.cos(p1) * Math.sin(l1) - Math.cos(p2) * Math.sin(l2),
    Math.sin(p1) - Math.sin(p2),
  );
  return 6371 * 2 * Math.asin(Math.min(1, chord / 2));
}

function costMatrix({ metric, x, y, costMatrix }: SinkhornCase): number[][] {
  if (costMatrix) return costMatrix;
  const distance = metric === "greatCircle" ? greatCircle : (p: number[], q: number[]) => {
    const euclidean = Math.hypot(...p.map((value, k) => value - q[k]));
    return metric === "sqeuclidean" ? euclidean ** 2 : euclidean;
  };
  return x!.map((p) => y!.map((q) => distance(p, q)));
}

function flatten(x: Nested): number[] {
  return Array.isArray(x) ? x.flatMap(flatten) : [x];
}

function shapeOf(x: Nested): number[] {
  return Array.isArray(x) ? [x.length, ...shapeOf(x[0])] : [];
}

function assertClose(actual: Nested, expected: Nested, name: string): void {
  const [left, right] = [flatten(actual), flatten(expected)];
  assertEquals(left.length, right.length, name);
  left.forEach((value, i) => assertAlmostEquals(value, right[i], 1e-12 * Math.max(1, Math.abs(right[i])), name));
}

/** The lanes along `axis` of a nested array, in row-major order of the other axes; all entries if `axis` is null. */
function lanes(x: Nested, axis: number | null): number[][] {
  const [flat, shape] = [flatten(x), shapeOf(x)];
  if (axis === null) return [flat];
  const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const starts = flat.keys().filter((i) => Math.floor(i / stride) % shape[axis] === 0);
  return [...starts].map((start) => Array.from({ length: shape[axis] }, (_, k) => flat[start + k * stride]));
}

for (const file of TRANSPORT) {
  Deno.test(`the plans of ${file} have the marginals, cost, entropy and dual value that are stored with them`, () => {
    for (const problem of load(file).cases) {
      const cost = costMatrix(problem);
      const { a, b, name } = problem;
      assertAlmostEquals(sum(a), 1, 1e-14);
      assertAlmostEquals(sum(b), 1, 1e-14);
      assertAlmostEquals(Math.max(...cost.flat()), problem.maxCost, 1e-9 * problem.maxCost, name);
      const scale = Math.max(...cost.flat().map(Math.abs));
      for (const { epsilon, f, g, ...stored } of problem.solutions) {
        assertEquals(epsilon, Math.fround(epsilon), name);
        const plan = cost.map((row, i) =>
          row.map((c, j) => f[i] === null || g[j] === null ? 0 : Math.exp((f[i] + g[j] - c) / epsilon))
        );
        a.forEach((weight, i) => assertAlmostEquals(sum(plan[i]), weight, 1e-10, `${name}: row ${i}`));
        b.forEach((weight, j) =>
          assertAlmostEquals(sum(plan.map((row) => row[j])), weight, 1e-10, `${name}: column ${j}`)
        );
        assert(stored.marginalError.rows + stored.marginalError.columns <= 1e-10, name);
        const transport = sum(plan.flatMap((row, i) => row.map((p, j) => p * cost[i][j])));
        const entropy = -sum(plan.flat().map((p) => p > 0 ? p * (Math.log(p) - 1) : 0));
        assertAlmostEquals(transport, stored.cost, 1e-9 * scale, name);
        assertAlmostEquals(entropy, stored.entropy, 1e-8, name);
        assertAlmostEquals(transport - epsilon * entropy, stored.dual, 1e-9 * scale, `${name}: duality gap`);
        // The unregularised optimum bounds the entropic plan's cost from below, and by at most ε (H(P) − H(best plan)).
        assert(transport >= problem.emd - 1e-9 * scale, name);
        assert(transport <= problem.emd + epsilon * Math.log(a.length * b.length) + 1e-9 * scale, name);
      }
    }
  });
}

Deno.test("points without weight have no potential, and only they", () => {
  for (const problem of TRANSPORT.flatMap((file) => load(file).cases)) {
    for (const { f, g } of problem.solutions) {
      assertEquals(f.map((value) => value === null), problem.a.map((weight) => weight === 0), problem.name);
      assertEquals(g.map((value) => value === null), problem.b.map((weight) => weight === 0), problem.name);
    }
  }
});

Deno.test("the products of the matmul fixtures are what three loops give", () => {
  for (const { name, a, b, c } of load("matmul").cases) {
    const [n, k] = shapeOf(a).slice(-2);
    const m = shapeOf(b).at(-1)!;
    const [left, right] = [flatten(a), flatten(b)];
    const entries = flatten(c).map((_, index) => {
      const [batch, i, j] = [Math.floor(index / (n * m)), Math.floor(index / m) % n, index % m];
      return sum(Array.from({ length: k }, (_, p) => left[(batch * n + i) * k + p] * right[(batch * k + p) * m + j]));
    });
    assertEquals(shapeOf(c), [...shapeOf(a).slice(0, -1), m], name);
    assertClose(entries, c, name);
  }
});

function logsumexp(values: number[]): number {
  const top = values.some(Number.isNaN) ? NaN : Math.max(...values);
  return Number.isFinite(top) ? top + Math.log(sum(values.map((value) => Math.exp(value - top)))) : top;
}

Deno.test("the reductions of the reduce fixtures are what a loop over each lane gives", () => {
  for (const { name, x, axis, ...results } of load("reduce").cases) {
    const rows = lanes(x, axis);
    // The extreme that NumPy reports: NaN before any number, and the first of equals.
    const first = (best: (values: number[]) => number) => (row: number[]) =>
      row.some(Number.isNaN) ? row.findIndex(Number.isNaN) : row.indexOf(best(row));
    const argmax = first((row) => Math.max(...row)), argmin = first((row) => Math.min(...row));
    assertClose(rows.map(sum), results.sum, name);
    assertClose(rows.map((row) => sum(row) / row.length), results.mean, name);
    assertClose(rows.map(argmax), results.argmax, name);
    assertClose(rows.map(argmin), results.argmin, name);
    assertClose(rows.map((row) => row[argmax(row)]), results.max, name);
    assertClose(rows.map((row) => row[argmin(row)]), results.min, name);
    assertClose(rows.map((row) => Math.sqrt(sum(row.map((value) => value * value)))), results.norm, name);
    assertClose(rows.map(logsumexp), results.logsumexp, name);
  }
});

Deno.test("the softmax fixtures agree with exponentials of differences", () => {
  for (const { name, x, axis, ...results } of load("softmax").cases) {
    const rows = lanes(x, axis);
    const logs = rows.map((row) => row.map((value) => value - logsumexp(row)));
    assertClose(rows.map(logsumexp), results.logsumexp, name);
    assertClose(logs.map((row) => row.map(Math.exp)), results.softmax, name);
    assertClose(logs, results.logSoftmax, name);
  }
});

Deno.test("the index fixtures take and add rows as loops do", () => {
  const ops = new Set<string>();
  for (const { op, name, x, axis, indices, updates, result } of load("index").cases) {
    ops.add(op);
    const [flat, shape] = [flatten(x), shapeOf(x)];
    const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    if (op === "take") {
      const outer = flat.length / (shape[axis] * stride);
      const taken = Array.from(
        { length: outer },
        (_, o) =>
          indices.map((index) =>
            flat.slice((o * shape[axis] + index) * stride, (o * shape[axis] + index + 1) * stride)
          ),
      );
      assertEquals(taken.flat(2), flatten(result), name);
    } else {
      const added = flatten(updates!);
      indices.forEach((row, u) => {
        for (let k = 0; k < stride; k++) flat[row * stride + k] += added[u * stride + k];
      });
      assertClose(flat, result, name);
    }
  }
  assertEquals([...ops].sort(), ["scatterAdd", "take"]);
});

Deno.test("the Philox fixtures are what ten rounds over big integers give", () => {
  const { cases, published } = load("philox");
  const mask = 0xffffffffn;
  for (const { counter, key, output } of cases) {
    let [c0, c1, c2, c3] = counter.map(BigInt);
    let [k0, k1] = key.map(BigInt);
    for (let round = 0; round < 10; round++) {
      const [p, q] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
      [c0, c1, c2, c3] = [(q >> 32n) ^ c1 ^ k0, q & mask, (p >> 32n) ^ c3 ^ k1, p & mask];
      [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
    }
    assertEquals([c0, c1, c2, c3].map(Number), output);
  }
  assertEquals(published, 3);
  // The published answer to a counter and a key of zeros, typed in once more.
  assertEquals(cases[0].output, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});

Deno.test("infinities, NaN and negative zero survive the files", () => {
  const special = load("reduce").cases.find(({ name }) => name.includes("negative zero"))!;
  const values = flatten(special.x);
  for (const value of [NaN, Infinity, -Infinity, -0]) {
    assert(values.some((stored) => Object.is(stored, value)), `${value} is missing`);
  }
});

Deno.test("every fixture file is small", () => {
  let total = 0;
  for (const entry of Deno.readDirSync(new URL("./fixtures", import.meta.url))) {
    const { size } = Deno.statSync(new URL(`./fixtures/${entry.name}`, import.meta.url));
    assert(size < 60_000, `${entry.name} has ${size} bytes`);
    total += size;
  }
  assert(total < 1_000_000, `the fixtures have ${total} bytes`);
});
