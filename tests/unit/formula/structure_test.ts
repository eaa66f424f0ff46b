import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import {
  call,
  constant,
  element,
  equal,
  type Expr,
  gradient,
  key,
  leaves,
  name,
  parse,
  print,
  size,
  substitute,
} from "../../../src/formula/mod.ts";
import { generator } from "./random.ts";
import { anyTree } from "./random_tree.ts";

Deno.test("key() is the same for equal structures only", () => {
  const random = generator(21);
  const texts = new Map<string, string>();
  for (let k = 0; k < 2000; k++) {
    const tree = anyTree(random, 1 + k % 4);
    const text = print(tree);
    assertEquals(key(parse(text)), key(tree));
    const other = texts.get(key(tree));
    assert(other === undefined || other === text, `${text} and ${other} have one key`);
    texts.set(key(tree), text);
  }
});

Deno.test("key() tells names, elements, constants and zeros apart", () => {
  const different = [
    "x",
    "x[i]",
    "x[j]",
    "x[i, 0]",
    "x[i, 1]",
    "0",
    "-0",
    "1",
    "nan",
    "inf",
    "-(1)",
    "-1",
    "a - b",
    "b - a",
  ];
  assertEquals(new Set(different.map((text) => key(parse(text)))).size, different.length);
});

Deno.test("equal() ignores where formulas were written", () => {
  assert(equal(parse("a+b"), parse("  (a) + b")));
  assert(!equal(parse("a + b"), parse("b + a")));
});

Deno.test("size() counts the nodes of the tree", () => {
  assertEquals(size(parse("a * x[i] + 1")), 5);
  assertEquals(size(name("a")), 1);
});

/** x squared `times` times: a tree of 2^times leaves in `times` objects. */
function tower(times: number): Expr {
  let e: Expr = name("x");
  for (let k = 0; k < times; k++) e = call("mul", e, e);
  return e;
}

Deno.test("trees that share parts cost what their parts cost", () => {
  const tree = tower(60);
  assertEquals(size(tree), 2 ** 61 - 1);
  assert(key(tree).length < 2000);
  assert(equal(tree, tower(60)));
  assertEquals(leaves(tree).names, ["x"]);
  const other = substitute(tree, () => name("y"));
  assertEquals(leaves(other).names, ["y"]);
  assertNotEquals(key(other), key(tree));
  assert(key(gradient(tower(30), { x: { kind: "plain" } }).get("x")!).length < 4000);
});

Deno.test("leaves() lists the inputs that are read, sorted and once", () => {
  assertEquals(leaves(parse("b * a + x[j] * x[i] + x[i, 1] + x[i, 0] + y[j] * b * pi + x[i]")), {
    names: ["a", "b"],
    elements: [
      { name: "x", index: "i" },
      { name: "x", index: "i", component: 0 },
      { name: "x", index: "i", component: 1 },
      { name: "x", index: "j" },
      { name: "y", index: "j" },
    ],
  });
  assertEquals(leaves(constant(2)), { names: [], elements: [] });
});

Deno.test("substitute() replaces leaves and keeps what does not change", () => {
  const tree = parse("exp(a) + x[i] * x[i, 0]");
  const result = substitute(tree, (leaf) => {
    if (leaf.kind === "name") return parse("b - c");
    return leaf.kind === "element" && leaf.component === undefined ? element("z", "j") : undefined;
  });
  assertEquals(print(result), "exp(b - c) + z[j] * x[i, 0]");
  assertStrictEquals(substitute(tree, () => undefined), tree);
});
