import type { KernelCall, KernelVariant } from "./define.ts";
import { formulaFunction, type Plan, planFormula } from "./formula_kernel.ts";
import type { KernelText } from "./kernel.ts";
import { HELD, planLayout, type PlanScalingParams, SETTINGS } from "./plan_scaling_layout.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";

type Call = KernelCall<PlanScalingParams>;

/** Entries of a plan from which a workgroup is larger, where the adapter allows it. */
const LARGE = 1 << 14;

/** Lanes of a workgroup: a square of them reads a tile of the plan. */
function sideOf(call: Call): 16 | 32 {
  const { n, m } = planLayout(typesOf(call.inputs));
  return n * m > LARGE && call.info.limits.invocations >= 1024 ? 32 : 16;
}

/** Loop iterations of an invocation where a software adapter stops at 65,535. */
const LONGEST = 60_000;

/** What is computed, as formulas of one dtype. */
const FORMULAS: Record<string, string> = {
  entry: "a > 0 && b > 0 ? exp(((F + G) - C) / eps + (p + q)) : 0",
  renewed: `a > 0 ? clamp(u * exp(omega * log(a / clamp(u * s, ${1 / HELD}, ${HELD}))), ${1 / HELD}, ${HELD}) : 0`,
  plain: `a > 0 ? clamp(u * (a / clamp(u * s, ${1 / HELD}, ${HELD})), ${1 / HELD}, ${HELD}) : 0`,
  size: "a > 0 ? abs(log(u)) : 0",
  total: "p + log(u)",
  coarse: "a > 0 ? F + round(t * eps / quantum) * quantum : -inf",
  fine: "a > 0 ? t - round(t * eps / quantum) * quantum / eps : 0",
};

/** WGSL functions of formulas, and a call of one with its arguments by name. */
function functions(dtype: "f32" | "f64", names: readonly string[]) {
  const plans = new Map<string, Plan>(), helpers = new Map<string, string>(), texts: string[] = [];
  const type = { shape: [], dtype };
  const letters = ["a", "b", "F", "G", "C", "p", "q", "eps", "quantum", "omega", "u", "s", "t"];
  for (const name of names) {
    const plan = planFormula(FORMULAS[name], Object.fromEntries(letters.map((letter) => [letter, type])));
    plans.set(name, plan);
    texts.push(formulaFunction(`${name}_of`, plan, dtype, (value) => value, helpers));
  }
  const call = (name: string, args: Record<string, string>) =>
    `${name}_of(${plans.get(name)!.names.map((letter) => args[letter]).join(", ")})`;
  return { text: [...helpers.values(), ...texts].join("\n"), call };
}

/** Where the numbers of a job are; the plan, u, v how many iterations it has done once it is done, and the latest error are in scratch memory. */
const PLACES = `let n = p.n; let m = p.m;
let own = p.settings_start + group * ${SETTINGS}u;
let eps = settings[own]; let quantum = settings[own + 1u]; let omega = settings[own + 2u];
let a_at = p.rows_start + 3u * group * n; let b_at = p.columns_start + 3u * group * m;
let plan_at = group * (n * m + n + m + 2u); let u_at = plan_at + n * m; let v_at = u_at + n; let done_at = v_at + m;
let r = lane / SIDE; let c = lane % SIDE;`;

/** The costs of a job's problem. */
const PROBLEM = `let problem = u32(clamp(i32(settings[own + 4u]), 0, i32(p.problems) - 1));
let c_at = p.c_start + problem * n * m;`;

/** WGSL that sums `value(i, j)` over the other side, for sixteen places of one at a time, and does `then` with the sum s of place k. */
function sumsOver(
  side: "rows" | "columns",
  dtype: string,
  sums: Record<string, (i: string, j: string) => string>,
  then: string,
): string {
  const [count, others, own, other] = side === "rows" ? ["n", "m", "r", "c"] : ["m", "n", "c", "r"];
  const [i, j] = side === "rows" ? ["k", "l"] : ["l", "k"], names = Object.keys(sums);
  const partner = side === "rows" ? `r * SIDE + z` : `z * SIDE + c`;
  return `for (var first = 0u; first < ${count}; first += SIDE) {
let k = first + ${own};
${names.map((name) => `var own_${name} = ${dtype}(0);`).join("\n")}
if (k < ${count}) { for (var l = ${other}; l < ${others}; l += SIDE) {
${names.map((name) => `own_${name} += ${sums[name](i, j)};`).join("\n")}
} }
${names.map((name) => `part_${name}[lane] = own_${name};`).join("\n")}
workgroupBarrier();
if (${other} == 0u && k < ${count}) {
${names.map((name) => `var ${name} = ${dtype}(0);`).join("\n")}
for (var z = 0u; z < SIDE; z++) { ${names.map((name) => `${name} += part_${name}[${partner}];`).join(" ")} }
${then}
}
workgroupBarrier();
}`;
}

