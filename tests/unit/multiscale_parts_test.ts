import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { cellLevels, levelsDownTo } from "../../src/methods/transport/cell_levels.ts";
import { storedCost } from "../../src/methods/transport/host_cost.ts";
import { firstBasis } from "../../src/methods/transport/first_basis.ts";
import { densePricing, networkSimplex } from "../../src/methods/transport/network_simplex.ts";
import { unitVectors } from "../../src/methods/transport/cost.ts";
import { canPrune, prunedRows } from "../../src/methods/transport/pruned_rows.ts";
import { refinedBasis } from "../../src/methods/transport/refined_basis.ts";
import { roundPlan } from "../../src/methods/transport/round_plan.ts";
import { routeSurplus } from "../../src/methods/transport/route_surplus.ts";
import type { SpanningTree } from "../../src/methods/transport/spanning_tree.ts";
import { generator } from "../../src/testing/case_inputs.ts";

Deno.test("cells are parts of their parents, of near sizes, and stood for by points of theirs", () => {
  const random = generator(1), n = 203, d = 3;
  for (const duplicates of [false, true]) {
    const points = Float64Array.from({ length: n * d }, () => duplicates ? Math.floor(random() * 2) : random());
    const weights = Float64Array.from({ length: n }, (_, k) => k % 4 ? random() + 0.1 : 0);
    const members = Uint32Array.from([...weights.keys()].filter((k) => weights[k] > 0));
    const depth = levelsDownTo(5, members.length), levels = cellLevels(points, d, weights, members, depth);
    assertEquals(levels.length, depth);
    assertEquals([...levels[0].points].sort((p, q) => p - q), [...members]);
    let inside = Array.from(levels[0].points, (_, k) => [k]);
    for (let l = 1; l < depth; l++) {
      const cells: number[][] = Array.from(levels[l].points, () => []);
      levels[l - 1].parents.forEach((cell, k) => cells[cell].push(...inside[k]));
      inside = cells;
      const sizes = cells.map((cell) => cell.length);
      assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `sizes ${sizes}`);
      cells.forEach((cell, c) => assert(cell.some((k) => levels[0].points[k] === levels[l].points[c])));
    }
    assert(levels[depth - 1].points.length <= 5 && levels[depth - 2].points.length > 5);
    assert(levels[depth - 1].parents.every((cell) => cell >= 0));
  }
  assertEquals([levelsDownTo(5, 1), levelsDownTo(5, 5), levelsDownTo(5, 6), levelsDownTo(1, 1000)], [1, 1, 2, 6]);
});

/** Sums of the tree's masses at each node, and whether it is strongly feasible. */
function requireBasis(tree: SpanningTree, a: ArrayLike<number>, b: ArrayLike<number>): void {
  const sums = new Float64Array(tree.n + tree.m);
  for (let v = 0; v < tree.n + tree.m; v++) {
    if (v === tree.root) continue;
    assert(tree.flow[v] > 0 || (tree.flow[v] === 0 && v < tree.n), `the arc of ${v} with mass ${tree.flow[v]}`);
    assert(v < tree.n !== tree.parent[v] < tree.n);
    assertEquals(tree.depth[v], tree.depth[tree.parent[v]] + 1);
    sums[v] += tree.flow[v];
    sums[tree.parent[v]] += tree.flow[v];
  }
  assertEquals([...sums], [...Array.from(a), ...Array.from(b)]);
}

