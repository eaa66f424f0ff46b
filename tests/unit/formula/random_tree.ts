import { call, constant, element, type Expr, name } from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { pick } from "./random.ts";

const numbers = [0, 1, 2, 3, 0.5, 10, 2.5e-3, 1e-30, 1e21, -1, -2, -0.25, Math.PI, Infinity, -Infinity, NaN, -0, 0.1];

/** Any tree that the language can write, whatever it means. */
export function anyTree(random: () => number, depth: number): Expr {
  if (depth === 0 || random() < 0.15) {
    const kind = random();
    if (kind < 0.35) return constant(pick(random, numbers));
    if (kind < 0.7) return name(pick(random, ["a", "b", "eps", "_x1", "i", "j", "var", "return", "constructor"]));
    return element(
      pick(random, ["x", "y", "let"]),
      pick(random, ["i", "j"]),
      pick(random, [undefined, undefined, 0, 1, 12]),
    );
  }
  const record = pick(random, [...functions.values()]);
  const [least, most] = record.arity;
  const count = most === Infinity ? least + Math.floor(random() * 3) : least;
  return call(record.name, ...Array.from({ length: count }, () => anyTree(random, depth - 1)));
}

/** What a random formula that has a meaning may be made of. */
export interface Vocabulary {
  /** Names of functions, each applied to scalars. */
  readonly scalar: readonly string[];
  /** Functions from vectors to a scalar. */
  readonly folds: readonly string[];
  /** Scalar leaves. */
  readonly leaves: readonly Expr[];
  /** Vector leaves, all of one length. */
  readonly vectors: readonly Expr[];
}

/** A random formula over `words`; a vector if `vector`. */
export function formula(random: () => number, depth: number, words: Vocabulary, vector = false): Expr {
  if (depth === 0) {
    if (vector) return pick(random, words.vectors);
    return random() < 0.25 ? constant(Math.round((random() - 0.5) * 32) / 8) : pick(random, words.leaves);
  }
  if (!vector && words.folds.length > 0 && random() < 0.3) {
    const record = functions.get(pick(random, words.folds))!;
    const args = Array.from({ length: record.arity[0] }, () => formula(random, depth - 1, words, true));
    return call(record.name, ...args);
  }
  const record = functions.get(pick(random, words.scalar))!;
  const count = record.arity[1] === Infinity ? record.arity[0] + (random() < 0.3 ? 1 : 0) : record.arity[0];
  const place = Math.floor(random() * count);
  const args = Array.from(
    { length: count },
    (_, k) =>
      formula(random, depth - (k === place ? 1 : Math.min(depth, 2)), words, vector && (k === place || random() < 0.3)),
  );
  return call(record.name, ...args);
}
