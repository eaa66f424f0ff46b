/**
 * Derives the polynomials of `src/formula/wasm/math/`: interpolation at Chebyshev nodes, which is within a small factor of
 * the minimax polynomial, in fixed-point arithmetic of 400 bits. Prints each one's coefficients, lowest power first, and
 * its largest error.
 *
 *     deno run tools/polynomials.ts [name …]
 *
 * @module
 */
const BITS = 400n;
const ONE = 1n << BITS;

/** A double as a fixed-point number. */
function fixed(x: number): bigint {
  return BigInt(Math.round(x * 2 ** 60)) << (BITS - 60n);
}

/** A fixed-point number as a double: 64 leading bits, rounded. */
function double(x: bigint): number {
  const sign = x < 0n ? -1 : 1;
  const magnitude = x < 0n ? -x : x;
  const shift = Math.max(0, magnitude.toString(2).length - 64);
  return sign * Number(magnitude >> BigInt(shift)) * 2 ** (shift - Number(BITS));
}

const times = (a: bigint, b: bigint) => (a * b) >> BITS;
const over = (a: bigint, b: bigint) => (a << BITS) / b;

function root(x: bigint): bigint {
  let y = fixed(Math.sqrt(double(x)));
  for (let k = 0; k < 5; k++) y = (y + over(x, y)) >> 1n;
  return y;
}

/** Σ c_k z^k from c_0 and the ratios c_k / c_(k-1) as fractions. */
function series(first: [bigint, bigint], ratio: (k: bigint) => [bigint, bigint]): (z: bigint) => bigint {
  return (z) => {
    let term = first[0] * ONE / first[1];
    let sum = term;
    for (let k = 1n; k < 2000n && (term > 4n || term < -4n); k++) {
      const [numerator, denominator] = ratio(k);
      term = times(term, z) * numerator / denominator;
      sum += term;
    }
    return sum;
  };
}

const PI = 4n *
  (4n * arctangentOfInverse(5n) - arctangentOfInverse(239n));

function arctangentOfInverse(n: bigint): bigint {
  return series([1n, n], (k) => [-(2n * k - 1n), (2n * k + 1n) * n * n])(ONE);
}

const exponential = series([1n, 1n], (k) => [1n, k]);
const errorFunction = series([1n, 1n], (k) => [-(2n * k - 1n), k * (2n * k + 1n)]);
const TWO_OVER_SQRT_PI = over(2n * ONE, root(PI));

/** exp(x²) erfc(x): by the series of erf, beyond 6 by the continued fraction. */
function scaledErfc(x: bigint): bigint {
  const square = times(x, x);
  if (x < 6n * ONE) {
    return times(exponential(square), ONE - times(TWO_OVER_SQRT_PI, times(x, errorFunction(square))));
  }
  let tail = x;
  for (let n = 400n; n >= 1n; n--) tail = x + over(n * ONE / 2n, tail);
  return over(over(ONE, root(PI)), tail);
}

/** Where the variable t = (x - 2) / (x + 2) of `erfcx` puts x. */
function scaledErfcOfMap(t: bigint): bigint {
  const x = over(2n * (ONE + t), ONE - t);
  return times(ONE + 2n * x, scaledErfc(x));
}

interface Task {
  readonly name: string;
  readonly f: (x: bigint) => bigint;
  readonly from: number;
  readonly to: number;
  /** Degree for each precision it is used in. */
  readonly f32?: number;
  readonly f64?: number;
}

