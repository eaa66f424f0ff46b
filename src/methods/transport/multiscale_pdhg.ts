import type { Tensor } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";
import { certify, certifyInTurns, type Claim, type ExactProblem } from "./exact_certificate.ts";
import { firstBasis } from "./first_basis.ts";
import { LevelArcs } from "./level_arcs.ts";
import {
  COARSE_GAP,
  denseCosts,
  eachArc,
  type LevelReport,
  type MultiscaleSettings,
  type MultiscaleSolved,
  potentialsOf,
} from "./multiscale_simplex.ts";
import { densePricing, networkSimplex } from "./network_simplex.ts";
import { restrictedPdhg, type RestrictedProblem } from "./restricted_pdhg.ts";
import { roundPlan } from "./round_plan.ts";
import { type Coordinates, type Potentials, refinePotentials, type TransportLevel } from "./transport_levels.ts";

/** Iterations on one list of arcs before all pairs are looked at again. */
const ROUND = 2048;
/** Rounds without a smaller gap after which nothing more is to be had from the device's precision. */
const PATIENCE = 3;
/** Part of the gap that a round must leave behind to count. */
const PROGRESS = 0.8;

/** A plan by arcs of a level. */
interface Plan {
  readonly sources: Uint32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
  readonly mass: Float64Array<ArrayBuffer>;
}

/**
 * The problem level by level by a first-order method on the device: the coarsest exactly on the host, each finer one on the arcs within those
 * that carry mass on the coarser one and those of small reduced cost, to which the device adds those that it finds. At the finest level the
 * plan's marginals are put right in f64, and plan and potentials are measured against all pairs.
 */
export async function multiscalePdhg(
  problem: ExactProblem,
  prepared: PreparedCost,
  { levels, unit }: { levels: readonly TransportLevel[]; unit: number },
  { maxIterations, tolerance, signal, onProgress }: MultiscaleSettings,
  { x, coordinates }: { x: Tensor; coordinates: Coordinates },
): Promise<MultiscaleSolved> {
  const { cost } = problem, history: LevelReport[] = [], dtype = x.dtype === "f64" ? "f64" : "f32";
  const coarsest = levels[levels.length - 1], C = denseCosts(problem, coarsest);
  const tree = firstBasis(C, coarsest.a, coarsest.b);
  const first = await networkSimplex(tree, densePricing(tree, C), { maxIterations: Infinity, signal });
  const found: [number, number, number][] = [];
  eachArc(tree, (i, j, mass) => mass > 0 && found.push([i, j, mass * unit]));
  const primal = found.reduce((s, [i, j, v]) => s + v * C[i * coarsest.columns.length + j], 0);
  history.push({ ...sizeOf(coarsest), arcs: C.length, iterations: first.iterations, primal, dual: primal });
  let potentials = potentialsOf(tree), iterations = 0;
  let plan: Plan = {
    sources: Uint32Array.from(found, ([i]) => i),
    targets: Uint32Array.from(found, ([, j]) => j),
    mass: Float64Array.from(found, ([, , v]) => v),
  };
  for (const level of levels.slice(0, -1).toReversed()) {
    const { a, b } = scaled(level, unit), finest = level.level === 0, before = iterations;
    const goal = finest ? tolerance : Math.max(tolerance, COARSE_GAP);
    potentials = await refinePotentials(prepared, cost, level, levels[level.level + 1], potentials);
    signal?.throwIfAborted();
    using arcs = new LevelArcs(level, cost, prepared);
    plan = within(plan, level, levels[level.level + 1]);
    plan.sources.forEach((i, e) => arcs.add(i, plan.targets[e]));
    await arcs.look(potentials, { improving: false });
    let best: { gap: number; primal: number; dual: number; claim: Claim } | undefined;
    for (let part = 0.5, idle = 0;; part *= 0.5) {
      const restricted = restrictedProblem(arcs, plan, potentials, a, b), from = iterations;
      const known = dot(a, potentials.f) + dot(b, potentials.g);
      const done = await restrictedPdhg(x.device, restricted, {
        maxIterations: Math.min(ROUND, maxIterations - iterations),
        tolerance: goal * part,
        scale: Math.abs(known),
        dtype,
        signal,
        onProgress: ({ iteration }) => onProgress?.({ iteration: from + iteration, level: level.level }),
      });
      iterations += done.iterations;
      plan = { ...restricted, mass: done.mass };
      potentials = { f: potentials.f.map((v, i) => v + done.f[i]), g: potentials.g.map((v, j) => v + done.g[j]) };
      const found = await arcs.look(potentials, { improving: true }), dual = found.dual * unit;
      signal?.throwIfAborted();
      const entries = roundPlan(plan, a, b, locationsOf(level, coordinates), leastFirst(restricted.costs, plan, done));
      const primal = entries.reduce((s, { i, j, mass }) => s + mass * arcs.costAt(i, j), 0), gap = primal - dual;
      idle = best && gap > best.gap * PROGRESS ? idle + 1 : 0;
      if (!best || gap < best.gap) best = { gap, primal, dual, claim: { entries, ...potentials } };
      if (gap <= goal * Math.abs(primal) || iterations >= maxIterations || idle >= PATIENCE) break;
      if (!finest && found.added === 0) break;
    }
    const { primal, claim } = best;
    const report = { ...sizeOf(level), arcs: arcs.list.count, iterations: iterations - before, primal };
    if (finest) {
      const { rows, columns } = level;
      const entries = claim.entries.map(({ i, j, mass }) => ({ i: rows[i], j: columns[j], mass }));
      const certificate = await certifyInTurns({ ...claim, entries }, { ...problem, rows, columns }, signal);
      return { certificate, iterations, history: [...history, { ...report, dual: certificate.dual }] };
    }
    history.push({ ...report, dual: best.dual });
  }
  return {
    certificate: certify(tree, unit, { ...problem, rows: coarsest.rows, columns: coarsest.columns }),
    iterations,
    history,
  };
}