/** Loop iterations of an invocation in both half-steps. */
function loopsOf(call: Call): number {
  const { n, m } = planLayout(typesOf(call.inputs)), side = sideOf(call);
  const [down, across] = [n, m].map((k) => Math.ceil(k / side));
  return 2 * down * across + (side + 1) * (down + across) + side + 1;
}

/** `planScaling` with a workgroup per job. */
export const planScalingKernels: readonly KernelVariant<PlanScalingParams>[] = [{
  name: "workgroup",
  when: (call) => call.info.probes.longLoops || loopsOf(call) <= LONGEST,
  record: (call) => {
    const { jobs, problems, n, m, dtype } = planLayout(typesOf(call.inputs)),
      { most } = call.params,
      side = sideOf(call);
    const [c, rows, columns, settings] = ["c", "rows", "columns", "settings"].map((name) =>
      call.dense(call.inputs[name] as Value)
    );
    const scratch = call.temporary({ shape: [jobs, n * m + n + m + 2], dtype });
    const uniforms = {
      ...{ n, m, jobs, problems, c_start: c.offset, rows_start: rows.offset },
      ...{ columns_start: columns.offset, settings_start: settings.offset },
    };
    const inputs = { rows, columns, settings };
    const launch = (text: Pick<KernelText, "key" | "read" | "write" | "uniforms" | "declarations" | "body">) =>
      call.launch({
        ...text,
        workgroupSize: side * side,
        workgroups: jobs,
        declarations: () => `const SIDE = ${side}u;\nconst LANES = ${side * side}u;\n${text.declarations!()}`,
        body: () => `if (group >= p.jobs) { return; }\n${PLACES}\n${text.body()}`,
      });
    launch({
      key: "build",
      read: { costs: c, ...inputs },
      write: { scratch },
      uniforms,
      declarations: () => functions(dtype, ["entry"]).text,
      body: () => {
        const { call } = functions(dtype, ["entry"]);
        const entry = call("entry", entryArguments((part) => `rows[a_at + ${part}u * n + i]`, columnPart));
        return `${PROBLEM}
for (var e = lane; e < n * m; e += LANES) {
  let i = e / m; let j = e % m;
  scratch[plan_at + e] = ${entry};
}
if (lane == 0u) { scratch[done_at] = ${dtype}(0); scratch[done_at + 1u] = ${dtype}(0); }
for (var i = lane; i < n; i += LANES) { scratch[u_at + i] = select(${dtype}(0), ${dtype}(1), rows[a_at + i] > ${dtype}(0)); }
for (var j = lane; j < m; j += LANES) { scratch[v_at + j] = select(${dtype}(0), ${dtype}(1), columns[b_at + j] > ${dtype}(0)); }`;
      },
    });
    const atOnce = call.info.probes.longLoops ? most : Math.floor(LONGEST / loopsOf(call));
    for (let begin = 0; begin < most; begin += atOnce) {
      launch({
        key: "steps",
        read: inputs,
        write: { scratch },
        uniforms: { ...uniforms, begin, end: Math.min(most, begin + atOnce), most },
        declarations: () =>
          `${functions(dtype, ["renewed", "plain"]).text}
var<workgroup> part_s: array<${dtype}, LANES>;
var<workgroup> flag: u32;`,
        body: () => stepsText(dtype),
      });
    }
    launch({
      key: "finish",
      read: { costs: c, ...inputs, scratch },
      write: { out_rows: call.outputs.rows, out_columns: call.outputs.columns, report: call.outputs.report },
      uniforms: { ...uniforms, most },
      declarations: () =>
        [
          functions(dtype, ["entry", "size", "total", "coarse", "fine"]).text,
          ...["s", "t"].map((name) => `var<workgroup> part_${name}: array<${dtype}, LANES>;`),
        ].join("\n"),
      body: () => finishText(dtype),
    });
  },
}];

function columnPart(part: number): string {
  return `columns[b_at + ${part}u * m + j]`;
}

/** Arguments of `entry`; the parts are the weights and the potential's two. */
function entryArguments(row: (part: number) => string, column: (part: number) => string): Record<string, string> {
  return {
    ...{ a: row(0), F: row(1), p: row(2), b: column(0), G: column(1), q: column(2) },
    ...{ C: "costs[c_at + i * m + j]", eps: "eps" },
  };
}

