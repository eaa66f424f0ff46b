import { element, type Expr, type Fold, name, type Signature, substitute } from "../formula/mod.ts";
import {
  floatLanes,
  type FunctionBuilder,
  i32,
  type Section,
  type V,
  v128,
  type Value,
  wasmEmitter,
  type WasmFormula,
} from "../formula/wasm/mod.ts";
import { bytesOfNumber, type WasmPairs } from "./pairwise_wasm_inputs.ts";
import { loadSplat } from "./wasm_elements.ts";
import type { Arguments } from "./wasm_formula.ts";

/** Where the pairs of a tile are: some rows i, and some vectors of rows j. */
export interface TilePlace {
  /** Addresses of the first row i in each outer input. */
  readonly x: readonly Value<"i32">[];
  /** Addresses of the first vector of rows j in each inner input. */
  readonly y: readonly Value<"i32">[];
  /** Number of rows i. */
  readonly rows: number;
  /** Number of vectors. */
  readonly vectors: number;
  /** A place before the loop over j, where what depends on rows i alone is computed. */
  readonly hoist?: Section;
}

/** Components that one turn of the loop over long vectors takes. */
const TURN = 4;

/** Addresses of row `i` in the outer inputs. */
export function outerRow(fn: FunctionBuilder, pairs: WasmPairs, args: Arguments, i: Value<"i32">): Value<"i32">[] {
  return pairs.outer.map(({ length = 1 }, q) =>
    fn.let(i32.add(args.i32(`i${q}`), i32.mul(i, i32.const(length * bytesOfNumber(pairs)))))
  );
}

/** Addresses of vector `k` of rows j in the inner inputs. */
export function innerVector(fn: FunctionBuilder, pairs: WasmPairs, args: Arguments, k: Value<"i32">): Value<"i32">[] {
  return pairs.inner.map(({ length = 1 }, q) => fn.let(i32.add(args.i32(`j${q}`), i32.mul(k, i32.const(16 * length)))));
}

/**
 * Writes the formulas of all pairs of a tile, by formula, row and vector. Each row and vector is a leaf of its own of one large
 * formula, so that what several pairs need is loaded and computed once, and stays in registers.
 */
export function writePairs(
  fn: FunctionBuilder,
  pairs: WasmPairs,
  args: Arguments,
  place: TilePlace,
): WasmFormula[][][] {
  const leaves = tileLeaves(fn, pairs, args, place), lanes = floatLanes(fn, pairs.scalar);
  const rounds = pairs.folds.reduce((most, f) => Math.max(most, f.round + 1), 0);
  for (let round = 0; round < rounds; round++) {
    const folds = pairs.folds.filter((f) => f.round === round);
    for (const length of new Set(folds.map((f) => f.length))) {
      writeFolds(folds.filter((f) => f.length === length), length);
    }
  }
  const emit = leaves.emitter(place.hoist);
  return pairs.exprs.map((expr) => grid(place, (r, v) => emit(leaves.rename(expr, r, v))));

  /** One loop over the components for all these folds of all pairs. */
  function writeFolds(folds: readonly Fold[], length: number): void {
    const totals = folds.map((fold) =>
      grid({ rows: fold.outer ? place.rows : 1, vectors: fold.inner ? place.vectors : 1 }, (r, v) => {
        const total = fn.variable(lanes.constant(0));
        leaves.define(fold, r, v, total);
        return total;
      })
    );
    const x = place.x.map((address) => fn.variable(address)), y = place.y.map((address) => fn.variable(address));
    const whole = length - length % TURN;
    fn.for(i32.const(0), i32.const(whole), TURN, () => {
      turn(TURN);
      x.forEach((at) => fn.set(at, i32.add(at, i32.const(TURN * bytesOfNumber(pairs)))));
      y.forEach((at) => fn.set(at, i32.add(at, i32.const(16 * TURN))));
    });
    turn(length - whole);

    function turn(components: number): void {
      const emit = leaves.emitter(undefined, { x, y });
      const terms = folds.map((fold, f) =>
        totals[f].map((row, r) => row.map((_, v) => emit(leaves.rename(fold.term, r, v))))
      );
      for (let k = 0; k < components; k++) {
        folds.forEach(({ by }, f) =>
          totals[f].forEach((row, r) =>
            row.forEach((total, v) => {
              const term = terms[f][r][v];
              fn.set(total, by === "add" ? term.addTo(total, k) : lanes.max(total, term.number(k)));
            })
          )
        );
      }
    }
  }
}

function grid<T>({ rows, vectors }: { rows: number; vectors: number }, make: (r: number, v: number) => T): T[][] {
  return Array.from({ length: rows }, (_, r) => Array.from({ length: vectors }, (_, v) => make(r, v)));
}

