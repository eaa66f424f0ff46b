import type { Block } from "./factor_block.ts";

/** Rows and columns of a tile, terms of the sum in a block of it, and threads that load it. */
export interface TileShape {
  readonly size: number;
  readonly depth: number;
  readonly threads: number;
}

/** How a workgroup loads the blocks of one factor: texts. */
export interface TileLoads {
  /** Identifies the texts. */
  readonly key: string;
  /** The function that fetches from memory. */
  readonly declaration: string;
  /** Statements that declare what a thread holds of the next block. */
  readonly hold: readonly string[];
  /** Statements that fetch the block that begins at a term. */
  readonly fetch: (begin: string) => string[];
  /** Statements that put what is held into workgroup memory, `[term][outer]` in vectors of four. */
  readonly keep: readonly string[];
}

/** One factor of an update. */
export interface UpdateFactor {
  /** Name in the texts: `a` with `outer` rows, `b` with `outer` columns. */
  readonly name: "a" | "b";
  /** Name of the binding. */
  readonly source: "t" | "x";
  /** Elements between neighbours along the outer axis and along the sum. */
  readonly outer: number;
  readonly inner: number;
  /** Names of the uniforms that hold these, and of the limits. */
  readonly steps: readonly [outer: string, inner: string];
  readonly limit: "m" | "n";
}

/** True if four neighbours of a block lie together at a multiple of four, along whichever axis is dense, which has `extent` elements. */
export function isWhole({ start, row, column }: Block, rows: number, columns: number): boolean {
  const [far, extent] = column === 1 ? [row, columns] : row === 1 ? [column, rows] : [1, 1];
  return [start, far, extent].every((x) => x % 4 === 0);
}

/** The loads of a factor, one element at a time or four neighbours at once; neighbouring threads load neighbours in memory. */
export function tileLoads(factor: UpdateFactor, tile: TileShape, scalar: string, four: boolean): TileLoads {
  const { name, source, outer: outerStep, inner: innerStep, steps, limit } = factor, { size, depth, threads } = tile;
  const along = Math.abs(innerStep) === 1 && (innerStep === 1 || outerStep !== 1) ? "inner" : "outer";
  const width = four ? 4 : 1, pitch = size / 4 + 1, type = four ? `vec4<${scalar}>` : scalar;
  const count = size * depth / width, each = Array.from({ length: Math.ceil(count / threads) }, (_, e) => e);
  // Where there are more threads than pieces, some have none.
  const guarded = (statement: string) => count < threads ? `if (lane < ${count}u) { ${statement} }` : statement;
  const row = (along === "inner" ? depth : size) / width, times = four ? " * 4u" : "";
  const places = each.map((e) => {
    const at = `(lane + ${e * threads}u)`,
      near = `((${at} & ${row - 1}u)${times})`,
      far = `(${at} >> ${Math.log2(row)}u)`;
    return along === "inner" ? { inner: near, outer: far } : { inner: far, outer: near };
  });
  return {
    key: `${along}${width}`,
    declaration: `fn fetch_${name}(base: i32, outer: u32, inner: u32) -> ${type} {
  if (outer >= p.${limit} || inner >= p.k) { return ${type}(); }
  return ${source}[(base + i32(outer) * p.${steps[0]} + i32(inner) * p.${steps[1]})${four ? " >> 2u" : ""}];
}`,
    hold: each.map((e) => `var next_${name}${e}: ${type};`),
    fetch: (begin) =>
      places.map(({ inner, outer }, e) =>
        guarded(`next_${name}${e} = fetch_${name}(base_${name}, first_${name} + ${outer}, ${begin} + ${inner});`)
      ),
    keep: places.flatMap(({ inner, outer }, e) => {
      const next = `next_${name}${e}`,
        tileAt = (q: number) => `tile_${name}[(${inner} + ${q}u) * ${pitch}u + (${outer} >> 2u)]`;
      if (!four) return [guarded(`${tileAt(0)}[${outer} & 3u] = ${next};`)];
      if (along === "outer") return [guarded(`${tileAt(0)} = ${next};`)];
      return [0, 1, 2, 3].map((q) => guarded(`${tileAt(q)}[${outer} & 3u] = ${next}.${"xyzw"[q]};`));
    }),
  };
}
