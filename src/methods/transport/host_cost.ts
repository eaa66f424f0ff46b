import { check, compilePairwise, leaves, parse, type Signature } from "../../formula/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { type PreparedCost, unitVectors } from "./cost.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** Costs that the host takes: 2 GiB in f64. */
const MOST = 2 ** 28;

/** Every cost on the host in f64, `[n, m]`. */
export interface HostCost {
  readonly C: Float64Array;
  readonly n: number;
  readonly m: number;
}

/** Refuses problems whose costs would not fit the host's memory. */
export function requireSize(n: number, m: number): void {
  if (n * m > MOST) {
    throw new RangeError(
      `Cannot solve for ${n} × ${m} costs exactly: expected at most ${MOST} in all; sinkhorn streams over larger problems`,
    );
  }
}

/** A stored cost matrix `[n, m]`. */
export async function hostMatrix(matrix: Tensor): Promise<HostCost> {
  const [n, m] = matrix.shape;
  requireSize(n, m);
  return requireCosts({ C: Float64Array.from(await matrix.data()), n, m });
}

/** The costs between points by the cost's formula, in f64 from the points as they are stored. */
export async function hostCosts(x: Tensor, y: Tensor, prepared: PreparedCost, onSphere: boolean): Promise<HostCost> {
  const n = x.shape[0], m = y.shape[0];
  requireSize(n, m);
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
  const cost = compilePairwise(expr, signature, inputs), C = new Float64Array(n * m);
  for (let i = 0, k = 0; i < n; i++) {
    for (let j = 0; j < m; j++, k++) C[k] = cost(i, j, 0);
  }
  return requireCosts({ C, n, m });
}

function requireCosts(costs: HostCost): HostCost {
  const { C, m } = costs;
  for (let k = 0; k < C.length; k++) {
    if (!Number.isFinite(C[k])) {
      throw new RangeError(`Expected finite costs, got ${C[k]} between ${Math.floor(k / m)} and ${k % m}`);
    }
  }
  return costs;
}
