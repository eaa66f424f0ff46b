import { PANEL_ROWS } from "../../ops/householder.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { eyeLike, joined, scaledStack, unflattened, zerosLike } from "./parts.ts";
import { leadingColumns, reflected, reflectedTransposed, type Reflectors, reflectorsOf } from "./reflectors.ts";

/** Columns that are reflected before the rest of the matrix is: so many that the products are worth while. */
const BLOCK = 128;
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
    const [count, m, n] = x.shape, k = Math.min(m, n);
    if (n <= BLOCK || k <= BLOCK && p === k) return whole(x, p);
    const blocks: Pick<Reflectors, "v" | "t">[] = [], strips: Tensor[] = [];
    let rest = x;
    for (let start = 0; start < k; start += BLOCK) {
      const done = await runScope(() => {
        const width = Math.min(BLOCK, n - start),
          panel = reflectorsOf(rest.slice(null, null, [0, width])),
          height = panel.t.shape[1];
        const right = width < n - start ? reflectedTransposed(panel, rest.slice(null, null, [width])) : undefined;
        const left = [zerosLike(x, [count, height, start]), panel.r];
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
    if (p > k) strips.push(zerosLike(x, [count, p - k, n]));
    return { q: await product(blocks, x, p), r: joined(strips, 1) };
  });
}

/** All columns in one panel. */
function whole(x: Tensor, p: number): Factors {
  const [count, , n] = x.shape, panel = reflectorsOf(x), k = panel.t.shape[1];
  return {
    q: leadingColumns(panel, p),
    r: p > k ? joined([panel.r, zerosLike(x, [count, p - k, n])], 1) : panel.r,
  };
}

/** The first p columns of Q = Q₁ Q₂ …, from the last block backwards: what is before a block's own columns is the identity still. */
async function product(blocks: readonly Pick<Reflectors, "v" | "t">[], x: Tensor, p: number): Promise<Tensor> {
  const [count, m] = x.shape, starts = blocks.map((_, b) => b * BLOCK), last = blocks.length - 1;
  let q = leadingColumns(blocks[last], p - starts[last]);
  for (let b = last - 1; b >= 0; b--) {
    const before = q, rows = m - starts[b], columns = p - starts[b];
    q = await runScope(() => {
      const top = eyeLike(x, BLOCK, columns).broadcastTo([count, BLOCK, columns]);
      const below = joined([zerosLike(x, [count, rows - BLOCK, BLOCK]), before], 2);
      return reflected(blocks[b], joined([top, below], 1));
    });
    before.dispose();
  }
  return q;
}