Deno.test("a refined plan is a basis that keeps what the coarser one sends between cells", async () => {
  const random = generator(2);
  for (let round = 0; round < 40; round++) {
    const cells = [1 + Math.floor(random() * 6), 1 + Math.floor(random() * 6)];
    // Whole weights with many ties, of one sum: each unit is put on some point of either side.
    const sides = cells.map((count) => {
      const parents = Int32Array.from({ length: count * (1 + Math.floor(random() * 4)) }, (_, k) => k % count);
      return { parents, weights: new Float64Array(parents.length).fill(1) };
    });
    const units = Math.max(...sides.map((s) => s.parents.length)) + Math.floor(random() * 5);
    for (const { weights } of sides) {
      for (let k = weights.length; k < units; k++) weights[Math.floor(random() * weights.length)]++;
    }
    const coarse = sides.map(({ parents, weights }, s) => {
      const sums = new Float64Array(cells[s]);
      parents.forEach((cell, k) => sums[cell] += weights[k]);
      return sums;
    });
    const C = Float64Array.from({ length: cells[0] * cells[1] }, () => Math.floor(random() * 5));
    const tree = firstBasis(C, coarse[0], coarse[1]);
    await networkSimplex(tree, densePricing(tree, C), { maxIterations: 1e6 });
    const refinement = { coarse: tree, sourceParents: sides[0].parents, targetParents: sides[1].parents };
    const fine = refinedBasis(refinement, (i, j) => ((i * 7 + j * 13) % 11) / 11, sides[0].weights, sides[1].weights);
    requireBasis(fine, sides[0].weights, sides[1].weights);
    const sent = (t: SpanningTree, row: (i: number) => number, column: (j: number) => number) => {
      const flow = new Float64Array(cells[0] * cells[1]);
      for (let v = 0; v < t.n + t.m; v++) {
        if (v === t.root) continue;
        const up = t.parent[v], [i, j] = v < t.n ? [v, up - t.n] : [up, v - t.n];
        flow[row(i) * cells[1] + column(j)] += t.flow[v];
      }
      return [...flow];
    };
    assertEquals(
      sent(fine, (i) => sides[0].parents[i], (j) => sides[1].parents[j]),
      sent(tree, (i) => i, (j) => j),
      `round ${round}`,
    );
  }
});

/** A plan near a product of weights, on random arcs. */
function roughPlan(seed: number) {
  const random = generator(seed), n = 40, m = 30;
  const a = Float64Array.from({ length: n }, () => random() + 0.1),
    b = Float64Array.from({ length: m }, () => random());
  const scale = a.reduce((s, w) => s + w) / b.reduce((s, w) => s + w);
  for (let j = 0; j < m; j++) b[j] *= scale;
  const pairs = Array.from({ length: n * m }, (_, k) => k).filter(() => random() < 0.3);
  const sources = Uint32Array.from(pairs, (k) => Math.floor(k / m)), targets = Uint32Array.from(pairs, (k) => k % m);
  const mass = Float64Array.from(pairs, () => random() < 0.2 ? 0 : random() * 0.2);
  const points = {
    x: Float64Array.from({ length: 2 * n }, random),
    y: Float64Array.from({ length: 2 * m }, random),
    d: 2,
  };
  return { random, n, m, a, b, sources, targets, mass, points, order: Uint32Array.from(pairs, (_, e) => e) };
}

Deno.test("surplus flows off along trees, and no mass becomes negative", () => {
  for (let seed = 3; seed < 8; seed++) {
    const { random, points, a, b, ...rough } = roughPlan(seed);
    const entries = roundPlan(rough, a, b, points, rough.order), order = Uint32Array.from(entries, (_, e) => e);
    const sources = entries.map(({ i }) => i), targets = entries.map(({ j }) => j);
    const mass = Float64Array.from(entries, (e) => e.mass * (0.95 + 0.1 * random()));
    const error = () => {
      const rest = [...a, ...b.map((w) => -w)];
      mass.forEach((v, e) => {
        rest[sources[e]] -= v;
        rest[a.length + targets[e]] += v;
      });
      return rest.reduce((s, v) => s + Math.abs(v), 0);
    };
    const before = error();
    routeSurplus({ sources, targets, mass }, a, b, order);
    assert(error() < 1e-3 * before, `${error()} of ${before}`);
    assert(mass.every((v) => v >= 0));
  }
});

