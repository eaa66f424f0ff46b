import type { FailedMatchResult } from "ohm-js";
import { FormulaError } from "./formula_error.ts";
import { functions } from "./functions.ts";

const operators = new Set(["?"]);
for (const { form } of functions.values()) if (form.kind === "infix") operators.add(form.symbol);
const operands = new Set(["a number", "a name", "(", "-", "!"]);

/** A method that failed matches have and the parser generator's types do not declare. */
type Failures = FailedMatchResult & { getRightmostFailures(): { toString(): string }[] };

/** The error of a text that the grammar refuses: what stands at the furthest place reached and what could stand there. */
export function syntaxError(text: string, match: FailedMatchResult): FormulaError {
  const position = match.getRightmostFailurePosition();
  const possible = new Set((match as Failures).getRightmostFailures().map((f) => f.toString().replaceAll('"', "")));
  const wanted: string[] = [];
  if (possible.has("a number") && possible.has("a name")) {
    wanted.push("a number, a name or a parenthesis");
    for (const what of operands) possible.delete(what);
  }
  if ([...possible].some((what) => operators.has(what))) wanted.push("an operator");
  for (const what of possible) {
    if (/^[)\],:]$/.test(what)) wanted.push(`"${what}"`);
    else if (what === "end of input") wanted.push("the end");
    else if (/^(?!not )[a-z]/.test(what)) wanted.push(what);
  }
  const ended = text.slice(position).trim() === "";
  const got = ended ? "Formula ends too early" : `Unexpected "${String.fromCodePoint(text.codePointAt(position)!)}"`;
  const hint = wanted.length === 0 ? "" : `, expected ${wanted.join(" or ")}`;
  return new FormulaError(got + hint, text, position);
}
