import { call, element, type Expr, leaves, parse, substitute } from "../../formula/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";

/** Stands for a potential that makes an arc never the cheapest. */
const NEVER = -3e38;

/** For each row, the columns of least C_ij − g_j in each of several parts of all columns; and the same of columns and rows. */
export interface NearestArcs {
  readonly byRow: readonly Int32Array[];
  readonly byColumn: readonly Int32Array[];
}

/**
 * Looks for arcs of small reduced cost on the device, streaming over all pairs: every `parts`-th column makes a part. In the device's precision:
 * who needs certainty looks again. Potentials of −∞ leave out their rows and columns.
 */
export async function nearestArcs(
  cost: PreparedCost,
  f: Float64Array,
  g: Float64Array,
  parts: number,
): Promise<NearestArcs> {
  return { byRow: await nearestColumns(cost, g, parts), byColumn: await nearestRows(cost, f, parts) };
}

/** For each row the columns of least C_ij − g_j, one in each part. */
export function nearestColumns(cost: PreparedCost, g: Float64Array, parts: number): Promise<Int32Array[]> {
  return nearest(parse(cost.formula), cost, g, parts);
}

/** For each column the rows of least C_ij − f_i, one in each part. */
export function nearestRows(cost: PreparedCost, f: Float64Array, parts: number): Promise<Int32Array[]> {
  const turned = substitute(
    parse(cost.formula),
    (leaf) => leaf.kind === "element" ? element(leaf.name, leaf.index === "i" ? "j" : "i", leaf.component) : undefined,
  );
  return nearest(turned, cost, f, parts);
}

/** Positions of the least C_ij − g_j over the j of each part, for each i. */
async function nearest(expr: Expr, cost: PreparedCost, g: Float64Array, parts: number): Promise<Int32Array[]> {
  const { elements, names } = leaves(expr);
  const at = (index: "i" | "j") => new Set(elements.filter((e) => e.index === index).map((e) => e.name));
  const rows = at("i"), columns = at("j"), used = new Set([...names, ...rows, ...columns]);
  // An input that is read on both sides cannot be cut into parts on one.
  const shared = [...rows].some((name) => columns.has(name));
  let id = "potential";
  while (Object.hasOwn(cost.inputs, id)) id += "_";
  const like = [...columns].map((name) => cost.inputs[name]).find((t): t is Tensor => t instanceof Tensor)!;
  const held = g.map((v) => Number.isFinite(v) ? v : NEVER), double = like.dtype === "f64";
  using potential = Tensor.of(like.device, double ? held : Float32Array.from(held), [g.length], double ? "f64" : "f32");
  const count = shared ? 1 : Math.min(parts, g.length), found: Promise<Int32Array>[] = [];
  for (let part = 0; part < count; part++) {
    const made: Tensor[] = [];
    const cut = (t: Tensor): Tensor => {
      made.push(t.slice([part, null, count]));
      return made[made.length - 1];
    };
    const inputs: Record<string, TensorLike> = { [id]: cut(potential) };
    for (const name of used) {
      const t = cost.inputs[name];
      inputs[name] = t instanceof Tensor && columns.has(name) && !shared ? cut(t) : t;
    }
    const formula = call("sub", expr, element(id, "j"));
    const best = Tensor.apply("pairwise", inputs, { reduction: "argmin", formula }).out;
    for (const t of made) t.dispose();
    found.push(
      best.data().then((positions) => Int32Array.from(positions, (k) => k * count + part)).finally(() =>
        best.dispose()
      ),
    );
  }
  return await Promise.all(found);
}
