import { PANEL_COLUMNS, PANEL_ROWS } from "../../ops/householder.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { constantLike, eyeLike, joined, scaledStack, unflattened } from "./parts.ts";
import { leadingColumns, reflected, reflectedTransposed, type Reflectors, reflectorsOf } from "./reflectors.ts";

/**
 * Columns that are reflected before the rest of the matrix is: a panel, which takes the fewest calls; in large matrices more, so that their
 * products, over so many columns, are worth while.
 */
function blockOf(n: number): number {
  return n <= 1024 ? PANEL_COLUMNS : 128;
}

/** Heights from which blocks of rows are reduced at once. */
const TALL = 2048;

/** A = Q·R of stacks. */
interface Factors {
  /** `[count, m, p]`. */
  readonly q: Tensor;
  /** `[count, p, n]`. */
  readonly r: Tensor;
}

/** Whether {@linkcode qrOnDevice} takes matrices of a size. */
export function fitsDeviceQr(m: number, n: number, mode: "reduced" | "complete"): boolean {
  return m <= PANEL_ROWS || mode === "reduced" && isTall(m, n);
}

/** The decomposition on the adapter: `q` `[..., m, p]`, `r` `[..., p, n]`. Throws a `RangeError` if an element is not finite. */
export async function qrOnDevice(a: Tensor, mode: "reduced" | "complete"): Promise<{ q: Tensor; r: Tensor }> {
  return await runScope(async () => {
    const { x, scale, requireFinite } = scaledStack(a, "qr"), [, m, n] = x.shape;
    const { q, r } = await factors(x, mode === "complete" ? m : Math.min(m, n));
    const found = { q: unflattened(q, a), r: unflattened(r.div(scale), a) };
    void found.r.value;
    await requireFinite();
    return found;
  });
}

/** Orthonormal columns and their coefficients for stacks `[count, m, n]` of moderate elements. */
export async function factors(x: Tensor, p: number): Promise<Factors> {
  const [, m, n] = x.shape;
  return p === Math.min(m, n) && isTall(m, n) ? await tallFactors(x) : await blockedFactors(x, p);
}

function isTall(m: number, n: number): boolean {
  return m >= TALL && m >= 2 * rowsOfBlock(n);
}

/** Rows of the blocks of tall matrices: those of few columns fit workgroup memory. */
function rowsOfBlock(n: number): number {
  return n <= 32 ? 128 : 4 * n;
}

/**
 * Tall and skinny: blocks of rows are factored at once, and then the stack of their R, by the same (TSQR: Demmel, Grigori, Hoemmen &
 * Langou 2012). Q is the product of the blocks' Q and that of the stack.
 */
async function tallFactors(x: Tensor): Promise<Factors> {
  return await runScope(async () => {
    const [count, m, n] = x.shape, rows = rowsOfBlock(n), blocks = Math.floor(m / rows), even = blocks * rows;
    const first = await factors(x.slice(null, [0, even]).reshape([count * blocks, rows, n]), n);
    const rest = even < m ? await factors(x.slice(null, [even]), Math.min(m - even, n)) : undefined;
    const stacked = first.r.reshape([count, blocks * n, n]),
      top = await factors(rest ? joined([stacked, rest.r], 1) : stacked, n);
    const q = first.q.matmul(top.q.slice(null, [0, blocks * n]).reshape([count * blocks, n, n])).reshape([
      count,
      even,
      n,
    ]);
    return { q: rest ? joined([q, rest.q.matmul(top.q.slice(null, [blocks * n]))], 1) : q, r: top.r };
  });
}

/** By blocks of columns, of which each reflects all that is to the right of it. */
async function blockedFactors(x: Tensor, p: number): Promise<Factors> {
  return await runScope(async () => {
    const [count, m, n] = x.shape,
      k = Math.min(m, n),
      width = blockOf(n),
      zero = constantLike(x, 0),
      eye = eyeLike(x, m, p);
    const blocks: Pick<Reflectors, "v" | "t">[] = [], strips: Tensor[] = [];
    let rest = x;
    for (let start = 0; start < k; start += width) {
      const done = await runScope(() => {
        const panel = reflectorsOf(rest.slice(null, null, [0, width]), zero), height = panel.t.shape[1];
        const right = width < n - start ? reflectedTransposed(panel, rest.slice(null, null, [width])) : undefined;
        const left = [zero.broadcastTo([count, height, start]), panel.r];
        return {
          v: panel.v,
          t: panel.t,
          strip: joined(right ? [...left, right.slice(null, [0, height])] : left, 2),
          rest: right?.slice(null, [height]),
        };
      });
      if (start > 0) rest.dispose();
      blocks.push(done);
      strips.push(done.strip);
      if (done.rest) rest = done.rest;
    }
    if (p > k) strips.push(zero.broadcastTo([count, p - k, n]));
    return { q: await product(blocks, width, eye, zero), r: joined(strips, 1) };
  });
}

/**
 * The first columns of Q = Q₁ Q₂ …, as many as `eye` `[m, p]` has, from the last block backwards: what is before a block's own columns
 * is the identity still.
 */
async function product(
  blocks: readonly Pick<Reflectors, "v" | "t">[],
  width: number,
  eye: Tensor,
  zero: Tensor,
): Promise<Tensor> {
  const [m, p] = eye.shape, last = blocks.length - 1, first = last * width, [count] = blocks[last].v.shape;
  let q = leadingColumns(blocks[last], eye.slice([0, m - first], [0, p - first]));
  for (let b = last - 1; b >= 0; b--) {
    const before = q, rows = m - b * width, columns = p - b * width;
    q = await runScope(() => {
      const top = eye.slice([0, width], [0, columns]).broadcastTo([count, width, columns]);
      const below = joined([zero.broadcastTo([count, rows - width, width]), before], 2);
      return reflected(blocks[b], joined([top, below], 1));
    });
    before.dispose();
  }
  return q;
}
