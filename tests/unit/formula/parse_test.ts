import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { call, constant, element, equal, type Expr, FormulaError, name, parse } from "../../../src/formula/mod.ts";

const [a, b, c, d, x] = ["a", "b", "c", "d", "x"].map(name);
const n = constant;

const readings: [string, Expr][] = [
  ["a + b * c", call("add", a, call("mul", b, c))],
  ["a - b - c", call("sub", call("sub", a, b), c)],
  ["a / b * c % d", call("mod", call("mul", call("div", a, b), c), d)],
  ["a ^ b ^ c", call("pow", a, call("pow", b, c))],
  ["-x ^ 2", call("neg", call("pow", x, n(2)))],
  ["-2 ^ 2", call("neg", call("pow", n(2), n(2)))],
  ["(-2) ^ 2", call("pow", n(-2), n(2))],
  ["2 ^ -x", call("pow", n(2), call("neg", x))],
  ["-a * b", call("mul", call("neg", a), b)],
  ["a - -b", call("sub", a, call("neg", b))],
  ["a-2", call("sub", a, n(2))],
  ["- 2", n(-2)],
  ["-(2)", call("neg", n(2))],
  ["-0", n(-0)],
  ["a < b && c >= d || !x", call("or", call("and", call("lt", a, b), call("ge", c, d)), call("not", x))],
  ["!a != b", call("ne", call("not", a), b)],
  ["a ? b : c ? d : x", call("select", a, b, call("select", c, d, x))],
  ["a ? b ? c : d : x", call("select", a, call("select", b, c, d), x)],
  ["where(a, b, c)", call("select", a, b, c)],
  ["pow(a, b)", call("pow", a, b)],
  ["mod(a, b)", call("mod", a, b)],
  ["max(a, b, c, d)", call("max", a, b, c, d)],
  ["pi", n(Math.PI)],
  ["-inf", n(-Infinity)],
  ["nan", n(NaN)],
  ["x[i]", element("x", "i")],
  ["x [ j , 12 ]", element("x", "j", 12)],
  ["sqdist(x[i], x[j])", call("sqdist", element("x", "i"), element("x", "j"))],
  ["i + j", call("add", name("i"), name("j"))],
  ["1e3 + 2.5e-3 + .5 + 2. + 1E+2", [2.5e-3, .5, 2, 100].reduce((s, v) => call("add", s, n(v)), n(1e3))],
  ["\n a\t+\n b ", call("add", a, b)],
  ["expx", name("expx")],
  ["e", name("e")],
  ["add", name("add")],
];

Deno.test("parse() reads operators with the usual precedence and associativity", () => {
  for (const [text, tree] of readings) {
    assert(equal(parse(text), tree), `${text} was read as ${JSON.stringify(parse(text))}`);
  }
});

Deno.test("parse() gives names that are keywords elsewhere no meaning", () => {
  for (const word of ["var", "let", "fn", "return", "constructor", "__proto__", "hasOwnProperty", "toString", "this"]) {
    assert(equal(parse(word), name(word)), word);
  }
});

Deno.test("parse() keeps the trees of texts that it has read", () => {
  assertStrictEquals(parse("a + 17"), parse("a + 17"));
});

Deno.test("parse() remembers where each node stands", () => {
  const tree = parse("a + exp(x[i])") as Extract<Expr, { kind: "call" }>;
  assertEquals(tree.at, 2);
  assertEquals(tree.args.map((e) => e.at), [0, 4]);
});

