import type { KernelCall } from "./define.ts";
import { type Block, blockSize, from, launchEach } from "./factor_block.ts";
import { type FactorScalar, quotientText } from "./factor_passes.ts";
import { recordUpdate, type Update } from "./factor_update.ts";

/** Right-hand sides of a workgroup, one for each invocation. */
const LANES = 64;
/** Unknowns that an invocation holds in registers. */
const HELD = 16;

/** `t·y = b` for a lower triangle t, solved in place for `r` right-hand sides. */
export interface TriangularSystem extends Pick<Update, "x" | "t"> {
  /** The triangle `[n, n]`, of which the elements below the diagonal are read, and those on it unless it is of ones. */
  readonly triangle: Block;
  readonly unitDiagonal: boolean;
  /** The right-hand sides `[n, r]`, which become the solution. */
  readonly b: Block;
  readonly n: number;
  readonly r: number;
}

/**
 * Records forward substitution by blocks: with each triangle on the diagonal, then an update of what is below it; blocks of blocks if
 * there are right-hand sides enough for the product to be the larger part.
 */
export function recordSolve<P>(call: KernelCall<P>, system: TriangularSystem): void {
  const { x, t, triangle, b, n, r } = system;
  if (n === 0 || r === 0 || x.count === 0) return;
  const size = blockSize(call, x.value), outer = r > 2 * size ? 4 * size : size;
  const update = (rows: number, stop: number, first: number, last: number) =>
    recordUpdate(call, {
      x,
      t,
      left: from(triangle, rows, first),
      right: from(b, first, 0),
      out: from(b, rows, 0),
      m: stop - rows,
      n: r,
      k: last - first,
    });
  for (let i = 0; i < n; i += outer) {
    const stop = Math.min(n, i + outer);
    for (let j = i; j < stop; j += size) {
      const next = Math.min(stop, j + size);
      recordBlock(call, { ...system, triangle: from(triangle, j, j), b: from(b, j, 0), n: next - j }, size);
      update(next, stop, j, next);
    }
    update(stop, n, i, stop);
  }
}

/**
 * Records forward substitution with one block: its triangle goes to workgroup memory, by columns, and each invocation solves for one
 * right-hand side, {@linkcode HELD} unknowns at a time. It substitutes instead of multiplying with inverses, which would cost digits.
 */
function recordBlock<P>(call: KernelCall<P>, system: TriangularSystem, size: number): void {
  const { x, t, triangle, unitDiagonal, b, n, r } = system, scalar = x.value.dtype as FactorScalar;
  const most = LANES * call.info.limits.workgroups;
  if (r > most) {
    recordBlock(call, { ...system, r: most }, size);
    recordBlock(call, { ...system, r: r - most, b: from(b, 0, most) }, size);
    return;
  }
  const pitch = size / 4 + 1, zero = `${scalar}(0)`, source = t ? "t" : "x";
  const alongColumns = Math.abs(triangle.row) === 1;
  const held = [...Array(HELD).keys()], quads = [...Array(HELD / 4).keys()];
  launchEach(call, x.count, [Math.ceil(r / LANES), 1], {
    key: `solve|${size}|${unitDiagonal}|${alongColumns}|${t ? t.index.key : ""}`,
    read: t ? { t: t.value } : {},
    write: { x: x.value },
    uniforms: {
      n,
      r,
      size: x.size,
      t0: { i32: triangle.start + (t?.value.offset ?? 0) },
      tr: { i32: triangle.row },
      tc: { i32: triangle.column },
      b0: { i32: b.start },
      br: { i32: b.row },
      bc: { i32: b.column },
      ...t?.index.uniforms,
    },
    workgroupSize: LANES,
    declarations: () =>
      `${quotientText(scalar)}
var<workgroup> columns: array<vec4<${scalar}>, ${size * pitch}>;
var<workgroup> diagonal: array<${scalar}, ${size}>;`,
    body: () =>
      [
        ...(t ? t.index.lines("matrix") : []),
        "let base = i32(matrix * p.size);",
        `let first = p.t0 + ${t ? `i32(${t.index.offset(0)})` : "base"};`,
        // Strictly lower, zero elsewhere.
        `for (var e = lane; e < ${size * size}u; e += ${LANES}u) {`,
        `let ${alongColumns ? "i" : "k"} = e & ${size - 1}u; let ${alongColumns ? "k" : "i"} = e / ${size}u;`,
        `var v = ${zero};`,
        `if (k < i && i < p.n) { v = ${source}[first + i32(i) * p.tr + i32(k) * p.tc]; }`,
        `columns[k * ${pitch}u + (i >> 2u)][i & 3u] = v;`,
        "}",
        ...(unitDiagonal ? [] : [
          `for (var i = lane; i < ${size}u; i += ${LANES}u) {`,
          `var v = ${scalar}(1);`,
          `if (i < p.n) { v = ${source}[first + i32(i) * (p.tr + p.tc)]; }`,
          "diagonal[i] = v;",
          "}",
        ]),
        "workgroupBarrier();",
        `let side = workgroup.x * ${LANES}u + lane;`,
        "if (side >= p.r) { return; }",
        "let b = p.b0 + base + i32(side) * p.bc;",
        `for (var i = 0u; i < p.n; i += ${HELD}u) {`,
        // Past the end the last element stands in: nothing depends on those.
        ...quads.map((q) =>
          `var s${q} = vec4<${scalar}>(${
            [0, 1, 2, 3].map((e) => `x[b + i32(min(i + ${4 * q + e}u, p.n - 1u)) * p.br]`).join(", ")
          });`
        ),
        "let quad = i >> 2u;",
        "for (var k = 0u; k < i; k++) {",
        `let y = vec4<${scalar}>(-x[b + i32(k) * p.br]);`,
        ...quads.map((q) => `s${q} = fma(columns[k * ${pitch}u + quad + ${q}u], y, s${q});`),
        "}",
        ...held.flatMap((c) => {
          const own = `s${c >> 2}.${"xyzw"[c & 3]}`;
          return [
            ...(unitDiagonal ? [] : [`${own} = quotient(${own}, diagonal[min(i + ${c}u, ${size - 1}u)]);`]),
            ...(c === HELD - 1 ? [] : [
              "{",
              `let y = vec4<${scalar}>(-${own}); let k = min(i + ${c}u, ${size - 1}u) * ${pitch}u + quad;`,
              ...quads.filter((q) => q >= (c + 1) >> 2).map((q) => `s${q} = fma(columns[k + ${q}u], y, s${q});`),
              "}",
            ]),
            `if (i + ${c}u < p.n) { x[b + i32(i + ${c}u) * p.br] = ${own}; }`,
          ];
        }),
        "}",
      ].join("\n"),
  });
}
