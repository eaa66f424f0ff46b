import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  call,
  compile,
  compilePairwise,
  element,
  errorBound,
  type Expr,
  FormulaError,
  integerCapable,
  name,
  parse,
  print,
  type Signature,
} from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { generator } from "./random.ts";
import { formula } from "./random_tree.ts";
import { interpret, isRegular } from "./interpret.ts";

const LENGTH = 9;
const signature: Signature = {
  a: { kind: "plain" },
  b: { kind: "plain" },
  s: { kind: "row" },
  u: { kind: "row", length: LENGTH },
  v: { kind: "row", length: LENGTH },
};
const records = [...functions.values()];
const words = {
  scalar: records.filter((r) => !r.folds).map((r) => r.name),
  folds: records.filter((r) => r.folds).map((r) => r.name),
  leaves: [name("a"), name("b"), element("s", "i"), element("s", "j"), element("u", "i", 0), element("v", "j", 8)],
  vectors: [element("u", "i"), element("v", "j"), element("u", "j")],
};
/** The interpreter's formulas are the shortest, not the most accurate: they may lose five bits in each function. */
const LOOSE = 2 ** -48;

Deno.test("compiled formulas give what a plain interpreter gives", () => {
  const random = generator(41);
  const rows = 3;
  let told = 0;
  let all = 0;
  for (let k = 0; k < 1500; k++) {
    const vector = k % 3 === 0;
    const expr = formula(random, 1 + k % 5, words, vector);
    const data = (width: number) => Array.from({ length: rows * width }, () => random() * 6 - 3);
    const inputs = {
      a: random() * 4 - 2,
      b: random() * 4 - 2,
      s: { data: data(1), width: 1 },
      u: { data: data(LENGTH), width: LENGTH },
      v: { data: data(LENGTH), width: LENGTH },
    };
    const f = compilePairwise(expr, signature, inputs);
    const [i, j] = [Math.floor(random() * rows), Math.floor(random() * rows)];
    const leaf = (e: Expr): number | number[] => {
      if (e.kind === "name") return inputs[e.name as "a" | "b"];
      if (e.kind !== "element") throw new Error("not a leaf");
      const { data, width } = inputs[e.name as "s" | "u" | "v"];
      const row = data.slice((e.index === "i" ? i : j) * width, ((e.index === "i" ? i : j) + 1) * width);
      return e.component !== undefined ? row[e.component] : width === 1 ? row[0] : row;
    };
    // Beyond an infinity the signs of zeros matter, which the interpreter's formulas do not keep.
    const regular = isRegular(expr, leaf);
    const expected = interpret(expr, leaf);
    const { bound } = errorBound(expr, leaf, LOOSE);
    for (let c = 0; c < (vector ? LENGTH : 1); c++) {
      const want = typeof expected === "number" ? expected : expected[c];
      const allowed = typeof bound === "number" ? bound : bound[c];
      all++;
      if (!regular || Math.abs(want) > 1e100 || !(allowed < 1e-6 * (1 + Math.abs(want)))) continue;
      told++;
      const got = f(i, j, c);
      assert(Math.abs(got - want) <= allowed, `${print(expr)}: ${got}, expected ${want} ± ${allowed}`);
    }
  }
  assert(told > 0.5 * all, `Only ${told} of ${all} values are finite with a useful bound`);
});

Deno.test("compile() takes values in the order of the names", () => {
  assertEquals(compile(parse("a - b / 2"), ["b", "a"])(4, 10), 8);
  assertEquals(compile(parse("a < b"), ["a", "b"])(1, 2), 1);
  assertEquals(compile(parse("2"), [])(), 2);
  assertEquals(compile(parse("x"), ["y", "x"])(1, 2), 2);
});

Deno.test("compile() refuses names that it was not given", () => {
  assertThrows(() => compile(parse("alpha + 1"), ["alhpa"]), FormulaError, 'did you mean "alhpa"?');
  assertThrows(() => compile(parse("x[i]"), ["x"]), FormulaError, 'Input "x" has no rows');
});

Deno.test("names with a meaning in JavaScript are inputs like any other", () => {
  const names = ["var", "return", "h", "this", "Math", "constructor", "__proto__", "t0", "a0", "i", "k", "arguments"];
  const sum = names.slice(1).reduce<Expr>((e, n) => call("add", e, name(n)), name(names[0]));
  assertEquals(compile(sum, names)(...names.map((_, k) => 2 ** k)), 2 ** names.length - 1);
});

Deno.test("text in hand-built trees never reaches the generated code", () => {
  const hostile = ["a; throw 1", "a) { }", "a\n", "x[0]", "", "1", "a-b", "é"];
  for (const text of hostile) {
    assertThrows(() => compile(name(text), [text]), FormulaError);
    assertThrows(() => compilePairwise(element(text, "i"), { [text]: { kind: "row" } }, {}), Error);
  }
  assertThrows(() => compile(call("sqrt(1);alert", name("a")), ["a"]), TypeError);
  assertThrows(() => compile(call("exp"), []), FormulaError);
});

Deno.test("compilePairwise() reads data when it is called", () => {
  const data = [1, 2, 3, 4];
  const f = compilePairwise(parse("x[i] * c - x[j]"), { x: { kind: "row", length: 2 }, c: { kind: "plain" } }, {
    x: { data, width: 2 },
    c: 10,
  });
  assertEquals([f(0, 1, 0), f(0, 1, 1), f(1, 0, 0)], [7, 16, 29]);
  data[0] = 5;
  assertEquals(f(0, 1, 0), 47);
});