/** What is wrong with a text, and where. */
const refusals: [string, string, number][] = [
  ["", "Formula is empty", 0],
  ["  ", "Formula is empty", 0],
  ["a +", "Formula ends too early, expected a number, a name or a parenthesis", 3],
  ["a b", 'Unexpected "b", expected an operator or the end', 2],
  ["(a", 'Formula ends too early, expected an operator or ")"', 2],
  ["a)", 'Unexpected ")", expected an operator or the end', 1],
  ["a < b < c", "Comparisons do not chain: write a < b && b < c", 6],
  ["a + (a == b != c)", "Comparisons do not chain: write a < b && b < c", 12],
  ["a ? b", 'Formula ends too early, expected an operator or ":"', 5],
  ["2x", 'Unexpected "2", expected a number, a name or a parenthesis', 0],
  ["1..2", 'Unexpected ".", expected an operator or the end', 2],
  ["1e", 'Unexpected "1", expected a number, a name or a parenthesis', 0],
  ["a & b", 'Unexpected "&", expected an operator or the end', 2],
  ["a = b", 'Unexpected "=", expected an operator or the end', 2],
  ["sgmoid(x)", 'Unknown function "sgmoid", did you mean "sigmoid"?', 0],
  ["1 + epx(x)", 'Unknown function "epx", did you mean "exp"?', 4],
  ["quux(x)", 'Unknown function "quux"', 0],
  ["add(a, b)", 'Unknown function "add"', 0],
  ["constructor(x)", 'Unknown function "constructor"', 0],
  ["1 + pow(a)", 'Expected 2 arguments for "pow", got 1', 4],
  ["exp()", 'Expected 1 argument for "exp", got 0', 0],
  ["min(a)", 'Expected at least 2 arguments for "min", got 1', 0],
  ["clamp(a, b)", 'Expected 3 arguments for "clamp", got 2', 0],
  ["2 * exp", '"exp" is a function: call it as exp(…), or give the input another name', 4],
  ["norm[i]", '"norm" is a function: call it as norm(…), or give the input another name', 0],
  ["pi[i]", '"pi" is a constant and has no rows', 0],
  ["x[k]", 'Unexpected "k", expected i or j', 2],
  ["x[ii]", 'Unexpected "i", expected i or j', 2],
  ["x[0]", 'Unexpected "0", expected i or j', 2],
  ["x[i, -1]", 'Unexpected "-", expected the number of a component', 5],
  ["x[i, 0.5]", 'Unexpected ".", expected "]"', 6],
  ["x[i, 99999999999999999]", "Component 99999999999999999 is too large", 5],
  // Attempts to have something else read.
  ["a; drop", 'Unexpected ";", expected an operator or the end', 1],
  ["`a`", 'Unexpected "`", expected a number, a name or a parenthesis', 0],
  ["${a}", 'Unexpected "$", expected a number, a name or a parenthesis', 0],
  ['x["y"]', 'Unexpected """, expected i or j', 2],
  ["a.constructor", 'Unexpected ".", expected an operator or the end', 1],
  ["(() => 1)()", 'Unexpected ")", expected a number, a name or a parenthesis', 2],
  ["a // b", 'Unexpected "/", expected a number, a name or a parenthesis', 3],
  ["a /* b */", 'Unexpected "*", expected a number, a name or a parenthesis', 3],
  ["é", 'Unexpected "é", expected a number, a name or a parenthesis', 0],
  ["a + 😀", 'Unexpected "😀", expected a number, a name or a parenthesis', 4],
  ["a × b", 'Unexpected "×", expected an operator or the end', 2],
  ["ａ", 'Unexpected "ａ", expected a number, a name or a parenthesis', 0],
  ["a\0b", 'Unexpected "\0", expected an operator or the end', 1],
];

Deno.test("parse() refuses what is no formula, says why, and puts a caret under the place", () => {
  for (const [text, what, position] of refusals) {
    const error = assertThrows(() => parse(text), FormulaError);
    assertEquals(error.message.split("\n")[0], what, text);
    assertEquals(error.position, position, text);
    assertEquals(error.formula, text);
  }
});

Deno.test("the message of a FormulaError shows the formula and the caret", () => {
  assertEquals(
    assertThrows(() => parse("1 + sgmoid(x)"), SyntaxError).message,
    'Unknown function "sgmoid", did you mean "sigmoid"?\n  1 + sgmoid(x)\n      ^',
  );
  assertEquals(
    assertThrows(() => parse("a +\n  b c\n  + d"), FormulaError).message,
    'Unexpected "c", expected an operator or the end\n    b c\n      ^',
  );
});

Deno.test("the message of a FormulaError shows only the part of a long formula around the place", () => {
  const text = `${"a + ".repeat(100)}b c${" + d".repeat(100)}`;
  const [, line, caret] = assertThrows(() => parse(text), FormulaError).message.split("\n");
  assertEquals(line.length < 120, true);
  assertEquals(line[caret.indexOf("^")], "c");
});

Deno.test("parse() refuses what is not a string", () => {
  assertThrows(() => parse(1 as unknown as string), TypeError, "Cannot parse a formula of type number");
});

Deno.test("parse() reads deep formulas or refuses them with a FormulaError", () => {
  for (const depth of [100, 1000, 20_000]) {
    for (
      const text of [
        "(".repeat(depth) + "x" + ")".repeat(depth),
        "-".repeat(depth) + "x",
        "x ^ ".repeat(depth) + "x",
        "exp(".repeat(depth) + "x" + ")".repeat(depth),
        "(".repeat(depth),
      ]
    ) {
      try {
        parse(text);
      } catch (error) {
        assert(error instanceof FormulaError, `${error}`);
      }
    }
  }
  const nested = "(".repeat(100) + "x" + ")".repeat(100);
  assert(equal(parse(nested), x));
});

Deno.test("parse() reads long sums", () => {
  const terms = 999;
  const tree = parse(Array(terms).fill("a").join(" + "));
  let count = 1;
  for (let e: Expr = tree; e.kind === "call"; e = e.args[0]) count++;
  assertEquals(count, terms);
});
