import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  call,
  compile,
  compilePairwise,
  constant,
  derivative,
  element,
  type Expr,
  FormulaError,
  gradient,
  name,
  parse,
  print,
  type Signature,
  size,
} from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { slope } from "./differences.ts";
import { isDifferentiable } from "./interpret.ts";
import { generator, pointIn } from "./random.ts";
import { formula } from "./random_tree.ts";

const records = [...functions.values()];

Deno.test("the derivative of every function is that of central differences", () => {
  const random = generator(51 + 7007);
  for (const record of records) {
    for (let arity = record.arity[0]; arity <= Math.min(record.arity[1], record.arity[0] + 1); arity++) {
      const names = ["a", "b", "c"].slice(0, arity);
      const expr = call(record.name, ...names.map(name));
      const f = compile(expr, names);
      const slopes = names.map((n) => compile(derivative(expr, n), names));
      let compared = 0;
      for (let k = 0; k < 100; k++) {
        const point = pointIn(random, record.domain.args, arity);
        if (!(record.domain.smooth?.(...point) ?? true)) continue;
        names.forEach((n, m) => {
          const along = (x: number) => f(...point.map((p, q) => q === m ? x : p));
          const { value, error } = slope(along, point[m], 1e-15 * Math.abs(f(...point)));
          const got = slopes[m](...point);
          const where = `d/d${n} ${print(expr)} at ${point}: ${got}, expected ${value} ± ${error}`;
          assert(error < 1e-4 * (1 + Math.abs(value)), where);
          assert(Math.abs(got - value) <= error + 1e-12 * Math.abs(value), where);
          compared++;
        });
      }
      assert(compared >= 50 * arity, `${record.name}: ${compared}`);
    }
  }
});

const LENGTH = 5;
const signature: Signature = {
  a: { kind: "plain" },
  s: { kind: "row" },
  u: { kind: "row", length: LENGTH },
  v: { kind: "row", length: LENGTH },
  g: { kind: "row", length: LENGTH },
};
const rowsOf = { a: 0, s: 1, u: LENGTH, v: LENGTH, g: LENGTH };

/** Rows 0 (index i) and 1 (index j) of each input; `a` is one number. */
type Data = Record<keyof typeof rowsOf, number[]>;

function evaluate(expr: Expr, data: Data): (k: number) => number {
  const inputs = Object.fromEntries(
    Object.entries(rowsOf).map(([n, width]) => [n, width === 0 ? data.a[0] : { data: data[n as keyof Data], width }]),
  );
  const f = compilePairwise(expr, signature, inputs);
  return (k) => f(0, 1, k);
}

const words = {
  scalar: records.filter((r) => !r.folds && !r.boolean && !["floor", "ceil", "round", "trunc"].includes(r.name))
    .map((r) => r.name),
  folds: records.filter((r) => r.folds).map((r) => r.name),
  leaves: [name("a"), element("s", "i"), element("s", "j"), element("u", "i", 0), element("v", "j", 4)],
  vectors: [element("u", "i"), element("v", "j"), element("u", "j"), element("v", "i")],
};

