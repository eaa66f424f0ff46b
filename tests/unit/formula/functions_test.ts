import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  call,
  compile,
  compilePairwise,
  element,
  name,
  parse,
  print,
  type Signature,
} from "../../../src/formula/mod.ts";
import { callable, functions } from "../../../src/formula/functions.ts";
import { generator, pointIn } from "./random.ts";

Deno.test("every function has a sample domain in which it is finite", () => {
  const random = generator(31);
  for (const record of functions.values()) {
    const [least, most] = record.arity;
    const { args } = record.domain;
    assert(args.length > 0 && (args.length === least || args.length === Math.min(most, 2)), `${record.name}: ${args}`);
    for (const [lo, hi] of args) assert(lo < hi, record.name);
    const names = ["a", "b", "c"].slice(0, least);
    const f = compile(call(record.name, ...names.map(name)), names);
    let smooth = 0;
    for (let k = 0; k < 200; k++) {
      const point = pointIn(random, args, least);
      assert(Number.isFinite(f(...point)), `${record.name} at ${point}`);
      if (record.domain.smooth?.(...point) ?? true) smooth++;
    }
    assert(smooth > 100, `${record.name} is smooth at only ${smooth} of 200 points of its domain`);
  }
});

Deno.test("every function can be emitted, and its derivative has one entry per argument", () => {
  for (const record of functions.values()) {
    const emission = record.wgsl && record.js && record.wasm || record.expand || record.fold;
    assert(emission, `${record.name} has no emission`);
    const args = Array.from({ length: record.arity[0] }, (_, k) => name(`a${k}`));
    assertEquals(record.vjp(args, call(record.name, ...args), name("g")).length, args.length, record.name);
  }
});

Deno.test("every function is called by its name or written as its operator", () => {
  for (const record of functions.values()) {
    const args = Array.from({ length: record.arity[0] }, (_, k) => name(`a${k}`));
    const tree = call(record.name, ...args);
    assertEquals(print(parse(print(tree))), print(tree));
    const text = record.form.kind === "call" ? record.name : record.alias;
    if (text !== undefined) assertEquals(callable.get(text), record);
  }
});

/** Values to 16 digits from an arbitrary-precision library. */
const erf = [
  [1e-300, 1.128379167095512602e-300],
  [1e-10, 1.128379167095512615e-10],
  [0.1, 0.1124629160182848984],
  [0.5, 0.5204998778130465377],
  [0.9, 0.7969082124228321397],
  [1, 0.8427007929497148693],
  [1.5, 0.9661051464753107271],
  [2, 0.9953222650189527342],
  [2.2, 0.9981371537020181101],
  [2.3, 0.9988568234026433475],
  [3, 0.9999779095030014146],
  [4, 0.9999999845827420997],
  [5, 0.9999999999984625402],
  [6.5, 1],
  [Infinity, 1],
];
const gelu = [
  [-37, -2.118461352334093424e-298],
  [-20, -5.50724823721246739e-88],
  [-8, -4.976768459417427299e-15],
  [-3, -0.00404969409489028358],
  [-1, -0.1586552539314570514],
  [-0.5, -0.1542687693629934482],
  [-0.001, -0.0004996010577860889478],
  [0.5, 0.3457312306370065518],
  [1, 0.8413447460685429486],
  [3, 2.995950305905109716],
  [10, 10],
];

Deno.test("erf and gelu are accurate in f64", () => {
  const f = compile(parse("erf(x)"), ["x"]);
  for (const [x, y] of erf) {
    assertAlmostEquals(f(x), y, 4 * Number.EPSILON * Math.abs(y));
    assertEquals(f(-x), -f(x));
  }
  assertEquals(f(NaN), NaN);
  const g = compile(parse("gelu(x)"), ["x"]);
  // exp(-x²/2) multiplies the rounding error of its argument by x²/2.
  for (const [x, y] of gelu) assertAlmostEquals(g(x), y, (4 + x * x) * Number.EPSILON * Math.abs(y));
});

Deno.test("functions keep the conventions of NumPy at ties, signs and edges", () => {
  const value = (text: string) => compile(parse(text), [])();
  const expected: Record<string, number> = {
    "7 % 3": 1,
    "-7 % 3": 2,
    "7 % -3": -2,
    "-7 % -3": -1,
    "5 % inf": 5,
    "-5 % inf": Infinity,
    "5 % 0": NaN,
    "round(0.5)": 0,
    "round(1.5)": 2,
    "round(2.5)": 2,
    "round(-1.5)": -2,
    "round(-0.4)": -0,
    "round(4503599627370497)": 4503599627370497,
    "0 ^ 0": 1,
    "nan ^ 0": 1,
    "1 ^ nan": 1,
    "(-1) ^ inf": 1,
    "(-8) ^ 3": -512,
    "(-8) ^ 0.5": NaN,
    "2 ^ -2": 0.25,
    "max(1, nan)": NaN,
    "min(nan, 1)": NaN,
    "max(3, 1, 2)": 3,
    "relu(nan)": NaN,
    "sign(nan)": NaN,
    "sign(-3)": -1,
    "log(0)": -Infinity,
    "log(-1)": NaN,
    "sqrt(-1)": NaN,
    "0 * inf": NaN,
    "inf - inf": NaN,
    "nan == nan": 0,
    "nan != nan": 1,
    "nan < 1": 0,
    "isnan(nan)": 1,
    "isfinite(inf)": 0,
    "nan ? 1 : 2": 1,
    "!nan": 0,
    "!0": 1,
    "(1 < 2) + (2 < 1) + 1": 2,
    "sigmoid(-1000)": 0,
    "sigmoid(1000)": 1,
    "softplus(1000)": 1000,
    "softplus(-1000)": 0,
    "tanh(1000)": 1,
    "hypot(inf, nan)": Infinity,
    "clamp(5, 0, 1)": 1,
    "clamp(nan, 0, 1)": NaN,
    "trunc(-1.5)": -1,
    "cbrt(-27)": -3,
    "hypot(3, 4)": 5,
  };
  for (const [text, number] of Object.entries(expected)) assertEquals(value(text), number, text);
});

Deno.test("distances are taken by differences and keep the digits of near points", () => {
  const signature: Signature = { x: { kind: "row", length: 2 }, y: { kind: "row", length: 2 } };
  const inputs = { x: { data: [1e8, 1], width: 2 }, y: { data: [1e8 + 1, 1], width: 2 } };
  const f = compilePairwise(call("sqdist", element("x", "i"), element("y", "j")), signature, inputs);
  assertEquals(f(0, 0, 0), 1);
});
