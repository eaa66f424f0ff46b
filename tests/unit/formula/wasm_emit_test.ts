import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  call,
  compile,
  compilePairwise,
  constant,
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
import { emitWasm, f32x4, i32, i32x4, v128, wasmEmitter, WasmModule } from "../../../src/formula/wasm/mod.ts";
import { generator } from "./random.ts";
import { formula } from "./random_tree.ts";
import { instantiate, wasmFunction, wasmPairs } from "./wasm_runner.ts";

const LENGTH = 9;
const ROWS = 4;
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

for (const scalar of ["f32", "f64"] as const) {
  Deno.test(`formulas as SIMD code in ${scalar} give what compiled formulas give`, () => {
    const random = generator(71);
    const round = scalar === "f32" ? Math.fround : (x: number) => x;
    let told = 0;
    let all = 0;
    for (let k = 0; k < 500; k++) {
      const expr = formula(random, 1 + k % 5, words, k % 3 === 0);
      const data = (width: number) => Array.from({ length: ROWS * width }, () => round(random() * 6 - 3));
      const inputs = {
        a: round(random() * 4 - 2),
        b: round(random() * 4 - 2),
        s: { data: data(1), width: 1 },
        u: { data: data(LENGTH), width: LENGTH },
        v: { data: data(LENGTH), width: LENGTH },
      };
      const got = wasmPairs(expr, signature, inputs, scalar, k % 2 === 0);
      const f = compilePairwise(expr, signature, inputs);
      const length = got.length / ROWS ** 2;
      for (let row = 0; row < ROWS ** 2; row++) {
        const [i, j] = [Math.floor(row / ROWS), row % ROWS];
        const leaf = (e: Expr): number | number[] => {
          if (e.kind === "name") return inputs[e.name as "a" | "b"];
          if (e.kind !== "element") throw new Error("not a leaf");
          const { data, width } = inputs[e.name as "s" | "u" | "v"];
          const values = data.slice((e.index === "i" ? i : j) * width, ((e.index === "i" ? i : j) + 1) * width);
          return e.component !== undefined ? values[e.component] : width === 1 ? values[0] : values;
        };
        const { bound } = errorBound(expr, leaf, scalar === "f32" ? 2 ** -23 : 2 ** -51);
        for (let c = 0; c < length; c++) {
          const want = f(i, j, c);
          const allowed = typeof bound === "number" ? bound : bound[c];
          all++;
          const limit = scalar === "f32" ? 1e30 : 1e100;
          if (!(Math.abs(want) < limit) || !(allowed < 1e-2 * (1 + Math.abs(want)))) continue;
          told++;
          const value = got[row * length + c];
          assert(Math.abs(value - want) <= allowed, `${print(expr)}: ${value}, expected ${want} ± ${allowed}`);
        }
      }
    }
    assert(told > 0.5 * all, `Only ${told} of ${all} values are finite with a useful bound`);
  });
}

/** The formula with whole constants and only constant exponents. */
function constantPowers(expr: Expr): Expr {
  if (expr.kind === "number") return constant(Math.round(expr.value) || 0);
  if (expr.kind !== "call") return expr;
  const args = expr.args.map(constantPowers);
  return call(expr.fn, ...(expr.fn === "pow" ? [args[0], constant(5)] : args));
}

for (const scalar of ["i32", "u32"] as const) {
  Deno.test(`formulas as SIMD code in ${scalar} wrap`, () => {
    const random = generator(43);
    const names = ["a", "b", "c"];
    const capable = records.filter((r) =>
      integerCapable(call(r.name, ...Array.from({ length: r.arity[0] }, (_, k) => name(names[k]))))
    ).map((r) => r.name);
    const vocabulary = { scalar: [...capable, "pow"], folds: [], leaves: names.map(name), vectors: [] };
    const edges = scalar === "i32" ? [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)] : [0, 1, 2 ** 31, 2 ** 32 - 1];
    const draw = () => {
      if (random() < 0.4) return edges[Math.floor(random() * edges.length)];
      const x = Math.floor(random() * 2 ** 32);
      return random() < 0.5 ? x % 17 : scalar === "i32" ? x | 0 : x;
    };
    for (let k = 0; k < 600; k++) {
      const expr = constantPowers(formula(random, 1 + k % 4, vocabulary));
      const f = compile(expr, names, scalar);
      const columns = names.map(() => Array.from({ length: 8 }, draw));
      const got = wasmFunction(expr, names, scalar)(...columns);
      assertEquals(got, columns[0].map((_, row) => f(...columns.map((c) => c[row]))), print(expr));
    }
  });
}

Deno.test("integer and f64 formulas refuse what their type cannot compute", () => {
  assertThrows(() => wasmFunction(parse("a / b"), ["a", "b"], "i32"), FormulaError, "/ is not available in integers");
  assertThrows(() => wasmFunction(parse("a + c"), ["a"], "f64"), FormulaError, 'Unknown name "c"');
});

