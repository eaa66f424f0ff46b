import type { KernelCall, KernelVariant } from "./define.ts";
import { type JacobiLayout, jacobiLayout, type JacobiParams } from "./jacobi.ts";
import { launchRotations } from "./jacobi_pairs.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";

type Call = KernelCall<JacobiParams>;

/** Columns of a tile of rows, and lanes of its workgroup. */
const TILE = 64, LANES = 256;

/**
 * Two or three dispatches per round: the rotations of each pair of blocks, and the products with them, which also take the blocks to
 * where they are in the next round.
 */
export const jacobiBlocks: KernelVariant<JacobiParams> = {
  name: "blocks",
  record: (call) => {
    const { params, outputs } = call,
      layout = jacobiLayout(typesOf(call.inputs), params),
      { count, n, columns, carried, pairs, block } = layout;
    const rounds = params.sweeps * Math.max(1, 2 * pairs - 1),
      q = call.temporary({ shape: [count, pairs, 4 * block * block], dtype: layout.dtype });
    const level = call.dense(call.inputs.level as Value);
    let a = call.dense(call.inputs.a as Value), v = call.dense(call.inputs.v as Value);
    const spare = rounds > 1
      ? {
        a: call.temporary({ shape: [count, n, columns], dtype: layout.dtype }),
        v: call.temporary({ shape: [count, n, Math.max(1, carried)], dtype: layout.dtype }),
      }
      : undefined;
    for (let round = rounds - 1; round >= 0; round--) {
      // In turns, so that the last round writes the results.
      const to = round % 2 === 0 ? outputs : spare!;
      launchRotations(call, layout, a, level, q);
      if (params.of === "symmetric") launchBothSides(call, layout, a, q, to.a);
      else launchRows(call, layout, a, q, to.a, columns);
      if (carried > 0) launchRows(call, layout, v, q, to.v, carried);
      [a, v] = [to.a, to.v];
    }
  },
};

/** WGSL of where the row `j` of a pair of blocks goes after a round. */
function destination(block: number): string {
  return `fn destination(pair: u32, j: u32) -> u32 {
  var place = 2u * pair + 2u;
  if (j < ${block}u) {
    if (pair == 0u) { place = 0u; } else if (pair == p.pairs - 1u) { place = 2u * pair + 1u; }
  } else {
    if (pair > 0u) { place = 2u * pair - 1u; } else { place = select(1u, 2u, p.pairs > 1u); }
  }
  return place * ${block}u + j % ${block}u;
}`;
}

/** Each pair's rows of x become Qᵀ times them. */
function launchRows(
  call: Call,
  { count, n, pairs, block, dtype }: JacobiLayout,
  x: Value,
  q: Value,
  out: Value,
  width: number,
): void {
  const w = 2 * block,
    groups = LANES / TILE,
    each = [...Array(Math.ceil(w / groups)).keys()],
    tiles = Math.ceil(width / TILE);
  call.launch({
    key: `rows|${w}`,
    read: { x, q },
    write: { y: out },
    uniforms: { n, width, pairs, tiles, jobs: count * pairs * tiles, start: x.offset },
    workgroupSize: LANES,
    workgroups: count * pairs * tiles,
    declarations: () =>
      [
        destination(block),
        `var<workgroup> tile: array<${dtype}, ${w * TILE}>;`,
        `var<workgroup> turn: array<${dtype}, ${w * w}>;`,
      ].join("\n"),
    body: () =>
      [
        "if (group >= p.jobs) { return; }",
        "let part = group % p.tiles; let meeting = group / p.tiles; let pair = meeting % p.pairs; let matrix = meeting / p.pairs;",
        `let own = lane % ${TILE}u; let share = lane / ${TILE}u; let column = part * ${TILE}u + own;`,
        "let base = matrix * p.n * p.width;",
        `for (var i = share; i < ${w}u; i += ${groups}u) {`,
        `if (column < p.width) { tile[i * ${TILE}u + own] = x[p.start + base + (pair * ${w}u + i) * p.width + column]; }`,
        "}",
        `for (var i = lane; i < ${w * w}u; i += ${LANES}u) { turn[i] = q[meeting * ${w * w}u + i]; }`,
        "workgroupBarrier();",
        "if (column < p.width) {",
        ...each.map((e) => `var sum${e} = ${dtype}(0);`),
        `for (var i = 0u; i < ${w}u; i++) {`,
        `let value = tile[i * ${TILE}u + own];`,
        ...each.map((e) => `sum${e} += turn[i * ${w}u + min(share + ${groups * e}u, ${w - 1}u)] * value;`),
        "}",
        ...each.map((e) =>
          `if (share + ${groups * e}u < ${w}u) { y[base + destination(pair, share + ${
            groups * e
          }u) * p.width + column] = sum${e}; }`
        ),
        "}",
      ].join("\n"),
  });
}

