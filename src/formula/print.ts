import type { Expr } from "./expr.ts";
import { constants, recordOf } from "./functions.ts";

const ATOM = Infinity;
const PREFIX = 8;

/**
 * The text of a formula with as few parentheses as its meaning allows; `parse(print(e))` has the structure of `e`.
 *
 * @example
 * ```ts
 * import { call, constant, name, print } from "denovo/formula/mod.ts";
 *
 * print(call("mul", call("add", name("a"), constant(1)), name("b"))); // "(a + 1) * b"
 * ```
 */
export function print(expr: Expr): string {
  return write(expr).text;
}

interface Written {
  readonly text: string;
  readonly precedence: number;
}

function write(expr: Expr): Written {
  switch (expr.kind) {
    case "number":
      return writeNumber(expr.value);
    case "name":
      return { text: expr.name, precedence: ATOM };
    case "element": {
      const component = expr.component === undefined ? "" : `, ${expr.component}`;
      return { text: `${expr.name}[${expr.index}${component}]`, precedence: ATOM };
    }
    case "call":
      return writeCall(expr.fn, expr.args);
  }
}

function writeNumber(value: number): Written {
  const magnitude = Math.abs(value);
  let text = String(magnitude);
  for (const [name, constant] of constants) if (Object.is(constant, magnitude)) text = name;
  const negative = value < 0 || Object.is(value, -0);
  return negative ? { text: `-${text}`, precedence: PREFIX } : { text, precedence: ATOM };
}

function writeCall(fn: string, args: readonly Expr[]): Written {
  const { form, name, alias } = recordOf(fn);
  if (form.kind === "call") {
    return { text: `${alias ?? name}(${args.map((a) => write(a).text).join(", ")})`, precedence: ATOM };
  }
  const { precedence } = form;
  const operands = args.map(write);
  if (form.kind === "ternary") {
    const [c, a, b] = operands;
    return { text: `${wrapBelow(c, precedence + 1)} ? ${a.text} : ${b.text}`, precedence };
  }
  if (form.kind === "prefix") {
    // "-2" would be read as the constant -2 and "--x" is hard to read.
    const [x] = operands;
    const literal = args[0].kind === "number" && form.symbol === "-" && args[0].value >= 0;
    const text = literal || x.text.startsWith("-") ? `(${x.text})` : wrapBelow(x, precedence);
    return { text: `${form.symbol}${text}`, precedence };
  }
  const [a, b] = operands;
  const left = wrapBelow(a, form.associativity === "left" ? precedence : precedence + 1);
  // What follows ^ may be signed: 2 ^ -x.
  const right = wrapBelow(b, form.associativity === "right" ? Math.min(precedence, PREFIX) : precedence + 1);
  return { text: `${left} ${form.symbol} ${right}`, precedence };
}

function wrapBelow(operand: Written, precedence: number): string {
  return operand.precedence < precedence ? `(${operand.text})` : operand.text;
}
