/**
 * Where the blocks of a tournament go after a round, with pairs (0, 1), (2, 3), …: the first stays, the others move on in a circle. After
 * 2·pairs − 1 rounds every two have met once, and all are where they were.
 */
export function placesAfterRound(pairs: number): number[] {
  const to: number[] = [];
  for (let k = 0; k < pairs; k++) {
    to[2 * k] = k === 0 ? 0 : k === pairs - 1 ? 2 * k + 1 : 2 * (k + 1);
    to[2 * k + 1] = k > 0 ? 2 * (k - 1) + 1 : pairs > 1 ? 2 : 1;
  }
  return to;
}

/** The blocks that meet in a round, by the places where they were at first. */
export function pairsOfRound(pairs: number, round: number): number[][] {
  const to = placesAfterRound(pairs);
  let at = Array.from({ length: 2 * pairs }, (_, k) => k);
  for (let r = 0; r < round; r++) {
    const next: number[] = [];
    at.forEach((block, place) => next[to[place]] = block);
    at = next;
  }
  return Array.from({ length: pairs }, (_, k) => [at[2 * k], at[2 * k + 1]]);
}

/** Rows p < q of pair k in round r of a tournament of w rows: one stays, the others move on in a circle. */
export function rowsOfPair(w: number, round: number, k: number): [number, number] {
  const x = k === 0 ? w - 1 : (round + k) % (w - 1), y = (round + w - 1 - k) % (w - 1);
  return x < y ? [x, y] : [y, x];
}

/** What was met on the way, for error models: sums over rounds of the worst rotation of each. */
export interface Sensitivity {
  /** Rounds. */
  rounds: number;
  /** 1/ρ: by how much an angle moves with the elements that it comes from. */
  inverse: number;
  /** The same times the larger of the two diagonal elements. */
  relative: number;
}

/**
 * Cyclic Jacobi of a symmetric matrix in f64, in the order in which the kernels have it: the Q of QᵀSQ, and how sensitive the angles
 * were. Those of elements x, y on the diagonal and z beside it move with 1/ρ, ρ² = (y − x)² + 4 z²; where x and y are close, they may jump.
 */
export function diagonalize(
  s: Float64Array,
  w: number,
  { inner, relative, level }: { inner: number; relative: boolean; level: number },
): { q: Float64Array; met: Sensitivity } {
  const q = new Float64Array(w * w), met = { rounds: 0, inverse: 0, relative: 0 };
  for (let i = 0; i < w; i++) q[i * w + i] = 1;
  for (let sweep = 0; sweep < inner; sweep++) {
    let rotated = false;
    for (let round = 0; round < w - 1; round++) {
      let inverse = 0, worst = 0;
      const rotations = Array.from({ length: w / 2 }, (_, k) => {
        const [i, j] = rowsOfPair(w, round, k), x = s[i * w + i], y = s[j * w + j], z = s[i * w + j];
        const least = relative ? level * Math.sqrt(Math.max(x, 0)) * Math.sqrt(Math.max(y, 0)) : level;
        if (!(Math.abs(z) > least)) return { i, j, c: 1, s: 0 };
        rotated = true;
        const apart = Math.abs(y - x), rho = Math.hypot(apart, 2 * z), distance = apart < 0.1 * rho ? apart : rho;
        inverse = Math.max(inverse, 1 / distance);
        worst = Math.max(worst, Math.max(x, y) / distance);
        const tau = (y - x) / (2 * z),
          t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau)),
          c = 1 / Math.hypot(1, t);
        return { i, j, c, s: t * c };
      });
      for (const r of rotations) {
        // Columns of S, rows of S, columns of Q.
        for (const [x, step, to] of [[s, w, 1], [s, 1, w], [q, w, 1]] as const) {
          for (let l = 0; l < w; l++) {
            const f = l * step + r.i * to, g = l * step + r.j * to, xf = x[f], xg = x[g];
            x[f] = r.c * xf - r.s * xg;
            x[g] = r.s * xf + r.c * xg;
          }
        }
      }
      met.rounds++;
      met.inverse += inverse;
      met.relative += worst;
    }
    if (!rotated) break;
  }
  return { q, met };
}
