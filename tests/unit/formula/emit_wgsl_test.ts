import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  call,
  constant,
  emitWgsl,
  FormulaError,
  name,
  parse,
  type Scalar,
  type Signature,
} from "../../../src/formula/mod.ts";

const signature: Signature = {
  a: { kind: "plain" },
  b: { kind: "plain" },
  x: { kind: "row", length: 3 },
  y: { kind: "row", length: 3 },
  w: { kind: "row", length: 10 },
  s: { kind: "row" },
};

function emit(text: string, options: { scalar?: Scalar; nan?: "strict" | "fast"; prefix?: string } = {}) {
  const target = {
    name: (n: string) => `in.${n}`,
    element: (n: string, index: string, component?: string) => `${n}(${index}${component ? `, ${component}` : ""})`,
  };
  return emitWgsl(parse(text), target, { scalar: "f32", signature, component: "k", ...options });
}

Deno.test("leaves are read once and common subexpressions computed once", () => {
  const { prelude, body, value } = emit("(a + b) * (a + b) / exp(a + b)");
  assertEquals(prelude, [
    "let t0 = in.a;",
    "let t1 = in.b;",
    "let t2 = t0 + t1;",
    "let t3 = t2 * t2;",
    "let t4 = exp(t2);",
    "let t5 = dn_quotient(t3, t4);",
  ]);
  assertEquals([body, value], [[], "t5"]);
});

Deno.test("what depends on the component goes to the body, the rest to the prelude", () => {
  const { prelude, body, value } = emit("exp(a) * x[i] + sum(y[j])");
  assertEquals(body, ["let t2 = x(i, k);", "let t3 = t1 * t2;", "let t9 = t3 + t8;"]);
  assertEquals(value, "t9");
  assert(prelude.every((line) => !line.includes("k")));
});

Deno.test("a component and the sum over its row share the read", () => {
  const { prelude } = emit("sum(x[i]) + x[i, 1]");
  assertEquals(prelude.filter((line) => line.includes("x(i, 1u)")).length, 1);
});

