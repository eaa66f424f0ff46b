import { assert } from "@std/assert";
import { call, compile, name } from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { generator, pointIn } from "./random.ts";
import { wasmFunction } from "./wasm_runner.ts";

type Float = "f32" | "f64";
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
function unitInLastPlace(x: number, scalar: Float): number {
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
function argumentsOf(arity: number, intervals: readonly (readonly [number, number])[], round: (x: number) => number) {
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
function isGood(fn: string, scalar: Float, args: number[], got: number, f64: number): boolean {
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

for (const scalar of ["f32", "f64"] as const) {
  Deno.test(`every function on ${scalar} lanes is as accurate as it says, also at its edges`, () => {
    const round = scalar === "f32" ? Math.fround : (x: number) => x;
    for (const record of functions.values()) {
      if (record.folds) continue;
      const names = ["a", "b", "c"].slice(0, record.arity[0]);
      const expr = call(record.name, ...names.map(name));
      const columns = argumentsOf(names.length, record.domain.args, round);
      const f = compile(expr, names);
      for (const relaxed of [true, false]) {
        const got = wasmFunction(expr, names, scalar, relaxed)(...columns);
        got.forEach((value, row) => {
          const args = columns.map((column) => column[row]);
          const want = f(...args);
          assert(isGood(record.name, scalar, args, value, want), `${record.name}(${args}): ${value}, expected ${want}`);
        });
      }
    }
  });
}

Deno.test("f64 erf and gelu are accurate where the f64 function is not", () => {
  // To 20 digits from an arbitrary-precision library.
  const erf = [[1.0317802899665107, 0.85547828614361283755], [2.1935349759615663, 0.998078644327806531]];
  const f = wasmFunction(call("erf", name("x")), ["x"], "f64");
  f(erf.map(([x]) => x)).forEach((value, k) => assert(Math.abs(value - erf[k][1]) <= 4 * 2 ** -53, `${value}`));
  const gelu = [[-35.82491871706439, -8.0987466058948301877e-280], [-5, -1.4332578593959695584e-6]];
  const g = wasmFunction(call("gelu", name("x")), ["x"], "f64");
  g(gelu.map(([x]) => x)).forEach((value, k) => {
    assert(Math.abs(value / gelu[k][1] - 1) <= 8 * 2 ** -52, `${value}, expected ${gelu[k][1]}`);
  });
});