/** A function of nothing, for a formula whose leaves are all read as 3. */
function written(texts: readonly string[], hoistLeaves?: string[]) {
  const reads: string[] = [];
  const module = new WasmModule();
  const leafSignature: Signature = {
    a: { kind: "plain" },
    w: { kind: "row", length: 10 },
    x: { kind: "row", length: 3 },
  };
  module.function([], "i32", (fn) => {
    const section = fn.section();
    const read = (...leaf: unknown[]) => {
      reads.push(leaf.filter((part) => typeof part !== "object" && part !== undefined).join());
      return f32x4.const(3);
    };
    const hoist = hoistLeaves && { section, leaves: new Set(hoistLeaves) };
    const emit = wasmEmitter({ name: read, element: read }, { fn, scalar: "f32", signature: leafSignature, hoist });
    for (const text of texts) {
      const emitted = emit(parse(text));
      fn.run(v128.store(i32.const(0), emitted.number(emitted.length === undefined ? undefined : 1)));
    }
    return i32.const(0);
  }, "run");
  const { buffer, run } = instantiate(module);
  run();
  return { reads, value: new Float32Array(buffer)[0], size: module.bytes().length };
}

Deno.test("leaves are read once, by formulas that share them too", () => {
  assertEquals(written(["a * a + exp(a)", "a - 1"]).reads, ["a"]);
  assertEquals(written(["sum(x[i]) + x[i, 1]"]).reads, ["x,i,0", "x,i,1", "x,i,2"]);
  assertEquals(written(["x[i] + a", "x[i] * a"]).reads, ["x,i,1", "a"]);
  // A loop reads four components in a turn, and what remains has known ones.
  assertEquals(written(["dot(w[i], w[i])"]).reads, ["w,i", "w,i", "w,i", "w,i", "w,i,8", "w,i,9"]);
});

Deno.test("common subexpressions are computed once", () => {
  const [once, twice] = ["exp(a)", "exp(a) * exp(a)"].map((text) => written([text]).size);
  assert(twice - once < 30, `${twice} bytes and ${once}`);
});

Deno.test("sums over rows have the right value with and without a loop", () => {
  assertEquals(written(["sum(x[i])"]).value, 9);
  assertEquals(written(["dot(w[i], w[j]) + a"]).value, 93);
  assertEquals(written(["sum(w[i] * sum(w[j]))"], ["w[j]", "a"]).value, 900);
  assertEquals(written(["maxdist(w[i], a - 1)"]).value, 1);
});

Deno.test("what does not change in a loop is computed before it", () => {
  const count = (hoisted: boolean) => {
    const module = new WasmModule();
    module.function([], undefined, (fn) => {
      const section = fn.section();
      fn.for(i32.const(0), i32.const(5), 1, (k) => {
        // Each read of `a` counts itself in memory.
        const name = (n: string) => {
          if (n === "b") return f32x4.convertI32x4S(i32x4.splat(k));
          fn.run(i32.store(i32.const(64), i32.add(i32.load(i32.const(64)), i32.const(1))));
          return f32x4.const(2);
        };
        const hoist = hoisted ? { section, leaves: new Set(["a"]) } : undefined;
        const plain: Signature = { a: { kind: "plain" }, b: { kind: "plain" } };
        const { value } = emitWasm(parse("a ^ 2 + b"), { name, element: name }, {
          fn,
          scalar: "f32",
          signature: plain,
          hoist,
        });
        fn.run(v128.store(i32.const(0), value()));
      });
    }, "run");
    const { buffer, run } = instantiate(module);
    run();
    return [new Int32Array(buffer)[16], new Float32Array(buffer)[0]];
  };
  assertEquals(count(false), [5, 8]);
  assertEquals(count(true), [1, 8]);
});

Deno.test("truth values are masks, and numbers on demand", () => {
  const f = wasmFunction(parse("(a < b) + (a == b ? 10 : 20) + (!a && b)"), ["a", "b"], "f64");
  assertEquals(f([0, 1, 2, NaN], [1, 1, 1, 1]), [22, 10, 20, 20]);
  assertEquals(wasmFunction(parse("a < 1"), ["a"], "f32")([0, 1, 2, NaN]), [1, 0, 0, 0]);
  assertEquals(wasmFunction(parse("1 < 2"), ["a"], "f32")([0, 0, 0, 0]), [1, 1, 1, 1]);
  assertEquals(wasmFunction(parse("a < 1"), ["a"], "i32")([0, 1, 2, -1]), [1, 0, 0, 1]);
});

Deno.test("code without fused multiply-add agrees with code that has it", () => {
  const expr = parse("exp(-a) * log(b) + sin(a * b) - tanh(b)");
  const [fused, plain] = [true, false].map((relaxed) =>
    wasmFunction(expr, ["a", "b"], "f64", relaxed)([0.1, 1, 2, 3], [4, 3, 2, 0.5])
  );
  fused.forEach((value, k) => assertAlmostEquals(value, plain[k], 1e-14));
});