Deno.test("sums over long rows are loops over blocks of four and a rest", () => {
  const { prelude } = emit("dot(w[i], w[j]) + a");
  assertMatch(prelude.join("\n"), /var t\d+ = 0\.0f;\nfor \(var (t\d+) = 0u; \1 < 8u; \1 \+= 4u\) \{/);
  assertEquals(prelude.filter((line) => /w\(i, [89]u\)/.test(line)).length, 2);
  assertEquals(emit("sum(x[i])").prelude.filter((line) => line.includes("for")).length, 0);
});

Deno.test("small constant powers are products, others calls of a helper", () => {
  assertEquals(emit("a ^ 5").prelude, [
    "let t0 = in.a;",
    "let t1 = t0 * t0;",
    "let t2 = t1 * t1;",
    "let t3 = t2 * t0;",
  ]);
  assertEquals([...emit("a ^ 0.5").helpers.keys()].at(-1), "dn_pow");
  assertEquals(emit("a ^ 1").value, "t0");
});

Deno.test("helpers come with all that they call, callees first", () => {
  const { helpers } = emit("atan2(a, asinh(b))");
  const names = [...helpers.keys()];
  for (const [name, text] of helpers) {
    assert(text.startsWith(`fn ${name}(`), name);
    for (const called of text.matchAll(/\bdn_\w+(?=\()/g)) {
      assert(
        names.indexOf(called[0]) <= names.indexOf(name) && names.includes(called[0]),
        `${name} calls ${called[0]}`,
      );
    }
  }
});

Deno.test("literals are those of the scalar type, and constants are folded", () => {
  assertEquals(emit("2").value, "2.0f");
  assertEquals(emit("0.1").value, "0.10000000149011612f");
  assertEquals(emit("-3").value, "(-3.0f)");
  assertEquals(emit("1e-30").value, "1.0000000031710769e-30f");
  assertEquals(emit("0.1", { scalar: "f64" }).value, "0.1lf");
  assertEquals(emit("1e100", { scalar: "f64" }).value, "1e+100lf");
  assertEquals(emit("7", { scalar: "i32" }).value, "7i");
  assertEquals(emit("-2147483648", { scalar: "i32" }).value, "(-2147483647i - 1i)");
  assertEquals(emit("-1", { scalar: "u32" }).value, "4294967295u");
  assertEquals(emit("inf").value, "dn_inf()");
  assertEquals(emit("-inf").value, "(-dn_inf())");
  assertEquals(emit("1e39").value, "dn_inf()");
  assertEquals(emit("nan").value, "dn_nan()");
  assertEquals(emit("1 / 0 + 2").value, "dn_inf()");
  assertEquals(emit("2 * pi * a").prelude, ["let t0 = in.a;", "let t1 = 6.2831854820251465f * t0;"]);
  assertEquals([...emit("inf", { scalar: "f64" }).helpers.keys()], ["dn_inf_f64"]);
});

Deno.test("truth values and numbers are converted where they meet", () => {
  const sum = emit("(a < b) + 1");
  assertEquals(sum.prelude.at(-2), "let t3 = select(0.0f, 1.0f, t2);");
  assertEquals(sum.boolean, false);
  const both = emit("a && b > 0");
  assertEquals(both.boolean, true);
  assertEquals(both.prelude.at(-1), "let t4 = t3 && t2;");
  assertEquals(emit("a ? b : 1").prelude.includes("let t2 = !(t0 == 0.0f);"), true);
});

Deno.test("fast code takes the bare builtins, strict code keeps NaN", () => {
  assertEquals(emit("max(a, b)", { nan: "fast" }).prelude.at(-1), "let t2 = max(t0, t1);");
  assertEquals(emit("max(a, b)").prelude.at(-1), "let t2 = dn_max(t0, t1);");
  assertEquals(emit("a - a").prelude.at(-1), "let t1 = dn_times_zero(t0);");
  assertEquals(emit("a - a", { nan: "fast" }).prelude.at(-1), "let t1 = t0 - t0;");
});

Deno.test("generated names start with the prefix, and inputs are never spliced", () => {
  const target = { name: () => "IN", element: () => "ROW" };
  const words = ["var", "let", "fn", "return", "t0", "select"];
  const sum = words.map((w) => name(w)).reduce((a, b) => call("add", a, b));
  const slots = Object.fromEntries(words.map((w) => [w, { kind: "plain" } as const]));
  const { prelude, value } = emitWgsl(sum, target, { scalar: "f32", signature: slots, prefix: "q" });
  for (const line of prelude) assertMatch(line, /^let q\d+ = (IN|q\d+ \+ q\d+);$/);
  assertMatch(value, /^q\d+$/);
});

Deno.test("functions that a scalar type has not are refused with their place", () => {
  const refuse = (text: string, scalar: Scalar, message: string) =>
    assertEquals(assertThrows(() => emit(text, { scalar }), FormulaError).message, message);
  refuse("1 + exp(a)", "i32", "exp is not available in integers\n  1 + exp(a)\n      ^");
  refuse("a / b", "i32", "/ is not available in integers\n  a / b\n    ^");
  refuse("a + 0.5", "u32", "0.5 is not available in integers\n  a + 0.5\n      ^");
  emit("sqrt(a ^ 2 + exp(b)) / max(a, 1) - sin(b) + (a < b) + dist(x[i], y[j]) + gelu(a ^ b)", { scalar: "f64" });
  emit("a % 3 + clamp(b, 0, 9) ^ 2 + l1dist(x[i], y[j])", { scalar: "u32" });
});

Deno.test("a vector formula needs the variable of its component", () => {
  const target = { name: () => "", element: () => "" };
  assertThrows(
    () => emitWgsl(parse("x[i]"), target, { scalar: "f32", signature }),
    TypeError,
    "Cannot emit a formula of vectors of length 3 without a component variable",
  );
});

Deno.test("an empty sum is 0", () => {
  const slots: Signature = { e: { kind: "row", length: 0 } };
  const target = { name: () => "", element: () => "READ" };
  const { prelude, value } = emitWgsl(parse("sum(e[i]) + 1"), target, { scalar: "f32", signature: slots });
  assertEquals([prelude, value], [[], "1.0f"]);
  assertEquals(emitWgsl(constant(1), target, { scalar: "f32", signature: {} }).value, "1.0f");
});
