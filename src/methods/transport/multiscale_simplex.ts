import { listPricing } from "./arc_list.ts";
import type { PreparedCost } from "./cost.ts";
import {
  certify,
  certifyInTurns,
  type ExactCertificate,
  type ExactProblem,
  type Places,
  treePlan,
} from "./exact_certificate.ts";
import { finiteCost } from "./host_cost.ts";
import { firstBasis } from "./first_basis.ts";
import { LevelArcs } from "./level_arcs.ts";
import { densePricing, networkSimplex } from "./network_simplex.ts";
import { refinedBasis } from "./refined_basis.ts";
import type { SpanningTree } from "./spanning_tree.ts";
import { extendByAll } from "./streamed_simplex.ts";
import { type Potentials, refinePotentials, type TransportLevel } from "./transport_levels.ts";

/** Relative gap to which the levels above the finest are solved: their solution is a beginning only. */
export const COARSE_GAP = 1e-2;

/** One level of the work, as it was left. */
export interface LevelReport {
  /** Number of the level; the finest is 0. */
  readonly level: number;
  /** Cells of the rows. */
  readonly rows: number;
  /** Cells of the columns. */
  readonly columns: number;
  /** Arcs that were looked at. */
  readonly arcs: number;
  /** Pivots, or iterations of the first-order method. */
  readonly iterations: number;
  /** Cost of the level's plan. */
  readonly primal: number;
  /** Dual value of its potentials, with the device's precision. */
  readonly dual: number;
}

/** What the levels' solvers need. */
export interface MultiscaleSettings {
  readonly maxIterations: number;
  /** Relative gap to reach. */
  readonly tolerance: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { iteration: number; level: number }) => void;
}

/** What was found. */
export interface MultiscaleSolved {
  readonly certificate: ExactCertificate;
  readonly iterations: number;
  readonly history: LevelReport[];
}

/** Whether a certificate's gap is small enough. */
export function isWithin({ primal, gap, rounding }: ExactCertificate, tolerance: number): boolean {
  return gap <= Math.max(tolerance * Math.abs(primal), rounding);
}

/**
 * The problem level by level by the network simplex method: the coarsest with all its costs, each finer one from a plan that follows the coarser one,
 * on the arcs of small reduced cost, to which those that the device finds are added until the gap is small enough.
 */
export async function multiscaleSimplex(
  problem: ExactProblem,
  prepared: PreparedCost,
  { levels, unit }: { levels: readonly TransportLevel[]; unit: number },
  { maxIterations, tolerance, signal, onProgress }: MultiscaleSettings,
): Promise<MultiscaleSolved> {
  const { cost } = problem, history: LevelReport[] = [];
  let iterations = 0, tree: SpanningTree | undefined;
  const run = async (level: number, on: SpanningTree, price: ReturnType<typeof listPricing>) => {
    const before = iterations;
    const done = await networkSimplex(on, price, {
      maxIterations: maxIterations - iterations,
      signal,
      onProgress: ({ iteration }) => onProgress?.({ iteration: before + iteration, level }),
    });
    iterations += done.iterations;
    return done.optimal;
  };
  for (const level of levels.toReversed()) {
    const at = { level: level.level, rows: level.rows.length, columns: level.columns.length }, before = iterations;
    if (!tree) {
      const C = denseCosts(problem, level);
      tree = firstBasis(C, level.a, level.b);
      await run(level.level, tree, densePricing(tree, C));
      const { primal, dual } = valuesOf(tree, level, unit);
      history.push({ ...at, arcs: C.length, iterations, primal, dual });
      if (level.level > 0) continue;
      const certificate = certify(tree, unit, { ...problem, ...placesOf(level) });
      return { certificate, iterations, history };
    }
    const coarser = levels[level.level + 1];
    const known = await refinePotentials(prepared, cost, level, coarser, potentialsOf(tree));
    signal?.throwIfAborted();
    using arcs = new LevelArcs(level, cost, prepared);
    const parents = { sourceParents: level.rowParents, targetParents: level.columnParents };
    tree = refinedBasis({ coarse: tree, ...parents }, (i, j) => arcs.costAt(i, j), level.a, level.b);
    eachArc(tree, (i, j) => arcs.add(i, j));
    let found = await arcs.look(known, { improving: false });
    const price = listPricing(tree, arcs.list), goal = level.level > 0 ? Math.max(COARSE_GAP, tolerance) : tolerance;
    let certificate: ExactCertificate | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const within = await run(level.level, tree, price), { primal } = valuesOf(tree, level, unit);
      found = await arcs.look(potentialsOf(tree), { improving: true });
      const enough = primal - found.dual * unit <= goal * Math.abs(primal);
      if (within && found.added > 0 && !enough) continue;
      if (level.level > 0) break;
      certificate = await certifyInTurns(treePlan(tree, unit, level), { ...problem, ...placesOf(level) }, signal);
      if (!within || isWithin(certificate, tolerance)) break;
      if (await extendByAll({ cost, ...placesOf(level) }, tree, arcs.list, signal) + found.added === 0) break;
    }
    const { primal } = valuesOf(tree, level, unit);
    history.push({
      ...at,
      arcs: arcs.list.count,
      iterations: iterations - before,
      primal,
      dual: certificate?.dual ?? found.dual * unit,
    });
    if (certificate) return { certificate, iterations, history };
  }
  throw new Error("A transport problem has at least one level");
}

/** The points of a level. */
export function placesOf({ rows, columns }: Places): Places {
  return { rows, columns };
}

/** All costs of a level. */
export function denseCosts({ cost }: ExactProblem, { rows, columns }: TransportLevel): Float64Array {
  const C = new Float64Array(rows.length * columns.length);
  let k = 0;
  for (const i of rows) for (const j of columns) C[k++] = finiteCost(cost, i, j);
  return C;
}

/** Calls `visit` with each arc of a tree and its mass. */
export function eachArc(tree: SpanningTree, visit: (i: number, j: number, mass: number) => void): void {
  for (let v = 0; v < tree.n + tree.m; v++) {
    if (v === tree.root) continue;
    const other = tree.parent[v];
    if (v < tree.n) visit(v, other - tree.n, tree.flow[v]);
    else visit(other, v - tree.n, tree.flow[v]);
  }
}

/** The potentials of a tree. */
export function potentialsOf({ n, potential }: SpanningTree): Potentials {
  return { f: potential.slice(0, n), g: potential.slice(n) };
}

/** Cost of a tree's plan, and the value of its potentials. */
function valuesOf(
  { n, root, flow, cost, potential }: SpanningTree,
  { a, b }: TransportLevel,
  unit: number,
): { primal: number; dual: number } {
  let primal = 0, dual = 0;
  for (let v = 0; v < flow.length; v++) {
    if (v !== root) primal += flow[v] * cost[v];
    dual += potential[v] * (v < n ? a[v] : b[v - n]);
  }
  return { primal: primal * unit, dual: dual * unit };
}
