import type { Case } from "./define.ts";
import type { JacobiParams } from "./jacobi.ts";

/** A small seeded generator, so that matrices are the same everywhere. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Symmetric, with a diagonal whose elements are apart in no order, so that angles are well determined. */
function symmetric(n: number, seed: number): number[] {
  const next = numbers(seed), a = new Array<number>(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = 0.3 * next();
    a[i * n + i] = ((i * 7919) % (2 * n + 1)) - n / 2;
  }
  return a;
}

/** Rows whose lengths are apart. */
function rows(n: number, columns: number, seed: number): number[] {
  const next = numbers(seed);
  return Array.from({ length: n * columns }, (_, k) => {
    const i = Math.floor(k / columns), length = 1 + ((i * 7919) % (2 * n + 1));
    return (i % columns === k % columns ? Math.sqrt(length) : 0) + 0.1 * next() / Math.sqrt(columns);
  });
}

interface Shape {
  readonly of: JacobiParams["of"];
  readonly n: number;
  readonly columns?: number;
  readonly carried?: number;
  readonly batch?: readonly number[];
  readonly sweeps?: number;
  readonly inner?: number;
  readonly dtype?: "f32" | "f64";
  readonly fill?: readonly number[];
  readonly layout?: "transposed" | "offset" | "strided";
}

function one(name: string, shape: Shape): Case<JacobiParams> {
  const { of, n, columns = n, carried = 3, batch = [], sweeps = 1, inner = 1, dtype = "f32", layout } = shape;
  const fill = shape.fill ?? (of === "symmetric" ? symmetric(n, n + 1) : rows(n, columns, n + 1));
  return {
    name: `${dtype} ${of}: ${name}`,
    inputs: {
      a: { shape: [...batch, n, columns], dtype, fill: n * columns > 0 ? fill : [0], layout },
      v: { shape: [...batch, n, carried], dtype, layout },
      level: { shape: batch, dtype, fill: [dtype === "f32" ? 1e-6 : 1e-14] },
    },
    params: { of, sweeps, inner },
    gradient: false,
  };
}

/** Input sets for `jacobi`: one pair of blocks of every kind of size, tournaments, stacks, layouts, what needs no rotation. */
export const jacobiCases: readonly Case<JacobiParams>[] = (["f32", "f64"] as const).flatMap((dtype) => [
  ...(["symmetric", "rows"] as const).flatMap((of) => [
    ...(dtype === "f32" ? [0, 2, 10, 32, 64] : [10, 64]).map((n) => one(`n = ${n}`, { of, n, dtype })),
    one("three pairs of blocks", { of, n: 96, carried: 70, dtype }),
    one("until nothing is left", { of, n: 8, inner: 12, dtype }),
    one("two sweeps of a stack", { of, n: 6, batch: [3], sweeps: 2, dtype }),
    one("nothing carried", { of, n: 4, carried: 0, dtype }),
    one("no matrices", { of, n: 4, batch: [0], dtype }),
    one("zero", { of, n: 6, fill: [0], dtype }),
    one("transposed", { of, n: 6, layout: "transposed", dtype }),
  ]),
  one("long rows", { of: "rows", n: 32, columns: 75, dtype }),
  one("offset", { of: "rows", n: 64, columns: 33, layout: "offset", dtype }),
]);