for (const vector of [false, true]) {
  Deno.test(`the gradient of random ${vector ? "vector" : "scalar"} formulas is that of central differences`, () => {
    const random = generator((vector ? 53 : 52) + 7007);
    let told = 0;
    let all = 0;
    for (let n = 0; n < 400; n++) {
      const expr = formula(random, 1 + n % 4, words, vector);
      const seed = vector ? element("g", "i") : constant(1);
      const draw = (count: number) => Array.from({ length: count }, () => random() * 4 - 2);
      const data: Data = { a: draw(1), s: draw(2), u: draw(2 * LENGTH), v: draw(2 * LENGTH), g: draw(2 * LENGTH) };
      const leaf = (e: Expr): number | number[] => {
        if (e.kind === "number" || e.kind === "call") throw new Error("not a leaf");
        const values = data[e.name as keyof Data];
        if (e.kind === "name") return values[0];
        const width = rowsOf[e.name as keyof Data];
        const row = values.slice(e.index === "j" ? width : 0, e.index === "j" ? 2 * width : width);
        return e.component !== undefined ? row[e.component] : width === 1 ? row[0] : row;
      };
      const smooth = isDifferentiable(expr, leaf);
      const total = (data: Data): number => {
        const f = evaluate(expr, data);
        if (!vector) return f(0);
        return Array.from({ length: LENGTH }, (_, k) => f(k) * data.g[k]).reduce((a, b) => a + b);
      };
      // What the gradient says of each number of the data: x[i] and x[i, 0] both read row 0.
      const expected = new Map<string, number>();
      for (const [leaf, adjoint] of gradient(expr, signature, seed)) {
        const [, input, index, component] = leaf.match(/^(\w+)(?:\[(i|j)(?:, (\d+))?\])?$/)!;
        const width = rowsOf[input as keyof Data];
        const f = evaluate(adjoint, data);
        const components = component !== undefined
          ? [Number(component)]
          : Array.from({ length: Math.max(1, width) }, (_, k) => k);
        for (const k of components) {
          const place = `${input} ${(index === "j" ? width : 0) + k}`;
          expected.set(place, (expected.get(place) ?? 0) + f(component === undefined ? k : 0));
        }
      }
      for (const [place, got] of expected) {
        const [input, position] = place.split(" ") as [keyof Data, string];
        const along = (x: number) => total({ ...data, [input]: data[input].with(Number(position), x) });
        const at = data[input][Number(position)];
        const { value, error } = slope(along, at, 1e-14 * Math.abs(total(data)));
        all++;
        // Kinks and poles near by show as a large error of the differences.
        if (!smooth || !(error < 1e-3 * (1 + Math.abs(value)))) continue;
        told++;
        const where = `d/d ${place} of ${print(expr)}: ${got}, expected ${value} ± ${error}`;
        assert(Math.abs(got - value) <= 4 * error + 1e-9 * (1 + Math.abs(value)), `${where}\n${JSON.stringify(data)}`);
      }
    }
    assert(told > 0.4 * all, `Only ${told} of ${all} derivatives could be compared`);
  });
}

Deno.test("gradient() has an entry for every leaf, zero where nothing flows", () => {
  const g = gradient(parse("floor(a) + s[i] * u[i, 2] + sum(u[i]) * 0 + (a < 1)"), signature);
  assertEquals([...g.keys()].sort(), ["a", "s[i]", "u[i, 2]", "u[i]"]);
  assertEquals(print(g.get("a")!), "0");
  assertEquals(print(g.get("s[i]")!), "u[i, 2]");
  assertEquals(print(g.get("u[i]")!), "0");
});

Deno.test("the seed multiplies the gradient", () => {
  const at = (seed: Expr) => print(gradient(parse("a ^ 3"), signature, seed).get("a")!);
  assertEquals(at(constant(1)), "3 * a ^ 2");
  assertEquals(at(name("a")), "a * (3 * a ^ 2)");
});

Deno.test("a scalar that is repeated over a vector collects from all components", () => {
  const of = (text: string) => print(gradient(parse(text), signature).get("a")!);
  assertEquals(of("sum(u[i] + a)"), "5");
  assertEquals(of("sum(u[i] * a)"), "sum(u[i])");
  assertEquals(of("dot(u[i], a)"), "sum(u[i])");
  assertEquals(of("sum(a)"), "1");
});

Deno.test("subgradients are 0 at 0, and ties share", () => {
  const at = (text: string, wrt: string, values: Record<string, number>) =>
    compile(derivative(parse(text), wrt), Object.keys(values))(...Object.values(values));
  assertEquals(at("abs(x)", "x", { x: 0 }), 0);
  assertEquals(at("relu(x)", "x", { x: 0 }), 0);
  assertEquals(at("hypot(x, y)", "x", { x: 0, y: 0 }), 0);
  assertEquals(at("max(x, y)", "x", { x: 2, y: 2 }), 0.5);
  assertEquals(at("min(x, y)", "y", { x: 2, y: 2 }), 0.5);
  assertEquals(at("max(x, y, 2)", "x", { x: 2, y: 2 }), 1 / 3);
  assertEquals(at("max(x, y, 2)", "x", { x: 1, y: 2 }), 0);
  assertEquals(at("clamp(x, 0, 1)", "x", { x: 1 }), 1);
  assertEquals(at("clamp(x, 0, 1)", "x", { x: 1.5 }), 0);
  assertEquals(at("x ^ 1", "x", { x: 0 }), 1);
  assertEquals(at("x ^ 2", "x", { x: 0 }), 0);
  assertEquals(at("x ^ y", "x", { x: 0, y: 1 }), 1);
  assertEquals(at("x ^ y", "y", { x: 0, y: 2 }), 0);
  assertEquals(at("x ^ y", "x", { x: 0, y: 0 }), 0);
  assertEquals(at("x > 0 ? x : 0 * x", "x", { x: -1 }), 0);
});

