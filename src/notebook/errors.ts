/** The kernel could not be started, or did not answer in time. The message ends with what the kernel printed. */
export class KernelStartError extends Error {
  /** The name of the class. */
  override readonly name = "KernelStartError";
}

/** The kernel's process ended, or its connection broke, while cells were to be run. */
export class KernelDiedError extends Error {
  /** The name of the class. */
  override readonly name = "KernelDiedError";
}

/** A cell ran longer than it may. */
export class CellTimeoutError extends Error {
  /** The name of the class. */
  override readonly name = "CellTimeoutError";
  /** Whether the cell could be interrupted, so that the kernel goes on; otherwise the kernel was killed. */
  readonly recovered: boolean;

  /** A timeout with the given message. */
  constructor(message: string, recovered: boolean) {
    super(message);
    this.recovered = recovered;
  }
}

/** A place in a cell, counted from 1. */
export interface CellPosition {
  /** The execution count of the cell, as in `In[3]`. */
  cell: number;
  /** The line within the cell. */
  line: number;
  /** The column within the line. */
  column: number;
}

/** A cell threw, or could not be parsed. The message holds the error's own text, the place, and the source line there. */
export class CellError extends Error {
  /** The name of the class. */
  override readonly name = "CellError";
  /** The name of the error that the cell threw, such as `TypeError`. */
  readonly ename: string;
  /** The text of the error that the cell threw. */
  readonly evalue: string;
  /** Where in the cell, if that could be found out. */
  readonly position: CellPosition | undefined;

  /** An error `ename: evalue` at `position` of the cell with the given source. */
  constructor(ename: string, evalue: string, position: CellPosition | undefined, source: string) {
    const place = position ? `\n${codeFrame(position, source)}` : "";
    super(`${ename}: ${evalue}${place}`);
    this.ename = ename;
    this.evalue = evalue;
    this.position = position;
  }
}

/** The place in words, with the source line and a caret under the column. */
export function codeFrame(position: CellPosition, source: string): string {
  const { cell, line, column } = position;
  const text = source.split("\n")[line - 1] ?? "";
  const margin = " ".repeat(String(line).length);
  return [
    `    at In[${cell}]:${line}:${column}`,
    `  ${line} | ${text}`,
    `  ${margin} | ${text.slice(0, column - 1).replace(/[^\t]/g, " ")}^`,
  ].join("\n");
}
