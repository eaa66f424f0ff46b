/** Where a piece of generated code comes from; lines and columns count from 0. */
export interface Segment {
  /** Column in the generated line. */
  column: number;
  sourceLine: number;
  sourceColumn: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of one field group of a source map: base 64 digits of 5 bits, least first, with the sign in the lowest bit. */
function decodeNumbers(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** The segments of each generated line, from the `mappings` of a source map (version 3) with one source. */
export function decodeMappings(mappings: string): Segment[][] {
  let sourceLine = 0;
  let sourceColumn = 0;
  return mappings.split(";").map((line) => {
    let column = 0;
    const segments: Segment[] = [];
    for (const group of line.split(",")) {
      const [columns, source, lines, sourceColumns] = decodeNumbers(group);
      if (columns === undefined) continue;
      column += columns;
      if (source === undefined) continue;
      sourceLine += lines;
      sourceColumn += sourceColumns;
      segments.push({ column, sourceLine, sourceColumn });
    }
    return segments;
  });
}
