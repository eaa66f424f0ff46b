/** Longest transform of a prime length that is a product with its matrix; longer ones are convolutions. */
export const LONGEST_DIRECT = 256;

/** What a level costs beside its products, in units of the products of radix 1: it moves the data twice. */
const MOVES = 48;

/** Prime factors, ascending. */
export function primeFactors(n: number): number[] {
  const found: number[] = [];
  for (let p = 2; p * p <= n; p++) {
    for (; n % p === 0; n /= p) found.push(p);
  }
  return n > 1 ? [...found, n] : found;
}

/**
 * Factors of n, the radices of a transform of length n: with small ones the data is moved more often, with large ones
 * each element takes more products. Long primes stand alone.
 */
export function radices(n: number): number[] {
  const primes = primeFactors(n), long = primes.filter((p) => p > LONGEST_DIRECT);
  const short = primes.filter((p) => p <= LONGEST_DIRECT).reverse();
  let best: number[] = [], least = Infinity;
  for (let levels = 1; levels <= short.length; levels++) {
    const groups = new Array<number>(levels).fill(1);
    for (const p of short) groups[groups.indexOf(Math.min(...groups))] *= p;
    const cost = groups.reduce((s, r) => s + r + MOVES, 0);
    if (cost < least) [best, least] = [groups, cost];
  }
  return [...long, ...best.sort((a, b) => b - a)];
}