/** Each block of two pairs r ≤ c becomes Q_rᵀ times it times Q_c, and so does its mirror image. */
function launchBothSides(
  call: Call,
  { count, n, pairs, block, dtype }: JacobiLayout,
  x: Value,
  q: Value,
  out: Value,
): void {
  const w = 2 * block, lanes = block * block, pad = w + 1, four = [0, 1, 2, 3];
  call.launch({
    key: `both|${w}`,
    read: { x, q },
    write: { y: out },
    uniforms: { n, pairs, jobs: count * pairs * pairs, start: x.offset },
    workgroupSize: lanes,
    workgroups: count * pairs * pairs,
    declarations: () =>
      [
        destination(block),
        `var<workgroup> part: array<${dtype}, ${w * pad}>;`,
        `var<workgroup> left: array<${dtype}, ${w * w}>;`,
        `var<workgroup> right: array<${dtype}, ${w * w}>;`,
      ].join("\n"),
    body: () =>
      [
        "if (group >= p.jobs) { return; }",
        "let c = group % p.pairs; let r = (group / p.pairs) % p.pairs; let matrix = group / p.pairs / p.pairs;",
        "if (r > c) { return; }",
        "let base = matrix * p.n * p.n;",
        // Element number lane + lanes·q of the block is (row_q, column_q).
        ...four.flatMap((e) => [
          `let at${e} = lane + ${e * lanes}u; let row${e} = at${e} / ${w}u; let column${e} = at${e} % ${w}u;`,
          `part[row${e} * ${pad}u + column${e}] = x[p.start + base + (r * ${w}u + row${e}) * p.n + c * ${w}u + column${e}];`,
          `left[at${e}] = q[(matrix * p.pairs + r) * ${w * w}u + at${e}];`,
          `right[at${e}] = q[(matrix * p.pairs + c) * ${w * w}u + at${e}];`,
          `var sum${e} = ${dtype}(0);`,
        ]),
        "workgroupBarrier();",
        `for (var l = 0u; l < ${w}u; l++) {`,
        ...four.map((e) => `sum${e} += part[row${e} * ${pad}u + l] * right[l * ${w}u + column${e}];`),
        "}",
        "workgroupBarrier();",
        ...four.map((e) => `part[row${e} * ${pad}u + column${e}] = sum${e}; sum${e} = ${dtype}(0);`),
        "workgroupBarrier();",
        `for (var l = 0u; l < ${w}u; l++) {`,
        ...four.map((e) => `sum${e} += left[l * ${w}u + row${e}] * part[l * ${pad}u + column${e}];`),
        "}",
        "workgroupBarrier();",
        ...four.map((e) => `part[row${e} * ${pad}u + column${e}] = sum${e};`),
        "workgroupBarrier();",
        ...four.flatMap((e) => [
          // What is mirrored is the same to the last digit.
          `let mirrored${e} = part[column${e} * ${pad}u + row${e}];`,
          "if (r == c) {",
          `y[base + destination(r, row${e}) * p.n + destination(r, column${e})] = select(mirrored${e}, sum${e}, row${e} <= column${e});`,
          "} else {",
          `y[base + destination(r, row${e}) * p.n + destination(c, column${e})] = sum${e};`,
          `y[base + destination(c, row${e}) * p.n + destination(r, column${e})] = mirrored${e};`,
          "}",
        ]),
      ].join("\n"),
  });
}
