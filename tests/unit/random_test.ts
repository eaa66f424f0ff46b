import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { mulHigh, philox } from "../../src/ops/philox.ts";
import { random, type RandomParams } from "../../src/ops/random.ts";
import { boxMuller } from "../../src/ops/random_normal.ts";
import { sizeOf } from "../../src/ops/value.ts";
import { load } from "../oracle/fixtures.ts";

/** What the op's own loops draw. */
function draw(params: RandomParams): Float64Array {
  const { out } = random.contract({}, params);
  const data = new Float64Array(sizeOf(out.shape));
  random.reference({}, params, { out: { ...out, data } });
  return data;
}

const MANY = 1_000_000;
const normals = draw({ distribution: "normal", shape: [MANY], seed: 20240608 });
const mean = (x: ArrayLike<number>, f: (v: number, k: number) => number) => {
  let s = 0;
  for (let k = 0; k < x.length; k++) s += f(x[k], k);
  return s / x.length;
};

/** Distribution function of the standard normal, by the series Φ(x) = ½ + φ(x) (x + x³/3 + x⁵/15 + …). */
function phi(x: number): number {
  if (Math.abs(x) > 8) return x < 0 ? 0 : 1;
  let term = x, sum = x;
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) sum += term *= x * x / k;
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** χ² of counts against equal expectations, in standard deviations above its mean. */
function excess(counts: ArrayLike<number>): number {
  const expected = mean(counts, (c) => c), freedom = counts.length - 1;
  let chi2 = 0;
  for (let k = 0; k < counts.length; k++) chi2 += (counts[k] - expected) ** 2 / expected;
  return (chi2 - freedom) / Math.sqrt(2 * freedom);
}

