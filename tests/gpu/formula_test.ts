import { assert, assertEquals } from "@std/assert";
import { call, compile, element, errorBound, type Expr, name, print, type Signature } from "../../src/formula/mod.ts";
import { functions } from "../../src/formula/functions.ts";
import { isRegular } from "../unit/formula/interpret.ts";
import { generator, pointIn } from "../unit/formula/random.ts";
import { formula } from "../unit/formula/random_tree.ts";
import {
  application,
  edgePoints,
  EDGES,
  featuresOf,
  inputsOf,
  plain,
  type Rows,
  runFormulas,
  scalarRecords,
  withDevice,
} from "./formula_gpu.ts";

const U = 2 ** -24;

for (const nan of ["strict", "fast"] as const) {
  Deno.test(`every function keeps its error bound in f32 on its sample domain (${nan})`, async () => {
    await withDevice(async (device) => {
      const random = generator(1);
      const failures: string[] = [];
      for (const record of scalarRecords) {
        const tested = application(record);
        const points = Array.from(
          { length: 2000 },
          () => pointIn(random, record.domain.args, tested.names.length).map(Math.fround),
        );
        failures.push(...await beyondBound(device, tested, points, nan));
      }
      assertEquals(failures, []);
    });
  });
}

Deno.test("every function keeps its error bound in f32 on arguments of any magnitude", async () => {
  await withDevice(async (device) => {
    const random = generator(2);
    const failures: string[] = [];
    for (const record of scalarRecords) {
      const tested = application(record);
      const points = Array.from({ length: 2000 }, () =>
        tested.names.map(() => {
          const magnitude = 10 ** (random() < 0.5 ? random() * 3 - 1.5 : random() * 36 - 18);
          return Math.fround(random() < 0.5 ? magnitude : -magnitude);
        }));
      failures.push(...await beyondBound(device, tested, points, "strict"));
    }
    assertEquals(failures, []);
  });
});

/** The worst point of a function whose value is further from the f64 function than its error bound. */
async function beyondBound(
  device: GPUDevice,
  { expr, names }: { expr: Expr; names: string[] },
  points: number[][],
  nan: "strict" | "fast",
): Promise<string[]> {
  const options = { scalar: "f32", signature: plain, count: points.length, nan } as const;
  const [values] = await runFormulas(device, [expr], inputsOf(points), options);
  let worst = 1;
  let report: string[] = [];
  points.forEach((point, p) => {
    const leaf = (e: Expr) => point[names.indexOf((e as { name: string }).name)];
    const { value, bound } = errorBound(expr, leaf, U) as { value: number; bound: number };
    if (!(Math.abs(value) < 3.3e38)) return;
    // The value itself is rounded to f32.
    const ratio = Math.abs(values[p] - value) / (bound + U * Math.abs(value));
    if (ratio <= worst) return;
    worst = ratio;
    report = [`${print(expr)} at ${point}: ${values[p]}, expected ${value}, ${ratio.toFixed(1)} times the bound`];
  });
  return report;
}

function kind(value: number): string {
  return Number.isFinite(value) ? "finite" : String(value);
}

Deno.test("every function agrees with its f64 function about NaN and infinities", async () => {
  await withDevice(async (device) => {
    const failures: string[] = [];
    for (const record of scalarRecords) {
      const { expr, names } = application(record);
      const points = edgePoints(names.length).map((point) => point.map(Math.fround));
      const f = compile(expr, names);
      const options = { scalar: "f32", signature: plain, count: points.length } as const;
      const [values] = await runFormulas(device, [expr], inputsOf(points), options);
      points.forEach((point, p) => {
        const expected = Math.fround(f(...point));
        if (kind(expected) === kind(values[p])) return;
        failures.push(`${print(expr)} at ${point}: ${values[p]}, expected ${expected}`);
      });
    }
    assertEquals(failures, []);
  });
});

for (const scalar of ["f32", "f64"] as const) {
  const round = scalar === "f32" ? Math.fround : (x: number) => x;
  Deno.test(`what compilers fold keeps NaN and infinities: x - x, x * 0, x / x, 0 / x, x == x, x != x (${scalar})`, async () => {
    await withDevice(async (device) => {
      const a = name("a");
      const zero: Expr = { kind: "number", value: 0 };
      const formulas = [
        call("sub", a, a),
        call("mul", a, zero),
        call("mul", zero, a),
        call("div", a, a),
        call("div", zero, a),
        call("eq", a, a),
        call("ne", a, a),
        call("not", a),
        call("select", a, a, call("neg", a)),
        call("lt", a, a),
        call("add", a, { kind: "number", value: Infinity }),
        call("mul", a, { kind: "number", value: -Infinity }),
        call("max", a, { kind: "number", value: NaN }),
        call("pow", a, zero),
        call("add", a, call("div", { kind: "number", value: 1 }, zero)),
      ];
      const points = EDGES.map((e) => [round(e)]);
      const options = { scalar, signature: plain, count: points.length } as const;
      const results = await runFormulas(device, formulas, inputsOf(points), options);
      formulas.forEach((expr, n) => {
        const f = compile(expr, ["a"]);
        points.forEach(([x], p) => {
          assertEquals(kind(results[n][p]), kind(round(f(x))), `${print(expr)} at ${x}`);
          if (Number.isFinite(results[n][p])) assert(results[n][p] === round(f(x)), `${print(expr)} at ${x}`);
        });
      });
    }, featuresOf(scalar));
  });
}

