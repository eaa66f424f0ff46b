import { assert, assertEquals } from "@std/assert";
import { exp, floatLanes, flushedExp, type FunctionBuilder } from "../../../src/formula/wasm/mod.ts";
import { evaluateVector } from "./wasm_runner.ts";

/** The first lane of an exponential at `x`. */
function at(scalar: "f32" | "f64", x: number, ways: "flushed" | "flushing"): number {
  const memory = evaluateVector((fn) => {
    const m = floatLanes(fn as FunctionBuilder, scalar, true);
    return ways === "flushed" ? flushedExp(m, m.constant(x)) : exp(m, m.constant(x));
  });
  return (scalar === "f64" ? new Float64Array(memory) : new Float32Array(memory))[0];
}

for (const scalar of ["f32", "f64"] as const) {
  const [smallest, largest, u, round] = scalar === "f64"
    ? [2 ** -1022, Number.MAX_VALUE, 2 ** -53, (x: number) => x]
    : [2 ** -126, 3.4028234663852886e38, 2 ** -24, Math.fround];
  const [low, high] = [Math.log(smallest), Math.log(largest)];

  Deno.test(`exponentials on ${scalar} lanes that flush: accurate, or 0 near and below the smallest normal number`, () => {
    for (const ways of ["flushed", "flushing"] as const) {
      const top = ways === "flushed" ? 80 : high;
      for (let k = 0; k <= 400; k++) {
        const x = round(low - 3 + (top - low + 3) * k / 400), found = at(scalar, x, ways), wanted = Math.exp(x);
        if (found === 0) assert(wanted < 2 * smallest, `exp(${x}) is ${wanted}, found 0`);
        else if (found === Infinity) assert(wanted * (1 + 3 * u) >= largest, `exp(${x}) is ${wanted}, found Infinity`);
        else assert(Math.abs(found - wanted) <= 3 * u * wanted, `exp(${x}) is ${wanted}, found ${found}`);
        assert(found === 0 || found >= smallest, `exp(${x}) is not flushed: ${found}`);
      }
      assertEquals(at(scalar, -Infinity, ways), 0);
      assertEquals(at(scalar, -largest, ways), 0);
      assertEquals(at(scalar, NaN, ways), NaN);
      assertEquals(at(scalar, 0, ways), 1);
    }
    assertEquals(at(scalar, Infinity, "flushing"), Infinity);
    assertEquals(at(scalar, largest, "flushing"), Infinity);
    assertEquals(at(scalar, round(high + 0.01), "flushing"), Infinity);
  });
}
