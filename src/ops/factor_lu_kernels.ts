import type { KernelCall, KernelVariant } from "./define.ts";
import { type Block, blockSize, from, launchEach, type Stack } from "./factor_block.ts";
import { panelWidth, recordPanel } from "./factor_lu_panel.ts";
import { checkResult, copyChecked, resetInfo, settle } from "./factor_passes.ts";
import { recordSolve } from "./factor_solve.ts";
import { recordUpdate } from "./factor_update.ts";
import { sizeOf, type Value } from "./value.ts";

type Call = KernelCall<Record<string, never>>;

/** Ways to eliminate: for software adapters and for graphics processors. */
export const luKernels: readonly KernelVariant<Record<string, never>>[] = [false, true].map((wide) => ({
  name: wide ? "wide" : "narrow",
  // One is better for all sizes: nothing to be timed.
  rank: (call) => wide === call.info.software ? -1 : 0,
  // Invocations go through their rows for each column, and once more: some adapters stop after 65,535 iterations without a word.
  when: (call) => {
    const [m, n] = call.outputs.lu.shape.slice(-2);
    return call.info.probes.longLoops || m / 64 * (Math.min(n, 16) + 1) < 60_000;
  },
  record: (call) => record(call, wide),
}));

/**
 * Right-looking elimination in place, by blocks of blocks: a workgroup eliminates the columns of a panel, whose exchanges are then made in the
 * other columns of the next larger block, those right of it solved for and updated; and so on with the larger blocks.
 */
function record(call: Call, wide: boolean): void {
  const { lu, order, info } = call.outputs, [m, n] = lu.shape.slice(-2), k = Math.min(m, n);
  const x: Stack = { value: lu, size: m * n, count: sizeOf(info.shape), wide };
  const all: Block = { start: 0, row: n, column: 1 };
  resetInfo(call, info);
  startOrder(call, order, m);
  copyChecked(call, call.inputs.a as Value, lu, info);
  const size = blockSize(call, lu), widths = [...(k > 8 * size ? [4 * size] : []), size];
  const eliminate = (first: number, last: number, level: number, right: number) => {
    for (let j = first, next = j; j < last; j = next) {
      const width = level < widths.length ? widths[level] : panelWidth(call, x, m - j);
      next = Math.min(last, j + width);
      if (level < widths.length) eliminate(j, next, level + 1, next);
      else recordPanel(call, x, all, { first: j, last: next, rows: m, count: k });
      const others = { from: first, to: right, without: [j, next] as const, ordered: level === 0 };
      exchangeRows(call, x, { ...others, rows: m, columns: n, count: k });
      recordSolve(call, {
        x,
        triangle: from(all, j, j),
        unitDiagonal: true,
        b: from(all, j, next),
        n: next - j,
        r: right - next,
      });
      recordUpdate(call, {
        x,
        left: from(all, next, j),
        right: from(all, j, next),
        out: from(all, next, next),
        m: m - next,
        n: right - next,
        k: next - j,
      });
    }
  };
  eliminate(0, k, 0, n);
  checkResult(call, lu, info, false);
  settle(call, lu, info, {});
}

/** Sets the order of the rows to that of the matrix. */
function startOrder(call: Call, order: Value, rows: number): void {
  const total = sizeOf(order.shape);
  if (total === 0) return;
  call.launch({
    key: "order",
    read: {},
    write: { order },
    uniforms: { total, rows },
    workgroupSize: 64,
    workgroups: Math.ceil(total / 64),
    body: () => "if (id < p.total) { order[id] = i32(id % p.rows); }",
  });
}

/** Columns in which rows are exchanged. */
interface Exchange {
  readonly from: number;
  readonly to: number;
  /** Those whose steps they were, which are left out. */
  readonly without: readonly [number, number];
  /** Whether the order of the rows is changed as well. */
  readonly ordered: boolean;
  readonly rows: number;
  readonly columns: number;
  /** Steps of the elimination. */
  readonly count: number;
}

/**
 * Exchanges rows as the steps of some columns did, in the others: an invocation for each of them, which goes through the steps in turn, and
 * one for the order.
 */
function exchangeRows(call: Call, x: Stack, { from, to, without, ordered, rows, columns, count }: Exchange): void {
  const [first, last] = without, others = to - from - (last - first);
  const work = others + (ordered ? 1 : 0);
  if (work === 0 || x.count === 0) return;
  const { pivots, order } = call.outputs, columnsOf = Math.min(Math.ceil(work / 64), call.info.limits.workgroups);
  launchEach(call, x.count, [columnsOf, Math.ceil(work / (64 * columnsOf))], {
    key: `exchange|${ordered}`,
    read: { pivots },
    write: { x: x.value, ...(ordered ? { order } : {}) },
    uniforms: { start: from, others, first_step: first, last_step: last, rows, columns, count },
    workgroupSize: 64,
    body: () =>
      `let number = (workgroup.y * workgroup_count.x + workgroup.x) * 64u + lane;
let steps = matrix * p.count;
if (number < p.others) {
  var column = p.start + number;
  if (column >= p.first_step) { column += p.last_step - p.first_step; }
  let base = matrix * p.rows * p.columns + column;
  for (var i = p.first_step; i < p.last_step; i++) {
    let other = u32(pivots[steps + i]);
    if (other != i) {
      let a = base + i * p.columns; let b = base + other * p.columns;
      let v = x[a]; x[a] = x[b]; x[b] = v;
    }
  }
}${
        ordered
          ? `
else if (number == p.others) {
  let base = matrix * p.rows;
  for (var i = p.first_step; i < p.last_step; i++) {
    let other = u32(pivots[steps + i]);
    let v = order[base + i]; order[base + i] = order[base + other]; order[base + other] = v;
  }
}`
          : ""
      }`,
  });
}
