import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  byteTaker,
  concatenate,
  connect,
  encodeGreeting,
  encodeMessage,
  encodeReady,
  readMessage,
} from "../../src/notebook/zmtp.ts";

/** Takes from `bytes` in reads of at most `piece` bytes. */
function takerOf(bytes: Uint8Array, piece: number) {
  let at = 0;
  return byteTaker((buffer) => {
    if (at === bytes.length) return Promise.resolve(null);
    const part = bytes.subarray(at, at + Math.min(piece, buffer.length));
    buffer.set(part);
    at += part.length;
    return Promise.resolve(part.length);
  });
}

const filled = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) % 256);

Deno.test("a message is its frames, each with flags and a size of one or eight bytes", () => {
  const encoder = new TextEncoder();
  assertEquals([...encodeMessage([encoder.encode("a"), encoder.encode("bc")])], [1, 1, 97, 0, 2, 98, 99]);
  assertEquals([...encodeMessage([filled(255)]).subarray(0, 2)], [0, 255]);
  assertEquals([...encodeMessage([filled(256)]).subarray(0, 9)], [2, 0, 0, 0, 0, 0, 0, 1, 0]);
  assertEquals([...encodeMessage([filled(300), filled(0)]).subarray(0, 1)], [3]);
});

Deno.test("the greeting is that of ZMTP 3.0 with the NULL mechanism", () => {
  const greeting = encodeGreeting();
  assertEquals(greeting.length, 64);
  assertEquals([...greeting.subarray(0, 12)], [0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
  assertEquals(new TextDecoder().decode(greeting.subarray(12, 32)), "NULL" + "\0".repeat(16));
  assertEquals([...greeting.subarray(32)], Array(32).fill(0));
});

Deno.test("READY is a command that names the socket type", () => {
  const text = new TextDecoder().decode(encodeReady("SUB"));
  assertEquals(text, "\x04\x26\x05READY\x0bSocket-Type\0\0\0\x03SUB\x08Identity\0\0\0\0");
});

Deno.test("messages survive whatever pieces they arrive in", async () => {
  const messages = [[filled(0)], [filled(1), filled(255), filled(256)], [filled(70_000), filled(0), filled(3)]];
  const bytes = concatenate(messages.map(encodeMessage));
  for (const piece of [1, 2, 255, 4096, 1 << 20]) {
    const take = takerOf(bytes, piece);
    for (const message of messages) assertEquals(await readMessage(take), message);
    assertEquals(await readMessage(take), null);
  }
});

Deno.test("commands between messages are no messages", async () => {
  const take = takerOf(concatenate([encodeReady("SUB"), encodeMessage([filled(2)])]), 100);
  assertEquals(await readMessage(take), [filled(2)]);
});

Deno.test("a stream that ends within a frame, or is none, is refused", async () => {
  const half = encodeMessage([filled(20)]).subarray(0, 10);
  await assertRejects(() => readMessage(takerOf(half, 100)), Error, "ended 12 bytes before the end of a frame");
  await assertRejects(() => readMessage(takerOf(Uint8Array.of(0x48, 0x54), 100)), Error, "Corrupt ZMTP stream");
  const huge = Uint8Array.of(2, 0xff, 0, 0, 0, 0, 0, 0, 0);
  await assertRejects(() => readMessage(takerOf(huge, 100)), Error, "Corrupt ZMTP stream");
});

Deno.test("connect shakes hands, subscribes, and sends large messages whole and in order", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const peer = async () => {
    using connection = await listener.accept();
    const take = byteTaker((buffer) => connection.read(buffer));
    assertEquals(await take(64), encodeGreeting());
    await connection.write(encodeGreeting());
    assertEquals(await take(encodeReady("SUB").length), encodeReady("SUB"));
    await connection.write(concatenate([encodeReady("SUB"), encodeMessage([filled(5)])]));
    const received = [await readMessage(take), await readMessage(take), await readMessage(take)];
    return received.map((message) => message?.map((frame) => frame.length));
  };
  const served = peer();
  const socket = await connect({ port: listener.addr.port }, "SUB");
  const large = filled(3_000_000);
  await Promise.all([socket.send([large, filled(1)]), socket.send([filled(2)])]);
  assertEquals(await socket.receive(), [filled(5)]);
  assertEquals(await served, [[1], [3_000_000, 1], [2]]);
  assertEquals(await socket.receive(), null);
  socket.close();
  socket.close();
});

Deno.test("connect refuses a peer that speaks something else", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n".padEnd(64)));
    await connection.read(new Uint8Array(64));
  };
  const served = serve();
  const error = await assertRejects(() => connect({ port: listener.addr.port }, "DEALER"), Error);
  assert(error.message.includes("does not speak ZMTP 3"));
  await served;
});