const LENGTH = 5;
const rowSignature: Signature = {
  a: { kind: "plain" },
  b: { kind: "plain" },
  s: { kind: "row" },
  u: { kind: "row", length: LENGTH },
  v: { kind: "row", length: LENGTH },
  w: { kind: "row", length: LENGTH },
};
const words = {
  scalar: scalarRecords.map((r) => r.name),
  folds: [...functions.values()].filter((r) => r.folds).map((r) => r.name),
  leaves: [name("a"), name("b"), element("s", "i"), element("u", "i", 0), element("v", "j", 4)],
  vectors: [element("u", "i"), element("v", "j"), element("w", "j")],
};

for (const [vector, scalar] of [[false, "f32"], [true, "f32"], [false, "f64"], [true, "f64"]] as const) {
  const what = vector ? "vector" : "scalar";
  Deno.test(`random ${what} formulas stay within their running error bound in ${scalar}`, async () => {
    await withDevice(async (device) => {
      const random = generator(vector ? 4 : 3);
      const count = 12;
      let told = 0;
      let all = 0;
      for (let batch = 0; batch < 8; batch++) {
        const formulas = Array.from({ length: 20 }, () => formula(random, 1 + Math.floor(random() * 4), words, vector));
        const rows = (width: number) => Array.from({ length: count * width }, () => Math.fround(random() * 6 - 3));
        const inputs = {
          a: { data: rows(1) },
          b: { data: rows(1) },
          s: { data: rows(1), width: 1 },
          u: { data: rows(LENGTH), width: LENGTH },
          v: { data: rows(LENGTH), width: LENGTH },
          w: { data: rows(LENGTH), width: LENGTH },
        };
        const components = vector ? LENGTH : 1;
        const options = { scalar, signature: rowSignature, count, components } as const;
        const results = await runFormulas(device, formulas, inputs, options);
        formulas.forEach((expr, n) => {
          for (let p = 0; p < count; p++) {
            const leaf = (e: Expr): number | number[] => {
              if (e.kind === "number" || e.kind === "call") throw new Error("not a leaf");
              const { data, width = 1 } = inputs[e.name as keyof typeof inputs] as Rows;
              if (e.kind === "name" || width === 1) return data[p];
              return e.component !== undefined ? data[p * width + e.component] : data.slice(p * width, (p + 1) * width);
            };
            // A value on the edge of a domain, such as acosh(1), may be NaN in one precision and not in another.
            const regular = isRegular(expr, leaf);
            const { value, bound } = errorBound(expr, leaf, scalar === "f32" ? U : 2 ** -53);
            for (let k = 0; k < components; k++) {
              const expected = typeof value === "number" ? value : value[k];
              // The oracle itself is computed in f64.
              const allowed = (typeof bound === "number" ? bound : bound[k]) * (scalar === "f64" ? 2 : 1);
              const got = results[n][p * components + k];
              all++;
              if (
                !regular || Math.abs(expected) > 1e38 || !(allowed < 1e-2 * (1 + Math.abs(expected)))
              ) continue;
              told++;
              const error = Math.abs(got - expected);
              assert(error <= allowed, `${print(expr)}: ${got}, expected ${expected} ± ${allowed}`);
            }
          }
        });
      }
      assert(told > 0.5 * all, `Only ${told} of ${all} points have a finite value and a useful bound`);
    }, featuresOf(scalar));
  });
}

for (const scalar of ["f32", "f64"] as const) {
  Deno.test(`sums over rows of every length are those of the f64 function (${scalar})`, async () => {
    await withDevice(async (device) => {
      const random = generator(5);
      for (const width of [1, 2, 3, 4, 5, 7, 8, 9, 16, 19]) {
        const signature: Signature = { u: { kind: "row", length: width }, v: { kind: "row", length: width } };
        const count = 7;
        const rows = () => Array.from({ length: count * width }, () => Math.fround(random() * 4 - 2));
        const inputs = { u: { data: rows(), width }, v: { data: rows(), width } };
        const [u, v] = [element("u", "i"), element("v", "j")];
        const folds = [
          call("sum", u),
          call("dot", u, v),
          call("sqdist", u, v),
          call("dist", u, v),
          call("norm", v),
          call("l1dist", u, v),
          call("maxdist", u, v),
          call("sum", call("max", call("mul", u, call("norm", v)), call("mul", v, call("sum", u)))),
        ];
        const results = await runFormulas(device, folds, inputs, { scalar, signature, count });
        folds.forEach((expr, n) => {
          for (let p = 0; p < count; p++) {
            const leaf = (e: Expr) => inputs[(e as { name: "u" | "v" }).name].data.slice(p * width, (p + 1) * width);
            const { value, bound } = errorBound(expr, leaf, scalar === "f32" ? U : 2 ** -53);
            // The oracle itself is computed in f64.
            const allowed = bound as number * (scalar === "f64" ? 2 : 1);
            const error = Math.abs(results[n][p] - (value as number));
            assert(error <= allowed, `${print(expr)} of length ${width} in ${scalar}: ${error} over ${allowed}`);
          }
        });
      }
    }, featuresOf(scalar));
  });
}

Deno.test("NaN in one component reaches every sum over it", async () => {
  await withDevice(async (device) => {
    const signature: Signature = { u: { kind: "row", length: 9 } };
    const data = [0, 0, 0, 0, 0, 0, 0, NaN, 0];
    const zero: Expr = { kind: "number", value: 0 };
    const formulas = words.folds.map((fn) =>
      call(fn, ...[element("u", "i"), zero].slice(0, functions.get(fn)!.arity[0]))
    );
    const options = { scalar: "f32", signature, count: 1 } as const;
    const results = await runFormulas(device, formulas, { u: { data, width: 9 } }, options);
    formulas.forEach((expr, n) => {
      // dot(u, 0) is NaN too: 0 * NaN.
      assertEquals(results[n], [NaN], print(expr));
    });
  });
});
