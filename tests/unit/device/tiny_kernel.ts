/** A WebAssembly kernel written in bytes: `data[k] += 1` for the i32 numbers at the address in argument 0, items first … last − 1. */
export function incrementKernel(shared: boolean, trapAt = -1): Uint8Array<ArrayBuffer> {
  const section = (id: number, body: number[]) => [id, body.length, ...body];
  const text = (s: string) => [s.length, ...new TextEncoder().encode(s)];
  const signed = (n: number): number[] => {
    const byte = n & 0x7f, rest = n >> 7;
    const last = (rest === 0 && !(byte & 0x40)) || (rest === -1 && (byte & 0x40) !== 0);
    return last ? [byte] : [byte | 0x80, ...signed(rest)];
  };
  const memory = shared ? [0x03, 0x01, 0x80, 0x80, 0x04] : [0x00, 0x01];
  const first = 0, last = 1, args = 2, at = 3;
  const code = [
    [1, 1, 0x7f],
    [0x03, 0x40],
    [0x20, first, 0x20, last, 0x48, 0x04, 0x40],
    [0x20, first, 0x41, ...signed(trapAt), 0x46, 0x04, 0x40, 0x00, 0x0b],
    // at = load(args) + 4 · first
    [0x20, args, 0x28, 2, 0, 0x20, first, 0x41, 2, 0x74, 0x6a, 0x21, at],
    [0x20, at, 0x20, at, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0],
    [0x20, first, 0x41, 1, 0x6a, 0x21, first, 0x0c, 1],
    [0x0b, 0x0b, 0x0b],
  ].flat();
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0]),
    ...section(2, [1, ...text("env"), ...text("memory"), 2, ...memory]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("run"), 0, 0]),
    ...section(10, [1, code.length, ...code]),
  ]);
}