/** Weights of a level's cells. */
function scaled({ a, b }: TransportLevel, unit: number): { a: Float64Array; b: Float64Array } {
  return { a: a.map((w) => w * unit), b: b.map((w) => w * unit) };
}

function sizeOf({ level, rows, columns }: TransportLevel): Pick<LevelReport, "level" | "rows" | "columns"> {
  return { level, rows: rows.length, columns: columns.length };
}

/** Where the points are that stand for a level's cells. */
function locationsOf({ rows, columns }: TransportLevel, { x, y, d }: Coordinates): Coordinates {
  const taken = (all: ArrayLike<number>, points: Uint32Array) =>
    Float64Array.from({ length: points.length * d }, (_, k) => all[points[Math.floor(k / d)] * d + k % d]);
  return { x: taken(x, rows), y: taken(y, columns), d };
}

/** The mass of each coarser arc, divided among all pairs within in proportion to their weights. */
function within(plan: Plan, fine: TransportLevel, coarse: TransportLevel): Plan {
  const children = (parents: Int32Array, cells: number) => {
    const lists: number[][] = Array.from({ length: cells }, () => []);
    parents.forEach((cell, k) => lists[cell].push(k));
    return lists;
  };
  const rows = children(fine.rowParents, coarse.rows.length);
  const columns = children(fine.columnParents, coarse.columns.length);
  const sources: number[] = [], targets: number[] = [], mass: number[] = [];
  plan.mass.forEach((v, e) => {
    if (!(v > 0)) return;
    const p = plan.sources[e], q = plan.targets[e];
    for (const i of rows[p]) {
      for (const j of columns[q]) {
        sources.push(i);
        targets.push(j);
        mass.push(v * (fine.a[i] / coarse.a[p]) * (fine.b[j] / coarse.b[q]));
      }
    }
  });
  return { sources: Uint32Array.from(sources), targets: Uint32Array.from(targets), mass: Float64Array.from(mass) };
}

/** The arcs sorted by source, with reduced costs and the masses of a plan that they carry. */
function restrictedProblem(
  { list }: LevelArcs,
  plan: Plan,
  { f, g }: Potentials,
  a: Float64Array,
  b: Float64Array,
): RestrictedProblem {
  const { sources, targets, costs } = list, m = b.length, known = new Map<number, number>();
  plan.mass.forEach((v, e) => v > 0 && known.set(plan.sources[e] * m + plan.targets[e], v));
  const order = Uint32Array.from({ length: list.count }, (_, e) => e).sort((p, q) =>
    sources[p] - sources[q] || targets[p] - targets[q]
  );
  return {
    sources: Uint32Array.from(order, (e) => sources[e]),
    targets: Uint32Array.from(order, (e) => targets[e]),
    costs: Float64Array.from(order, (e) => costs[e] - f[sources[e]] - g[targets[e]]),
    mass: Float64Array.from(order, (e) => known.get(sources[e] * m + targets[e]) ?? 0),
    a,
    b,
  };
}

/** Numbers of the arcs, those of least reduced cost by the corrected potentials first. */
function leastFirst(costs: Float64Array, { sources, targets }: Plan, { f, g }: Potentials): Uint32Array {
  const reduced = costs.map((c, e) => c - f[sources[e]] - g[targets[e]]);
  return new Uint32Array(costs.length).map((_, e) => e).sort((p, q) => reduced[p] - reduced[q]);
}

function dot(v: Float64Array, w: Float64Array): number {
  return v.reduce((s, x, k) => s + x * w[k], 0);
}
