/** Text as notebooks store it: one string, or its lines with their line ends. */
export type MultilineText = string | string[];

/** Representations of one value by MIME type. JSON types may hold anything, the others hold text (base64 for images). */
export type MediaBundle = Record<string, unknown>;

/** What was printed to standard output or error. */
export interface StreamOutput {
  /** What marks this kind of output. */
  output_type: "stream";
  /** `"stdout"` or `"stderr"`. */
  name: string;
  /** The text. */
  text: MultilineText;
}

/** What was displayed. */
export interface DisplayOutput {
  /** What marks this kind of output. */
  output_type: "display_data";
  /** The representations to choose from. */
  data: MediaBundle;
  /** Hints on how to show it, by MIME type. */
  metadata: Record<string, unknown>;
}

/** The value of a cell's last expression. */
export interface ResultOutput {
  /** What marks this kind of output. */
  output_type: "execute_result";
  /** The representations to choose from. */
  data: MediaBundle;
  /** Hints on how to show it, by MIME type. */
  metadata: Record<string, unknown>;
  /** The execution count of the cell. */
  execution_count: number | null;
}

/** The error that ended a cell. */
export interface ErrorOutput {
  /** What marks this kind of output. */
  output_type: "error";
  /** The name of its class. */
  ename: string;
  /** Its message. */
  evalue: string;
  /** Its text and its stack, line by line. */
  traceback: string[];
}

/** One output of a code cell. */
export type Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput;

/** A cell of code with its outputs. */
export interface CodeCell {
  /** What marks a code cell. */
  cell_type: "code";
  /** 1–64 letters, digits, `-` and `_`, unique in the notebook. */
  id: string;
  /** What tools note about the cell, such as `tags`. */
  metadata: Record<string, unknown>;
  /** The text of the cell. */
  source: MultilineText;
  /** What it put out when it ran last. */
  outputs: Output[];
  /** Null if the cell has not run. */
  execution_count: number | null;
}

/** A cell of prose, or one that is passed on as it is. */
export interface TextCell {
  /** What marks a text cell. */
  cell_type: "markdown" | "raw";
  /** 1–64 letters, digits, `-` and `_`, unique in the notebook. */
  id: string;
  /** What tools note about the cell, such as `tags`. */
  metadata: Record<string, unknown>;
  /** The text of the cell. */
  source: MultilineText;
  /** Images of the text, by name. */
  attachments?: Record<string, MediaBundle>;
}

/** A cell of a notebook. */
export type Cell = CodeCell | TextCell;

/** A notebook of the format 4.5. Specification: https://nbformat.readthedocs.io/en/latest/format_description.html */
export interface Notebook {
  /** The major version of the format, 4. */
  nbformat: number;
  /** The minor version of the format, at least 5. */
  nbformat_minor: number;
  /** The kernel and the language, and what tools note. */
  metadata: Record<string, unknown>;
  /** The cells, from top to bottom. */
  cells: Cell[];
}

/** The string that a multiline text stands for. */
export function joinText(text: MultilineText): string {
  return typeof text === "string" ? text : text.join("");
}

/** The lines of a string with their line ends, as notebooks store them. */
export function splitText(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Whether a MIME type holds JSON rather than text. */
export function isJsonType(mime: string): boolean {
  return /^application\/(.*\+)?json$/.test(mime);
}

/**
 * The text of a notebook file: keys sorted, one space of indentation, texts as lists of lines, a newline at the end, as
 * Jupyter writes it, so that saving from either makes no difference in version control.
 */
export function formatNotebook(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => ({ ...cell, source: splitText(joinText(cell.source)) }));
  return JSON.stringify(sortKeys({ ...notebook, cells }), null, 1) + "\n";
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}