Deno.test("compilePairwise() checks its data against the signature", () => {
  const signature: Signature = { x: { kind: "row", length: 2 }, c: { kind: "plain" } };
  const x = { data: [1, 2], width: 2 };
  const expr = parse("sum(x[i]) * c");
  assertThrows(() => compilePairwise(expr, signature, { x }), TypeError, 'Input "c" is missing');
  assertThrows(() => compilePairwise(expr, signature, { x: 1, c: 1 }), TypeError, 'Input "x" must be data with rows');
  assertThrows(() => compilePairwise(expr, signature, { x, c: x }), TypeError, 'Input "c" must be a number');
  const wide = { data: [1, 2, 3], width: 3 };
  assertThrows(
    () => compilePairwise(expr, signature, { x: wide, c: 1 }),
    TypeError,
    'Input "x" must have width 2, got 3',
  );
});

/** Exact integers, wrapped after every operation: the definition of the integer functions. */
function interpretInteger(expr: Expr, values: Record<string, bigint>, signed: boolean): bigint {
  const wrap = (x: bigint) => signed ? BigInt.asIntN(32, x) : BigInt.asUintN(32, x);
  if (expr.kind === "number") return wrap(BigInt(expr.value));
  if (expr.kind === "name") return values[expr.name];
  if (expr.kind !== "call") throw new Error("no elements here");
  const args = expr.args.map((arg) => interpretInteger(arg, values, signed));
  const [a, b, c] = args;
  const abs = (x: bigint) => x < 0n ? -x : x;
  const max = (x: bigint, y: bigint) => x > y ? x : y;
  const min = (x: bigint, y: bigint) => x < y ? x : y;
  const rules: Record<string, () => bigint | boolean> = {
    add: () => a + b,
    sub: () => a - b,
    mul: () => a * b,
    neg: () => -a,
    pow: () => a ** b,
    mod: () => b === 0n ? 0n : (a % b !== 0n && (a % b < 0n) !== (b < 0n)) ? a % b + b : a % b,
    abs: () => abs(a),
    sign: () => a > 0n ? 1n : a < 0n ? -1n : 0n,
    min: () => args.reduce(min),
    max: () => args.reduce(max),
    clamp: () => min(max(a, b), c),
    square: () => a * a,
    relu: () => max(a, 0n),
    lt: () => a < b,
    le: () => a <= b,
    gt: () => a > b,
    ge: () => a >= b,
    eq: () => a === b,
    ne: () => a !== b,
    and: () => a !== 0n && b !== 0n,
    or: () => a !== 0n || b !== 0n,
    not: () => a === 0n,
    select: () => a !== 0n ? b : c,
    floor: () => a,
    ceil: () => a,
    trunc: () => a,
    round: () => a,
    sum: () => a,
    dot: () => a * b,
    sqdist: () => (a - b) ** 2n,
    l1dist: () => abs(a - b),
    maxdist: () => abs(a - b),
  };
  return wrap(BigInt(rules[expr.fn]()));
}

for (const scalar of ["i32", "u32"] as const) {
  Deno.test(`formulas in ${scalar} wrap as exact integers do`, () => {
    const random = generator(43);
    const names = ["a", "b", "c"];
    const capable = records.filter((r) =>
      integerCapable(call(r.name, ...Array.from({ length: r.arity[0] }, (_, k) => name(names[k]))))
    ).map((r) => r.name);
    const vocabulary = { scalar: [...capable, "pow"], folds: [], leaves: names.map(name), vectors: [] };
    const edges = scalar === "i32" ? [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)] : [0, 1, 2 ** 31, 2 ** 32 - 1];
    for (let k = 0; k < 2000; k++) {
      const expr = constantPowers(formula(random, 1 + k % 4, vocabulary));
      assert(integerCapable(expr), print(expr));
      const f = compile(expr, names, scalar);
      const point = names.map(() => {
        if (random() < 0.4) return edges[Math.floor(random() * edges.length)];
        const x = Math.floor(random() * 2 ** 32);
        return random() < 0.5 ? x % 17 : scalar === "i32" ? x | 0 : x;
      });
      const values = Object.fromEntries(names.map((n, p) => [n, BigInt(point[p])]));
      const expected = interpretInteger(expr, values, scalar === "i32");
      assertEquals(f(...point), Number(expected), `${print(expr)} at ${point}`);
    }
  });
}

/** The formula with whole constants and only constant exponents. */
function constantPowers(expr: Expr): Expr {
  if (expr.kind === "number") return { kind: "number", value: Math.round(expr.value) || 0 };
  if (expr.kind !== "call") return expr;
  const args = expr.args.map(constantPowers);
  return call(expr.fn, ...(expr.fn === "pow" ? [args[0], { kind: "number" as const, value: 5 }] : args));
}

Deno.test("integerCapable() tells which formulas integers can compute", () => {
  for (const text of ["a * b + 3", "a % 4 == 0", "a ^ 3", "clamp(a, 0, 9)", "sqdist(x[i], y[j])", "a < b ? a : -b"]) {
    assert(integerCapable(parse(text)), text);
  }
  for (const text of ["a / b", "a * 0.5", "exp(a)", "a ^ -1", "a ^ b", "dist(x[i], y[j])", "inf", "sqrt(4)"]) {
    assert(!integerCapable(parse(text)), text);
  }
  const error = assertThrows(() => compile(parse("1 + a / b"), ["a", "b"], "i32"), FormulaError);
  assertEquals(error.message, "/ is not available in integers\n  1 + a / b\n        ^");
});