Deno.test("Philox4x32-10 gives the published words", () => {
  const { cases, published } = load("philox");
  assert(published >= 3);
  const out = new Uint32Array(4);
  for (const { counter, key, output } of cases) {
    philox(counter, key, out);
    assertEquals([...out], output);
  }
  // One of them typed in once more: counter and key from the digits of π.
  philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], out);
  assertEquals([...out], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

Deno.test("mulHigh is the upper word of the product", () => {
  const words = [
    0,
    1,
    2,
    0xffff,
    0x10000,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    ...draw({
      distribution: "bits",
      shape: [40],
      seed: 3,
    }),
  ];
  for (const a of words) {
    for (const b of words) assertEquals(mulHigh(a, b), Number((BigInt(a) * BigInt(b)) >> 32n), `${a} times ${b}`);
  }
});

Deno.test("uniform and Rademacher numbers are bits of the words that bits gives", () => {
  const shape = [1003], seed = 9;
  const bits = draw({ distribution: "bits", shape, seed });
  const uniform = draw({ distribution: "uniform", shape, seed }),
    signs = draw({ distribution: "rademacher", shape, seed });
  bits.forEach((word, k) => {
    assertEquals(uniform[k], Math.floor(word / 256) / 2 ** 24);
    assertEquals(signs[k], word >= 2 ** 31 ? -1 : 1);
    assert(uniform[k] >= 0 && uniform[k] < 1);
  });
});

Deno.test("element k is word k mod 4 of the block whose counter is k / 4, under the seed as key", () => {
  const seed = 5 * 2 ** 32 + 77, stream = 3 * 2 ** 32 + 8, offset = 4 * (2 ** 32 - 1);
  const bits = draw({ distribution: "bits", shape: [3, 3], seed, stream, offset });
  const out = new Uint32Array(4), expected: number[] = [];
  for (const [low, high] of [[2 ** 32 - 1, 0], [0, 1], [1, 1]]) {
    philox([low, high, 8, 3], [77, 5], out);
    expected.push(...out);
  }
  assertEquals([...bits], expected.slice(0, 9));
});

Deno.test("drawing in parts gives what drawing at once gives", () => {
  for (const distribution of ["bits", "uniform", "normal", "rademacher"] as const) {
    const whole = draw({ distribution, shape: [103], seed: 4 });
    const parts = [[0, 20], [20, 60], [80, 23]].flatMap(([offset, n]) => [
      ...draw({ distribution, shape: [n], seed: 4, offset }),
    ]);
    assertEquals(parts, [...whole]);
  }
});

Deno.test("seeds and streams that differ in any word give other numbers", () => {
  const sets = [{ seed: 0 }, { seed: 1 }, { seed: 2 ** 32 }, { seed: 0, stream: 1 }, { seed: 0, stream: 2 ** 32 }];
  for (const distribution of ["bits", "permutation"] as const) {
    const seen = new Set(sets.map((set) => draw({ distribution, shape: [100], ...set }).join()));
    assertEquals(seen.size, sets.length);
  }
});

Deno.test("every bit is set half of the time and differs from its neighbour half of the time", () => {
  const n = 100_000, bits = draw({ distribution: "bits", shape: [n], seed: 6 });
  for (let b = 0; b < 32; b++) {
    const at = (k: number) => Math.floor(bits[k] / 2 ** b) & 1;
    let ones = 0, changes = 0;
    for (let k = 0; k < n; k++) {
      ones += at(k);
      changes += at(k) ^ at((k + 1) % n);
    }
    // Standard deviation ½ √n.
    assertAlmostEquals(ones, n / 2, 2.5 * Math.sqrt(n));
    assertAlmostEquals(changes, n / 2, 2.5 * Math.sqrt(n));
  }
});

Deno.test("uniform numbers fill 256 bins evenly, in pairs too", () => {
  const u = draw({ distribution: "uniform", shape: [MANY], seed: 12 });
  const single = new Float64Array(256), pairs = new Float64Array(256);
  u.forEach((v, k) => {
    single[Math.floor(v * 256)]++;
    if (k % 2 === 0) pairs[Math.floor(v * 16) * 16 + Math.floor(u[k + 1] * 16)]++;
  });
  assert(Math.abs(excess(single)) < 5);
  assert(Math.abs(excess(pairs)) < 5);
});

Deno.test("Box–Muller in integers stays within 0.6 units of its grid of the exact value", () => {
  const words = draw({ distribution: "bits", shape: [40_000], seed: 8 }), z = [0, 0];
  const edges = [
    0,
    1,
    2,
    0x3fffffff,
    0x40000000,
    0x7fffffff,
    0x80000000,
    0xbfffffff,
    0xc0000000,
    0xfffffffe,
    0xffffffff,
  ];
  const check = (first: number, second: number) => {
    boxMuller(first, second, z, 0);
    // ln u near u = 1 from the distance to 1, which is exact.
    const rest = (2 ** 33 - 2 * first - 1) / 2 ** 33;
    const radius = Math.sqrt(-2 * (rest < 0.5 ? Math.log1p(-rest) : Math.log((2 * first + 1) / 2 ** 33)));
    const quarter = Math.floor(second / 2 ** 30), within = (second % 2 ** 30 * 2 + 1) / 2 ** 31;
    const angle = Math.PI / 2 * (quarter + within);
    [Math.cos(angle), Math.sin(angle)].forEach((part, k) => {
      assertAlmostEquals(z[k], radius * part, 0.6 * 2 ** -21);
      assertEquals(Math.round(z[k] * 2 ** 21), z[k] * 2 ** 21);
      assertEquals(Math.fround(z[k]), z[k]);
    });
  };
  for (const first of edges) for (const second of edges) check(first, second);
  // Every octave of the first word, from both ends: tiny and large radii.
  for (let k = 0; k < words.length; k += 2) {
    const first = Math.floor(words[k] / 2 ** (k / 2 % 33));
    check(first, words[k + 1]);
    check(2 ** 32 - 1 - first, words[k + 1]);
  }
});

Deno.test("the tail of the normal numbers ends at 6.76 and is as heavy as it should be", () => {
  const z = [0, 0];
  boxMuller(0, 0, z, 0);
  assertAlmostEquals(z[0], Math.sqrt(2 * 33 * Math.LN2), 1e-6);
  // The radius falls with the first word: of 2^32 words exp(−r²/2) have a radius over r.
  for (const r of [6, 5.5, 5, 4.5]) {
    const expected = Math.exp(-r * r / 2) * 2 ** 32 - 0.5;
    boxMuller(Math.floor(expected), 0, z, 0);
    assert(z[0] > r);
    boxMuller(Math.ceil(expected), 0, z, 0);
    assert(z[0] < r);
  }
  const beyond = (limit: number) => normals.filter((v) => Math.abs(v) > limit).length;
  for (const limit of [2, 3, 4]) {
    const expected = 2 * MANY * phi(-limit);
    assertAlmostEquals(beyond(limit), expected, 4 * Math.sqrt(expected));
  }
});

Deno.test("a million normal numbers have the moments of the normal distribution", () => {
  const moment = (p: number) => mean(normals, (v) => v ** p);
  // Standard deviations of the sample moments: √(E z^2p − (E z^p)²).
  const tolerance = (variance: number) => 4 * Math.sqrt(variance / MANY);
  assertAlmostEquals(moment(1), 0, tolerance(1));
  assertAlmostEquals(moment(2), 1, tolerance(2));
  assertAlmostEquals(moment(3), 0, tolerance(15));
  assertAlmostEquals(moment(4), 3, tolerance(96));
  assertAlmostEquals(moment(6), 15, tolerance(10_395 - 225));
});

Deno.test("a million normal numbers pass the Kolmogorov–Smirnov test", () => {
  const sorted = normals.slice().sort();
  let distance = 0;
  sorted.forEach((v, k) => {
    const p = phi(v);
    distance = Math.max(distance, p - k / MANY, (k + 1) / MANY - p);
  });
  // √n D exceeds 1.95 with probability 0.001.
  assert(distance * Math.sqrt(MANY) < 1.95, `D = ${distance}`);
});

Deno.test("the two numbers of a pair and neighbouring pairs are uncorrelated, their squares too", () => {
  for (const lag of [1, 2, 3, 4]) {
    for (const f of [(v: number) => v, (v: number) => (v * v - 1) / Math.SQRT2]) {
      const pairs: number[] = [];
      for (let k = 0; k + lag < MANY; k += 4) pairs.push(f(normals[k]) * f(normals[k + lag]));
      assertAlmostEquals(mean(pairs, (v) => v), 0, 4 / Math.sqrt(pairs.length));
    }
  }
});

Deno.test("a permutation has every number once", () => {
  for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 4097, 65_536, 100_003]) {
    for (const seed of [0, 1, 2 ** 50 + 1]) {
      const found = draw({ distribution: "permutation", shape: [n], seed }).sort();
      assert(found.every((v, k) => v === k), `n = ${n}, seed ${seed}`);
    }
  }
});

