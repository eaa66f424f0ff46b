/**
 * ZMTP 3.0 with the NULL mechanism, client side: the part of ZeroMQ's wire format that a Jupyter kernel speaks over TCP.
 * Specification: https://rfc.zeromq.org/spec/23/
 */
const GREETING_SIZE = 64;
const MORE = 1;
const LONG = 2;
const COMMAND = 4;
/** A frame that claims to be larger than this is taken for a corrupt stream. */
const LARGEST_FRAME = 2 ** 31;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The socket types that a Jupyter client opens. */
export type SocketType = "DEALER" | "SUB";

/** One connection to a kernel's socket. */
export interface Socket {
  /** Sends one message; messages leave whole and in the order of the calls. */
  send(frames: readonly Uint8Array[]): Promise<void>;
  /** The next message, or null once the peer has closed the connection. */
  receive(): Promise<Uint8Array[] | null>;
  close(): void;
}

/** Reads exactly `size` bytes, or null if the stream ends before the first of them. */
export type TakeBytes = (size: number) => Promise<Uint8Array<ArrayBuffer> | null>;

/** One array out of several. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function encodeFrame(body: Uint8Array, flags: number): Uint8Array<ArrayBuffer> {
  const long = body.length > 255;
  const head = new Uint8Array(long ? 9 : 2);
  head[0] = flags | (long ? LONG : 0);
  if (long) new DataView(head.buffer).setBigUint64(1, BigInt(body.length));
  else head[1] = body.length;
  return concatenate([head, body]);
}

/** The bytes of a message of one or more frames. */
export function encodeMessage(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatenate(frames.map((frame, i) => encodeFrame(frame, i < frames.length - 1 ? MORE : 0)));
}

/** The READY command that ends the handshake. */
export function encodeReady(type: SocketType): Uint8Array<ArrayBuffer> {
  const property = (name: string, value: string) => {
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, value.length);
    return [Uint8Array.of(name.length), encoder.encode(name), size, encoder.encode(value)];
  };
  const name = encoder.encode("READY");
  const body = [Uint8Array.of(name.length), name, ...property("Socket-Type", type), ...property("Identity", "")];
  return encodeFrame(concatenate(body), COMMAND);
}

/** The 64 bytes that open a connection: signature, version 3.0, mechanism NULL, not a server. */
export function encodeGreeting(): Uint8Array<ArrayBuffer> {
  const greeting = new Uint8Array(GREETING_SIZE);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting.set(encoder.encode("NULL"), 12);
  return greeting;
}

/** Cuts a byte stream, which `read` fills buffers from, into pieces of known size. */
export function byteTaker(read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>): TakeBytes {
  const buffer = new Uint8Array(65536);
  let start = 0;
  let end = 0;
  return async (size) => {
    const piece = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      if (start === end) {
        const count = await read(buffer);
        if (count === null) {
          if (filled === 0) return null;
          throw new Error(`The stream ended ${size - filled} bytes before the end of a frame`);
        }
        start = 0;
        end = count;
      }
      const count = Math.min(size - filled, end - start);
      piece.set(buffer.subarray(start, start + count), filled);
      start += count;
      filled += count;
    }
    return piece;
  };
}

interface Frame {
  body: Uint8Array<ArrayBuffer>;
  more: boolean;
  command: boolean;
}

async function readFrame(take: TakeBytes): Promise<Frame | null> {
  const flags = (await take(1))?.[0];
  if (flags === undefined) return null;
  const head = await take(flags & LONG ? 8 : 1);
  if (!head) return null;
  const size = head.length === 1 ? head[0] : Number(new DataView(head.buffer).getBigUint64(0));
  if (flags & ~(MORE | LONG | COMMAND) || size > LARGEST_FRAME) {
    throw new Error(`Corrupt ZMTP stream: a frame with flags ${flags} and ${size} bytes`);
  }
  const body = size === 0 ? new Uint8Array(0) : await take(size);
  return body && { body, more: (flags & MORE) !== 0, command: (flags & COMMAND) !== 0 };
}

/** The next message of a stream, without the commands between messages; null at the end of the stream. */
export async function readMessage(take: TakeBytes): Promise<Uint8Array[] | null> {
  const frames: Uint8Array[] = [];
  for (;;) {
    const frame = await readFrame(take);
    if (!frame) return null;
    if (frame.command) continue;
    frames.push(frame.body);
    if (!frame.more) return frames;
  }
}

/** Connects to a ZMTP 3 peer and, for a SUB socket, subscribes to everything. */
export async function connect(address: Deno.ConnectOptions, type: SocketType): Promise<Socket> {
  const connection = await Deno.connect(address);
  const take = byteTaker((buffer) => connection.read(buffer));
  const write = async (bytes: Uint8Array) => {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  };
  try {
    connection.setNoDelay(true);
    await write(encodeGreeting());
    const peer = await take(GREETING_SIZE);
    const mechanism = peer && decoder.decode(peer.subarray(12, 32)).replace(/\0+$/, "");
    if (peer?.[0] !== 0xff || peer[10] < 3 || mechanism !== "NULL") {
      throw new Error("The peer does not speak ZMTP 3 with the NULL mechanism");
    }
    await write(encodeReady(type));
    const ready = await readFrame(take);
    if (!ready?.command || decoder.decode(ready.body.subarray(1, 6)) !== "READY") {
      throw new Error("The peer refused the ZMTP handshake");
    }
    if (type === "SUB") await write(encodeMessage([Uint8Array.of(1)]));
  } catch (error) {
    connection.close();
    throw error;
  }
  // A large message takes several writes: they must not mix with those of the next message.
  let last: Promise<void> = Promise.resolve();
  return {
    send(frames) {
      const bytes = encodeMessage(frames);
      const sent = last.then(() => write(bytes));
      last = sent.catch(() => {});
      return sent;
    },
    receive: () => readMessage(take),
    close() {
      try {
        connection.close();
      } catch { /* the peer was faster */ }
    },
  };
}
