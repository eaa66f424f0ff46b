import { emitWgsl, type Expr, leaves, type Scalar } from "../formula/mod.ts";
import type { InputTypes } from "./define.ts";
import { computeType, type Formula, loadAs, plainSignature, toExpr } from "./formulas.ts";
import { check, key } from "../formula/mod.ts";
import type { Uniform } from "./kernel.ts";
import type { Operand, Value } from "./value.ts";

/** A checked formula over the named inputs of a call. */
export interface Plan {
  /** The tree. */
  readonly expr: Expr;
  /** Names that it reads, sorted. */
  readonly names: readonly string[];
  /** True if it is a comparison or logical formula. */
  readonly boolean: boolean;
  /** What it is computed in. */
  readonly scalar: Scalar;
}

const plans = new WeakMap<Expr, Map<string, Plan>>();

/** Checks an elementwise formula against the inputs of a call. Plans are kept: every call asks several times. */
export function planFormula(formula: Formula, types: InputTypes): Plan {
  const expr = toExpr(formula);
  let known = plans.get(expr);
  if (known === undefined) plans.set(expr, known = new Map());
  let signature = "";
  for (const name in types) signature += `${name} ${types[name]?.weak ? "number" : types[name]?.dtype},`;
  let plan = known.get(signature);
  if (plan === undefined) known.set(signature, plan = makePlan(formula, expr, types));
  return plan;
}

function makePlan(formula: Formula, expr: Expr, types: InputTypes): Plan {
  const { boolean } = check(
    expr,
    plainSignature(Object.keys(types)),
    typeof formula === "string" ? formula : undefined,
  );
  const { names } = leaves(expr);
  return { expr, names, boolean, scalar: computeType(expr, types, names) };
}

/** The inputs of a kernel that evaluates elementwise formulas: arrays become bindings `x0…`, numbers uniforms `c0…`. */
export interface FormulaInputs {
  /** The arrays that the formulas read, in binding order. */
  readonly arrays: readonly { readonly name: string; readonly value: Value }[];
  /** Bindings by their WGSL names. */
  readonly read: Record<string, Value>;
  /** Offsets of the arrays and values of the numbers. */
  readonly uniforms: Record<string, Uniform>;
  /** Identifies which names are arrays and which are numbers. */
  readonly key: string;
  /** WGSL call `function(args)`; `element(k)` gives the text that reads array `k` as it is stored. */
  readonly apply: (fn: string, plan: Plan, element: (k: number) => string) => string;
}

/** Sorts the inputs that the plans use into arrays and numbers. */
export function formulaInputs(inputs: Readonly<Record<string, Operand>>, plans: readonly Plan[]): FormulaInputs {
  const used = new Set(plans.flatMap((q) => q.names));
  const integer = plans.every((q) => q.scalar === "i32" || q.scalar === "u32");
  const number = integer ? "i32" : plans.some((q) => q.scalar === "f64") ? "f64" : "f32";
  const arrays: { name: string; value: Value }[] = [], numbers: { name: string; value: number }[] = [];
  for (const [name, value] of Object.entries(inputs)) {
    if (!used.has(name)) continue;
    if (typeof value === "number") numbers.push({ name, value });
    else arrays.push({ name, value });
  }
  const uniforms: Record<string, Uniform> = {};
  arrays.forEach(({ value }, k) => uniforms[`o${k}`] = value.offset);
  numbers.forEach(({ value }, k) => uniforms[`c${k}`] = { [number]: value } as unknown as Uniform);
  return {
    arrays,
    read: Object.fromEntries(arrays.map(({ value }, k) => [`x${k}`, value])),
    uniforms,
    key: `${arrays.map((a) => a.name)}|${numbers.map((c) => c.name)}|${number}`,
    apply: (fn, plan, element) => {
      const args = plan.names.map((name) => {
        const c = numbers.findIndex((q) => q.name === name);
        if (c >= 0) return loadAs(plan.scalar, number, `p.c${c}`);
        const k = arrays.findIndex((a) => a.name === name);
        return loadAs(plan.scalar, arrays[k].value.dtype, element(k));
      });
      return `${fn}(${args.join(", ")})`;
    },
  };
}

/** A WGSL function of the plan's names, in their order; `finish` turns the value into what the function returns. */
export function formulaFunction(
  fn: string,
  plan: Plan,
  returns: string,
  finish: (value: string, boolean: boolean) => string,
  helpers: Map<string, string>,
): string {
  const emitted = emitWgsl(plan.expr, {
    name: (name) => `a${plan.names.indexOf(name)}`,
    element: (name) => {
      throw new TypeError(`Cannot index "${name}" in an elementwise formula`);
    },
  }, { scalar: plan.scalar, signature: plainSignature(plan.names) });
  emitted.helpers.forEach((text, name) => helpers.set(name, text));
  return [
    `fn ${fn}(${plan.names.map((_, k) => `a${k}: ${plan.scalar}`).join(", ")}) -> ${returns} {`,
    ...[...emitted.prelude, ...emitted.body].map((line) => `  ${line}`),
    `  return ${finish(emitted.value, emitted.boolean)};`,
    "}",
  ].join("\n");
}

/** Identifies the formulas of some plans. */
export function plansKey(plans: readonly Plan[]): string {
  return plans.map((q) => `${key(q.expr)} ${q.scalar}`).join(";");
}
