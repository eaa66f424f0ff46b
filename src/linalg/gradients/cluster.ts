import { arbitrary, type Degenerate, type Limits, undetermined } from "./coincident.ts";

/** Runs `[first, end)` of values, in order of size, whose neighbours are within `limit`: those of one value are runs of length 1. */
export function clustersOf(values: ArrayLike<number>, first: number, end: number, limit: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = first, stop = i + 1; i < end; i = stop++) {
    while (stop < end && Math.abs(values[stop] - values[stop - 1]) <= limit) stop++;
    runs.push([i, stop]);
  }
  return runs;
}

/** How large cotangents of pairs of vectors are, or would have to be to be more than rounding errors of the largest. */
export function scales(
  norms: ArrayLike<number>,
  largest: number,
  { rounding, agreement }: Limits,
): (i: number, j: number) => number {
  const least = rounding / agreement * largest;
  return (i, j) => Math.max(norms[i] + norms[j], least);
}

/** A cluster of coinciding values of a stack, and its cotangents; i and j count through the stack. */
export interface Cluster {
  /** Its first value. */
  readonly first: number;
  /** The one behind its last. */
  readonly end: number;
  /** The element of VᵀV̄ − V̄ᵀV of two of its vectors: how the loss changes if they turn. Of several, if they turn on their own. */
  readonly turn: (i: number, j: number) => number;
  /** The element of (VᵀV̄ + V̄ᵀV)/2 of two of its vectors. */
  readonly along: (i: number, j: number) => number;
  /** The cotangent of a value. */
  readonly bar: (i: number) => number;
  /** See {@linkcode scales}. */
  readonly scale: (i: number, j: number) => number;
}

/** What else there is to know. */
export interface ClusterContext {
  /** The decomposition, for errors. */
  readonly what: "eigh" | "svd";
  /** What its values are called. */
  readonly names: string;
  /** The values of the stack. */
  readonly values: ArrayLike<number>;
  /** Where those of this matrix begin. */
  readonly base: number;
  /** Whether the loss depends on values. */
  readonly valuesMatter: boolean;
  /** The largest magnitude of a value's cotangent. */
  readonly largest: number;
  /** See `areConstants`. */
  readonly constants: boolean;
  /** See {@linkcode Limits}. */
  readonly agreement: number;
  /** What to do where the gradient is not determined. */
  readonly degenerate: Degenerate;
}

/**
 * The gradient within a cluster of coinciding values, as a multiple of the symmetric part S of VᵀV̄; what the
 * cotangents do not determine is refused, or 0. The basis is taken to be in general position, see `inGeneralPosition`.
 * - All λ̄_i are equal: how the values come apart does not matter, the gradient is 0. (If all v_i·v̄_i are equal too, and S has more than
 *   its diagonal, that is no evidence: undetermined.)
 * - λ̄_i is a multiple of v_i·v̄_i, by the ratio f'(λ)/2f(λ) of a function of the matrix, ⟨H, V·f(Λ)·Vᵀ⟩ with any H: its gradient is that
 *   multiple of S. Cotangents that are themselves differentiated do not have it, for f''(λ) would be needed.
 * - Else it is that of no such function alone: of an f with f(λ) = 0, of a sum of several, or of none.
 */
export function ratioWithin({ first, end, turn, along, bar, scale }: Cluster, context: ClusterContext): number {
  const { what, names, values, base, valuesMatter, largest, constants, agreement, degenerate } = context;
  const which = `${names} ${first - base} to ${end - 1 - base}`;
  const why = `which coincide (${values[first]} to ${values[end - 1]})`;
  let mixed = false, widest = 0;
  for (let i = first; i < end; i++) {
    widest = Math.max(widest, scale(i, i));
    for (let j = first; j < i; j++) {
      const limit = agreement * scale(i, j);
      if (Math.abs(turn(i, j)) > limit) {
        if (degenerate === "zero") return 0;
        throw arbitrary(what, `vectors of ${which}`, `${why}, `);
      }
      mixed ||= Math.abs(along(i, j)) > limit / 2;
    }
  }
  const members = Array.from({ length: end - first }, (_, i) => first + i);
  const bars = members.map(bar), diagonal = members.map((i) => along(i, i));
  const found = ((): number | undefined => {
    if (spread(bars) <= agreement * largest) {
      return valuesMatter && mixed && spread(diagonal) <= agreement * widest ? undefined : 0;
    }
    const length = Math.hypot(...diagonal);
    if (!constants || !(length > agreement * widest)) return undefined;
    const ratio = bars.reduce((sum, x, i) => sum + x * diagonal[i], 0) / length ** 2;
    const left = bars.map((x, i) => x - ratio * diagonal[i]);
    return Math.hypot(...left) <= agreement * Math.hypot(...bars) ? ratio : undefined;
  })();
  if (found === undefined && degenerate === "refuse") throw undetermined(what, which, why);
  return found ?? 0;
}

function spread(x: readonly number[]): number {
  return Math.max(...x) - Math.min(...x);
}
