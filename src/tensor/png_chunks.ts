/** The eight bytes that every PNG begins with. */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Puts a PNG file together from its chunks: type and contents (PNG specification, third edition, section 5). */
export function assemblePng(
  chunks: readonly (readonly [type: string, contents: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const parts = [Uint8Array.from(SIGNATURE), ...chunks.map(([type, contents]) => chunk(type, contents))];
  const file = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Length, type, contents and checksum of a chunk. */
function chunk(type: string, contents: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + contents.length), view = new DataView(out.buffer);
  view.setUint32(0, contents.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(contents, 8);
  view.setUint32(8 + contents.length, crc32(out.subarray(4, 8 + contents.length)));
  return out;
}

/** Remainders of the bytes 0 … 255 for the reversed polynomial of CRC-32. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
