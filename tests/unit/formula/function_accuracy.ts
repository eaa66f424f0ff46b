import { generator, pointIn } from "./random.ts";

/** The floating-point types. */
export type Float = "f32" | "f64";
type Bound = number | ((...args: number[]) => number);

/** Largest errors in units of the last place; 4 where nothing is said. */
const bounds: Record<Float, Record<string, Bound>> = {
  f32: {
    exp: 1.5,
    exp2: 1.5,
    expm1: 1.5,
    log: 1.5,
    log2: 1.5,
    log1p: 1.5,
    log10: 2,
    tanh: 1.5,
    sigmoid: 2,
    rsqrt: 2,
    // x times a sigmoid that has few digits left.
    silu: (x) => x < -80 ? 4 - x : 4,
  },
  f64: {
    exp: 1,
    exp2: 1,
    expm1: 2,
    log: 1,
    log2: 2,
    log1p: 2,
    log10: 2,
    pow: 2,
    // Half of it is due to the function compared with.
    sigmoid: 4,
    // Here it is the function compared with that is not better.
    erf: 9,
    gelu: (x) => 40 + 2 * x * x,
  },
};
const exact = ["add", "sub", "mul", "div", "neg", "abs", "sign", "min", "max", "clamp", "relu", "select", "square"]
  .concat(["reciprocal", "sqrt", "floor", "ceil", "trunc", "round", "isnan", "isfinite", "and", "or", "not"])
  .concat(["lt", "le", "gt", "ge", "eq", "ne"]);
for (const fn of exact) {
  bounds.f32[fn] = 0.5;
  bounds.f64[fn] = 0;
}
bounds.f64.mod = 0;

/** The distance of neighbouring numbers at x. */
export function unitInLastPlace(x: number, scalar: Float): number {
  const [least, bits] = scalar === "f32" ? [-126, 23] : [-1022, 52];
  return 2 ** (Math.max(least, Math.floor(Math.log2(Math.abs(x)))) - bits);
}

const edges = [0, 1, 0.5, 1.5, 2, 3, 2.5, 7, 10, 1e-5, 1e5, 1e10, 1e22, 1e300, 1e-300, 1e-310, 5e-324, 3e-39, 1e-45]
  .concat([
    88.5,
    89,
    103.5,
    104,
    709,
    710,
    745,
    746,
    127.5,
    128,
    149,
    1023.5,
    1074,
    Infinity,
    NaN,
    Math.PI,
    Math.PI / 2,
  ])
  .concat([0.25, 0.625, Math.SQRT1_2, Math.SQRT2, 2 ** 24, 2 ** 53, 3.4e38, 6000, 2 ** 20, 22, 40])
  .flatMap((x) => [x, -x]);

/** Arguments: all edges against each other, and random ones of every size. */
export function argumentsOf(
  arity: number,
  intervals: readonly (readonly [number, number])[],
  round: (x: number) => number,
): number[][] {
  const random = generator(5);
  const columns: number[][] = Array.from({ length: arity }, () => []);
  const put = (...point: number[]) => columns.forEach((column, k) => column.push(round(point[k])));
  for (const x of edges) for (const y of arity === 1 ? [0] : edges) put(x, y, random() < 0.5 ? y : x);
  const sizes = [1, 10, 100, 800, 1e4, 1e7];
  for (let k = 0; k < 4000; k++) {
    put(...Array.from({ length: 3 }, () => {
      const x = random() * 2 - 1;
      return k % 8 < 6 ? x * sizes[k % 8] : k % 8 === 6 ? Math.exp(x * 700) * Math.sign(x) : Math.exp(x * 80);
    }));
    put(...pointIn(random, intervals, 3));
  }
  while (columns[0].length % 4 !== 0) put(1, 1, 1);
  return columns;
}

/** Whether a result is as good as the bound says; what is not finite and the sign of zeros must be the same. */
export function isGood(fn: string, scalar: Float, args: number[], got: number, f64: number): boolean {
  const expected = scalar === "f32" ? Math.fround(f64) : f64;
  if (Object.is(got, expected)) return true;
  // The plain formula 1 / (1 + exp(-x)) is 0 where exp overflows; where a result vanishes, engines lose its sign.
  if (["sigmoid", "silu"].includes(fn) && args[0] < -700) return Math.abs(got - f64) < 1e-300;
  if (fn === "atan2" && expected === 0 && got === 0) return args[0] !== 0;
  const given = bounds[scalar][fn] ?? 4;
  const bound = typeof given === "number" ? given : given(...args);
  const limit = scalar === "f32" ? 3.4028235677973366e38 : Number.MAX_VALUE;
  if (Number.isFinite(got) !== Number.isFinite(expected)) {
    // Next to the largest number, a result within the bound may be on the other side.
    return !Number.isNaN(got) && Math.abs(Math.abs(f64) / limit - 1) < 1e-6;
  }
  if (got === 0 && expected === 0) return false;
  return Math.abs(got - f64) <= bound * unitInLastPlace(f64, scalar);
}
