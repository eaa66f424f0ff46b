import { assert } from "@std/assert";
import { call, compile, name } from "../../../src/formula/mod.ts";
import { functions } from "../../../src/formula/functions.ts";
import { argumentsOf, isGood } from "./function_accuracy.ts";
import { wasmFunction } from "./wasm_runner.ts";

for (const scalar of ["f32", "f64"] as const) {
  Deno.test(`every function on ${scalar} lanes is as accurate as it says, also at its edges`, () => {
    const round = scalar === "f32" ? Math.fround : (x: number) => x;
    for (const record of functions.values()) {
      if (record.folds) continue;
      const names = ["a", "b", "c"].slice(0, record.arity[0]);
      const expr = call(record.name, ...names.map(name));
      const columns = argumentsOf(names.length, record.domain.args, round);
      const f = compile(expr, names);
      for (const relaxed of [true, false]) {
        const got = wasmFunction(expr, names, scalar, relaxed)(...columns);
        got.forEach((value, row) => {
          const args = columns.map((column) => column[row]);
          const want = f(...args);
          assert(isGood(record.name, scalar, args, value, want), `${record.name}(${args}): ${value}, expected ${want}`);
        });
      }
    }
  });
}

Deno.test("f64 erf and gelu are accurate where the f64 function is not", () => {
  // To 20 digits from an arbitrary-precision library.
  const erf = [[1.0317802899665107, 0.85547828614361283755], [2.1935349759615663, 0.998078644327806531]];
  const f = wasmFunction(call("erf", name("x")), ["x"], "f64");
  f(erf.map(([x]) => x)).forEach((value, k) => assert(Math.abs(value - erf[k][1]) <= 4 * 2 ** -53, `${value}`));
  const gelu = [[-35.82491871706439, -8.0987466058948301877e-280], [-5, -1.4332578593959695584e-6]];
  const g = wasmFunction(call("gelu", name("x")), ["x"], "f64");
  g(gelu.map(([x]) => x)).forEach((value, k) => {
    assert(Math.abs(value / gelu[k][1] - 1) <= 8 * 2 ** -52, `${value}, expected ${gelu[k][1]}`);
  });
});
