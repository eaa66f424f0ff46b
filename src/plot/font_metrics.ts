/** Advance widths of one font, in units of the font size. */
export type AdvanceWidth = (codePoint: number) => number;

/**
 * Reads the advance widths out of a TrueType font: `head` gives the units per em, `hhea` and `hmtx` the width of each
 * glyph, `cmap` the glyph of each code point (OpenType specification 1.9). Kerning is left out, which overestimates a
 * line of text by well under one percent.
 *
 * @throws {TypeError} If the bytes hold no such tables or no Unicode character map.
 */
export function readAdvanceWidths(font: Uint8Array): AdvanceWidth {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const table = tableOffsets(view);
  const unitsPerEm = view.getUint16(table("head") + 18);
  const metricCount = view.getUint16(table("hhea") + 34);
  const metrics = table("hmtx");
  const glyphOf = characterMap(view, table("cmap"));
  return (codePoint) => {
    // The last metric holds for every glyph after it.
    const index = Math.min(glyphOf(codePoint), metricCount - 1);
    return view.getUint16(metrics + 4 * index) / unitsPerEm;
  };
}

function tableOffsets(view: DataView): (tag: string) => number {
  const offsets = new Map<string, number>();
  const count = view.byteLength < 12 ? 0 : view.getUint16(4);
  for (let i = 0; i < count; i++) {
    const record = 12 + 16 * i;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((k) => view.getUint8(record + k)));
    offsets.set(tag, view.getUint32(record + 8));
  }
  return (tag) => {
    const offset = offsets.get(tag);
    if (offset === undefined) {
      throw new TypeError(`Cannot read the font: expected a TrueType table "${tag}", found none`);
    }
    return offset;
  };
}

/** The lookup of a format 4 subtable (code points up to U+FFFF, in segments), which every Unicode font has. */
function characterMap(view: DataView, cmap: number): (codePoint: number) => number {
  const subtables = Array.from({ length: view.getUint16(cmap + 2) }, (_, i) => cmap + view.getUint32(cmap + 8 + 8 * i));
  const start = subtables.find((offset) => view.getUint16(offset) === 4);
  if (start === undefined) {
    throw new TypeError("Cannot read the font: expected a character map of format 4, found none");
  }
  const doubledCount = view.getUint16(start + 6);
  const ends = start + 14;
  const starts = ends + doubledCount + 2;
  const deltas = starts + doubledCount;
  const rangeOffsets = deltas + doubledCount;
  return (codePoint) => {
    for (let k = 0; k < doubledCount; k += 2) {
      if (view.getUint16(ends + k) < codePoint) continue;
      const first = view.getUint16(starts + k);
      if (first > codePoint) return 0;
      const delta = view.getUint16(deltas + k);
      const rangeOffset = view.getUint16(rangeOffsets + k);
      if (rangeOffset === 0) return (codePoint + delta) & 0xffff;
      // The offset counts from its own place in the file, into the glyph array behind it.
      const glyph = view.getUint16(rangeOffsets + k + rangeOffset + 2 * (codePoint - first));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}
