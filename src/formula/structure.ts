import type { Expr } from "./expr.ts";

/** An expression that stands for all those of equal structure, and its number in the order they were met. */
export interface Interned {
  readonly expr: Expr;
  readonly id: number;
}

/**
 * Makes expressions of equal structure one object: the function returned maps an expression to its representative,
 * whose arguments are representatives too. After it, structural equality is identity and a tree is a graph that shares
 * its common subexpressions. `rewrite` may replace a call by an equal one before it is looked up.
 */
export function interner(rewrite?: (expr: Expr) => Expr | undefined): (expr: Expr) => Interned {
  const byObject = new Map<Expr, Interned>();
  const byText = new Map<string, Interned>();
  return function intern(expr: Expr): Interned {
    const known = byObject.get(expr);
    if (known !== undefined) return known;
    const replaced = rewrite?.(expr);
    const result = replaced === undefined ? look(expr) : intern(replaced);
    byObject.set(expr, result);
    return result;

    function look(expr: Expr): Interned {
      const args = expr.kind === "call" ? expr.args.map(intern) : [];
      const text = line(expr, args);
      let interned = byText.get(text);
      if (interned === undefined) {
        const representative = expr.kind === "call" ? { ...expr, args: args.map((a) => a.expr) } : expr;
        interned = { expr: representative, id: byText.size };
        byText.set(text, interned);
        byObject.set(representative, interned);
      }
      return interned;
    }
  };
}

/** A node and the numbers of its arguments as text. */
function line(expr: Expr, args: readonly Interned[]): string {
  switch (expr.kind) {
    case "number":
      return Object.is(expr.value, -0) ? "-0" : String(expr.value);
    case "name":
      return `$${expr.name}`;
    case "element":
      return `${expr.name}[${expr.index}${expr.component === undefined ? "" : `,${expr.component}`}]`;
    case "call":
      return `${expr.fn}(${args.map((a) => `#${a.id}`).join()})`;
  }
}

const keys = new WeakMap<Expr, string>();

/**
 * A text that two formulas share exactly if they have the same structure: a key for caches. Its length grows with the
 * number of different subexpressions, so it stays short for trees that share parts.
 */
export function key(expr: Expr): string {
  let text = keys.get(expr);
  if (text === undefined) {
    const lines: string[] = [];
    const intern = interner();
    const seen = new Set<Expr>();
    const walk = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.kind === "call") e.args.forEach(walk);
      const { id } = intern(e);
      lines[id] ??= line(e, e.kind === "call" ? e.args.map(intern) : []);
    };
    walk(expr);
    text = lines.join(";");
    keys.set(expr, text);
  }
  return text;
}

/** Whether two formulas have the same structure; where they were parsed from does not matter. */
export function equal(a: Expr, b: Expr): boolean {
  return a === b || key(a) === key(b);
}

const sizes = new WeakMap<Expr, number>();

/** The number of nodes of the tree; a subtree that occurs twice counts twice. */
export function size(expr: Expr): number {
  if (expr.kind !== "call") return 1;
  let nodes = sizes.get(expr);
  if (nodes === undefined) {
    nodes = expr.args.reduce((total, arg) => total + size(arg), 1);
    sizes.set(expr, nodes);
  }
  return nodes;
}

/** The depth to which formulas may be nested: the walks are recursive, and the engine's stack is not theirs alone. */
export const MAX_DEPTH = 1000;

const depths = new WeakMap<Expr, number>();

/** The number of nodes on the longest way from the root to a leaf. */
export function depth(root: Expr): number {
  const known = depths.get(root);
  if (known !== undefined) return known;
  // Without recursion, since this is the test of what recursion can bear.
  const open = [root];
  while (open.length > 0) {
    const expr = open.at(-1)!;
    const args = expr.kind === "call" ? expr.args : [];
    const unknown = args.filter((arg) => !depths.has(arg));
    if (unknown.length > 0) {
      open.push(...unknown);
    } else {
      depths.set(expr, 1 + Math.max(0, ...args.map((arg) => depths.get(arg)!)));
      open.pop();
    }
  }
  return depths.get(root)!;
}
