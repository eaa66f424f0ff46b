import { Sparse } from "../sparse.ts";
import { Tensor } from "../tensor.ts";

/**
 * What a function's argument becomes when it is differentiated: the same nesting of arrays and plain objects with a tensor in the place of
 * each tensor, and `undefined` in the place of everything else.
 */
export type Gradient<T> = T extends Tensor ? Tensor
  : T extends readonly unknown[] ? { -readonly [K in keyof T]: Gradient<T[K]> }
  : T extends (...args: never[]) => unknown ? undefined
  : T extends object ? { -readonly [K in keyof T]: Gradient<T[K]> }
  : undefined;

/**
 * A copy of nested arrays and plain objects with each tensor replaced; everything else, objects of a class too, by `other` (default: left
 * as it is).
 */
export function mapTree(
  tree: unknown,
  path: string,
  tensor: (x: Tensor, path: string) => unknown,
  other: (value: unknown, path: string) => unknown = (value) => value,
): unknown {
  if (tree instanceof Tensor) return tensor(tree, path);
  if (Array.isArray(tree)) return tree.map((part, k) => mapTree(part, `${path}[${k}]`, tensor, other));
  if (!isPlain(tree)) return other(tree, path);
  return Object.fromEntries(
    Object.entries(tree).map(([key, part]) => {
      const inner = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
      return [key, mapTree(part, inner, tensor, other)];
    }),
  );
}

/** The tensors of nested arrays and plain objects, with their places. */
export function tensorsIn(tree: unknown, path: string): { tensor: Tensor; path: string }[] {
  const found: { tensor: Tensor; path: string }[] = [];
  mapTree(tree, path, (tensor, at) => found.push({ tensor, path: at }));
  return found;
}

/** Refuses a sparse matrix among what is to be differentiated. */
export function refuseSparse(value: unknown, path: string): unknown {
  if (!(value instanceof Sparse)) return value;
  throw new TypeError(
    `Cannot differentiate by the sparse matrix ${path}: differentiate by its values, f(values) with s.withValues(values)`,
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