const HALF_LN2 = Math.LN2 / 2 * 1.001;
const logTail = series([1n, 3n], (k) => [-(k + 2n), k + 3n]);
const tasks: Task[] = [
  {
    name: "exp: (e^x - 1 - x) / x^2",
    f: series([1n, 2n], (k) => [1n, k + 2n]),
    from: -HALF_LN2,
    to: HALF_LN2,
    f32: 4,
    f64: 9,
  },
  { name: "log: (log(1+x) - x + x^2/2) / x^3", f: logTail, from: Math.SQRT1_2 - 1, to: Math.SQRT2 - 1, f32: 7 },
  {
    name: "atanh: (2 atanh(s) - 2 s) / s^3 in s^2",
    f: series([2n, 3n], (k) => [2n * k + 1n, 2n * k + 3n]),
    from: 0,
    to: 0.02944,
    f32: 2,
    f64: 6,
  },
  {
    name: "atanh5: (2 atanh(s) - 2 s - 2/3 s^3) / s^5 in s^2",
    f: series([2n, 5n], (k) => [2n * k + 3n, 2n * k + 5n]),
    from: 0,
    to: 0.02944,
    f64: 7,
  },
  {
    name: "sin: (sin(x) - x) / x^3 in x^2",
    f: series([-1n, 6n], (k) => [-1n, (2n * k + 2n) * (2n * k + 3n)]),
    from: 0,
    to: 0.6170,
    f32: 2,
    f64: 5,
  },
  {
    name: "cos: (cos(x) - 1 + x^2/2) / x^4 in x^2",
    f: series([1n, 24n], (k) => [-1n, (2n * k + 3n) * (2n * k + 4n)]),
    from: 0,
    to: 0.6170,
    f32: 2,
    f64: 5,
  },
  {
    name: "atan: (atan(x) - x) / x^3 in x^2",
    f: series([-1n, 3n], (k) => [-(2n * k + 1n), 2n * k + 3n]),
    from: 0,
    to: 0.1716,
    f32: 4,
    f64: 10,
  },
  {
    name: "asin: (asin(x) - x) / x^3 in x^2",
    f: series([1n, 6n], (k) => [(2n * k + 1n) ** 2n, (2n * k + 2n) * (2n * k + 3n)]),
    from: 0,
    to: 0.25,
    f32: 4,
    f64: 11,
  },
  {
    name: "sinh: (sinh(x) - x) / x^3 in x^2",
    f: series([1n, 6n], (k) => [1n, (2n * k + 2n) * (2n * k + 3n)]),
    from: 0,
    to: 1,
    f32: 2,
    f64: 6,
  },
  { name: "tanh: (tanh(x) - x) / x^3 in x^2", f: hyperbolicTangentTail, from: 0, to: 0.3907, f32: 4 },
  {
    name: "erf: erf(x) / x - 1 in x^2",
    f: (z) => times(TWO_OVER_SQRT_PI, errorFunction(z)) - ONE,
    from: 0,
    to: 1,
    f32: 6,
    f64: 12,
  },
  {
    name: "erfcx: (1 + 2x) exp(x^2) erfc(x) in (x - 2) / (x + 2)",
    f: scaledErfcOfMap,
    from: -1,
    to: 0.867,
    f64: 25,
  },
  {
    name: "erfcx32: the same to x = 10.2",
    f: scaledErfcOfMap,
    from: -1,
    to: 0.673,
    f32: 9,
  },
];

/** From tanh = sinh / cosh by their series. */
function hyperbolicTangentTail(z: bigint): bigint {
  if (z < ONE >> 40n) return -ONE / 3n + times(z, 2n * ONE / 15n);
  const sinh = series([1n, 1n], (k) => [1n, 2n * k * (2n * k + 1n)])(z);
  const cosh = series([1n, 1n], (k) => [1n, 2n * k * (2n * k - 1n)])(z);
  return over(over(sinh, cosh) - ONE, z);
}

/** Coefficients, lowest power first, of the polynomial through f at the Chebyshev nodes. */
function interpolate({ f, from, to }: Task, degree: number): bigint[] {
  const nodes = Array.from({ length: degree + 1 }, (_, k) => {
    return fixed((from + to) / 2 + (to - from) / 2 * Math.cos(Math.PI * (2 * k + 1) / (2 * degree + 2)));
  });
  const divided = nodes.map(f);
  for (let k = 1; k <= degree; k++) {
    for (let i = degree; i >= k; i--) divided[i] = over(divided[i] - divided[i - 1], nodes[i] - nodes[i - k]);
  }
  let polynomial = [divided[degree]];
  for (let k = degree - 1; k >= 0; k--) {
    const shifted = [0n, ...polynomial];
    polynomial = shifted.map((c, i) => c - (i < polynomial.length ? times(polynomial[i], nodes[k]) : 0n));
    polynomial[0] += divided[k];
  }
  return polynomial;
}

const wanted = Deno.args;
for (const task of tasks) {
  if (wanted.length > 0 && !wanted.some((name) => task.name.startsWith(`${name}:`))) continue;
  for (const [precision, degree] of [["f32", task.f32], ["f64", task.f64]] as const) {
    if (degree === undefined) continue;
    const round = precision === "f32" ? Math.fround : (x: number) => x;
    const coefficients = interpolate(task, degree).map((c) => round(double(c)));
    let worst = 0;
    for (let k = 0; k <= 300; k++) {
      const x = fixed(task.from + (task.to - task.from) * k / 300);
      const p = coefficients.reduceRight((sum, c) => times(sum, x) + fixedExactly(c), 0n);
      worst = Math.max(worst, Math.abs(double(p - task.f(x))));
    }
    console.log(`${task.name}, ${precision} on [${task.from}, ${task.to}], error 2^${Math.log2(worst).toFixed(1)}`);
    console.log(`  [${coefficients.join(", ")}]`);
  }
}

/** A double as a fixed-point number, however small. */
function fixedExactly(x: number): bigint {
  return BigInt(Math.round(x * 2 ** 200 / 2 ** Math.max(0, Math.floor(Math.log2(Math.abs(x))) + 200 - 60))) <<
    (BITS - 200n + BigInt(Math.max(0, Math.floor(Math.log2(Math.abs(x))) + 200 - 60)));
}