/** The name of a fold of a pair, which it shares with other pairs if it does not depend on one of the rows. */
function foldName(fold: Fold, r: number, v: number): string {
  return `${fold.name}_${fold.outer ? r : "all"}_${fold.inner ? v : "all"}`;
}

/** How formulas of a tile's pairs are written. */
export interface TileLeaves {
  /** Gives a value to a fold of a pair. */
  readonly define: (fold: Fold, r: number, v: number, value: V) => void;
  /** A formula with the leaves of one pair. */
  readonly rename: (expr: Expr, r: number, v: number) => Expr;
  /** An emitter; in a loop over components, these are counted from the addresses `moving`. */
  readonly emitter: (
    hoist?: Section,
    moving?: { readonly x: readonly Value<"i32">[]; readonly y: readonly Value<"i32">[] },
  ) => (expr: Expr) => WasmFormula;
}

/**
 * The rows and numbers of a tile as leaves with names of their own: `i0_2` is row 2 of outer input 0. `other` reads what is neither an
 * input nor a fold.
 */
export function tileLeaves(
  fn: FunctionBuilder,
  pairs: WasmPairs,
  args: Arguments,
  { x, y, rows, vectors }: TilePlace,
  other?: (name: string, r: number, v: number) => V,
): TileLeaves {
  const { scalar, numbers, plains, outer, inner } = pairs, size = bytesOfNumber(pairs);
  // No prototype: names are keys.
  const signature: Record<string, Signature[string]> = Object.create(null);
  const read = new Map<string, () => V>(), still = new Set<string>();
  const known = new Map<string, string>();
  const plain = (id: string, load: () => V, fixed: boolean): string => {
    signature[id] = { kind: "plain" };
    read.set(id, load);
    if (fixed) still.add(id);
    return id;
  };
  numbers.forEach((n, k) => known.set(n, plain(`c${k}`, () => args.number(k, scalar), true)));
  plains.forEach(({ name: n, value }, k) =>
    known.set(n, plain(`p${k}`, () => loadSplat(fn, scalar, value.dtype, args.i32(`p${k}`)), true))
  );
  outer.forEach(({ length }, q) => {
    for (let r = 0; r < rows; r++) {
      signature[`i${q}_${r}`] = { kind: "row", length };
      still.add(`i${q}_${r}[i]`);
    }
  });
  inner.forEach(({ length }, q) => {
    for (let v = 0; v < vectors; v++) signature[`j${q}_${v}`] = { kind: "row", length };
  });
  const splat = size === 8 ? v128.load64Splat : v128.load32Splat;
  const load = (
    id: string,
    places: { x: readonly Value<"i32">[]; y: readonly Value<"i32">[] },
    component: Value<"i32"> | number = 0,
  ): V => {
    const side = id[0], [q, slot] = id.slice(1).split("_").map(Number);
    const length = (side === "i" ? outer : inner)[q].length ?? 1, step = side === "i" ? size : 16;
    const offset = (slot * length + (typeof component === "number" ? component : 0)) * step;
    const start = places[side === "i" ? "x" : "y"][q];
    const address = typeof component === "number" ? start : i32.add(start, i32.mul(component, i32.const(step)));
    return side === "i" ? splat(address, offset) : v128.load(address, offset);
  };
  const here = { x, y };
  return {
    define: (fold, r, v, value) => {
      plain(foldName(fold, r, v), () => value, false);
    },
    rename: (expr, r, v) =>
      substitute(expr, (leaf) => {
        if (leaf.kind === "element") {
          const side = leaf.index, list = side === "i" ? outer : inner;
          const id = `${side}${list.findIndex((input) => input.name === leaf.name)}_${side === "i" ? r : v}`;
          const { component } = leaf;
          if (component === undefined) return element(id, side);
          // By a name, so that it is not mistaken for the component of a loop.
          return name(plain(`${id}_${component}`, () => load(id, here, component), side === "i"));
        }
        if (leaf.kind !== "name") return undefined;
        const own = known.get(leaf.name);
        if (own !== undefined) return name(own);
        const fold = pairs.folds.find((f) => f.name === leaf.name);
        if (fold) return name(foldName(fold, r, v));
        return name(plain(`${leaf.name}_${r}_${v}`, () => other!(leaf.name, r, v), false));
      }),
    emitter: (hoist, moving) =>
      wasmEmitter({
        name: (id) => read.get(id)!(),
        element: (id, _, component) => load(id, component === undefined ? here : moving ?? here, component),
      }, { fn, scalar, signature, hoist: hoist && { section: hoist, leaves: still }, flush: true }),
  };
}
