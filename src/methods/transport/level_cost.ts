import { element, leaves, parse, print, substitute } from "../../formula/mod.ts";
import { stopGradient, Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";

/** Refuses costs that read only one side: the device cannot stream over pairs of them (and every plan costs the same). */
export function requireBothSides({ formula }: PreparedCost): void {
  const { elements } = leaves(parse(formula));
  for (const index of ["i", "j"] as const) {
    if (!elements.some((e) => e.index === index)) {
      throw new TypeError(`Expected the cost to use a tensor at [${index}], got ${JSON.stringify(formula)}`);
    }
  }
}

/**
 * The cost between some of the rows and some of the columns, as a cost of its own: every input is gathered for the side that reads it, under a name
 * for each side. Not to be differentiated.
 */
export function costBetween({ formula, inputs }: PreparedCost, rows: Uint32Array, columns: Uint32Array): PreparedCost {
  const expr = parse(formula), { elements, names } = leaves(expr), owned: Tensor[] = [];
  const used: Record<string, TensorLike> = {}, known = new Map<string, string>();
  const still = (t: TensorLike) => t instanceof Tensor ? stopGradient(t) : t;
  const keep = (t: Tensor): Tensor => {
    owned.push(t);
    return t;
  };
  try {
    for (const name of names) {
      const given = still(inputs[name]);
      used[name] = given instanceof Tensor ? keep(given) : given;
    }
    const places = { i: rows, j: columns };
    const taken = new Set(Object.keys(inputs));
    for (const { name, index } of elements) {
      if (known.has(name + index)) continue;
      let id = `${name}_${index}`;
      while (taken.has(id)) id += "_";
      taken.add(id);
      known.set(name + index, id);
      const t = inputs[name] as Tensor;
      using source = stopGradient(t);
      using at = Tensor.of(t.device, Int32Array.from(places[index]), [places[index].length], "i32");
      used[id] = keep(source.take(at));
    }
    const own = substitute(
      expr,
      (leaf) =>
        leaf.kind === "element" ? element(known.get(leaf.name + leaf.index)!, leaf.index, leaf.component) : undefined,
    );
    return { formula: print(own), inputs: used, owned };
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
}
