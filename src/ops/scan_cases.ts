import type { Case } from "./define.ts";
import type { Scan, ScanParams } from "./scan.ts";

const one = (
  name: string,
  scan: Scan,
  shape: readonly number[],
  { axis = 0, exclusive, reverse, x = {}, a = {}, gradient = true }: {
    axis?: number;
    exclusive?: boolean;
    reverse?: boolean;
    x?: object;
    a?: object;
    gradient?: boolean;
  } = {},
): Case<ScanParams> => ({
  name: `${scan}: ${name}`,
  inputs: scan === "linear" ? { x: { shape, ...x }, a: { shape, fill: "uniform", ...a } } : { x: { shape, ...x } },
  params: { scan, axis, exclusive, reverse },
  // An exclusive maximum begins with −∞, of which there are no differences.
  gradient: gradient && !(exclusive && scan === "max"),
});

const ALL: readonly Scan[] = ["sum", "max", "linear"];

/** Input sets for `scan`: lengths around tiles and chunks, directions, axes, layouts, long lines, special values. */
export const scanCases: readonly Case<ScanParams>[] = [
  ...ALL.flatMap((scan) => [
    ...[0, 1, 2, 63, 65, 257, 1023, 1025].map((n) => one(`a line of ${n}`, scan, [n])),
    one("exclusive", scan, [130], { exclusive: true }),
    one("backwards", scan, [130], { reverse: true }),
    one("exclusive and backwards", scan, [70], { exclusive: true, reverse: true }),
    one("rows", scan, [5, 67], { axis: 1 }),
    one("columns", scan, [67, 5]),
    one("columns in whole vectors", scan, [3, 21, 12], { axis: 1 }),
    one("columns in whole groups of vectors, backwards", scan, [33, 32], { reverse: true }),
    one("a middle axis, backwards", scan, [3, 33, 4], { axis: 1, reverse: true }),
    one("a middle axis, exclusive", scan, [2, 1100, 3], { axis: 1, exclusive: true }),
    one("no lines", scan, [3, 0]),
    one("lines without length", scan, [3, 0, 2], { axis: 1 }),
    one("transposed", scan, [9, 70], { axis: 1, x: { layout: "transposed" }, a: { layout: "offset" } }),
    one("every second element", scan, [4, 300], {
      axis: 1,
      x: { layout: "strided" },
      a: { layout: "strided" },
      exclusive: true,
    }),
    one("half precision", scan, [3, 40], {
      axis: 1,
      x: { dtype: "f16" },
      a: { dtype: "f16", fill: "uniform" },
      gradient: false,
    }),
    one("many lines", scan, [40_000, 3], { axis: 1, gradient: false }),
    one("a line longer than software adapters loop", scan, [150_000], { gradient: false }),
  ]),
  one("special values", "sum", [8, 40], { axis: 1, x: { fill: "special" }, gradient: false }),
  one("special values", "max", [8, 40], { axis: 1, x: { fill: "special" }, gradient: false }),
  one("special values, backwards", "max", [2, 1500], {
    axis: 1,
    x: { fill: "special" },
    reverse: true,
    gradient: false,
  }),
  one("NaN in one tile", "max", [3000], { x: { fill: [1, 2, 3, 4, 5, 6, NaN, -Infinity] }, gradient: false }),
  one("minus infinities", "max", [1300], { x: { fill: [-Infinity] }, gradient: false }),
  one("ties", "max", [200], { x: { fill: "ties" }, gradient: false }),
  one("integers that wrap", "sum", [3000], { x: { dtype: "i32", fill: [2147483647, 5, -7] }, gradient: false }),
  one("unsigned integers that wrap", "sum", [2, 1200], {
    axis: 1,
    x: { dtype: "u32", fill: [4294967295, 3] },
    reverse: true,
    gradient: false,
  }),
  one("integers", "max", [1500], {
    x: { dtype: "i32", fill: [-2147483648, -5, -9] },
    exclusive: true,
    gradient: false,
  }),
  one("factors whose product underflows", "linear", [2000], { a: { fill: [0.5] } }),
  one("factors whose product overflows before anything arrives", "linear", [1500], {
    x: { fill: Array.from({ length: 1500 }, (_, t) => t < 1490 ? 0 : 1) },
    a: { fill: [2] },
    gradient: false,
  }),
  one("factors of zero", "linear", [1400], { a: { fill: [0.5, 1, 0, -0.9, 1] } }),
  one("factors of minus one", "linear", [4, 500], { axis: 1, a: { fill: [-1, 1, 1] } }),
];
