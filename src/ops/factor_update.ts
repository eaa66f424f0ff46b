import type { KernelCall } from "./define.ts";
import { type Block, from, launchEach, type Stack } from "./factor_block.ts";
import { isWhole, tileLoads } from "./factor_update_loads.ts";
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
  const v = large ? 2 : 1, size = 64 * v, depth = v === 2 || scalar === "f64" ? 8 : 16, pitch = size / 4 + 1;
  const tile = { size, depth, threads: THREADS * THREADS }, range = (count: number) => [...Array(count).keys()];
  const offset = t?.value.offset ?? 0, first = { ...left, start: left.start + offset };
  const four = x.size % 4 === 0 && out.column === 1 && isWhole(first, m, k) && isWhole(right, k, n) &&
    isWhole(out, m, n) && (t?.index.strides ?? []).flat().every((step) => step % 4 === 0);
  const a = tileLoads(
    { name: "a", source: t ? "t" : "x", outer: left.row, inner: left.column, steps: ["lr", "lc"], limit: "m" },
    tile,
    scalar,
    four,
  );
  const b = tileLoads(
    { name: "b", source: "x", outer: right.column, inner: right.row, steps: ["rc", "rr"], limit: "n" },
    tile,
    scalar,
    four,
  );
  const element = `vec4<${scalar}>`;
  launchEach(call, x.count, [Math.ceil(n / size), Math.ceil(m / size)], {
    key: `update|${v}|${lower}|${a.key}|${b.key}|${t ? t.index.key : ""}`,
    read: t ? { t: t.value } : {},
    write: { x: x.value },
    ...(four ? { elements: { x: element, ...(t ? { t: element } : {}) } } : {}),
    uniforms: {
      m,
      n,
      k,
      size: x.size,
      l0: { i32: first.start },
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
      `var<workgroup> tile_a: array<${element}, ${depth * pitch}>;
var<workgroup> tile_b: array<${element}, ${depth * pitch}>;
${a.declaration}
${b.declaration}`,
    body: () => {
      const spans = range(v), quad = range(4);
      const accumulators = spans.flatMap((s) => quad.flatMap((e) => spans.map((q) => `c${s}${e}${q}`)));
      return [
        `let first_a = workgroup.y * ${size}u; let first_b = workgroup.x * ${size}u;`,
        ...(lower ? [`if (first_b >= first_a + ${size}u) { return; }`] : []),
        ...(t ? t.index.lines("matrix") : []),
        "let base = i32(matrix * p.size);",
        `let base_a = p.l0 + ${t ? `i32(${t.index.offset(0)})` : "base"}; let base_b = p.r0 + base;`,
        `let tx = lane & ${THREADS - 1}u; let ty = lane >> ${Math.log2(THREADS)}u;`,
        ...accumulators.map((name) => `var ${name} = ${element}();`),
        ...a.hold,
        ...b.hold,
        ...a.fetch("0u"),
        ...b.fetch("0u"),
        `for (var i = 0u; i < p.k; i += ${depth}u) {`,
        ...a.keep,
        ...b.keep,
        "workgroupBarrier();",
        ...a.fetch(`i + ${depth}u`),
        ...b.fetch(`i + ${depth}u`),
        ...range(depth).flatMap((i) => [
          "{",
          ...spans.map((s) => `let a${s} = tile_a[${i * pitch + s * THREADS}u + ty];`),
          ...spans.map((s) => `let b${s} = tile_b[${i * pitch + s * THREADS}u + tx];`),
          ...spans.flatMap((s) =>
            quad.flatMap((e) =>
              spans.map((q) => `c${s}${e}${q} = fma(${element}(a${s}.${"xyzw"[e]}), b${q}, c${s}${e}${q});`)
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
          quad.map((e) => `case ${4 * s + e}u: { ${spans.map((q) => `v${q} = c${s}${e}${q};`).join(" ")} }`)
        ),
        "default: {}",
        "}",
        `let row = first_a + (r >> 2u) * ${4 * THREADS}u + ty * 4u + (r & 3u);`,
        "if (row < p.m) {",
        "let out = p.o0 + base + i32(row) * p.or;",
        ...spans.flatMap((q) => store(`first_b + ${q * 4 * THREADS}u + tx * 4u`, `v${q}`, four)),
        "}",
        "}",
      ].join("\n");
    },
  });
}

/** Subtracts four neighbours of a row from what is there. */
function store(column: string, value: string, four: boolean): string[] {
  if (four) return [`{ let column = ${column}; if (column < p.n) { x[(out + i32(column)) >> 2u] -= ${value}; } }`];
  return [0, 1, 2, 3].map((e) =>
    `{ let column = ${column} + ${e}u; if (column < p.n) { x[out + i32(column) * p.oc] -= ${value}.${"xyzw"[e]}; } }`
  );
}
