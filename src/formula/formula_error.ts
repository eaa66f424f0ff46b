/**
 * A formula that cannot be read or does not fit its inputs. The message says what is wrong, then shows the formula with
 * a caret under the place.
 */
export class FormulaError extends SyntaxError {
  /** The text of the formula. */
  readonly formula: string;
  /** Offset in `formula`, from 0. */
  readonly position: number;

  /** An error that says `what` is wrong at offset `position` of `formula`. */
  constructor(what: string, formula: string, position: number) {
    super(`${what}\n${excerpt(formula, position)}`);
    this.name = "FormulaError";
    this.formula = formula;
    this.position = position;
  }
}

/** The error of a formula that is nested too deeply for the recursive walks. */
export function tooDeep(formula: string): FormulaError {
  return new FormulaError("Formula is nested too deeply", formula, 0);
}

const BEFORE = 60;
const AFTER = 40;

/** The line of `formula` around `position`, cut where it is long, and a caret line. */
function excerpt(formula: string, position: number): string {
  const lineStart = formula.lastIndexOf("\n", position - 1) + 1;
  const newline = formula.indexOf("\n", position);
  const lineEnd = newline < 0 ? formula.length : newline;
  const start = position - lineStart > BEFORE + 1 ? position - BEFORE : lineStart;
  const end = lineEnd - position > AFTER + 1 ? position + AFTER : lineEnd;
  const lead = start > lineStart ? "…" : "";
  const line = lead + formula.slice(start, end).replaceAll("\t", " ") + (end < lineEnd ? "…" : "");
  return `  ${line}\n  ${" ".repeat(lead.length + position - start)}^`;
}
