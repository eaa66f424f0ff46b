import { assert, assertEquals } from "@std/assert";
import { call, compile, name } from "../../src/formula/mod.ts";
import { argumentsOf, isGood } from "../unit/formula/function_accuracy.ts";
import { application, featuresOf, inputsOf, plain, runFormulas, scalarRecords, withDevice } from "./formula_gpu.ts";

Deno.test("every function is as accurate in f64 on the adapter as it says, also at its edges", async () => {
  await withDevice(async (device) => {
    const failures: string[] = [];
    for (const record of scalarRecords) {
      const { expr, names } = application(record);
      const columns = argumentsOf(names.length, record.domain.args, (x) => x);
      const points = columns[0].map((_, row) => columns.map((column) => column[row]));
      const options = { scalar: "f64", signature: plain, count: points.length } as const;
      const [values] = await runFormulas(device, [expr], inputsOf(points), options);
      const f = compile(expr, names);
      points.forEach((args, p) => {
        const want = f(...args);
        // Compilers lose the sign of zeros.
        if (want === 0 && values[p] === 0 || isGood(record.name, "f64", args, values[p], want)) return;
        failures.push(`${record.name}(${args}): ${values[p]}, expected ${want}`);
      });
    }
    assertEquals(failures, []);
  }, featuresOf("f64"));
});

Deno.test("f64 erf and gelu on the adapter are accurate where the f64 function is not", async () => {
  await withDevice(async (device) => {
    // To 20 digits from an arbitrary-precision library.
    const erf = [[1.0317802899665107, 0.85547828614361283755], [2.1935349759615663, 0.998078644327806531]];
    const gelu = [[-35.82491871706439, -8.0987466058948301877e-280], [-5, -1.4332578593959695584e-6]];
    const points = [...erf, ...gelu].map(([x]) => [x]);
    const formulas = ["erf", "gelu"].map((fn) => call(fn, name("a")));
    const options = { scalar: "f64", signature: plain, count: points.length } as const;
    const [erfs, gelus] = await runFormulas(device, formulas, inputsOf(points), options);
    erf.forEach(([, want], k) => assert(Math.abs(erfs[k] - want) <= 4 * 2 ** -53, `${erfs[k]}, expected ${want}`));
    gelu.forEach(([, want], k) => assert(Math.abs(gelus[k + 2] / want - 1) <= 8 * 2 ** -52, `${gelus[k + 2]}`));
  }, featuresOf("f64"));
});