/** Number of an order among all of its length, in lexicographic order. */
function rankOf(order: ArrayLike<number>): number {
  let rank = 0;
  for (let k = 0; k < order.length; k++) {
    let smaller = 0;
    for (let q = k + 1; q < order.length; q++) if (order[q] < order[k]) smaller++;
    rank = rank * (order.length - k) + smaller;
  }
  return rank;
}

Deno.test("all orders of 2 to 6 numbers are equally likely, over seeds and over streams", () => {
  for (const [n, orders] of [[2, 2], [3, 6], [4, 24], [5, 120], [6, 720]]) {
    const seeds = new Float64Array(orders), streams = new Float64Array(orders);
    for (let k = 0; k < 12_000; k++) {
      seeds[rankOf(draw({ distribution: "permutation", shape: [n], seed: k }))]++;
      streams[rankOf(draw({ distribution: "permutation", shape: [n], seed: 1, stream: k }))]++;
    }
    assert(excess(seeds) < 4, `${n} numbers over seeds: ${excess(seeds)}`);
    assert(excess(streams) < 4, `${n} numbers over streams: ${excess(streams)}`);
  }
});

Deno.test("every number of 16 goes everywhere, and even and odd permutations are equally likely", () => {
  const n = 16, trials = 8000, places = new Float64Array(n * n);
  let odd = 0;
  for (let seed = 0; seed < trials; seed++) {
    const order = draw({ distribution: "permutation", shape: [n], seed });
    let inversions = 0;
    order.forEach((v, k) => {
      places[k * n + v]++;
      for (let q = 0; q < k; q++) if (order[q] > v) inversions++;
    });
    odd += inversions % 2;
  }
  // Rows and columns of the table are fixed: (n − 1)² degrees of freedom are left, which excess() counts as more.
  assert(excess(places) < 4, `${excess(places)}`);
  assertAlmostEquals(odd, trials / 2, 2 * Math.sqrt(trials));
});

Deno.test("a long permutation has about one fixed point and moves neighbours apart", () => {
  let fixed = 0, together = 0;
  const trials = 200, n = 1000;
  for (let seed = 0; seed < trials; seed++) {
    const order = draw({ distribution: "permutation", shape: [n], seed });
    order.forEach((v, k) => {
      if (v === k) fixed++;
      if (k > 0 && Math.abs(v - order[k - 1]) === 1) together++;
    });
  }
  // Poisson counts with means 1 and 2 per permutation.
  assertAlmostEquals(fixed, trials, 4 * Math.sqrt(trials));
  assertAlmostEquals(together, 2 * trials, 4 * Math.sqrt(2 * trials));
});

Deno.test("random refuses what it cannot draw, in words", () => {
  const refuse = (params: object, kind: typeof TypeError | typeof RangeError, message: string) =>
    assertThrows(
      () => random.contract({}, { distribution: "bits", shape: [3], seed: 0, ...params } as RandomParams),
      kind,
      message,
    );
  refuse({ distribution: "norml" }, TypeError, 'Unknown distribution "norml", did you mean "normal"?');
  refuse({ shape: [2, -1] }, RangeError, 'Expected "shape" to be whole sizes from 0, got [2, -1]');
  refuse({ seed: 1.5 }, RangeError, 'Expected "seed" to be a whole number from 0 to 2^53 - 1, got 1.5');
  refuse({ seed: -1 }, RangeError, '"seed"');
  refuse({ stream: 2 ** 53 }, RangeError, '"stream"');
  refuse({ offset: 6 }, RangeError, 'Expected "offset" to be a multiple of 4, got 6');
  refuse(
    { distribution: "permutation", shape: [3, 4] },
    TypeError,
    "Expected the shape [n] for a permutation, got [3, 4]",
  );
  refuse({ distribution: "permutation", shape: [2 ** 31 + 1] }, RangeError, "at most 2^31");
  refuse({ distribution: "permutation", offset: 4 }, RangeError, "offset");
  assertThrows(
    () => random.contract({ x: null }, { distribution: "bits", shape: [3], seed: 0 }),
    TypeError,
    'Expected no inputs of "random", got x',
  );
});

Deno.test("one seed gives other numbers for other sizes only where they are more", () => {
  const short = draw({ distribution: "normal", shape: [10], seed: 1 }),
    long = draw({ distribution: "normal", shape: [4, 5], seed: 1 });
  assertEquals([...long.slice(0, 10)], [...short]);
  assertNotEquals([...long.slice(10)], [...short]);
});