Deno.test("nothing comes back from a branch that is not taken, even where it is not finite", () => {
  const at = (text: string, x: number) => compile(derivative(parse(text), "x"), ["x"])(x);
  assertEquals(at("x > 0 ? sqrt(x) : 0", -1), 0);
  assertEquals(at("x > 0 ? log(x) * sqrt(x) : x", -1), 1);
  assertEquals(at("x == 0 ? 1 : sin(x) / x", 0), 0);
  assertEquals(at("x < 0 ? -x : x > 1 ? log(x - 1) ^ 2 : 3 * x", 0.5), 3);
  assertEquals(at("x > 0 ? exp(log(x)) : exp(log(-x))", -2), -1);
});

Deno.test("distances have derivative 0 where the points meet", () => {
  const data: Data = { a: [0], s: [0, 0], u: Array(10).fill(1), v: Array(10).fill(1), g: Array(10).fill(1) };
  for (const text of ["dist(u[i], v[j])", "norm(u[i] - v[j])", "maxdist(u[i], v[j])", "l1dist(u[i], v[j])"]) {
    const adjoint = gradient(parse(text), signature).get("u[i]")!;
    for (let k = 0; k < LENGTH; k++) assertAlmostEquals(evaluate(adjoint, data)(k), 0, 0, text);
  }
});

Deno.test("the farthest components share the derivative of maxdist equally", () => {
  const data: Data = {
    a: [0],
    s: [0, 0],
    u: [3, -3, 1, 0, 0, 0, 0, 0, 0, 0],
    v: Array(10).fill(0),
    g: Array(10).fill(1),
  };
  const f = evaluate(gradient(parse("maxdist(u[i], v[j])"), signature).get("u[i]")!, data);
  assertEquals([0, 1, 2, 3, 4].map((k) => f(k) || 0), [0.5, -0.5, 0, 0, 0]);
});

Deno.test("gradients grow with the formula, not with its square", () => {
  const chain = (depth: number): Expr => {
    let e: Expr = name("x");
    for (let k = 0; k < depth; k++) e = call("sin", call("add", e, name("x")));
    return e;
  };
  const nodes = (depth: number) => {
    const unique = new Set<Expr>();
    const walk = (e: Expr): void => {
      if (unique.has(e)) return;
      unique.add(e);
      if (e.kind === "call") e.args.forEach(walk);
    };
    walk(derivative(chain(depth), "x"));
    return unique.size;
  };
  assert(nodes(200) < 2.2 * nodes(100), `${nodes(100)}, ${nodes(200)}`);
  assert(size(derivative(parse("a * x + b"), "x")) === 1);
});

Deno.test("gradient() refuses formulas and seeds that do not fit", () => {
  assertThrows(() => gradient(parse("b"), signature), FormulaError, 'Unknown name "b"');
  assertThrows(() => gradient(parse("a"), signature, name("q")), FormulaError, 'Unknown name "q"');
  assertThrows(
    () => gradient(parse("a"), signature, element("g", "i")),
    TypeError,
    "Cannot take a seed of length 5 for a formula that is a scalar",
  );
  assertThrows(() => derivative(parse("x[i]"), "x"), FormulaError);
});

Deno.test("derivative() is 0 by an input that does not occur", () => {
  assertEquals(print(derivative(parse("x ^ 2"), "y")), "0");
});
