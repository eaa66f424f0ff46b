import { assert, assertEquals } from "@std/assert";
import {
  compile,
  compilePairwise,
  errorBound,
  type Expr,
  name,
  parse,
  print,
  simplify,
  size,
} from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { isRegular } from "./interpret.ts";
import { generator } from "./random.ts";
import { formula } from "./random_tree.ts";

Deno.test("simplify() takes away what changes nothing", () => {
  const rules = {
    "x * 1": "x",
    "1 * x": "x",
    "x / 1": "x",
    "x + 0": "x",
    "0 + x": "x",
    "x - 0": "x",
    "0 - x": "-x",
    "x ^ 1": "x",
    "x ^ 0": "1",
    "--x": "x",
    "x + -y": "x - y",
    "-x + y": "y - x",
    "x - -y": "x + y",
    "-(x - y)": "y - x",
    "-x * -y": "x * y",
    "-x * y": "-(x * y)",
    "x * -1": "-x",
    "-x / y": "-(x / y)",
    "x * 0": "0",
    "0 / x": "0",
    "x * 3": "3 * x",
    "2 * (3 * x)": "6 * x",
    "1 / 2 + 3 * 4": "12.5",
    "1 / 3": "1 / 3",
    "0.1 + 0.2": "0.1 + 0.2",
    "c ? x : x": "x",
    "1 ? x : y": "x",
    "!c ? x : y": "c ? y : x",
    "exp(0 * x)": "exp(0)",
    "sum(0 * v[j])": "0",
    "x + y": "x + y",
  };
  for (const [text, simple] of Object.entries(rules)) assertEquals(print(simplify(parse(text))), simple, text);
});

Deno.test("simplify() does not change how many components a sum has", () => {
  const signature = { v: { kind: "row", length: 4 }, s: { kind: "row" } } as const;
  const inputs = { v: { data: [1, 2, 3, 4], width: 4 }, s: { data: [7], width: 1 } };
  const texts = [
    "sum(0 * v[i] + 3)",
    "sum(v[i] ^ 0 + s[i])",
    "sum(v[i] < 2 ? s[i] : s[i])",
    "sum((1 ? 2 : v[i]) * s[i])",
  ];
  for (const text of texts) {
    const value = (e: Expr) => compilePairwise(e, signature, inputs)(0, 0, 0);
    assertEquals(value(simplify(parse(text))), value(parse(text)), text);
  }
});

Deno.test("simplified formulas are not larger and have the same value", () => {
  const random = generator(61 + 7007);
  const names = ["a", "b"];
  const words = {
    scalar: [...functions.values()].filter((r) => !r.folds).map((r) => r.name).flatMap((fn) =>
      ["add", "sub", "mul", "neg", "div"].includes(fn) ? Array(8).fill(fn) : [fn]
    ),
    folds: [],
    leaves: [...names.map((n) => name(n)), parse("0"), parse("1"), parse("-1")],
    vectors: [],
  };
  let told = 0;
  for (let k = 0; k < 1000; k++) {
    const expr = formula(random, 1 + k % 5, words);
    const simple = simplify(expr);
    assert(size(simple) <= size(expr), print(expr));
    assertEquals(print(simplify(simple)), print(simple));
    const point = names.map(() => random() * 4 - 2);
    const want = compile(expr, names)(...point);
    const leaf = (e: Expr) => point[names.indexOf((e as { name: string }).name)];
    const { bound } = errorBound(expr, leaf, 2 ** -52);
    // 0 * x is 0 only where x is finite.
    if (!isRegular(expr, leaf) || !((bound as number) < 1e-6 * (1 + Math.abs(want)))) continue;
    told++;
    const got = compile(simple, names)(...point);
    assert(Math.abs(got - want) <= (bound as number), `${print(expr)} = ${want}, ${print(simple)} = ${got}`);
  }
  assert(told > 400, `${told}`);
});
