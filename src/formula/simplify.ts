import { call, type CallExpr, constant, type Expr } from "./expr.ts";
import { recordOf } from "./functions.ts";
import { interner } from "./structure.ts";

/**
 * A shorter formula of the same value, for generated formulas such as derivatives: constants are folded where the result
 * is exact, `x * 1`, `x + 0`, `--x`, `x + (-y)` and the like go, and `x * 0` and `0 / x` become 0.
 *
 * The last two are wrong where x is NaN or infinite, and the sign of a zero may change. The factor 0 of a derivative
 * means that nothing flows back, so there they are wanted; formulas that users write are never simplified.
 */
export function simplify(expr: Expr): Expr {
  const intern = interner();
  const done = [new Map<Expr, Expr>(), new Map<Expr, Expr>()];

  /** `folded`: inside a vector sum, where dropping the only vector would change the number of terms. */
  function walk(node: Expr, folded: boolean): Expr {
    if (node.kind !== "call") return node;
    const memo = done[folded ? 1 : 0];
    let result = memo.get(node);
    if (result === undefined) {
      const folds = recordOf(node.fn).folds === true;
      const args = node.args.map((arg) => intern(walk(arg, folded || folds)).expr);
      if (folds && isConstant(walk(node.args[0], false), 0) && node.fn === "sum") result = constant(0);
      else result = rewrite(node.fn, args, folded) ?? call(node.fn, ...args);
      result = intern(result).expr;
      memo.set(node, result);
    }
    return result;
  }
  return walk(intern(expr).expr, false);
}

/** The simpler form of `fn(args)`, whose arguments are simple and interned, if there is one. */
function rewrite(fn: string, args: readonly Expr[], folded: boolean): Expr | undefined {
  const exact = foldExactly(fn, args);
  if (exact !== undefined) return constant(exact);
  const droppable = (e: Expr) => !folded || !hasRow(e);
  const [a, b] = args;
  switch (fn) {
    case "neg":
      if (isCall(a, "neg")) return a.args[0];
      if (isCall(a, "sub")) return rewritten("sub", [a.args[1], a.args[0]], folded);
      return undefined;
    case "add":
      if (isConstant(a, 0)) return b;
      if (isConstant(b, 0)) return a;
      if (isCall(b, "neg")) return rewritten("sub", [a, b.args[0]], folded);
      if (isCall(a, "neg")) return rewritten("sub", [b, a.args[0]], folded);
      return undefined;
    case "sub":
      if (isConstant(a, 0)) return rewritten("neg", [b], folded);
      if (isConstant(b, 0)) return a;
      if (isCall(b, "neg")) return rewritten("add", [a, b.args[0]], folded);
      return undefined;
    case "mul":
      if (isConstant(a, 1)) return b;
      if (isConstant(b, 1)) return a;
      if (isConstant(a, 0) && droppable(b)) return a;
      if (isConstant(b, 0) && droppable(a)) return b;
      if (isConstant(a, -1)) return rewritten("neg", [b], folded);
      if (isConstant(b, -1)) return rewritten("neg", [a], folded);
      if (isCall(a, "neg")) return rewritten("neg", [rewritten("mul", [a.args[0], b], folded)], folded);
      if (isCall(b, "neg")) return rewritten("neg", [rewritten("mul", [a, b.args[0]], folded)], folded);
      if (b.kind === "number" && a.kind !== "number") return rewritten("mul", [b, a], folded);
      // 2 * (3 * x): only if the product of the constants is exact.
      if (a.kind === "number" && isCall(b, "mul")) {
        const product = foldExactly("mul", [a, b.args[0]]);
        if (product !== undefined) return rewritten("mul", [constant(product), b.args[1]], folded);
      }
      return undefined;
    case "div":
      if (isConstant(b, 1)) return a;
      if (isConstant(a, 0) && droppable(b)) return a;
      if (isCall(a, "neg")) return rewritten("neg", [rewritten("div", [a.args[0], b], folded)], folded);
      return undefined;
    case "pow":
      if (isConstant(b, 1)) return a;
      if (isConstant(b, 0) && droppable(a)) return constant(1);
      return undefined;
    case "select": {
      if (isCall(a, "not")) return rewritten("select", [a.args[0], args[2], args[1]], folded);
      if (args[1] === args[2] && droppable(a)) return args[1];
      if (a.kind === "number" && droppable(args[1]) && droppable(args[2])) return a.value !== 0 ? args[1] : args[2];
      return undefined;
    }
  }
}

function rewritten(fn: string, args: readonly Expr[], folded: boolean): Expr {
  return rewrite(fn, args, folded) ?? call(fn, ...args);
}

function isConstant(e: Expr, value: number): boolean {
  return e.kind === "number" && e.value === value;
}

function isCall<F extends string>(e: Expr, fn: F): e is CallExpr & { readonly fn: F } {
  return e.kind === "call" && e.fn === fn;
}

/** Whether a row that may be a vector occurs outside of sums over vectors. */
function hasRow(e: Expr): boolean {
  if (e.kind === "element") return e.component === undefined;
  return e.kind === "call" && !recordOf(e.fn).folds && e.args.some(hasRow);
}

/** Numbers of so few digits that sums, differences and products of two are exact in f64. */
function isShort(value: number): boolean {
  return Number.isInteger(value * 1024) && Math.abs(value) < 2 ** 14;
}

/** The value of an operator at constants where it is exact in f32 and f64, else undefined. */
function foldExactly(fn: string, args: readonly Expr[]): number | undefined {
  const values: number[] = [];
  for (const arg of args) {
    if (arg.kind !== "number" || !isShort(arg.value)) return undefined;
    values.push(arg.value);
  }
  const [a, b] = values;
  switch (fn) {
    case "neg":
      return -a;
    case "add":
      return inSingle(a + b);
    case "sub":
      return inSingle(a - b);
    case "mul":
      return inSingle(a * b);
    case "div":
      return isShort(a / b) && (a / b) * b === a ? a / b : undefined;
  }
}

function inSingle(value: number): number | undefined {
  return Math.fround(value) === value ? value : undefined;
}
