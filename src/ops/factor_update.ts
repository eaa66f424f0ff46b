import type { KernelCall } from "./define.ts";
import { type Block, from, launchEach, type Stack } from "./factor_block.ts";
import type { Indexing } from "./indexing.ts";
import type { Value } from "./value.ts";

/** Threads along each axis of a workgroup. */
const THREADS = 16;

/** `out −= left · right` for rectangles of matrices. */
export interface Update {
  /** The matrices that are changed, and that have the right factor. */
  readonly x: Stack;
  /** Where the left factor is, if not in `x`: the value, and the offset of each matrix. */
  readonly t?: { readonly value: Value; readonly index: Indexing };
  /** Left factor, `[m, k]`. */
  readonly left: Block;
  /** Right factor, `[k, n]`. */
  readonly right: Block;
  /** What is changed, `[m, n]`. */
  readonly out: Block;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Leaves out tiles above the diagonal. */
  readonly lower?: boolean;
}

/**
 * Records an update in place: 16×16 threads share a tile of the output and keep 4×4 or 8×8 of its elements in registers; blocks of both
 * factors go through workgroup memory, where the next is loaded while the present one is multiplied.
 */
export function recordUpdate<P>(call: KernelCall<P>, update: Update): void {
  const { x, t, left, right, out, m, n, k, lower = false } = update, scalar = x.value.dtype;
  if (m === 0 || n === 0 || k === 0) return;
  // One dispatch has no more tiles than the limit along each axis.
  const most = 64 * call.info.limits.workgroups;
  if (m > most) {
    recordUpdate(call, { ...update, m: most });
    recordUpdate(call, { ...update, m: m - most, left: from(left, most, 0), out: from(out, most, 0), lower: false });
    return;
  }
  if (n > most) {
    recordUpdate(call, { ...update, n: most });
    recordUpdate(call, { ...update, n: n - most, right: from(right, 0, most), out: from(out, 0, most) });
    return;
  }
  // Large tiles load less, small ones make more workgroups: a processor has about a hundred cores to fill.
  const tiles = x.count * Math.ceil(m / 128) * Math.ceil(n / 128) / (lower ? 2 : 1);
  const large = x.wide && m > 64 && n > 64 && (call.info.software || (scalar === "f32" && tiles >= 100));
  const v = large ? 2 : 1, size = 64 * v, depth = v === 2 ? 8 : 16, pitch = size / 4 + 1;
  // Neighbouring threads load neighbours in memory.
  const alongA = Math.abs(left.column) === 1 ? "inner" : "outer",
    alongB = Math.abs(right.row) === 1 ? "inner" : "outer";
  const each = size * depth / (THREADS * THREADS);
  const range = (count: number) => [...Array(count).keys()];
  const place = (along: string, e: number) => {
    const at = `(lane + ${e * THREADS * THREADS}u)`;
    return along === "inner"
      ? { inner: `(${at} & ${depth - 1}u)`, outer: `(${at} >> ${Math.log2(depth)}u)` }
      : { inner: `(${at} >> ${Math.log2(size)}u)`, outer: `(${at} & ${size - 1}u)` };
  };
  const fetch = (begin: string) => [
    ...range(each).map((e) => {
      const { inner, outer } = place(alongA, e);
      return `next_a${e} = fetch_a(left, row0 + ${outer}, ${begin} + ${inner});`;
    }),
    ...range(each).map((e) => {
      const { inner, outer } = place(alongB, e);
      return `next_b${e} = fetch_b(right, column0 + ${outer}, ${begin} + ${inner});`;
    }),
  ];
  const keep = (name: string, along: string) =>
    range(each).map((e) => {
      const { inner, outer } = place(along, e);
      return `tile_${name}[${inner} * ${pitch}u + (${outer} >> 2u)][${outer} & 3u] = next_${name}${e};`;
    });
  const zero = `${scalar}(0)`, source = t ? "t" : "x";
  launchEach(call, x.count, [Math.ceil(n / size), Math.ceil(m / size)], {
    key: `update|${v}|${lower}|${alongA}|${alongB}|${t ? t.index.key : ""}`,
    read: t ? { t: t.value } : {},
    write: { x: x.value },
    uniforms: {
      m,
      n,
      k,
      size: x.size,
      l0: { i32: left.start + (t?.value.offset ?? 0) },
      lr: { i32: left.row },
      lc: { i32: left.column },
      r0: { i32: right.start },
      rr: { i32: right.row },
      rc: { i32: right.column },
      o0: { i32: out.start },
      or: { i32: out.row },
      oc: { i32: out.column },
      ...t?.index.uniforms,
    },
    workgroupSize: THREADS * THREADS,
    declarations: () =>
      `var<workgroup> tile_a: array<vec4<${scalar}>, ${depth * pitch}>;
var<workgroup> tile_b: array<vec4<${scalar}>, ${depth * pitch}>;
fn fetch_a(left: i32, row: u32, inner: u32) -> ${scalar} {
  if (row >= p.m || inner >= p.k) { return ${zero}; }
  return ${source}[left + i32(row) * p.lr + i32(inner) * p.lc];
}
fn fetch_b(right: i32, column: u32, inner: u32) -> ${scalar} {
  if (column >= p.n || inner >= p.k) { return ${zero}; }
  return x[right + i32(inner) * p.rr + i32(column) * p.rc];
}`,
    body: () => {
      const spans = range(v), four = range(4);
      const accumulators = spans.flatMap((s) => four.flatMap((e) => spans.map((q) => `c${s}${e}${q}`)));
      return [
        `let row0 = workgroup.y * ${size}u; let column0 = workgroup.x * ${size}u;`,
        ...(lower ? [`if (column0 >= row0 + ${size}u) { return; }`] : []),
        ...(t ? t.index.lines("matrix") : []),
        "let base = i32(matrix * p.size);",
        `let left = p.l0 + ${
          t ? `i32(${t.index.offset(0)})` : "base"
        }; let right = p.r0 + base; let out = p.o0 + base;`,
        `let tx = lane & ${THREADS - 1}u; let ty = lane >> ${Math.log2(THREADS)}u;`,
        ...accumulators.map((name) => `var ${name} = vec4<${scalar}>();`),
        ...range(each).flatMap((e) => [`var next_a${e}: ${scalar};`, `var next_b${e}: ${scalar};`]),
        ...fetch("0u"),
        `for (var i = 0u; i < p.k; i += ${depth}u) {`,
        ...keep("a", alongA),
        ...keep("b", alongB),
        "workgroupBarrier();",
        ...fetch(`i + ${depth}u`),
        ...range(depth).flatMap((i) => [
          "{",
          ...spans.map((s) => `let a${s} = tile_a[${i * pitch + s * THREADS}u + ty];`),
          ...spans.map((s) => `let b${s} = tile_b[${i * pitch + s * THREADS}u + tx];`),
          ...spans.flatMap((s) =>
            four.flatMap((e) =>
              spans.map((q) => `c${s}${e}${q} = fma(vec4<${scalar}>(a${s}.${"xyzw"[e]}), b${q}, c${s}${e}${q});`)
            )
          ),
          "}",
        ]),
        "workgroupBarrier();",
        "}",
        `for (var r = 0u; r < ${4 * v}u; r++) {`,
        ...spans.map((q) => `var v${q} = c00${q};`),
        "switch r {",
        ...spans.flatMap((s) =>
          four.map((e) => `case ${4 * s + e}u: { ${spans.map((q) => `v${q} = c${s}${e}${q};`).join(" ")} }`)
        ),
        "default: {}",
        "}",
        `let row = row0 + (r >> 2u) * ${4 * THREADS}u + ty * 4u + (r & 3u);`,
        "if (row < p.m) {",
        ...spans.flatMap((q) =>
          four.map((e) =>
            `{ let column = column0 + ${q * 4 * THREADS + e}u + tx * 4u; if (column < p.n) { ` +
            `let at = out + i32(row) * p.or + i32(column) * p.oc; x[at] -= v${q}.${"xyzw"[e]}; } }`
          )
        ),
        "}",
        "}",
      ].join("\n");
    },
  });
}
