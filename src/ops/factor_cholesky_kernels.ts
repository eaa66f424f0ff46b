import type { KernelCall, KernelVariant } from "./define.ts";
import { type Block, blockSize, from, launchEach, type Stack, turned } from "./factor_block.ts";
import { copyChecked, type FactorScalar, quotientText, resetInfo, settle, smallPivot } from "./factor_passes.ts";
import { recordSolve } from "./factor_solve.ts";
import { recordUpdate } from "./factor_update.ts";
import { sizeOf, type Value } from "./value.ts";

type Call = KernelCall<Record<string, never>>;

/** Ways to factor: for software adapters and for graphics processors. */
export const choleskyKernels: readonly KernelVariant<Record<string, never>>[] = [false, true].map((wide) => ({
  name: wide ? "wide" : "narrow",
  // One is better for all sizes: nothing to be timed.
  rank: (call) => wide === call.info.software ? -1 : 0,
  record: (call) => record(call, wide),
}));

/**
 * Right-looking Cholesky in place, by blocks: a workgroup factors the triangle on the diagonal, the rows below it are solved for, and what is
 * right of them is updated; blocks of four blocks update the rest at once, so that its products are long enough.
 */
function record(call: Call, wide: boolean): void {
  const { l, info } = call.outputs, n = l.shape[l.shape.length - 1], count = sizeOf(info.shape);
  resetInfo(call, info);
  copyChecked(call, call.inputs.a as Value, l, info);
  const x: Stack = { value: l, size: n * n, count, wide }, all: Block = { start: 0, row: n, column: 1 };
  const size = blockSize(call, l), outer = n > 8 * size ? 4 * size : size;
  const update = (begin: number, stop: number, first: number, last: number) => {
    const left = from(all, begin, first);
    recordUpdate(call, {
      x,
      left,
      right: turned(left),
      out: from(all, begin, begin),
      m: n - begin,
      n: stop - begin,
      k: last - first,
      lower: true,
    });
  };
  for (let i = 0; i < n; i += outer) {
    const stop = Math.min(n, i + outer);
    for (let j = i; j < stop; j += size) {
      const next = Math.min(stop, j + size);
      factorTriangle(call, x, info, from(all, j, j), j, next - j);
      // Each row below is a right-hand side.
      const triangle = from(all, j, j), b = turned(from(all, next, j));
      recordSolve(call, { x, triangle, unitDiagonal: false, b, n: next - j, r: n - next });
      update(next, stop, j, next);
    }
    update(stop, n, i, stop);
  }
  settle(call, l, info, { needed: true, lower: true });
}

/**
 * Factors `width` rows and columns from number `first` in workgroup memory: four invocations for each row. The columns are scaled at the
 * end, so that one barrier for each of them is enough: a[i][j] −= (a[i][k] / a[k][k]) a[j][k].
 */
function factorTriangle(call: Call, x: Stack, info: Value, block: Block, first: number, width: number): void {
  const scalar = x.value.dtype as FactorScalar, room = width <= 16 ? 16 : width <= 32 ? 32 : 64, pitch = room + 1;
  const threads = 4 * room;
  launchEach(call, x.count, [1, 1], {
    key: `triangle|${room}`,
    read: {},
    write: { x: x.value, info },
    uniforms: { size: x.size, width, first_minor: first + 1, start: block.start, row: block.row },
    workgroupSize: threads,
    declarations: () => `${quotientText(scalar)}\nvar<workgroup> s: array<${scalar}, ${room * pitch}>;`,
    body: () =>
      `let base = matrix * p.size + p.start;
for (var e = lane; e < p.width * p.width; e += ${threads}u) {
  s[e / p.width * ${pitch}u + e % p.width] = x[base + e / p.width * p.row + e % p.width];
}
workgroupBarrier();
let i = lane >> 2u;
let own = i * ${pitch}u;
var failed = false;
for (var k = 0u; k < p.width; k++) {
  let d = s[k * ${pitch + 1}u];
  if (!failed && !(d > ${scalar}(0))) {
    failed = true;
    if (lane == 0u && info[matrix] > i32(p.first_minor + k)) { info[matrix] = i32(p.first_minor + k); }
  }
  if (lane == 0u && !failed) { ${smallPivot(scalar)} }
  if (i > k && i < p.width) {
    let f = quotient(s[own + k], d);
    var j = (k & ~3u) + (lane & 3u);
    if (j <= k) { j += 4u; }
    for (; j <= i; j += 4u) { s[own + j] = fma(-f, s[j * ${pitch}u + k], s[own + j]); }
  }
  workgroupBarrier();
}
for (var e = lane; e < p.width * p.width; e += ${threads}u) {
  let row = e / p.width; let column = e % p.width;
  if (column > row) { continue; }
  let root = sqrt(s[column * ${pitch + 1}u]);
  var v = root;
  if (column < row) { v = quotient(s[row * ${pitch}u + column], root); }
  x[base + row * p.row + column] = v;
}`,
  });
}
