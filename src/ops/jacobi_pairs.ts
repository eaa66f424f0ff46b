import type { KernelCall } from "./define.ts";
import type { JacobiLayout, JacobiParams } from "./jacobi.ts";
import type { Value } from "./value.ts";

/**
 * The rotations of each pair of blocks: one workgroup makes a matrix of 2·block rows as diagonal as it can by cyclic Jacobi in workgroup
 * memory, and gives the product Q of the rotations. That matrix is a diagonal block of x, or the products of the pair's rows.
 */
export function launchRotations(
  call: KernelCall<JacobiParams>,
  { count, n, columns, pairs, block: half, dtype }: JacobiLayout,
  x: Value,
  level: Value,
  q: Value,
): void {
  const { of, inner } = call.params, w = 2 * half, lanes = half * half, pad = w + 1;
  const real = (value: string) => dtype === "f64" ? `${value}lf` : `${value}f`;
  const at = (array: string, i: string, j: string) => `${array}[(${i}) * ${pad}u + ${j}]`;
  const [zero, one] = [real("0.0"), real("1.0")], four = [[0, 0], [0, 1], [1, 0], [1, 1]];
  const gram = [
    ...four.map(([i, j]) => `var sum${i}${j} = ${zero};`),
    `for (var c0 = 0u; c0 < p.columns; c0 += ${w}u) {`,
    `for (var k = lane; k < ${w * w}u; k += ${lanes}u) {`,
    `let i = k / ${w}u; let c = c0 + k % ${w}u;`,
    `var value = ${zero};`,
    `if (c < p.columns) { value = x[p.start + (matrix * p.n + pair * ${w}u + i) * p.columns + c]; }`,
    `${at("s", "i", `k % ${w}u`)} = value;`,
    "}",
    "workgroupBarrier();",
    `for (var c = 0u; c < ${w}u; c++) {`,
    ...[0, 1].flatMap((e) => [
      `let x${e} = ${at("s", `2u * li + ${e}u`, "c")}; let y${e} = ${at("s", `2u * lj + ${e}u`, "c")};`,
    ]),
    ...four.map(([i, j]) => `sum${i}${j} += x${i} * y${j};`),
    "}",
    "workgroupBarrier();",
    "}",
    ...four.map(([i, j]) => `${at("s", `2u * li + ${i}u`, `2u * lj + ${j}u`)} = sum${i}${j};`),
  ];
  const block = [
    `for (var k = lane; k < ${w * w}u; k += ${lanes}u) {`,
    `let i = k / ${w}u; let j = k % ${w}u; let first = pair * ${w}u;`,
    `${at("s", "i", "j")} = x[p.start + (matrix * p.n + first + min(i, j)) * p.n + first + max(i, j)];`,
    "}",
  ];
  call.launch({
    key: `pairs|${of}|${w}`,
    read: { x, level },
    write: { q },
    uniforms: { n, columns, pairs, inner, jobs: count * pairs, start: x.offset, levels: level.offset },
    workgroupSize: lanes,
    workgroups: count * pairs,
    declarations: () =>
      [
        `var<workgroup> s: array<${dtype}, ${w * pad}>;`,
        `var<workgroup> turn: array<${dtype}, ${w * pad}>;`,
        ...["cosines", "sines"].map((name) => `var<workgroup> ${name}: array<${dtype}, ${half}>;`),
        ...["firsts", "seconds"].map((name) => `var<workgroup> ${name}: array<u32, ${half}>;`),
        "var<workgroup> found: atomic<u32>;",
        "var<workgroup> busy: u32;",
        `fn least(i: u32, j: u32, level: ${dtype}) -> ${dtype} {`,
        of === "rows"
          ? `return max(level * sqrt(max(${at("s", "i", "i")}, ${zero})) * sqrt(max(${
            at("s", "j", "j")
          }, ${zero})), TINY);`
          : "return max(level, TINY);",
        "}",
      ].join("\n").replaceAll("TINY", dtype === "f64" ? "1e-300lf" : "1e-37f"),
    body: () =>
      [
        "if (group >= p.jobs) { return; }",
        "let pair = group % p.pairs; let matrix = group / p.pairs;",
        `let li = lane / ${half}u; let lj = lane % ${half}u;`,
        "let floor = level[p.levels + matrix];",
        ...(of === "rows" ? gram : block),
        ...four.map(([i, j]) =>
          `${at("turn", `2u * li + ${i}u`, `2u * lj + ${j}u`)} = select(${zero}, ${one}, li == lj && ${i === j});`
        ),
        "for (var sweep = 0u; sweep < p.inner; sweep++) {",
        "workgroupBarrier();",
        "if (lane == 0u) { atomicStore(&found, 0u); }",
        "workgroupBarrier();",
        "var any = false;",
        ...four.map(([a, b]) =>
          `{ let i = 2u * li + ${a}u; let j = 2u * lj + ${b}u; any = any || (i < j && abs(${
            at("s", "i", "j")
          }) > least(i, j, floor)); }`
        ),
        "if (any) { atomicStore(&found, 1u); }",
        "workgroupBarrier();",
        "if (lane == 0u) { busy = atomicLoad(&found); }",
        "if (workgroupUniformLoad(&busy) == 0u) { break; }",
        `for (var round = 0u; round < ${w - 1}u; round++) {`,
        `if (lane < ${half}u) {`,
        `let one_row = select((round + lane) % ${w - 1}u, ${w - 1}u, lane == 0u); let other = (round + ${
          w - 1
        }u - lane) % ${w - 1}u;`,
        "let i = min(one_row, other); let j = max(one_row, other);",
        `let z = ${at("s", "i", "j")}; var c = ${one}; var sn = ${zero};`,
        "if (abs(z) > least(i, j, floor)) {",
        `let tau = (${at("s", "j", "j")} - ${at("s", "i", "i")}) / (${real("2.0")} * z); let size = abs(tau);`,
        // Beyond this 1 + τ² is τ², which may be infinite.
        `var t = ${real("0.5")} / max(size, ${real("1.0")});`,
        `if (size < ${dtype === "f64" ? "1e17lf" : "1e9f"}) { t = ${one} / (size + sqrt(${one} + size * size)); }`,
        `t = select(t, -t, tau < ${zero});`,
        `c = ${one} / sqrt(${one} + t * t); sn = t * c;`,
        // Square roots and quotients need not be right to the last digit: a step towards c² + s² = 1.
        `let short = ${real("0.5")} * ((${one} - c) * (${one} + c) - sn * sn);`,
        "c += short * c; sn += short * sn;",
        "}",
        "firsts[lane] = i; seconds[lane] = j; cosines[lane] = c; sines[lane] = sn;",
        "}",
        "workgroupBarrier();",
        "let ri = firsts[li]; let rj = seconds[li]; let rc = cosines[li]; let rs = sines[li];",
        "let ci = firsts[lj]; let cj = seconds[lj]; let cc = cosines[lj]; let cs = sines[lj];",
        ...[["a", "ri"], ["b", "rj"]].flatMap(([name, row]) => [
          `let ${name}0 = cc * ${at("s", row, "ci")} - cs * ${at("s", row, "cj")};`,
          `let ${name}1 = cs * ${at("s", row, "ci")} + cc * ${at("s", row, "cj")};`,
        ]),
        `let gone = li == lj && rs != ${zero};`,
        `${at("s", "ri", "ci")} = rc * a0 - rs * b0;`,
        `${at("s", "ri", "cj")} = select(rc * a1 - rs * b1, ${zero}, gone);`,
        `${at("s", "rj", "ci")} = select(rs * a0 + rc * b0, ${zero}, gone);`,
        `${at("s", "rj", "cj")} = rs * a1 + rc * b1;`,
        "for (var e = 0u; e < 2u; e++) {",
        `let f = ${at("turn", "2u * li + e", "ci")}; let g = ${at("turn", "2u * li + e", "cj")};`,
        `${at("turn", "2u * li + e", "ci")} = cc * f - cs * g; ${at("turn", "2u * li + e", "cj")} = cs * f + cc * g;`,
        "}",
        "workgroupBarrier();",
        "}",
        "}",
        "workgroupBarrier();",
        `for (var k = lane; k < ${w * w}u; k += ${lanes}u) { q[group * ${w * w}u + k] = ${
          at("turn", `k / ${w}u`, `k % ${w}u`)
        }; }`,
      ].join("\n"),
  });
}
