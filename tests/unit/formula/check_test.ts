import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  call,
  check,
  compile,
  emitWgsl,
  equal,
  type Expr,
  FormulaError,
  gradient,
  name,
  parse,
  print,
  type Signature,
} from "../../../src/formula/mod.ts";

const signature: Signature = {
  eps: { kind: "plain" },
  s: { kind: "row" },
  x: { kind: "row", length: 3 },
  y: { kind: "row", length: 3 },
  z: { kind: "row", length: 4 },
  e: { kind: "row", length: 0 },
};

Deno.test("check() tells scalars from vectors and numbers from truth values", () => {
  const types = {
    "eps * 2": { kind: "scalar", boolean: false },
    "s[i] + s[j]": { kind: "scalar", boolean: false },
    "x[i] - y[j]": { kind: "vector", length: 3, boolean: false },
    "exp(s[i]) * z[j] / eps": { kind: "vector", length: 4, boolean: false },
    "x[i] < eps": { kind: "vector", length: 3, boolean: true },
    "eps > 1 && s[i]": { kind: "scalar", boolean: true },
    "x[i, 2]": { kind: "scalar", boolean: false },
    "sqdist(x[i], y[j]) + sum(z[i])": { kind: "scalar", boolean: false },
    "sqdist(s[i], s[j])": { kind: "scalar", boolean: false },
    "sqdist(x[i], 0)": { kind: "scalar", boolean: false },
    "eps < 0 ? x[i] : 0": { kind: "vector", length: 3, boolean: false },
    "e[i]": { kind: "vector", length: 0, boolean: false },
    "isnan(eps) + 1": { kind: "scalar", boolean: false },
  };
  for (const [text, type] of Object.entries(types)) assertEquals(check(parse(text), signature), type as never, text);
});

const refusals: [string, string, number][] = [
  ["1 / epz", 'Unknown name "epz", did you mean "eps"?', 4],
  ["x[i] + w[j]", 'Unknown name "w"', 7],
  ["eps + x", 'Input "x" has rows: write x[i] or x[j]', 6],
  ["2 * eps[i]", 'Input "eps" has no rows: write eps without an index', 4],
  ["eps[i, 0]", 'Input "eps" has no rows: write eps without an index', 0],
  ["s[i, 0]", 'Input "s" has one number per row: write s[i] without a component', 0],
  ["1 + x[i, 3]", 'Component 3 of "x" is out of range: expected 0 to 2', 4],
  ["e[i, 0]", 'Component 0 of "e" is out of range: it has none', 0],
  ["x[i] + z[j]", 'Cannot apply "+" to vectors of length 3 and 4', 5],
  ["sqdist(x[i], z[j])", 'Cannot apply "sqdist" to vectors of length 3 and 4', 0],
  ["eps ? x[i] : z[j]", 'Cannot apply "where" to vectors of length 3 and 4', 4],
  ["constructor", 'Unknown name "constructor"', 0],
  ["__proto__", 'Unknown name "__proto__"', 0],
  ["toString[i]", 'Unknown name "toString"', 0],
];

Deno.test("check() refuses formulas that do not fit their inputs and points at the place", () => {
  for (const [text, what, position] of refusals) {
    const error = assertThrows(() => check(parse(text), signature), FormulaError);
    assertEquals(error.message.split("\n")[0], what);
    assertEquals([error.formula, error.position], [text, position]);
  }
});

Deno.test("check() shows a tree that was built by hand as print() writes it", () => {
  const error = assertThrows(() => check(call("mul", name("eps"), call("exp", name("b"))), signature), FormulaError);
  assertEquals(error.message, 'Unknown name "b"\n  eps * exp(b)\n            ^');
});

Deno.test("check() reads own properties of the signature only", () => {
  const inherited = Object.create({ a: { kind: "plain" } });
  assertThrows(() => check(parse("a"), inherited), FormulaError, 'Unknown name "a"');
  assertEquals(check(parse("a"), Object.fromEntries([["a", { kind: "plain" }]])).kind, "scalar");
  const hostile = Object.fromEntries([["__proto__", { kind: "plain" }], ["constructor", {
    kind: "plain",
  }]]) as Signature;
  assertEquals(check(parse("__proto__ + constructor"), hostile).kind, "scalar");
});

Deno.test("a tree with an unknown function is refused", () => {
  assertThrows(() => check(call("constructor", name("eps")), signature), TypeError, 'Unknown function "constructor"');
});

Deno.test("formulas up to 1000 levels deep work everywhere, deeper ones are refused with a FormulaError", () => {
  const sum = (depth: number): Expr => {
    let e: Expr = name("eps");
    for (let k = 1; k < depth; k++) e = call("add", e, name("eps"));
    return e;
  };
  const deep = sum(1000);
  assertEquals(compile(deep, ["eps"])(1), 1000);
  const target = { name: () => "x", element: () => "x" };
  assertEquals(emitWgsl(deep, target, { scalar: "f32", signature }).value, "t999");
  assert(equal(parse(print(deep)), deep));
  assertEquals(compile(gradient(deep, signature).get("eps")!, [])(), 1000);
  for (const depth of [1001, 20_000]) {
    assertThrows(() => check(sum(depth), signature), FormulaError, "Formula is nested too deeply");
    assertThrows(() => compile(sum(depth), ["eps"]), FormulaError, "Formula is nested too deeply");
    assertThrows(() => gradient(sum(depth), signature), FormulaError, "Formula is nested too deeply");
  }
});
