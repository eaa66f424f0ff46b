import { call, type Expr } from "./expr.ts";
import { FormulaError } from "./formula_error.ts";
import type { FunctionRecord } from "./function_record.ts";
import { functions } from "./functions.ts";

/** One link of a chain `- a + b ^ - c`: an operator's symbol or an operand, and where it stands. */
export type Link = { readonly at: number } & ({ readonly symbol: string } | { readonly expr: Expr });

const infix = new Map<string, FunctionRecord>();
const prefix = new Map<string, FunctionRecord>();
for (const record of functions.values()) {
  if (record.form.kind === "infix") infix.set(record.form.symbol, record);
  if (record.form.kind === "prefix") prefix.set(record.form.symbol, record);
}

/** The tree of a chain of operators and operands, by the operators' precedence and associativity. */
export function nest(links: readonly Link[], text: string): Expr {
  let next = 0;
  return climb(0);

  /** Reads as far as operators bind at least as tightly as `least`. */
  function climb(least: number): Expr {
    let left = operand();
    let compared = false;
    while (next < links.length) {
      const { symbol, at } = links[next] as { symbol: string; at: number };
      const { name, form } = infix.get(symbol)!;
      if (form.kind !== "infix" || form.precedence < least) break;
      if (form.associativity === "none" && compared) {
        throw new FormulaError("Comparisons do not chain: write a < b && b < c", text, at);
      }
      compared = form.associativity === "none";
      next++;
      const right = climb(form.associativity === "right" ? form.precedence : form.precedence + 1);
      left = { ...call(name, left, right), at };
    }
    return left;
  }

  function operand(): Expr {
    const link = links[next++];
    if ("expr" in link) return link.expr;
    const { name, form } = prefix.get(link.symbol)!;
    const { precedence } = form as { precedence: number };
    const literal = links[next];
    const operand = climb(precedence);
    // A minus before a bare literal belongs to it, so that negative constants print and parse as themselves.
    const bare = "expr" in literal && literal.expr === operand && operand.kind === "number" &&
      operand.at === literal.at;
    if (name === "neg" && bare && operand.value >= 0) return { kind: "number", value: -operand.value, at: link.at };
    return { ...call(name, operand), at: link.at };
  }
}
