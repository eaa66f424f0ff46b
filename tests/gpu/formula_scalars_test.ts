import { assert, assertEquals } from "@std/assert";
import { call, compile, type Expr, integerCapable, name, print } from "../../src/formula/mod.ts";
import { generator } from "../unit/formula/random.ts";
import { formula } from "../unit/formula/random_tree.ts";
import { application, ARGUMENTS, inputsOf, plain, runFormulas, scalarRecords, withDevice } from "./formula_gpu.ts";

for (const scalar of ["i32", "u32"] as const) {
  Deno.test(`random formulas in ${scalar} are those of the compiled function, bit for bit`, async () => {
    await withDevice(async (device) => {
      const random = generator(6);
      const capable = scalarRecords.filter((r) => integerCapable(application(r).expr)).map((r) => r.name);
      assert(capable.length >= 25, capable.join());
      const vocabulary = { scalar: capable, folds: [], leaves: ARGUMENTS.map((n) => name(n)), vectors: [] };
      const count = 40;
      for (let batch = 0; batch < 4; batch++) {
        const formulas = Array.from(
          { length: 20 },
          () => wholeNumbers(formula(random, 1 + Math.floor(random() * 4), vocabulary)),
        );
        const points = Array.from({ length: count }, () => ARGUMENTS.map(() => integer(random, scalar)));
        const results = await runFormulas(device, formulas, inputsOf(points), { scalar, signature: plain, count });
        formulas.forEach((expr, n) => {
          const f = compile(expr, ARGUMENTS, scalar);
          points.forEach((point, p) => assertEquals(results[n][p], f(...point), `${print(expr)} at ${point}`));
        });
      }
    });
  });
}

/** The formula with its constants rounded, so that it is one of integers. */
function wholeNumbers(expr: Expr): Expr {
  if (expr.kind === "number") return { kind: "number", value: Math.round(expr.value) || 0 };
  return expr.kind === "call" ? call(expr.fn, ...expr.args.map(wholeNumbers)) : expr;
}

/** Small numbers, zero and the ends of the range. */
function integer(random: () => number, scalar: "i32" | "u32"): number {
  const edges = scalar === "i32" ? [0, -1, 1, -(2 ** 31), 2 ** 31 - 1] : [0, 1, 2 ** 32 - 1, 2 ** 31];
  if (random() < 0.3) return edges[Math.floor(random() * edges.length)];
  const value = Math.floor(random() * 40) - (scalar === "i32" ? 20 : 0);
  return random() < 0.3 ? (scalar === "i32" ? Math.imul(value, 123456789) : Math.imul(value, 123456789) >>> 0) : value;
}
