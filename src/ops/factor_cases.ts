/** Fills of cases: deterministic numbers of a well-conditioned matrix, in the order of its elements. */

/** A number from −1 to 1 that looks random. */
function scattered(k: number): number {
  let h = Math.imul(k + 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
}

/** `count` symmetric positive definite matrices `[n, n]`, n scaled from `first` to `last` over the rows and columns. */
export function positiveFill(n: number, count = 1, first = 1, last = 1): number[] {
  const scale = (i: number) => first * (last / first) ** (i / Math.max(1, n - 1));
  return Array.from({ length: count * n * n }, (_, k) => {
    const q = Math.floor(k / (n * n)), i = Math.floor(k / n) % n, j = k % n, [low, high] = i < j ? [i, j] : [j, i];
    const value = i === j ? n / 2 + 1 + Math.abs(scattered(i + q)) : scattered((q * n + high) * n + low);
    return Math.fround(value * scale(i) * scale(j));
  });
}

/** `count` matrices `[n, n]` of both triangles, each of them well conditioned: rows of sum one beside a diagonal of one to two. */
export function triangularFill(n: number, count = 1): number[] {
  return Array.from({ length: count * n * n }, (_, k) => {
    const i = Math.floor(k / n) % n, j = k % n, value = scattered(k);
    return Math.fround(i === j ? Math.sign(value) * (1 + Math.abs(value)) : value / Math.sqrt(n));
  });
}
