import type { CellPosition } from "./errors.ts";
import type { Segment } from "./source_map.ts";
import { transpileCell, type Transpiled } from "./transpile.ts";

/** A cell that was sent to the kernel. */
export interface RanCell {
  count: number;
  source: string;
  /** Its JavaScript, once somebody asked. */
  transpiled?: Transpiled | null;
}

/** A trace with places in cells, and the first of them that lies in the cell that threw. */
export interface LocatedTrace {
  traceback: string[];
  position: CellPosition | undefined;
}

interface Place {
  line: number;
  column: number;
}

/** What the kernel puts before the first line of a cell. */
const PREFIX = "'use strict'; void 0;";
const FRAME = /^(\s+at (?:async )?)(?:(.*) \()?<anonymous>:(\d+):(\d+)(\)?)$/;

/**
 * Rewrites frames `<anonymous>:6:1`, which count in the JavaScript that the kernel made of a cell, to `In[2]:8:1`, which
 * count in the cell. The kernel does not say which cell a frame belongs to: it is taken to be the latest of `cells`
 * (the last of them threw) in which a statement or call begins there and the function's name occurs before.
 */
export async function locateTrace(
  traceback: string[],
  messageLines: number,
  cells: RanCell[],
  deno: string,
): Promise<LocatedTrace> {
  const throwing = cells.at(-1)?.count;
  let position: CellPosition | undefined;
  const located: string[] = [];
  for (const [i, text] of traceback.entries()) {
    const parts = i < messageLines ? null : text.match(FRAME);
    const place = parts && await findFrame(parts[2] ?? "", Number(parts[3]), Number(parts[4]), cells, deno);
    if (!parts || !place) {
      located.push(text);
      continue;
    }
    if (place.cell === throwing) position ??= place;
    const where = `In[${place.cell}]:${place.line}:${place.column}`;
    located.push(`${parts[1]}${parts[2] === undefined ? where : `${parts[2]} (${where})`}`);
  }
  return { traceback: located, position };
}

async function findFrame(
  caller: string,
  line: number,
  column: number,
  cells: RanCell[],
  deno: string,
): Promise<CellPosition | undefined> {
  const name = caller.replace(/ \[as .*\]$/, "").split(/[\s.]/).at(-1) ?? "";
  const place = { line: line - 1, column: column - 1 - (line === 1 ? PREFIX.length : 0) };
  for (const cell of cells.toReversed()) {
    cell.transpiled ??= await transpiledOrNull(cell.source, deno);
    const segment = cell.transpiled && findSegment(cell.transpiled, place, name, cell === cells.at(-1));
    if (segment) return { cell: cell.count, line: segment.sourceLine + 1, column: segment.sourceColumn + 1 };
  }
}

async function transpiledOrNull(source: string, deno: string): Promise<Transpiled | null> {
  const result = await transpileCell(source, deno);
  return result && "code" in result ? result : null;
}

/** What begins at a place of the code, unless the name of a function does not occur up to it. */
function findSegment(
  { code, segments }: Transpiled,
  { line, column }: Place,
  name: string,
  throwing: boolean,
): Segment | undefined {
  const lines = code.split("\n").slice(0, line + 1);
  const text = lines[line];
  if (text === undefined || (/^[\w$]+$/.test(name) && !lines.join("\n").includes(name))) return undefined;
  // The kernel's declaration in place of an import has other columns. It can only fail in the cell that runs.
  const imports = throwing && /^(import|export .*from)\b/.test(text);
  const at = imports ? text.search(/["'][^"']*["'][^"']*$/) : column;
  return segments[line]?.find((segment) => segment.column === at);
}
