import { call, element, leaves, parse, substitute } from "../../formula/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import { tensorLike } from "./host_problem.ts";

/** Where the entries of a sparse plan are. */
export interface Entries {
  readonly rows: Uint32Array;
  readonly columns: Uint32Array;
}

/** Σ P_ij C_ij over the entries of a plan and their masses, from a stored cost matrix: a tensor of one number, to differentiate. */
export function matrixPlanCost(C: Tensor, { rows, columns }: Entries, mass: Tensor): Tensor {
  const [n, m] = C.shape;
  using flat = C.reshape([n * m]);
  using places = indices(C, rows, (i, e) => i * m + columns[e]);
  using costs = flat.take(places);
  return Tensor.reduce("sum", "P * C", { P: mass, C: costs });
}

/**
 * The same from points by the cost's formula: the entries' points are gathered, and the formula is evaluated for entry e on the e-th of either side,
 * as a pairwise sum over a single j. Memory grows with the entries.
 */
export function pointsPlanCost(
  formula: string,
  inputs: Readonly<Record<string, TensorLike>>,
  { rows, columns }: Entries,
  masses: Tensor,
): Tensor {
  const expr = parse(formula), { elements, names } = leaves(expr), made: Tensor[] = [];
  const keep = (t: Tensor) => {
    made.push(t);
    return t;
  };
  const taken = new Set(Object.keys(inputs));
  const fresh = (base: string) => {
    while (taken.has(base)) base += "_";
    taken.add(base);
    return base;
  };
  const used: Record<string, TensorLike> = {};
  for (const name of names) used[name] = inputs[name];
  const places = {
    i: keep(indices(masses, rows, (i) => i)),
    j: keep(indices(masses, columns, (j) => j)),
  };
  const gathered = { i: new Map<string, string>(), j: new Map<string, string>() };
  for (const { name, index } of elements) {
    const side = gathered[index];
    if (side.has(name)) continue;
    const id = fresh(`${name}_${index}`);
    side.set(name, id);
    used[id] = keep((inputs[name] as Tensor).take(places[index]));
  }
  const mass = fresh("mass"), one = fresh("one");
  used[mass] = masses;
  used[one] = keep(tensorLike(masses, Float64Array.of(1)));
  const own = substitute(
    expr,
    (leaf) => leaf.kind === "element" ? element(gathered[leaf.index].get(leaf.name)!, "i", leaf.component) : undefined,
  );
  const entry = call("mul", call("mul", element(mass, "i"), element(one, "j")), own);
  using costs = Tensor.apply("pairwise", used, { reduction: "sum", formula: entry }).out;
  const total = costs.sum();
  for (const t of made) t.dispose();
  return total;
}

function indices(like: Tensor, positions: Uint32Array, at: (k: number, e: number) => number): Tensor {
  return Tensor.of(like.device, Int32Array.from(positions, at), [positions.length], "i32");
}
