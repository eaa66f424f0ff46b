import { Tensor } from "../../tensor/mod.ts";
import type { Potential } from "./geometry.ts";
import { disposePotentials, FROM_OTHER_EPSILON, renewPotential } from "./renew_potential.ts";
import { vectorLike } from "./sinkhorn_iterations.ts";

/** A potential to start from: a tensor or numbers. */
export type StartPotential = Tensor | readonly number[] | Float32Array | Float64Array;

/** Reads the columns' potential; the rows' follows from it in the first half-step. */
export async function readStart(
  potentials: readonly [f: StartPotential, g: StartPotential],
  n: number,
  m: number,
  weights: Float64Array,
): Promise<Float64Array> {
  if (!Array.isArray(potentials) || potentials.length !== 2) {
    throw new TypeError(`Expected "potentials" as [f, g], got ${typeof potentials}`);
  }
  const sizes = potentials.map((t) => t instanceof Tensor ? t.shape.join(", ") : `${t.length}`);
  if (sizes[0] !== `${n}` || sizes[1] !== `${m}`) {
    throw new TypeError(`Expected "potentials" as [${n}] and [${m}], got [${sizes[0]}] and [${sizes[1]}]`);
  }
  const g = potentials[1], values = Float64Array.from(g instanceof Tensor ? await g.data() : g);
  values.forEach((v, j) => {
    if (!Number.isFinite(v) && !(v === -Infinity && weights[j] === 0)) {
      throw new RangeError(`Expected finite potentials where there is weight, got g[${j}] = ${v}`);
    }
  });
  return values;
}

/** Numbers as a potential in parts. */
export function splitPotential(values: Float64Array, epsilon: number, quantum: number, like: Tensor): Potential {
  const coarse = values.map((v) => Math.round(v / quantum) * quantum);
  const fine = values.map((v, k) => v === -Infinity ? 0 : (v - coarse[k]) / epsilon);
  return { coarse: vectorLike(like, coarse), fine: vectorLike(like, fine) };
}

/** The same potential in the parts of another ε. Takes it over. */
export function atEpsilon(g: Potential, weights: Tensor, from: number, to: number, quantum: number): Potential {
  using s = Tensor.map("w * 0 + r", { w: weights, r: from / to });
  const renewed = renewPotential(g, FROM_OTHER_EPSILON, { a: weights, s, eps: to, quantum, omega: 1 });
  disposePotentials(g);
  return renewed;
}
