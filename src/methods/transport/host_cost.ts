import { check, compilePairwise, leaves, parse, type Signature } from "../../formula/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { type PreparedCost, unitVectors } from "./cost.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** Costs that the host stores: 2 GiB in f64. */
const MOST = 2 ** 28;

/** Costs on the host in f64, `[n, m]`: stored, or computed when they are asked for. */
export interface HostCost {
  readonly n: number;
  readonly m: number;
  /** All of them, where they are stored. */
  readonly C: Float64Array | undefined;
  readonly at: (i: number, j: number) => number;
  /** The costs of a row, valid until the next call. */
  readonly row: (i: number) => Float64Array;
}

/** Refuses problems whose costs would not fit the host's memory. */
export function requireSize(n: number, m: number): void {
  if (n * m > MOST) {
    throw new RangeError(
      `Cannot store ${n} × ${m} costs for exact transport: expected at most ${MOST} in all; for points use costs: "streamed"`,
    );
  }
}

/** A stored cost matrix `[n, m]`. */
export async function hostMatrix(matrix: Tensor): Promise<HostCost> {
  const [n, m] = matrix.shape;
  requireSize(n, m);
  const C = Float64Array.from(await matrix.data());
  for (let i = 0; i < n; i++) requireRow(C.subarray(i * m, (i + 1) * m), i);
  return storedCost(C, n, m);
}

/** The costs between points by the cost's formula, in f64 from the points as they are stored. */
export async function hostCosts(
  x: Tensor,
  y: Tensor,
  prepared: PreparedCost,
  { onSphere, streamed }: { onSphere: boolean; streamed: boolean },
): Promise<HostCost> {
  const n = x.shape[0], m = y.shape[0];
  if (!streamed) requireSize(n, m);
  await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
  const expr = parse(prepared.formula), used = leaves(expr);
  const signature: Record<string, Signature[string]> = Object.create(null);
  const inputs: Record<string, { data: ArrayLike<number>; width: number } | number> = Object.create(null);
  for (const name of new Set([...used.names, ...used.elements.map((e) => e.name)])) {
    const given = prepared.inputs[name];
    const tensor = onSphere && name === "x" ? x : onSphere && name === "y" ? y : given;
    if (!(tensor instanceof Tensor)) {
      if (given === undefined) continue;
      signature[name] = { kind: "plain" };
      inputs[name] = Number(given);
    } else if (tensor.rank === 0) {
      signature[name] = { kind: "plain" };
      inputs[name] = await tensor.item();
    } else {
      const own = Float64Array.from(await tensor.data());
      const data = onSphere ? unitVectors(name, own) : own, length = onSphere ? 3 : tensor.shape[1];
      signature[name] = { kind: "row", length };
      inputs[name] = { data, width: length ?? 1 };
    }
  }
  check(expr, signature, prepared.formula);
  const cost = compilePairwise(expr, signature, inputs), buffer = new Float64Array(streamed ? m : n * m);
  const fill = (i: number, row: Float64Array): Float64Array => {
    for (let j = 0; j < m; j++) row[j] = cost(i, j, 0);
    return requireRow(row, i);
  };
  if (streamed) return { n, m, C: undefined, at: (i, j) => cost(i, j, 0), row: (i) => fill(i, buffer) };
  for (let i = 0; i < n; i++) fill(i, buffer.subarray(i * m, (i + 1) * m));
  return storedCost(buffer, n, m);
}

/** Costs that are at hand. */
export function storedCost(C: Float64Array, n: number, m: number): HostCost {
  return { n, m, C, at: (i, j) => C[i * m + j], row: (i) => C.subarray(i * m, (i + 1) * m) };
}

/** A cost, which must be finite. */
export function finiteCost(cost: HostCost, i: number, j: number): number {
  const c = cost.at(i, j);
  if (!Number.isFinite(c)) throw new RangeError(`Expected finite costs, got ${c} between ${i} and ${j}`);
  return c;
}

function requireRow(row: Float64Array, i: number): Float64Array {
  for (let j = 0; j < row.length; j++) {
    if (!Number.isFinite(row[j])) throw new RangeError(`Expected finite costs, got ${row[j]} between ${i} and ${j}`);
  }
  return row;
}
