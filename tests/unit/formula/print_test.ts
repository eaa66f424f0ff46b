import { assert, assertEquals } from "@std/assert";
import { call, constant, equal, name, parse, print } from "../../../src/formula/mod.ts";
import { generator } from "./random.ts";
import { anyTree } from "./random_tree.ts";

Deno.test("what print() writes is read back as the same tree", () => {
  const random = generator(11);
  for (let k = 0; k < 3000; k++) {
    const tree = anyTree(random, 1 + k % 6);
    const text = print(tree);
    assert(equal(parse(text), tree), `${text}\n${JSON.stringify(tree)}\n${JSON.stringify(parse(text))}`);
    assertEquals(print(parse(text)), text);
  }
});

Deno.test("print() writes the parentheses that are needed and no others", () => {
  const unchanged = [
    "a + b * c",
    "(a + b) * c",
    "a - (b - c)",
    "a - b - c",
    "a / (b * c)",
    "(a ^ b) ^ c",
    "a ^ b ^ c",
    "a ^ -b",
    "-x ^ 2",
    "(-x) ^ 2",
    "-(a * b)",
    "-a * b",
    "-(-x)",
    "-(2)",
    "-2 * x",
    "a - -2",
    "(-2) ^ 2",
    "(a ? b : c) ? d : e",
    "a ? b : c ? d : e",
    "a < b || c && d",
    "(a || b) && c",
    "(a < b) < c",
    "!(a < b)",
    "x[i, 0] + y[j]",
    "max(a, b + c, -d)",
    "pi * inf + nan",
    "1e+21 + 1e-30",
    "!!a",
    "-!a",
  ];
  for (const text of unchanged) assertEquals(print(parse(text)), text);
});

Deno.test("print() writes trees built by hand", () => {
  assertEquals(print(call("mul", call("add", name("a"), constant(1)), name("b"))), "(a + 1) * b");
  assertEquals(print(constant(-0)), "-0");
  assertEquals(print(call("select", name("c"), constant(1), constant(2))), "c ? 1 : 2");
});
