import { assertEquals } from "@std/assert";
import { nearest } from "../../../src/formula/mod.ts";

Deno.test("nearest() finds the word that was meant", () => {
  const words = ["eps", "sigmoid", "alpha", "beta", "x"];
  assertEquals(nearest("epz", words), "eps");
  assertEquals(nearest("sgmoid", words), "sigmoid");
  assertEquals(nearest("sigmiod", words), "sigmoid");
  assertEquals(nearest("Beta", words), "beta");
  assertEquals(nearest("aplha", words), "alpha");
});

Deno.test("nearest() is undefined where nothing is near", () => {
  assertEquals(nearest("learning_rate", ["eps", "alpha"]), undefined);
  assertEquals(nearest("y", ["x", "z"]), undefined);
  assertEquals(nearest("", ["x"]), undefined);
  assertEquals(nearest("abc", []), undefined);
});
