import type { Scalar } from "../formula/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import { isFloatScalar } from "./float_text.ts";
import { REDUCERS, reducerText } from "./reducers.ts";
import type { Scan, ScanParams } from "./scan.ts";
import { sizeOf, type Value } from "./value.ts";

/** Longest run of one invocation. */
const LONGEST_RUN = 16_384;
/** Elements that an invocation takes at least, so that the second reading of the input pays. */
const SHORTEST_RUN = 64;
const WORKGROUP = 64;
/** A tile of the `workgroup` variant: lanes times elements of each. */
const LANES = 256, EACH = 4, TILE = LANES * EACH;

/** One scan along an axis: of the inputs, or of the totals of its parts. */
interface Task {
  readonly call: KernelCall<ScanParams>;
  readonly scan: Scan;
  readonly x: Value;
  /** Factors of the recurrence. */
  readonly a: Value | undefined;
  readonly out: Value;
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** WGSL of one kind of scan: the state `s` takes in the element `v` (and the factor `f`). */
function textOf({ scan, a, x }: Task) {
  const scalar = x.dtype === "f16" ? "f32" : x.dtype as Scalar;
  const max = (s: string, v: string) => isFloatScalar(scalar) ? `nan_max(${s}, ${v})` : `max(${s}, ${v})`;
  return {
    scalar,
    zero: scan === "max" ? REDUCERS.max.init(scalar)[0] : `${scalar}(0)`,
    helpers: scan === "max" ? reducerText(REDUCERS.max, scalar) : "",
    step: scan === "max" ? `s = ${max("s", "v")};` : scan === "sum" ? "s = s + v;" : "s = f * s + v;",
    /** What follows the state `before` and then a part with factor `factor` and own result `own`. */
    join: (before: string, factor: string, own: string) =>
      scan === "max" ? max(before, own) : scan === "sum"
        ? `(${before} + ${own})`
        // Factors may overflow before anything has arrived that they multiply.
        : `(select(${factor} * ${before}, ${scalar}(0), ${before} == ${scalar}(0)) + ${own})`,
    load: (k: string) =>
      [
        `let v = ${scalar}(x[${k.replaceAll("#", "x")}]);`,
        a ? `let f = ${scalar}(a[${k.replaceAll("#", "a")}]);` : "",
      ].join(" "),
  };
}

/** Where lines lie: offsets of each array at the start of a line, and its step along it. */
function linesOf({ x, a, out, axis, reverse }: Task) {
  const drop = (values: readonly number[]) => values.filter((_, k) => k !== axis);
  const arrays: [string, Value][] = [["x", x], ...(a ? [["a", a] as [string, Value]] : []), ["y", out]];
  const index = indexing("l", drop(x.shape), arrays.map(([, v]) => drop(v.strides)));
  const uniforms: Record<string, number> = {}, n = x.shape[axis];
  for (const [name, value] of arrays) {
    const step = value.strides[axis];
    uniforms[`first_${name}`] = value.offset + (reverse ? (n - 1) * step : 0);
    uniforms[`step_${name}`] = reverse ? -step : step;
  }
  return {
    key: index.key,
    lines: sizeOf(drop(x.shape)),
    uniforms: { n, ...uniforms, ...index.uniforms },
    /** Declares `at_x`, `at_a` and `at_y`: where line `line` begins. */
    begin: (line: string, names: readonly string[]) => [
      ...index.lines(line),
      ...arrays.flatMap(([name], k) =>
        names.includes(name) ? [`let at_${name} = p.first_${name} + ${index.offset(k)};`] : []
      ),
    ],
  };
}

/** Totals of parts `[parts, lines]`, and for a recurrence their factors; then the state before each part. */
function carried(task: Task, parts: number, lines: number, next: (task: Task) => void, totals: (t: Value[]) => void) {
  const { call, a, scan } = task, { scalar } = textOf(task), shape = [parts, lines];
  const sums = call.temporary({ shape, dtype: scalar });
  const factors = a ? call.temporary({ shape, dtype: scalar }) : undefined;
  totals(factors ? [sums, factors] : [sums]);
  const carry = call.temporary({ shape, dtype: scalar });
  next({ call, scan, x: sums, a: factors, out: carry, axis: 0, exclusive: true, reverse: false });
  return carry;
}

/** One invocation per part of a line. */
function scanLanes(task: Task): void {
  const { call, scan, x, a, out, axis, exclusive } = task, n = x.shape[axis];
  const place = linesOf(task), { lines } = place, text = textOf(task);
  if (n === 0 || lines === 0) return;
  const wanted = Math.ceil((call.info.software ? 512 : 32_768) / lines);
  const most = Math.max(1, Math.min(wanted, Math.floor(n / SHORTEST_RUN)));
  const run = Math.ceil(n / Math.max(most, Math.ceil(n / LONGEST_RUN))), parts = Math.ceil(n / run);
  const common = {
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(parts * lines / WORKGROUP),
    uniforms: { lines, run, parts, ...place.uniforms },
    declarations: () => text.helpers,
  };
  const read: Record<string, Value> = a ? { x, a } : { x };
  const head = (names: readonly string[]) => [
    "if (id >= p.lines * p.parts) { return; }",
    "let part = id / p.lines; let line = id % p.lines;",
    ...place.begin("line", names),
    "let begin = part * p.run; let end = min(begin + p.run, p.n);",
  ];
  const key = `${scan}|${place.key}`;
  const carry = parts === 1 ? undefined : carried(task, parts, lines, scanLanes, ([sums, factors]) =>
    call.launch({
      ...common,
      key: `totals|${key}`,
      read,
      write: factors ? { sums, factors } : { sums },
      body: () =>
        [
          ...head(["x", "a"]),
          `var s = ${text.zero};`,
          a ? `var g = ${text.scalar}(1);` : "",
          "for (var t = begin; t < end; t++) {",
          text.load("at_# + t * p.step_#"),
          text.step,
          a ? "g = g * f;" : "",
          "}",
          "sums[id] = s;",
          a ? "factors[id] = g;" : "",
        ].filter(Boolean).join("\n"),
    }));
  call.launch({
    ...common,
    key: `lines|${key}|${exclusive}|${parts > 1}`,
    read: { ...read, ...(carry ? { carry } : {}) },
    write: { y: out },
    body: () =>
      [
        ...head(["x", "a", "y"]),
        `var s = ${carry ? "carry[id]" : text.zero};`,
        "for (var t = begin; t < end; t++) {",
        text.load("at_# + t * p.step_#"),
        exclusive ? `y[at_y + t * p.step_y] = ${out.dtype}(s);` : "",
        text.step,
        exclusive ? "" : `y[at_y + t * p.step_y] = ${out.dtype}(s);`,
        "}",
      ].filter(Boolean).join("\n"),
  });
}

/**
 * One workgroup per tile of a line: neighbours read neighbouring memory into workgroup memory, each lane scans a few elements there, and
 * the lanes' totals are scanned in log₂ steps (Hillis and Steele 1986).
 */
function scanTiles(task: Task): void {
  const { call, scan, x, a, out, axis, exclusive } = task, n = x.shape[axis];
  if (n <= WORKGROUP) return scanLanes(task);
  const place = linesOf(task), { lines } = place, text = textOf(task), tiles = Math.ceil(n / TILE);
  const fields = a ? ["s", "g"] : ["s"];
  const launch = (write: Record<string, Value>, carry: Value | undefined, finish: readonly string[]) =>
    call.launch({
      key: `${Object.keys(write)}|${scan}|${place.key}|${exclusive}|${carry !== undefined}`,
      read: { x, ...(a ? { a } : {}), ...(carry ? { carry } : {}) },
      write,
      uniforms: { lines, tiles, ...place.uniforms },
      workgroupSize: LANES,
      workgroups: tiles * lines,
      declarations: () =>
        [
          text.helpers,
          `var<workgroup> values: array<${text.scalar}, ${TILE}>;`,
          a ? `var<workgroup> scales: array<${text.scalar}, ${TILE}>;` : "",
          ...fields.map((f) => `var<workgroup> all_${f}: array<${text.scalar}, ${LANES}>;`),
        ].join("\n"),
      body: () =>
        [
          // Surplus workgroups of a two-dimensional dispatch repeat the last tile, so that barriers stay uniform.
          "let job = min(group, p.tiles * p.lines - 1u);",
          "let tile = job / p.lines; let line = job % p.lines;",
          ...place.begin("line", "sums" in write ? ["x", "a"] : ["x", "a", "y"]),
          `for (var q = 0u; q < ${EACH}u; q++) {`,
          `let k = q * ${LANES}u + lane; let t = tile * ${TILE}u + k;`,
          "if (t < p.n) {",
          text.load("at_# + t * p.step_#"),
          "values[k] = v;",
          a ? "scales[k] = f;" : "",
          // What stands after the end changes nothing before it, and nothing reads it.
          `} else { values[k] = ${text.zero}; ${a ? `scales[k] = ${text.scalar}(1);` : ""} }`,
          "}",
          "workgroupBarrier();",
          `var s = ${text.zero};`,
          a ? `var g = ${text.scalar}(1);` : "",
          `for (var q = 0u; q < ${EACH}u; q++) {`,
          `let v = values[lane * ${EACH}u + q];`,
          a ? `let f = scales[lane * ${EACH}u + q]; g = g * f;` : "",
          text.step,
          "}",
          ...fields.map((f) => `all_${f}[lane] = ${f};`),
          "workgroupBarrier();",
          `for (var far = 1u; far < ${LANES}u; far *= 2u) {`,
          ...fields.map((f) => `var mine_${f} = all_${f}[lane];`),
          "if (lane >= far) {",
          `mine_s = ${text.join("all_s[lane - far]", "mine_g", "mine_s")};`,
          a ? "mine_g = mine_g * all_g[lane - far];" : "",
          "}",
          "workgroupBarrier();",
          ...fields.map((f) => `all_${f}[lane] = mine_${f};`),
          "workgroupBarrier();",
          "}",
          ...finish,
        ].filter(Boolean).join("\n"),
    });
  const last = LANES - 1;
  const carry = tiles === 1
    ? undefined
    : carried(task, tiles, lines, scanTiles, ([sums, factors]) =>
      launch(factors ? { sums, factors } : { sums }, undefined, [
        `if (lane == ${last}u) {`,
        `sums[job] = all_s[${last}];`,
        factors ? `factors[job] = all_g[${last}];` : "",
        "}",
      ]));
  launch({ y: out }, carry, [
    // The state before this lane's elements: what comes before the tile, then the lanes before this one.
    `let start = ${carry ? "carry[job]" : text.zero};`,
    "s = start;",
    "if (lane > 0u) {",
    `s = ${text.join("start", "all_g[lane - 1u]", "all_s[lane - 1u]")};`,
    "}",
    `for (var q = 0u; q < ${EACH}u; q++) {`,
    `let k = lane * ${EACH}u + q; let v = values[k];`,
    a ? "let f = scales[k];" : "",
    exclusive ? "values[k] = s;" : "",
    text.step,
    exclusive ? "" : "values[k] = s;",
    "}",
    "workgroupBarrier();",
    `for (var q = 0u; q < ${EACH}u; q++) {`,
    `let k = q * ${LANES}u + lane; let t = tile * ${TILE}u + k;`,
    `if (t < p.n) { y[at_y + t * p.step_y] = ${out.dtype}(values[k]); }`,
    "}",
  ]);
}

function taskOf(call: KernelCall<ScanParams>): Task {
  const { scan, axis, exclusive = false, reverse = false } = call.params;
  const x = call.inputs.x as Value, a = call.inputs.a as Value | undefined;
  return { call, scan, x, a, out: call.outputs.out, axis, exclusive, reverse };
}

/** Ways to scan on WebGPU, in O(n) work: totals of parts, a scan of those, then each part from the state before it. */
export const scanKernels: readonly KernelVariant<ScanParams>[] = [
  { name: "lane", record: (call) => scanLanes(taskOf(call)) },
  {
    name: "workgroup",
    rank: (call) => {
      const { x, axis } = taskOf(call);
      return !call.info.software && x.strides[axis] === 1 && x.shape[axis] > TILE / 2 ? 1 : -1;
    },
    record: (call) => scanTiles(taskOf(call)),
  },
];
