/** A regularized column of a plan: where its entries are, and the value of the maximum that it attains. */
export interface SimplexColumn {
  readonly rows: Int32Array;
  readonly values: Float64Array;
  /** ⟨t, s⟩ − γ/2 |t|². */
  readonly value: number;
  /** Derivative of the value by the mass: s − γ t, the same for all entries; without mass the largest s. */
  readonly price: number;
}

/**
 * max ⟨t, s⟩ − γ/2 |t|² over t ≥ 0 with Σ t = mass and at most k entries that are not zero. Not convex, but solved exactly: on the k largest
 * s (ties go to the earlier row) t is the projection of s/γ on the simplex, t = max(s/γ − τ, 0), which has the sum `mass`. Source: Liu,
 * Puigcerver and Blondel, "Sparsity-Constrained Optimal Transport" (2023), section 4; the projection: Held, Wolfe and Crowder (1974).
 */
export function topKSimplex(s: Float64Array, mass: number, k: number, gamma: number): SimplexColumn {
  const order = k < s.length ? largestOf(s, k) : Int32Array.from(s, (_, i) => i);
  order.sort((i, j) => s[j] - s[i] || i - j);
  // From the largest on: entries stay while they are above the threshold that they would make. In differences to the largest, with few digits lost.
  const top = s[order[0]];
  let sum = 0, tau = -mass, count = 0;
  for (; count < order.length; count++) {
    const v = (s[order[count]] - top) / gamma, next = (sum + v - mass) / (count + 1);
    if (!(v > next)) break;
    sum += v;
    tau = next;
  }
  const rows = order.slice(0, count), values = new Float64Array(count);
  let linear = 0, square = 0;
  for (let i = 0; i < count; i++) {
    const t = values[i] = (s[rows[i]] - top) / gamma - tau;
    linear += t * s[rows[i]];
    square += t * t;
  }
  return { rows, values, value: linear - gamma / 2 * square, price: top + gamma * tau };
}

/** Positions of the k largest, in no order: a heap with the smallest of them on top; of equals the later goes first. */
function largestOf(s: Float64Array, k: number): Int32Array {
  const heap = new Int32Array(k);
  const below = (i: number, j: number) => s[i] < s[j] || (s[i] === s[j] && i > j);
  const sink = (at: number) => {
    for (;;) {
      let child = 2 * at + 1;
      if (child >= k) return;
      if (child + 1 < k && below(heap[child + 1], heap[child])) child++;
      if (!below(heap[child], heap[at])) return;
      [heap[at], heap[child]] = [heap[child], heap[at]];
      at = child;
    }
  };
  for (let i = 0; i < k; i++) heap[i] = i;
  for (let at = (k >> 1) - 1; at >= 0; at--) sink(at);
  for (let i = k; i < s.length; i++) {
    if (below(heap[0], i)) {
      heap[0] = i;
      sink(0);
    }
  }
  return heap;
}
