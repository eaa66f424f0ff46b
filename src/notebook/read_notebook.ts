import type { Cell, Notebook, Output } from "./nbformat.ts";
import { validateNotebook } from "./validate_notebook.ts";

type Loose = Record<string, unknown>;

/**
 * Reads the text of a notebook of any 4.x format and brings it to 4.5: cells without an id get one from their position.
 *
 * @throws {TypeError} if the text is not JSON, of another major version, or breaks the format's rules
 */
export function parseNotebook(text: string): Notebook {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`Cannot read the notebook: it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  return normalizeNotebook(value);
}

/** The same for a notebook that is an object already; the object stays as it is. */
export function normalizeNotebook(value: unknown): Notebook {
  const loose = structuredClone(value) as Loose | null;
  if (typeof loose !== "object" || loose === null || !Array.isArray(loose.cells)) {
    const old = (loose as Loose | null)?.worksheets !== undefined;
    const why = old ? "its format is older than 4, convert it in Jupyter first" : "it has no list of cells";
    throw new TypeError(`Cannot read the notebook: ${why}`);
  }
  if (loose.nbformat !== 4) throw new TypeError(`Cannot read the notebook: nbformat is ${loose.nbformat}, expected 4`);
  loose.nbformat_minor = 5;
  loose.metadata ??= {};
  nameCells(loose.cells);
  const problems = validateNotebook(loose);
  if (problems.length > 0) {
    const more = problems.length > 3 ? `, and ${problems.length - 3} more` : "";
    throw new TypeError(`Cannot read the notebook: ${problems.slice(0, 3).join(", ")}${more}`);
  }
  return loose as unknown as Notebook;
}

/** Adds what formats before 4.5 and hand-written notebooks leave out. */
function nameCells(cells: Partial<Cell & { outputs: Output[] }>[]): void {
  const taken = new Set(cells.map((cell) => cell?.id));
  cells.forEach((cell, i) => {
    if (typeof cell !== "object" || cell === null) return;
    cell.metadata ??= {};
    if (cell.cell_type === "code") {
      cell.outputs ??= [];
      cell.execution_count ??= null;
    }
    if (cell.id !== undefined) return;
    let id = `cell-${i + 1}`;
    while (taken.has(id)) id += "-";
    taken.add(id);
    cell.id = id;
  });
}
