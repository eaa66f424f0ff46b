import {
  copyMemory,
  exp,
  f32,
  f32x4,
  f64,
  f64x2,
  fillMemory,
  type FloatLanes,
  floatLanes,
  type FunctionBuilder,
  i32,
  i32x4,
  log,
  type V,
  v128,
  type Value,
} from "../formula/wasm/mod.ts";
import { SETTINGS } from "./plan_scaling_layout.ts";
import { largestLane, renewScaling, spreadLane, sumEach } from "./plan_scaling_wasm_lanes.ts";
import { smaller } from "./reduce_wasm_rows.ts";
import { loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import type { Arguments } from "./wasm_formula.ts";

type Word = Value<"i32">;

/** Addresses of one side's numbers in the room of a job, filled up to whole steps by zeros. */
interface Side {
  readonly w: Word;
  readonly F: Word;
  readonly p: Word;
  readonly bytes: Word;
}

/**
 * Code of a job's parts, in a room of its own: the plan by rows of `line` bytes, the rows' u, a, F, p of `height` bytes, the columns' b, G, q, and for
 * each block of rows a copy of v and two sets of column sums, one of the iteration at work and one of that before it; then for each block how many
 * iterations it has done when it is done, and two marginal errors of 16 bytes each.
 */
export class PlanSteps {
  readonly #fn: FunctionBuilder;
  readonly #args: Arguments;
  readonly #m: FloatLanes;
  readonly #scalar: "f32" | "f64";
  /** Bytes of an element, as a shift. */
  readonly #shift: number;
  readonly #job: Word;
  readonly #room: Word;
  readonly #u: Word;
  readonly #rows: Side;
  readonly #columns: Side;
  readonly #copies: Word;
  readonly #costs: Word;
  readonly #eps: V;
  readonly #quantum: V;
  readonly #omega: V;
  /** Whether ω is not 1. */
  readonly #relaxed: Word;
  readonly #target: V;
  readonly #range: V;
  readonly #marks: Word;
  /** Iterations of the job at most. */
  readonly count: Word;

  constructor(fn: FunctionBuilder, args: Arguments, scalar: "f32" | "f64", job: Word, room: Word) {
    this.#fn = fn;
    this.#args = args;
    this.#scalar = scalar;
    this.#shift = scalar === "f64" ? 3 : 2;
    this.#m = floatLanes(fn, scalar, true);
    this.#job = job;
    this.#room = room;
    const line = args.i32("line"), height = args.i32("height");
    const after = (at: Word, bytes: Word) => fn.let(i32.add(at, bytes));
    this.#u = after(room, args.i32("planBytes"));
    const a = after(this.#u, height), F = after(a, height), p = after(F, height);
    this.#rows = { w: a, F, p, bytes: height };
    const b = after(p, height), G = after(b, line), q = after(G, line);
    this.#columns = { w: b, F: G, p: q, bytes: line };
    this.#copies = after(q, line);
    this.#marks = after(this.#copies, i32.mul(i32.mul(args.i32("blocks"), line), i32.const(3)));
    const own = fn.let(i32.add(args.i32("settings"), i32.mul(job, i32.const(SETTINGS << this.#shift))));
    const setting = (k: number) => loadSplat(fn, scalar, scalar, i32.add(own, i32.const(k << this.#shift)));
    const whole = (v: V) =>
      fn.let(i32x4.extractLane(scalar === "f64" ? i32x4.truncSatF64x2SZero(v) : i32x4.truncSatF32x4S(v), 0));
    this.#eps = setting(0);
    this.#quantum = setting(1);
    this.#omega = setting(2);
    this.#relaxed = fn.let(this.#m.any(this.#m.ne(this.#omega, this.#m.constant(1))));
    this.count = fn.let(smaller(fn, whole(setting(3)), args.i32("most")));
    this.#target = setting(5);
    this.#range = setting(6);
    const last = fn.let(i32.sub(args.i32("problems"), i32.const(1)));
    const problem = fn.variable(smaller(fn, whole(setting(4)), last));
    fn.if(i32.ltS(problem, i32.const(0)), () => fn.set(problem, i32.const(0)));
    this.#costs = fn.let(i32.add(args.i32("c"), i32.mul(problem, i32.mul(args.i32("n"), args.i32("costLine")))));
  }

  /** Weights and potentials into the room. */
  prepare(): void {
    const { w, F, p } = this.#rows, { w: b, F: G, p: q } = this.#columns;
    this.#bring("rows", [w, F, p], this.#args.i32("n"), this.#args.i32("height"));
    this.#bring("columns", [b, G, q], this.#args.i32("m"), this.#args.i32("line"));
  }

  /** The plan of a block of rows, u = 1 there and a copy of v = 1. */
  build(block: Word): void {
    const fn = this.#fn, m = this.#m, line = this.#args.i32("line");
    const { first, end, last } = this.#blockRows(block);
    fn.run(i32.store(this.#mark(block), i32.const(-1)));
    const ones = (to: Word, weights: Word, from: Word, end: Word) =>
      fn.for(from, end, 16, (at) => {
        const positive = m.gt(fn.let(v128.load(i32.add(weights, at))), m.constant(0));
        fn.run(v128.store(i32.add(to, at), m.toNumber(positive)));
      });
    ones(this.#u, this.#rows.w, this.#bytes(first), this.#bytes(last));
    ones(this.#copy(block), this.#columns.w, i32.const(0), line);
    const rest = i32.mul(i32.sub(last, end), line);
    fn.run(fillMemory(i32.add(this.#room, i32.mul(end, line)), i32.const(0), rest));
    fn.for(first, end, 1, (i) => {
      const own = fn.let(i32.add(this.#room, i32.mul(i, line)));
      // What is left at its end by whole steps.
      fn.run(v128.store(i32.sub(i32.add(own, line), i32.const(16)), m.constant(0)));
      this.#row(
        i,
        (at, entry) => fn.run(v128.store(i32.add(own, at), entry)),
        () => fn.run(fillMemory(own, i32.const(0), line)),
      );
    });
  }

  /** Iteration `step` for a block of rows, if there is to be one. */
  step(block: Word, step: Word): void {
    const fn = this.#fn, m = this.#m, mark = this.#mark(block);
    const open = i32.and(i32.ltS(step, this.count), i32.ltS(i32.load(mark), i32.const(0)));
    fn.if(open, () => {
      // The error before an iteration says whether that was the last one.
      const isLast = fn.variable(i32.const(0));
      fn.if(i32.gtS(step, i32.const(1)), () => {
        fn.set(isLast, m.any(m.le(this.#errorBefore(step), this.#target)));
      });
      fn.if(isLast, () => fn.run(i32.store(mark, step)), () => this.#iterate(block, step));
    });
  }

  /** The marginal error before the iteration that `step` comes after. */
  #errorBefore(step: Word): V {
    const fn = this.#fn, m = this.#m, error = fn.variable(m.constant(0));
    const from = this.#error(i32.const(0), i32.sub(step, i32.const(1)));
    fn.for(i32.const(0), i32.shl(this.#args.i32("blocks"), i32.const(4)), 16, (own) => {
      fn.set(error, m.add(error, fn.let(v128.load(i32.add(from, own)))));
    });
    return error;
  }

  /** v from the sums of the iteration before, then u, and the sums that it gives. */
  #iterate(block: Word, step: Word): void {
    const fn = this.#fn, m = this.#m, line = this.#args.i32("line"), { first, last } = this.#blockRows(block);
    const error = fn.variable(m.constant(0));
    fn.if(i32.gtS(step, i32.const(0)), () => this.#renewColumns(block, step, this.#relaxed));
    const sums = this.#sums(block, step), v = this.#copy(block), count = m.count;
    fn.run(fillMemory(sums, i32.const(0), line));
    fn.for(first, last, count, (i) => {
      const lines = [fn.let(i32.add(this.#room, i32.mul(i, line)))];
      for (let r = 1; r < count; r++) lines.push(fn.let(i32.add(lines[r - 1], line)));
      const totals = lines.map(() => fn.variable(m.constant(0)));
      // Two vectors at a time: that is what lines are filled up to.
      const walk = (each: (at: Word, offset: number) => void) =>
        fn.for(i32.const(0), line, 32, (at) => {
          each(at, 0);
          each(at, 16);
        });
      walk((at, offset) => {
        const scaling = fn.let(v128.load(i32.add(v, at), offset));
        lines.forEach((own, r) => {
          const entry = v128.load(i32.add(own, at), offset);
          fn.set(totals[r], m.madd(fn.let(entry), scaling, totals[r]));
        });
      });
      const place = fn.let(i32.add(this.#u, this.#bytes(i))), weights = i32.add(this.#rows.w, this.#bytes(i));
      const sum = sumEach(m, totals), old = fn.let(v128.load(place)), weight = fn.let(v128.load(weights));
      fn.set(error, m.add(error, m.abs(m.sub(m.mul(old, sum), weight))));
      const u = renewScaling(m, old, sum, weight, { omega: this.#omega, relaxed: this.#relaxed });
      fn.run(v128.store(place, u));
      const each = lines.map((_, r) => spreadLane(m, u, r));
      walk((at, offset) => {
        const to = fn.let(i32.add(sums, at));
        let sum = fn.let(v128.load(to, offset));
        lines.forEach((own, r) => sum = m.madd(fn.let(v128.load(i32.add(own, at), offset)), each[r], sum));
        fn.run(v128.store(to, sum, offset));
      });
    });
    fn.run(v128.store(this.#error(block, step), sumEach(m, Array(count).fill(error))));
  }

  /** The last v, which is not relaxed; what the scalings reached, and the potentials that take them in; both given back. */
  finish(): void {
    const fn = this.#fn, m = this.#m, first = i32.const(0), done = fn.variable(i32.load(this.#mark(first)));
    fn.if(i32.ltS(done, i32.const(0)), () => fn.set(done, this.count));
    fn.if(i32.gtS(done, i32.const(0)), () => this.#renewColumns(first, done, i32.const(0)));
    const reach = fn.variable(m.constant(0)), v = this.#copy(first);
    const sides = [[this.#rows, this.#u], [this.#columns, v]] as const;
    for (const [side, scalings] of sides) {
      fn.for(i32.const(0), side.bytes, 16, (at) => {
        const size = m.abs(log(m, fn.let(v128.load(i32.add(scalings, at)))));
        const counts = m.gt(fn.let(v128.load(i32.add(side.w, at))), m.constant(0));
        fn.set(reach, m.max(reach, m.and(size, counts)));
      });
    }
    fn.set(reach, largestLane(m, reach));
    const report = fn.let(i32.add(this.#args.i32("report"), this.#bytes(i32.mul(this.#job, i32.const(3)))));
    const put = (k: number, value: V) =>
      storeLanes(fn, this.#scalar, this.#scalar, i32.add(report, this.#bytes(i32.const(k))), value, "first");
    put(0, reach);
    put(1, this.#scalar === "f64" ? f64x2.splat(f64.convertI32S(done)) : f32x4.splat(f32.convertI32S(done)));
    fn.if(done, () => put(2, this.#errorBefore(done)), () => put(2, m.constant(0)));
    fn.if(m.any(m.le(reach, this.#range)), () => {
      for (const [side, scalings] of sides) this.#absorb(side, scalings);
    });
    const { F, p } = this.#rows, { F: G, p: q } = this.#columns;
    this.#give("outRows", 4, [F, p], this.#args.i32("n"));
    this.#give("outColumns", 2, [G, q], this.#args.i32("m"));
  }

  /** Row sums of the plan anew, and of the plan times the costs, for a block of rows. */
  measure(block: Word): void {
    const fn = this.#fn, m = this.#m, n = this.#args.i32("n"), { first, end } = this.#blockRows(block);
    const start = fn.let(i32.add(this.#args.i32("outRows"), i32.mul(this.#job, this.#bytes(i32.shl(n, i32.const(2))))));
    fn.for(first, end, 1, (i) => {
      const mass = fn.variable(m.constant(0)), cost = fn.variable(m.constant(0));
      this.#row(i, (_, entry, C, counts) => {
        fn.set(mass, m.add(mass, entry));
        fn.set(cost, m.add(cost, m.and(m.mul(entry, C), counts)));
      }, () => {});
      const put = (q: number, total: V) => {
        const at = i32.add(start, this.#bytes(i32.add(i32.mul(n, i32.const(q)), i)));
        storeLanes(fn, this.#scalar, this.#scalar, at, sumEach(m, Array(m.count).fill(total)), "first");
      };
      put(2, mass);
      put(3, cost);
    });
  }

  #bytes(elements: Word): Word {
    return i32.shl(elements, i32.const(this.#shift));
  }

  #copy(block: Word): Word {
    return this.#fn.let(i32.add(this.#copies, i32.mul(block, this.#args.i32("line"))));
  }

  /** A block's column sums of an iteration. */
  #sums(block: Word, step: Word): Word {
    const blocks = this.#args.i32("blocks"), set = i32.add(i32.and(step, i32.const(1)), i32.const(1));
    return this.#copy(i32.add(block, i32.mul(set, blocks)));
  }

  /** Where it says how many iterations a block has done, once it is done. */
  #mark(block: Word): Word {
    return this.#fn.let(i32.add(this.#marks, i32.shl(block, i32.const(4))));
  }

  /** Where the marginal error of a block before an iteration is. */
  #error(block: Word, step: Word): Word {
    const blocks = this.#args.i32("blocks"), set = i32.add(i32.and(step, i32.const(1)), i32.const(1));
    return this.#mark(i32.add(block, i32.mul(set, blocks)));
  }

  /** Rows of a block: those that are there end at `end`, with what they are filled up to at `last`. */
  #blockRows(block: Word): { first: Word; end: Word; last: Word } {
    const fn = this.#fn, each = this.#args.i32("blockRows"), first = fn.let(i32.mul(block, each));
    const all = i32.shrU(this.#args.i32("height"), i32.const(this.#shift));
    const last = fn.let(smaller(fn, i32.add(first, each), all));
    return { first, end: fn.let(smaller(fn, last, this.#args.i32("n"))), last };
  }

  /** Three lines of a job's input into the room. */
  #bring(name: string, to: readonly Word[], count: Word, room: Word): void {
    const fn = this.#fn, bytes = fn.let(this.#bytes(count));
    const from = fn.let(i32.add(this.#args.i32(name), i32.mul(this.#job, i32.mul(bytes, i32.const(3)))));
    to.forEach((place, q) => {
      fn.run(copyMemory(place, i32.add(from, i32.mul(bytes, i32.const(q))), bytes));
      fn.run(fillMemory(i32.add(place, bytes), i32.const(0), i32.sub(room, bytes)));
    });
  }

  /** The first lines of a job's output of `width` lines. */
  #give(name: string, width: number, from: readonly Word[], count: Word): void {
    const fn = this.#fn, bytes = fn.let(this.#bytes(count));
    const to = fn.let(i32.add(this.#args.i32(name), i32.mul(this.#job, i32.mul(bytes, i32.const(width)))));
    from.forEach((place, q) => fn.run(copyMemory(i32.add(to, i32.mul(bytes, i32.const(q))), place, bytes)));
  }

  /** Visits the entries of a row by vectors, at their bytes in a line; `none` is for rows without weight. */
  #row(i: Word, visit: (at: Word, entry: V, C: V, counts: V) => void, none: () => void): void {
    const fn = this.#fn, m = this.#m, scalar = this.#scalar, { w, F, p } = this.#rows, columns = this.#columns;
    const at = this.#bytes(i), weight = loadSplat(fn, scalar, scalar, i32.add(w, at));
    fn.if(m.any(m.gt(weight, m.constant(0))), () => {
      const [coarse, fine] = [F, p].map((part) => loadSplat(fn, scalar, scalar, i32.add(part, at)));
      const costLine = this.#args.i32("costLine"), from = fn.let(i32.add(this.#costs, i32.mul(i, costLine)));
      fn.for(i32.const(0), costLine, 16, (at) => {
        const load = (part: Word) => fn.let(v128.load(i32.add(part, at)));
        const C = loadLanes(fn, scalar, scalar, i32.add(from, at));
        const slack = m.sub(m.add(coarse, load(columns.F)), C);
        const x = m.add(m.div(slack, this.#eps), m.add(fine, load(columns.p)));
        const counts = m.gt(load(columns.w), m.constant(0));
        visit(at, m.and(exp(m, x), counts), C, counts);
      });
    }, none);
  }

  /** v of a block from the column sums of all in the iteration before `step`. */
  #renewColumns(block: Word, step: Word, relaxed: Word): void {
    const fn = this.#fn, m = this.#m, v = this.#copy(block), line = this.#args.i32("line");
    const sums = this.#sums(i32.const(0), i32.sub(step, i32.const(1)));
    const end = fn.let(i32.mul(this.#args.i32("blocks"), line));
    fn.for(i32.const(0), line, 16, (at) => {
      const sum = fn.variable(m.constant(0)), from = fn.let(i32.add(sums, at));
      fn.for(i32.const(0), end, line, (own) => fn.set(sum, m.add(sum, fn.let(v128.load(i32.add(from, own))))));
      const place = fn.let(i32.add(v, at));
      const old = fn.let(v128.load(place)), weight = fn.let(v128.load(i32.add(this.#columns.w, at)));
      fn.run(v128.store(place, renewScaling(m, old, sum, weight, { omega: this.#omega, relaxed })));
    });
  }

  #absorb({ w, F, p, bytes }: Side, scalings: Word): void {
    const fn = this.#fn, m = this.#m;
    fn.for(i32.const(0), bytes, 16, (at) => {
      const [weight, coarse, fine, u] = [w, F, p, scalings].map((part) => fn.let(v128.load(i32.add(part, at))));
      const t = m.add(fine, log(m, u)), whole = m.nearest(m.div(m.mul(t, this.#eps), this.#quantum));
      const moved = m.mul(whole, this.#quantum), counts = m.gt(weight, m.constant(0));
      const put = (part: Word, value: V) => fn.run(v128.store(i32.add(part, at), value));
      put(F, m.select(counts, m.add(coarse, moved), m.constant(-Infinity)));
      put(p, m.and(m.sub(t, m.div(moved, this.#eps)), counts));
    });
  }
}