function stepsText(dtype: "f32" | "f64"): string {
  const { call } = functions(dtype, ["renewed", "plain"]);
  const renew = (at: string, a: string, plainly: string) => {
    const args = { a, u: "old", s: "s", omega: "omega" };
    return `if (${plainly}) { scratch[${at} + k] = ${call("plain", args)}; } else { scratch[${at} + k] = ${
      call("renewed", args)
    }; }`;
  };
  const entry = (i: string, j: string) => `scratch[plan_at + ${i} * m + ${j}]`;
  const rowStep = `let old = scratch[u_at + k];
error += abs(old * s - rows[a_at + k]);
${renew("u_at", "rows[a_at + k]", `omega == ${dtype}(1)`)}`;
  const columnStep = `let old = scratch[v_at + k];
${renew("v_at", "columns[b_at + k]", `omega == ${dtype}(1) || is_last || step + 1u == count`)}`;
  return `let count = u32(clamp(i32(settings[own + 3u]), 0, i32(p.most)));
if (lane == 0u) { flag = select(0u, 1u, scratch[done_at] > ${dtype}(0)); }
var is_last = workgroupUniformLoad(&flag) == 1u;
for (var step = p.begin; step < min(count, p.end) && !is_last; step++) {
var error = ${dtype}(0);
${sumsOver("rows", dtype, { s: (i, j) => `${entry(i, j)} * scratch[v_at + ${j}]` }, rowStep)}
part_s[lane] = error;
workgroupBarrier();
if (lane == 0u) {
  // Only the first lane of each row has any.
  for (var z = SIDE; z < LANES; z += SIDE) { error += part_s[z]; }
  scratch[done_at + 1u] = error;
  flag = select(0u, 1u, step > 0u && error <= settings[own + 5u]);
}
is_last = workgroupUniformLoad(&flag) == 1u;
if (is_last && lane == 0u) { scratch[done_at] = ${dtype}(step + 1u); }
storageBarrier();
${sumsOver("columns", dtype, { s: (i, j) => `${entry(i, j)} * scratch[u_at + ${i}]` }, columnStep)}
storageBarrier();
}`;
}

function finishText(dtype: "f32" | "f64"): string {
  const { call } = functions(dtype, ["entry", "size", "total", "coarse", "fine"]);
  const sides = [
    { count: "n", weights: "rows[a_at", at: "u_at", out: "out_rows[4u * group * n" },
    { count: "m", weights: "columns[b_at", at: "v_at", out: "out_columns[2u * group * m" },
  ];
  const visit = (each: (side: typeof sides[number]) => string) =>
    sides.map((side) => `for (var i = lane; i < ${side.count}; i += LANES) {\n${each(side)}\n}`).join("\n");
  const outRow = (part: number) => part === 0 ? "rows[a_at + i]" : `out_rows[4u * group * n + ${part - 1}u * n + i]`;
  const outColumn = (part: number) =>
    part === 0 ? "columns[b_at + j]" : `out_columns[2u * group * m + ${part - 1}u * m + j]`;
  const entry = (i: string, j: string) =>
    call("entry", entryArguments(outRow, outColumn)).replace(/\bi\b/g, i).replace(/\bj\b/g, j);
  return `${PROBLEM}
var largest = ${dtype}(0);
${
    visit(({ weights, at }) =>
      `let size = ${call("size", { a: `${weights} + i]`, u: `scratch[${at} + i]` })};
if (!(size <= largest)) { largest = select(${dtype}(1e30), size, size <= ${dtype}(1e30)); }`
    )
  }
part_s[lane] = largest;
workgroupBarrier();
for (var half = LANES / 2u; half > 0u; half /= 2u) {
  if (lane < half) { part_s[lane] = max(part_s[lane], part_s[lane + half]); }
  workgroupBarrier();
}
let reached = part_s[0];
workgroupBarrier();
if (lane == 0u) {
  report[3u * group] = reached;
  let done = scratch[done_at];
  report[3u * group + 2u] = scratch[done_at + 1u];
  report[3u * group + 1u] = select(${dtype}(clamp(i32(settings[own + 3u]), 0, i32(p.most))), done, done > ${dtype}(0));
}
${
    visit(({ count, weights, at, out }) => {
      const args = {
        ...{ a: `${weights} + i]`, F: `${weights} + ${count} + i]`, p: `${weights} + 2u * ${count} + i]` },
        ...{ u: `scratch[${at} + i]`, t: "t", eps: "eps", quantum: "quantum" },
      };
      return `if (reached <= settings[own + 6u]) {
let t = ${call("total", args)};
${out} + i] = ${call("coarse", args)};
${out} + ${count} + i] = ${call("fine", args)};
} else {
${out} + i] = ${args.F};
${out} + ${count} + i] = ${args.p};
}`;
    })
  }
storageBarrier();
${
    sumsOver(
      "rows",
      dtype,
      { s: entry, t: (i, j) => `${entry(i, j)} * costs[c_at + ${i} * m + ${j}]` },
      "out_rows[4u * group * n + 2u * n + k] = s;\nout_rows[4u * group * n + 3u * n + k] = t;",
    )
  }`;
}
