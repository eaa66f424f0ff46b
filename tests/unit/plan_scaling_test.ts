import { assertEquals, assertThrows } from "@std/assert";
import { planScaling } from "../../src/ops/plan_scaling.ts";

const of = (shape: readonly number[], dtype: "f32" | "f64" | "i32" = "f32") => ({ shape, dtype });
const call = (jobs: number, problems: number, n: number, m: number) => ({
  c: of([problems, n, m]),
  rows: of([jobs, 3, n]),
  columns: of([jobs, 3, m]),
  settings: of([jobs, 7]),
});

Deno.test("planScaling says what it gives, and refuses what does not fit", () => {
  const given = planScaling.contract(call(5, 2, 3, 4), { most: 10 });
  assertEquals(Object.values(given).map((t) => t.shape), [[5, 4, 3], [5, 2, 4], [5, 3]]);
  assertEquals(planScaling.contract(call(0, 2, 3, 4), { most: 0 }).rows.shape, [0, 4, 3]);
  const refused = (inputs: Parameters<typeof planScaling.contract>[0], message: string, most = 1) =>
    assertThrows(() => planScaling.contract(inputs, { most }), Error, message);
  const good = call(5, 2, 3, 4);
  refused(good, 'Expected "most" to be a whole number from 0, got -1', -1);
  refused({ ...good, c: of([2, 3, 4], "f64") }, "Cannot scale plans in f64, f32, f32, f32: expected all to be f32 or");
  refused(
    { ...good, settings: of([5, 6]) },
    "expected c [P, n, m], rows [B, 3, n], columns [B, 3, m], settings [B, 7]",
  );
  refused({ ...good, rows: of([4, 3, 3]) }, "Cannot scale plans of [2, 3, 4], [4, 3, 3], [5, 3, 4], [5, 7]");
  refused({ ...good, c: of([3, 4]) }, "expected c [P, n, m]");
  refused(call(5, 0, 3, 4), "Cannot scale 5 plans of [0, 3, 4]: expected at least one entry");
  refused({ ...good, c: null }, 'Expected "c" to be an array, got a number');
});