Deno.test("a rounded plan has the weights as marginals, whatever it was", () => {
  for (let seed = 10; seed < 15; seed++) {
    const { a, b, sources, targets, mass, points, order, n, m } = roughPlan(seed);
    for (const given of [mass, mass.map(() => 0), mass.map((v) => 100 * v)]) {
      const left = a.slice(), right = b.slice(), seen = new Set<number>();
      for (const { i, j, mass: v } of roundPlan({ sources, targets, mass: given }, a, b, points, order)) {
        assert(v > 0 && i < n && j < m && !seen.has(i * m + j));
        seen.add(i * m + j);
        left[i] -= v;
        right[j] -= v;
      }
      for (const rest of [...left, ...right]) assertAlmostEquals(rest, 0, 1e-13);
    }
  }
  // What is right already stays as it is, and what is missing goes to the nearest.
  const points = { x: Float64Array.of(0, 1), y: Float64Array.of(0.1, 0.9), d: 1 };
  const none = { sources: new Uint32Array(0), targets: new Uint32Array(0), mass: new Float64Array(0) };
  const entries = roundPlan(none, Float64Array.of(1, 2), Float64Array.of(2, 1), points, new Uint32Array(0));
  assertEquals(entries.toSorted((p, q) => p.i - q.i || p.j - q.j), [
    { i: 0, j: 0, mass: 1 },
    { i: 1, j: 0, mass: 1 },
    { i: 1, j: 1, mass: 1 },
  ]);
});

Deno.test("pruned rows are looked at as if at all their costs", () => {
  const random = generator(20),
    costs = {
      sqeuclidean: (p: number[], q: number[]) => p.reduce((s, v, k) => s + (v - q[k]) ** 2, 0),
      euclidean: (p: number[], q: number[]) => Math.hypot(...p.map((v, k) => v - q[k])),
      greatcircle: (p: number[], q: number[]) =>
        2 * 6371 * Math.atan2(Math.hypot(...p.map((v, k) => v - q[k])), Math.hypot(...p.map((v, k) => v + q[k]))),
    };
  for (const name of ["sqeuclidean", "euclidean", "greatcircle"] as const) {
    for (
      const [n, m, size, kind] of [[50, 300, 1, "plain"], [30, 7, 1, "plain"], [40, 90, 4, "ties"], [
        60,
        1,
        1,
        "plain",
      ]] as const
    ) {
      for (const d of name === "greatcircle" ? [3] : [1, 2, 4]) {
        const cloud = (count: number) => {
          if (name === "greatcircle") {
            return unitVectors(
              "x",
              Float64Array.from({ length: 2 * count }, (_, k) => (random() - 0.5) * (k % 2 ? 180 : 360)),
            );
          }
          return Float64Array.from(
            { length: count * d },
            () => kind === "ties" ? Math.floor(size * random()) : random(),
          );
        };
        const x = cloud(n), y = cloud(m), of = (v: Float64Array, k: number) => [...v.subarray(k * d, (k + 1) * d)];
        const C = Float64Array.from({ length: n * m }, (_, e) => costs[name](of(x, Math.floor(e / m)), of(y, e % m)));
        let looks = 0;
        const stored = storedCost(C, n, m),
          counted = { ...stored, at: (i: number, j: number) => (looks++, stored.at(i, j)) };
        for (const spread of [0, 0.01, 10]) {
          const g = Float64Array.from(
            { length: m },
            () => spread * (random() - 0.5) * (name === "greatcircle" ? 1000 : 1),
          );
          const look = prunedRows(name, counted, { x, y, d }, g),
            what = `${name}, ${n} × ${m}, d = ${d}, spread ${spread}`;
          looks = 0;
          for (let i = 0; i < n; i++) {
            const values = Array.from(g, (v, j) => C[i * m + j] - v), least = Math.min(...values);
            const violation = Math.max(0, ...Array.from(g, (v, j) => least + v - C[i * m + j]));
            assertEquals(look(i), { least, violation }, what);
          }
          if (m === 300 && spread === 0 && d < 4) assert(looks < n * m / 2, `${what}: ${looks} looks`);
        }
      }
    }
  }
  assert(canPrune("euclidean", 2) && !canPrune("euclidean", 9) && !canPrune("dist(x[i], y[j])", 2));
  assert(!canPrune({ formula: "dist(x[i], y[j])", inputs: {} }, 2) && !canPrune("toString", 2));
});
