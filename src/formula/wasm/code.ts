/** Bytes of a program, nested as they were put together. */
export type Code = readonly (number | Code)[];

/** The bytes in order. */
export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(256);
  let length = 0;
  const put = (part: Code): void => {
    for (const item of part) {
      if (typeof item !== "number") {
        put(item);
        continue;
      }
      if (length === bytes.length) {
        const grown = new Uint8Array(2 * length);
        grown.set(bytes);
        bytes = grown;
      }
      bytes[length++] = item;
    }
  };
  put(code);
  return bytes.slice(0, length);
}

/** An unsigned integer below 2^32, in LEB128. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value === 0 ? low : low | 128);
  } while (value !== 0);
  return bytes;
}

/** A signed integer, in LEB128. */
export function signed(value: number | bigint): Code {
  let rest = BigInt(value);
  const bytes: number[] = [];
  while (rest < -64n || rest > 63n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest & 127n));
  return bytes;
}

/** The four bytes of a single-precision number. */
export function single(value: number): number[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return [...new Uint8Array(view.buffer)];
}

/** The eight bytes of a double-precision number. */
export function double(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return [...new Uint8Array(view.buffer)];
}

/** A list with its length before it. */
export function vector(items: readonly Code[]): Code {
  return [unsigned(items.length), ...items];
}

/** Bytes with their number before them. */
export function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), [...bytes]];
}

/** A name in UTF-8. */
export function text(name: string): Code {
  return sized([...new TextEncoder().encode(name)]);
}
